//! What can go wrong, sorted by who has to act.
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::legible::legible;
use crate::protocol::redact;

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
///     Err(Error::Server(e)) if *e.code() == ErrorCode::INVALID_GRANT => println!("sign in again"),
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
            Self::Response(e) => e.fault.as_str(),
            Self::Http(e) => e.kind.as_str(),
            Self::Unsupported(e) => e.feature.as_str(),
            Self::Config(e) => e.code,
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

/// The provider said no, in the protocol's own words (RFC 6749 sections 4.1.2.1 and 5.2, RFC 6750 section 3.1).
#[derive(Clone, Debug)]
pub struct ServerError {
    pub(crate) operation: Operation,
    pub(crate) code: ErrorCode,
    pub(crate) description: Option<String>,
    pub(crate) uri: Option<String>,
    pub(crate) status: Option<u16>,
    pub(crate) retry_after: Option<Duration>,
}

impl ServerError {
    /// The provider's `error`.
    pub fn code(&self) -> &ErrorCode {
        &self.code
    }

    /// The provider's `error_description`, without control characters and of bounded length.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// The provider's `error_uri`, if it is the URL of a page (`https` or `http`). It comes from outside: do not follow it
    /// unasked.
    pub fn uri(&self) -> Option<&str> {
        self.uri.as_deref()
    }

    /// The HTTP status; none where the answer came through the browser.
    pub fn status(&self) -> Option<u16> {
        self.status
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed: the provider answered {}", self.operation, self.code)?;
        if let Some(status) = self.status {
            write!(f, " (HTTP status {status})")?;
        }
        if let Some(description) = &self.description {
            write!(f, ": {description}")?;
        }
        if let Some(uri) = &self.uri {
            write!(f, " (see {uri})")?;
        }
        write_retry_after(f, self.retry_after)
    }
}

/// An `error` of a provider: an open set, with the registered values as constants.
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

    /// RFC 6749 §5.2: an error is made of printable ASCII without `"` and `\`. What else was sent is left out.
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

/// A check failed: what came is not to be trusted.
#[derive(Clone, Debug)]
pub struct ValidationError {
    operation: Operation,
    check: Check,
    detail: Cow<'static, str>,
}

impl ValidationError {
    /// Which check failed.
    pub fn check(&self) -> Check {
        self.check
    }
}

impl fmt::Display for ValidationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} was refused: {}", self.operation, self.detail)
    }
}

/// A check that can fail.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Check {
    /// The response came to another URL than the login's redirect URI (RFC 9700 section 4.4.2.2).
    RedirectUriMismatch,
    /// `state` is missing or another login's (RFC 6749 section 10.12).
    StateMismatch,
    /// An issuer is not the one that was asked (RFC 9207, OpenID Connect Discovery section 4.3).
    IssuerMismatch,
    /// The provider announces `iss` in its responses and this one has none (RFC 9207 section 2.4).
    MissingIssuer,
    /// A parameter came twice (RFC 6749 section 3.1).
    DuplicateParameter,
    /// The nonce is missing or another login's.
    NonceMismatch,
    /// An ID token was asked for and none came.
    MissingIdToken,
    /// The token is meant for somebody else.
    Audience,
    /// The token was issued to somebody else.
    AuthorizedParty,
    /// The token, or the login, is too old.
    Expired,
    /// The token is from the future.
    NotYetValid,
    /// The user signed in longer ago than `max_age` allows, or the answer does not say when.
    AuthTime,
    /// The authentication context class is none of those asked for.
    Acr,
    /// The signature is wrong.
    Signature,
    /// The signature algorithm is not acceptable.
    Algorithm,
    /// No key of the provider fits.
    UnknownKey,
    /// The key is too weak to trust.
    WeakKey,
    /// A header is marked critical that is not understood (RFC 7515 section 4.1.11).
    CriticalHeader,
    /// `at_hash` or `c_hash` is not of this token or code.
    HashMismatch,
    /// The subject is not the one it was.
    SubjectMismatch,
    /// The token is of a type that was not asked for.
    TokenType,
    /// A back-channel endpoint redirected.
    RedirectRefused,
    /// A URL is not `https` (nor `http` on a loopback host).
    InsecureUrl,
    /// A host is not at a public address, and only these are spoken to
    /// ([`HttpBuilder::public_addresses_only`](crate::HttpBuilder::public_addresses_only)).
    AddressRefused,
}

