//! The token endpoint (RFC 6749 sections 4.1.3, 5 and 6).
mod fields;
mod request;
mod response;

pub(crate) use request::{Grant, request};
pub(crate) use response::{KNOWN, TokenAnswer, read, read_body};
