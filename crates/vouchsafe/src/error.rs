//! The errors of the library, sorted by who has to act.
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use vouchsafe_providers::ClientAuth;

use crate::text::legible::legible;
use crate::text::redact::{self, MAX_TEXT};

#[macro_use]
mod macros;
mod check;
mod config;
mod response;
mod server;
mod store;
mod stored;
mod transport;
mod unsupported;
mod warning;

pub use check::{Check, ValidationError};
pub use config::{ConfigError, ConfigProblem};
pub use response::{Malformed, ResponseError};
pub use server::{ErrorCode, Remedy, ServerError};
pub use store::{StoreError, StoreErrorKind};
pub(crate) use stored::StoredError;
pub use transport::{HttpError, HttpErrorKind, TransportError};
pub use unsupported::{Feature, UnsupportedError};
pub use vouchsafe_providers::DefinitionError;
pub use warning::{LeftOut, Warning};

/// An error. Each variant says who has to act.
///
/// A message names the operation that failed and the reason. It never holds a token, a code, a secret or a body.
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
    /// The provider returned an error, as the protocol defines it.
    Server(Box<ServerError>),
    /// A security check failed: the response cannot be trusted. Nobody is signed in.
    Validation(Box<ValidationError>),
    /// A response came, but the protocol does not allow it. The provider has to act.
    Response(Box<ResponseError>),
    /// No usable response came: the network or the server failed. Trying again later may help.
    Http(Box<HttpError>),
    /// The provider does not support the operation, or requires something of it that this library does not do. The application
    /// has to do without it.
    Unsupported(Box<UnsupportedError>),
    /// The configuration or an argument is wrong. The application has to act.
    Config(Box<ConfigError>),
    /// A token store failed, or a record in it cannot be used. The operator has to act.
    Store(Box<StoreError>),
}

impl Error {
    /// The operation that failed.
    pub fn operation(&self) -> Operation {
        match self {
            Self::Server(e) => e.operation,
            Self::Validation(e) => e.operation,
            Self::Response(e) => e.operation,
            Self::Http(e) => e.operation,
            Self::Unsupported(e) => e.operation,
            Self::Config(_) => Operation::Configuration,
            Self::Store(_) => Operation::Store,
        }
    }

    /// A short, stable code for the error: the provider's `error`, or one of ours such as `state_mismatch`.
    pub fn code(&self) -> &str {
        match self {
            Self::Server(e) => e.code.as_str(),
            Self::Validation(e) => e.check.as_str(),
            Self::Response(e) => e.malformed.as_str(),
            Self::Http(e) => e.kind.as_str(),
            Self::Unsupported(e) => e.feature.as_str(),
            Self::Config(e) => e.problem.as_str(),
            Self::Store(e) => e.kind().as_str(),
        }
    }

