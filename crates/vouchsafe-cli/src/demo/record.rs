//! Records requests and responses. Secrets are masked before anything is kept.
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;
use url::form_urlencoded;
use vouchsafe::error::Operation;
use vouchsafe::http::{BoxFuture, HttpClient, Limits, Request, Response, TransportError};

/// The participants, from left to right in the diagram.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Party {
    Browser,
    App,
    Provider,
}

impl Party {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Browser => "Browser",
            Self::App => "App",
            Self::Provider => "Provider",
        }
    }
}

/// One step of the flow: a request, its response, or both.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) from: Party,
    pub(super) to: Party,
    pub(super) title: &'static str,
    pub(super) why: &'static str,
    pub(super) request: Option<Message>,
    pub(super) response: Option<Message>,
    pub(super) took: Option<Duration>,
    began: Instant,
}

impl Step {
    pub(super) fn new(from: Party, to: Party, title: &'static str, why: &'static str) -> Self {
        Self { from, to, title, why, request: None, response: None, took: None, began: Instant::now() }
    }

    pub(super) fn request(self, message: Message) -> Self {
        Self { request: Some(message), ..self }
    }

    pub(super) fn response(self, message: Message) -> Self {
        Self { response: Some(message), ..self }
    }
}

/// A request or a response in a form that can be shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Message {
    /// `POST http://…` or `200 OK`.
    pub(super) line: String,
    /// The parameters of the query or the form.
    pub(super) params: Vec<(String, String)>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<String>,
    /// Whether it is an error response, or no response arrived.
    pub(super) failed: bool,
}

impl Message {
    /// A request without a body.
    pub(super) fn get(url: &str) -> Self {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        Self { line: format!("GET {base}"), params: params(query.as_bytes()), ..Self::default() }
    }

    /// A request with its parameters in a form.
    pub(super) fn post(url: &str) -> Self {
        Self { line: format!("POST {}", url.split('?').next().unwrap_or_default()), ..Self::default() }
    }

    pub(super) fn form(mut self, form: &[u8]) -> Self {
        self.params.extend(params(form));
        self
    }

    /// A response that redirects the browser.
    pub(super) fn redirect(url: &str) -> Self {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let mark = if query.is_empty() { "" } else { "?…" };
        Self {
            line: "303 See Other".to_owned(),
            params: params(query.as_bytes()),
            headers: vec![("location".to_owned(), format!("{base}{mark}"))],
            ..Self::default()
        }
    }

    pub(super) fn status(status: StatusCode) -> Self {
        Self { line: status.to_string(), failed: status.as_u16() >= 400, ..Self::default() }
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn of_request(request: &Request) -> Self {
        let uri = request.uri().to_string();
        let mut message = Self::get(&uri);
        message.line = message.line.replacen("GET", request.method().as_str(), 1);
        message.params.extend(params(request.body()));
        message.headers = headers(request.headers());
        message
    }

    fn of_response(response: &Response) -> Self {
        let (headers, body) = (headers(response.headers()), body(response.body()));
        Self { headers, body, ..Self::status(response.status()) }
    }
}

/// The latest steps of one session.
#[derive(Clone, Debug, Default)]
pub(super) struct Trace(Arc<Mutex<Vec<Step>>>);

impl Trace {
    pub(super) fn push(&self, step: Step) {
        let mut steps = self.lock();
        if steps.len() == MAX_STEPS {
            steps.remove(0);
        }
        // Requests that run at the same time end in any order. They are shown in the order in which they began.
        let at = steps.partition_point(|other| other.began <= step.began);
        steps.insert(at, step);
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    pub(super) fn steps(&self) -> Vec<Step> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Step>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A transport that records its requests and responses.
pub(super) struct Recorder {
    pub(super) inner: Arc<dyn HttpClient>,
    pub(super) trace: Trace,
}

impl HttpClient for Recorder {
    fn send(&self, request: Request, limits: Limits) -> BoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(async move {
            let (title, why) = purpose(&request);
            let step =
                Step::new(Party::App, Party::Provider, title, why).request(Message::of_request(&request));
            let result = self.inner.send(request, limits).await;
            let response = match &result {
                Ok(response) => Message::of_response(response),
                Err(_) => Message { line: "no response".to_owned(), failed: true, ..Message::default() },
            };
            let took = Some(step.began.elapsed());
            self.trace.push(Step { took, ..step.response(response) });
            result
        })
    }
}

/// A title for a request to the provider, and why it is sent.
fn purpose(request: &Request) -> (&'static str, &'static str) {
    match request.extensions().get::<Operation>() {
        Some(Operation::AuthorizationCode) => (
            "Token request",
            "The app sends the code straight to the provider. It authenticates with its client secret, and proves with the \
             code verifier that it started this login.",
        ),
        Some(Operation::Refresh) => (
            "Refresh",
            "The app requests a new access token. A refresh token can be used once: the response contains the next one.",
        ),
        Some(Operation::Revocation) => {
            ("Revocation", "The app gives its access up. From now on the provider refuses its tokens.")
        }
        Some(Operation::Discovery) => {
            ("Discovery", "The provider’s metadata says where its endpoints are and what it supports.")
        }
        Some(Operation::KeySet) => {
            ("Keys", "The app needs the provider’s public keys to verify the signature of the ID token.")
        }
        Some(Operation::Profile | Operation::Identity) => (
            "Profile",
            "The app uses the access token to ask who signed in. The profile has to belong to the user of the ID token.",
        ),
        _ => ("Request", "The app sends a request to the provider."),
    }
}

fn params(form: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(form)
        .take(MAX_PARAMS)
        .map(|(name, value)| {
            let shown = if is_secret(&name) { masked(&value) } else { shortened(&value) };
            (shortened(&name), shown)
        })
        .collect()
}

fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .take(MAX_PARAMS)
        .map(|(name, value)| {
            let text = String::from_utf8_lossy(value.as_bytes());
            let shown = match name.as_str() {
                // The scheme is not a secret. It shows how the client authenticates.
                "authorization" => format!("{} {MASK}", text.split(' ').next().unwrap_or_default()),
                "cookie" | "set-cookie" => MASK.to_owned(),
                _ => shortened(&text),
            };
            (name.to_string(), shown)
        })
        .collect()
}

fn body(body: &[u8]) -> Option<String> {
    if body.is_empty() {
        return None;
    }
    let Ok(mut json) = serde_json::from_slice::<Value>(body) else {
        // Only members of JSON have names by which secrets can be found.
        return Some(format!("{} bytes that are not JSON", body.len()));
    };
    mask_members(&mut json);
    let mut text = serde_json::to_string_pretty(&json).ok()?;
    if let Some((end, _)) = text.char_indices().nth(MAX_BODY) {
        text.truncate(end);
        text.push('…');
    }
    Some(text)
}

fn mask_members(json: &mut Value) {
    match json {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(text) if is_secret(name) => *text = masked(text),
                    value => mask_members(value),
                }
            }
        }
        Value::Array(entries) => entries.iter_mut().for_each(mask_members),
        _ => {}
    }
}

