//! JSON Web Signatures of clients: their public keys, and the tokens that they sign.

mod compact;
mod public_key;

pub(crate) use compact::Compact;
pub(crate) use public_key::PublicKey;

/// The algorithms by which clients may sign, RFC 7518 section 3.1 and RFC 8037 section 3.1.
pub(crate) const ASYMMETRIC: [&str; 10] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];
/// The algorithms that sign with a client secret.
pub(crate) const SYMMETRIC: [&str; 3] = ["HS256", "HS384", "HS512"];
/// FAPI 2.0 Security Profile section 5.4.1.
pub(crate) const FAPI: [&str; 3] = ["PS256", "ES256", "EdDSA"];
