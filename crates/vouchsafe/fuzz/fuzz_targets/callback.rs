//! What the browser brings to the redirect URI. First line: which provider. Behind it the query, or the form.
#![no_main]

use std::cell::RefCell;

use aws_lc_rs::hmac;
use libfuzzer_sys::fuzz_target;
use vouchsafe::{AuthorizationResponse, Client, PendingLogin};
use vouchsafe_fuzz::*;

const SIGNED: &str = "[callback]\nhmac = \"hmac\"\nexpect = { shop = \"acme.shop.example\" }";
const TOLD: &str = r##"[callback]
code_suffix = "#_"
forward = ["state", "domain"]
profile = "user"
profile_name = ["/name/first"]
[identity]
subject = ["/id"]"##;

const OPENID: &str = r#"kind = "openid"
issuer = "https://op.example"
scopes = ["profile"]"#;

thread_local! {
    static CLIENTS: [Client; 4] = [
        client_of(ENDPOINTS), client_of(&format!("{ENDPOINTS}{SIGNED}")), client_of(&format!("{ENDPOINTS}{TOLD}")),
        client_of(OPENID),
    ];
    static SENT: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

fuzz_target!(|input: &[u8]| timed(input, run));

fn pending(issuer: &str) -> PendingLogin {
    let kept = serde_json::json!({
        "v": 3, "provider": "acme", "issuer": issuer, "client": CLIENT_ID, "redirect": REDIRECT_URI,
        "state": STATE, "verifier": VERIFIER, "at": 1_700_000_000, "limit": 9_999_999_999_u64,
    });
    serde_json::from_value(kept).unwrap()
}

fn run(input: &[u8]) {
    let (head, query) = line(input);
    let which =
        [&b"plain"[..], b"signed", b"told", b"openid"].iter().position(|name| *name == head).unwrap_or(0);
    let Ok(query) = std::str::from_utf8(query) else { return };
    SENT.take();
    provider_answers(|request| {
        let body = match request.uri().path() {
            "/.well-known/openid-configuration" => metadata(),
            "/me" => br#"{"id": 7}"#.to_vec(),
            _ => {
                SENT.replace(Some(request.body().clone()));
                br#"{"access_token":"a","token_type":"Bearer"}"#.to_vec()
            }
        };
        http::Response::new(body)
    });
    let client = CLIENTS.with(|clients| clients[which].clone());
    let issuer = if which == 3 { ISSUER } else { "https://acme.example" };
    let came = AuthorizationResponse::at(REDIRECT_URI).form(query);
    let elsewhere = AuthorizationResponse::at("/elsewhere").form(query);
    assert!(!pending(issuer).matches(elsewhere.clone()));
    check_error(&wait(client.finish(pending(issuer), elsewhere)).unwrap_err(), &[STATE]);
    assert!(SENT.with_borrow(Option::is_none), "what came elsewhere sends nothing");
    let outcome = wait(client.finish(pending(issuer), came.clone()));
    let pairs: Vec<_> = url::form_urlencoded::parse(query.trim_start_matches('?').as_bytes()).collect();
    let all = |name: &str| {
        pairs.iter().filter(|(known, _)| known == name).map(|(_, value)| &**value).collect::<Vec<_>>()
    };

    assert_eq!(
        outcome.is_ok(),
        SENT.with_borrow(Option::is_some),
        "a code is sent if all is well, and only then"
    );
    let tokens = match outcome {
        Ok(tokens) => tokens,
        Err(error) => return check_error(&error, &[STATE]),
    };
    assert_eq!(all("state"), [STATE]);
    assert!(pending(issuer).matches(came));
    assert!(all("error").is_empty());
    let [code] = all("code")[..] else { panic!("{} codes were accepted", all("code").len()) };
    assert!(!code.is_empty());
    if which == 3 {
        assert!(all("iss").is_empty() || all("iss") == [ISSUER]);
    }
    let sent = SENT.take().unwrap();
    let sent: Vec<_> = url::form_urlencoded::parse(&sent).collect();
    let code = if which == 2 { code.strip_suffix("#_").unwrap_or(code) } else { code };
    assert_eq!(
        sent.iter().filter(|(name, _)| name == "code").map(|(_, value)| &**value).collect::<Vec<_>>(),
        [code]
    );
    if which == 1 {
        assert_eq!(all("shop"), ["acme.shop.example"]);
        assert!(is_signed(&pairs), "no provider signed this");
    }
    if which == 2 {
        // What the browser brought can be read, and stays where it can be told from what the provider said.
        if let Some(user) = tokens.callback_value("user") {
            assert!(user.to_string().starts_with('{'));
        }
        let identity = wait(client.identity(&tokens)).unwrap();
        assert_eq!(identity.subject(), "7");
        assert_eq!(identity.email(), None);
    }
    check_tokens(&tokens);
}

fn is_signed(pairs: &[(std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)]) -> bool {
    let mut others: Vec<_> = pairs.iter().filter(|(name, _)| name != "hmac").collect();
    others.sort();
    let message = others.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
    let key = hmac::Key::new(hmac::HMAC_SHA256, CLIENT_SECRET.as_bytes());
    let hex: String =
        hmac::sign(&key, message.as_bytes()).as_ref().iter().map(|b| format!("{b:02x}")).collect();
    pairs.iter().any(|(name, value)| name == "hmac" && value.eq_ignore_ascii_case(&hex))
}
