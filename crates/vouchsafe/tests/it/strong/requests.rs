//! Authorization requests that are pushed (RFC 9126) or signed (RFC 9101).
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use vouchsafe::{
    Client, ClientBuilder, Credential, Error, Http, Provider, Registration, SigningKey, StartedLogin,
};

use super::{key, opened};
use crate::scenario::{CLIENT_ID, CLIENT_SECRET, ISSUER, REDIRECT_URI, Scenario, now, public, web};
use crate::wire::{self, field, header, param};

const REFERENCE: &str = "urn:ietf:params:oauth:request_uri:6esc_11ACC5bwc014ltc14eY22c";

fn pushing() -> Scenario {
    Scenario::openid()
        .metadata("pushed_authorization_request_endpoint", json!("https://op.example/par"))
        .at("/par", wire::json(201, json!({"request_uri": REFERENCE, "expires_in": 60})))
}

/// The parameters of a URL, by their names.
fn names(url: &str) -> Vec<String> {
    let url = url::Url::parse(url).unwrap();
    url.query_pairs().map(|(name, _)| name.into_owned()).collect()
}

async fn start(
    scenario: &Scenario,
    set: impl FnOnce(ClientBuilder) -> ClientBuilder,
) -> Result<StartedLogin, Error> {
    scenario.built(set).login().await
}

#[tokio::test]
async fn a_pushed_request_leaves_only_a_reference_to_the_browser() {
    let scenario = pushing();
    let login = start(&scenario, ClientBuilder::pushed_requests).await.unwrap();
    // RFC 9126 §4: the client id and the reference, and nothing else.
    assert_eq!(names(&login.url), ["client_id", "request_uri"]);
    assert_eq!(param(&login.url, "request_uri").as_deref(), Some(REFERENCE));
    let seen = scenario.wire.seen_at("/par");
    let [request] = &seen[..] else { panic!("{} requests", seen.len()) };
    // Section 2.1: the parameters in the body, and the client's authentication of the token endpoint.
    assert_eq!(
        (request.method().as_str(), header(request, "content-type")),
        ("POST", Some("application/x-www-form-urlencoded"))
    );
    assert!(header(request, "authorization").is_some_and(|value| value.starts_with("Basic ")));
    for (name, value) in [
        ("client_id", CLIENT_ID),
        ("response_type", "code"),
        ("redirect_uri", REDIRECT_URI),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(field(request, name).as_deref(), Some(value));
    }
    for name in ["state", "nonce", "code_challenge", "scope"] {
        assert!(field(request, name).is_some(), "{name}");
    }
    assert!(field(request, "request_uri").is_none(), "section 2.1 forbids it");
    // And the login ends as any other.
    let state = field(request, "state").unwrap();
    assert!(login.pending.matches(format!("{REDIRECT_URI}?state={state}")));
}

#[tokio::test]
async fn a_provider_that_requires_it_gets_it_without_being_asked() {
    // RFC 9126 §5.
    let required = json!(true);
    let scenario = pushing().metadata("require_pushed_authorization_requests", required.clone());
    let login = scenario.started().await;
    assert_eq!(names(&login.url), ["client_id", "request_uri"]);
    let url = scenario.client().manual().authorization_url(REDIRECT_URI).state("s").await.unwrap();
    assert_eq!(names(&url), ["client_id", "request_uri"]);
    assert!(Provider::discover(ISSUER, &scenario.wire.http()).await.unwrap().unmet_needs().is_empty());
    // Without an endpoint for it, the login cannot end well.
    let scenario = Scenario::openid().metadata("require_pushed_authorization_requests", required);
    assert_eq!(scenario.client().login().await.unwrap_err().code(), "pushed_request_required");
}

