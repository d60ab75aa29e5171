//! DPoP: tokens that are bound to a key, and the proofs that go with each request (RFC 9449).
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{HeaderMap, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use http::{Method, StatusCode, Uri};
use serde_json::{Map, json};

use crate::error::{Error, Operation};
use crate::secret::Secret;
use crate::signing::{SigningKey, identifier};
use crate::transport::{Response, has_error, only, origin};

/// The key that a client's tokens are bound to, and the nonces of the servers that it talks to.
pub(crate) struct Binding {
    key: SigningKey,
    /// The latest nonce of each server (section 8.2), by its origin.
    nonces: Mutex<HashMap<String, HeaderValue>>,
}

/// Whether a request carries a proof.
#[derive(Clone, Copy)]
pub(crate) enum Proves<'a> {
    Nothing,
    /// That the client has the key.
    Possession,
    /// That the client has the key of this access token (`ath`, section 7).
    Token(&'a Secret),
}

impl Binding {
    pub(crate) fn new(key: SigningKey) -> Self {
        Self { key, nonces: Mutex::default() }
    }

    /// The thumbprint of the key, for `dpop_jkt` (section 10).
    pub(crate) fn thumbprint(&self) -> String {
        self.key.thumbprint()
    }

    /// A new proof for one request (section 4.2).
    pub(crate) async fn proof(
        &self,
        (method, uri): (&Method, &Uri),
        token: Option<&Secret>,
        operation: Operation,
    ) -> Result<HeaderValue, Error> {
        let algorithm = self.key.algorithm_among(None)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut claims = json!({
            "jti": identifier()?,
            "htm": method.as_str(),
            "htu": without_query(uri),
            "iat": now.as_secs(),
        });
        if let Some(members) = claims.as_object_mut() {
            if let Some(token) = token {
                let hash = URL_SAFE_NO_PAD.encode(digest(&SHA256, token.expose().as_bytes()));
                members.insert("ath".to_owned(), hash.into());
            }
            if let Some(nonce) = self.nonce(uri) {
                members.insert("nonce".to_owned(), nonce.into());
            }
        }
        let header =
            Map::from_iter([("typ".to_owned(), "dpop+jwt".into()), ("jwk".to_owned(), self.key.public())]);
        let proof = self.key.sign(algorithm, header, &claims, operation).await?;
        // Base64url and dots are always a header value.
        Ok(HeaderValue::from_str(proof.expose()).unwrap_or(HeaderValue::from_static("?")))
    }

    /// Keeps the nonce of a response. Returns whether the server refused the request because it wants a proof with this nonce
    /// (sections 8 and 9).
    pub(crate) fn wants_another(&self, uri: &Uri, response: &Response) -> bool {
        self.keep_nonce(uri, response.headers()) && wants_nonce(response)
    }

    /// The same for the response of a resource whose body is not known.
    pub(crate) fn wants_another_by(&self, uri: &Uri, (status, headers): (StatusCode, &HeaderMap)) -> bool {
        self.keep_nonce(uri, headers) && status == StatusCode::UNAUTHORIZED && is_challenged(headers)
    }

    fn keep_nonce(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let Some(nonce) = one_nonce(headers) else { return false };
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        if nonces.len() >= MAX_SERVERS && !nonces.contains_key(&origin(uri)) {
            nonces.clear();
        }
        nonces.insert(origin(uri), nonce.clone());
        true
    }

    fn nonce(&self, uri: &Uri) -> Option<String> {
        let nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        nonces.get(&origin(uri))?.to_str().ok().map(str::to_owned)
    }
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Binding").field("key", &self.key).finish_non_exhaustive()
    }
}

/// The nonce of a response: one header with the characters of section 8.1, and not too long to be sent back.
fn one_nonce(headers: &HeaderMap) -> Option<&HeaderValue> {
    let nonce = only(headers, &NONCE)?;
    let is_nonce_char = |b: &u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    let bytes = nonce.as_bytes();
    (!bytes.is_empty() && bytes.len() <= MAX_NONCE && bytes.iter().all(is_nonce_char)).then_some(nonce)
}

/// Section 8: the token endpoint says so in its error; section 9: a resource in its challenge.
fn wants_nonce(response: &Response) -> bool {
    match response.status() {
        StatusCode::BAD_REQUEST => has_error(response, USE_NONCE),
        StatusCode::UNAUTHORIZED => is_challenged(response.headers()) || has_error(response, USE_NONCE),
        _ => false,
    }
}

fn is_challenged(headers: &HeaderMap) -> bool {
    let is_asked = |value: &HeaderValue| value.to_str().is_ok_and(|text| text.contains(USE_NONCE));
    headers.get_all(WWW_AUTHENTICATE).iter().any(is_asked)
}

/// The URL of a request as a proof names it: without query and fragment (section 4.2).
fn without_query(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or("https");
    let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    format!("{scheme}://{authority}{}", uri.path())
}

/// The header of a proof.
pub(crate) const PROOF: HeaderName = HeaderName::from_static("dpop");
const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
const USE_NONCE: &str = "use_dpop_nonce";
/// Longer than any nonce that servers give; a longer one would not fit beside the other headers.
const MAX_NONCE: usize = 1024;
/// More servers than a client talks to. If there are more, the nonces are learnt anew, one refused request each.
const MAX_SERVERS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_names_the_url_without_its_query() {
        // RFC 9449 §4.2.
        let uri = "https://api.example:8443/a/b?c=d".parse().unwrap();
        assert_eq!(without_query(&uri), "https://api.example:8443/a/b");
        let root = "https://api.example".parse().unwrap();
        assert_eq!(without_query(&root), "https://api.example/");
    }

    #[test]
    fn a_nonce_with_strange_characters_is_no_nonce() {
        let nonce = |values: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(NONCE, HeaderValue::from_bytes(value).unwrap());
            }
            one_nonce(&headers).is_some()
        };
        assert!(nonce(&[b"eyJ7S_zG.eyJH0-Z.HX4w-7v"]));
        for other in [&[&b"a b"[..]][..], &[b"a\"b"], &[b"a\\b"], &[b"\xc3\xa9"], &[b""], &[b"a", b"b"], &[]]
        {
            assert!(!nonce(other), "{other:?}");
        }
        assert!(!nonce(&[&[b'a'; 1025]]));
    }
}
