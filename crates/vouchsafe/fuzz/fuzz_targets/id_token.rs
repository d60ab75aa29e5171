//! A genuinely signed token that says whatever its provider pleases. First line: the header. Behind it the claims.
#![no_main]

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use vouchsafe::Client;
use vouchsafe_fuzz::*;

static KEY: LazyLock<Ed25519KeyPair> =
    LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap());

thread_local! {
    static CLIENT: Client = openid_client();
}

fuzz_target!(|input: &[u8]| timed(input, run));

fn run(input: &[u8]) {
    let (header, claims) = line(input);
    provider_answers(move |request| match request.uri().path() {
        "/jwks" => {
            let key = serde_json::json!({"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": base64url(KEY.public_key())});
            answer(&["200"], serde_json::json!({ "keys": [key] }).to_string().as_bytes())
        }
        _ => answer(&["200"], &metadata()),
    });
    let signed = format!("{}.{}", base64url(header), base64url(claims));
    let jwt = format!("{signed}.{}", base64url(KEY.sign(signed.as_bytes())));
    let client = CLIENT.with(Client::clone);
    match wait(client.manual().verify_id_token(&jwt, Some("n-1"))) {
        Ok(token) => {
            let header: Value = serde_json::from_slice(header).expect("what was accepted is JSON");
            assert!(
                ["EdDSA", "Ed25519"].contains(&header["alg"].as_str().unwrap())
                    && header.get("crit").is_none()
            );
            let read: Value = serde_json::from_slice(claims).expect("what was accepted is JSON");
            check_claims(&read);
            assert_eq!(token.claims().to_string(), read.to_string(), "what is read is what was signed");
            assert_eq!(read["sub"], token.subject());
        }
        Err(error) => check_error(&error, &[]),
    }
    match wait(client.manual().verify_jwt(&jwt, None)) {
        Ok(read) => {
            let claims: Value = serde_json::from_slice(claims).expect("what was accepted is JSON");
            assert_eq!(read.to_string(), claims.to_string());
            assert_eq!(claims["iss"], ISSUER);
        }
        Err(error) => check_error(&error, &[]),
    }
    match wait(client.logout_token(&jwt)) {
        Ok(token) => {
            let claims: Value = serde_json::from_slice(claims).expect("what was accepted is JSON");
            assert_eq!(token.claims().to_string(), claims.to_string());
            assert_eq!(claims["iss"], ISSUER);
            assert!(claims["events"]["http://schemas.openid.net/event/backchannel-logout"].is_object());
            assert!(claims.get("nonce").is_none() && !token.jti().is_empty());
            assert!(token.sid().or(token.subject()).is_some_and(|named| !named.is_empty()));
        }
        Err(error) => check_error(&error, &[]),
    }
}

/// OpenID Connect Core section 3.1.3.7, read anew.
fn check_claims(claims: &Value) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(claims["nonce"], "n-1");
    assert!(!claims["sub"].as_str().unwrap().is_empty());
    assert!(claims["exp"].as_f64().unwrap() > now - 31.0);
    assert!(claims["iat"].as_f64().unwrap() < now + 31.0);
    assert!(claims.get("nbf").is_none_or(|nbf| nbf.as_f64().unwrap() < now + 31.0));
    match &claims["aud"] {
        Value::String(one) => assert_eq!(one, CLIENT_ID),
        Value::Array(many) => {
            assert!(many.iter().any(|one| one == CLIENT_ID) && many.iter().all(Value::is_string));
            assert!(many.len() == 1 || claims["azp"] == CLIENT_ID);
        }
        other => panic!("aud is {other}"),
    }
    assert!(claims.get("azp").is_none_or(|azp| azp == CLIENT_ID));
}
