//! Compact JSON Web Signatures (RFC 7515).
use std::borrow::Cow;

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::{Engine, decoded_len_estimate};

use super::algorithm::Algorithm;
use super::jwk::{KeySet, NoKey, Signed};
use crate::error::{Check, Malformed};
use crate::text::json::{self, JsonError, Scalar};
use crate::text::redact::{MAX_TEXT, printable};

/// Why a JWT is refused. The caller adds the operation.
#[derive(Debug)]
pub(crate) enum JwtError {
    Check(Check, Cow<'static, str>),
    Malformed(Malformed, Cow<'static, str>),
}

impl JwtError {
    pub(super) fn check(check: Check, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Check(check, detail.into())
    }

    pub(super) fn malformed(malformed: Malformed, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Malformed(malformed, detail.into())
    }

    /// Whether newer keys could make a difference.
    pub(crate) fn is_about_keys(&self) -> bool {
        matches!(self, Self::Check(Check::UnknownKey | Check::Signature, _))
    }

    #[cfg(test)]
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Check(check, _) => check.as_str(),
            Self::Malformed(malformed, _) => malformed.as_str(),
        }
    }
}

/// A JWS in its three parts, still encoded.
pub(super) struct Jws<'a> {
    /// Header and payload: the signature covers both.
    signed: &'a str,
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Jws<'a> {
    pub(super) fn split(token: &'a str) -> Result<Self, JwtError> {
        let not_jws = || JwtError::malformed(Malformed::Jwt, "it is not a JWT: it does not have three parts");
        let (signed, signature) = token.rsplit_once('.').ok_or_else(not_jws)?;
        let (header, payload) = signed.split_once('.').ok_or_else(not_jws)?;
        if payload.contains('.') {
            return Err(not_jws());
        }
        Ok(Self { signed, header, payload, signature })
    }

    /// Verifies the signature. `allowed` are the algorithms that the provider announces; `may_be_typed` accepts a header
    /// with an explicit type.
    pub(super) fn verify(
        &self,
        keys: &KeySet,
        allowed: Option<&[String]>,
        may_be_typed: bool,
    ) -> Result<Algorithm, JwtError> {
        let (mut few, mut many) = ([0; 512], Vec::new());
        let header = decode_into(self.header, &mut few, &mut many)?;
        // `jku`, `jwk`, `x5u` and `x5c` are not read: keys come only from the provider's key set.
        let header = json::as_text(header).map_err(|e| unreadable("header", &e))?;
        let ([alg, kid, typ, crit], _) =
            json::pick(header, &["alg", "kid", "typ", "crit"]).map_err(|e| unreadable("header", &e))?;

        let Some(Scalar::Text(name)) = &alg else {
            return Err(JwtError::malformed(Malformed::Jwt, "the JWT's header has no alg"));
        };
        // RFC 8725 §3.1: the algorithms are those that the caller trusts; the header only picks one of them.
        let Some(algorithm) = Algorithm::from_name(name) else {
            let detail =
                format!("the JWT has the algorithm `{}`, which is not accepted", printable(name, 40));
            return Err(JwtError::check(Check::Algorithm, detail));
        };
        if allowed.is_some_and(|list| !list.iter().any(|a| Algorithm::from_name(a) == Some(algorithm))) {
            let detail = format!("the JWT has the algorithm {name}, which the provider does not announce");
            return Err(JwtError::check(Check::Algorithm, detail));
        }
        // RFC 7515 §4.1.11: an extension that is critical and not supported voids the JWT. None is supported here.
        if crit.is_some() {
            return Err(JwtError::check(
                Check::CriticalHeader,
                "the JWT's header has critical extensions (crit)",
            ));
        }
        let kid = match &kid {
            None => None,
            Some(Scalar::Text(kid)) => Some(&**kid),
            Some(_) => {
                return Err(JwtError::malformed(
                    Malformed::Jwt,
                    "the JWT's header has a kid that is not text",
                ));
            }
        };
        match &typ {
            None => {}
            Some(Scalar::Text(kind)) if may_be_typed || !is_explicit(kind) => {}
            Some(Scalar::Text(kind)) => {
                let detail = format!("the JWT has another purpose: its type is {}", printable(kind, 60));
                return Err(JwtError::check(Check::TokenType, detail));
            }
            Some(_) => {
                return Err(JwtError::malformed(
                    Malformed::Jwt,
                    "the JWT's header has a typ that is not text",
                ));
            }
        }

        let (mut few, mut many) = ([0; 544], Vec::new());
        let signature = decode_into(self.signature, &mut few, &mut many)?;
        let claims = if keys.heeds_issuer() { Some(self.decode_payload()?) } else { None };
        let issuer = claims.as_deref().map(named_issuer).transpose()?.flatten();
        let (issuer, message) = (issuer.as_deref(), self.signed.as_bytes());
        match keys.verify(Signed { kid, algorithm, issuer, message, signature }) {
            Ok(()) => Ok(algorithm),
            Err(NoKey::Unknown) => {
                let detail = match kid {
                    Some(kid) => format!("the provider has no key {} for {name}", printable(kid, MAX_TEXT)),
                    None => format!("the provider has no key for {name}"),
                };
                Err(JwtError::check(Check::UnknownKey, detail))
            }
            Err(NoKey::Foreign) => {
                let detail = "the key that the JWT names belongs to another issuer, perhaps another tenant, and must not \
                              sign for this one";
                Err(JwtError::check(Check::IssuerMismatch, detail))
            }
            Err(NoKey::Weak) => {
                let detail = "the provider's key is too weak: an RSA key must have at least 2048 bits and an odd exponent \
                              above 1, and an Ed25519 key must not be a point of small order";
                Err(JwtError::check(Check::WeakKey, detail))
            }
            Err(NoKey::Wrong) => Err(JwtError::check(Check::Signature, "the JWT's signature is wrong")),
        }
    }

    /// The payload as text.
    pub(super) fn decode_payload(&self) -> Result<String, JwtError> {
        decode_text(self.payload)
    }
}

