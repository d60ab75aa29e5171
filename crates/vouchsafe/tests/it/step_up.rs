//! What was asked for of the user's authentication, and nobody could check, is refused before anybody is sent anywhere.
use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use vouchsafe::error::Feature;
use vouchsafe::{Client, ClientAuth, Error, Login, Provider, Registration};
use vouchsafe_providers::{Definition, Kind};

use crate::scenario::{REDIRECT_URI, Scenario, acme, arrived, web};
use crate::wire::{Wire, answer, json, param};

type Demand = for<'c> fn(Login<'c>) -> Login<'c>;

const DEMANDS: [Demand; 3] = [
    |login| login.max_age(Duration::ZERO),
    |login| login.acr_values(["eidas1"]),
    |login| login.max_age(Duration::from_secs(3600)).acr_values(["eidas1"]),
];

fn is_unchecked(error: &Error) -> bool {
    matches!(error, Error::Unsupported(e) if e.feature() == Feature::IdToken)
}

/// A value of its rule for each parameter.
fn values(definition: &Definition) -> BTreeMap<String, String> {
    let value = |param: &vouchsafe_providers::Param| {
        let own = param.example.clone().or_else(|| param.default.clone());
        own.unwrap_or_else(|| {
            if param.rule == vouchsafe_providers::Rule::Url { "https://op.example" } else { "example" }
                .to_owned()
        })
    };
    definition.params.iter().map(|(name, param)| (name.clone(), value(param))).collect()
}

/// A client of a definition, at a network that knows the metadata of everybody and nothing else.
fn client(definition: &Definition) -> (Client, Wire) {
    let mut issuer = definition.issuer.clone().unwrap_or_default();
    for (name, value) in values(definition) {
        issuer = issuer.replace(&format!("{{{name}}}"), &value);
    }
    issuer = issuer.replace("{client_id}", "my-client");
    let wire = Wire::new(move |request| match request.method().as_str() {
        "GET" => json(
            200,
            json!({
                "issuer": issuer, "jwks_uri": format!("{issuer}/keys"),
                "authorization_endpoint": "https://op.example/authorize",
                "token_endpoint": format!("{issuer}/token"),
                "subject_types_supported": ["public"],
            }),
        ),
        _ => answer(500, "text/plain", ""),
    });
    let provider = values(definition)
        .into_iter()
        .fold(Provider::from(definition.clone()), |provider, (name, value)| provider.param(name, value));
    let takes_none = definition.client_auth == Some(ClientAuth::None) && !definition.userinfo.sends_secret();
    let registration = match definition.signed_client_secret || takes_none {
        true => Registration::new("my-client").redirect_uri(REDIRECT_URI),
        // Long enough for the HMAC of LINE's ID tokens.
        false => web().secret("a client secret that is longer than 32 bytes"),
    };
    (Client::new(provider, registration, &wire.http()).unwrap(), wire)
}

#[tokio::test]
async fn no_provider_and_no_set_of_scopes_lets_a_demand_be_forgotten() {
    let (mut checked, mut refused) = (0, 0);
    for definition in vouchsafe_providers::all() {
        let (client, _) = client(&definition);
        let scope_sets = [vec![], vec!["profile"], vec!["openid"], vec!["openid", "profile"]];
        for (scopes, demand) in scope_sets.iter().flat_map(|scopes| DEMANDS.iter().map(move |d| (scopes, d)))
        {
            let outcome = demand(client.login().scopes(scopes.iter().copied())).await;
            let own = scopes.is_empty() && definition.scopes.iter().any(|scope| scope == "openid");
            let id_token = definition.kind == Kind::Openid && (own || scopes.contains(&"openid"));
            match outcome {
                Ok(login) => {
                    assert!(id_token, "{} with {scopes:?} could check nothing", definition.slug);
                    assert!(param(&login.url, "nonce").is_some() || !definition.nonce, "{}", definition.slug);
                    checked += 1;
                }
                Err(error) => {
                    assert!(
                        is_unchecked(&error) && !id_token,
                        "{} with {scopes:?}: {error}",
                        definition.slug
                    );
                    refused += 1;
                }
            }
        }
    }
    assert!(checked > 500 && refused > 1000, "{checked} {refused}");
}

#[tokio::test]
async fn a_code_is_not_spent_where_nothing_could_be_checked() {
    let wire = Wire::always(json(200, json!({"access_token": "at", "token_type": "Bearer"})));
    let client = Client::new(acme(), web(), &wire.http()).unwrap();
    let by_hand = || client.manual().authorization_code("c", REDIRECT_URI);
    for outcome in [by_hand().max_age(Duration::ZERO).await, by_hand().acr_values(["a"]).await] {
        assert!(is_unchecked(&outcome.unwrap_err()));
    }
    // Not by a login that was kept from before the demand meant anything, either.
    let login = client.login().await.unwrap();
    let mut kept = serde_json::to_value(&login.pending).unwrap();
    kept["acr"] = json!(["urn:strong"]);
    let pending = serde_json::from_value(kept).unwrap();
    let state = param(&login.url, "state").unwrap();
    assert!(is_unchecked(
        &client.finish(pending, arrived(&format!("code=c&state={state}"))).await.unwrap_err()
    ));
    assert!(wire.seen().is_empty());
}

#[tokio::test]
async fn an_id_token_must_come_where_it_has_to_show_something() {
    // A nonce was sent or not: a demand is checked by an ID token, so there must be one.
    for name in ["max_age", "acr"] {
        let scenario = Scenario::openid().with(|op| op.id_token = false);
        let login = scenario.started().await;
        let mut kept = serde_json::to_value(&login.pending).unwrap();
        kept.as_object_mut().unwrap().remove("nonce");
        kept[name] = if name == "acr" { json!(["a"]) } else { json!(60) };
        let pending = serde_json::from_value(kept).unwrap();
        let error = scenario.client().finish(pending, scenario.callback(&login.url)).await.unwrap_err();
        assert_eq!(error.code(), "missing_id_token", "{name}");
    }
}

#[cfg(feature = "transport")]
#[tokio::test]
async fn a_demand_that_is_taken_out_of_the_url_on_its_way_is_missed() {
    let sandbox = vouchsafe_sandbox::Sandbox::start().await.unwrap();
    let registration = Registration::new(sandbox.client_id()).secret(sandbox.client_secret());
    let registration = registration.redirect_uri("http://127.0.0.1:9/callback");
    let client =
        Client::new(Provider::openid(sandbox.issuer()), registration, &vouchsafe::Http::new().unwrap())
            .unwrap();
    let without = |url: &str, name: &str| {
        let kept = url.split('&').filter(|pair| !pair.starts_with(name));
        kept.collect::<Vec<_>>().join("&")
    };
    // Without the scope nobody is sent anywhere.
    assert!(is_unchecked(&DEMANDS[1](client.login().scopes(["profile"])).await.unwrap_err()));
    let login = DEMANDS[1](client.login().scopes(["openid", "profile"])).await.unwrap();
    let callback = sandbox.person("alice").allow(&without(&login.url, "acr_values")).await.unwrap();
    assert_eq!(client.finish(login.pending, &callback).await.unwrap_err().code(), "acr");
}
