//! Credentials in the `Authorization` header field.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::form_urlencoded;

use crate::wire::{Incoming, OAuthError};

/// The client's id and secret by HTTP Basic, RFC 6749 section 2.3.1.
pub(crate) fn basic(headers: &HeaderMap) -> Result<Option<(String, String)>, OAuthError> {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = fields.next() else {
        return Ok(None);
    };
    if fields.next().is_some() {
        return Err(OAuthError::invalid_request("there is more than one Authorization header field"));
    }
    let malformed =
        || OAuthError::invalid_client("the Authorization header field is not HTTP Basic authentication");
    let (scheme, encoded) =
        value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or_else(malformed)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(malformed());
    }
    let decoded = STANDARD.decode(encoded.trim()).map_err(|_| malformed())?;
    let decoded = String::from_utf8(decoded).map_err(|_| malformed())?;
    let (id, secret) = decoded.split_once(':').ok_or_else(malformed)?;
    Ok(Some((form_decode(id), form_decode(secret))))
}

/// The access token of a request: in the header (RFC 6750 section 2.1) or in a form (section 2.2), never in the query.
///
/// `None` if the request has none, or one of another scheme.
pub(crate) fn bearer(incoming: &Incoming) -> Result<Option<String>, OAuthError> {
    let by_form = incoming.form().and_then(|form| form.get("access_token").map(str::to_owned));
    let mut fields = incoming.headers.get_all(AUTHORIZATION).iter();
    let by_header = fields.next();
    if fields.next().is_some() || (by_header.is_some() && by_form.is_some()) {
        return Err(OAuthError::invalid_request("the request has more than one access token"));
    }
    let Some(value) = by_header else { return Ok(by_form) };
    let value = value
        .to_str()
        .map_err(|_| OAuthError::invalid_request("the Authorization header field is not text"))?;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => {
            Ok(Some(token.trim().to_owned()))
        }
        // Client authentication belongs to the token endpoint.
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("basic") => {
            Err(OAuthError::invalid_request("the Authorization header field has no bearer token"))
        }
        _ => Ok(None),
    }
}

/// RFC 6749 section 2.3.1: id and secret are form-encoded before they become user name and password.
fn form_decode(text: &str) -> String {
    // The text is one value: an unencoded `&` in it separates nothing.
    let form = format!("v={}", text.replace('&', "%26"));
    form_urlencoded::parse(form.as_bytes()).map(|(_, value)| value.into_owned()).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_form_decoded_rfc6749_2_3_1() {
        for (encoded, plain) in [("a%3Ab", "a:b"), ("a+b", "a b"), ("a&b=c", "a&b=c"), ("%26", "&"), ("", "")]
        {
            assert_eq!(form_decode(encoded), plain);
        }
    }
}
