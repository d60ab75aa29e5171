//! A response that the protocol does not allow.
use std::borrow::Cow;
use std::fmt;

use super::Operation;

/// A response that the protocol does not allow.
#[derive(Clone, Debug)]
pub struct ResponseError {
    pub(crate) operation: Operation,
    pub(crate) malformed: Malformed,
    pub(crate) detail: Cow<'static, str>,
}

impl ResponseError {
    /// The operation that failed.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// What is wrong with it.
    pub fn malformed(&self) -> Malformed {
        self.malformed
    }
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed: {}", self.operation, self.detail)
    }
}

impl std::error::Error for ResponseError {}

/// What is wrong with a response.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Malformed {
    /// It is not the JSON that the protocol requires.
    Json,
    /// A required member is missing.
    MissingField,
    /// A member has a wrong type or value.
    InvalidField,
    /// It has another content type; it may be an HTML page.
    ContentType,
    /// The metadata cannot be used.
    Metadata,
    /// The key set cannot be used.
    Jwks,
    /// It is not a JWT.
    Jwt,
}

impl Malformed {
    /// The stable code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::MissingField => "missing_field",
            Self::InvalidField => "invalid_field",
            Self::ContentType => "content_type",
            Self::Metadata => "metadata",
            Self::Jwks => "jwks",
            Self::Jwt => "jwt",
        }
    }
}
