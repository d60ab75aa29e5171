//! The signature algorithms (RFC 7518 section 3.1, RFC 8037, RFC 9864, RFC 9964) that an ID token may have.
use aws_lc_rs::digest::{self, SHA256, SHA384, SHA512};
use aws_lc_rs::hmac::{self, HMAC_SHA256, HMAC_SHA384, HMAC_SHA512};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, ML_DSA_44, ML_DSA_65,
    ML_DSA_87, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters,
    VerificationAlgorithm,
};

use crate::secret::Secret;

/// A signature algorithm: a row of the table. There is no `none` here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Algorithm(usize);

impl Algorithm {
    /// How many there are.
    pub(crate) const COUNT: usize = 16;

    /// The asymmetric algorithm of that name. A symmetric one is never among those that are found by a name alone.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        // RFC 9864 §2.2 gives EdDSA with Ed25519 a name of its own.
        let name = if name == "Ed25519" { "EdDSA" } else { name };
        Self::find(name).filter(|algorithm| !algorithm.is_symmetric())
    }

    /// The symmetric algorithm of that name.
    pub(crate) fn symmetric(name: &str) -> Option<Self> {
        Self::find(name).filter(|algorithm| algorithm.is_symmetric())
    }

    fn find(name: &str) -> Option<Self> {
        TABLE.iter().position(|(known, ..)| *known == name).map(Self)
    }

    fn is_symmetric(self) -> bool {
        matches!(self.family(), Family::Hmac(_))
    }

    /// The names of all asymmetric algorithms.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        (0..TABLE.len()).map(Self).filter(|algorithm| !algorithm.is_symmetric()).map(Self::name)
    }

    pub(crate) fn name(self) -> &'static str {
        TABLE[self.0].0
    }

    /// The number of its row.
    pub(crate) fn row(self) -> usize {
        self.0
    }

    pub(crate) fn family(self) -> Family {
        TABLE[self.0].1
    }

    /// The hash for `at_hash` and `c_hash`, if one is defined for the algorithm.
    pub(crate) fn hash(self) -> Option<&'static digest::Algorithm> {
        TABLE[self.0].2
    }

    /// RFC 7518 §3.2: the key is at least as long as the hash. In bytes.
    pub(crate) fn shortest_secret(self) -> usize {
        self.hash().map_or(0, digest::Algorithm::output_len)
    }

    /// Whether this is the HMAC of the message, compared in constant time.
    pub(super) fn verify_hmac(self, secret: &Secret, message: &[u8], tag: &[u8]) -> bool {
        let Family::Hmac(algorithm) = self.family() else { return false };
        let is_long = secret.expose().len() >= self.shortest_secret();
        // OpenID Connect Core §10.1: the key is the UTF-8 of the client secret.
        let key = hmac::Key::new(algorithm, secret.expose().as_bytes());
        is_long && hmac::verify(&key, message, tag).is_ok()
    }
}

