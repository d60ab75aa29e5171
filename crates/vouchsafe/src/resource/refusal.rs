//! The response to a request that the API refuses (RFC 6750 section 3.1, RFC 9449 section 7.1).
use std::fmt;
use std::time::Duration;

use http::StatusCode;

use super::request::Unreadable;
use crate::error::{Check, Error, Operation};

/// A request that an API refuses: the status and the challenges of the response.
///
/// The response says no more than RFC 6750 asks for. [`Refusal::reason`] is for your log.
#[derive(Clone, Debug)]
pub struct Refusal {
    kind: Kind,
    challenges: Vec<String>,
    reason: Option<Box<Error>>,
    nonce: Option<String>,
}

/// Why a request is refused, as far as the response says it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// There is no access token.
    Missing,
    Request(&'static str),
    Token,
    Proof(&'static str),
    /// The proof lacks a nonce that counts now.
    Nonce,
    Scope,
    /// Access tokens cannot be validated now.
    Unavailable,
}

impl Refusal {
    pub(super) fn new(kind: Kind, challenges: Vec<String>, reason: Option<Error>) -> Self {
        Self { kind, challenges, reason: reason.map(Box::new), nonce: None }
    }

    pub(super) fn giving(self, nonce: Option<String>) -> Self {
        Self { nonce, ..self }
    }

    /// The value of the header `DPoP-Nonce`, if the API demands nonces (RFC 9449 section 9).
    pub fn dpop_nonce(&self) -> Option<&str> {
        self.nonce.as_deref()
    }

    /// The status of the response: 400, 401, 403 or 503.
    pub fn status(&self) -> StatusCode {
        match self.kind {
            Kind::Request(_) => StatusCode::BAD_REQUEST,
            Kind::Missing | Kind::Token | Kind::Proof(_) | Kind::Nonce => StatusCode::UNAUTHORIZED,
            Kind::Scope => StatusCode::FORBIDDEN,
            Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The values of `WWW-Authenticate`, each for a header of its own. A response with the status 503 has none.
    pub fn www_authenticate(&self) -> impl Iterator<Item = &str> {
        self.challenges.iter().map(String::as_str)
    }

    /// The error code, such as `invalid_token` (RFC 6750 section 3.1, RFC 9449 section 7.1). `None` if the request had no access
    /// token.
    pub fn code(&self) -> Option<&'static str> {
        self.kind.code()
    }

    /// The error in one sentence. It contains nothing of the request.
    pub fn description(&self) -> &'static str {
        self.kind.description()
    }

    /// How long the client should wait before it tries again, if the status is 503.
    pub fn retry_after(&self) -> Option<Duration> {
        let asked = self.reason().and_then(Error::retry_after);
        (self.kind == Kind::Unavailable).then(|| asked.unwrap_or(PAUSE))
    }

    /// The failed check or request, for the log. It contains no token.
    pub fn reason(&self) -> Option<&Error> {
        self.reason.as_deref()
    }
}

impl Kind {
    /// A failed check of the token or the proof concerns the client. Every other error keeps the API from validating tokens.
    pub(super) fn of(error: &Error) -> Self {
        match (error, error.operation()) {
            (Error::Validation(e), Operation::DpopProof) if e.check() == Check::NonceMismatch => Self::Nonce,
            (Error::Validation(_) | Error::Response(_), Operation::AccessToken) => Self::Token,
            (Error::Validation(_) | Error::Response(_), Operation::DpopProof) => {
                Self::Proof("the DPoP proof is not valid")
            }
            _ => Self::Unavailable,
        }
    }

    pub(super) fn code(self) -> Option<&'static str> {
        match self {
            Self::Missing => None,
            Self::Request(_) => Some("invalid_request"),
            Self::Token => Some("invalid_token"),
            Self::Proof(_) => Some("invalid_dpop_proof"),
            Self::Nonce => Some("use_dpop_nonce"),
            Self::Scope => Some("insufficient_scope"),
            Self::Unavailable => Some("temporarily_unavailable"),
        }
    }

    pub(super) fn description(self) -> &'static str {
        match self {
            Self::Missing => "the request needs an access token",
            Self::Request(why) | Self::Proof(why) => why,
            Self::Nonce => "the DPoP proof needs the nonce of this response",
            Self::Token => "the access token is not valid here, or no longer valid",
            Self::Scope => "the access token lacks a scope that is required",
            Self::Unavailable => "access tokens cannot be validated at the moment",
        }
    }
}

impl From<Unreadable> for Kind {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::Request(why) => Self::Request(why),
            Unreadable::Proof(why) => Self::Proof(why),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Some(reason) => reason.fmt(f),
            None => f.write_str(self.description()),
        }
    }
}

impl std::error::Error for Refusal {}

/// The pause after a failed fetch of keys.
const PAUSE: Duration = Duration::from_secs(30);