    /// The HTTP status of the response, for [`Error::Server`] and [`Error::Http`].
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Server(e) => e.status,
            Self::Http(e) => e.status,
            _ => None,
        }
    }

    /// Whether the provider refused the access token: refresh it with [`Client::refresh`](crate::Client::refresh), then try
    /// once more. If the refresh ends with [`Error::needs_login`], the user has to sign in again.
    ///
    /// A provider may refuse a token with any error, or none, and the status 401 or 403. The error `insufficient_scope` is an
    /// exception, because a refresh adds no scope. The guide [`when_a_call_fails`](crate::guide::when_a_call_fails) has the
    /// whole order.
    pub fn needs_refresh(&self) -> bool {
        let of_resource = matches!(self.operation(), Operation::Profile | Operation::Identity);
        let is_refused = match self {
            Self::Server(e) if e.code == ErrorCode::INSUFFICIENT_SCOPE => false,
            Self::Server(e) if e.code == ErrorCode::INVALID_TOKEN => true,
            error => matches!(error.status(), Some(401 | 403)),
        };
        of_resource && is_refused
    }

    /// Whether the user has to sign in again: the grant has ended, or the tokens cannot be refreshed.
    ///
    /// It is also true if a vault has no login of this user. A grant has ended only if the provider says so: with `invalid_grant`, with the words that its definition names
    /// (`refreshing.spent`), or with an error that asks for the user, such as `interaction_required`. Other errors of a refresh
    /// concern the application ([`Error::needs_configuration`]) or are temporary ([`Error::is_retryable`]).
    pub fn needs_login(&self) -> bool {
        let of_resource = matches!(self.operation(), Operation::Profile | Operation::Identity);
        match self {
            Self::Server(e) if e.code == ErrorCode::INVALID_TOKEN => !of_resource,
            Self::Server(e) => e.code == ErrorCode::INVALID_GRANT || e.code.asks_for_user(),
            Self::Unsupported(e) => matches!(e.feature, Feature::RefreshToken | Feature::Refresh),
            Self::Config(e) => e.problem == ConfigProblem::UnknownLogin,
            _ => false,
        }
    }

    /// Whether the provider refuses the application itself: its client id, its secret or its registration is wrong. No user
    /// can correct this, and neither a refresh nor a new login helps. Correct the configuration.
    ///
    /// These are `invalid_client`, `unauthorized_client`, `unsupported_grant_type`, the status 401 of a token, revocation or
    /// introspection endpoint without an error, and every [`Error::Config`] except the one of a login that is not stored.
    pub fn needs_configuration(&self) -> bool {
        let authenticates = matches!(
            self.operation(),
            Operation::AuthorizationCode
                | Operation::ClientCredentials
                | Operation::DeviceAuthorization
                | Operation::DeviceCode
                | Operation::BackchannelAuthentication
                | Operation::BackchannelToken
                | Operation::TokenExchange
                | Operation::JwtBearer
                | Operation::Refresh
                | Operation::LongLivedToken
                | Operation::Revocation
                | Operation::Introspection
        );
        match self {
            Self::Config(e) => e.problem != ConfigProblem::UnknownLogin,
            Self::Server(e) => {
                [ErrorCode::INVALID_CLIENT, ErrorCode::UNAUTHORIZED_CLIENT, ErrorCode::UNSUPPORTED_GRANT_TYPE]
                    .contains(&e.code)
            }
            Self::Http(e) => authenticates && e.status == Some(401),
            _ => false,
        }
    }

    /// Whether a login with `prompt=none` ended because the provider would have to show the user a page: `login_required`,
    /// `interaction_required`, `consent_required` or `account_selection_required` (OpenID Connect Core section 3.1.2.6).
    ///
    /// This is an everyday outcome and not a failure: the user is not signed in at the provider. Continue without a
    /// signed-in user, or start a login without `prompt=none`.
    pub fn silent_login_failed(&self) -> bool {
        matches!(self, Self::Server(e) if e.operation == Operation::Authorization && e.code.asks_for_user())
    }

    /// Whether the same call may succeed later without any change. [`Error::retry_after`] says when, if the provider does.
    ///
    /// A code is spent by the attempt: if its token request failed, a new login is needed.
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
            Self::Store(e) => e.kind().may_pass(),
            _ => false,
        }
    }

    /// How long the provider asks clients to wait (`Retry-After`, RFC 9110 section 10.2.3), counted from the response.
    /// [`Error::is_retryable`] says whether the same call may succeed then.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Server(e) => e.retry_after,
            Self::Http(e) => e.retry_after,
            _ => None,
        }
    }

    /// Whether the user declined, or the provider did (`access_denied`).
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
            Self::Store(e) => e.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Http(e) => e.source.as_deref().map(|s| s as _),
            Self::Store(e) => e.source(),
            _ => None,
        }
    }
}

