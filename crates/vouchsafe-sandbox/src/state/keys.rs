//! The keys that tokens are signed with, and the public halves that `/jwks` shows.

use std::io;
use std::sync::{Arc, LazyLock};

use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
    RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use serde_json::{Value, json};

use crate::wire::{base64url as encode, pem, sha256, sha256_base64url};

/// A signature algorithm for ID tokens, RFC 7518 section 3.1 and RFC 8037 section 3.1.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct SigningAlg(&'static str);

impl SigningAlg {
    pub(crate) const RS256: Self = Self("RS256");
    pub(crate) const ES256: Self = Self("ES256");
    pub(crate) const NAMES: [&'static str; 10] =
        ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];

    /// By the secret of a client. No metadata names them.
    const HMACS: [&'static str; 3] = ["HS256", "HS384", "HS512"];

    /// The algorithm of this name.
    pub(crate) fn parse(name: &str) -> io::Result<Self> {
        let all = Self::NAMES.into_iter().chain(Self::HMACS);
        let known = all.into_iter().find(|known| *known == name).map(Self);
        let message = || format!("signature algorithm `{name}` is not one of {:?}", Self::NAMES);
        known.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, message()))
    }

    pub(crate) fn hmac(self) -> Option<hmac::Algorithm> {
        match self.0 {
            "HS256" => Some(hmac::HMAC_SHA256),
            "HS384" => Some(hmac::HMAC_SHA384),
            "HS512" => Some(hmac::HMAC_SHA512),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        self.0
    }

    /// The claim `at_hash`: the left half of the hash, OpenID Connect Core section 3.1.3.6. For Ed25519 it is the hash inside
    /// the algorithm, SHA-512.
    pub(crate) fn half_hash(self, message: &str) -> String {
        let algorithm = match self.0.get(2..) {
            Some("256") => &digest::SHA256,
            Some("384") => &digest::SHA384,
            _ => &digest::SHA512,
        };
        let hash = digest::digest(algorithm, message.as_bytes());
        encode(&hash.as_ref()[..hash.as_ref().len() / 2])
    }
}

/// One key of each kind. They sign ID tokens, and `/jwks` shows their public halves.
pub(crate) struct Keys {
    rsa: Arc<RsaKeyPair>,
    p256: EcdsaKeyPair,
    p384: EcdsaKeyPair,
    p521: EcdsaKeyPair,
    ed25519: Ed25519KeyPair,
}

impl Keys {
    /// Keys for a new sandbox. All sandboxes of a process share the RSA key: generating one takes a noticeable part of a
    /// second, and a test suite starts hundreds of sandboxes.
    pub(crate) fn for_start() -> Result<Self, Unspecified> {
        Self::with_rsa(SHARED_RSA.clone().ok_or(Unspecified)?)
    }

    /// New keys, the RSA key included.
    pub(crate) fn generate() -> Result<Self, Unspecified> {
        Self::with_rsa(Arc::new(RsaKeyPair::generate(KeySize::Rsa2048)?))
    }

