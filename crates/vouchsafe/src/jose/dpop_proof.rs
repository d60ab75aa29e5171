//! DPoP proofs (RFC 9449 section 4.3), as the API that gets them checks them.
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use url::Url;

use super::algorithm::Algorithm;
use super::jwk::{KeySet, Reading, Signed, thumbprint};
use super::jws::{Parts, Purpose, decode, decode_text, malformed, refused, unreadable};
use super::jwt::{invalid, missing_claim, seconds, wrong_type};
use crate::error::{Check, Error};
use crate::secret::same;
use crate::text::json::{self, Value};
use crate::text::legible::legible;

/// The request that a proof must be for.
#[derive(Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) method: &'a str,
    /// The URL of the request. Its query does not count.
    pub(crate) url: &'a Url,
    pub(crate) access_token: &'a str,
    pub(crate) skew: Duration,
}

/// A proof that passed all checks but the one for replays.
#[derive(Debug)]
pub(crate) struct Proof {
    /// The thumbprint of the key that signed it.
    pub(crate) thumbprint: String,
    pub(crate) jti: String,
    /// The nonce that it has.
    pub(crate) nonce: Option<String>,
    /// From then on, the proof is refused as too old.
    pub(crate) ends_at: SystemTime,
}

/// Checks a proof. The caller compares the thumbprint with that of the access token, and looks for replays.
pub(crate) fn verify(proof: &str, expected: &Expected<'_>, now: SystemTime) -> Result<Proof, Error> {
    let parts = Parts::of(proof)?;
    let parse = |part: &str, name: &str| -> Result<Value, Error> {
        let value = json::parse(decode_text(part)?.as_bytes()).map_err(|e| unreadable(name, &e))?;
        if value.is_object() {
            Ok(value)
        } else {
            Err(malformed(format!("the {name} of the proof must be a JSON object")))
        }
    };
    let header = parse(parts.header, "header")?;
    let jwk = check_header(&header)?;
    let algorithm = header.get("alg").and_then(Value::as_str).and_then(Algorithm::from_name);
    let algorithm = algorithm.ok_or_else(|| {
        refused(
            Check::Algorithm,
            "the proof must be signed by an RS, PS or ES algorithm or EdDSA (alg): choose one of them",
        )
    })?;
    // The key is in the proof itself. What makes it trustworthy is its thumbprint in the access token.
    let keys =
        KeySet::read(&json!({ "keys": [jwk] }), Reading { most: 1, heeds_issuer: false }).unwrap_or_default();
    let (message, signature) = (parts.signed.as_bytes(), &*decode(parts.signature)?);
    keys.verify(Signed { kid: None, algorithm, issuer: None, message, signature }).map_err(|check| {
        refused(
            check,
            "the proof must be signed by the key in its header (jwk), and is not, or the key cannot be used",
        )
    })?;
    let thumbprint = thumbprint(jwk).ok_or_else(|| invalid("jwk", "is of an unknown type"))?;
    let claims = parse(parts.payload, "claims")?;
    let (jti, ends_at) = expected.check(&claims, now)?;
    let nonce = match claims.get("nonce") {
        None => None,
        Some(Value::String(nonce)) => Some(nonce.clone()),
        Some(_) => return Err(wrong_type("nonce")),
    };
    Ok(Proof { thumbprint, jti, nonce, ends_at })
}

/// Type, extensions and key: steps 4, 5 and 7.
fn check_header(header: &Value) -> Result<&Value, Error> {
    Purpose::Only("dpop+jwt").check(header.get("typ").and_then(Value::as_str))?;
    if header.get("crit").is_some() {
        let detail = "the proof's header requires extensions (crit), and none of them is supported";
        return Err(refused(Check::CriticalHeader, detail));
    }
    let jwk = header.get("jwk").filter(|jwk| jwk.is_object());
    let jwk = jwk.ok_or_else(|| {
        malformed("the proof's header has no jwk, which must be the public key of the client")
    })?;
    if PRIVATE.iter().any(|name| jwk.get(*name).is_some()) {
        return Err(refused(
            Check::WeakKey,
            "the proof contains a private key (jwk), which must stay at the client",
        ));
    }
    Ok(jwk)
}

impl Expected<'_> {
    /// Steps 3 and 8 to 12. Returns the identifier of the proof, and its end.
    fn check(&self, claims: &Value, now: SystemTime) -> Result<(String, SystemTime), Error> {
        let text = |name| match claims.get(name) {
            None => Err(missing_claim(name)),
            Some(Value::String(text)) if !text.is_empty() => Ok(text.as_str()),
            Some(_) => Err(wrong_type(name)),
        };
        let mismatch = |detail: String| Err(refused(Check::ProofMismatch, detail));
        let (jti, method, url, ath) = (text("jti")?, text("htm")?, text("htu")?, text("ath")?);
        if method != self.method {
            return mismatch(format!(
                "the proof is for the method {} (htm), and the request has {}",
                legible(method),
                self.method
            ));
        }
        if without_query(url).as_ref() != Some(&cut(self.url.clone())) {
            return mismatch(format!(
                "the proof is for {} (htu), and the request came to {}: if the client used another name for this API, set the public URL of \
                 ResourceServer::builder",
                legible(url),
                cut(self.url.clone())
            ));
        }
        if !same(ath, &URL_SAFE_NO_PAD.encode(digest(&SHA256, self.access_token.as_bytes()))) {
            return mismatch("the proof is for another access token (ath)".to_owned());
        }
        let issued = match claims.get("iat") {
            None => return Err(missing_claim("iat")),
            Some(iat) => iat.as_f64().filter(|iat| *iat >= 0.0).ok_or_else(|| wrong_type("iat"))?,
        };
        let (age, skew) = (seconds(now) - issued, self.skew.as_secs_f64());
        if age >= MAX_AGE.as_secs_f64() + skew {
            return Err(refused(
                Check::Expired,
                format!("the proof was made {} seconds ago (iat), and must be new", age.round()),
            ));
        }
        if age < -skew {
            return Err(refused(
                Check::NotYetValid,
                format!("the proof was made {} seconds in the future (iat)", -age.round()),
            ));
        }
        let left = (MAX_AGE.as_secs_f64() + skew - age).max(0.0);
        Ok((jti.to_owned(), now + Duration::from_secs_f64(left)))
    }
}

/// A URL for a comparison: without query and fragment (step 9), and normalised as RFC 3986 section 6.2 asks.
fn without_query(url: &str) -> Option<Url> {
    Url::parse(url).ok().map(cut)
}

fn cut(mut url: Url) -> Url {
    url.set_query(None);
    url.set_fragment(None);
    url
}

/// The members of private and symmetric keys (RFC 7518 section 6).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
/// How old a proof may be: a client makes one for each request. The identifiers of proofs are remembered for this time.
const MAX_AGE: Duration = Duration::from_secs(60);
