use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::form_urlencoded;

use crate::config::ClientConfig;
use crate::sandbox::Shared;
use crate::wire::OAuthError;
use crate::wire::Params;

/// A form from a client that has proved who it is, RFC 6749 §2.3.
pub(super) struct ClientRequest<'a> {
    pub(super) client: &'a ClientConfig,
    pub(super) params: Params,
}

impl<'a> ClientRequest<'a> {
    pub(super) fn read(shared: &'a Shared, headers: &HeaderMap, body: &[u8]) -> Result<Self, OAuthError> {
        let params = Params::from_body(headers, body).ok_or_else(|| {
            OAuthError::invalid_request("the content type must be application/x-www-form-urlencoded")
        })?;
        if let Some(name) = params.duplicate() {
            return Err(OAuthError::invalid_request(format!("parameter {name} is there more than once")));
        }
        let client = authenticate(shared, headers, &params)?;
        Ok(Self { client, params })
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, OAuthError> {
        let missing = || OAuthError::invalid_request(format!("parameter {name} is missing"));
        self.params.get(name).ok_or_else(missing)
    }
}

fn authenticate<'a>(
    shared: &'a Shared,
    headers: &HeaderMap,
    params: &Params,
) -> Result<&'a ClientConfig, OAuthError> {
    let basic = basic_credentials(headers)?;
    let (id, secret) = match (basic, params.get("client_id"), params.get("client_secret")) {
        (Some(_), _, Some(_)) => {
            // RFC 6749 §2.3: one method a request.
            return Err(OAuthError::invalid_request("the client authenticates twice, by header and by body"));
        }
        (Some((id, _)), Some(other), None) if id != other => {
            return Err(OAuthError::invalid_request("client_id differs from the one in the header"));
        }
        (Some((id, secret)), _, None) => (id, Some(secret)),
        (None, Some(id), secret) => (id.to_owned(), secret.map(str::to_owned)),
        (None, None, _) => return Err(invalid_client("the client does not say who it is")),
    };
    let client = shared.client(&id).ok_or_else(|| invalid_client("this client is not registered"))?;
    match (&client.secret, secret) {
        (None, None) => Ok(client),
        (None, Some(_)) => Err(invalid_client("this client is public and has no secret")),
        (Some(_), None) => Err(invalid_client("this client has a secret and must authenticate by it")),
        (Some(known), Some(given)) => verify_slices_are_equal(known.as_bytes(), given.as_bytes())
            .map(|()| client)
            .map_err(|_| invalid_client("the client secret is wrong")),
    }
}

pub(crate) fn basic_credentials(headers: &HeaderMap) -> Result<Option<(String, String)>, OAuthError> {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = fields.next() else {
        return Ok(None);
    };
    if fields.next().is_some() {
        return Err(OAuthError::invalid_request("there is more than one Authorization header field"));
    }
    let malformed = || invalid_client("the Authorization header field is not HTTP Basic authentication");
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

/// RFC 6749 §2.3.1: id and secret are form-encoded before they become user name and password.
fn form_decode(text: &str) -> String {
    // The text is one value: an `&` in it, left unencoded by a careless client, separates nothing.
    let form = format!("v={}", text.replace('&', "%26"));
    form_urlencoded::parse(form.as_bytes()).map(|(_, value)| value.into_owned()).next().unwrap_or_default()
}

fn invalid_client(description: &str) -> OAuthError {
    OAuthError::new("invalid_client", description)
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
