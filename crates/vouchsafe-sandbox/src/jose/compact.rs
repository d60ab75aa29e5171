//! A signed token of a client, RFC 7515 section 7.1.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::PublicKey;
use crate::wire::ensure;

/// A token that was taken apart. Nothing of it is verified yet.
pub(crate) struct Compact<'a> {
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
    signed: &'a str,
    signature: Vec<u8>,
}

impl<'a> Compact<'a> {
    /// Three parts, the first two of them JSON objects.
    pub(crate) fn parse(text: &'a str) -> Result<Self, String> {
        let parts: Vec<_> = text.split('.').collect();
        let [header, claims, signature] = parts[..] else {
            return Err("it does not have the three parts of a signed JWT".to_owned());
        };
        let object = |part: &str, name: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| format!("its {name} is not base64url"))?;
            let value = serde_json::from_slice(&bytes);
            match value {
                Ok(Value::Object(members)) => Ok(members),
                _ => Err(format!("its {name} is not a JSON object")),
            }
        };
        let (header, claims) = (object(header, "header")?, object(claims, "payload")?);
        let signature = URL_SAFE_NO_PAD.decode(signature);
        let signature = signature.map_err(|_| "its signature is not base64url".to_owned())?;
        // RFC 7515 section 4.1.11: the sandbox understands no extension.
        ensure(
            !header.contains_key("crit"),
            "its header has crit, and no extension is supported".to_owned(),
        )?;
        let signed = text.rsplit_once('.').map_or("", |(signed, _)| signed);
        Ok(Self { header, claims, signed, signature })
    }

    pub(crate) fn alg(&self) -> &str {
        self.header.get("alg").and_then(Value::as_str).unwrap_or_default()
    }

    /// The type without the prefix that RFC 7515 section 4.1.9 lets a sender leave out, in lower case.
    pub(crate) fn typ(&self) -> Option<String> {
        let typ = self.header.get("typ")?.as_str().unwrap_or_default().to_ascii_lowercase();
        Some(typ.strip_prefix("application/").unwrap_or(&typ).to_owned())
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str()
    }

    /// A time, in seconds since the epoch. RFC 7519 section 2 allows fractions.
    pub(crate) fn time(&self, name: &str) -> Result<Option<u64>, String> {
        let Some(value) = self.claims.get(name) else { return Ok(None) };
        let time = value.as_f64().filter(|time| *time >= 0.0);
        time.map(|time| Some(time as u64)).ok_or_else(|| format!("{name} is not a time in seconds"))
    }

    /// One of these keys must have signed it. A key id must name one of them.
    pub(crate) fn verify(&self, keys: &[PublicKey]) -> Result<(), String> {
        let alg = self.alg();
        let kid = self.header.get("kid").and_then(Value::as_str);
        let is_named =
            |key: &&PublicKey| kid.is_none_or(|kid| key.kid.as_deref().is_none_or(|own| own == kid));
        let named: Vec<_> = keys.iter().filter(is_named).collect();
        ensure(!named.is_empty(), "its kid names none of the registered keys".to_owned())?;
        let fitting: Vec<_> = named.into_iter().filter(|key| key.fits(alg)).collect();
        ensure(!fitting.is_empty(), format!("no registered key is one for its algorithm, {alg:?}"))?;
        let is_signed = |key: &&PublicKey| key.verifies(alg, self.signed.as_bytes(), &self.signature);
        ensure(fitting.iter().any(is_signed), "its signature is not by the registered key".to_owned())
    }

    /// The secret must have signed it, RFC 7518 section 3.2.
    pub(crate) fn verify_by_secret(&self, secret: &str) -> Result<(), String> {
        let (algorithm, length) = match self.alg() {
            "HS256" => (hmac::HMAC_SHA256, 32),
            "HS384" => (hmac::HMAC_SHA384, 48),
            _ => (hmac::HMAC_SHA512, 64),
        };
        let short = "the client secret is shorter than the hash of its algorithm (RFC 7518 section 3.2)";
        ensure(secret.len() >= length, short.to_owned())?;
        let key = hmac::Key::new(algorithm, secret.as_bytes());
        hmac::verify(&key, self.signed.as_bytes(), &self.signature)
            .map_err(|_| "its signature is not by the client secret".to_owned())
    }

    pub(crate) fn is_unsigned(&self) -> bool {
        self.alg() == "none" && self.signature.is_empty()
    }
}
