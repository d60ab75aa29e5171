//! What can go wrong, sorted by who has to act.
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use crate::text::legible::legible;
use crate::text::redact;

mod check;
mod config;
mod response;
mod server;
mod transport;
mod unsupported;

pub use check::{Check, ValidationError};
pub use config::{ConfigError, ConfigProblem};
pub use response::{Malformed, ResponseError};
pub use server::{ErrorCode, ServerError};
pub use transport::{HttpError, HttpErrorKind, TransportError};
pub use unsupported::{Feature, UnsupportedError};
pub use vouchsafe_providers::DefinitionError;

use transport::Reason;

/// What can go wrong. Each variant says who has to act.
///
/// Messages name what was attempted and what to do; they never hold a token, a code, a secret or a body.
///
/// ```no_run
/// # async fn f(client: vouchsafe::Client, tokens: vouchsafe::Tokens) -> Result<(), vouchsafe::Error> {
/// use vouchsafe::{Error, ErrorCode};
///
/// match client.refresh(&tokens).await {
///     Ok(fresh) => println!("valid until {:?}", fresh.expires_at()),
///     Err(Error::Server(e)) if e.code() == ErrorCode::INVALID_GRANT => println!("sign in again"),
///     Err(e) if e.is_retryable() => println!("try again later: {e}"),
///     Err(e) => return Err(e),
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Error {
    /// The provider said no, in the protocol's own words.
    Server(Box<ServerError>),
    /// A check failed: what came is not to be trusted. Nobody is signed in.
    Validation(Box<ValidationError>),
    /// An answer came and is not what the protocol allows. The provider has to act.
    Response(Box<ResponseError>),
    /// No usable answer came. The network, the provider's operator or time has to act.
    Http(Box<HttpError>),
    /// The provider has no such thing. The application has to do without.
    Unsupported(Box<UnsupportedError>),
    /// The application's configuration, or the call, is wrong.
    Config(Box<ConfigError>),
}

impl Error {
    /// What was being done.
    pub fn operation(&self) -> Operation {
        match self {
            Self::Server(e) => e.operation,
            Self::Validation(e) => e.operation,
            Self::Response(e) => e.operation,
            Self::Http(e) => e.operation,
            Self::Unsupported(e) => e.operation,
            Self::Config(_) => Operation::Configuration,
        }
    }

    /// A short stable word for what went wrong: the provider's `error`, or one of ours such as `state_mismatch`.
    pub fn code(&self) -> &str {
        match self {
            Self::Server(e) => e.code.as_str(),
            Self::Validation(e) => e.check.as_str(),
            Self::Response(e) => e.malformed.as_str(),
            Self::Http(e) => e.kind.as_str(),
            Self::Unsupported(e) => e.feature.as_str(),
            Self::Config(e) => e.problem.as_str(),
        }
    }

    /// The HTTP status of the answer, where there was one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Server(e) => e.status,
            Self::Http(e) => e.status,
            _ => None,
        }
    }

    /// Whether the user has to sign in again: the grant is gone, or never could be refreshed.
    pub fn needs_login(&self) -> bool {
        match self {
            Self::Server(e) => {
                [ErrorCode::INVALID_GRANT, ErrorCode::LOGIN_REQUIRED, ErrorCode::INVALID_TOKEN]
                    .contains(&e.code)
            }
            Self::Unsupported(e) => e.feature == Feature::RefreshToken,
            _ => false,
        }
    }

    /// Whether the same call may succeed later, without anybody changing anything; [`Error::retry_after`] says when, if
    /// the provider does.
    ///
    /// A code is spent by the attempt: when exchanging one failed, the way to try again is a new login.
    pub fn is_retryable(&self) -> bool {
        if self.operation() == Operation::AuthorizationCode {
            return false;
        }
        match self {
            Self::Server(e) => {
                [ErrorCode::TEMPORARILY_UNAVAILABLE, ErrorCode::SERVER_ERROR, ErrorCode::SLOW_DOWN]
                    .contains(&e.code)
            }
            Self::Http(e) => match e.kind {
                HttpErrorKind::Timeout | HttpErrorKind::Connect | HttpErrorKind::Interrupted => true,
                HttpErrorKind::Status => matches!(e.status, Some(408 | 425 | 429 | 500..=599)),
                _ => false,
            },
            _ => false,
        }
    }

    /// How long the provider asks to be left alone (`Retry-After`, RFC 9110 section 10.2.3), from when the answer came.
    /// Whether the same call may succeed then is for [`Error::is_retryable`] to say.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Server(e) => e.retry_after,
            Self::Http(e) => e.retry_after,
            _ => None,
        }
    }

    /// Whether the user, or the provider on their behalf, declined.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Server(e) if e.code == ErrorCode::ACCESS_DENIED)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(e) => e.fmt(f),
            Self::Validation(e) => e.fmt(f),
            Self::Response(e) => e.fmt(f),
            Self::Http(e) => e.fmt(f),
            Self::Unsupported(e) => e.fmt(f),
            Self::Config(e) => e.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Http(e) => e.source.as_deref().map(|s| s as _),
            _ => None,
        }
    }
}

