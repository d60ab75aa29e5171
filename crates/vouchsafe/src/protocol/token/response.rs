//! The response of a token endpoint (RFC 6749 section 5).
use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};
use vouchsafe_providers::TokenQuirks;

use crate::error::{Check, Error, LeftOut, Malformed, Operation, Warning};
use crate::protocol::response::Incoming;
use crate::secret::{Secret, Whole};
use crate::text::form::read_form;
use crate::text::json::{self, Scalar, add_missing};
use crate::text::legible::legible;
use crate::text::moment::{self, LATEST};
use crate::text::redact;

/// A token response, checked member by member.
#[derive(Clone, Debug)]
pub(crate) struct TokenResponse {
    pub(crate) received_at: SystemTime,
    pub(crate) access_token: Secret,
    /// The access token is bound to the client's DPoP key.
    pub(crate) is_bound: bool,
    /// Requests can be authorized with the access token. A token exchange also issues other tokens (RFC 8693 section 2.2.1).
    pub(crate) is_usable: bool,
    pub(crate) refresh_token: Option<Secret>,
    pub(crate) id_token: Option<Secret>,
    pub(crate) scope: Option<Box<str>>,
    pub(crate) expires_at: Option<SystemTime>,
    /// The whole response, if it has members besides these.
    pub(crate) extra: Option<Secret>,
    pub(crate) warnings: Vec<Warning>,
}

/// Reads a token response.
pub(crate) fn read(mut from: Incoming<'_>, quirks: &TokenQuirks) -> Result<TokenResponse, Error> {
    from.check()?;
    let is_form = from.is_form();
    let body = std::mem::take(from.response.body_mut());
    let from = &from;
    let plain = !is_form
        && quirks.response.is_empty()
        && quirks.response_names.is_empty()
        && from.dialect.failure.is_none()
        && from.dialect.spent.is_none();
    let body = if plain {
        into_text(from, body)?
    } else {
        translated(from, quirks, &Secret::from(into_text(from, body)?), is_form)?
    };
    let body = Whole::new(body);
    let mut members = [const { None }; KNOWN.len()];
    let has_more = json::pick_into(body.expose(), place, &mut members).map_err(|e| from.not_json(&e))?;
    let [access_token, token_type, expires_in, expires_at, refresh_token, id_token, scope, error] =
        &mut members;
    // A few providers send `"error": null` with every token.
    if !is_absent(error) {
        // Some providers always send errors with a status of success. Nothing else in the response counts then.
        let error = json::parse(body.expose().as_bytes()).ok().and_then(|body| from.said(&body));
        return Err(error.unwrap_or_else(|| {
            from.malformed(
                Malformed::InvalidField,
                "has an error that is not text: it must be an error code (RFC 6749 section 5.2)",
            )
        }));
    }
    let mut checked = Checked { from, body: &body, warnings: Vec::new() };

    let access_token = checked.token("access_token", access_token)?;
    let Some(access_token) = access_token else {
        let what = match id_token {
            Some(_) => {
                "has an ID token, but no access_token: request a scope of an API as well, as Azure AD B2C requires"
            }
            None => "has no access_token: check that this is the URL of the token endpoint",
        };
        return Err(from.malformed(Malformed::MissingField, what));
    };
    let mut is_usable = true;
    match checked.text("token_type", token_type)?.filter(|kind| !kind.is_empty()) {
        Some(kind) if from.operation == Operation::TokenExchange && kind.eq_ignore_ascii_case("n_a") => {
            is_usable = false;
        }
        // RFC 6749 §7.1: a client must not use a token of a type that it does not know.
        Some(kind) if from.is_proved && kind.eq_ignore_ascii_case("dpop") => {}
        // RFC 9449 §5: without the binding, the token is not what the client asked for.
        Some(kind) if from.is_proved && is_bearer(&kind, quirks) => {
            let detail = "expected the token_type DPoP, found Bearer: this client requires tokens that are bound to its key (Registration::dpop), \
                          so switch DPoP on for this client at the provider";
            return Err(Error::validation(from.operation, Check::TokenType, detail));
        }
        Some(kind) if !is_bearer(&kind, quirks) => {
            // The value may quote a token that came with it.
            let others = [&*refresh_token, &*id_token].map(|other| match other {
                Some(Scalar::Text(text)) => text,
                _ => "",
            });
            from.noted.note_all([access_token.expose()].into_iter().chain(others));
            let shown = from.noted.hidden(|secrets| redact::shown(&kind, secrets, legible, MAX_TYPE));
            // RFC 6749 §A.11: a type is a word. More than a word may be a secret that nobody has noted.
            let is_part = |c: char| c.is_ascii_alphanumeric() || ['-', '.', '_'].contains(&c);
            let found = match shown.find(|c| !is_part(c)) {
                Some(end) => format!("{}…", &shown[..end]),
                None => shown,
            };
            let detail = format!(
                "expected the token_type Bearer, found {found}: let the provider issue bearer tokens to this client"
            );
            return Err(Error::validation(from.operation, Check::TokenType, detail));
        }
        None if !quirks.token_type_absent || from.is_proved => {
            return Err(from.malformed(
                Malformed::MissingField,
                "has no token_type, which must be Bearer (RFC 6749 section 5.1): the provider has to add it",
            ));
        }
        _ => {}
    }
    let expires_at = checked.expiry(expires_in, expires_at, quirks);
    let refresh_token = checked.optional_token("refresh_token", refresh_token);
    let refresh_token = refresh_token.or_else(|e| checked.left_out(LeftOut::RefreshToken, e))?;
    let id_token = checked.optional_token("id_token", id_token);
    let id_token = id_token.or_else(|e| checked.left_out(LeftOut::IdToken, e))?;
    let scope = checked.scope(scope, quirks).or_else(|e| checked.left_out(LeftOut::Scope, e))?;
    let extra = has_more.then(|| body.part(body.expose()));
    let warnings = checked.warnings;
    Ok(TokenResponse {
        received_at: from.now,
        access_token,
        is_bound: from.is_proved,
        is_usable,
        refresh_token,
        id_token,
        scope,
        expires_at,
        extra,
        warnings,
    })
}

