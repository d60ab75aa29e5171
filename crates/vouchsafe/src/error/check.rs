//! A check failed.
use std::borrow::Cow;
use std::fmt;

use super::Operation;

/// A check failed: what came is not to be trusted.
#[derive(Clone, Debug)]
pub struct ValidationError {
    pub(crate) operation: Operation,
    pub(crate) check: Check,
    pub(crate) detail: Cow<'static, str>,
}

impl ValidationError {
    /// The operation that failed.
    pub fn operation(&self) -> Operation {
        self.operation
    }

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

impl std::error::Error for ValidationError {}

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
    /// ([`HttpBuilder::public_addresses_only`](crate::http::HttpBuilder::public_addresses_only)).
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
