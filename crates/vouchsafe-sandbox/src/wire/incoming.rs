//! A request from a client, as it arrived.

use axum::body::{Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use url::form_urlencoded;

use crate::wire::Params;

/// A request from a client or a browser.
pub(crate) struct Incoming {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Params,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The connection, if it is one with TLS.
    pub(crate) tls: Option<Tls>,
}

/// A connection with TLS, and the certificate of the client on it.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    /// In DER.
    pub(crate) certificate: Option<Vec<u8>>,
}

impl Incoming {
    /// Reads a request, whose body the router has limited.
    pub(crate) async fn read(request: Request) -> Result<Self, StatusCode> {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, usize::MAX).await.map_err(|_| StatusCode::BAD_REQUEST)?;
        let query = Params::parse(parts.uri.query().unwrap_or_default());
        let path = parts.uri.path().to_owned();
        let tls = parts.extensions.get::<ConnectInfo<Tls>>().map(|ConnectInfo(tls)| tls.clone());
        Ok(Self { method: parts.method, path, query, headers: parts.headers, body, tls })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The form in the body, or `None` if the body is something else.
    pub(crate) fn form(&self) -> Option<Params> {
        let media_type = self.header("content-type")?.split(';').next().unwrap_or_default().trim();
        let is_form = media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded");
        is_form.then(|| Params::parse(&self.body))
    }

    /// The parameters of a browser's request: in the form of a POST, otherwise in the query.
    pub(crate) fn params(&self) -> Option<Params> {
        if self.method == Method::POST { self.form() } else { Some(self.query.clone()) }
    }

    /// The members of the JSON object in the body, as parameters.
    pub(crate) fn json(&self) -> Option<Params> {
        let Ok(Value::Object(members)) = serde_json::from_slice(&self.body) else { return None };
        let is_json = self.header("content-type")?.starts_with("application/json");
        is_json.then(|| Params::from_pairs(members.into_iter().map(|(name, value)| (name, text(&value)))))
    }

    /// The parameters in the body, in either encoding.
    pub(crate) fn body_params(&self) -> Params {
        self.form().or_else(|| self.json()).unwrap_or_default()
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
        for credentials in fields.filter_map(|field| field.rsplit(' ').next()) {
            secrets.push(credentials.to_owned());
            let plain = STANDARD.decode(credentials).ok().and_then(|plain| String::from_utf8(plain).ok());
            secrets.extend(plain);
        }
        secrets.extend(form_urlencoded::parse(&self.body).map(|(_, value)| value.into_owned()));
        secrets
    }
}

/// A JSON string as it is, any other value as JSON.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