fn into_text(from: &Incoming<'_>, body: Vec<u8>) -> Result<String, Error> {
    json::into_text(body).map_err(|e| from.not_json(&e))
}

/// A response with the member names of RFC 6749, made from one with the provider's own names.
fn translated(
    from: &Incoming<'_>,
    quirks: &TokenQuirks,
    body: &Secret,
    is_form: bool,
) -> Result<String, Error> {
    let body = body.expose().as_bytes();
    let mut document = if is_form {
        let members = read_form(body).ok_or_else(|| {
            from.malformed(
                Malformed::Json,
                "is neither JSON nor a form: check that this is the URL of the token endpoint",
            )
        })?;
        Value::Object(members)
    } else {
        json::parse(body).map_err(|e| from.not_json(&e))?
    };
    if let Some(error) = from.error_in(&document) {
        return Err(error);
    }
    let is_object = |pointer: &&str| document.pointer(pointer).is_some_and(Value::is_object);
    let place = match &*quirks.response {
        [] => Some("").filter(is_object).ok_or((Malformed::Json, "must be a JSON object with the token, and is another JSON value: check that this is the URL of the token endpoint")),
        places => places.iter().map(String::as_str).find(is_object).ok_or((
            Malformed::MissingField,
            "has no object with the token at the places that the definition names: correct token.response in the definition",
        )),
    };
    let place = place.map_err(|(fault, what)| from.malformed(fault, what))?;
    let mut members = match document.pointer_mut(place).map(Value::take) {
        Some(Value::Object(members)) => members,
        _ => Map::new(),
    };
    let known: Vec<_> = quirks
        .response_names
        .iter()
        .filter_map(|(ours, theirs)| Some((ours, members.remove(theirs)?)))
        .collect();
    for (name, value) in known {
        members.insert(name.clone(), value);
    }
    // Members beside the object with the token are kept, except those that could be mistaken for a part of it.
    if let Value::Object(mut beside) = document {
        beside.retain(|name, value| !KNOWN.contains(&name.as_str()) && !value.is_null());
        add_missing(&mut members, beside);
    }
    Ok(Value::Object(members).to_string())
}

/// RFC 6749 §7.1: a client must not use a token of an unknown type. Some providers have their own word for bearer tokens;
/// it is accepted unless it names a type that needs a proof.
fn is_bearer(kind: &str, quirks: &TokenQuirks) -> bool {
    let is = |known: &str| kind.eq_ignore_ascii_case(known);
    is("bearer") || (quirks.token_type_absent && !["dpop", "mac", "pop", "n_a"].into_iter().any(is))
}