#[tokio::test]
async fn a_pushed_request_that_cannot_be_used_ends_the_login_before_the_browser_opens() {
    // RFC 9101 §5.2; RFC 9126 §2.2.
    let cases: [(u16, Value, &str); 12] = [
        (201, json!({"expires_in": 60}), "missing_field"),
        (201, json!({"request_uri": 7, "expires_in": 60}), "invalid_field"),
        (201, json!({"request_uri": "http://op.example/1", "expires_in": 60}), "invalid_field"),
        (201, json!({"request_uri": "1", "expires_in": 60}), "invalid_field"),
        (201, json!({"request_uri": "", "expires_in": 60}), "invalid_field"),
        (201, json!({"request_uri": "urn:a b", "expires_in": 60}), "invalid_field"),
        (201, json!({"request_uri": format!("urn:{}", "r".repeat(2000)), "expires_in": 60}), "invalid_field"),
        (201, json!({"request_uri": REFERENCE, "expires_in": 0}), "invalid_field"),
        (201, json!({"request_uri": REFERENCE, "expires_in": "soon"}), "invalid_field"),
        (200, json!({"error": "invalid_request", "request_uri": REFERENCE}), "invalid_request"),
        (400, json!({"error": "invalid_request_uri"}), "invalid_request_uri"),
        (302, json!({}), "redirect_refused"),
    ];
    for (status, body, code) in cases {
        let scenario = pushing().at("/par", wire::json(status, body.clone()));
        let error = start(&scenario, ClientBuilder::pushed_requests).await.err().unwrap();
        assert_eq!(error.code(), code, "{body}");
        assert!(error.to_string().contains("authorization request"), "{error}");
    }
    // What the provider quotes of state and nonce is not shown.
    let wire = crate::wire::Wire::new(move |request| match request.uri().path() {
        "/par" => {
            let quoted = format!("bad state {}", field(request, "state").unwrap());
            wire::json(400, json!({"error": "invalid_request", "error_description": quoted}))
        }
        _ => wire::json(
            200,
            json!({
                "issuer": ISSUER, "authorization_endpoint": "https://op.example/authorize", "token_endpoint": "https://op.example/token",
                "jwks_uri": "https://op.example/jwks", "pushed_authorization_request_endpoint": "https://op.example/par",
            }),
        ),
    });
    let client = Client::builder(Provider::openid(ISSUER), web())
        .pushed_requests()
        .build(&Http::from(wire.clone()))
        .unwrap();
    let error = client.login().await.err().unwrap();
    let state = field(wire.seen_at("/par").last().unwrap(), "state").unwrap();
    assert!(!format!("{error} {error:?}").contains(&state), "{error}");
}

fn signing(key: &SigningKey) -> Registration {
    public().credential(Credential::private_key(key.clone()))
}

#[tokio::test]
async fn a_request_object_has_every_parameter_and_says_for_whom_it_is() {
    // Core §5.5.
    // FAPI 2.0 Message Signing §5.3.2.
    let key = key("ES256").key_id("k");
    let scenario = Scenario::openid().registration(signing(&key));
    let client = scenario.built(ClientBuilder::signed_requests);
    let login = client
        .login()
        .max_age(std::time::Duration::from_secs(60))
        .claims(&json!({"id_token": {"acr": {"essential": true}}}))
        .await
        .unwrap();
    // OpenID Connect Core §6.1: these stay, so that the request is one of OAuth 2; all others are inside.
    let mut outside = names(&login.url);
    outside.sort();
    assert_eq!(outside, ["client_id", "request", "response_type", "scope"]);
    let (header, claims) = opened(&param(&login.url, "request").unwrap(), &key);
    // RFC 9101 §10.8.
    assert_eq!(header, json!({"alg": "ES256", "kid": "k", "typ": "oauth-authz-req+jwt"}));
    // RFC 9101 §4, §5.
    assert_eq!(
        (&claims["iss"], &claims["client_id"], &claims["aud"]),
        (&json!(CLIENT_ID), &json!(CLIENT_ID), &json!(ISSUER))
    );
    let time = |name: &str| claims[name].as_u64().unwrap();
    assert!(now() - time("iat") < 60 && time("nbf") == time("iat") && time("exp") - time("nbf") == 300);
    assert_eq!(claims["max_age"], json!(60), "a number is a number");
    assert_eq!(claims["claims"]["id_token"]["acr"]["essential"], json!(true));
    for name in ["state", "nonce", "code_challenge", "redirect_uri"] {
        assert!(claims[name].is_string(), "{name}");
    }
    for name in ["request", "request_uri"] {
        assert!(claims.get(name).is_none(), "RFC 9101 §4: {name}");
    }
    for name in ["client_id", "response_type", "scope"] {
        assert_eq!(claims[name].as_str(), param(&login.url, name).as_deref(), "{name}");
    }
    assert_eq!(claims["response_type"], json!("code"));
}

#[tokio::test]
async fn a_signed_request_can_be_pushed_and_then_is_all_that_is_sent() {
    let key = key("ES256");
    let scenario = pushing().registration(signing(&key));
    let login = start(&scenario, |b| b.pushed_requests().signed_requests()).await.unwrap();
    assert_eq!(names(&login.url), ["client_id", "request_uri"]);
    let seen = scenario.wire.seen_at("/par");
    // RFC 9126 §3: the object, and the client's authentication.
    let mut sent: Vec<_> =
        url::form_urlencoded::parse(seen[0].body()).map(|(name, _)| name.into_owned()).collect();
    sent.sort();
    assert_eq!(sent, ["client_assertion", "client_assertion_type", "client_id", "request"]);
    opened(&field(&seen[0], "request").unwrap(), &key);
}

