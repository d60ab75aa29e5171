//! Compact JSON Web Signatures (RFC 7515).
use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::{Engine, decoded_len_estimate};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::algorithm::Algorithm;
use super::jwk::{KeySet, NoKey, Signed};
use crate::error::{Check, Malformed};
use crate::text::json::{self, InvalidJson, Json, Names, Scalar, Text};
use crate::text::redact::{MAX_TEXT, printable};

/// Why a JWT is not to be trusted. The operation is added by who asked.
#[derive(Debug)]
pub(crate) enum Refusal {
    Check(Check, Cow<'static, str>),
    Malformed(Malformed, Cow<'static, str>),
}

impl Refusal {
    pub(crate) fn check(check: Check, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Check(check, detail.into())
    }

    pub(crate) fn fault(fault: Malformed, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Malformed(fault, detail.into())
    }

    /// Whether newer keys could make a difference.
    pub(crate) fn is_about_keys(&self) -> bool {
        matches!(self, Self::Check(Check::UnknownKey | Check::Signature, _))
    }
}

/// A JWS in its three parts, still encoded.
pub(crate) struct Jws<'a> {
    /// What the signature is over.
    signed: &'a str,
    pub(crate) header: &'a str,
    pub(crate) payload: &'a str,
    signature: &'a str,
}

impl<'a> Jws<'a> {
    pub(crate) fn split(token: &'a str) -> Result<Self, Refusal> {
        let not_jws = || Refusal::fault(Malformed::Jwt, "it is not a JWT: it does not have three parts");
        let (signed, signature) = token.rsplit_once('.').ok_or_else(not_jws)?;
        let (header, payload) = signed.split_once('.').ok_or_else(not_jws)?;
        if payload.contains('.') {
            return Err(not_jws());
        }
        Ok(Self { signed, header, payload, signature })
    }

    /// Verifies the signature. `allowed` narrows the algorithms to those that the provider announces, `typed` says
    /// whether it may be a JWT that is explicitly of some type.
    pub(crate) fn verify(
        &self,
        keys: &KeySet,
        allowed: Option<&[String]>,
        typed: bool,
    ) -> Result<Algorithm, Refusal> {
        let (mut few, mut many) = ([0; 512], Vec::new());
        let header = decode_into(self.header, &mut few, &mut many)?;
        let header: Header<'_> = json::read(header)
            .map_err(|e| Refusal::fault(Malformed::Jwt, format!("the JWT's header cannot be read: {e}")))?;

        let name = match &header.alg {
            Some(Scalar::Text(name)) => name,
            _ => return Err(Refusal::fault(Malformed::Jwt, "the JWT's header has no alg")),
        };
        // RFC 8725 §3.1: the algorithms are those that the caller trusts; the header only picks one of them.
        let Some(algorithm) = Algorithm::from_name(name) else {
            let detail =
                format!("the JWT names the algorithm `{}`, which is not accepted", printable(name, 40));
            return Err(Refusal::check(Check::Algorithm, detail));
        };
        if allowed.is_some_and(|list| !list.iter().any(|a| Algorithm::from_name(a) == Some(algorithm))) {
            let detail = format!("the JWT is signed by {name}, which the provider does not announce");
            return Err(Refusal::check(Check::Algorithm, detail));
        }
        // RFC 7515 §4.1.11: what is critical and not understood voids the JWT. No extension is understood here.
        if header.crit {
            return Err(Refusal::check(Check::CriticalHeader, "the JWT has a critical header"));
        }
        let kid = match &header.kid {
            None => None,
            Some(Scalar::Text(kid)) => Some(&**kid),
            Some(_) => {
                return Err(Refusal::fault(Malformed::Jwt, "the JWT's header has a kid that is not text"));
            }
        };
        match &header.typ {
            None => {}
            Some(Scalar::Text(kind)) if typed || !is_explicit(kind) => {}
            Some(Scalar::Text(kind)) => {
                let detail =
                    format!("the JWT is made for something else: its type is {}", printable(kind, 60));
                return Err(Refusal::check(Check::TokenType, detail));
            }
            Some(_) => {
                return Err(Refusal::fault(Malformed::Jwt, "the JWT's header has a typ that is not text"));
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
                Err(Refusal::check(Check::UnknownKey, detail))
            }
            Err(NoKey::Foreign) => {
                let detail = "the key that the JWT names is for tokens of another issuer, another tenant perhaps: it \
                              may not sign for this one";
                Err(Refusal::check(Check::IssuerMismatch, detail))
            }
            Err(NoKey::Weak) => {
                let detail = "the provider's key is too weak: RSA keys have 2048 bits and an odd exponent above 1, and nobody \
                     else can sign by an Ed25519 key";
                Err(Refusal::check(Check::WeakKey, detail))
            }
            Err(NoKey::Wrong) => Err(Refusal::check(Check::Signature, "the JWT's signature is wrong")),
        }
    }

