//! Records requests and responses. Secrets are masked before anything is kept.
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::header::LOCATION;
use axum::http::{self, HeaderMap, HeaderName, Method};
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
        ["Browser", "App", "Provider"][self as usize]
    }
}

/// The title of a step, and an explanation.
pub(super) type Told = (&'static str, &'static str);

/// One step of the flow: a request, its response, or both.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) from: Party,
    pub(super) to: Party,
    pub(super) told: Told,
    pub(super) request: Option<Message>,
    pub(super) response: Option<Message>,
    pub(super) took: Option<Duration>,
    began: Instant,
}

impl Step {
    pub(super) fn new(from: Party, to: Party, told: Told) -> Self {
        Self { from, to, told, request: None, response: None, took: None, began: Instant::now() }
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
    /// The parameters: of the query and the form of a request, or of the URL to which a response redirects.
    pub(super) params: Vec<(String, String)>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<String>,
    /// Whether it is an error response, or no response arrived.
    pub(super) failed: bool,
}

impl Message {
    pub(super) fn request(method: &Method, url: &str, headers: &HeaderMap, form: &[u8]) -> Self {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let params = params(query.as_bytes()).chain(params(form)).collect();
        Self { line: format!("{method} {base}"), params, headers: shown(headers), ..Self::default() }
    }

    pub(super) fn response<B>(response: &http::Response<B>, body: &[u8]) -> Self {
        let (status, headers) = (response.status(), response.headers());
        let location = headers.get(LOCATION).map(|url| url.as_bytes()).unwrap_or_default();
        let query = location.splitn(2, |b| *b == b'?').nth(1).unwrap_or_default();
        Self {
            line: status.to_string(),
            params: params(query).collect(),
            headers: shown(headers),
            body: shown_body(body),
            failed: status.as_u16() >= 400,
        }
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
            let (url, headers) = (request.uri().to_string(), request.headers());
            let message = Message::request(request.method(), &url, headers, request.body());
            let step = Step::new(Party::App, Party::Provider, purpose(&request)).request(message);
            let result = self.inner.send(request, limits).await;
            let response = match &result {
                Ok(response) => Message::response(response, response.body()),
                Err(_) => Message { line: "no response".to_owned(), failed: true, ..Message::default() },
            };
            let took = Some(step.began.elapsed());
            self.trace.push(Step { took, ..step.response(response) });
            result
        })
    }
}

/// A title for a request to the provider, and why it is sent.
fn purpose(request: &Request) -> Told {
    match request.extensions().get::<Operation>() {
        Some(Operation::AuthorizationCode) => (
            "Token request",
            "The app sends the code directly to the provider. It authenticates with its client secret, and proves with the \
             code verifier that it started this login.",
        ),
        Some(Operation::Refresh) => (
            "Refresh",
            "The app requests a new access token. A refresh token can be used once: the response contains the next one.",
        ),
        Some(Operation::Revocation) => {
            ("Revocation", "The app gives up its access: from now on the provider refuses these tokens.")
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

fn params(form: &[u8]) -> impl Iterator<Item = (String, String)> {
    form_urlencoded::parse(form).take(MAX_PARAMS).map(|(name, value)| {
        let shown = if is_secret(&name) { masked(&value) } else { shortened(&value, MAX_VALUE) };
        (shortened(&name, MAX_VALUE), shown)
    })
}

fn shown(headers: &HeaderMap) -> Vec<(String, String)> {
    let matters = |(name, _): &(&HeaderName, _)| HEADERS.split(' ').any(|known| known == name.as_str());
    let shown = headers.iter().filter(matters).take(MAX_PARAMS).map(|(name, value)| {
        let text = String::from_utf8_lossy(value.as_bytes());
        let up_to = |end: char| text.split_once(end).map_or("", |(start, _)| start);
        let shown = match name.as_str() {
            // The scheme is not a secret. It shows how the client authenticates.
            "authorization" => format!("{} {MASK}", up_to(' ')),
            "cookie" | "set-cookie" => format!("{}={MASK}", up_to('=')),
            // The parameters have their own list.
            "location" if text.contains('?') => format!("{}?…", up_to('?')),
            _ => shortened(&text, MAX_VALUE),
        };
        (name.to_string(), shown)
    });
    shown.collect()
}

fn shown_body(body: &[u8]) -> Option<String> {
    if body.is_empty() {
        return None;
    }
    let Ok(mut json) = serde_json::from_slice::<Value>(body) else {
        // Only members of JSON have names by which secrets can be found.
        return Some(format!("{} bytes that are not JSON", body.len()));
    };
    mask_members(&mut json);
    serde_json::to_string_pretty(&json).ok().map(|text| shortened(&text, MAX_BODY))
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
    SECRETS.split(' ').any(|secret| secret == name)
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

/// The beginning of a text.
fn shortened(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

const MASK: &str = "••••";
/// The parameters and members whose values are masked.
const SECRETS: &str =
    "access_token client_secret code code_verifier id_token id_token_hint nonce refresh_token state token";
/// The headers that are shown. Browsers send many more, which no login depends on.
const HEADERS: &str =
    "accept authorization cache-control content-type cookie location retry-after set-cookie www-authenticate";
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
            let (url, headers) = (request.uri().to_string(), request.headers());
            let kept = Message::request(request.method(), &url, headers, request.body());
            let kept = format!("{kept:?}");
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
        let kept = format!("{:?}", Message::response(&response, response.body()));
        assert!(!kept.contains("hush-") && kept.contains("scope"), "{kept}");
    }

    #[test]
    fn a_body_that_cannot_be_masked_is_not_kept() {
        assert!(!shown_body(format!("access_token={HUSH}").as_bytes()).unwrap().contains("hush"));
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
            ["first", "second"].map(|title| Step::new(Party::App, Party::Provider, (title, "")));
        trace.push(second);
        trace.push(first);
        assert_eq!(trace.steps().iter().map(|step| step.told.0).collect::<Vec<_>>(), ["first", "second"]);
    }

    #[test]
    fn a_trace_is_bounded() {
        let trace = Trace::default();
        for _ in 0..MAX_STEPS + 5 {
            trace.push(Step::new(Party::App, Party::Browser, ("a", "b")));
        }
        assert_eq!(trace.steps().len(), MAX_STEPS);
    }
}
