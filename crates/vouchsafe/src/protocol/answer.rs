//! What all back-channel answers have in common: content types, and the many ways to say no.
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{Method, Uri, header};
use serde_json::Value;
use url::form_urlencoded::byte_serialize;

use crate::error::{Error, ErrorCode, Fault, MAX_TEXT, Operation, ServerError, printable};
use crate::http::{Request, Response, origin};
use crate::json::{self, Json};
use crate::secret::Secret;

/// An exchange that is under way: what it is for, where it went, and what must not come back out.
pub(crate) struct Exchange<'a> {
    pub(crate) operation: Operation,
    pub(crate) uri: &'a Uri,
    /// What was sent and must not be shown, should a provider's error quote it.
    pub(crate) secrets: &'a [&'a str],
}

impl Exchange<'_> {
    /// The body of an answer that must be JSON and a success.
    pub(crate) fn json<'r>(&self, response: &'r Response) -> Result<&'r [u8], Error> {
        if !response.status().is_success() {
            return Err(self.refusal(response));
        }
        self.check_content_type(response)?;
        Ok(response.body())
    }

    /// The JSON object in an answer that must be one.
    pub(crate) fn object(&self, response: &Response) -> Result<Json, Error> {
        let body = self.json(response)?;
        let json = json::parse(body).map_err(|e| self.not_json(&e))?;
        if !json.value().is_object() {
            return Err(self.fault(Fault::Json, "is not a JSON object"));
        }
        Ok(json)
    }

    pub(crate) fn not_json(&self, error: &json::InvalidJson) -> Error {
        self.fault(Fault::Json, &format!("cannot be read: {error}"))
    }

    /// An error in the answer as such.
    pub(crate) fn fault(&self, fault: Fault, what: &str) -> Error {
        Error::response(self.operation, fault, format!("the answer of {} {what}", origin(self.uri)))
    }

    /// The error for an answer whose status is no success.
    pub(crate) fn refusal(&self, response: &Response) -> Error {
        let status = response.status().as_u16();
        let said = json::parse(response.body()).ok().and_then(|body| self.said(body.value(), Some(status)));
        said.or_else(|| self.said_in_header(response, status))
            .unwrap_or_else(|| Error::status_of(self.operation, origin(self.uri), status))
    }

    /// The error in a JSON answer, whatever its status: RFC 6749 section 5.2, or `error` as an object.
    pub(crate) fn said(&self, body: &Value, status: Option<u16>) -> Option<Error> {
        let (code, description, uri) = match body.get("error")? {
            Value::String(code) => {
                (code.as_str(), body.get("error_description"), body.get("error_uri").and_then(Value::as_str))
            }
            Value::Object(error) => {
                let code = ["type", "status", "code"].iter().find_map(|n| error.get(*n)?.as_str());
                (code.unwrap_or("unknown_error"), error.get("message"), None)
            }
            _ => return None,
        };
        Some(self.server_error(code, description.and_then(Value::as_str), uri, status))
    }

    /// RFC 6750 §3: a resource server says no in `WWW-Authenticate`.
    fn said_in_header(&self, response: &Response, status: u16) -> Option<Error> {
        let challenge = response.headers().get(WWW_AUTHENTICATE)?.to_str().ok()?;
        let code = quoted(challenge, "error")?;
        Some(self.server_error(code, quoted(challenge, "error_description"), None, Some(status)))
    }

    pub(crate) fn server_error(
        &self,
        code: &str,
        description: Option<&str>,
        uri: Option<&str>,
        status: Option<u16>,
    ) -> Error {
        let shown = |text: &str| printable(&self.redact(text), MAX_TEXT);
        Error::Server(Box::new(ServerError {
            operation: self.operation,
            code: ErrorCode::from_wire(&self.redact(code)),
            description: description.map(shown),
            uri: uri.map(shown),
            status,
        }))
    }

    /// Providers quote what they were sent; secrets must not come back that way, nor as they stood in the form.
    fn redact(&self, text: &str) -> String {
        let secrets = self.secrets.iter().filter(|s| s.len() >= SHORTEST_SECRET);
        secrets.fold(text.to_owned(), |text, secret| {
            let in_form: String = byte_serialize(secret.as_bytes()).collect();
            text.replace(*secret, "…").replace(&in_form, "…")
        })
    }

    fn check_content_type(&self, response: &Response) -> Result<(), Error> {
        let Some(value) = response.headers().get(CONTENT_TYPE) else {
            return Ok(());
        };
        let value = value.to_str().unwrap_or("?");
        let essence = value.split(';').next().unwrap_or_default().trim();
        let json = |e: &str| e == "application/json" || e == "text/json" || e.ends_with("+json");
        if json(essence) || json(&essence.to_ascii_lowercase()) {
            return Ok(());
        }
        let what = if essence.eq_ignore_ascii_case("text/html") {
            "is an HTML page, not JSON: is this the right URL?".to_owned()
        } else {
            format!("is {}, not JSON", printable(essence, 80))
        };
        Err(self.fault(Fault::ContentType, &what))
    }
}

