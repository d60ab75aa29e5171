//! The latest requests, as they arrived.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Mutex;

use url::form_urlencoded;

use crate::wire::lock;

/// A request exactly as it arrived at the sandbox, so that a test can check what a client has sent.
///
/// Its `Debug` output shows everything, secrets included: the secrets are the sandbox's own, and a failed assertion needs
/// them.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// The method, such as `POST`.
    pub method: String,
    /// The path, such as `/token`.
    pub path: String,
    /// The query without its question mark, exactly as sent.
    pub query: Option<String>,
    /// The header fields in order, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, exactly as sent.
    pub body: Vec<u8>,
}

impl RecordedRequest {
    /// The first header field of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    /// The first parameter of this name in the query.
    pub fn query_value(&self, name: &str) -> Option<String> {
        value(self.query.as_deref()?.as_bytes(), name)
    }

    /// The parameters of a form in the body, in order.
    pub fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }

    /// The first parameter of this name in the body.
    pub fn form_value(&self, name: &str) -> Option<String> {
        value(&self.body, name)
    }
}

impl fmt::Debug for RecordedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordedRequest")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("query", &self.query)
            .field("headers", &self.headers)
            .field("body", &String::from_utf8_lossy(&self.body))
            .finish()
    }
}

#[derive(Default)]
pub(crate) struct Record(Mutex<VecDeque<RecordedRequest>>);

impl Record {
    pub(crate) fn push(&self, request: RecordedRequest) {
        let mut requests = lock(&self.0);
        if requests.len() >= MAX_RECORDED {
            requests.pop_front();
        }
        requests.push_back(request);
    }

    pub(crate) fn all(&self) -> Vec<RecordedRequest> {
        lock(&self.0).iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        lock(&self.0).clear();
    }
}

const MAX_RECORDED: usize = 1000;

fn value(form: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(form).find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}
