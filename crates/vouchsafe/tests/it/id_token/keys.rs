//! The provider's key set (RFC 7517): which key counts, and when it is fetched anew.
use serde_json::{Value, json};
use vouchsafe::error::HttpErrorKind;

use crate::forge::{self, base64};
use crate::scenario::Scenario;
use crate::wire::{answer, json as answer_json};

/// A login at a provider with that key set.
async fn verdict(alg: &str, keys: Value) -> String {
    Scenario::openid().alg(alg).with(|op| op.jwks = json!({ "keys": keys })).verdict().await
}

fn with(kid: &str, name: &str, value: Value) -> Value {
    let mut key = forge::jwk(kid);
    key[name] = value;
    key
}

#[tokio::test]
async fn a_token_without_a_key_id_finds_the_key_that_suits() {
    for alg in forge::ALGORITHMS {
        assert_eq!(Scenario::openid().alg(alg).header("kid", json!("absent")).verdict().await, "ok", "{alg}");
    }
    // Of two that suit, the one that verifies counts.
    let scenario = Scenario::openid().header("kid", json!("absent"));
    let scenario = scenario.with(|op| op.jwks = json!({"keys": [forge::jwk("stranger"), forge::jwk("rsa")]}));
    assert_eq!(scenario.verdict().await, "ok");
}

#[tokio::test]
async fn a_key_without_an_id_fits_no_token_that_names_one() {
    let mut key = forge::jwk("rsa");
    key.as_object_mut().unwrap().remove("kid");
    assert_eq!(verdict("RS256", json!([key])).await, "unknown_key");
}

#[tokio::test]
async fn a_key_id_that_is_not_text_is_no_jwt() {
    for kid in [json!(7), json!({}), json!(["rsa"])] {
        assert_eq!(Scenario::openid().header("kid", kid.clone()).verdict().await, "jwt", "{kid}");
    }
}

#[tokio::test]
async fn the_type_of_the_key_decides_what_it_verifies() {
    // RFC 8725 §3.1.
    // The header says RS256, the key of that id is for something else.
    for kid in ["p256", "p384", "p521", "ed25519"] {
        let scenario = Scenario::openid().header("kid", json!(kid));
        assert_eq!(scenario.verdict().await, "unknown_key", "{kid}");
    }
    // A curve and a hash that do not belong together (RFC 7518 section 3.4).
    let scenario = Scenario::openid().alg("ES256").header("alg", json!("ES384"));
    assert_eq!(scenario.verdict().await, "unknown_key");
}

#[tokio::test]
async fn a_key_that_is_bound_to_an_algorithm_verifies_no_other() {
    // RFC 7517 §4.4.
    assert_eq!(verdict("RS256", json!([with("rsa", "alg", json!("RS256"))])).await, "ok");
    for bound in ["PS256", "RS512", "RSA-OAEP"] {
        assert_eq!(
            verdict("RS256", json!([with("rsa", "alg", json!(bound))])).await,
            "unknown_key",
            "{bound}"
        );
    }
}

#[tokio::test]
async fn a_key_for_something_else_verifies_nothing() {
    // Core §10.1.
    // RFC 7517 sections 4.2 and 4.3.
    assert_eq!(verdict("RS256", json!([with("rsa", "use", json!("sig"))])).await, "ok");
    assert_eq!(verdict("RS256", json!([with("rsa", "use", json!("enc"))])).await, "unknown_key");
    assert_eq!(verdict("RS256", json!([with("rsa", "key_ops", json!(["verify"]))])).await, "ok");
    assert_eq!(verdict("RS256", json!([with("rsa", "key_ops", json!(["encrypt"]))])).await, "unknown_key");
}

