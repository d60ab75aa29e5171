//! An HTTP client made of a closure: it answers to the letter, and remembers what it was asked.
use std::sync::{Arc, Mutex};

use serde_json::Value;
use vouchsafe::Http;
use vouchsafe::error::HttpErrorKind;
use vouchsafe::http::{BoxFuture, HttpClient, Limits, Request, Response, TransportError};

type Answer = Result<Response, TransportError>;

#[derive(Clone)]
pub(crate) struct Wire {
    answer: Arc<dyn Fn(&Request) -> Answer + Send + Sync>,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Wire {
    pub(crate) fn new(answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        Self::that_may_fail(move |request| Ok(answer(request)))
    }

    /// The same answer, whatever is asked.
    pub(crate) fn always(answer: Response) -> Self {
        Self::new(move |_| answer.clone())
    }

    /// No answer at all.
    pub(crate) fn dead(kind: HttpErrorKind) -> Self {
        Self::that_may_fail(move |_| Err(TransportError::new(kind)))
    }

    pub(crate) fn that_may_fail(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self { answer: Arc::new(answer), seen: Arc::default() }
    }

    pub(crate) fn http(&self) -> Http {
        Http::from(self.clone())
    }

    /// The requests so far, oldest first.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn seen_at(&self, path: &str) -> Vec<Request> {
        self.seen().into_iter().filter(|request| request.uri().path() == path).collect()
    }

    /// The only request there was, to the letter.
    pub(crate) fn only(&self) -> String {
        let [request] = &self.seen()[..] else { panic!("{} requests", self.seen().len()) };
        letter(request)
    }
}

impl HttpClient for Wire {
    fn send(&self, request: Request, _: Limits) -> BoxFuture<'_, Answer> {
        Box::pin(async move {
            // Others get their turn, as they do while a real request is on its way.
            tokio::task::yield_now().await;
            self.seen.lock().unwrap().push(request.clone());
            (self.answer)(&request)
        })
    }
}

/// A request to the letter: method and URL, the headers by name but for the agent's, the body.
pub(crate) fn letter(request: &Request) -> String {
    let agent = concat!("vouchsafe/", env!("CARGO_PKG_VERSION"));
    assert_eq!(header(request, "user-agent"), Some(agent));
    let mut headers: Vec<_> =
        request.headers().iter().filter(|(name, _)| !FIXED.contains(&name.as_str())).collect();
    headers.sort_by_key(|(name, _)| name.as_str());
    let mut text = format!("{} {}", request.method(), request.uri());
    for (name, value) in headers {
        text.push_str(&format!("\n{name}: {}", value.to_str().unwrap()));
    }
    text.push_str(&format!("\n\n{}", String::from_utf8_lossy(request.body())));
    text.trim_end().to_owned()
}

pub(crate) fn header<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    request.headers().get(name)?.to_str().ok()
}

/// The first parameter of that name in a form.
pub(crate) fn field(request: &Request, name: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(request.body());
    pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// The first parameter of that name in a URL's query.
pub(crate) fn param(url: &str, name: &str) -> Option<String> {
    let url = url::Url::parse(url).unwrap();
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

pub(crate) fn json(status: u16, body: Value) -> Response {
    answer(status, "application/json", body.to_string())
}

pub(crate) fn answer(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Response {
    http::Response::builder().status(status).header("content-type", content_type).body(body.into()).unwrap()
}

/// Headers that every request has.
const FIXED: [&str; 2] = ["user-agent", "accept-encoding"];
