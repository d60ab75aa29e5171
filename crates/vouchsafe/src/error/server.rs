//! An error that the provider returned.
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use vouchsafe_providers::ClientAuth;

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
    pub(crate) remedy: Option<Remedy>,
    /// What this library knows about the reason.
    pub(crate) remark: String,
}

words! {
    /// The change that lets the provider accept a request that it refused, as far as the error shows it.
    pub enum Remedy {
        /// No client secret was given, and the provider asks for one: set [`Registration::secret`](crate::Registration::secret).
        GiveSecret = "give_secret",
        /// The provider does not accept the client id with this secret: correct one of them, or the way in which the secret is
        /// sent ([`Registration::client_auth`](crate::Registration::client_auth)).
        CheckSecret = "check_secret",
        /// The provider does not accept the JWT that the client signed: the key, its algorithm or the audience differs from the
        /// registration there.
        CheckKey = "check_key",
        /// The provider does not accept the TLS certificate of the client.
        CheckCertificate = "check_certificate",
        /// The provider does not accept the attestation of the client, or the proof of its key: the attestation has to be one of an attester
        /// that the provider trusts, for this client and this key, and fresh.
        CheckAttestation = "check_attestation",
        /// The provider asks for a JWT that is signed with a key of the client (`private_key_jwt`): set
        /// [`Credential::private_key`](crate::Credential::private_key).
        ClientKey = "client_key",
        /// The provider asks for a proof of possession of a key (DPoP, RFC 9449): set
        /// [`Registration::dpop`](crate::Registration::dpop), or correct the key that is set.
        Dpop = "dpop",
        /// The provider asks for a pushed authorization request (RFC 9126): set
        /// [`ClientBuilder::pushed_requests`](crate::ClientBuilder::pushed_requests).
        PushedRequest = "pushed_request",
    }
}

impl Remedy {
    /// Reads the description of an error: no code says which proof the provider asks for.
    fn in_words(description: &str) -> Option<Self> {
        let description = description.to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| description.contains(word));
        if says(&["client_assertion", "client assertion"]) {
            Some(Self::ClientKey)
        } else if says(&["dpop"]) {
            Some(Self::Dpop)
        } else if says(&["pushed authorization", "pushed_authorization"]) {
            Some(Self::PushedRequest)
        } else {
            None
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::GiveSecret => {
                "no client secret was given: if this client has one at the provider, set Registration::secret"
            }
            Self::CheckSecret => {
                "the client secret that was sent is wrong for this client id, or the provider expects it elsewhere: compare both \
                 with the registration at the provider, or set Registration::client_auth"
            }
            Self::CheckKey => {
                "the provider does not accept the JWT by which the client authenticated: compare the key, its id (kid) and its algorithm with the \
                 registration at the provider; if it wants another audience, set Registration::assertion_audience"
            }
            Self::CheckCertificate => {
                "the provider does not accept the certificate by which the client authenticated: compare it with the registration at the provider"
            }
            Self::CheckAttestation => {
                "the provider does not accept the attestation by which the client authenticated: get a fresh one for this client id and this key \
                 from the attester, and check that the provider trusts the attester"
            }
            Self::ClientKey => {
                "the provider asks for a JWT that is signed with a key of the client (private_key_jwt): set Credential::private_key"
            }
            Self::Dpop => {
                "the provider asks for a DPoP proof, or does not accept the one that came: set Registration::dpop, with the key that the tokens \
                 are bound to"
            }
            Self::PushedRequest => {
                "the provider asks for a pushed authorization request: set ClientBuilder::pushed_requests"
            }
        }
    }
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

    /// The change that helps, if the error shows it.
    pub fn remedy(&self) -> Option<Remedy> {
        self.remedy
    }

    /// The same error with the remedy for it. `has_secret` says whether the client authenticated by a secret; `None` if the
    /// response came through the browser.
    pub(crate) fn explain(&mut self, auth: Option<ClientAuth>) {
        // A wrong secret is unauthorized_client with the status 401 at Keycloak. With another status it is the grant.
        let refuses_client = self.code == ErrorCode::INVALID_CLIENT
            || (self.code == ErrorCode::UNAUTHORIZED_CLIENT && self.status == Some(401));
        let asked = self.description.as_deref().and_then(Remedy::in_words);
        let dpop = ["invalid_dpop_proof", "use_dpop_nonce"].contains(&self.code.as_str());
        let attestation =
            ["invalid_client_attestation", "use_fresh_attestation", "use_attestation_challenge"]
                .contains(&self.code.as_str());
        self.remedy = match auth.filter(|_| refuses_client) {
            _ if dpop => Some(Remedy::Dpop),
            _ if attestation => Some(Remedy::CheckAttestation),
            Some(ClientAuth::AttestJwtClientAuth) => Some(Remedy::CheckAttestation),
            // The words of the provider are about the assertion that came.
            Some(method) if method.is_assertion() => Some(Remedy::CheckKey),
            Some(method) if method.is_certificate() => Some(Remedy::CheckCertificate),
            _ if asked.is_some() => asked,
            Some(ClientAuth::None) => Some(Remedy::GiveSecret),
            Some(_) => Some(Remedy::CheckSecret),
            None => None,
        };
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
        write_retry_after(f, self.retry_after)?;
        self.remedy.map_or(Ok(()), |remedy| write!(f, "; {}", remedy.advice()))
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
    /// The user has to choose an account, and `prompt=none` forbade it (OpenID Connect Core).
    ACCOUNT_SELECTION_REQUIRED = "account_selection_required";
    /// The user has not decided yet (RFC 8628).
    AUTHORIZATION_PENDING = "authorization_pending";
    /// The device code has expired (RFC 8628).
    EXPIRED_TOKEN = "expired_token";
    /// Polling has to slow down (RFC 8628).
    SLOW_DOWN = "slow_down";
}

impl ErrorCode {
    /// The value as the provider sent it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the provider has to show the user a page (OpenID Connect Core §3.1.2.6).
    pub(crate) fn asks_for_user(&self) -> bool {
        [
            Self::LOGIN_REQUIRED,
            Self::INTERACTION_REQUIRED,
            Self::CONSENT_REQUIRED,
            Self::ACCOUNT_SELECTION_REQUIRED,
        ]
        .contains(self)
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