impl Check {
    /// A stable word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RedirectUriMismatch => "redirect_uri_mismatch",
            Self::StateMismatch => "state_mismatch",
            Self::IssuerMismatch => "issuer_mismatch",
            Self::MissingIssuer => "missing_issuer",
            Self::DuplicateParameter => "duplicate_parameter",
            Self::NonceMismatch => "nonce_mismatch",
            Self::MissingIdToken => "missing_id_token",
            Self::Audience => "audience",
            Self::AuthorizedParty => "authorized_party",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::AuthTime => "auth_time",
            Self::Acr => "acr",
            Self::Signature => "signature",
            Self::Algorithm => "algorithm",
            Self::UnknownKey => "unknown_key",
            Self::WeakKey => "weak_key",
            Self::CriticalHeader => "critical_header",
            Self::HashMismatch => "hash_mismatch",
            Self::SubjectMismatch => "subject_mismatch",
            Self::TokenType => "token_type",
            Self::RedirectRefused => "redirect_refused",
            Self::InsecureUrl => "insecure_url",
            Self::AddressRefused => "address_refused",
        }
    }
}

/// An answer that is not what the protocol allows.
#[derive(Clone, Debug)]
pub struct ResponseError {
    operation: Operation,
    fault: Fault,
    detail: Cow<'static, str>,
}

impl ResponseError {
    /// In what way it is wrong.
    pub fn fault(&self) -> Fault {
        self.fault
    }
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed: {}", self.operation, self.detail)
    }
}

/// In what way an answer is wrong.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Fault {
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

impl Fault {
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

/// No usable answer came.
#[derive(Clone, Debug)]
pub struct HttpError {
    operation: Operation,
    kind: HttpErrorKind,
    origin: String,
    status: Option<u16>,
    retry_after: Option<Duration>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl HttpError {
    /// What went wrong.
    pub fn kind(&self) -> HttpErrorKind {
        self.kind
    }

    /// The HTTP status, where an answer came that the protocol has no words for.
    pub fn status(&self) -> Option<u16> {
        self.status
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, origin, .. } = self;
        match self.kind {
            HttpErrorKind::Timeout => write!(f, "{operation} failed: no whole answer from {origin} in time"),
            HttpErrorKind::Connect => write!(f, "{operation} failed: no connection to {origin}"),
            HttpErrorKind::Tls => write!(f, "{operation} failed: no trusted TLS connection to {origin}"),
            HttpErrorKind::BodyTooLarge => {
                write!(f, "{operation} failed: the answer of {origin} is larger than the limit")
            }
            HttpErrorKind::Interrupted => write!(f, "{operation} failed: the answer of {origin} broke off"),
            HttpErrorKind::Status => {
                write!(
                    f,
                    "{operation} failed: {origin} answered HTTP status {}",
                    self.status.unwrap_or_default()
                )
            }
        }?;
        write_retry_after(f, self.retry_after)?;
        // The sources say why: a refused connection, an unknown certificate authority.
        let mut cause = self.source.as_deref().map(|s| s as &dyn std::error::Error);
        while let Some(error) = cause {
            cause = error.source();
            if cause.is_none() {
                write!(f, ": {}", printable(&error.to_string(), MAX_TEXT))?;
            }
        }
        Ok(())
    }
}

/// Why no usable answer came.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum HttpErrorKind {
    /// It took too long.
    Timeout,
    /// There was no connection, and nothing was sent.
    Connect,
    /// The connection could not be trusted.
    Tls,
    /// The body is larger than the limit.
    BodyTooLarge,
    /// The answer broke off, or was no HTTP.
    Interrupted,
    /// The status says that it failed, and the body does not say why.
    Status,
}

impl HttpErrorKind {
    /// A stable word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::BodyTooLarge => "body_too_large",
            Self::Interrupted => "interrupted_answer",
            Self::Status => "http_status",
        }
    }
}

/// The provider has no such thing.
#[derive(Clone, Debug)]
pub struct UnsupportedError {
    operation: Operation,
    feature: Feature,
    detail: Cow<'static, str>,
}

impl UnsupportedError {
    /// What it lacks.
    pub fn feature(&self) -> Feature {
        self.feature
    }
}

impl fmt::Display for UnsupportedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not possible: {}", self.operation, self.detail)
    }
}