/// A POST of a form.
pub(crate) fn post(uri: Uri, headers: header::HeaderMap, form: String) -> Request {
    let mut request = Request::new(form.into_bytes());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, header::HeaderValue::from_static("application/x-www-form-urlencoded"));
    headers.insert(header::ACCEPT, JSON);
    request
}

/// A GET, with an access token where one is given.
pub(crate) fn get(uri: Uri, token: Option<&Secret>) -> Request {
    let mut request = Request::new(Vec::new());
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    headers.insert(header::ACCEPT, JSON);
    if let Some(token) = token {
        headers.insert(header::AUTHORIZATION, bearer(token));
    }
    request
}

fn bearer(token: &Secret) -> header::HeaderValue {
    let text = Secret::new(format!("Bearer {}", token.expose()));
    // Tokens hold visible ASCII alone: `Tokens` are not made of anything else.
    let mut value =
        header::HeaderValue::from_str(text.expose()).unwrap_or(header::HeaderValue::from_static("Bearer"));
    value.set_sensitive(true);
    value
}

/// A parameter of a challenge, `name="value"` (RFC 7235 section 2.1).
fn quoted<'a>(challenge: &'a str, name: &str) -> Option<&'a str> {
    challenge.match_indices(name).find_map(|(at, _)| {
        let before = challenge[..at].chars().next_back();
        let value =
            challenge[at + name.len()..].trim_start().strip_prefix('=')?.trim_start().strip_prefix('"')?;
        matches!(before, None | Some(' ' | ',' | '\t')).then(|| value.split('"').next()).flatten()
    })
}

const JSON: header::HeaderValue = header::HeaderValue::from_static("application/json");
/// Shorter texts are no secrets, and would be found everywhere.
const SHORTEST_SECRET: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_read_by_whole_names() {
        let challenge = r#"Bearer realm="x", error="invalid_token", error_description="it expired""#;
        assert_eq!(quoted(challenge, "error"), Some("invalid_token"));
        assert_eq!(quoted(challenge, "error_description"), Some("it expired"));
        assert_eq!(quoted(r#"Bearer my_error="x""#, "error"), None);
        assert_eq!(quoted("Bearer", "error"), None);
    }

    #[test]
    fn an_error_that_quotes_a_secret_is_redacted() {
        let uri = Uri::from_static("https://a.example/token");
        let exchange =
            Exchange { operation: Operation::Refresh, uri: &uri, secrets: &["hush-hush", "hush+more"] };
        let said = "no such hush-hush, nor hush+more in token=hush%2Bmore";
        let body = serde_json::json!({"error": "invalid_grant", "error_description": said});
        let mut response = Response::new(body.to_string().into_bytes());
        *response.status_mut() = http::StatusCode::BAD_REQUEST;
        let error = exchange.refusal(&response);
        assert_eq!(error.code(), "invalid_grant");
        assert!(!format!("{error} {error:?}").contains("hush"), "{error}");
    }
}
