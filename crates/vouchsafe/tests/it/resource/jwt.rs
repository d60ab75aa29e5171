//! Access tokens that are JWTs (RFC 9068 section 4).
use std::time::{Duration, UNIX_EPOCH};

use serde_json::json;
use vouchsafe::AccessTokenIssuer;
use vouchsafe::error::Operation;

use super::{API, ISSUER, Scenario, Token};
use crate::forge;
use crate::scenario::now;

#[tokio::test]
async fn a_valid_token_says_who_acts_through_which_client() {
    let scenario = Scenario::jwt();
    let token = Token::new();
    let claims = scenario.bearer(&token.jwt()).await.unwrap();
    assert_eq!(
        (claims.issuer(), claims.subject(), claims.client_id()),
        (ISSUER, Some("user-1"), Some("client-1"))
    );
    assert_eq!(claims.scopes().collect::<Vec<_>>(), ["read", "write"]);
    assert!(claims.has_scope("write") && !claims.has_scope("writ") && !claims.has_scope(""));
    let end = token.claims["exp"].as_u64().unwrap();
    assert_eq!(claims.expires_at(), Some(UNIX_EPOCH + Duration::from_secs(end)));
    assert_eq!(claims.claims(), &token.claims);
    assert_eq!(claims.key_thumbprint(), None);
    let shown = format!("{claims:?} {:?}", scenario.api);
    assert!(!shown.contains("user-1") && shown.contains(API), "{shown}");
    // Metadata and keys are fetched once.
    scenario.bearer(&Token::new().jwt()).await.unwrap();
    assert_eq!((scenario.asked("/.well-known/oauth-authorization-server"), scenario.asked("/jwks")), (1, 1));
}

#[tokio::test]
async fn every_algorithm_for_id_tokens_is_good_for_access_tokens() {
    for alg in forge::ALGORITHMS {
        let key = forge::key_for(alg);
        let token = Token { alg, key, ..Token::new() }.header("alg", json!(alg)).header("kid", json!(key));
        assert_eq!(token.verdict().await, "ok", "{alg}");
    }
}

#[tokio::test]
async fn the_type_says_that_it_is_an_access_token() {
    // RFC 9068 §4: the typ header is at+jwt or application/at+jwt.
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt"] {
        assert_eq!(Token::new().header("typ", json!(typ)).verdict().await, "ok", "{typ}");
    }
    for typ in ["JWT", "logout+jwt", "dpop+jwt", "application/jwt", "at+jwt2", ""] {
        assert_eq!(
            Token::new().header("typ", json!(typ)).verdict().await,
            "invalid_token token_type",
            "{typ}"
        );
    }
    assert_eq!(Token::new().untyped().verdict().await, "invalid_token token_type");
}

#[tokio::test]
async fn a_token_without_a_type_is_accepted_from_issuers_that_are_known_for_it() {
    let scenario = || Scenario::with(|b| b.issuer(AccessTokenIssuer::jwt(ISSUER).untyped_tokens()));
    let plain = || Token::new().without("client_id").without("jti").without("sub").without("iat");
    assert_eq!(scenario().verdict(&Token::new().jwt()).await, "ok");
    assert_eq!(scenario().verdict(&plain().untyped().jwt()).await, "ok");
    assert_eq!(scenario().verdict(&plain().header("typ", json!("JWT")).jwt()).await, "ok");
    let azp =
        plain().untyped().claim("azp", json!("client-2")).claim("scp", json!(["a", "b"])).without("scope");
    let claims = scenario().bearer(&azp.jwt()).await.unwrap();
    assert_eq!((claims.client_id(), claims.scopes().collect::<Vec<_>>()), (Some("client-2"), vec!["a", "b"]));
    assert_eq!(
        scenario().verdict(&plain().header("typ", json!("dpop+jwt")).jwt()).await,
        "invalid_token token_type"
    );
    for name in ["aud", "exp"] {
        let token = plain().untyped().without(name);
        assert_eq!(scenario().verdict(&token.jwt()).await, "invalid_token missing_field", "{name}");
    }
}

#[tokio::test]
async fn an_id_token_or_a_logout_token_opens_no_api() {
    let scenario = Scenario::with(|b| b.issuer(AccessTokenIssuer::jwt(ISSUER).untyped_tokens()));
    for name in ["nonce", "at_hash", "c_hash", "events"] {
        // Even if its audience is that of the API.
        let token = Token::new().untyped().claim(name, json!("x"));
        assert_eq!(scenario.verdict(&token.jwt()).await, "invalid_token token_type", "{name}");
    }
}

#[tokio::test]
async fn the_token_is_for_this_api() {
    // RFC 9068 §4: aud contains the identifier of the API.
    assert_eq!(Token::new().claim("aud", json!(["https://other.example", API])).verdict().await, "ok");
    for aud in [json!("https://api.example/v1/"), json!("https://api.example"), json!([]), json!("client-1")]
    {
        assert_eq!(Token::new().claim("aud", aud.clone()).verdict().await, "invalid_token audience", "{aud}");
    }
    let named =
        Scenario::with(|b| b.issuer(AccessTokenIssuer::jwt(ISSUER)).audience("orders").audience("bills"));
    for (aud, verdict) in [("orders", "ok"), ("bills", "ok"), (API, "invalid_token audience")] {
        assert_eq!(named.verdict(&Token::new().claim("aud", json!(aud)).jwt()).await, verdict, "{aud}");
    }
}

