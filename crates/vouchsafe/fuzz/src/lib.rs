//! What the fuzz targets share: a provider that answers with the noise, and what must hold whatever it was.
//!
//! A target goes in by the library's public doors alone. Its input is text: a first line that says which of several ways
//! to take, and behind it what the stranger sent.
#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use url::form_urlencoded::byte_serialize;
use vouchsafe::http::{BoxFuture, HttpClient, Limits, Request, Response, TransportError};
use vouchsafe::{Client, Error, Http, Provider, Registration, Tokens};

pub const ISSUER: &str = "https://op.example";
pub const CLIENT_ID: &str = "my-client";
pub const REDIRECT_URI: &str = "https://app.example/callback";
pub const SUBJECT: &str = "subject-1";

// What is secret, with characters that an encoding changes.
pub const CLIENT_SECRET: &str = "hush+client/secret";
pub const CODE: &str = "hush/code=1";
pub const ACCESS_TOKEN: &str = "hush.access~token";
pub const REFRESH_TOKEN: &str = "hush:refresh token";
pub const STATE: &str = "hush-state-hush-state-hush-state-hush-state";
pub const NONCE: &str = "hush-nonce-hush-nonce-hush-nonce-hush-nonce";
pub const VERIFIER: &str = "hush-verifier-hush-verifier-hush-verifier-h";

/// Runs a target on an input, and sees that it takes a time in proportion to it.
pub fn timed(input: &[u8], target: fn(&[u8])) {
    let bound = Duration::from_millis(50) + Duration::from_micros(50) * input.len() as u32;
    let took = || {
        let start = Instant::now();
        target(input);
        start.elapsed()
    };
    // Others use the machine too: only what is slow each time is slow.
    let fastest = (0..10).map(|_| took()).find(|took| *took < bound);
    assert!(fastest.is_some(), "{} bytes take longer than {bound:?}", input.len());
}

/// The first line and the rest.
pub fn line(input: &[u8]) -> (&[u8], &[u8]) {
    match input.iter().position(|b| *b == b'\n') {
        Some(at) => (&input[..at], &input[at + 1..]),
        None => (input, b""),
    }
}

/// The first line's words, and the rest.
pub fn words(input: &[u8]) -> (Vec<&str>, &[u8]) {
    let (head, rest) = line(input);
    (std::str::from_utf8(head).unwrap_or_default().split(' ').collect(), rest)
}

/// An answer of the status and the content type that two words say.
pub fn answer(words: &[&str], body: &[u8]) -> Response {
    let status =
        words.first().and_then(|word| word.parse().ok()).filter(|status| (200..600).contains(status));
    let mut answer = Response::new(body.to_vec());
    *answer.status_mut() = http::StatusCode::from_u16(status.unwrap_or(200)).unwrap();
    if let Some(kind) = words.get(1).and_then(|kind| kind.parse().ok()) {
        answer.headers_mut().insert("content-type", kind);
    }
    answer
}

type Answering = Box<dyn Fn(&Request) -> Response>;

thread_local! {
    static PROVIDER: RefCell<Option<Answering>> = const { RefCell::new(None) };
}

/// What the provider answers from now on.
pub fn provider_answers(answering: impl Fn(&Request) -> Response + 'static) {
    PROVIDER.with(|provider| *provider.borrow_mut() = Some(Box::new(answering)));
}

struct Wire;

impl HttpClient for Wire {
    fn send(&self, request: Request, _: Limits) -> BoxFuture<'_, Result<Response, TransportError>> {
        assert_eq!(request.uri().scheme_str(), Some("https"), "{} is asked", request.uri());
        let response =
            PROVIDER.with(|provider| provider.borrow().as_ref().map(|answering| answering(&request)));
        Box::pin(std::future::ready(Ok(response.expect("every target says what the provider answers"))))
    }
}

pub fn http() -> Http {
    Http::from(Wire)
}

pub fn registration() -> Registration {
    Registration::new(CLIENT_ID).secret(CLIENT_SECRET).redirect_uri(REDIRECT_URI)
}

/// A client of a provider that definition describes, written without what all have in common.
pub fn client_of(definition: &str) -> Client {
    let toml = format!(
        r#"slug = "acme"
        display_name = "Acme"
        documentation = "https://acme.example/docs"
        checked = "2026-11-23"
        {definition}"#
    );
    let provider = Provider::from_definition(toml).unwrap();
    Client::builder(provider, registration()).login_limit(Duration::MAX).build(&http()).unwrap()
}