/// RFC 6749 appendix A: tokens are visible ASCII. Other characters would break out of a header.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && is_visible(text)
}

/// Whether all characters are from the space to the tilde.
fn is_visible(text: &str) -> bool {
    // All others are farther from the space. The farthest is found in sixteen bytes at a time.
    text.bytes().fold(0, |farthest, b| b.wrapping_sub(b' ').max(farthest)) <= b'~' - b' '
}

/// Absent, `null` and the empty text are the same for members that a response may leave out.
fn is_absent(value: &Option<Scalar<'_>>) -> bool {
    match value {
        None | Some(Scalar::Null) => true,
        Some(Scalar::Text(text)) => text.is_empty(),
        Some(_) => false,
    }
}

struct Checked<'a> {
    from: &'a Incoming<'a>,
    body: &'a Whole,
    warnings: Vec<Warning>,
}

impl Checked<'_> {
    fn invalid(&self, name: &str, why: &str) -> Error {
        self.from.malformed(Malformed::InvalidField, &format!("has no usable {name}: it {why}"))
    }

    /// A refresh has spent the old refresh token: whatever else is wrong, the new tokens count.
    fn left_out<T>(&mut self, left_out: LeftOut, error: Error) -> Result<Option<T>, Error> {
        if self.from.operation != Operation::Refresh {
            return Err(error);
        }
        self.warnings.push(Warning::caused_by(left_out, error));
        Ok(None)
    }

    /// Takes a text out of the response. Absent and `null` are the same.
    fn text<'t>(&self, name: &str, value: &mut Option<Scalar<'t>>) -> Result<Option<Cow<'t, str>>, Error> {
        match value {
            None | Some(Scalar::Null) => Ok(None),
            Some(Scalar::Text(text)) => Ok(Some(std::mem::take(text))),
            Some(_) => Err(self.invalid(name, "is not text")),
        }
    }

    fn token(&self, name: &str, value: &mut Option<Scalar<'_>>) -> Result<Option<Secret>, Error> {
        let Some(text) = self.text(name, value)? else {
            return Ok(None);
        };
        if !is_token(&text) {
            return Err(self.invalid(name, "is empty or contains characters that no token may contain"));
        }
        Ok(Some(self.body.part(&text)))
    }

    /// Tumblr sends `"id_token": false` because it has none.
    fn optional_token(&self, name: &str, value: &mut Option<Scalar<'_>>) -> Result<Option<Secret>, Error> {
        match value {
            Some(Scalar::Bool(false)) => Ok(None),
            value if is_absent(value) => Ok(None),
            value => self.token(name, value),
        }
    }

    fn scope(&self, value: &mut Option<Scalar<'_>>, quirks: &TokenQuirks) -> Result<Option<Box<str>>, Error> {
        let scope = match value {
            Some(Scalar::Texts(many)) => {
                // They are split again at the separators.
                let separator = quirks.scope_separators.chars().next().unwrap_or(' ').to_string();
                many.join(&separator).into_boxed_str()
            }
            value if is_absent(value) => return Ok(None),
            one => self.text("scope", one)?.unwrap_or_default().into_owned().into_boxed_str(),
        };
        if !is_visible(&scope) && scope.contains(char::is_control) {
            return Err(self.invalid("scope", "contains control characters"));
        }
        Ok(Some(scope))
    }

    /// When the access token expires. No check depends on it: what cannot be read is unknown.
    fn expiry(
        &mut self,
        expires_in: &Option<Scalar<'_>>,
        expires_at: &Option<Scalar<'_>>,
        quirks: &TokenQuirks,
    ) -> Option<SystemTime> {
        let unit = if quirks.expires_in_milliseconds { 1000.0 } else { 1.0 };
        let lifetime = self.seconds(expires_in, number).map(|lifetime| lifetime / unit);
        if let Some(lifetime) =
            lifetime.filter(|lifetime| *lifetime != 0.0 || !quirks.expires_in_zero_is_never)
        {
            return self.from.now.checked_add(Duration::from_secs(lifetime as u64));
        }
        self.seconds(expires_at, instant)
            .and_then(|at| UNIX_EPOCH.checked_add(Duration::from_secs(at as u64)))
    }

    /// A number of seconds in a range that every clock has. A negative one has passed.
    fn seconds(
        &mut self,
        value: &Option<Scalar<'_>>,
        read: impl Fn(&Scalar<'_>) -> Option<f64>,
    ) -> Option<f64> {
        let value = value.as_ref().filter(|value| !matches!(value, Scalar::Null))?;
        let seconds = read(value).filter(|seconds| *seconds <= LATEST);
        if seconds.is_none() {
            let what = "the lifetime of the access token is unknown: expires_in must be a number of seconds";
            self.warnings.push(Warning::new(LeftOut::Lifetime, what));
        }
        seconds.map(|seconds| seconds.max(0.0))
    }
}