fn is_secret(name: &str) -> bool {
    [
        "access_token",
        "client_secret",
        "code",
        "code_verifier",
        "id_token",
        "id_token_hint",
        "nonce",
        "refresh_token",
        "state",
        "token",
    ]
    .contains(&name)
}

/// A secret in a form that can be shown: if it is long, its first four characters and 16 bits of its hash, by which people
/// recognise equal secrets.
pub(super) fn masked(text: &str) -> String {
    if text.chars().count() < 20 {
        return MASK.to_owned();
    }
    let start: String = text.chars().take(4).collect();
    let hash = digest(&SHA256, text.as_bytes());
    format!("{start}{MASK}\u{a0}#{:02x}{:02x}", hash.as_ref()[0], hash.as_ref()[1])
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(MAX_VALUE).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

pub(super) const MASK: &str = "••••";
const MAX_STEPS: usize = 60;
const MAX_PARAMS: usize = 40;
const MAX_VALUE: usize = 300;
const MAX_BODY: usize = 6000;

#[cfg(test)]
mod tests {
    use super::*;

    const HUSH: &str = "hush-hush-hush-hush-hush";

    #[test]
    fn no_secret_of_a_request_is_kept() {
        for name in ["code", "code_verifier", "client_secret", "refresh_token", "token", "state", "nonce"] {
            let request = axum::http::Request::post(format!("https://a.example/token?{name}={HUSH}"))
                .header("authorization", format!("Basic {HUSH}"))
                .header("cookie", HUSH)
                .body(format!("{name}={HUSH}").into_bytes())
                .unwrap();
            let kept = format!("{:?}", Message::of_request(&request));
            assert!(!kept.contains("hush-"), "{kept}");
            assert!(kept.contains("Basic ••••"), "{kept}");
        }
    }

    #[test]
    fn no_secret_of_a_response_is_kept() {
        let body = format!(
            r#"{{"access_token": "{HUSH}", "more": [{{"refresh_token": "{HUSH}", "id_token": "{HUSH}"}}], "scope": "a"}}"#
        );
        let response =
            axum::http::Response::builder().header("set-cookie", HUSH).body(body.into_bytes()).unwrap();
        let kept = format!("{:?}", Message::of_response(&response));
        assert!(!kept.contains("hush-") && kept.contains("scope"), "{kept}");
    }

    #[test]
    fn a_body_that_cannot_be_masked_is_not_kept() {
        assert!(!body(format!("access_token={HUSH}").as_bytes()).unwrap().contains("hush"));
    }

    #[test]
    fn short_secrets_show_nothing_and_long_ones_can_be_told_apart() {
        assert_eq!(masked("hush"), MASK);
        assert_eq!(masked(HUSH), "hush••••\u{a0}#e468");
    }

    #[test]
    fn steps_are_in_the_order_in_which_they_began() {
        let trace = Trace::default();
        let [first, second] =
            ["first", "second"].map(|title| Step::new(Party::App, Party::Provider, title, ""));
        trace.push(second);
        trace.push(first);
        assert_eq!(trace.steps().iter().map(|step| step.title).collect::<Vec<_>>(), ["first", "second"]);
    }

    #[test]
    fn a_trace_is_bounded() {
        let trace = Trace::default();
        for _ in 0..MAX_STEPS + 5 {
            trace.push(Step::new(Party::App, Party::Browser, "a", "b"));
        }
        assert_eq!(trace.steps().len(), MAX_STEPS);
    }
}
