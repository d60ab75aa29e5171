//! How the key of the content of a JWE is transported.

/// How the key of the content is transported (RFC 7518 section 4.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum KeyManagement {
    RsaOaep256,
    /// The agreed key encrypts the content.
    EcdhEs,
    /// The agreed key, of that many bytes, wraps the key of the content.
    EcdhEsWrapped(usize),
}

impl KeyManagement {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        ALGORITHMS.iter().find(|(known, _)| *known == name).map(|(_, alg)| *alg)
    }

    /// The names of all.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        ALGORITHMS.iter().map(|(name, _)| *name)
    }

    pub(super) fn name(self) -> &'static str {
        ALGORITHMS.iter().find(|(_, alg)| *alg == self).map_or("", |(name, _)| name)
    }
}

static ALGORITHMS: [(&str, KeyManagement); 4] = [
    ("RSA-OAEP-256", KeyManagement::RsaOaep256),
    ("ECDH-ES", KeyManagement::EcdhEs),
    ("ECDH-ES+A128KW", KeyManagement::EcdhEsWrapped(16)),
    ("ECDH-ES+A256KW", KeyManagement::EcdhEsWrapped(32)),
];
