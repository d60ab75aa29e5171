//! The token endpoint (RFC 6749 sections 4.1.3, 5 and 6).
pub(crate) mod request;
pub(crate) mod response;