/// The operation that an error belongs to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Operation {
    /// Making a client, or using it.
    Configuration,
    /// Reading the provider's metadata.
    Discovery,
    /// Reading the provider's keys.
    KeySet,
    /// Getting the assertion of the client from its platform.
    Assertion,
    /// Getting a challenge for the attestation of the client.
    Challenge,
    /// Pushing the authorization request.
    PushedRequest,
    /// Reading the authorization response.
    Authorization,
    /// The token request with a code.
    AuthorizationCode,
    /// The token request with a refresh token.
    Refresh,
    /// The request for a long-lived token in place of a short-lived one.
    LongLivedToken,
    /// Revoking a token.
    Revocation,
    /// Asking about a token.
    Introspection,
    /// Getting the profile.
    Profile,
    /// Reading the user's identity from profile and ID token.
    Identity,
    /// Fetching or verifying claims of another issuer than the provider.
    ClaimSource,
    /// Verifying a JWT that the application passed in.
    Jwt,
    /// Verifying a logout token.
    LogoutToken,
    /// Validating an access token that a client sent to your API.
    AccessToken,
    /// Verifying a DPoP proof that a client sent to your API.
    DpopProof,
    /// A request to an API with an access token.
    Resource,
    /// The token request of the application for itself.
    ClientCredentials,
    /// The start of a login on a device without a browser.
    DeviceAuthorization,
    /// The token request with a device code.
    DeviceCode,
    /// The start of a login without the user's browser.
    BackchannelAuthentication,
    /// The token request of such a login.
    BackchannelToken,
    /// Checking the notification of such a login.
    BackchannelNotification,
    /// The exchange of a token for another one.
    TokenExchange,
    /// The token request with a JWT.
    JwtBearer,
    /// Finding the provider of a person by WebFinger.
    WebFinger,
    /// Registering a client, or managing its registration.
    Registration,
    /// Reading or writing a token store.
    Store,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Configuration => "the configuration of the client",
            Self::Discovery => "reading the provider's metadata",
            Self::KeySet => "reading the provider's keys",
            Self::Assertion => "getting the assertion of the client",
            Self::Challenge => "getting a challenge for the attestation of the client",
            Self::PushedRequest => "pushing the authorization request",
            Self::Authorization => "the login",
            Self::AuthorizationCode => "the token request",
            Self::Refresh => "the token refresh",
            Self::LongLivedToken => "the request for a long-lived token",
            Self::Revocation => "the revocation",
            Self::Introspection => "the introspection",
            Self::Profile => "fetching the profile",
            Self::Identity => "reading the identity",
            Self::ClaimSource => "reading the claims of another source",
            Self::Jwt => "verifying the JWT",
            Self::LogoutToken => "verifying the logout token",
            Self::AccessToken => "validating the access token",
            Self::DpopProof => "verifying the DPoP proof",
            Self::Resource => "the request to the API",
            Self::ClientCredentials => "the token request of the application",
            Self::DeviceAuthorization => "the start of the login on a device",
            Self::DeviceCode => "the login on a device",
            Self::BackchannelAuthentication => "the start of the backchannel login",
            Self::BackchannelToken => "the backchannel login",
            Self::BackchannelNotification => "the notification of the backchannel login",
            Self::TokenExchange => "the token exchange",
            Self::JwtBearer => "the token request with a JWT",
            Self::WebFinger => "finding the provider",
            Self::Registration => "the registration of the client",
            Self::Store => "using the token store",
        })
    }
}

impl Error {
    /// The same error for another operation.
    pub(crate) fn of(mut self, at: Operation) -> Self {
        match &mut self {
            Self::Validation(e) => e.operation = at,
            Self::Response(e) => e.operation = at,
            _ => {}
        }
        self
    }

