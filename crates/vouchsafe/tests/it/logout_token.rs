//! Logout tokens, each check with its place in OpenID Connect Back-Channel Logout 1.0 section 2.6.
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use vouchsafe::error::Operation;
use vouchsafe::{Client, LogoutToken, Provider};

use crate::forge;
use crate::scenario::{CLIENT_ID, ISSUER, Scenario, acme, idle, now, web};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// A logout token of the provider that does everything right.
struct Forged {
    alg: &'static str,
    key: &'static str,
    header: Value,
    claims: Value,
}

impl Forged {
    fn new() -> Self {
        Self {
            alg: "RS256",
            key: "rsa",
            header: json!({"alg": "RS256", "kid": "rsa", "typ": "logout+jwt"}),
            claims: json!({
                "iss": ISSUER, "sub": "subject-1", "sid": "session-1", "aud": CLIENT_ID, "iat": now(), "exp": now() + 120,
                "jti": "id-1", "events": {EVENT: {}},
            }),
        }
    }

    fn claim(mut self, name: &str, value: Value) -> Self {
        self.claims[name] = value;
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.claims.as_object_mut().unwrap().remove(name).unwrap();
        self
    }

    fn header(mut self, name: &str, value: Value) -> Self {
        self.header[name] = value;
        self
    }

    fn jwt(&self) -> String {
        forge::jwt(self.alg, self.key, &self.header, &self.claims.to_string())
    }

    async fn verdict(&self) -> String {
        verdict(Scenario::openid().client(), &self.jwt()).await
    }
}

async fn verdict(client: &Client, token: &str) -> String {
    match client.logout_token(token).await {
        Ok(_) => "ok".to_owned(),
        Err(error) => {
            if !matches!(error, vouchsafe::Error::Unsupported(_)) {
                assert_eq!(error.operation(), Operation::LogoutToken, "{error}");
            }
            error.code().to_owned()
        }
    }
}

