//! What the sandbox remembers: keys, requests, sessions, codes and tokens.

pub(crate) mod jwt;
pub(crate) mod keys;
pub(crate) mod record;
pub(crate) mod request;
pub(crate) mod store;