/// Tokens as a store gives them back, once that client has left them there.
pub fn stored(client: &Client, members: serde_json::Value) -> Tokens {
    let issuer = if client.provider_slug() == "acme" { "https://acme.example" } else { ISSUER };
    let mut stored = serde_json::json!({
        "v": 2, "received_at": 1_800_000_000, "provider": client.provider_slug(), "issuer": issuer, "client_id": CLIENT_ID, "token_type": "Bearer",
        "access_token": ACCESS_TOKEN,
    });
    stored.as_object_mut().unwrap().extend(members.as_object().cloned().unwrap_or_default());
    serde_json::from_value(stored).unwrap()
}

/// The endpoints of an OAuth 2 service.
pub const ENDPOINTS: &str = r#"kind = "oauth2"
authorization_endpoint = "https://acme.example/authorize"
token_endpoint = "https://acme.example/token"
revocation_endpoint = "https://acme.example/revoke"
userinfo_endpoint = "https://acme.example/me"
"#;

/// The metadata of the OpenID Provider.
pub fn metadata() -> Vec<u8> {
    serde_json::json!({
        "issuer": ISSUER,
        "authorization_endpoint": format!("{ISSUER}/authorize"),
        "token_endpoint": format!("{ISSUER}/token"),
        "userinfo_endpoint": format!("{ISSUER}/userinfo"),
        "jwks_uri": format!("{ISSUER}/jwks"),
    })
    .to_string()
    .into_bytes()
}

/// A client of the OpenID Provider.
pub fn openid_client() -> Client {
    Client::new(Provider::openid(ISSUER), registration(), &http()).unwrap()
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future.
pub fn wait<T>(future: impl IntoFuture<Output = T>) -> T {
    let mut future = pin!(future.into_future());
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        std::thread::park();
    }
}

/// Whether a text holds what no terminal and no log should be given.
pub fn is_unfit(text: &str) -> bool {
    vouchsafe::legible(text) != text
}

/// What holds of every error: it can be shown, it is short, and it holds none of the secrets that were sent.
pub fn check_error(error: &Error, sent: &[&str]) {
    let mut said = error.to_string();
    assert!(!is_unfit(&said), "{said:?}");
    assert!(said.chars().count() < 2000, "{said}");
    assert!(!error.code().is_empty() && !is_unfit(error.code()), "{:?}", error.code());
    if let Error::Server(error) = error {
        for text in [error.description(), error.uri()].into_iter().flatten() {
            assert!(!is_unfit(text), "{text:?}");
        }
    }
    said.push_str(&format!("{error:?} {error:#?}"));
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        said.push_str(&format!(" {cause} {cause:?}"));
        source = cause.source();
    }
    for secret in sent {
        for shape in shapes(secret) {
            assert!(!said.contains(&shape), "{shape} in {said}");
        }
    }
}

/// A secret as it is, and as it stands in a form, in base64 and in hexadecimal.
fn shapes(secret: &str) -> [String; 4] {
    let hex = secret.bytes().map(|b| format!("{b:02x}")).collect();
    [secret.to_owned(), byte_serialize(secret.as_bytes()).collect(), STANDARD.encode(secret), hex]
}

/// A token is visible ASCII, and there is one (RFC 6749 appendix A.12).
pub fn check_token(token: &str) {
    assert!(!token.is_empty() && token.bytes().all(|b| (b' '..=b'~').contains(&b)), "{token:?}");
}

/// Tokens that are stored and read say what they said before.
pub fn check_tokens(tokens: &Tokens) {
    let read = check_stored(tokens);
    assert_eq!(read.scopes().collect::<Vec<_>>(), tokens.scopes().collect::<Vec<_>>());
    assert_eq!(read.access_token(), tokens.access_token());
    assert_eq!(read.refresh_token(), tokens.refresh_token());
    assert_eq!(read.unverified_id_token(), tokens.unverified_id_token());
}

/// What is stored, read and stored again is the same.
pub fn check_stored<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
    let stored = serde_json::to_string(value).unwrap();
    let read: T =
        serde_json::from_str(&stored).unwrap_or_else(|e| panic!("{stored} cannot be read back: {e}"));
    assert_eq!(serde_json::to_string(&read).unwrap(), stored);
    read
}

pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
