//! What was left out of a result without ending the call.
use std::borrow::Cow;
use std::fmt;

use super::Error;

/// A value that was left out. No check depends on it, so the call succeeded without it.
///
/// [`Tokens::warnings`](crate::Tokens::warnings) and [`Identity::warnings`](crate::Identity::warnings) list them. Log them:
/// each tells of a fault at the provider. They hold no secret.
#[derive(Clone, Debug)]
pub struct Warning {
    left_out: LeftOut,
    reason: Reason,
}

#[derive(Clone, Debug)]
enum Reason {
    Text(Cow<'static, str>),
    Error(Box<Error>),
}

impl Warning {
    pub(crate) fn new(left_out: LeftOut, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { left_out, reason: Reason::Text(reason.into()) }
    }

    pub(crate) fn caused_by(left_out: LeftOut, error: Error) -> Self {
        Self { left_out, reason: Reason::Error(Box::new(error)) }
    }

    /// The value that was left out.
    pub fn left_out(&self) -> LeftOut {
        self.left_out
    }

    /// A short, stable code: that of the value that was left out.
    pub fn code(&self) -> &'static str {
        self.left_out.as_str()
    }

    /// The error that the value was left out for, if a request or a check failed.
    pub fn error(&self) -> Option<&Error> {
        match &self.reason {
            Reason::Text(_) => None,
            Reason::Error(error) => Some(error),
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::Text(text) => f.write_str(text),
            Reason::Error(error) => write!(f, "{}: {error}", self.left_out.meaning()),
        }
    }
}

words! {
    /// A value that a result can do without.
    pub enum LeftOut {
        /// The scope `openid` (`openid`): the login requested other scopes only, although the provider is an OpenID Provider. So
        /// there is neither an ID token nor a nonce.
        OpenidScope = "openid",
        /// The ID token of a refresh (`id_token`): it could not be verified. The new tokens count; the old ID token stays.
        IdToken = "id_token",
        /// The profile (`userinfo`): it could not be fetched. The identity comes from the ID token alone.
        Profile = "userinfo",
        /// The lifetime of the access token (`expires_in`).
        Lifetime = "expires_in",
        /// The refresh token of a refresh (`refresh_token`). The old one stays.
        RefreshToken = "refresh_token",
        /// Granted scopes (`scope`): those of a refresh could not be read, and the old ones stay; or a refresh granted fewer than
        /// before.
        Scope = "scope",
        /// The e-mail address (`email`).
        Email = "email",
        /// A claim that another issuer than the provider makes (`claims`).
        Claims = "claims",
        /// A part of the metadata (`metadata`) that this login does not need.
        Metadata = "metadata",
        /// A value of the client's metadata (`client_metadata`): the provider registered another one.
        ClientMetadata = "client_metadata",
        /// The client secret (`client_secret`): the provider's metadata offers no authentication with it.
        ClientSecret = "client_secret",
        /// The encryption of the connection (`encryption`): [`Http::danger_allow_http`](crate::Http::danger_allow_http) allows that.
        Encryption = "encryption",
    }
}

impl LeftOut {
    fn meaning(self) -> &'static str {
        match self {
            Self::OpenidScope => "the login has no ID token",
            Self::IdToken => "the new ID token is not used and the old one stays",
            Self::Profile => "the identity comes from the ID token alone",
            Self::Lifetime => "the lifetime of the access token is unknown",
            Self::RefreshToken => "the new refresh token is not used and the old one stays",
            Self::Scope => "the new scopes are not used and the old ones stay",
            Self::Email => "the e-mail address is left out",
            Self::Claims => "claims of another source are left out",
            Self::Metadata => "a part of the metadata is left out",
            Self::ClientMetadata => "another value is registered",
            Self::ClientSecret => "the client secret is not sent",
            Self::Encryption => "the connection is not encrypted",
        }
    }
}