/// What was being done when something went wrong.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Operation {
    /// Making a client, or using it.
    Configuration,
    /// Reading the provider's metadata.
    Discovery,
    /// Reading the provider's keys.
    KeySet,
    /// Reading the authorization response.
    Authorization,
    /// Getting an access token for a code.
    AuthorizationCode,
    /// Refreshing.
    Refresh,
    /// Getting a long-lived token for a short-lived one.
    LongLivedToken,
    /// Revoking a token.
    Revocation,
    /// Getting the profile.
    Profile,
    /// Working out the user's id and e-mail.
    Identity,
    /// Verifying a JWT that the application handed in.
    Jwt,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Configuration => "configuring the client",
            Self::Discovery => "reading the provider's metadata",
            Self::KeySet => "reading the provider's keys",
            Self::Authorization => "reading the authorization response",
            Self::AuthorizationCode => "getting an access token",
            Self::Refresh => "refreshing",
            Self::LongLivedToken => "getting a long-lived token",
            Self::Revocation => "revoking the token",
            Self::Profile => "getting the profile",
            Self::Identity => "getting id and e-mail",
            Self::Jwt => "verifying the JWT",
        })
    }
}

impl Error {
    pub(crate) fn validation(
        operation: Operation,
        check: Check,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::Validation(Box::new(ValidationError { operation, check, detail: detail.into() }))
    }

    pub(crate) fn response(
        operation: Operation,
        malformed: Malformed,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::Response(Box::new(ResponseError { operation, malformed, detail: detail.into() }))
    }

    /// The same without those secrets, should what it tells of an answer quote them.
    pub(crate) fn without(mut self, secrets: &[&str]) -> Self {
        let without = |text: &str| redact::shown(text, secrets, legible, usize::MAX);
        match &mut self {
            Self::Validation(e) => e.detail = without(&e.detail).into(),
            Self::Response(e) => e.detail = without(&e.detail).into(),
            Self::Unsupported(e) => e.detail = without(&e.detail).into(),
            Self::Config(e) => e.detail = without(&e.detail).into(),
            Self::Http(e) => e.origin = without(&e.origin),
            Self::Server(e) => {
                e.code = ErrorCode::from_wire(e.code.as_str(), secrets);
                e.description = e.description.as_deref().map(without);
                e.uri = e.uri.as_deref().map(without);
            }
        }
        self
    }

    pub(crate) fn http(operation: Operation, origin: String, error: TransportError) -> Self {
        let TransportError { reason, source } = error;
        let Reason::Kind(kind) = reason else {
            // Which address it is stays untold: whoever named the host must not learn it here.
            let detail = format!("{origin} is not at a public address, and only these are spoken to");
            return Self::validation(operation, Check::AddressRefused, detail);
        };
        Self::Http(Box::new(HttpError { operation, kind, origin, status: None, retry_after: None, source }))
    }

    pub(crate) fn status_of(operation: Operation, origin: String, status: u16) -> Self {
        let kind = HttpErrorKind::Status;
        let (status, retry_after, source) = (Some(status), None, None);
        Self::Http(Box::new(HttpError { operation, kind, origin, status, retry_after, source }))
    }

    /// The same error, of an answer that says when to come back.
    pub(crate) fn after(mut self, wait: Option<Duration>) -> Self {
        match &mut self {
            Self::Server(e) => e.retry_after = wait,
            Self::Http(e) => e.retry_after = wait,
            _ => {}
        }
        self
    }

    pub(crate) fn unsupported(
        operation: Operation,
        feature: Feature,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::Unsupported(Box::new(UnsupportedError { operation, feature, detail: detail.into() }))
    }

    pub(crate) fn config(problem: ConfigProblem, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Config(Box::new(ConfigError { problem, detail: detail.into() }))
    }
}

fn write_retry_after(f: &mut fmt::Formatter<'_>, wait: Option<Duration>) -> fmt::Result {
    match wait.map(|wait| wait.as_secs()) {
        None | Some(0) => Ok(()),
        Some(1) => f.write_str(", and asks to wait for 1 second"),
        Some(seconds) => write!(f, ", and asks to wait for {seconds} seconds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spent_code_is_never_worth_a_retry() {
        let timeout = TransportError::new(HttpErrorKind::Timeout);
        let error = |operation| Error::http(operation, "https://a.example".to_owned(), timeout.clone());
        assert!(error(Operation::Refresh).is_retryable());
        assert!(!error(Operation::AuthorizationCode).is_retryable());
    }
}