    fn with_rsa(rsa: Arc<RsaKeyPair>) -> Result<Self, Unspecified> {
        Ok(Self {
            rsa,
            p256: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?,
            p384: EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING)?,
            p521: EcdsaKeyPair::generate(&ECDSA_P521_SHA512_FIXED_SIGNING)?,
            ed25519: Ed25519KeyPair::generate()?,
        })
    }

    /// The signature of RFC 7515 section 5.1.
    pub(crate) fn sign(&self, alg: SigningAlg, input: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let rsa = |encoding: &'static dyn RsaEncoding| {
            let mut signature = vec![0; self.rsa.public_modulus_len()];
            self.rsa.sign(encoding, &SystemRandom::new(), input, &mut signature)?;
            Ok(signature)
        };
        let ecdsa = |key: &EcdsaKeyPair| Ok(key.sign(&SystemRandom::new(), input)?.as_ref().to_vec());
        match alg.0 {
            "RS256" => rsa(&RSA_PKCS1_SHA256),
            "RS384" => rsa(&RSA_PKCS1_SHA384),
            "RS512" => rsa(&RSA_PKCS1_SHA512),
            "PS256" => rsa(&RSA_PSS_SHA256),
            "PS384" => rsa(&RSA_PSS_SHA384),
            "PS512" => rsa(&RSA_PSS_SHA512),
            "ES256" => ecdsa(&self.p256),
            "ES384" => ecdsa(&self.p384),
            "ES512" => ecdsa(&self.p521),
            _ => Ok(self.ed25519.try_sign(input)?.as_ref().to_vec()),
        }
    }

    /// The key set, RFC 7517 section 5.
    pub(crate) fn jwks(&self) -> Value {
        let one_of_each = ["RS256", "ES256", "ES384", "ES512", "EdDSA"];
        json!({ "keys": one_of_each.map(|alg| self.jwk(SigningAlg(alg))) })
    }

    /// The public key, RFC 7517 section 4.
    pub(crate) fn jwk(&self, alg: SigningAlg) -> Value {
        let mut key = match alg.0 {
            "ES256" => ec("P-256", &self.p256),
            "ES384" => ec("P-384", &self.p384),
            "ES512" => ec("P-521", &self.p521),
            "EdDSA" => {
                json!({ "crv": "Ed25519", "kty": "OKP", "x": encode(self.ed25519.public_key().as_ref()) })
            }
            _ => {
                let public = self.rsa.public_key();
                json!({
                    "e": encode(public.exponent().big_endian_without_leading_zero()),
                    "kty": "RSA",
                    "n": encode(public.modulus().big_endian_without_leading_zero()),
                })
            }
        };
        // RFC 7638 section 3: the required members only, in lexicographic order. That is how `serde_json` writes a map
        // unless its feature `preserve_order` is on somewhere in the build, and the members above are in that order too.
        key["kid"] = sha256_base64url(&key.to_string()).into();
        key["use"] = "sig".into();
        // The RSA key serves both RS* and PS*, so it cannot name one algorithm.
        if key["kty"] != "RSA" {
            key["alg"] = alg.name().into();
        }
        key
    }

    /// The public RSA key as PEM.
    pub(crate) fn rsa_pem(&self) -> String {
        pem("RSA PUBLIC KEY", self.rsa.public_key().as_ref())
    }
}

/// The SHA-256 hash of a text, made as long as an RSA modulus: RS256 signs this (EMSA-PKCS1-v1_5, RFC 8017 section 9.2).
/// With the exponent 1 it is the signature itself.
pub(crate) fn rsa_padded(text: &[u8], length: usize) -> Vec<u8> {
    let hash = sha256(text);
    let filling = length - 3 - SHA256_INFO.len() - hash.len();
    [&[0, 1][..], &vec![0xff; filling], &[0], &SHA256_INFO, &hash].concat()
}

/// An attacker with keys of their own. They sign with ES256.
pub(crate) struct Attacker;

impl Attacker {
    pub(crate) fn sign(input: &[u8]) -> Result<Vec<u8>, Unspecified> {
        ATTACKER.as_ref().ok_or(Unspecified)?.sign(SigningAlg::ES256, input)
    }

    /// The attacker's public key, with this key id.
    pub(crate) fn jwk(kid: &Value) -> Value {
        let mut key = ATTACKER.as_ref().map(|keys| keys.jwk(SigningAlg::ES256)).unwrap_or_default();
        key["kid"] = kid.clone();
        key
    }

    /// The attacker's public key of the same type as another one, with this key id.
    pub(crate) fn encryption_jwk(like: &Value, kid: &Value) -> Value {
        let alg = if like["kty"] == "RSA" { SigningAlg("RS256") } else { SigningAlg::ES256 };
        let mut key = ATTACKER.as_ref().map(|keys| keys.jwk(alg)).unwrap_or_default();
        key["kid"] = kid.clone();
        key
    }

    /// The same as PEM.
    pub(crate) fn pem() -> String {
        let public = ATTACKER.as_ref().map(|keys| keys.p256.public_key());
        let der = public.and_then(|key| AsDer::<PublicKeyX509Der<'_>>::as_der(key).ok());
        pem("PUBLIC KEY", der.as_ref().map(|der| der.as_ref()).unwrap_or_default())
    }
}

static ATTACKER: LazyLock<Option<Keys>> = LazyLock::new(|| Keys::for_start().ok());

/// `DigestInfo` of SHA-256, RFC 8017 section 9.2 note 1.
const SHA256_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];

static SHARED_RSA: LazyLock<Option<Arc<RsaKeyPair>>> =
    LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).ok().map(Arc::new));

fn ec(curve: &str, key: &EcdsaKeyPair) -> Value {
    // SEC 1 section 2.3.3: 0x04, then both coordinates at full length.
    let point = key.public_key().as_ref().get(1..).unwrap_or_default();
    let (x, y) = point.split_at(point.len() / 2);
    json!({ "crv": curve, "kty": "EC", "x": encode(x), "y": encode(y) })
}
