//! Signed and encrypted JSON: signatures, encryption, keys, JWTs and ID tokens. Nothing here does I/O or reads the clock.
pub(crate) mod access_token;
pub(crate) mod algorithm;
pub(crate) mod decryption_key;
pub(crate) mod dpop_proof;
pub(crate) mod encryption_key;
pub(crate) mod id_token;
pub(crate) mod introspection;
pub(crate) mod jwe;
pub(crate) mod jwk;
pub(crate) mod jws;
pub(crate) mod jwt;
pub(crate) mod logout_token;
pub(crate) mod private_key;

#[cfg(test)]
mod tests;
