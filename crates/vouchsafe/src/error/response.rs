//! A response that is not what the protocol allows.
use std::borrow::Cow;
use std::fmt;

use super::Operation;

/// An answer that is not what the protocol allows.
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

    /// In what way it is wrong.
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

/// In what way an answer is wrong.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Malformed {
    /// It is not the JSON that the protocol asks for.
    Json,
    /// Something required is missing.
    MissingField,
    /// Something has a wrong type or value.
    InvalidField,
    /// It is of another content type, an HTML page for instance.
    ContentType,
    /// The metadata cannot be used.
    Metadata,
    /// The key set cannot be used.
    Jwks,
    /// It is not a JWT.
    Jwt,
}

impl Malformed {
    /// A stable word for it.
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