/// The algorithms that a JWT may have, beside the fact that this library accepts them.
#[derive(Clone, Copy)]
pub(crate) enum Allowed<'a> {
    All,
    /// Those that the provider's metadata announces.
    Announced(&'a [String]),
    /// Those that the registration or the definition names.
    Registered(&'a [String]),
    /// Those of FAPI 2.0 that the metadata announces, or all of FAPI 2.0 if it announces none.
    Fapi(Option<&'a [String]>),
    /// The symmetric ones that the registration or the definition names, by the client secret, and no others.
    Symmetric(&'a [String], &'a Secret),
}

impl<'a> Allowed<'a> {
    /// A list of the metadata. If there is none, all are allowed.
    pub(crate) fn announced(list: Option<&'a [String]>) -> Self {
        list.map_or(Self::All, Self::Announced)
    }

    /// A list that the registration or the definition names. If it is symmetric, only the client secret counts.
    pub(crate) fn named(list: &'a [String], secret: Option<&'a Secret>) -> Self {
        match secret {
            Some(secret) if are_symmetric(list) => Self::Symmetric(list, secret),
            // Without a secret, nothing symmetric is accepted.
            _ => Self::Registered(list),
        }
    }

    /// The algorithm of that name, if it is known. A symmetric one is known only where nothing else is allowed.
    pub(super) fn find(self, name: &str) -> Option<Algorithm> {
        match self {
            Self::Symmetric(..) => Algorithm::symmetric(name).or_else(|| Algorithm::from_name(name)),
            _ => Algorithm::from_name(name),
        }
    }

    pub(super) fn allows(self, algorithm: Algorithm) -> bool {
        let is_in = |list: &[String]| list.iter().any(|name| self.find(name) == Some(algorithm));
        match self {
            Self::All => true,
            Self::Fapi(list) => FAPI.contains(&algorithm.name()) && list.is_none_or(is_in),
            Self::Announced(list) | Self::Registered(list) => is_in(list),
            Self::Symmetric(list, _) => algorithm.is_symmetric() && is_in(list),
        }
    }
}

/// Whether a list names symmetric algorithms alone.
pub(crate) fn are_symmetric(names: &[String]) -> bool {
    !names.is_empty() && names.iter().all(|name| Algorithm::symmetric(name).is_some())
}

/// FAPI 2.0 Security Profile section 5.4.1.
pub(crate) const FAPI: [&str; 3] = ["PS256", "ES256", "EdDSA"];

/// The kind of key that an algorithm needs, with its parameters.
#[derive(Clone, Copy)]
pub(crate) enum Family {
    Rsa(&'static RsaParameters),
    /// One curve, or one set of parameters of ML-DSA.
    Fixed(&'static dyn VerificationAlgorithm),
    /// The client secret.
    Hmac(hmac::Algorithm),
}

/// The name, the kind of key, and the hash for `at_hash` and `c_hash`: the one of the signature (OpenID Connect Core section
/// 3.1.3.6), which is SHA-512 for Ed25519 (RFC 8032 section 5.1). For ML-DSA none is defined.
static TABLE: [(&str, Family, Option<&digest::Algorithm>); Algorithm::COUNT] = [
    ("RS256", Family::Rsa(&RSA_PKCS1_2048_8192_SHA256), Some(&SHA256)),
    ("RS384", Family::Rsa(&RSA_PKCS1_2048_8192_SHA384), Some(&SHA384)),
    ("RS512", Family::Rsa(&RSA_PKCS1_2048_8192_SHA512), Some(&SHA512)),
    ("PS256", Family::Rsa(&RSA_PSS_2048_8192_SHA256), Some(&SHA256)),
    ("PS384", Family::Rsa(&RSA_PSS_2048_8192_SHA384), Some(&SHA384)),
    ("PS512", Family::Rsa(&RSA_PSS_2048_8192_SHA512), Some(&SHA512)),
    ("ES256", Family::Fixed(&ECDSA_P256_SHA256_FIXED), Some(&SHA256)),
    ("ES384", Family::Fixed(&ECDSA_P384_SHA384_FIXED), Some(&SHA384)),
    ("ES512", Family::Fixed(&ECDSA_P521_SHA512_FIXED), Some(&SHA512)),
    ("EdDSA", Family::Fixed(&ED25519), Some(&SHA512)),
    ("ML-DSA-44", Family::Fixed(&ML_DSA_44), None),
    ("ML-DSA-65", Family::Fixed(&ML_DSA_65), None),
    ("ML-DSA-87", Family::Fixed(&ML_DSA_87), None),
    ("HS256", Family::Hmac(HMAC_SHA256), Some(&SHA256)),
    ("HS384", Family::Hmac(HMAC_SHA384), Some(&SHA384)),
    ("HS512", Family::Hmac(HMAC_SHA512), Some(&SHA512)),
];
