//! A private key in this process, and the signatures that it makes (RFC 7515, RFC 7518, RFC 8037).
// The caller passes the source of randomness.
use aws_lc_rs::rand as random;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384,
    RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::{Error as PemError, PemObject};
use serde_json::json;
use zeroize::Zeroizing;

use super::algorithm::Algorithm;
use crate::text::json::Value;

/// A private key.
pub(crate) enum PrivateKey {
    Rsa(Box<RsaKeyPair>),
    /// On a curve, which has one algorithm.
    Ec(&'static Curve, EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

/// A curve of ECDSA keys.
pub(crate) struct Curve {
    name: &'static str,
    algorithm: &'static str,
    signing: &'static EcdsaSigningAlgorithm,
    /// The bytes of a coordinate.
    width: usize,
}

static CURVES: [Curve; 3] = [
    Curve { name: "P-256", algorithm: "ES256", signing: &ECDSA_P256_SHA256_FIXED_SIGNING, width: 32 },
    Curve { name: "P-384", algorithm: "ES384", signing: &ECDSA_P384_SHA384_FIXED_SIGNING, width: 48 },
    Curve { name: "P-521", algorithm: "ES512", signing: &ECDSA_P521_SHA512_FIXED_SIGNING, width: 66 },
];

/// Why a text is not a usable key. It contains nothing of the key.
pub(crate) type WrongKey = &'static str;

impl PrivateKey {
    /// Reads a key in PEM (RFC 7468): PKCS#8, PKCS#1 for RSA, or SEC 1 for curves.
    pub(crate) fn from_pem(pem: &str) -> Result<Self, WrongKey> {
        let key = PrivateKeyDer::from_pem_slice(pem.trim().as_bytes()).map_err(|error| match error {
            _ if pem.contains("BEGIN ENCRYPTED PRIVATE KEY") => {
                "the key is encrypted with a password, which is not supported: decrypt it with openssl pkcs8, and protect the file"
            }
            _ if pem.contains('\\') => {
                "the key contains backslashes, probably from line breaks that were escaped for a variable: give it \
                 with the line breaks of the file"
            }
            PemError::Base64Decode(_) => "the key's PEM is damaged (it is not base64): give the file as it was made",
            _ => {
                "the key is not a private key in PEM: give the whole text of the file with its line breaks, from the line \
                 -----BEGIN PRIVATE KEY----- to the line -----END PRIVATE KEY-----"
            }
        })?;
        match &key {
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()).ok().map(Self::rsa),
            PrivateKeyDer::Sec1(der) => Self::on_curve(|curve| {
                EcdsaKeyPair::from_private_key_der(curve.signing, der.secret_sec1_der()).ok()
            }),
            PrivateKeyDer::Pkcs8(der) => Self::from_pkcs8(der.secret_pkcs8_der()),
            _ => None,
        }
        .ok_or(UNSUITABLE)
    }

    pub(crate) fn from_pkcs8(der: &[u8]) -> Option<Self> {
        Self::on_curve(|curve| EcdsaKeyPair::from_pkcs8(curve.signing, der).ok())
            .or_else(|| Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok().map(Self::Ed))
            .or_else(|| RsaKeyPair::from_pkcs8(der).ok().map(Self::rsa))
    }

    fn rsa(key: RsaKeyPair) -> Self {
        Self::Rsa(Box::new(key))
    }

    fn on_curve(read: impl Fn(&'static Curve) -> Option<EcdsaKeyPair>) -> Option<Self> {
        CURVES.iter().find_map(|curve| Some(Self::Ec(curve, read(curve)?)))
    }

    /// Reads a private JWK (RFC 7518 section 6, RFC 8037 section 2).
    pub(crate) fn from_jwk(jwk: &Value) -> Result<Self, WrongKey> {
        let bytes = |name: &str| {
            let text = jwk.get(name).and_then(Value::as_str);
            text.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()).map(Zeroizing::new).unwrap_or_default()
        };
        if jwk.get("d").is_none() {
            return Err("the JWK is a public key: give the private key, which has the member d");
        }
        let crv = jwk.get("crv").and_then(Value::as_str).unwrap_or_default();
        match (jwk.get("kty").and_then(Value::as_str).unwrap_or_default(), crv) {
            ("RSA", _) => {
                let components = KeyPairComponents {
                    public_key: PublicKeyComponents { n: bytes("n"), e: bytes("e") },
                    d: bytes("d"),
                    p: bytes("p"),
                    q: bytes("q"),
                    dP: bytes("dp"),
                    dQ: bytes("dq"),
                    qInv: bytes("qi"),
                };
                RsaKeyPair::from_components(&components).ok().map(Self::rsa).ok_or(
                    "the JWK is not a whole RSA key of 2048 to 8192 bits: it must have the members n, e, d, p, q, dp, dq and qi",
                )
            }
            ("EC", crv) => {
                let curve = CURVES.iter().find(|curve| curve.name == crv).ok_or(UNSUITABLE)?;
                let point: Vec<u8> =
                    [&[4][..], &bytes("x"), &bytes("y")].into_iter().flatten().copied().collect();
                EcdsaKeyPair::from_private_key_and_public_key(curve.signing, &bytes("d"), &point)
                    .map(|key| Self::Ec(curve, key))
                    .map_err(|_| "the JWK is not a key on its curve: its members d, x and y do not belong together")
            }
            ("OKP", "Ed25519") => Ed25519KeyPair::from_seed_and_public_key(&bytes("d"), &bytes("x"))
                .map(Self::Ed)
                .map_err(|_| "the JWK is not an Ed25519 key: its members d and x do not belong together"),
            _ => Err(UNSUITABLE),
        }
    }

    /// The names of the algorithms by which the key signs, the usual one first.
    pub(crate) fn algorithms(&self) -> &'static [&'static str] {
        match self {
            Self::Rsa(_) => &["RS256", "PS256", "RS384", "PS384", "RS512", "PS512"],
            Self::Ec(curve, _) => std::slice::from_ref(&curve.algorithm),
            Self::Ed(_) => &["EdDSA"],
        }
    }

