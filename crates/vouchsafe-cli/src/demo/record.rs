//! Records requests and responses, with their secrets masked.
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{self, HeaderMap, HeaderName, Method};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::form_urlencoded;
use vouchsafe::Error;
use vouchsafe::error::Operation;
use vouchsafe::http::{BoxFuture, HttpClient, Limits, Request, Response, TransportError};

use super::mask::{MASK, Masks};

/// The participants, from left to right in the diagram.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
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
    /// The operation of the library to which it belongs.
    pub(super) operation: Option<Operation>,
    pub(super) refusal: Option<Refusal>,
    began: Instant,
}

/// Who refused a step, and why.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Refusal {
    pub(super) by: String,
    /// The error's code, such as `state_mismatch`.
    pub(super) code: String,
    pub(super) reason: String,
}

impl Step {
    pub(super) fn new(from: Party, to: Party, told: Told) -> Self {
        let (request, response, took, operation) = (None, None, None, None);
        Self { from, to, told, request, response, took, operation, refusal: None, began: Instant::now() }
    }

    pub(super) fn of(self, operation: Option<Operation>) -> Self {
        Self { operation, ..self }
    }

    pub(super) fn request(self, message: Message) -> Self {
        Self { request: Some(message), ..self }
    }

    pub(super) fn response(self, message: Message) -> Self {
        Self { response: Some(message), ..self }
    }
}

/// A request or a response in a form that can be shown.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Message {
    /// `POST http://…` or `200 OK`.
    pub(super) line: String,
    /// The parameters: of the query and the form of a request, or of the URL to which a response redirects.
    pub(super) params: Vec<(String, String)>,
    /// The number of parameters that are in the query of a request. The others are in its form.
    #[serde(default)]
    pub(super) in_query: usize,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<String>,
    /// Whether it is an error response, or no response arrived.
    pub(super) failed: bool,
}

/// Reads messages in the form in which they can be shown.
impl Masks {
    pub(super) fn request(&self, method: &Method, url: &str, headers: &HeaderMap, body: &[u8]) -> Message {
        // The library marks its credentials. A provider may quote them.
        for value in headers.values().filter(|value| value.is_sensitive()) {
            self.add(value.to_str().unwrap_or_default().rsplit(' ').next().unwrap_or_default());
        }
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (form, body) = self.form_or_body(headers, body);
        let mut params: Vec<_> = self.params(query.as_bytes()).collect();
        let in_query = params.len();
        params.extend(form);
        let line = self.shown(&format!("{method} {base}"));
        Message { line, params, in_query, headers: self.headers(headers), body, failed: false }
    }

    pub(super) fn response<B>(&self, response: &http::Response<B>, body: &[u8]) -> Message {
        let (status, headers) = (response.status(), response.headers());
        let location = headers.get(LOCATION).map(|url| url.as_bytes()).unwrap_or_default();
        let query = location.splitn(2, |b| *b == b'?').nth(1).unwrap_or_default();
        let (form, body) = self.form_or_body(headers, body);
        let params = self.params(query).chain(form).collect();
        let failed = status.as_u16() >= 400;
        let line = status.to_string();
        Message { line, params, in_query: 0, headers: self.headers(headers), body, failed }
    }

    fn params(&self, form: &[u8]) -> impl Iterator<Item = (String, String)> {
        form_urlencoded::parse(form).take(MAX_PARAMS).map(|(name, value)| {
            (shortened(&self.shown(&name), MAX_VALUE), shortened(&self.named(&name, &value), MAX_VALUE))
        })
    }

