//! Credentials in the `Authorization` header field.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::form_urlencoded;

use crate::wire::{Incoming, OAuthError, ensure, invalid_client, invalid_request};

/// The client's id and secret by HTTP Basic, RFC 6749 section 2.3.1.
pub(crate) fn basic(headers: &HeaderMap) -> Result<Option<(String, String)>, OAuthError> {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let Some(field) = fields.next() else { return Ok(None) };
    let several = invalid_request("there is more than one Authorization header field");
    ensure(fields.next().is_none(), several)?;
    let pair = || {
        let (scheme, encoded) = field.to_str().ok()?.split_once(' ')?;
        let decoded =
            STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
        let (id, secret) = str::from_utf8(&decoded).ok()?.split_once(':')?;
        Some((form_decode(id), form_decode(secret)))
    };
    let malformed = || invalid_client("the Authorization header field is not HTTP Basic authentication");
    pair().map(Some).ok_or_else(malformed)
}

/// The access token of a request: in the header (RFC 6750 section 2.1, RFC 9449 section 7.1) or in a form (RFC 6750 section 2.2),
/// never in the query. The pair says whether it has the scheme `DPoP`.
///
/// `None` if the request has none, or one of another scheme.
pub(crate) fn access_token(incoming: &Incoming) -> Result<Option<(bool, String)>, OAuthError> {
    let by_form = incoming.form().and_then(|form| Some((false, form.get("access_token")?.to_owned())));
    let mut fields = incoming.headers.get_all(AUTHORIZATION).iter();
    let Some(field) = fields.next() else { return Ok(by_form) };
    let several = invalid_request("the request has more than one access token");
    ensure(fields.next().is_none() && by_form.is_none(), several)?;
    let field = field.to_str().map_err(|_| invalid_request("the Authorization header field is not text"))?;
    let (scheme, token) = field.split_once(' ').unwrap_or_default();
    // Client authentication belongs to the token endpoint.
    let no_bearer = invalid_request("the Authorization header field has no bearer token");
    ensure(!scheme.eq_ignore_ascii_case("basic"), no_bearer)?;
    let by_dpop = scheme.eq_ignore_ascii_case("dpop");
    let token = Some((by_dpop, token.trim().to_owned()));
    Ok(token.filter(|(_, token)| (by_dpop || scheme.eq_ignore_ascii_case("bearer")) && !token.is_empty()))
}

/// The access token of a request, if it is a bearer token.
pub(crate) fn bearer(incoming: &Incoming) -> Result<Option<String>, OAuthError> {
    Ok(access_token(incoming)?.filter(|(by_dpop, _)| !by_dpop).map(|(_, token)| token))
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
