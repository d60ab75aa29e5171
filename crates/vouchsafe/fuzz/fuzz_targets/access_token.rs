//! An API gets a request from a stranger. First line: `headers`, and behind it the values of `Authorization` and `DPoP`, a line each;
//! or `proof`, and behind it header and claims of a proof, a line each, genuinely signed with the key that the access token is bound
//! to; or `token`, and behind it header and claims of an access token, genuinely signed by its issuer.
#![no_main]

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use http::{HeaderMap, HeaderValue, Method};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use vouchsafe::{AccessTokenIssuer, ResourceServer};
use vouchsafe_fuzz::*;

const API: &str = "https://api.example";

static KEY: LazyLock<Ed25519KeyPair> =
    LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap());

fuzz_target!(|input: &[u8]| timed(input, run));

fn run(input: &[u8]) {
    let (way, rest) = line(input);
    let (first, second) = line(rest);
    let x = base64url(KEY.public_key());
    provider_answers(move |request| match request.uri().path() {
        "/jwks" => {
            let key = json!({"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": base64url(KEY.public_key())});
            answer(&["200"], json!({ "keys": [key] }).to_string().as_bytes())
        }
        _ => answer(&["200"], &metadata()),
    });
    // Nothing is remembered from one input to the next.
    let api = ResourceServer::builder(API).issuer(AccessTokenIssuer::jwt(ISSUER)).build(&http()).unwrap();
    let thumbprint =
        base64url(digest(&SHA256, format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#).as_bytes()));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({
        "iss": ISSUER, "sub": SUBJECT, "aud": API, "exp": now + 300, "iat": now, "jti": "j", "client_id": CLIENT_ID,
        "scope": "a b", "cnf": {"jkt": thumbprint},
    });
    let bound = signed(br#"{"alg":"EdDSA","typ":"at+jwt"}"#, claims.to_string().as_bytes());
    let mut headers = HeaderMap::new();
    let mut add = |name: &'static str, value: &[u8]| {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(name, value);
        }
    };
    match way {
        b"proof" => {
            add("authorization", format!("DPoP {bound}").as_bytes());
            add("dpop", signed(first, second).as_bytes());
        }
        b"token" => add("authorization", format!("Bearer {}", signed(first, second)).as_bytes()),
        _ => {
            add("authorization", first);
            add("dpop", second);
        }
    }
    match wait(api.check(&Method::GET, "/a?b=c", &headers, &["a"])) {
        Ok(accepted) => {
            let read: Value = serde_json::from_slice(second).expect("what was accepted is JSON");
            assert!(["proof", "token"].iter().any(|known| known.as_bytes() == way), "nobody signed this");
            if way == b"token" {
                assert_eq!(accepted.claims().to_string(), read.to_string());
                assert_eq!(read["iss"], ISSUER);
                assert!(read.get("cnf").is_none() && accepted.has_scope("a"));
            } else {
                assert_eq!(read["htm"], "GET");
                assert!(!read["jti"].as_str().unwrap().is_empty());
                assert_eq!(read["ath"], base64url(digest(&SHA256, bound.as_bytes())));
            }
        }
        Err(refusal) => {
            for challenge in refusal.www_authenticate() {
                assert!(challenge.bytes().all(|b| (b' '..=b'~').contains(&b)), "{challenge}");
            }
            if let Some(error) = refusal.reason() {
                check_error(error, &[]);
            }
        }
    }
}

fn signed(header: &[u8], claims: &[u8]) -> String {
    let message = format!("{}.{}", base64url(header), base64url(claims));
    format!("{message}.{}", base64url(KEY.sign(message.as_bytes())))
}
