//! Reading a response: content types, and the many ways in which providers send errors.
use std::collections::BTreeMap;
use std::time::SystemTime;

use http::Uri;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, WWW_AUTHENTICATE};
use serde_json::Value;
use vouchsafe_providers::{ErrorShape, TokenQuirks, UserInfoQuirks};

use super::quirks::UNCHANGED;
use crate::endpoint::is_page;
use crate::error::{Error, ErrorCode, Malformed, Operation, ServerError};
use crate::secret::Noted;
use crate::text::controls;
use crate::text::form::read_form;
use crate::text::json;
use crate::text::legible::legible;
use crate::text::redact::{self, MAX_TEXT};
use crate::transport::{Response, origin, retry_after};

/// A response with the context for reading it: the operation, the secrets that must not be shown, and the time.
pub(crate) struct Incoming<'a> {
    pub(crate) operation: Operation,
    /// Where the request went.
    pub(crate) uri: &'a Uri,
    /// The secrets that an error must not show if the provider quotes them.
    pub(crate) noted: &'a Noted<'a>,
    pub(crate) dialect: Dialect<'a>,
    pub(crate) response: Response,
    /// The request carried a DPoP proof.
    pub(crate) is_proved: bool,
    pub(crate) now: SystemTime,
}

/// How a provider's responses differ from the RFCs.
#[derive(Clone, Copy)]
pub(crate) struct Dialect<'a> {
    /// Content types, besides JSON, for JSON responses.
    pub(crate) content_types: &'a [String],
    /// A response may be a form.
    pub(crate) form: bool,
    /// Members of a JSON response whose texts may hold raw control characters.
    pub(crate) control_characters: &'a [String],
    /// The provider's own error format.
    pub(crate) failure: Option<&'a ErrorShape>,
    /// The provider's error codes, in the words of the RFCs.
    pub(crate) error_codes: &'a BTreeMap<String, String>,
    /// At a refresh, the provider's other words for `invalid_grant`, by their place.
    pub(crate) spent: Option<&'a BTreeMap<String, Vec<String>>>,
}

impl<'a> Dialect<'a> {
    pub(crate) const PLAIN: Self = Self {
        content_types: &[],
        form: false,
        control_characters: &[],
        failure: None,
        error_codes: &UNCHANGED,
        spent: None,
    };

    /// Responses of the token endpoint.
    pub(crate) fn of_tokens(quirks: &'a TokenQuirks) -> Self {
        Self {
            content_types: &quirks.content_types,
            form: quirks.form_response,
            control_characters: &[],
            failure: quirks.failure.as_ref(),
            error_codes: &quirks.error_codes,
            spent: None,
        }
    }

    /// Responses of the UserInfo endpoint.
    pub(crate) fn of_profiles(quirks: &'a UserInfoQuirks, tokens: &'a TokenQuirks) -> Self {
        Self {
            content_types: &quirks.content_types,
            form: false,
            control_characters: &quirks.control_characters,
            failure: quirks.failure.as_ref(),
            error_codes: &tokens.error_codes,
            spent: None,
        }
    }
}