#[tokio::test]
async fn odd_keys_leave_the_others_alone() {
    // RFC 7517 §5.
    let keys = json!([
        7, null, {}, "rsa", {"kty": "oct", "kid": "rsa", "k": "AAAA"}, {"kty": "AKP", "kid": "rsa", "alg": "ML-DSA-44"},
        {"kty": "RSA", "kid": "rsa"}, {"kty": "RSA", "kid": "rsa", "n": "!", "e": 3}, with("p256", "x", json!("AA")),
        with("rsa", "kid", json!(7)), with("rsa", "use", json!("enc")), forge::jwk("rsa"),
    ]);
    assert_eq!(verdict("RS256", keys).await, "ok");
}

#[tokio::test]
async fn what_is_no_key_set_is_told_so() {
    for (body, code) in [(json!({}), "jwks"), (json!({"keys": {}}), "jwks"), (json!([]), "json")] {
        let scenario = Scenario::openid().at("/jwks", answer_json(200, body.clone()));
        let error = scenario.log_in().await.unwrap_err();
        assert_eq!(error.code(), code, "{body}");
        assert!(error.to_string().starts_with("reading the provider's keys failed"), "{error}");
    }
    let page = Scenario::openid().at("/jwks", answer(200, "text/html", "<h1>no</h1>"));
    assert_eq!(page.verdict().await, "content_type");
    assert_eq!(Scenario::openid().with(|op| op.jwks = json!({"keys": []})).verdict().await, "unknown_key");
}

#[tokio::test]
async fn a_short_rsa_key_is_too_weak_to_trust() {
    // FAPI 2.0 §5.4.1.
    // RFC 7518 section 3.3: 2048 bits or more.
    let key = json!([with("rsa", "n", json!(base64([0xff; 128])))]);
    assert_eq!(verdict("RS256", key).await, "weak_key");
    let padded = json!([with("rsa", "n", json!(base64([vec![0; 128], vec![0xff; 128]].concat())))]);
    assert_eq!(verdict("RS256", padded).await, "weak_key", "leading zeros make it no longer");
}

#[tokio::test]
async fn an_exponent_of_one_signs_nothing() {
    // s^1 = s: whoever writes down the padded hash has "signed" it, without any private key.
    let scenario = Scenario::openid().with(|op| {
        op.jwks = json!({"keys": [with("rsa", "e", json!(base64([1])))]});
        op.tamper = Box::new(|jwt| {
            let (signed, _) = jwt.rsplit_once('.').unwrap();
            let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, signed.as_bytes());
            // RFC 8017 section 9.2.
            let info = b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";
            let padding = vec![0xff; 256 - 3 - info.len() - 32];
            format!("{signed}.{}", base64([&[0, 1], &padding[..], &[0], info, hash.as_ref()].concat()))
        });
    });
    assert_eq!(scenario.verdict().await, "weak_key");
    for e in [vec![0], vec![2], vec![0, 1]] {
        assert_eq!(verdict("RS256", json!([with("rsa", "e", json!(base64(&e)))])).await, "weak_key", "{e:?}");
    }
}

#[tokio::test]
async fn the_key_set_is_fetched_once_for_many_logins() {
    let scenario = Scenario::openid();
    for _ in 0..5 {
        scenario.log_in().await.unwrap();
    }
    assert_eq!(scenario.wire.seen_at("/jwks").len(), 1);
}

#[tokio::test]
async fn rotated_keys_are_fetched_and_work() {
    // Core §10.1.1.
    let scenario = Scenario::openid();
    scenario.log_in().await.unwrap();
    {
        let mut op = scenario.op();
        op.jwks = json!({"keys": [forge::jwk("stranger")]});
        op.key = "stranger".to_owned();
    }
    assert_eq!(scenario.verdict().await, "ok");
    assert_eq!(scenario.verdict().await, "ok");
    assert_eq!(scenario.wire.seen_at("/jwks").len(), 2);
}

#[tokio::test]
async fn a_key_that_was_replaced_under_the_same_id_is_fetched_too() {
    let scenario = Scenario::openid().header("kid", json!("rsa"));
    scenario.log_in().await.unwrap();
    {
        let mut op = scenario.op();
        op.jwks = json!({"keys": [with("stranger", "kid", json!("rsa"))]});
        op.key = "stranger".to_owned();
    }
    assert_eq!(scenario.verdict().await, "ok");
}