/// A number, or a number as text, as several providers send it.
fn number(value: &Scalar<'_>) -> Option<f64> {
    match value {
        Scalar::Number(number) => number.as_f64(),
        Scalar::Text(text) => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            let are_digits = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            text.parse().ok().filter(|_| are_digits)
        }
        _ => None,
    }
}

/// Seconds since 1970, or a time of RFC 3339.
fn instant(value: &Scalar<'_>) -> Option<f64> {
    match value {
        Scalar::Text(text) if text.contains(':') => moment::seconds(text),
        value => number(value),
    }
}

/// The place of a member among [`KNOWN`], whose names are compared without a loop.
fn place(name: &str) -> Option<usize> {
    KNOWN.iter().position(|known| *known == name)
}

/// How much of a wrong token type an error shows, in characters.
const MAX_TYPE: usize = 16;
/// The members that [`Tokens`](crate::Tokens) have accessors for, and the error.
pub(crate) const KNOWN: [&str; 8] =
    ["access_token", "token_type", "expires_in", "expires_at", "refresh_token", "id_token", "scope", "error"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Operation;
    use crate::protocol::response::Dialect;
    use crate::secret::Noted;
    use crate::transport::Response;

    fn read(body: &str) -> Result<TokenResponse, Error> {
        let from = Incoming {
            is_proved: false,
            operation: Operation::AuthorizationCode,
            uri: &http::Uri::from_static("https://a.example/token"),
            noted: &Noted::default(),
            dialect: Dialect::PLAIN,
            response: Response::new(body.into()),
            now: UNIX_EPOCH,
        };
        super::read(from, &TokenQuirks::default())
    }

    fn code(body: &str) -> String {
        read(body).unwrap_err().code().to_owned()
    }

    #[test]
    fn a_response_is_read_with_all_its_members() {
        let response = read(
            r#"{"access_token":"a","token_type":"bearer","expires_in":60,"refresh_token":"r","scope":"x y",
                "id_token":"i","team":{"id":7},"b\"c":null}"#,
        )
        .unwrap();
        assert_eq!(response.access_token.expose(), "a");
        assert_eq!(response.refresh_token.unwrap().expose(), "r");
        assert_eq!(response.id_token.unwrap().expose(), "i");
        assert_eq!(response.scope.as_deref(), Some("x y"));
        assert_eq!(response.expires_at, Some(UNIX_EPOCH + Duration::from_secs(60)));
        assert!(response.extra.unwrap().expose().contains(r#""team":{"id":7}"#));
        assert!(read(r#"{"access_token":"a","token_type":"Bearer"}"#).unwrap().extra.is_none());
    }

    #[test]
    fn a_lifetime_may_be_text_and_an_expiry_absolute() {
        let at = |rest: &str| read(&format!(r#"{{"access_token":"a","token_type":"Bearer",{rest}}}"#));
        let seconds = |rest: &str| {
            at(rest).unwrap().expires_at.map(|t| t.duration_since(UNIX_EPOCH).unwrap().as_secs())
        };
        assert_eq!(seconds(r#""expires_in":"3600""#), Some(3600));
        assert_eq!(seconds(r#""expires_in":3599.9"#), Some(3599));
        assert_eq!(seconds(r#""expires_at":1700000000"#), Some(1_700_000_000));
        assert_eq!(seconds(r#""expires_in":253402300799"#), Some(253_402_300_799));
        assert_eq!(seconds(r#""expires_at":"9999-12-31T23:59:59Z""#), Some(253_402_300_799));
        assert_eq!(seconds(r#""expires_at":"1970-01-01T00:00:00Z""#), Some(0));
        assert_eq!(seconds(r#""expires_in":null"#), None);
        for over in [r#""expires_in":-1"#, r#""expires_in":"-60""#, r#""expires_at":-1"#] {
            assert_eq!(seconds(over), Some(0), "{over}");
        }
        for unknown in [
            r#""expires_in":"soon""#,
            r##""expires_in":"""##,
            r#""expires_in":"3600.0""#,
            r#""expires_in":9223372036854775"#,
            r#""expires_in":[1]"#,
            r#""expires_in":"1e3""#,
            r#""expires_in":"+60""#,
            r#""expires_in":"60.5""#,
            r#""expires_in":"inf""#,
            r#""expires_in":1e300"#,
            r#""expires_in":253402300800"#,
            r#""expires_at":253402300800"#,
            r#""expires_at":"9999-12-31T23:59:60Z""#,
            r#""expires_at":true"#,
        ] {
            let response = at(unknown).unwrap();
            assert_eq!(response.expires_at, None, "{unknown}");
            assert_eq!(response.warnings[0].code(), "expires_in", "{unknown}");
        }
        assert!(at(r#""expires_in":60"#).unwrap().warnings.is_empty());
    }

    #[test]
    fn a_token_that_is_missing_empty_or_no_token_is_refused() {
        assert_eq!(code(r#"{"token_type":"Bearer"}"#), "missing_field");
        assert_eq!(code(r#"{"access_token":null,"token_type":"Bearer"}"#), "missing_field");
        assert_eq!(code(r#"{"access_token":"a"}"#), "missing_field");
        for token in [r#""""#, r#""a\r\nb""#, r#""é""#, "7", "{}"] {
            assert_eq!(
                code(&format!(r#"{{"access_token":{token},"token_type":"Bearer"}}"#)),
                "invalid_field"
            );
        }
        assert_eq!(code(r#"{"access_token":"a","token_type":"Bearer","refresh_token":7}"#), "invalid_field");
    }

    #[test]
    fn an_empty_member_is_absent_unless_it_is_the_access_token() {
        let response = read(
            r#"{"access_token":"a","token_type":"Bearer","refresh_token":"","id_token":"","scope":"","error":""}"#,
        )
        .unwrap();
        assert!(response.refresh_token.is_none() && response.id_token.is_none() && response.scope.is_none());
        assert!(response.warnings.is_empty());
        let response =
            read(r#"{"access_token":"a","token_type":"Bearer","refresh_token":false,"id_token":false}"#);
        assert!(
            response.is_ok_and(|response| response.refresh_token.is_none() && response.id_token.is_none())
        );
        for other in ["true", "0", "[]"] {
            let body = format!(r#"{{"access_token":"a","token_type":"Bearer","id_token":{other}}}"#);
            assert_eq!(code(&body), "invalid_field", "{other}");
        }
        assert_eq!(code(r#"{"access_token":false,"token_type":"Bearer"}"#), "invalid_field");
        assert_eq!(code(r#"{"access_token":"","token_type":"Bearer"}"#), "invalid_field");
        assert_eq!(code(r#"{"access_token":"a","token_type":""}"#), "missing_field");
    }

    #[test]
    fn a_token_of_another_type_is_refused() {
        assert_eq!(code(r#"{"access_token":"a","token_type":"DPoP"}"#), "token_type");
        assert_eq!(code(r#"{"access_token":"a","token_type":7}"#), "invalid_field");
    }

    #[test]
    fn an_error_counts_whatever_the_status_and_whatever_else_is_there() {
        assert_eq!(code(r#"{"error":"invalid_grant"}"#), "invalid_grant");
        assert_eq!(
            code(r#"{"error":"invalid_grant","access_token":"a","token_type":"Bearer"}"#),
            "invalid_grant"
        );
        assert_eq!(code(r#"{"error":7,"access_token":"a","token_type":"Bearer"}"#), "invalid_field");
        assert!(read(r#"{"error":null,"access_token":"a","token_type":"Bearer"}"#).is_ok());
    }

    #[test]
    fn a_body_that_is_not_a_token_response_is_refused() {
        for body in [
            "",
            "[]",
            "null",
            "{",
            "{}x",
            r#"{"a":1,"a":2,"access_token":"a","token_type":"Bearer"}"#,
            r#"{"access_token":"a","access_token":"b","token_type":"Bearer"}"#,
            r#"{"access_token":"a","token_type":"Bearer","scope":"a","scope":"a"}"#,
            r#"{"access_token":"a","token_type":"Bearer","scope":null,"scope":"a"}"#,
            r#"{"access_token":"a","token_type":"Bearer","error":null,"error":null}"#,
        ] {
            assert_eq!(code(body), "json", "{body}");
        }
    }
}