    /// The payload as text.
    pub(crate) fn decode_payload(&self) -> Result<String, Refusal> {
        decode_text(self.payload)
    }
}

/// The issuer that claims name which are not verified yet.
fn named_issuer(claims: &str) -> Result<Option<String>, Refusal> {
    let claims = json::parse(claims.as_bytes()).map_err(|e| unreadable(&e))?;
    Ok(claims.str_at("/iss").map(str::to_owned))
}

fn unreadable(error: &InvalidJson) -> Refusal {
    Refusal::fault(Malformed::Jwt, format!("the JWT's claims cannot be read: {error}"))
}

/// RFC 8725 §3.11: access tokens, logout tokens and their like say what they are. ID tokens and UserInfo have no type of
/// their own.
fn is_explicit(kind: &str) -> bool {
    kind.to_ascii_lowercase().ends_with("+jwt")
}

/// The claims of a JWT that is verified and in its time, with some tolerance: nothing else is looked at.
pub(crate) fn claims(
    jwt: &str,
    keys: &KeySet,
    allowed: Option<&[String]>,
    (now, skew): (SystemTime, Duration),
) -> Result<Json, Refusal> {
    let jws = Jws::split(jwt)?;
    jws.verify(keys, allowed, false)?;
    let claims = json::parse(jws.decode_payload()?.as_bytes()).map_err(|e| unreadable(&e))?;
    let (now, skew) = (now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64(), skew.as_secs_f64());
    let time = |name: &str| match claims.value().get(name) {
        None => Ok(None),
        Some(Value::Number(time)) => Ok(time.as_f64()),
        Some(_) => {
            Err(Refusal::fault(Malformed::InvalidField, format!("the JWT has a {name} of a wrong type")))
        }
    };
    if time("exp")?.is_some_and(|exp| exp + skew <= now) {
        return Err(Refusal::check(Check::Expired, "the JWT has expired"));
    }
    for name in ["iat", "nbf"] {
        if time(name)?.is_some_and(|time| time > now + skew) {
            return Err(Refusal::check(Check::NotYetValid, "the JWT is not valid yet"));
        }
    }
    Ok(claims)
}

/// One part of a JWT as text.
pub(crate) fn decode_text(part: &str) -> Result<String, Refusal> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| not_base64())?;
    String::from_utf8(bytes).map_err(|_| Refusal::fault(Malformed::Jwt, "the JWT is not valid UTF-8"))
}

/// RFC 7515 §2: base64url without padding, and nothing else in between.
fn decode_into<'b>(part: &str, few: &'b mut [u8], many: &'b mut Vec<u8>) -> Result<&'b [u8], Refusal> {
    if decoded_len_estimate(part.len()) <= few.len() {
        let len = URL_SAFE_NO_PAD.decode_slice(part, few).map_err(|_| not_base64())?;
        return Ok(&few[..len]);
    }
    URL_SAFE_NO_PAD.decode_vec(part, many).map_err(|_| not_base64())?;
    Ok(many)
}

fn not_base64() -> Refusal {
    Refusal::fault(Malformed::Jwt, "the JWT is not base64url")
}

#[derive(Default)]
struct Header<'a> {
    alg: Option<Scalar<'a>>,
    kid: Option<Scalar<'a>>,
    typ: Option<Scalar<'a>>,
    crit: bool,
}

impl<'de> Deserialize<'de> for Header<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header<'de>, A::Error> {
        let (mut header, mut names) = (Header::default(), Names::default());
        while let Some(Text(name)) = map.next_key::<Text<'de>>()? {
            let value: Scalar<'de> = map.next_value()?;
            match &*name {
                "alg" => header.alg = Some(value),
                "kid" => header.kid = Some(value),
                "typ" => header.typ = Some(value),
                // `jku`, `jwk`, `x5u` and `x5c` are not read at all: keys come from the provider's key set alone.
                "crit" => header.crit = true,
                _ => {}
            }
            if !names.insert(name) {
                return Err(json::duplicate());
            }
        }
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::super::jwk::Reading;
    use super::*;
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
    use serde_json::json;

    const NOW: u64 = 1_800_000_000;

    /// What becomes of a signed answer with those claims, at a moment that does not move.
    fn at(claims: Value) -> Result<(), Check> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
        let signed = format!("{}.{}", encode(br#"{"alg":"EdDSA"}"#), encode(claims.to_string().as_bytes()));
        let jwt = format!("{signed}.{}", encode(pair.sign(signed.as_bytes()).as_ref()));
        let key = json!({"kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref())});
        let reading = Reading { most: 1, heeds_issuer: false };
        let keys = KeySet::read(&Json::from(json!({ "keys": [key] })), reading).unwrap();
        let (now, skew) = (UNIX_EPOCH + Duration::from_secs(NOW), Duration::from_secs(30));
        match super::claims(&jwt, &keys, None, (now, skew)) {
            Ok(read) => {
                assert_eq!(read, Json::from(claims));
                Ok(())
            }
            Err(Refusal::Check(check, _)) => Err(check),
            Err(refusal) => panic!("{refusal:?}"),
        }
    }

    #[test]
    fn clocks_may_be_apart_by_thirty_seconds_and_no_more() {
        assert_eq!(at(json!({})), Ok(()));
        assert_eq!(at(json!({"exp": NOW - 29})), Ok(()));
        assert_eq!(at(json!({"exp": NOW - 30})), Err(Check::Expired));
        for name in ["iat", "nbf"] {
            assert_eq!(at(json!({name: NOW + 30})), Ok(()));
            assert_eq!(at(json!({name: NOW + 31})), Err(Check::NotYetValid));
        }
    }

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