#[tokio::test]
async fn a_flood_of_unknown_keys_asks_the_provider_once() {
    let scenario = Scenario::openid();
    scenario.log_in().await.unwrap();
    for kid in 0..50 {
        scenario.op().header["kid"] = json!(format!("made-up-{kid}"));
        assert_eq!(scenario.verdict().await, "unknown_key");
    }
    assert_eq!(scenario.wire.seen_at("/jwks").len(), 2, "the first, and one for all that is unknown");
}

#[tokio::test]
async fn a_flood_of_wrong_signatures_asks_the_provider_once() {
    let scenario = Scenario::openid();
    scenario.log_in().await.unwrap();
    {
        let mut op = scenario.op();
        op.header["kid"] = json!("rsa");
        op.key = "stranger".to_owned();
    }
    for _ in 0..20 {
        assert_eq!(scenario.verdict().await, "signature");
    }
    assert_eq!(scenario.wire.seen_at("/jwks").len(), 2);
}

#[tokio::test]
async fn what_newer_keys_cannot_mend_fetches_none() {
    let scenario = Scenario::openid();
    scenario.log_in().await.unwrap();
    scenario.op().claims["iss"] = json!("https://evil.example");
    assert_eq!(scenario.verdict().await, "issuer_mismatch");
    scenario.op().header["alg"] = json!("none");
    assert_eq!(scenario.verdict().await, "algorithm");
    assert_eq!(scenario.wire.seen_at("/jwks").len(), 1);
}

#[tokio::test]
async fn known_keys_outlive_a_failed_renewal() {
    let scenario = Scenario::openid();
    scenario.log_in().await.unwrap();
    scenario.op().answers.insert("/jwks".to_owned(), answer(503, "text/plain", "later"));
    scenario.op().header["kid"] = json!("made-up");
    assert_eq!(scenario.verdict().await, "unknown_key");
    scenario.op().header["kid"] = json!("rsa");
    assert_eq!(scenario.verdict().await, "ok");
}

#[tokio::test]
async fn keys_that_could_not_be_fetched_are_asked_for_again() {
    let scenario = Scenario::openid().at("/jwks", answer(503, "text/plain", "later"));
    let error = scenario.log_in().await.unwrap_err();
    assert_eq!((error.code(), error.status()), ("http_status", Some(503)));
    assert!(matches!(&error, vouchsafe::Error::Http(e) if e.kind() == HttpErrorKind::Status));
    scenario.op().answers.clear();
    assert_eq!(scenario.verdict().await, "ok");
}

#[tokio::test]
async fn what_the_key_set_says_of_one_login_is_told_to_nobody() {
    // None that this login knows of.
    let secret = "code-of-another-login";
    let said = json!({"error": secret, "error_description": secret, "error_uri": secret});
    for status in [400, 401, 403, 500, 503] {
        let mut refusal = answer_json(status, said.clone());
        refusal
            .headers_mut()
            .insert("www-authenticate", format!("Bearer error=\"{secret}\"").parse().unwrap());
        refusal.headers_mut().insert("retry-after", "7".parse().unwrap());
        let error = Scenario::openid().at("/jwks", refusal).log_in().await.unwrap_err();
        assert_eq!((error.code(), error.status()), ("http_status", Some(status)));
        assert_eq!(error.retry_after(), Some(std::time::Duration::from_secs(7)));
        assert!(!format!("{error} {error:?}").contains(secret), "{error}");
    }
    let odd = Scenario::openid().at("/jwks", answer(200, &format!("text/{secret}"), "{}"));
    let error = odd.log_in().await.unwrap_err();
    assert_eq!(error.code(), "content_type");
    assert!(!format!("{error} {error:?}").contains(secret), "{error}");
}