async fn verified(forged: &Forged) -> LogoutToken {
    Scenario::openid().client().logout_token(&forged.jwt()).await.unwrap()
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

#[tokio::test]
async fn a_logout_token_says_whose_sessions_end() {
    let forged = Forged::new();
    let token = verified(&forged).await;
    assert_eq!(
        (token.issuer(), token.subject(), token.sid()),
        (ISSUER, Some("subject-1"), Some("session-1"))
    );
    assert_eq!(token.jti(), "id-1");
    assert_eq!(token.issued_at(), at(forged.claims["iat"].as_u64().unwrap()));
    assert_eq!(token.expires_at(), at(forged.claims["exp"].as_u64().unwrap()));
    assert_eq!(token.remember_until(), token.expires_at() + Duration::from_secs(30));
    assert_eq!(token.claims(), &forged.claims);
    assert_eq!(format!("{token:?}"), "LogoutToken(…)");
    let token = verified(&Forged::new().without("sid")).await;
    assert_eq!((token.subject(), token.sid()), (Some("subject-1"), None));
    let token = verified(&Forged::new().without("sub")).await;
    assert_eq!((token.subject(), token.sid()), (None, Some("session-1")));
}

#[tokio::test]
async fn a_type_that_is_there_is_that_of_a_logout_token() {
    // Back-Channel Logout §2.4.
    for typ in ["logout+jwt", "LOGOUT+JWT", "application/logout+jwt", "JWT", "jwt"] {
        assert_eq!(Forged::new().header("typ", json!(typ)).verdict().await, "ok", "{typ}");
    }
    let mut untyped = Forged::new();
    untyped.header.as_object_mut().unwrap().remove("typ");
    assert_eq!(untyped.verdict().await, "ok");
    for typ in ["at+jwt", "dpop+jwt", "secevent+jwt", "logout+jwt2", "logout", ""] {
        assert_eq!(Forged::new().header("typ", json!(typ)).verdict().await, "token_type", "{typ}");
    }
    assert_eq!(Forged::new().header("typ", json!(7)).verdict().await, "jwt");
}

#[tokio::test]
async fn a_logout_token_has_the_signature_of_the_provider() {
    // Back-Channel Logout §2.6.
    assert_eq!(Forged { key: "stranger", ..Forged::new() }.verdict().await, "signature");
    let unknown = Forged { key: "stranger", ..Forged::new() }.header("kid", json!("stranger"));
    assert_eq!(unknown.verdict().await, "unknown_key");
    let mut parts: Vec<String> = Forged::new().jwt().split('.').map(str::to_owned).collect();
    parts[1] = forge::base64(Forged::new().claim("sub", json!("subject-2")).claims.to_string());
    assert_eq!(verdict(Scenario::openid().client(), &parts.join(".")).await, "signature");
    parts[2].clear();
    assert_eq!(verdict(Scenario::openid().client(), &parts.join(".")).await, "signature");
}

#[tokio::test]
async fn a_logout_token_that_is_not_signed_is_refused() {
    // Back-Channel Logout §2.6.
    for alg in ["none", "None", "NONE", "HS256"] {
        let forged = Forged { alg: "none", ..Forged::new() }.header("alg", json!(alg));
        assert_eq!(forged.verdict().await, "algorithm", "{alg}");
    }
}

#[tokio::test]
async fn the_algorithm_is_one_of_those_for_id_tokens() {
    // Back-Channel Logout §2.6.
    let es256 = || {
        Forged { alg: "ES256", key: "p256", ..Forged::new() }
            .header("alg", json!("ES256"))
            .header("kid", json!("p256"))
            .jwt()
    };
    assert_eq!(verdict(Scenario::openid().client(), &es256()).await, "ok");
    let announced = Scenario::openid().metadata("id_token_signing_alg_values_supported", json!(["RS256"]));
    assert_eq!(verdict(announced.client(), &es256()).await, "algorithm");
    let registered = Scenario::openid().registration(web().id_token_algorithms(["RS256"]));
    assert_eq!(verdict(registered.client(), &es256()).await, "algorithm");
    assert_eq!(verdict(registered.client(), &Forged::new().jwt()).await, "ok");
}

#[tokio::test]
async fn a_new_key_of_the_provider_is_fetched() {
    let scenario = Scenario::openid();
    assert_eq!(verdict(scenario.client(), &Forged::new().jwt()).await, "ok");
    scenario.op().jwks = json!({"keys": [forge::jwk("stranger")]});
    let new = Forged { key: "stranger", ..Forged::new() }.header("kid", json!("stranger")).jwt();
    assert_eq!(verdict(scenario.client(), &new).await, "ok");
    let fetches = || scenario.wire.seen().iter().filter(|request| request.uri().path() == "/jwks").count();
    assert_eq!(fetches(), 2);
    // Strangers cannot make the client ask again and again.
    for kid in ["a", "b", "c"] {
        let forged = Forged { key: "stranger", ..Forged::new() }.header("kid", json!(kid)).jwt();
        assert_eq!(verdict(scenario.client(), &forged).await, "unknown_key");
    }
    assert_eq!(fetches(), 2);
}

#[tokio::test]
async fn the_issuer_is_the_provider() {
    // Back-Channel Logout §2.6.
    for iss in ["https://evil.example", "https://op.example/", ""] {
        assert_eq!(Forged::new().claim("iss", json!(iss)).verdict().await, "issuer_mismatch", "{iss}");
    }
    assert_eq!(Forged::new().without("iss").verdict().await, "missing_field");
}

#[tokio::test]
async fn the_audience_is_this_client_alone() {
    // Back-Channel Logout §2.6.
    assert_eq!(Forged::new().claim("aud", json!([CLIENT_ID])).verdict().await, "ok");
    for aud in [json!("another"), json!([]), json!(["another"]), json!("")] {
        assert_eq!(Forged::new().claim("aud", aud.clone()).verdict().await, "audience", "{aud}");
    }
    assert_eq!(Forged::new().without("aud").verdict().await, "missing_field");
    let several = || Forged::new().claim("aud", json!([CLIENT_ID, "another"]));
    assert_eq!(several().verdict().await, "authorized_party");
    let trusting = Scenario::openid().registration(web().trusted_audience("another"));
    assert_eq!(verdict(trusting.client(), &several().jwt()).await, "ok");
}

#[tokio::test]
async fn a_logout_token_is_recent_and_has_not_expired() {
    // Back-Channel Logout §2.6.
    let verdict = async |name: &str, value: Value| Forged::new().claim(name, value).verdict().await;
    assert_eq!(verdict("exp", json!(now() - 20)).await, "ok", "clocks may differ");
    assert_eq!(verdict("exp", json!(now() - 40)).await, "expired");
    assert_eq!(verdict("iat", json!(now() - 300)).await, "ok");
    assert_eq!(verdict("iat", json!(now() - 700)).await, "expired");
    assert_eq!(verdict("iat", json!(now() + 60)).await, "not_yet_valid");
    for name in ["iat", "exp"] {
        assert_eq!(Forged::new().without(name).verdict().await, "missing_field", "{name}");
        for value in [json!("1900000000"), json!(null)] {
            assert_eq!(verdict(name, value.clone()).await, "invalid_field", "{name} {value}");
        }
    }
}

#[tokio::test]
async fn a_logout_token_has_an_id() {
    assert_eq!(Forged::new().without("jti").verdict().await, "missing_field");
    for jti in [json!(""), json!(7), json!(null)] {
        assert_eq!(Forged::new().claim("jti", jti.clone()).verdict().await, "invalid_field", "{jti}");
    }
}

#[tokio::test]
async fn the_event_is_the_logout() {
    // Back-Channel Logout §2.6.
    assert_eq!(Forged::new().without("events").verdict().await, "token_type");
    let more = json!({EVENT: {"more": 1}, "https://op.example/another": 7});
    assert_eq!(Forged::new().claim("events", more).verdict().await, "ok");
    for events in [json!({}), json!({"http://schemas.openid.net/event/backchannel-logout/": {}})] {
        assert_eq!(Forged::new().claim("events", events.clone()).verdict().await, "token_type", "{events}");
    }
    for events in [
        json!(EVENT),
        json!([EVENT]),
        json!(null),
        json!({EVENT: null}),
        json!({EVENT: true}),
        json!({EVENT: []}),
    ] {
        assert_eq!(
            Forged::new().claim("events", events.clone()).verdict().await,
            "invalid_field",
            "{events}"
        );
    }
}

#[tokio::test]
async fn a_logout_token_names_a_user_or_a_session() {
    // Back-Channel Logout §2.6.
    assert_eq!(Forged::new().without("sub").without("sid").verdict().await, "missing_field");
    for name in ["sub", "sid"] {
        for value in [json!(""), json!(7), json!(null), json!(["subject-1"])] {
            assert_eq!(
                Forged::new().claim(name, value.clone()).verdict().await,
                "invalid_field",
                "{name} {value}"
            );
        }
    }
}

#[tokio::test]
async fn a_logout_token_has_no_nonce() {
    // Back-Channel Logout §2.6.
    for nonce in [json!("nonce-1"), json!(""), json!(null)] {
        assert_eq!(Forged::new().claim("nonce", nonce.clone()).verdict().await, "token_type", "{nonce}");
    }
}

#[tokio::test]
async fn an_id_token_ends_no_session() {
    // Back-Channel Logout §4.1.
    let scenario = Scenario::openid();
    let tokens = scenario.log_in().await.unwrap();
    let id_token = tokens.id_token().unwrap();
    assert_eq!(verdict(scenario.client(), id_token.expose()).await, "token_type");
}

#[tokio::test]
async fn a_logout_token_signs_nobody_in() {
    let scenario = Scenario::openid();
    scenario.op().token["id_token"] = Forged::new().jwt().into();
    assert_eq!(scenario.verdict().await, "token_type");
}

#[tokio::test]
async fn a_text_that_is_no_jwt_is_refused() {
    for text in ["", ".", "..", "a.b.c", "not a token", "a.b.c.d.e"] {
        assert_eq!(verdict(Scenario::openid().client(), text).await, "jwt", "{text}");
    }
}

#[tokio::test]
async fn a_provider_without_keys_sends_no_logout_tokens() {
    assert_eq!(verdict(&idle(acme()), &Forged::new().jwt()).await, "keys_not_supported");
}

#[tokio::test]
async fn an_error_does_not_show_the_token() {
    let forged = Forged { key: "stranger", ..Forged::new() }.jwt();
    let error = Scenario::openid().client().logout_token(&forged).await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(forged.split('.').all(|part| !shown.contains(part)), "{shown}");
}

#[tokio::test]
async fn the_end_of_a_session_comes_with_the_id_token() {
    let expiry = |value: Value| Scenario::openid().claim("session_expiry", value);
    let end = now() + 3600;
    let tokens = expiry(json!(end)).log_in().await.unwrap();
    assert_eq!(tokens.id_token().unwrap().session_expiry(), Some(at(end)));
    assert_eq!(Scenario::openid().log_in().await.unwrap().id_token().unwrap().session_expiry(), None);
    // A limit that cannot be read is not overlooked.
    for wrong in [json!("2026-11-27T10:00:00Z"), json!(null), json!(-1), json!(end * 1000)] {
        assert_eq!(expiry(wrong.clone()).verdict().await, "invalid_field", "{wrong}");
    }
}

#[tokio::test]
async fn a_client_knows_its_issuer_before_the_provider_is_asked() {
    let scenario = Scenario::openid();
    assert_eq!(scenario.client().issuer(), ISSUER);
    assert!(scenario.client().is_issuer(ISSUER));
    assert!(!scenario.client().is_issuer("https://op.example/"));
    assert!(scenario.wire.seen().is_empty());
    let tenants = idle(Provider::named("microsoft").unwrap().param("tenant", "organizations"));
    assert!(!tenants.is_issuer("https://evil.example/tenant/v2.0"));
}