#[tokio::test]
async fn the_claims_of_an_access_token_are_all_there() {
    // RFC 9068 §2.2.
    for name in ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"] {
        let token = Token::new().without(name);
        let verdict = token.verdict().await;
        // A token that names no issuer belongs to none.
        let expected =
            if name == "iss" { "invalid_token issuer_mismatch" } else { "invalid_token missing_field" };
        assert_eq!(verdict, expected, "{name}");
    }
    for name in ["sub", "jti", "client_id"] {
        for value in [json!(7), json!(null), json!("")] {
            let token = Token::new().claim(name, value.clone());
            assert_eq!(token.verdict().await, "invalid_token invalid_field", "{name} {value}");
        }
    }
}

#[tokio::test]
async fn the_token_is_valid_now() {
    // RFC 9068 §4: the time is before exp.
    assert_eq!(Token::new().claim("exp", json!(now() - 20)).verdict().await, "ok", "clocks may differ");
    assert_eq!(Token::new().claim("exp", json!(now() - 40)).verdict().await, "invalid_token expired");
    for name in ["iat", "nbf"] {
        let token = Token::new().claim(name, json!(now() + 60));
        assert_eq!(token.verdict().await, "invalid_token not_yet_valid", "{name}");
    }
}

#[tokio::test]
async fn the_token_has_the_signature_of_its_issuer() {
    // RFC 9068 §2.1.
    // RFC 9068 §4: the signature is verified with a key of the issuer, and none is refused.
    assert_eq!(Token { key: "stranger", ..Token::new() }.verdict().await, "invalid_token signature");
    let unsigned = Token { alg: "none", ..Token::new() }.header("alg", json!("none"));
    assert_eq!(unsigned.verdict().await, "invalid_token algorithm");
    let symmetric = Token { alg: "none", ..Token::new() }.header("alg", json!("HS256"));
    assert_eq!(symmetric.verdict().await, "invalid_token algorithm");
    let critical = Token::new().header("crit", json!(["x"]));
    assert_eq!(critical.verdict().await, "invalid_token critical_header");
}

#[tokio::test]
async fn an_encrypted_access_token_is_refused() {
    // RFC 9068 §4: a key for it would have been registered, and this API has none.
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../../../src/jose/jwe/vectors.json")).unwrap();
    let token = forge::encrypted(&Token::new().jwt(), &vectors[0]["jwk"], &json!({"typ": "at+jwt"}));
    // It hides who has issued it, so no issuer here has.
    assert_eq!(Scenario::jwt().verdict(&token).await, "invalid_token issuer_mismatch");
}

#[tokio::test]
async fn a_new_key_is_fetched_and_a_flood_of_unknown_ones_is_not_passed_on() {
    let scenario = Scenario::jwt();
    assert_eq!(scenario.verdict(&Token::new().jwt()).await, "ok");
    scenario.server().jwks = json!({"keys": [forge::jwk("stranger")]});
    let new = Token { key: "stranger", ..Token::new() };
    assert_eq!(scenario.verdict(&new.clone().header("kid", json!("stranger")).jwt()).await, "ok");
    for kid in ["a", "b", "c"] {
        let forged = new.clone().header("kid", json!(kid));
        assert_eq!(scenario.verdict(&forged.jwt()).await, "invalid_token unknown_key");
    }
    assert_eq!(scenario.asked("/jwks"), 2);
}

#[tokio::test]
async fn each_issuer_vouches_for_its_own_tokens_alone() {
    // RFC 9068 §4: iss is exactly the issuer.
    const SECOND: &str = "https://second.example";
    let scenario =
        Scenario::with(|b| b.issuer(AccessTokenIssuer::jwt(ISSUER)).issuer(AccessTokenIssuer::jwt(SECOND)));
    assert_eq!(scenario.verdict(&Token::new().jwt()).await, "ok");
    let third = Token::new().claim("iss", json!("https://third.example"));
    let refusal = scenario.bearer(&third.jwt()).await.unwrap_err();
    let reason = refusal.reason().unwrap();
    assert_eq!((reason.code(), reason.operation()), ("issuer_mismatch", Operation::AccessToken));
    // Nobody was asked for the keys of a stranger, and the second issuer has not been reached.
    assert!(scenario.wire.seen().iter().all(|request| request.uri().host() == Some("as.example")));
    // The keys of the first do not sign for the second, whose metadata the first gives here.
    let refusal = scenario.bearer(&Token::new().claim("iss", json!(SECOND)).jwt()).await.unwrap_err();
    assert_eq!((refusal.status().as_u16(), refusal.reason().unwrap().code()), (503, "issuer_mismatch"));
}
