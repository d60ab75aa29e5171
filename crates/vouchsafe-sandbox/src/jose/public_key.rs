//! The public key of a client, RFC 7517 and RFC 7518 section 6.

use std::fmt;

use aws_lc_rs::rsa::{PublicKey as RsaKey, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, UnparsedPublicKey,
    VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::wire::{base64url, ensure, sha256_base64url};

/// The public key of a client.
#[derive(Clone)]
pub(crate) struct PublicKey {
    pub(crate) kid: Option<String>,
    alg: Option<String>,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// Both coordinates, each at full length.
    Ec {
        curve: &'static Curve,
        x: Vec<u8>,
        y: Vec<u8>,
    },
    Ed25519(Vec<u8>),
}

/// A curve of RFC 7518 section 6.2.1.1, with the DER that stands before a point of it in a public key of X.509.
struct Curve {
    name: &'static str,
    alg: &'static str,
    length: usize,
    der: &'static [u8],
}

impl PublicKey {
    /// A public key as a JWK.
    pub(crate) fn from_jwk(jwk: &Value) -> Result<Self, String> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        if let Some(name) = PRIVATE.into_iter().find(|name| jwk.get(name).is_some()) {
            return Err(format!("the key has the private member {name}"));
        }
        let bytes = |name: &str| {
            let encoded = text(name).ok_or_else(|| format!("the key has no text {name}"))?;
            URL_SAFE_NO_PAD.decode(encoded).map_err(|_| format!("{name} of the key is not base64url"))
        };
        let kind = match text("kty") {
            Some("RSA") => Kind::Rsa { n: bytes("n")?, e: bytes("e")? },
            Some("EC") => {
                let curve = CURVES.iter().find(|curve| text("crv") == Some(curve.name));
                let curve = curve.ok_or("crv of the key is not P-256, P-384 or P-521")?;
                let (x, y) = (bytes("x")?, bytes("y")?);
                let fits = x.len() == curve.length && y.len() == curve.length;
                ensure(fits, "a coordinate of the key does not have the length of its curve".to_owned())?;
                Kind::Ec { curve, x, y }
            }
            Some("OKP") if text("crv") == Some("Ed25519") => Kind::Ed25519(bytes("x")?),
            _ => return Err("kty of the key is not RSA, EC or OKP with Ed25519".to_owned()),
        };
        Ok(Self { kid: text("kid").map(str::to_owned), alg: text("alg").map(str::to_owned), kind })
    }

    /// A public key as PEM: `BEGIN PUBLIC KEY`.
    pub(crate) fn from_pem(pem: &str) -> Result<Self, String> {
        let lines = pem.lines().map(str::trim);
        let body: String = lines.filter(|line| !line.is_empty() && !line.starts_with("-----")).collect();
        ensure(pem.contains("-----BEGIN PUBLIC KEY-----"), "the text is not a public key in PEM".to_owned())?;
        let der = STANDARD.decode(body).map_err(|_| "the PEM of the key is not base64".to_owned())?;
        let curve = CURVES.iter().find_map(|curve| Some((curve, der.strip_prefix(curve.der)?)));
        let kind = if let Some((curve, point)) = curve {
            let (x, y) = point.split_at_checked(curve.length).ok_or("the key has no point of its curve")?;
            Kind::Ec { curve, x: x.to_vec(), y: y.to_vec() }
        } else if let Some(point) = der.strip_prefix(ED25519_DER) {
            Kind::Ed25519(point.to_vec())
        } else {
            let key = RsaKey::from_der(&der).map_err(|_| "the key is not an RSA, EC or Ed25519 key")?;
            let n = key.modulus().big_endian_without_leading_zero().to_vec();
            Kind::Rsa { n, e: key.exponent().big_endian_without_leading_zero().to_vec() }
        };
        Ok(Self { kid: None, alg: None, kind })
    }

    /// The key without its name.
    pub(crate) fn unnamed(self) -> Self {
        Self { kid: None, ..self }
    }

    /// Whether the key may have signed by this algorithm.
    pub(crate) fn fits(&self, alg: &str) -> bool {
        let by_kind = match &self.kind {
            Kind::Rsa { .. } => alg.starts_with("RS") || alg.starts_with("PS"),
            Kind::Ec { curve, .. } => alg == curve.alg,
            Kind::Ed25519(_) => alg == "EdDSA",
        };
        by_kind && self.alg.as_deref().is_none_or(|own| own == alg)
    }

    /// Whether this key has signed the text by this algorithm.
    pub(crate) fn verifies(&self, alg: &str, text: &[u8], signature: &[u8]) -> bool {
        let by = |algorithm: &'static dyn VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(algorithm, key).verify(text, signature).is_ok()
        };
        match &self.kind {
            _ if !self.fits(alg) => false,
            Kind::Rsa { n, e } => {
                let parameters = match alg {
                    "RS256" => &RSA_PKCS1_2048_8192_SHA256,
                    "RS384" => &RSA_PKCS1_2048_8192_SHA384,
                    "RS512" => &RSA_PKCS1_2048_8192_SHA512,
                    "PS256" => &RSA_PSS_2048_8192_SHA256,
                    "PS384" => &RSA_PSS_2048_8192_SHA384,
                    "PS512" => &RSA_PSS_2048_8192_SHA512,
                    _ => return false,
                };
                PublicKeyComponents { n, e }.verify(parameters, text, signature).is_ok()
            }
            Kind::Ec { curve, x, y } => {
                let algorithm = match curve.alg {
                    "ES256" => &ECDSA_P256_SHA256_FIXED,
                    "ES384" => &ECDSA_P384_SHA384_FIXED,
                    _ => &ECDSA_P521_SHA512_FIXED,
                };
                // SEC 1 section 2.3.3: an uncompressed point.
                by(algorithm, &[&[4][..], x, y].concat())
            }
            Kind::Ed25519(key) => by(&ED25519, key),
        }
    }

    /// The thumbprint of RFC 7638 section 3.
    pub(crate) fn thumbprint(&self) -> String {
        let text = match &self.kind {
            Kind::Rsa { n, e } => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, base64url(e), base64url(n)),
            Kind::Ec { curve, x, y } => {
                let (x, y) = (base64url(x), base64url(y));
                format!(r#"{{"crv":"{}","kty":"EC","x":"{x}","y":"{y}"}}"#, curve.name)
            }
            Kind::Ed25519(x) => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, base64url(x)),
        };
        sha256_base64url(&text)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey").field("thumbprint", &self.thumbprint()).finish_non_exhaustive()
    }
}

/// RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// RFC 5480 sections 2 and 2.1.1: the algorithm, the curve, and the beginning of an uncompressed point.
const CURVES: [Curve; 3] = [
    Curve {
        name: "P-256",
        alg: "ES256",
        length: 32,
        der: b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00\x04",
    },
    Curve {
        name: "P-384",
        alg: "ES384",
        length: 48,
        der: b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00\x04",
    },
    Curve {
        name: "P-521",
        alg: "ES512",
        length: 66,
        der: b"\x30\x81\x9b\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23\x03\x81\x86\x00\x04",
    },
];

/// RFC 8410 section 4.
const ED25519_DER: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn thumbprint_is_that_of_the_example_of_rfc7638_3_1() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs\
                 tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbI\
                 SD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let key = PublicKey::from_jwk(&json!({ "kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256" })).unwrap();
        assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        assert!(key.fits("RS256") && !key.fits("PS256") && !key.fits("ES256"));
    }

    #[test]
    fn private_key_is_not_a_public_key() {
        let okp =
            json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
        assert!(PublicKey::from_jwk(&okp).is_ok());
        for name in PRIVATE {
            let mut private = okp.clone();
            private[name] = "AA".into();
            assert!(PublicKey::from_jwk(&private).unwrap_err().contains("private"), "{name}");
        }
        assert!(PublicKey::from_pem("-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----").is_err());
    }
}
