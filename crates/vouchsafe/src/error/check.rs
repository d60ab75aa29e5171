//! A check failed.
use std::borrow::Cow;
use std::fmt;

use super::Operation;

/// A security check failed: the response cannot be trusted.
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
    /// `state` is missing or belongs to another login (RFC 6749 section 10.12).
    StateMismatch,
    /// The issuer, the server or the client is not the expected one (RFC 9207, OpenID Connect Discovery section 4.3).
    IssuerMismatch,
    /// The provider announces `iss` in its responses, but this response has none (RFC 9207 section 2.4).
    MissingIssuer,
    /// A parameter came twice (RFC 6749 section 3.1).
    DuplicateParameter,
    /// The nonce is missing or belongs to another login.
    NonceMismatch,
    /// An ID token was requested, but the response has none.
    MissingIdToken,
    /// The token is for another audience.
    Audience,
    /// The token was issued to another client (`azp`).
    AuthorizedParty,
    /// The token, or the login, is too old.
    Expired,
    /// The token is not valid yet.
    NotYetValid,
    /// The user signed in longer ago than `max_age` allows, or the ID token does not say when.
    AuthTime,
    /// The authentication context class (`acr`) is not one of the requested ones.
    Acr,
    /// The signature is wrong.
    Signature,
    /// The signature algorithm is not acceptable.
    Algorithm,
    /// None of the provider's keys fits the signature.
    UnknownKey,
    /// The key is too weak to trust.
    WeakKey,
    /// The JWT marks a header as critical that this library does not know (RFC 7515 section 4.1.11).
    CriticalHeader,
    /// `at_hash` or `c_hash` belongs to another token or code.
    HashMismatch,
    /// The subject is another user than before.
    SubjectMismatch,
    /// The token has a type that was not requested.
    TokenType,
    /// A back-channel endpoint redirected.
    RedirectRefused,
    /// A URL is not `https` (nor `http` on a loopback host).
    InsecureUrl,
    /// A host is not at a public address, and this client connects only to public addresses
    /// ([`HttpBuilder::public_addresses_only`](crate::http::HttpBuilder::public_addresses_only)).
    AddressRefused,
}

impl Check {
    /// The stable code.
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
