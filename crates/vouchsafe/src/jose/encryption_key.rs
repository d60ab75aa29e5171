//! A public key of a provider, by which request objects are encrypted for it.
use super::jwe::agreement::Curve;
use super::jwe::management::KeyManagement;
use crate::text::json::Value;

/// A public key for encryption.
#[derive(Clone)]
pub(crate) struct EncryptionKey {
    /// The only algorithm of the key, if it names one (RFC 7517 section 4.4).
    only: Option<KeyManagement>,
    is_rsa: bool,
    jwk: Value,
}

impl EncryptionKey {
    /// Reads a key. `None` if it is not for encryption, or of a type that is not supported.
    ///
    /// OpenID Connect Core section 10.2: where a set has keys for both purposes, each says which one it is for. A key that says
    /// nothing is one for signatures.
    pub(super) fn read(jwk: &Value) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let only = text("alg").and_then(KeyManagement::from_name);
        if jwk.get("alg").is_some() && only.is_none() {
            return None;
        }
        let operations = jwk.get("key_ops").map(|operations| {
            let mut names = operations.as_array().into_iter().flatten().filter_map(Value::as_str);
            names.any(|name| OPERATIONS.contains(&name))
        });
        let is_for_encryption = match jwk.get("use") {
            Some(purpose) => purpose == "enc" && operations != Some(false),
            None => operations.unwrap_or(only.is_some()),
        };
        let is_rsa = text("kty") == Some("RSA");
        let is_known = is_rsa || Curve::all().any(|curve| curve.point(jwk).is_some());
        // A key whose only algorithm does not fit its type encrypts nothing.
        let fits = only.is_none_or(|alg| (alg == KeyManagement::RsaOaep256) == is_rsa);
        (is_for_encryption && is_known && fits).then(|| Self { only, is_rsa, jwk: jwk.clone() })
    }

    /// Whether it can be used with that algorithm.
    pub(super) fn suits(&self, alg: KeyManagement) -> bool {
        self.only.is_none_or(|only| only == alg) && (alg == KeyManagement::RsaOaep256) == self.is_rsa
    }

    pub(super) fn jwk(&self) -> &Value {
        &self.jwk
    }
}

/// RFC 7517 section 4.3: the operations of the owner's peers.
const OPERATIONS: [&str; 4] = ["encrypt", "wrapKey", "deriveKey", "deriveBits"];
