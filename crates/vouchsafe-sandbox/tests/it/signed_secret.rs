//! Client secrets that the client signs, as at Apple.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use vouchsafe_sandbox::ClientKey;

use crate::player::Player;
use crate::scenario::Scenario;

pub(crate) fn client_secret(key: &ClientKey, claims: &Value) -> String {
    signed(key, &json!({ "alg": "ES256", "kid": key.key_id() }), claims)
}

fn signed(key: &ClientKey, header: &Value, claims: &Value) -> String {
    let encoded = key.pem().lines().filter(|line| !line.starts_with('-')).collect::<String>();
    let der = STANDARD.decode(encoded).unwrap();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).unwrap();
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", encode(header), encode(claims));
    let signature = key.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test]
async fn only_a_secret_signed_for_this_client_and_this_time_is_accepted() {
    let scenario = Scenario::new().await;
    let player = Player::new(&scenario, "apple").await;
    let key = player.acted.client_key().unwrap();
    assert_eq!(player.acted.client_secret(), "");
    let good = player.secret_claims();
    let now = good["iat"].as_u64().unwrap();
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        client_secret(key, &claims)
    };
    let other = Scenario::new().await;
    let foreign = other.sandbox.provider("apple").unwrap();
    for (secret, why) in [
        ("apple-secret-for-development-only".to_owned(), "is not a JWT"),
        ("a.b.c".to_owned(), "damaged"),
        (signed(key, &json!({ "alg": "RS256", "kid": key.key_id() }), &good), "not signed with ES256"),
        (signed(key, &json!({ "alg": "none", "kid": key.key_id() }), &good), "not signed with ES256"),
        (signed(key, &json!({ "alg": "ES256" }), &good), "kid"),
        (client_secret(foreign.client_key().unwrap(), &good), "not signed with the registered key"),
        (with("iss", "another team".into()), "iss"),
        (with("sub", "another client".into()), "sub"),
        (with("aud", "https://elsewhere.example".into()), "aud"),
        (with("exp", (now - 1).into()), "has expired"),
        (with("exp", Value::Null), "has no exp"),
        (with("exp", (now + 16_000_000).into()), "more than six months"),
        (with("iat", Value::Null), "has no iat"),
        (with("iat", (now + 3600).into()), "in the future"),
    ] {
        let callback = player.callback("alice").await;
        let answer = player.redeem(&callback, &[("client_secret", &secret)]).await;
        answer.reply.assert_error(401, "invalid_client");
        assert!(answer.reply.body.contains(why), "{why}: {}", answer.reply.body);
    }
    let callback = player.callback("alice").await;
    player.redeem(&callback, &[("client_secret", "")]).await.reply.assert_error(401, "invalid_client");
    let answer =
        player.redeem(&callback, &[("client_secret", &with("exp", (now + 15_000_000).into()))]).await;
    assert_eq!(answer.reply.status, 200, "{}", answer.reply.body);
    assert_eq!(player.refresh(&answer.tokens, &[]).await.reply.status, 200);
}

#[tokio::test]
async fn no_output_has_the_key() {
    let scenario = Scenario::new().await;
    let acted = scenario.sandbox.provider("apple").unwrap();
    let key = acted.client_key().unwrap();
    let secret = key.pem().lines().nth(1).unwrap();
    assert!(!format!("{acted:?} {key:?}").contains(secret));
    assert!(scenario.sandbox.provider("google").unwrap().client_key().is_none());
}