#[tokio::test]
async fn a_provider_that_requires_signed_requests_gets_them_from_a_client_with_a_key() {
    // RFC 9101 §10.5.
    let requiring = |registration| {
        Scenario::openid().metadata("require_signed_request_object", json!(true)).registration(registration)
    };
    let key = key("ES256");
    let login = requiring(signing(&key)).started().await;
    opened(&param(&login.url, "request").unwrap(), &key);
    // A key of its own, beside a secret.
    let login = requiring(web().request_key(key.clone())).started().await;
    opened(&param(&login.url, "request").unwrap(), &key);
    assert_eq!(requiring(web()).client().login().await.unwrap_err().code(), "signed_request_required");
    // The algorithm is one that the provider accepts.
    let accepted = json!(["PS256"]);
    let scenario = requiring(signing(&key)).metadata("request_object_signing_alg_values_supported", accepted);
    assert_eq!(scenario.client().login().await.unwrap_err().code(), "signing_key");
}

#[tokio::test]
async fn a_served_request_is_below_the_url_of_the_application() {
    // RFC 9101 §5.2.1.
    let key = key("ES256");
    let scenario = Scenario::openid().registration(signing(&key));
    let served = start(&scenario, |b| b.serve_requests_at("https://app.example/requests/")).await.unwrap();
    let object = served.request_object.unwrap();
    assert_eq!(param(&served.url, "request_uri").as_deref(), Some(&*object.uri));
    let name = object.uri.strip_prefix("https://app.example/requests/").unwrap();
    assert!(name.len() >= 22, "nobody guesses it");
    assert!(
        names(&served.url).contains(&"response_type".to_owned()) && param(&served.url, "state").is_none()
    );
    opened(object.object.expose(), &key);
    assert!(!format!("{object:?}").contains(object.object.expose()));

    // OpenID Connect Core §6.1: without a signature only so.
    let unsigned = Scenario::openid();
    let login =
        start(&unsigned, |b| b.serve_requests_at("https://app.example/r").unsigned_requests()).await.unwrap();
    let object = login.request_object.unwrap().object;
    let header = URL_SAFE_NO_PAD.decode(object.expose().split('.').next().unwrap()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&header).unwrap()["alg"], json!("none"));
    assert!(object.expose().ends_with('.'));
    let build = |set: fn(ClientBuilder) -> ClientBuilder| {
        set(Client::builder(Provider::openid(ISSUER), web()))
            .build(&unsigned.wire.http())
            .err()
            .map(|e| e.code().to_owned())
    };
    assert_eq!(build(|b| b.unsigned_requests()).as_deref(), Some("signing_key"));
    assert_eq!(build(|b| b.signed_requests()).as_deref(), Some("signing_key"));
    assert_eq!(
        build(|b| b.serve_requests_at("http://app.example/r").unsigned_requests()).as_deref(),
        Some("invalid_url")
    );
    let error = scenario
        .built(|b| b.serve_requests_at("https://app.example/r"))
        .manual()
        .authorization_url(REDIRECT_URI)
        .await
        .err();
    assert!(error.is_some());
}

#[tokio::test]
async fn resources_and_details_are_asked_for_as_they_are_given() {
    // RFC 9396 §3.
    // RFC 8707 §2.1; RFC 9396 §2.
    let details =
        json!([{"type": "payment_initiation", "instructedAmount": {"currency": "EUR", "amount": "1"}}]);
    let scenario = Scenario::openid();
    let login = scenario
        .client()
        .login()
        .resource("https://a.example/")
        .resource("https://b.example/")
        .authorization_details(&details)
        .await
        .unwrap();
    let url = url::Url::parse(&login.url).unwrap();
    let values: Vec<_> = url
        .query_pairs()
        .filter(|(name, _)| name == "resource")
        .map(|(_, value)| value.into_owned())
        .collect();
    assert_eq!(values, ["https://a.example/", "https://b.example/"]);
    let sent = param(&login.url, "authorization_details").unwrap();
    assert_eq!(serde_json::from_str::<Value>(&sent).unwrap(), details);
    assert!(!login.url.contains(CLIENT_SECRET));
}

#[tokio::test]
async fn values_that_no_provider_can_read_are_refused() {
    // RFC 8707 §2: an absolute URI without a fragment. RFC 9396 §2: an array of objects with a type each.
    let scenario = Scenario::openid();
    let client = scenario.client();
    for uri in ["api", "/api", "https://api.example/#x", ""] {
        assert_eq!(client.login().resource(uri).await.unwrap_err().code(), "resource", "{uri}");
    }
    for details in
        [json!({"type": "a"}), json!("a"), json!([7]), json!([{"type": "a"}, {}]), json!([{"type": 7}])]
    {
        let error = client.login().authorization_details(&details).await.unwrap_err();
        assert_eq!(error.code(), "invalid_option", "{details}");
        assert!(error.to_string().contains("RFC 9396"), "{error}");
    }
    // OpenID Connect Core §5.5.
    for claims in [json!([]), json!("email"), json!(null)] {
        let error = client.login().claims(&claims).await.unwrap_err();
        assert_eq!(error.code(), "invalid_option", "{claims}");
        assert!(error.to_string().contains("OpenID Connect Core"), "{error}");
    }
    let _ = client.login().claims(&json!({"userinfo": {"email": null}})).await.unwrap();
}
