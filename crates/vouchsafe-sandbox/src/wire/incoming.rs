//! A request from a client, as it arrived.

use axum::body::Bytes;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use url::form_urlencoded;

use crate::wire::Params;

/// A request from a client or a browser.
pub(crate) struct Incoming {
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) query: Params,
    pub(crate) body: Bytes,
}

impl Incoming {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The form in the body, or `None` if the body is something else.
    pub(crate) fn form(&self) -> Option<Params> {
        Params::from_body(&self.headers, &self.body)
    }

    /// The members of the JSON object in the body, as parameters.
    pub(crate) fn json(&self) -> Option<Params> {
        if !self.header("content-type")?.starts_with("application/json") {
            return None;
        }
        let Ok(Value::Object(members)) = serde_json::from_slice(&self.body) else {
            return None;
        };
        let text = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        Some(Params::from_pairs(members.into_iter().map(|(name, value)| (name, text(value)))))
    }

    /// The parameters in the body, in either encoding.
    pub(crate) fn body_params(&self) -> Params {
        self.form().or_else(|| self.json()).unwrap_or_else(|| Params::from_pairs([]))
    }

    /// The parameters in the body and in the query, those in the body first.
    pub(crate) fn any_params(&self) -> Params {
        self.body_params().with(&self.query)
    }

    /// Every value that may be a code or a token, wherever it is.
    pub(crate) fn candidates(&self) -> Vec<String> {
        let fields = self.headers.values().filter_map(|value| value.to_str().ok());
        // The credentials follow the scheme, if there is one.
        let fields = fields.filter_map(|value| value.rsplit(' ').next());
        fields.chain(self.any_params().values()).map(str::to_owned).collect()
    }

    /// Everything in the request that may be a secret: the credentials, and the values of the form.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let fields = self.headers.get_all(AUTHORIZATION).iter().filter_map(|value| value.to_str().ok());
        let mut secrets = Vec::new();
        for field in fields {
            let credentials = field.rsplit(' ').next().unwrap_or_default();
            secrets.push(credentials.to_owned());
            let plain = STANDARD.decode(credentials).ok().and_then(|plain| String::from_utf8(plain).ok());
            secrets.extend(plain);
        }
        secrets.extend(form_urlencoded::parse(&self.body).map(|(_, value)| value.into_owned()));
        secrets
    }
}
