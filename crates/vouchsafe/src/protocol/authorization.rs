//! The authorization endpoint (RFC 6749 section 4.1, RFC 9207, OpenID Connect Core section 3.1.2).
pub(crate) mod prepared;
pub(crate) mod request;
pub(crate) mod response;
