//! The authorization request and its response (RFC 6749 section 4.1, RFC 9207, OpenID Connect Core section 3.1.2).
use std::borrow::Cow;

use url::form_urlencoded::byte_serialize;

use crate::endpoint::Endpoint;
use crate::error::{Check, Error, Fault, Operation, printable};

/// What is asked for, and does not change from login to login.
pub(crate) struct AuthorizationRequest<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) redirect_uri: &'a str,
    pub(crate) scopes: &'a [String],
    pub(crate) scope_separator: &'a str,
    /// All other parameters, but for those of one login.
    pub(crate) params: &'a [(Cow<'a, str>, Cow<'a, str>)],
}

impl AuthorizationRequest<'_> {
    /// The beginning of the URL. Parameters in the endpoint's own query are kept (RFC 6749 section 3.1).
    pub(crate) fn begin(&self, endpoint: &Endpoint) -> String {
        let mut url = String::with_capacity(256);
        url.push_str(endpoint.as_str());
        url.push(if endpoint.as_str().contains('?') { '&' } else { '?' });
        url.push_str("response_type=code&client_id=");
        escape(&mut url, self.client_id);
        url.push_str("&redirect_uri=");
        escape(&mut url, self.redirect_uri);
        for (i, scope) in self.scopes.iter().enumerate() {
            if i == 0 {
                url.push_str("&scope=");
            } else {
                escape(&mut url, self.scope_separator);
            }
            escape(&mut url, scope);
        }
        for (name, value) in self.params {
            add(&mut url, name, value);
        }
        url
    }
}

/// What is another at each login.
pub(crate) struct OneLogin<'a> {
    pub(crate) state: Option<&'a str>,
    pub(crate) nonce: Option<&'a str>,
    /// The code challenge and its method (RFC 7636 section 4.3).
    pub(crate) challenge: Option<(&'a str, &'a str)>,
}

impl OneLogin<'_> {
    /// The URL to send the browser to.
    pub(crate) fn url(&self, begun: &str) -> String {
        let mut url = String::with_capacity(begun.len() + 256);
        url.push_str(begun);
        for (name, value) in [("state", self.state), ("nonce", self.nonce)] {
            if let Some(value) = value {
                add(&mut url, name, value);
            }
        }
        if let Some((challenge, method)) = self.challenge {
            add(&mut url, "code_challenge_method", method);
            add(&mut url, "code_challenge", challenge);
        }
        url
    }
}

/// The parameters that the protocol owns: an application does not set them as extras.
pub(crate) const RESERVED: [&str; 10] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "request",
    "request_uri",
];

/// What came back at the redirect URI, unchecked.
#[derive(Default)]
pub(crate) struct AuthorizationResponse<'a> {
    pub(crate) code: Option<Cow<'a, str>>,
    pub(crate) state: Option<Cow<'a, str>>,
    pub(crate) iss: Option<Cow<'a, str>>,
    pub(crate) error: Option<Cow<'a, str>>,
    pub(crate) error_description: Option<Cow<'a, str>>,
    pub(crate) error_uri: Option<Cow<'a, str>>,
}

impl<'a> AuthorizationResponse<'a> {
    /// Reads the query of the redirect URI, or the form that was posted to it.
    pub(crate) fn read(query: &'a str) -> Result<Self, Error> {
        let invalid =
            |what: &'static str| Error::response(Operation::Authorization, Fault::InvalidField, what);
        if query.len() > MAX_QUERY {
            return Err(invalid("the redirect URI's query is longer than any provider's"));
        }
        let mut response = Self::default();
        for pair in query.trim_start_matches('?').split('&').filter(|p| !p.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(name), Some(value)) = (decode(name), decode(value)) else {
                return Err(invalid("the redirect URI's query is not valid UTF-8"));
            };
            let field = match &*name {
                "code" => &mut response.code,
                "state" => &mut response.state,
                "iss" => &mut response.iss,
                "error" => &mut response.error,
                "error_description" => &mut response.error_description,
                "error_uri" => &mut response.error_uri,
                _ => continue,
            };
            // RFC 6749 §3.1: parameters must not come more than once. Which one counts is anybody's guess.
            if field.replace(value).is_some() {
                let detail =
                    format!("the redirect URI's query holds {} more than once", printable(&name, 40));
                return Err(Error::validation(Operation::Authorization, Check::DuplicateParameter, detail));
            }
        }
        Ok(response)
    }
}

