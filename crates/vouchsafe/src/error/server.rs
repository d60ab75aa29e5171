//! An error that the provider returned.
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::{Operation, write_retry_after};
use crate::text::redact;

/// An error that the provider returned (RFC 6749 sections 4.1.2.1 and 5.2, RFC 6750 section 3.1).
#[derive(Clone, Debug)]
pub struct ServerError {
    pub(crate) operation: Operation,
    pub(crate) code: ErrorCode,
    pub(crate) description: Option<String>,
    pub(crate) uri: Option<String>,
    pub(crate) status: Option<u16>,
    pub(crate) retry_after: Option<Duration>,
    /// What this library knows about the reason.
    pub(crate) remark: String,
}

impl ServerError {
    /// The operation that failed.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// The provider's `error`.
    pub fn code(&self) -> &ErrorCode {
        &self.code
    }

    /// The provider's `error_description`, without control characters and of bounded length.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// The provider's `error_uri`, if it is the URL of a page (`https` or `http`). It comes from outside: do not
    /// fetch it automatically.
    pub fn uri(&self) -> Option<&str> {
        self.uri.as_deref()
    }

    /// The HTTP status; `None` if the response came through the browser.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// How long the provider asks clients to wait: see [`Error::retry_after`](crate::Error::retry_after).
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed: the provider returned {}", self.operation, self.code)?;
        if let Some(status) = self.status {
            write!(f, " (HTTP status {status})")?;
        }
        if let Some(description) = &self.description {
            write!(f, ": {description}")?;
        }
        if let Some(uri) = &self.uri {
            write!(f, " (see {uri})")?;
        }
        f.write_str(&self.remark)?;
        write_retry_after(f, self.retry_after)
    }
}

impl std::error::Error for ServerError {}

/// The `error` of a provider: an open set of values. The registered ones are constants.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ErrorCode(Cow<'static, str>);

macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
        impl ErrorCode {
            $($(#[$doc])* pub const $name: Self = Self(Cow::Borrowed($value));)*
        }
    };
}

error_codes! {
    /// The user or the provider declined (RFC 6749).
    ACCESS_DENIED = "access_denied";
    /// The code or the refresh token is invalid, expired, revoked or spent (RFC 6749).
    INVALID_GRANT = "invalid_grant";
    /// Client authentication failed (RFC 6749).
    INVALID_CLIENT = "invalid_client";
    /// The request is malformed (RFC 6749).
    INVALID_REQUEST = "invalid_request";
    /// The scope is unknown or too wide (RFC 6749).
    INVALID_SCOPE = "invalid_scope";
    /// The access token is expired, revoked or malformed (RFC 6750).
    INVALID_TOKEN = "invalid_token";
    /// The access token lacks a scope (RFC 6750).
    INSUFFICIENT_SCOPE = "insufficient_scope";
    /// The client may not use this grant (RFC 6749).
    UNAUTHORIZED_CLIENT = "unauthorized_client";
    /// The grant type is not supported (RFC 6749).
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type";
    /// The provider met an unexpected condition (RFC 6749).
    SERVER_ERROR = "server_error";
    /// The provider is overloaded or under maintenance (RFC 6749).
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable";
    /// The user has to sign in, and `prompt=none` forbade it (OpenID Connect Core).
    LOGIN_REQUIRED = "login_required";
    /// The user has to consent, and `prompt=none` forbade it (OpenID Connect Core).
    CONSENT_REQUIRED = "consent_required";
    /// The user has to interact, and `prompt=none` forbade it (OpenID Connect Core).
    INTERACTION_REQUIRED = "interaction_required";
    /// Polling has to slow down (RFC 8628).
    SLOW_DOWN = "slow_down";
}

impl ErrorCode {
    /// The value as the provider sent it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// RFC 6749 §5.2: an error consists of printable ASCII without `"` and `\`. All other characters are left out.
    pub(crate) fn from_wire(value: &str, secrets: &[&str]) -> Self {
        let clean = |value: &str| {
            let allowed = |c: &char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
            value.chars().filter(allowed).collect()
        };
        let code = redact::shown(value, secrets, clean, MAX_CODE);
        Self(Cow::Owned(if code.trim().is_empty() { "unknown_error".to_owned() } else { code }))
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq<ErrorCode> for &ErrorCode {
    fn eq(&self, other: &ErrorCode) -> bool {
        **self == *other
    }
}

/// The longest `error` that is kept, in characters.
const MAX_CODE: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_code_keeps_what_the_rfc_allows() {
        assert_eq!(ErrorCode::from_wire("invalid_grant", &[]), ErrorCode::INVALID_GRANT);
        assert_eq!(ErrorCode::from_wire("a\u{1b}[1m\"b", &[]).as_str(), "a[1mb");
        assert_eq!(ErrorCode::from_wire("\u{0}", &[]).as_str(), "unknown_error");
    }
}
