//! The parameters of a back-channel request: what they are called at this provider, and where they go.
use std::collections::BTreeMap;

use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Uri};
use serde_json::{Map, Value};
use url::form_urlencoded::byte_serialize;
use vouchsafe_providers::Encoding;

use crate::endpoint::Endpoint;
use crate::transport::Request;

/// Parameters on their way into a form, a JSON object or a query.
pub(crate) struct Params<'a> {
    encoding: Encoding,
    /// What parameters are called here, if not as in the RFCs; the first that knows one counts.
    names: [&'a BTreeMap<String, String>; 2],
    form: String,
    members: Map<String, Value>,
}

impl<'a> Params<'a> {
    pub(crate) fn new(encoding: Encoding, names: [&'a BTreeMap<String, String>; 2]) -> Self {
        let form = if encoding == Encoding::Json { String::new() } else { String::with_capacity(384) };
        Self { encoding, names, form, members: Map::new() }
    }

    /// Adds a parameter under the name that it has here; leaves it out where that is empty.
    pub(crate) fn push(&mut self, name: &str, value: &str) {
        match called(self.names, name) {
            "" => {}
            name => self.add(name, value),
        }
    }

    /// Adds a parameter under just that name.
    pub(crate) fn add(&mut self, name: &str, value: &str) {
        if self.encoding == Encoding::Json {
            self.members.insert(name.to_owned(), value.into());
            return;
        }
        if !self.form.is_empty() {
            self.form.push('&');
        }
        self.form.extend(byte_serialize(name.as_bytes()));
        self.form.push('=');
        self.form.extend(byte_serialize(value.as_bytes()));
    }

    pub(crate) fn add_all(&mut self, params: &BTreeMap<String, String>) {
        for (name, value) in params {
            self.add(name, value);
        }
    }

    /// What a form or a query holds so far.
    pub(crate) fn text(&self) -> &str {
        &self.form
    }

    /// The request, by POST unless the parameters go into the query or another method is asked for.
    pub(crate) fn request(
        mut self,
        method: Option<Method>,
        endpoint: &Endpoint,
        headers: HeaderMap,
    ) -> Request {
        // In one order, also where serde_json keeps that of their coming (`preserve_order`).
        self.members.sort_keys();
        let (usual, uri, content_type, body) = match self.encoding {
            Encoding::Query => (Method::GET, with_query(endpoint, &self.form), None, String::new()),
            Encoding::Json => {
                (Method::POST, endpoint.uri(), Some(JSON), Value::Object(self.members).to_string())
            }
            _ if self.form.is_empty() => (Method::POST, endpoint.uri(), None, self.form),
            _ => (Method::POST, endpoint.uri(), Some(FORM), self.form),
        };
        let mut request = Request::new(body.into_bytes());
        *request.method_mut() = method.unwrap_or(usual);
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        let headers = request.headers_mut();
        if let Some(content_type) = content_type {
            headers.insert(CONTENT_TYPE, content_type);
        }
        headers.entry(ACCEPT).or_insert(JSON);
        request
    }
}

/// An endpoint with more parameters in its query.
pub(crate) fn with_query(endpoint: &Endpoint, query: &str) -> Uri {
    let plain = endpoint.uri();
    if query.is_empty() {
        return plain;
    }
    let separator = if plain.query().is_some() { '&' } else { '?' };
    // A URL and form-encoded text make a URL, unless it is longer than any: then the provider says what is missing.
    format!("{plain}{separator}{query}").parse().unwrap_or(plain)
}

/// What a parameter is called here.
pub(crate) fn called<'n>(names: [&'n BTreeMap<String, String>; 2], name: &'n str) -> &'n str {
    names.into_iter().filter(|names| !names.is_empty()).find_map(|names| names.get(name)).map_or(name, |n| n)
}

/// The headers that a definition asks for; the name of one that is none.
pub(crate) fn headers(wanted: &BTreeMap<String, String>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::with_capacity(wanted.len());
    for (name, value) in wanted {
        match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            (Ok(name), Ok(value)) => headers.insert(name, value),
            _ => return Err(name.clone()),
        };
    }
    Ok(headers)
}

/// No parameter has another name.
pub(crate) static UNCHANGED: BTreeMap<String, String> = BTreeMap::new();
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_is_none_is_told() {
        let wanted = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        assert_eq!(headers(&wanted("Client-Id", "me")).unwrap()["client-id"], "me");
        assert_eq!(headers(&wanted("a b", "c")).unwrap_err(), "a b");
        assert_eq!(headers(&wanted("a", "me\r\nb: c")).unwrap_err(), "a");
    }
}