    /// Signs by an algorithm of the key. `None` if the algorithm is for other keys, or the machine could not sign.
    pub(crate) fn sign(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        rng: &dyn random::SecureRandom,
    ) -> Option<Vec<u8>> {
        let name = algorithm.name();
        if !self.algorithms().contains(&name) {
            return None;
        }
        match self {
            Self::Rsa(key) => {
                let encoding: &'static dyn RsaEncoding = match name {
                    "RS256" => &RSA_PKCS1_SHA256,
                    "RS384" => &RSA_PKCS1_SHA384,
                    "RS512" => &RSA_PKCS1_SHA512,
                    "PS256" => &RSA_PSS_SHA256,
                    "PS384" => &RSA_PSS_SHA384,
                    _ => &RSA_PSS_SHA512,
                };
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(encoding, rng, message, &mut signature).ok()?;
                Some(signature)
            }
            Self::Ec(_, key) => Some(key.sign(rng, message).ok()?.as_ref().to_vec()),
            Self::Ed(key) => Some(key.sign(message).as_ref().to_vec()),
        }
    }

    /// The public key as a JWK with its required members alone.
    pub(crate) fn public_jwk(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Rsa(key) => {
                let (n, e) = rsa_numbers(key.public_key().as_ref()).unwrap_or_default();
                json!({"kty": "RSA", "n": text(n), "e": text(e)})
            }
            Self::Ec(curve, key) => {
                // SEC 1 section 2.3.3: the byte 4, then both coordinates.
                let (x, y) = key.public_key().as_ref()[1..].split_at(curve.width);
                json!({"kty": "EC", "crv": curve.name, "x": text(x), "y": text(y)})
            }
            Self::Ed(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": text(key.public_key().as_ref())})
            }
        }
    }
}

/// Modulus and exponent of a public key (RFC 8017 appendix A.1.1): a sequence of two integers in DER.
fn rsa_numbers(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (sequence, _) = element(der, 0x30)?;
    let (modulus, rest) = element(sequence, 0x02)?;
    let (exponent, _) = element(rest, 0x02)?;
    // A zero before the number keeps it positive. RFC 7518 §6.3.1: a JWK has none.
    let plain = |number: &'_ [u8]| -> usize { number.iter().take_while(|byte| **byte == 0).count() };
    Some((&modulus[plain(modulus)..], &exponent[plain(exponent)..]))
}

/// The content of a DER element of that kind, and the bytes behind it.
fn element(der: &[u8], kind: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, length], rest) = der.split_first_chunk()?;
    let (length, rest) = match length {
        short @ 0..0x80 => (usize::from(short), rest),
        long => {
            let (bytes, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            (
                bytes
                    .iter()
                    .try_fold(0_usize, |sum, byte| Some(sum.checked_mul(256)? + usize::from(*byte)))?,
                rest,
            )
        }
    };
    (found == kind).then(|| rest.split_at_checked(length)).flatten()
}

const UNSUITABLE: WrongKey = "the key is not one that signs JWTs: it must be an RSA key of 2048 to 8192 bits, a key on the curve P-256, P-384 \
     or P-521, or an Ed25519 key";
