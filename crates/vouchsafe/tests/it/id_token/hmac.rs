//! ID tokens with an HMAC by the client secret (OpenID Connect Core sections 2 and 10.1): only where they are named, and alone.
use aws_lc_rs::hmac::{self, HMAC_SHA256, HMAC_SHA384, HMAC_SHA512};
use serde_json::json;
use vouchsafe::{Client, Error, Provider, Registration};

use crate::forge;
use crate::scenario::{CLIENT_ID, ISSUER, REDIRECT_URI, Scenario};
use crate::wire::{Wire, json as answer_json};

/// 64 bytes: long enough for each hash.
const SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn registered(names: &[&str]) -> Registration {
    Registration::new(CLIENT_ID)
        .secret(SECRET)
        .redirect_uri(REDIRECT_URI)
        .id_token_algorithms(names.iter().copied())
}

/// A provider whose ID tokens say that algorithm, and have an HMAC with that secret.
fn signing(registration: Registration, name: &str, algorithm: hmac::Algorithm, secret: &[u8]) -> Scenario {
    let secret = secret.to_owned();
    Scenario::openid()
        .registration(registration)
        .header("alg", json!(name))
        .header("kid", json!("absent"))
        .tampered(move |jwt| forge::with_hmac(&jwt, algorithm, &secret))
}

#[tokio::test]
async fn an_hmac_with_the_client_secret_verifies_where_the_registration_names_it() {
    for (name, algorithm) in [("HS256", HMAC_SHA256), ("HS384", HMAC_SHA384), ("HS512", HMAC_SHA512)] {
        let scenario = signing(registered(&[name]), name, algorithm, SECRET.as_bytes());
        let tokens = scenario.log_in().await.unwrap();
        assert_eq!(tokens.id_token().unwrap().subject(), crate::scenario::SUBJECT, "{name}");
        // Nobody asks for keys, which verify nothing here.
        assert!(scenario.wire.seen_at("/jwks").is_empty(), "{name}");
        // Core §3.1.3.6: at_hash has the hash of the algorithm.
        let hash = forge::half_hash(name, crate::scenario::ACCESS_TOKEN);
        assert_eq!(scenario.claim("at_hash", json!(hash)).verdict().await, "ok", "{name}");
        assert!(tokens.warnings().is_empty());
    }
    // The rules for claims are the same.
    let scenario = signing(registered(&["HS256"]), "HS256", HMAC_SHA256, SECRET.as_bytes());
    assert_eq!(scenario.claim("aud", json!("another")).verdict().await, "audience");
    let wrong_hash = forge::half_hash("HS256", "another");
    let scenario = signing(registered(&["HS256"]), "HS256", HMAC_SHA256, SECRET.as_bytes());
    assert_eq!(scenario.claim("at_hash", json!(wrong_hash)).verdict().await, "hash_mismatch");
}

#[tokio::test]
async fn an_hmac_by_anything_but_the_client_secret_is_refused() {
    // Core §3.1.3.7.
    // RFC 8725 §2.1: the public key as the secret, in each form in which an attacker has it.
    let jwk = forge::jwk("rsa").to_string();
    for secret in [jwk.as_bytes(), b"", b"another secret", CLIENT_ID.as_bytes(), &SECRET.as_bytes()[..32]] {
        let scenario = signing(registered(&["HS256"]), "HS256", HMAC_SHA256, secret);
        assert_eq!(scenario.verdict().await, "signature");
    }
    // Another hash than the named one.
    let scenario = signing(registered(&["HS256"]), "HS512", HMAC_SHA512, SECRET.as_bytes());
    assert_eq!(scenario.verdict().await, "algorithm");
    let scenario = signing(registered(&["HS256"]), "HS256", HMAC_SHA512, SECRET.as_bytes());
    assert_eq!(scenario.verdict().await, "signature");
    // A tag that is cut.
    let cut = signing(registered(&["HS256"]), "HS256", HMAC_SHA256, SECRET.as_bytes()).tampered(|jwt| {
        let jwt = forge::with_hmac(&jwt, HMAC_SHA256, SECRET.as_bytes());
        jwt[..jwt.len() - 22].to_owned()
    });
    assert!(["signature", "jwt"].contains(&cut.verdict().await.as_str()));
}