    /// The parameters of a body that is a form, or else the body.
    fn form_or_body(&self, headers: &HeaderMap, body: &[u8]) -> (Vec<(String, String)>, Option<String>) {
        let is_form = headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(FORM));
        match serde_json::from_slice::<Value>(body) {
            _ if body.is_empty() => (Vec::new(), None),
            Ok(mut json) => {
                self.mask_json(&mut json);
                let text = serde_json::to_string_pretty(&json).unwrap_or_default();
                (Vec::new(), Some(shortened(&text, MAX_BODY)))
            }
            Err(_) if is_form => (self.params(body).collect(), None),
            // A secret could be cut in two, or written in a form in which nobody looks for it.
            Err(_) => (Vec::new(), Some(format!("{} bytes that are neither JSON nor a form", body.len()))),
        }
    }

    fn mask_json(&self, json: &mut Value) {
        match json {
            Value::Object(members) => {
                for (name, value) in members {
                    match value {
                        Value::String(text) => *text = self.named(name, text),
                        Value::Number(_) if self.is_personal(name) => *value = MASK.into(),
                        value => self.mask_json(value),
                    }
                }
            }
            Value::Array(entries) => entries.iter_mut().for_each(|entry| self.mask_json(entry)),
            Value::String(text) => *text = self.shown(text),
            _ => {}
        }
    }

    fn headers(&self, headers: &HeaderMap) -> Vec<(String, String)> {
        let matters = |(name, _): &(&HeaderName, _)| HEADERS.split(' ').any(|known| known == name.as_str());
        let shown = headers.iter().filter(matters).take(MAX_PARAMS).map(|(name, value)| {
            let text = String::from_utf8_lossy(value.as_bytes());
            let up_to = |end: char| text.split_once(end).map_or("", |(start, _)| start);
            let shown = match name.as_str() {
                // The scheme, which shows how the client authenticates, is no secret.
                name if value.is_sensitive() || name == "authorization" => {
                    format!("{} {MASK}", up_to(' ')).trim().to_owned()
                }
                "cookie" | "set-cookie" => format!("{}={MASK}", up_to('=')),
                // The parameters have their own list.
                "location" if text.contains('?') => format!("{}?…", self.shown(up_to('?'))),
                _ => shortened(&self.shown(&text), MAX_VALUE),
            };
            (name.to_string(), shown)
        });
        shown.collect()
    }
}

/// The latest steps of one flow.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    pub(super) masks: Masks,
    steps: Arc<Mutex<Vec<Step>>>,
}

impl Trace {
    pub(super) fn new(masks: Masks) -> Self {
        Self { masks, steps: Arc::default() }
    }

    pub(super) fn push(&self, step: Step) {
        let mut steps = self.lock();
        if steps.len() == MAX_STEPS {
            steps.remove(0);
        }
        // Requests that run at the same time end in any order. They are shown in the order in which they began.
        let at = steps.partition_point(|other| other.began <= step.began);
        steps.insert(at, step);
    }

    /// Marks the latest step of this operation as the one that was refused; the latest of all, if it has none.
    pub(super) fn refuse(&self, operation: Operation, refusal: Refusal) {
        let mut steps = self.lock();
        let found = steps.iter().rposition(|step| step.operation == Some(operation));
        if let Some(step) = found.or(steps.len().checked_sub(1)).and_then(|at| steps.get_mut(at)) {
            step.refusal = Some(refusal);
        }
    }

    pub(super) fn steps(&self) -> Vec<Step> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Step>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
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
            let masks = &self.trace.masks;
            let operation = request.extensions().get().copied();
            let step = Step::new(Party::App, Party::Provider, purpose(operation)).of(operation);
            let (method, headers, body) = (request.method().clone(), headers.clone(), request.body().clone());
            let result = self.inner.send(request, limits).await;
            // The provider knows the secrets of the request now.
            let request = masks.request(&method, &url, &headers, &body);
            let response = match &result {
                Ok(response) => masks.response(response, response.body()),
                Err(_) => Message { line: "no response".to_owned(), failed: true, ..Message::default() },
            };
            let took = Some(step.began.elapsed());
            self.trace.push(Step { took, ..step.request(request).response(response) });
            result
        })
    }
}

/// A title for a request to the provider, and why it is sent.
fn purpose(operation: Option<Operation>) -> Told {
    match operation {
        Some(Operation::AuthorizationCode) => (
            "Token request",
            "The app sends the code directly to the provider, and authenticates. If the provider knows code verifiers, the \
             verifier proves that this app started the login.",
        ),
        Some(Operation::Refresh) => (
            "Refresh",
            "The app requests a new access token. If the response has a new refresh token too, the old one is spent.",
        ),
        Some(Operation::Revocation) => {
            ("Revocation", "The app gives up its access: from now on the provider refuses the revoked token.")
        }
        Some(Operation::Discovery) => {
            ("Discovery", "The provider’s metadata says where its endpoints are and what it supports.")
        }
        Some(Operation::KeySet) => {
            ("Keys", "The app needs the provider’s public keys to verify the signature of the ID token.")
        }
        Some(Operation::PushedRequest) => (
            "Pushed authorization request",
            "The app sends the parameters of the login directly to the provider, so that the browser carries only a reference.",
        ),
        Some(Operation::Profile) => (
            "Profile",
            "The app uses the access token to ask who signed in. If there is an ID token, both have to be about the same user.",
        ),
        Some(Operation::Identity) => (
            "E-mail addresses",
            "The profile has no e-mail address. The provider has a list of them elsewhere.",
        ),
        _ => ("Request", "The app sends a request to the provider."),
    }
}

