//! Making an API, and its metadata (RFC 9728 section 2).
use serde_json::{Value, json};
use vouchsafe::error::ConfigProblem;
use vouchsafe::http::Response;
use vouchsafe::{AccessTokenIssuer, Error, Registration, ResourceServer, ResourceServerBuilder};

use super::{API, ISSUER, Scenario};
use crate::wire::Wire;

fn problem(builder: ResourceServerBuilder) -> Option<ConfigProblem> {
    match builder.build(&Wire::always(Response::default()).http()) {
        Ok(_) => None,
        Err(Error::Config(error)) => Some(error.problem()),
        Err(error) => panic!("{error}"),
    }
}

fn introspection(issuer: &str) -> AccessTokenIssuer {
    AccessTokenIssuer::introspection(issuer, Registration::new("my-api").secret("a secret"))
}

#[test]
fn an_api_has_a_url_and_issuers() {
    let api = || ResourceServer::builder(API);
    assert_eq!(problem(api().issuer(AccessTokenIssuer::jwt(ISSUER))), None);
    assert_eq!(
        problem(ResourceServer::builder("http://127.0.0.1:8").issuer(AccessTokenIssuer::jwt(ISSUER))),
        None
    );
    assert_eq!(problem(api()), Some(ConfigProblem::Issuer));
    for url in ["http://api.example", "api", "", "https://api.example/#x", "https://u@api.example"] {
        let builder = ResourceServer::builder(url).issuer(AccessTokenIssuer::jwt(ISSUER));
        assert_eq!(problem(builder), Some(ConfigProblem::Resource), "{url}");
        let builder = api().public_url(url).issuer(AccessTokenIssuer::jwt(ISSUER));
        assert_eq!(problem(builder), Some(ConfigProblem::Resource), "{url}");
        if url != "https://u@api.example" {
            let builder = api().issuer(AccessTokenIssuer::jwt(url));
            assert_eq!(problem(builder), Some(ConfigProblem::Issuer), "{url}");
        }
    }
}

#[test]
fn an_issuer_is_named_once_and_one_at_most_is_asked_about_opaque_tokens() {
    let api = || ResourceServer::builder(API);
    let twice = api().issuer(AccessTokenIssuer::jwt(ISSUER)).issuer(introspection(ISSUER));
    assert_eq!(problem(twice), Some(ConfigProblem::Issuer));
    let two = api().issuer(introspection(ISSUER)).issuer(introspection("https://second.example"));
    assert_eq!(problem(two), Some(ConfigProblem::Issuer));
    let one = api().issuer(introspection(ISSUER)).issuer(AccessTokenIssuer::jwt("https://second.example"));
    assert_eq!(problem(one), None);
    let public = AccessTokenIssuer::introspection(ISSUER, Registration::new("my-api"));
    assert_eq!(problem(api().issuer(public)), Some(ConfigProblem::ClientSecret));
}

#[test]
fn the_metadata_says_where_tokens_come_from() {
    // RFC 9728 §2.
    let scenario = Scenario::with(|b| {
        b.issuer(AccessTokenIssuer::jwt(ISSUER))
            .scopes_supported(["read", "write"])
            .metadata("resource_name", "Orders")
            .metadata("resource", "https://evil.example")
            .require_dpop()
    });
    let document: Value = serde_json::from_str(scenario.api.metadata()).unwrap();
    assert_eq!(
        document,
        json!({
            "resource": API, "resource_name": "Orders", "authorization_servers": [ISSUER], "bearer_methods_supported": ["header"],
            "scopes_supported": ["read", "write"], "dpop_bound_access_tokens_required": true,
            "dpop_signing_alg_values_supported":
                [
                    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "ML-DSA-44",
                    "ML-DSA-65", "ML-DSA-87",
                ],
        })
    );
    assert_eq!(scenario.api.metadata_path(), "/.well-known/oauth-protected-resource/v1");
    assert_eq!(scenario.api.metadata_url(), "https://api.example/.well-known/oauth-protected-resource/v1");
    assert_eq!(scenario.api.resource(), API);
    let plain: Value = serde_json::from_str(Scenario::jwt().api.metadata()).unwrap();
    assert_eq!(
        (plain.get("scopes_supported"), &plain["dpop_bound_access_tokens_required"]),
        (None, &json!(false))
    );
}