impl Incoming<'_> {
    /// Checks that the response is a success and JSON, or a form where the provider sends forms.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if !self.response.status().is_success() {
            return Err(self.refusal());
        }
        // If there are two content types, one reader uses the first and another the last, so all must be accepted.
        essences(&self.response).try_for_each(|essence| self.check_essence(essence))
    }

    /// Checks that the status is a success. OAuth defines no error responses for metadata and keys, so an error has only the
    /// status.
    pub(crate) fn check_status(&self) -> Result<(), Error> {
        if self.response.status().is_success() { Ok(()) } else { Err(self.status_error()) }
    }

    fn status_error(&self) -> Error {
        let error = Error::status_of(self.operation, origin(self.uri), self.response.status().as_u16());
        error.after(retry_after(&self.response, self.now))
    }

    /// Reads a response that must be a JSON object.
    pub(crate) fn object(&self) -> Result<Value, Error> {
        self.check()?;
        let text = json::as_text(self.response.body()).map_err(|e| self.not_json(&e))?;
        let text = controls::escaped(text, self.dialect.control_characters);
        let json = json::parse(text.as_bytes()).map_err(|e| self.not_json(&e))?;
        if !json.is_object() {
            return Err(self.malformed(
                Malformed::Json,
                "must be a JSON object, and is another JSON value: check that this is the right URL",
            ));
        }
        Ok(json)
    }

    pub(crate) fn not_json(&self, error: &json::JsonError) -> Error {
        let coding = self.response.headers().get(CONTENT_ENCODING).and_then(|coding| coding.to_str().ok());
        match coding.filter(|coding| !coding.eq_ignore_ascii_case("identity")) {
            // The request asks for no coding (`Accept-Encoding: identity`).
            Some(coding) => self.malformed(
                Malformed::ContentType,
                &format!("has the content coding {coding}, although the request accepts none: the server, or a proxy in between, must send the body unchanged"),
            ),
            None => self.malformed(Malformed::Json, &format!("must be JSON, and could not be parsed: {error}")),
        }
    }

    /// The error for a response that breaks the protocol.
    pub(crate) fn malformed(&self, malformed: Malformed, what: &str) -> Error {
        let what = self.noted.hidden(|secrets| redact::shown(what, secrets, legible, usize::MAX));
        Error::response(self.operation, malformed, format!("the response from {} {what}", origin(self.uri)))
    }

    /// The error for a response whose status is not a success.
    pub(crate) fn refusal(&self) -> Error {
        let body = if self.is_form() {
            read_form(self.response.body()).map(Value::Object)
        } else {
            json::parse(self.response.body()).ok()
        };
        body.and_then(|body| self.error_in(&body))
            .or_else(|| self.error_in_header())
            .unwrap_or_else(|| self.status_error())
            .after(retry_after(&self.response, self.now))
    }

    /// The error in a JSON response, whatever its status.
    pub(crate) fn error_in(&self, body: &Value) -> Option<Error> {
        self.ended(body).or_else(|| self.failed(body)).or_else(|| self.said(body))
    }

    /// The error of a refresh token that is spent, in other words than `invalid_grant`.
    fn ended(&self, body: &Value) -> Option<Error> {
        let is_said = |(pointer, words): (&String, &Vec<String>)| match body.pointer(pointer) {
            Some(Value::String(said)) => words.contains(said),
            Some(said @ Value::Number(_)) => words.contains(&said.to_string()),
            _ => false,
        };
        let spent = self.dialect.spent.filter(|_| !self.response.status().is_server_error())?;
        spent.iter().any(is_said).then(|| {
            let text = |name: &str| body.get(name).and_then(Value::as_str);
            self.server_error("invalid_grant", text("error_description").or_else(|| text("message")), None)
        })
    }

    /// Whether the response is a form. A body that begins with `{` is JSON, whatever its content type.
    pub(crate) fn is_form(&self) -> bool {
        self.dialect.form
            && self.may_be_form(essence(&self.response))
            && !self.response.body().trim_ascii_start().starts_with(b"{")
    }

    /// Whether a response of that content type may be a form.
    fn may_be_form(&self, essence: Option<&str>) -> bool {
        let is = |essence: &str| FORMS.iter().any(|form| essence.eq_ignore_ascii_case(form));
        self.dialect.form && essence.is_none_or(is)
    }

    /// The error in a response with an error format of the provider's own.
    pub(crate) fn failed(&self, body: &Value) -> Option<Error> {
        let failure = self.dialect.failure?;
        let code = match body.pointer(&failure.code)? {
            Value::Null => return None,
            Value::Array(several) if several.is_empty() => return None,
            Value::String(code) if code.is_empty() => return None,
            Value::String(code) => code.clone(),
            code @ (Value::Number(_) | Value::Bool(_)) => code.to_string(),
            Value::Array(_) | Value::Object(_) => "unknown_error".to_owned(),
        };
        if failure.success.contains(&code) {
            return None;
        }
        let description = failure.description.as_ref().and_then(|pointer| body.pointer(pointer)?.as_str());
        Some(self.server_error(&code, description, None))
    }

    /// The error as RFC 6749 section 5.2 has it, or `error` as an object.
    pub(crate) fn said(&self, body: &Value) -> Option<Error> {
        let (code, description, uri) = match body.get("error")? {
            Value::String(code) if code.is_empty() => return None,
            Value::String(code) => {
                (code.as_str(), body.get("error_description"), body.get("error_uri").and_then(Value::as_str))
            }
            // Some providers send the object `error` in every response, and a code in it says whether there was an error.
            Value::Object(_) if self.dialect.failure.is_some_and(|f| f.code.starts_with("/error/")) => {
                return None;
            }
            Value::Object(error) => {
                let code = ["type", "status", "code"].iter().find_map(|n| error.get(*n)?.as_str());
                (code.unwrap_or("unknown_error"), error.get("message"), None)
            }
            _ => return None,
        };
        Some(self.server_error(code, description.and_then(Value::as_str), uri))
    }

    /// RFC 6750 §3: a resource server puts the error into `WWW-Authenticate`.
    fn error_in_header(&self) -> Option<Error> {
        let challenge = self.response.headers().get(WWW_AUTHENTICATE)?.to_str().ok()?;
        let code = quoted(challenge, "error")?;
        Some(self.server_error(code, quoted(challenge, "error_description"), None))
    }

    fn server_error(&self, code: &str, description: Option<&str>, uri: Option<&str>) -> Error {
        // If the application fetched the response itself, neither its status nor its URL is known.
        let status = self.uri.host().map(|_| self.response.status().as_u16());
        let said = Said { code, description, uri, status };
        server_error(self.operation, self.dialect.error_codes, self.noted, said)
    }

    fn check_essence(&self, essence: &str) -> Result<(), Error> {
        let is = |known: &str| essence.eq_ignore_ascii_case(known);
        let is_json = JSON.into_iter().any(is) || essence.to_ascii_lowercase().ends_with("+json");
        if is_json || self.may_be_form(Some(essence)) || self.dialect.content_types.iter().any(|own| is(own))
        {
            return Ok(());
        }
        let what = if essence.eq_ignore_ascii_case("text/html") {
            "is an HTML page, not JSON: check that this is the right URL".to_owned()
        } else if matches!(self.operation, Operation::Discovery | Operation::KeySet) {
            // The error of a shared fetch goes to many callers, and the provider's text may contain a secret of one of them.
            "is not JSON, by its content type: check that this is the right URL".to_owned()
        } else {
            let essence = self.noted.hidden(|secrets| redact::shown(essence, secrets, legible, 80));
            format!("is {essence}, not JSON: check that this is the right URL")
        };
        Err(self.malformed(Malformed::ContentType, &what))
    }
}