/// The reason of an error without the operation in front of it, which the marked step shows.
pub(super) fn reason(error: &Error) -> String {
    let text = error.to_string();
    let reason = text.strip_prefix(&error.operation().to_string()).and_then(|rest| {
        [" was refused: ", " failed: ", " is not possible: "].iter().find_map(|said| rest.strip_prefix(said))
    });
    reason.unwrap_or(&text).to_owned()
}

/// The beginning of a text.
fn shortened(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

const FORM: &[u8] = b"application/x-www-form-urlencoded";
/// The headers that are shown. Browsers send many more, which no login depends on.
const HEADERS: &str =
    "accept authorization cache-control content-type cookie location retry-after set-cookie www-authenticate";
pub(super) const MAX_STEPS: usize = 60;
const MAX_PARAMS: usize = 40;
const MAX_VALUE: usize = 300;
const MAX_BODY: usize = 6000;

#[cfg(test)]
mod tests {
    use super::*;

    const HUSH: &str = "hush-hush-hush-hush-hush";

    async fn masks() -> Masks {
        let masks = Masks::new(&Arc::new(vouchsafe_sandbox::Sandbox::start().await.unwrap()), []);
        let definition = vouchsafe_providers::Definition::empty("acme");
        masks.learn(&format!("https://a.example/?state={HUSH}"), &definition);
        masks
    }

    #[tokio::test]
    async fn no_secret_of_a_request_is_kept_whatever_its_name_is() {
        for name in ["code", "codeVerifier", "x", "state", "accessToken"] {
            let mut request =
                axum::http::Request::post(format!("https://a.example/{HUSH}/token?{name}={HUSH}"))
                    .header("authorization", format!("Basic {HUSH}"))
                    .header("api-key", HUSH)
                    .header("cookie", HUSH)
                    .header("accept", format!("a/{HUSH}"))
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body(format!("{name}={HUSH}&{HUSH}=x").into_bytes())
                    .unwrap();
            request.headers_mut().get_mut("authorization").unwrap().set_sensitive(true);
            let (url, headers) = (request.uri().to_string(), request.headers());
            let kept = masks().await.request(request.method(), &url, headers, request.body());
            let kept = format!("{kept:?}");
            assert!(!kept.contains("hush-"), "{kept}");
            assert!(kept.contains("Basic ••••") && kept.contains(name), "{kept}");
        }
    }

    #[tokio::test]
    async fn no_secret_of_a_response_is_kept_whatever_its_name_is() {
        let body = format!(
            r#"{{"accessToken": "{HUSH}", "more": [{{"a": "Bearer {HUSH}"}}, "{HUSH}"], "scope": "a"}}"#
        );
        for (kind, body, other) in [
            ("application/json", body, "scope"),
            ("application/x-www-form-urlencoded", format!("a={HUSH}&scope=a"), "scope"),
            ("text/plain", format!("access_token={HUSH}"), "bytes"),
            ("application/json", format!(r#"{{"access_token": "{HUSH}"#), "bytes"),
        ] {
            let response = axum::http::Response::builder()
                .header("set-cookie", HUSH)
                .header("content-type", kind)
                .header("location", format!("https://a.example/{HUSH}?code={HUSH}"))
                .body(body.into_bytes())
                .unwrap();
            let kept = format!("{:?}", masks().await.response(&response, response.body()));
            assert!(!kept.contains("hush-") && kept.contains(other), "{kept}");
        }
    }

    #[tokio::test]
    async fn steps_are_in_the_order_in_which_they_began() {
        let trace = Trace::new(masks().await);
        let [first, second] =
            ["first", "second"].map(|title| Step::new(Party::App, Party::Provider, (title, "")));
        trace.push(second);
        trace.push(first);
        assert_eq!(trace.steps().iter().map(|step| step.told.0).collect::<Vec<_>>(), ["first", "second"]);
    }

    #[tokio::test]
    async fn a_trace_is_bounded() {
        let trace = Trace::new(masks().await);
        for _ in 0..MAX_STEPS + 5 {
            trace.push(Step::new(Party::App, Party::Browser, ("a", "b")));
        }
        assert_eq!(trace.steps().len(), MAX_STEPS);
    }
}
