//! What a token endpoint answers. First line: which provider, status, content type. Behind it the body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use vouchsafe::{Client, Tokens};
use vouchsafe_fuzz::*;

const FORM: &str = "[token]\nform_response = true\ntoken_type_absent = true\nscope_separators = \", \"";
const WRAPPED: &str = r#"[token]
response = ["/data"]
response_names = { access_token = "accessToken", expires_in = "expires" }
expires_in_milliseconds = true
token_type_absent = true
failure = { code = "/code", success = ["0"], description = "/message" }
error_codes = { 40029 = "invalid_grant" }"#;
const ODD: &str = r#"[token]
content_types = ["text/javascript"]
expires_in_zero_is_never = true
failure = { code = "/error", description = "/error_description" }"#;

thread_local! {
    static CLIENTS: [Client; 4] = ["", FORM, WRAPPED, ODD].map(|more| client_of(&format!("{ENDPOINTS}{more}")));
}

fuzz_target!(|input: &[u8]| timed(input, run));

fn run(input: &[u8]) {
    let (words, body) = words(input);
    let which = ["plain", "form", "wrapped", "odd"].iter().position(|name| *name == words[0]).unwrap_or(0);
    let response = answer(&words[1..], body);
    let status = response.status();
    provider_answers(move |_| response.clone());
    let client = CLIENTS.with(|clients| clients[which].clone());
    let tokens = wait(client.manual().authorization_code(CODE, REDIRECT_URI).code_verifier(VERIFIER));
    match &tokens {
        Ok(tokens) => {
            assert!(status.is_success());
            check(tokens);
            if which == 0 {
                check_plain(tokens, body);
            }
        }
        Err(error) => check_error(error, &[CODE, VERIFIER, CLIENT_SECRET]),
    }
    // Who asked by other means is told the same.
    if let Ok(by_hand) = client.manual().read_token_response(body) {
        check(&by_hand);
        if let Ok(tokens) = &tokens {
            assert_eq!(by_hand.access_token(), tokens.access_token());
        }
    } else {
        assert!(tokens.is_err(), "the body alone is refused");
    }
}

fn check(tokens: &Tokens) {
    check_token(tokens.access_token().expose());
    tokens.refresh_token().inspect(|token| check_token(token.expose()));
    assert!(tokens.id_token().is_none(), "nobody verified one");
    assert!(tokens.scopes().all(|scope| !scope.is_empty()));
    check_tokens(tokens);
}

/// The same answer as another parser reads it.
fn check_plain(tokens: &Tokens, body: &[u8]) {
    let answer: Value = serde_json::from_slice(body).expect("what was accepted is JSON");
    let members = answer.as_object().unwrap();
    assert_eq!(answer["access_token"], tokens.access_token().expose());
    assert!(answer["token_type"].as_str().unwrap().eq_ignore_ascii_case("bearer"));
    assert!(answer.get("error").is_none_or(Value::is_null));
    assert_eq!(answer["refresh_token"].as_str(), tokens.refresh_token().map(|token| token.expose()));
    let known =
        ["access_token", "token_type", "expires_in", "expires_at", "refresh_token", "id_token", "scope"];
    for (name, value) in members.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
        assert_eq!(tokens.extra(name).map(|json| json.to_string()), Some(value.to_string()), "{name}");
    }
}
