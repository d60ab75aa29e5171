//! A user's connection to a provider, as the application sees it.
use std::time::SystemTime;

use super::record::Login;
use crate::error::Error;
use crate::identity::Identity;

/// A user's connection to a provider, as it is stored.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Connection {
    /// The user, as the application names them.
    pub user: String,
    /// The name of the provider in the vault.
    pub provider: String,
    /// Who signed in at the provider, if it was saved with [`Connect::identity`](super::Connect::identity).
    pub identity: Option<Identity>,
    /// What the application saved with [`Connect::data`](super::Connect::data).
    pub data: Option<String>,
    /// The granted scopes.
    pub scopes: Vec<String>,
    /// When the access token expires, if the provider says so.
    pub expires_at: Option<SystemTime>,
    /// When the refresh token expires, if the provider says so.
    pub refresh_expires_at: Option<SystemTime>,
    /// Whether the tokens can be used.
    pub state: ConnectionState,
}

/// Whether the tokens of a connection can be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ConnectionState {
    /// The access token is valid.
    Fresh,
    /// The access token has expired. The next call refreshes it.
    Expired,
    /// The grant is over: the user has to sign in again.
    SignInAgain,
}

impl ConnectionState {
    /// A stable word for this state.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Expired => "expired",
            Self::SignInAgain => "sign_in_again",
        }
    }
}

/// The end of a connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Disconnected {
    /// Why the provider did not revoke the tokens; `None` if it did. The login is deleted in any case.
    pub not_revoked: Option<Error>,
}

impl Connection {
    pub(super) fn new(user: String, provider: String, login: Login) -> Self {
        let state = match () {
            () if login.ended => ConnectionState::SignInAgain,
            () if login.tokens.is_expired() => ConnectionState::Expired,
            () => ConnectionState::Fresh,
        };
        Self {
            user,
            provider,
            scopes: login.tokens.scopes().map(str::to_owned).collect(),
            expires_at: login.tokens.expires_at(),
            refresh_expires_at: login.refresh_expires_at(),
            identity: login.identity,
            data: login.data,
            state,
        }
    }
}
