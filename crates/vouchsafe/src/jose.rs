//! Signed JSON: signatures, keys and ID tokens. Nothing here waits, fetches or asks the time.
pub(crate) mod algorithm;
pub(crate) mod client_secret;
pub(crate) mod id_token;
pub(crate) mod jwk;
pub(crate) mod jws;
