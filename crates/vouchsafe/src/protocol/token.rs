//! The token endpoint (RFC 6749 sections 4.1.3, 5 and 6).
mod answer;
mod fields;
mod request;
pub(crate) mod time;

pub(crate) use answer::{KNOWN, TokenAnswer, read, read_body};
pub(crate) use request::{Grant, request};