/// The values of `state` in a query; a provider sends one.
pub(crate) fn states(query: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let pairs = query.trim_start_matches('?').split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, _)| decode(name).as_deref() == Some("state")).filter_map(|(_, value)| decode(value))
}

fn add(url: &mut String, name: &str, value: &str) {
    url.push('&');
    escape(url, name);
    url.push('=');
    escape(url, value);
}

fn escape(url: &mut String, text: &str) {
    // What the library makes, and most names and values, need no escape: they are copied as a whole.
    if text
        .bytes()
        .fold(true, |plain, b| plain & (b.is_ascii_alphanumeric() | matches!(b, b'-' | b'_' | b'.')))
    {
        url.push_str(text);
    } else {
        url.extend(byte_serialize(text.as_bytes()));
    }
}

/// Form decoding that keeps invalid UTF-8 out, where the usual one puts in replacement characters.
fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains(['%', '+']) {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        let hex = |at: usize| tail.get(at).and_then(|b| (*b as char).to_digit(16));
        match (first, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &tail[2..];
            }
            (b'+', ..) => bytes.push(b' '),
            _ => bytes.push(first),
        }
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

/// The longest query that is read, in bytes. Codes may be long, but browsers send no more than this.
const MAX_QUERY: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn request<'a>(
        params: &'a [(Cow<'a, str>, Cow<'a, str>)],
        scopes: &'a [String],
    ) -> AuthorizationRequest<'a> {
        let (client_id, redirect_uri) = ("my id", "https://app.example/cb?x=1");
        AuthorizationRequest { client_id, redirect_uri, scopes, scope_separator: " ", params }
    }

    #[test]
    fn parameters_of_the_endpoint_are_kept() {
        let endpoint = Endpoint::parse("https://a.example/authorize?tenant=7").unwrap();
        assert_eq!(
            request(&[], &[]).begin(&endpoint),
            "https://a.example/authorize?tenant=7&response_type=code&client_id=my+id\
             &redirect_uri=https%3A%2F%2Fapp.example%2Fcb%3Fx%3D1"
        );
    }

    #[test]
    fn every_parameter_is_escaped() {
        let endpoint = Endpoint::parse("https://a.example/authorize").unwrap();
        let params = [(Cow::Borrowed("a b"), Cow::Borrowed("c&d=é#"))];
        let scopes = ["one".to_owned(), "two&x=y".to_owned()];
        let begun = request(&params, &scopes).begin(&endpoint);
        assert!(begun.ends_with("&scope=one+two%26x%3Dy&a+b=c%26d%3D%C3%A9%23"), "{begun}");

        let one = OneLogin { state: Some("s&t"), nonce: Some("n"), challenge: Some(("c", "plain")) };
        assert_eq!(one.url("x?y"), "x?y&state=s%26t&nonce=n&code_challenge_method=plain&code_challenge=c");
    }

    #[test]
    fn a_parameter_that_comes_twice_is_refused() {
        for query in ["code=a&code=b", "state=a&state=a", "iss=x&iss=x", "error=a&error=b", "code=a&c%6fde=b"]
        {
            let error = AuthorizationResponse::read(query).err().map(|e| e.code().to_owned());
            assert_eq!(error.as_deref(), Some("duplicate_parameter"), "{query}");
        }
        assert!(AuthorizationResponse::read("code=a&session_state=x&session_state=y").is_ok());
    }

    #[test]
    fn the_query_is_decoded_strictly() {
        let response = AuthorizationResponse::read("?code=a%2Bb+c&state=%zz").ok().unwrap();
        assert_eq!(response.code.as_deref(), Some("a+b c"));
        assert_eq!(response.state.as_deref(), Some("%zz"));
        assert!(AuthorizationResponse::read("code=%ff").is_err());
        assert!(AuthorizationResponse::read(&format!("code={}", "a".repeat(MAX_QUERY))).is_err());
    }
}