    /// The same error with those secrets removed from the text that it quotes. A long text is cut here, not before: a cut
    /// through a secret would leave a part of it that nothing recognises.
    pub(crate) fn without(mut self, secrets: &[&str]) -> Self {
        let without = |text: &str| redact::shown(text, secrets, legible, MAX_TEXT);
        match &mut self {
            Self::Validation(e) => e.detail = without(&e.detail).into(),
            Self::Response(e) => e.detail = without(&e.detail).into(),
            Self::Unsupported(e) => e.detail = without(&e.detail).into(),
            Self::Config(e) => e.detail = without(&e.detail).into(),
            Self::Http(e) => (e.origin, e.remark) = (without(&e.origin), without(&e.remark)),
            Self::Server(e) => {
                e.code = ErrorCode::from_wire(e.code.as_str(), secrets);
                e.description = e.description.as_deref().map(without);
                e.uri = e.uri.as_deref().map(without);
            }
            Self::Store(_) => {}
        }
        self
    }

    /// The same error with its remedy: see [`ServerError::explain`].
    pub(crate) fn explained(mut self, auth: Option<ClientAuth>) -> Self {
        match (&mut self, auth) {
            (Self::Server(e), _) => e.explain(auth),
            (Self::Http(e), Some(ClientAuth::None)) if e.status == Some(401) => {
                e.remark.push_str(", and no client secret was given: if this client has one at the provider, set Registration::secret");
            }
            (Self::Http(e), Some(method)) if e.status == Some(401) => {
                let means = match method {
                    method if method.is_assertion() => "key",
                    method if method.is_certificate() => "certificate",
                    ClientAuth::AttestJwtClientAuth => "attestation",
                    _ => "client secret",
                };
                let remark = format!(": compare client id and {means} with the registration at the provider");
                e.remark.push_str(&remark);
            }
            _ => {}
        }
        self
    }

    /// The same error with one more remark.
    pub(crate) fn adding(mut self, remark: &str) -> Self {
        match &mut self {
            Self::Validation(e) => e.detail.to_mut().push_str(remark),
            Self::Response(e) => e.detail.to_mut().push_str(remark),
            Self::Http(e) => e.remark.push_str(remark),
            Self::Server(e) => e.remark.push_str(remark),
            _ => {}
        }
        self
    }

    /// The random number generator of this machine failed.
    pub(crate) fn no_random() -> Self {
        let detail = "the random number generator of this machine failed: check that the machine provides random numbers";
        Self::config(ConfigProblem::Random, detail)
    }

    pub(crate) fn http(operation: Operation, origin: String, error: TransportError) -> Self {
        let TransportError { kind, advice, source } = error;
        let Some(kind) = kind else {
            // The address is not told: a stranger who chose the host must not learn it here.
            let detail = format!(
                "{origin} is not at a public address, and this client connects only to public addresses \
                 (HttpBuilder::public_addresses_only)"
            );
            return Self::validation(operation, Check::AddressRefused, detail);
        };
        Self::Http(Box::new(HttpError { advice, source, ..HttpError::new(operation, kind, origin) }))
    }

    pub(crate) fn status_of(operation: Operation, origin: String, status: u16) -> Self {
        let error = HttpError::new(operation, HttpErrorKind::Status, origin);
        Self::Http(Box::new(HttpError { status: Some(status), ..error }))
    }

    /// The same error, with the time that the response asks clients to wait.
    pub(crate) fn after(mut self, wait: Option<Duration>) -> Self {
        match &mut self {
            Self::Server(e) => e.retry_after = wait,
            Self::Http(e) => e.retry_after = wait,
            _ => {}
        }
        self
    }

    pub(crate) fn config(problem: ConfigProblem, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Config(Box::new(ConfigError { problem, detail: detail.into() }))
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

fn write_retry_after(f: &mut fmt::Formatter<'_>, wait: Option<Duration>) -> fmt::Result {
    match wait.map(|wait| wait.as_secs()) {
        None | Some(0) => Ok(()),
        Some(1) => f.write_str("; try again after 1 second"),
        Some(seconds) => write!(f, "; try again after {seconds} seconds"),
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
