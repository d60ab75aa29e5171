//! What all back-channel answers have in common: content types, and the many ways to say no.
use std::collections::BTreeMap;

use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{Uri, header};
use serde_json::Value;
use vouchsafe_providers::ErrorShape;

use super::params::{JSON, UNCHANGED};
use crate::endpoint::is_page;
use crate::error::{Error, ErrorCode, Malformed, Operation, ServerError};
use crate::text::form::read_form;
use crate::text::json::{self, Json};
use crate::text::legible::legible;
use crate::text::redact;
use crate::text::redact::MAX_TEXT;
use crate::transport::{Request, Response, origin, retry_after};

/// An exchange that is under way: what it is for, where it went, and what must not come back out.
pub(crate) struct Exchange<'a> {
    pub(crate) operation: Operation,
    pub(crate) uri: &'a Uri,
    /// What was sent and must not be shown, should a provider's error quote it.
    pub(crate) secrets: &'a [&'a str],
    pub(crate) dialect: Dialect<'a>,
}

/// How a provider's answers differ from what the RFCs ask for.
#[derive(Clone, Copy)]
pub(crate) struct Dialect<'a> {
    /// What JSON may be sent as, besides as JSON.
    pub(crate) content_types: &'a [String],
    /// An answer may be a form.
    pub(crate) form: bool,
    /// How an answer says no in words of its own.
    pub(crate) failure: Option<&'a ErrorShape>,
    /// The provider's error codes, in the words of the RFCs.
    pub(crate) error_codes: &'a BTreeMap<String, String>,
}

