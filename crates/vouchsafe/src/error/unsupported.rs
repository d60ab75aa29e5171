//! The provider does not support an operation.
use std::borrow::Cow;
use std::fmt;

use super::Operation;

/// The provider does not support the operation.
#[derive(Clone, Debug)]
pub struct UnsupportedError {
    pub(crate) operation: Operation,
    pub(crate) feature: Feature,
    pub(crate) detail: Cow<'static, str>,
}

impl UnsupportedError {
    /// The operation that failed.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// The feature that is missing.
    pub fn feature(&self) -> Feature {
        self.feature
    }
}

impl fmt::Display for UnsupportedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not possible: {}", self.operation, self.detail)
    }
}

impl std::error::Error for UnsupportedError {}

/// A feature that a provider, or one login, can lack.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Feature {
    /// Refreshing tokens.
    Refresh,
    /// A refresh token: the provider gave none at this login.
    RefreshToken,
    /// Long-lived tokens for short-lived ones.
    LongLivedToken,
    /// Revocation.
    Revocation,
    /// A profile.
    Profile,
    /// An identity: the provider gives no permanent identifier of its users.
    Identity,
    /// A client authentication method that this library supports.
    ClientAuth,
    /// Verification of JWTs: the provider publishes no keys.
    Keys,
    /// An ID token, which is needed to know who the user is, or how and when the user authenticated.
    IdToken,
}

impl Feature {
    /// The stable code.
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
