//! The signature algorithms (RFC 7518 section 3.1, RFC 8037, RFC 9864) that an ID token may have.
use aws_lc_rs::digest::{self, SHA256, SHA384, SHA512};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters,
    VerificationAlgorithm,
};

/// An asymmetric signature algorithm: a row of the table. There is no `none` here, and nothing symmetric.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Algorithm(usize);

impl Algorithm {
    /// How many there are.
    pub(crate) const COUNT: usize = 10;

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        // RFC 9864 §2.2 gives EdDSA with Ed25519 a name of its own.
        let name = if name == "Ed25519" { "EdDSA" } else { name };
        TABLE.iter().position(|(known, ..)| *known == name).map(Self)
    }

    /// The names of all.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        TABLE.iter().map(|(name, ..)| *name)
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

    pub(crate) fn hash(self) -> &'static digest::Algorithm {
        TABLE[self.0].2
    }
}

/// The algorithms that a JWT may have, beside the fact that this library accepts them.
#[derive(Clone, Copy)]
pub(crate) enum Allowed<'a> {
    All,
    /// Those that the provider's metadata announces.
    Announced(&'a [String]),
    /// Those that the registration names.
    Registered(&'a [String]),
    /// Those of FAPI 2.0 that the metadata announces, or all of FAPI 2.0 if it announces none.
    Fapi(Option<&'a [String]>),
}

impl<'a> Allowed<'a> {
    /// A list of the metadata. If there is none, all are allowed.
    pub(crate) fn announced(list: Option<&'a [String]>) -> Self {
        list.map_or(Self::All, Self::Announced)
    }

    pub(crate) fn allows(self, algorithm: Algorithm) -> bool {
        match self {
            Self::All => true,
            Self::Fapi(list) => {
                FAPI.contains(&algorithm.name())
                    && list.is_none_or(|list| Self::Announced(list).allows(algorithm))
            }
            Self::Announced(list) | Self::Registered(list) => {
                list.iter().any(|name| Algorithm::from_name(name) == Some(algorithm))
            }
        }
    }
}

/// FAPI 2.0 Security Profile section 5.4.1.
pub(crate) const FAPI: [&str; 3] = ["PS256", "ES256", "EdDSA"];

/// The kind of key that an algorithm needs, with its parameters.
#[derive(Clone, Copy)]
pub(crate) enum Family {
    Rsa(&'static RsaParameters),
    /// One curve.
    Curve(&'static dyn VerificationAlgorithm),
}

/// The name, the kind of key, and the hash for `at_hash` and `c_hash`: the one of the signature (OpenID Connect Core section
/// 3.1.3.6), which is SHA-512 for Ed25519 (RFC 8032 section 5.1).
static TABLE: [(&str, Family, &digest::Algorithm); Algorithm::COUNT] = [
    ("RS256", Family::Rsa(&RSA_PKCS1_2048_8192_SHA256), &SHA256),
    ("RS384", Family::Rsa(&RSA_PKCS1_2048_8192_SHA384), &SHA384),
    ("RS512", Family::Rsa(&RSA_PKCS1_2048_8192_SHA512), &SHA512),
    ("PS256", Family::Rsa(&RSA_PSS_2048_8192_SHA256), &SHA256),
    ("PS384", Family::Rsa(&RSA_PSS_2048_8192_SHA384), &SHA384),
    ("PS512", Family::Rsa(&RSA_PSS_2048_8192_SHA512), &SHA512),
    ("ES256", Family::Curve(&ECDSA_P256_SHA256_FIXED), &SHA256),
    ("ES384", Family::Curve(&ECDSA_P384_SHA384_FIXED), &SHA384),
    ("ES512", Family::Curve(&ECDSA_P521_SHA512_FIXED), &SHA512),
    ("EdDSA", Family::Curve(&ED25519), &SHA512),
];