#[tokio::test]
async fn beside_an_hmac_nothing_else_is_accepted() {
    let scenario = Scenario::openid().registration(registered(&["HS256"]));
    let error = scenario.log_in().await.unwrap_err();
    assert_eq!(error.code(), "algorithm");
    assert!(error.to_string().contains("must be signed with HS256"), "{error}");
    for alg in ["none", "None", ""] {
        let scenario = signing(registered(&["HS256"]), alg, HMAC_SHA256, SECRET.as_bytes());
        assert_eq!(scenario.verdict().await, "algorithm", "{alg}");
    }
}

#[tokio::test]
async fn the_metadata_alone_allows_no_hmac() {
    let plain = || Registration::new(CLIENT_ID).secret(SECRET).redirect_uri(REDIRECT_URI);
    for announced in [json!(["HS256", "RS256"]), json!(["RS256", "HS256"])] {
        let scenario = signing(plain(), "HS256", HMAC_SHA256, SECRET.as_bytes());
        let scenario = scenario.metadata("id_token_signing_alg_values_supported", announced);
        let error = scenario.log_in().await.unwrap_err();
        assert_eq!(error.code(), "algorithm");
        assert!(error.to_string().contains("Registration::id_token_algorithms"), "{error}");
    }
    // Nor does it where nothing else is announced: the browser does not go there.
    let scenario = signing(plain(), "HS256", HMAC_SHA256, SECRET.as_bytes());
    let scenario = scenario.metadata("id_token_signing_alg_values_supported", json!(["HS256"]));
    assert_eq!(scenario.verdict().await, "id_token_algorithm_not_supported");
    // With the list of the registration it does.
    let scenario = signing(registered(&["HS256"]), "HS256", HMAC_SHA256, SECRET.as_bytes());
    let scenario = scenario.metadata("id_token_signing_alg_values_supported", json!(["HS256"]));
    assert_eq!(scenario.verdict().await, "ok");
}

#[test]
fn a_secret_is_as_long_as_the_hash_and_an_hmac_stands_alone() {
    let refusal = |registration: Registration| {
        let http = Wire::always(answer_json(500, json!({}))).http();
        Client::new(Provider::openid(ISSUER), registration, &http).err().map(|error| {
            assert!(matches!(error, Error::Config(_)));
            assert_eq!(error.code(), "id_token_algorithms");
            assert!(!error.to_string().contains("0123"), "{error}");
            error.to_string()
        })
    };
    // RFC 7518 §3.2.
    for (name, shortest) in [("HS256", 32), ("HS384", 48), ("HS512", 64)] {
        assert_eq!(refusal(registered(&[name]).secret(&SECRET[..shortest])), None, "{name}");
        let short = refusal(registered(&[name]).secret(&SECRET[..shortest - 1])).unwrap();
        assert!(short.contains(&format!("at least {shortest} bytes")), "{short}");
    }
    assert!(refusal(registered(&["HS256", "HS512"]).secret(&SECRET[..32])).is_some());
    let none = Registration::new(CLIENT_ID).redirect_uri(REDIRECT_URI).id_token_algorithms(["HS256"]);
    assert!(refusal(none).unwrap().contains("need the client secret"));
    for names in [["HS256", "RS256"], ["ES256", "HS512"]] {
        assert!(refusal(registered(&names)).unwrap().contains("must not be beside another kind"));
    }
}

#[tokio::test]
async fn other_jwts_of_such_a_provider_have_signatures_as_ever() {
    let scenario = signing(registered(&["HS256"]), "HS256", HMAC_SHA256, SECRET.as_bytes());
    let tokens = scenario.log_in().await.unwrap();
    let jwt = forge::with_hmac(
        &forge::jwt(
            "RS256",
            "rsa",
            &json!({"alg": "HS256"}),
            &json!({"iss": ISSUER, "sub": "subject-1", "exp": 9_999_999_999_u64}).to_string(),
        ),
        HMAC_SHA256,
        SECRET.as_bytes(),
    );
    assert_eq!(scenario.client().manual().verify_jwt(&jwt, None).await.unwrap_err().code(), "algorithm");
    let scenario = scenario.at("/userinfo", crate::wire::answer(200, "application/jwt", jwt));
    assert_eq!(scenario.client().profile(&tokens).await.unwrap_err().code(), "algorithm");
}
