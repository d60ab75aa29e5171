//! A provider's key set, against tokens that genuine keys signed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use vouchsafe_fuzz::*;

const GENUINE: [&str; 3] = [
    include_str!("../genuine/rs256.jwt"),
    include_str!("../genuine/es256.jwt"),
    include_str!("../genuine/eddsa.jwt"),
];
const KEYS: &str = include_str!("../genuine/jwks.json");

fuzz_target!(|input: &[u8]| timed(input, run));

fn run(input: &[u8]) {
    let keys = input.to_vec();
    provider_answers(move |request| match request.uri().path() {
        "/jwks" => answer(&["200", "application/json"], &keys),
        _ => answer(&["200", "application/json"], &metadata()),
    });
    let client = openid_client();
    let genuine: Value = serde_json::from_str(KEYS).unwrap();
    for (jwt, key) in GENUINE.into_iter().zip(genuine["keys"].as_array().unwrap()) {
        match wait(client.manual().verify_id_token(jwt.trim(), Some("n-1"))) {
            // Nothing verifies but the key that signed.
            Ok(token) => {
                let read: Value = serde_json::from_slice(input).expect("what was accepted is JSON");
                assert_eq!(token.subject(), SUBJECT);
                assert!(read["keys"].as_array().unwrap().iter().any(|read| is_same(read, key)), "{key}");
            }
            Err(error) => check_error(&error, &[]),
        }
    }
}

/// Whether two keys are made of the same numbers, zeros before them aside.
fn is_same(read: &Value, key: &Value) -> bool {
    let number = |key: &Value, name: &str| {
        use base64::Engine;
        let text = key.get(name)?.as_str()?;
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).ok()?;
        Some(bytes.into_iter().skip_while(|b| *b == 0).collect::<Vec<_>>())
    };
    ["n", "e", "x", "y"]
        .iter()
        .all(|name| key.get(*name).is_none() || number(read, name) == number(key, name))
}