impl Dialect<'_> {
    pub(crate) const PLAIN: Self =
        Self { content_types: &[], form: false, failure: None, error_codes: &UNCHANGED };
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
            return Err(self.fault(Malformed::Json, "is not a JSON object"));
        }
        Ok(json)
    }

    pub(crate) fn not_json(&self, error: &json::InvalidJson) -> Error {
        self.fault(Malformed::Json, &format!("cannot be read: {error}"))
    }

    /// An error in the answer as such.
    pub(crate) fn fault(&self, fault: Malformed, what: &str) -> Error {
        let what = redact::shown(what, self.secrets, legible, usize::MAX);
        Error::response(self.operation, fault, format!("the answer of {} {what}", origin(self.uri)))
    }

    /// The error for an answer whose status is no success.
    pub(crate) fn refusal(&self, response: &Response) -> Error {
        let status = response.status().as_u16();
        let body = if self.is_form(response) {
            read_form(response.body()).map(Value::Object)
        } else {
            json::parse(response.body()).ok().map(|body| body.value().clone())
        };
        let said =
            body.and_then(|body| self.failed(&body, Some(status)).or_else(|| self.said(&body, Some(status))));
        said.or_else(|| self.said_in_header(response, status))
            .unwrap_or_else(|| Error::status_of(self.operation, origin(self.uri), status))
            .after(retry_after(response))
    }

    /// Whether the answer is a form. What begins as an object is JSON, whatever it is called.
    pub(crate) fn is_form(&self, response: &Response) -> bool {
        self.may_be_form(essence(response)) && !response.body().trim_ascii_start().starts_with(b"{")
    }

    /// Whether an answer of that type may be a form.
    fn may_be_form(&self, essence: Option<&str>) -> bool {
        let is = |essence: &str| FORMS.iter().any(|form| essence.eq_ignore_ascii_case(form));
        self.dialect.form && essence.is_none_or(is)
    }

    /// The error in an answer that says no in words of its own.
    pub(crate) fn failed(&self, body: &Value, status: Option<u16>) -> Option<Error> {
        let failure = self.dialect.failure?;
        let code = match body.pointer(&failure.code)? {
            Value::Null => return None,
            Value::Array(several) if several.is_empty() => return None,
            Value::String(code) => code.clone(),
            code @ (Value::Number(_) | Value::Bool(_)) => code.to_string(),
            Value::Array(_) | Value::Object(_) => "unknown_error".to_owned(),
        };
        if failure.success.contains(&code) {
            return None;
        }
        let description = failure.description.as_ref().and_then(|pointer| body.pointer(pointer)?.as_str());
        Some(self.server_error(&code, description, None, status))
    }

    /// The error in a JSON answer, whatever its status: RFC 6749 section 5.2, or `error` as an object.
    pub(crate) fn said(&self, body: &Value, status: Option<u16>) -> Option<Error> {
        let (code, description, uri) = match body.get("error")? {
            Value::String(code) => {
                (code.as_str(), body.get("error_description"), body.get("error_uri").and_then(Value::as_str))
            }
            // Some providers have an `error` in every answer, and say in it whether there is one.
            Value::Object(_) if self.dialect.failure.is_some_and(|f| f.code.starts_with("/error/")) => {
                return None;
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
        let shown = |text: &str| redact::shown(text, self.secrets, legible, MAX_TEXT);
        let code = self.dialect.error_codes.get(code).map_or(code, String::as_str);
        Error::Server(Box::new(ServerError {
            operation: self.operation,
            code: ErrorCode::from_wire(code, self.secrets),
            description: description.map(shown),
            // RFC 6749 §5.2: the URI of a page. What else it could be (`javascript:`) is no link to show to anybody.
            uri: uri.filter(|uri| is_page(uri)).map(shown),
            status,
            retry_after: None,
        }))
    }

    fn check_content_type(&self, response: &Response) -> Result<(), Error> {
        // Where there are two, one reader takes the first and another the last: all of them must do.
        essences(response).try_for_each(|essence| self.check_essence(essence))
    }

    fn check_essence(&self, essence: &str) -> Result<(), Error> {
        let json = |e: &str| e == "application/json" || e == "text/json" || e.ends_with("+json");
        if json(essence) || json(&essence.to_ascii_lowercase()) || self.may_be_form(Some(essence)) {
            return Ok(());
        }
        if self.dialect.content_types.iter().any(|known| essence.eq_ignore_ascii_case(known)) {
            return Ok(());
        }
        let what = if essence.eq_ignore_ascii_case("text/html") {
            "is an HTML page, not JSON: is this the right URL?".to_owned()
        } else if matches!(self.operation, Operation::Discovery | Operation::KeySet) {
            // What is fetched for many is told to many: the provider's words may be of one of them.
            "is not JSON, by its content type".to_owned()
        } else {
            format!("is {}, not JSON", redact::shown(essence, self.secrets, legible, 80))
        };
        Err(self.fault(Malformed::ContentType, &what))
    }
}

/// The content type of an answer without its parameters, if it has one.
pub(crate) fn essence(response: &Response) -> Option<&str> {
    essences(response).next()
}

fn essences(response: &Response) -> impl Iterator<Item = &str> {
    let values = response.headers().get_all(CONTENT_TYPE).iter();
    values.map(|value| value.to_str().unwrap_or("?").split(';').next().unwrap_or_default().trim())
}

/// A GET.
pub(crate) fn get(uri: Uri) -> Request {
    let mut request = Request::new(Vec::new());
    *request.uri_mut() = uri;
    request.headers_mut().insert(header::ACCEPT, JSON);
    request
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

/// What forms are sent as.
const FORMS: [&str; 2] = ["application/x-www-form-urlencoded", "text/plain"];

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
        let exchange = Exchange {
            operation: Operation::Refresh,
            uri: &uri,
            secrets: &["hush-hush", "hush+more"],
            dialect: Dialect::PLAIN,
        };
        let said = "no such hush-hush, nor hush+more in token=hush%2Bmore";
        let body = serde_json::json!({"error": "invalid_grant", "error_description": said});
        let mut response = Response::new(body.to_string().into_bytes());
        *response.status_mut() = http::StatusCode::BAD_REQUEST;
        let error = exchange.refusal(&response);
        assert_eq!(error.code(), "invalid_grant");
        assert!(!format!("{error} {error:?}").contains("hush"), "{error}");
    }

    #[test]
    fn an_error_uri_is_the_one_of_a_page() {
        let uri = Uri::from_static("https://a.example/token");
        let exchange =
            Exchange { operation: Operation::Refresh, uri: &uri, secrets: &[], dialect: Dialect::PLAIN };
        let said = |uri: &str| match exchange.server_error("invalid_grant", None, Some(uri), None) {
            Error::Server(e) => e.uri().map(str::to_owned),
            error => panic!("{error}"),
        };
        assert_eq!(said("https://a.example/e?x=1#y").as_deref(), Some("https://a.example/e?x=1#y"));
        for uri in ["javascript:alert(1)", "https://a.example/\"><script>", "data:,x", "nowhere", ""] {
            assert_eq!(said(uri), None, "{uri}");
        }
    }
}
