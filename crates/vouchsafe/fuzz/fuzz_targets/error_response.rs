//! How a provider says no. First line: which provider, what was asked, status, content type. Second line: a challenge
//! (`WWW-Authenticate`). Behind it the body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use vouchsafe::{Client, Error};
use vouchsafe_fuzz::*;

const ODD: &str = r#"
[token]
form_response = true
failure = { code = "/code", success = ["0", "true"], description = "/message" }
error_codes = { 40029 = "invalid_grant", "hush" = "invalid_client" }
[userinfo]
failure = { code = "/error/code", success = ["ok"], description = "/error/message" }
[revocation]
failure = { code = "/errors/0", description = "/errors/1" }
[long_lived]
grant_type = "prolong"
token_name = "short"
"#;

thread_local! {
    static CLIENTS: [Client; 2] = [
        client_of(&format!("client_auth = \"client_secret_post\"\n{ENDPOINTS}")),
        client_of(&format!("{ENDPOINTS}{ODD}")),
    ];
}

fuzz_target!(|input: &[u8]| timed(input, run));

fn run(input: &[u8]) {
    let (words, rest) = words(input);
    let (challenge, body) = line(rest);
    let which = usize::from(words[0] == "odd");
    let mut response = answer(words.get(2..).unwrap_or_default(), body);
    if let Ok(challenge) = http::HeaderValue::from_bytes(challenge) {
        response.headers_mut().insert("www-authenticate", challenge);
    }
    let status = response.status();
    provider_answers(move |_| response.clone());
    let client = CLIENTS.with(|clients| clients[which].clone());
    let manual = client.manual();
    let mut sent = vec![CLIENT_SECRET];
    let outcome = match words.get(1).copied().unwrap_or_default() {
        "refresh" => {
            sent.push(REFRESH_TOKEN);
            wait(manual.refresh(REFRESH_TOKEN)).map(drop)
        }
        "revoke" => {
            sent.push(ACCESS_TOKEN);
            wait(manual.revoke(ACCESS_TOKEN, None))
        }
        "profile" => {
            sent = vec![ACCESS_TOKEN];
            wait(manual.profile(ACCESS_TOKEN)).map(drop)
        }
        "prolong" => {
            sent.push(ACCESS_TOKEN);
            let tokens = stored(&client, serde_json::json!({}));
            wait(client.long_lived_token(&tokens)).map(drop)
        }
        _ => {
            sent.extend([CODE, VERIFIER]);
            wait(manual.authorization_code(CODE, REDIRECT_URI).code_verifier(VERIFIER)).map(drop)
        }
    };
    // RFC 7009 §2.2: a token that is over already counts as revoked.
    let says = |word: &str| String::from_utf8_lossy(body).contains(word);
    let is_over = words.get(1) == Some(&"revoke") && status.is_client_error() && says("token");
    if !status.is_success() && !is_over {
        assert!(outcome.is_err(), "{status} is no success");
    }
    let Err(error) = outcome else { return };
    assert_ne!(error.code(), "issuer_mismatch", "the tokens are this client's");
    check_error(&error, &sent);
    if let Some(shown) = error.status() {
        assert_eq!(shown, status.as_u16());
    }
    // The word for what went wrong is the provider's, where it has one.
    if which == 0
        && !status.is_success()
        && !status.is_redirection()
        && let Ok(Value::Object(body)) = serde_json::from_slice(body)
        && let Some(Value::String(code)) = body.get("error")
        && matches!(error, Error::Server(_))
        && code.len() < 20
        && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        && !code.is_empty()
    {
        assert_eq!(error.code(), code);
    }
}