/// What a provider, or a login at it, can lack.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Feature {
    /// Refreshing.
    Refresh,
    /// A refresh token: the provider gave none at this login.
    RefreshToken,
    /// Long-lived tokens for short-lived ones.
    LongLivedToken,
    /// Revocation.
    Revocation,
    /// A profile.
    Profile,
    /// An identity: the provider tells no lasting identifier of its users.
    Identity,
    /// A client authentication method that this library has.
    ClientAuth,
    /// Verification of JWTs: the provider publishes no keys.
    Keys,
    /// An ID token, by which to check how and when the user authenticated.
    IdToken,
}

impl Feature {
    /// A stable word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refresh => "refresh_not_supported",
            Self::RefreshToken => "no_refresh_token",
            Self::LongLivedToken => "long_lived_token_not_supported",
            Self::Revocation => "revoke_not_supported",
            Self::Profile => "profile_not_supported",
            Self::Identity => "identity_not_supported",
            Self::ClientAuth => "client_auth_not_supported",
            Self::Keys => "keys_not_supported",
            Self::IdToken => "id_token_not_supported",
        }
    }
}

/// The application's configuration, or the call, is wrong.
#[derive(Clone, Debug)]
pub struct ConfigError {
    code: &'static str,
    detail: Cow<'static, str>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
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

    pub(crate) fn response(operation: Operation, fault: Fault, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Response(Box::new(ResponseError { operation, fault, detail: detail.into() }))
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
                e.code = ErrorCode::from_wire(&e.code.0, secrets);
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

    pub(crate) fn config(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Config(Box::new(ConfigError { code, detail: detail.into() }))
    }
}

/// Why an [`HttpClient`](crate::HttpClient) brought no answer.
#[derive(Clone, Debug)]
pub struct TransportError {
    reason: Reason,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reason {
    Kind(HttpErrorKind),
    Address,
}

impl TransportError {
    /// No answer, for that reason.
    pub fn new(kind: HttpErrorKind) -> Self {
        Self { reason: Reason::Kind(kind), source: None }
    }

    /// The host is at an address that is not spoken to ([`is_public_address`](crate::is_public_address)): what becomes
    /// of it is an [`Error::Validation`], as nothing was sent and trying again would not help.
    pub fn address_refused() -> Self {
        Self { reason: Reason::Address, source: None }
    }

    /// Whether there was no connection, so that nothing was sent.
    pub(crate) fn is_connect(&self) -> bool {
        self.reason == Reason::Kind(HttpErrorKind::Connect)
    }

    /// Adds the error that caused it. Its message is shown to people: it must hold no secret, so no URL with a query.
    #[must_use]
    pub fn caused_by(self, source: Box<dyn std::error::Error + Send + Sync>) -> Self {
        Self { source: Some(Arc::from(source)), ..self }
    }
}

fn write_retry_after(f: &mut fmt::Formatter<'_>, wait: Option<Duration>) -> fmt::Result {
    match wait.map(|wait| wait.as_secs()) {
        None | Some(0) => Ok(()),
        Some(1) => f.write_str(", and asks to wait for 1 second"),
        Some(seconds) => write!(f, ", and asks to wait for {seconds} seconds"),
    }
}

/// Text from outside, made fit to be shown and of bounded length.
pub(crate) fn printable(text: &str, max: usize) -> String {
    redact::shown(text, &[], legible, max)
}

/// The longest `error` that is kept, in characters.
const MAX_CODE: usize = 100;
/// The longest text from outside that is shown, in characters.
pub(crate) const MAX_TEXT: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_is_made_fit_to_be_shown() {
        assert_eq!(printable("a\u{1b}[31mb\r\nc\u{202e}d", 100), "a [31mb  c d");
        assert_eq!(printable("abcdef", 3), "abc…");
    }

    #[test]
    fn an_error_code_keeps_what_the_rfc_allows() {
        assert_eq!(ErrorCode::from_wire("invalid_grant", &[]), ErrorCode::INVALID_GRANT);
        assert_eq!(ErrorCode::from_wire("a\u{1b}[1m\"b", &[]).as_str(), "a[1mb");
        assert_eq!(ErrorCode::from_wire("\u{0}", &[]).as_str(), "unknown_error");
    }

    #[test]
    fn a_spent_code_is_never_worth_a_retry() {
        let timeout = TransportError::new(HttpErrorKind::Timeout);
        let error = |operation| Error::http(operation, "https://a.example".to_owned(), timeout.clone());
        assert!(error(Operation::Refresh).is_retryable());
        assert!(!error(Operation::AuthorizationCode).is_retryable());
    }
}