/// An error as the provider sent it.
pub(crate) struct Said<'a> {
    pub(crate) code: &'a str,
    pub(crate) description: Option<&'a str>,
    pub(crate) uri: Option<&'a str>,
    pub(crate) status: Option<u16>,
}

/// The error that a provider sent, without the secrets of the call.
pub(crate) fn server_error(
    operation: Operation,
    error_codes: &BTreeMap<String, String>,
    noted: &Noted<'_>,
    said: Said<'_>,
) -> Error {
    let code = error_codes.get(said.code).map_or(said.code, String::as_str);
    noted.hidden(|secrets| {
        let shown = |text: &str| redact::shown(text, secrets, legible, MAX_TEXT);
        Error::Server(Box::new(ServerError {
            operation,
            code: ErrorCode::from_wire(code, secrets),
            description: said.description.map(shown),
            // RFC 6749 §5.2: the URI of a page. Other URIs (`javascript:`) must not become a link.
            uri: said.uri.filter(|uri| is_page(uri)).map(shown),
            status: said.status,
            remark: String::new(),
            retry_after: None,
            remedy: None,
        }))
    })
}

/// The content type of a response without its parameters, if it has one.
pub(crate) fn essence(response: &Response) -> Option<&str> {
    essences(response).next()
}

fn essences(response: &Response) -> impl Iterator<Item = &str> {
    let values = response.headers().get_all(CONTENT_TYPE).iter();
    // Some servers repeat the type after a comma, or put one before their parameters.
    let types = values.flat_map(|value| value.to_str().unwrap_or("?").split(','));
    let essences = types.map(|one| one.split(';').next().unwrap_or_default().trim());
    essences.filter(|essence| essence.contains('/') || !essence.contains('='))
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

/// The content types that JSON comes with. It is parsed strictly, so a wrong one of these does no harm; a page does not parse.
const JSON: [&str; 4] = ["application/json", "text/json", "text/plain", "application/octet-stream"];
/// The content types of forms.
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
        let noted = Noted::default();
        noted.note_all(["hush-hush", "hush+more"]);
        let said = "no such hush-hush, nor hush+more in token=hush%2Bmore";
        let body = serde_json::json!({"error": "invalid_grant", "error_description": said});
        let mut response = Response::new(body.to_string().into_bytes());
        *response.status_mut() = http::StatusCode::BAD_REQUEST;
        let incoming = Incoming {
            is_proved: false,
            operation: Operation::Refresh,
            uri: &Uri::from_static("https://a.example/token"),
            noted: &noted,
            dialect: Dialect::PLAIN,
            response,
            now: SystemTime::UNIX_EPOCH,
        };
        let error = incoming.refusal();
        assert_eq!(error.code(), "invalid_grant");
        assert!(!format!("{error} {error:?}").contains("hush"), "{error}");
    }

    #[test]
    fn an_error_uri_is_the_one_of_a_page() {
        let error = |uri: &str| {
            let said = Said { code: "invalid_grant", description: None, uri: Some(uri), status: None };
            server_error(Operation::Refresh, &UNCHANGED, &Noted::default(), said)
        };
        let said = |uri: &str| match error(uri) {
            Error::Server(e) => e.uri().map(str::to_owned),
            error => panic!("{error}"),
        };
        assert_eq!(said("https://a.example/e?x=1#y").as_deref(), Some("https://a.example/e?x=1#y"));
        for uri in ["javascript:alert(1)", "https://a.example/\"><script>", "data:,x", "nowhere", ""] {
            assert_eq!(said(uri), None, "{uri}");
        }
    }
}