/// The issuer in claims that are not verified yet.
fn named_issuer(claims: &str) -> Result<Option<String>, JwtError> {
    match json::pick(claims, &["iss"]).map_err(|e| unreadable("claims", &e))? {
        ([Some(Scalar::Text(issuer))], _) => Ok(Some(issuer.into_owned())),
        _ => Ok(None),
    }
}

pub(super) fn unreadable(part: &str, error: &JsonError) -> JwtError {
    JwtError::malformed(Malformed::Jwt, format!("the JWT's {part} could not be parsed: {error}"))
}

/// RFC 8725 §3.11: access tokens and logout tokens name their type. ID tokens and UserInfo have no type of their own.
fn is_explicit(kind: &str) -> bool {
    kind.to_ascii_lowercase().ends_with("+jwt")
}

/// One part of a JWT as text.
pub(crate) fn decode_text(part: &str) -> Result<String, JwtError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| not_base64())?;
    String::from_utf8(bytes).map_err(|_| JwtError::malformed(Malformed::Jwt, "the JWT is not valid UTF-8"))
}

/// RFC 7515 §2: base64url without padding, line breaks or spaces.
fn decode_into<'b>(part: &str, few: &'b mut [u8], many: &'b mut Vec<u8>) -> Result<&'b [u8], JwtError> {
    if decoded_len_estimate(part.len()) <= few.len() {
        let len = URL_SAFE_NO_PAD.decode_slice(part, few).map_err(|_| not_base64())?;
        return Ok(&few[..len]);
    }
    URL_SAFE_NO_PAD.decode_vec(part, many).map_err(|_| not_base64())?;
    Ok(many)
}

fn not_base64() -> JwtError {
    JwtError::malformed(Malformed::Jwt, "the JWT is not base64url")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_any_length_are_decoded() {
        for len in 0..1200 {
            let part = URL_SAFE_NO_PAD.encode(vec![len as u8; len]);
            let (mut few, mut many) = ([0; 512], Vec::new());
            assert_eq!(decode_into(&part, &mut few, &mut many).unwrap(), vec![len as u8; len]);
            let (mut few, mut many) = ([0; 512], Vec::new());
            assert!(decode_into(&format!("{part}="), &mut few, &mut many).is_err());
        }
    }
}
