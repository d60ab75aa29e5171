//! Tokens that another system obtained.
use std::time::SystemTime;

use crate::client::Client;
use crate::error::{ConfigProblem, Error};
use crate::protocol::token::response::{TokenResponse, is_token};
use crate::secret::Secret;
use crate::tokens::Tokens;

impl Client {
    /// Makes [`Tokens`] of this client from tokens that another system obtained for it, so that they can be refreshed,
    /// revoked and stored here. Nothing is sent. If only a refresh token is left, use
    /// [`Manual::refresh`](crate::manual::Manual::refresh).
    ///
    /// ```no_run
    /// # async fn f(client: vouchsafe::Client, access: &str, refresh: &str) -> Result<(), vouchsafe::Error> {
    /// let old = client.import_tokens(access).refresh_token(refresh).scopes(["openid", "email"]).build()?;
    /// let tokens = client.refresh(&old).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Security
    /// The client id must be the one that the tokens were issued to: nothing here can check that.
    pub fn import_tokens(&self, access_token: impl Into<Secret>) -> ImportedTokens<'_> {
        let response = TokenResponse {
            is_bound: false,
            is_usable: true,
            received_at: SystemTime::now(),
            access_token: access_token.into(),
            refresh_token: None,
            id_token: None,
            scope: None,
            expires_at: None,
            extra: None,
            warnings: Vec::new(),
        };
        ImportedTokens { client: self, response, scopes: Vec::new() }
    }
}

/// Tokens that another system obtained. Call [`ImportedTokens::build`] to get [`Tokens`].
#[derive(Debug)]
#[must_use = "call build() to get the tokens"]
pub struct ImportedTokens<'c> {
    client: &'c Client,
    response: TokenResponse,
    scopes: Vec<String>,
}

impl ImportedTokens<'_> {
    /// The refresh token.
    pub fn refresh_token(mut self, token: impl Into<Secret>) -> Self {
        self.response.refresh_token = Some(token.into());
        self
    }

    /// The granted scopes.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes.extend(scopes.into_iter().map(Into::into));
        self
    }

    /// When the access token expires.
    pub fn expires_at(mut self, time: SystemTime) -> Self {
        self.response.expires_at = Some(time);
        self
    }

    /// The tokens.
    ///
    /// # Errors
    /// [`Error::Config`] if a token is empty or contains characters that no token may contain.
    pub fn build(self) -> Result<Tokens, Error> {
        let TokenResponse { access_token, refresh_token, .. } = &self.response;
        for (name, token) in [("access", Some(access_token)), ("refresh", refresh_token.as_ref())] {
            if token.is_some_and(|token| !is_token(token.expose())) {
                let detail = format!(
                    "the imported {name} token is empty or contains characters that no token may contain: give the \
                     token alone, as the provider sent it"
                );
                return Err(Error::config(ConfigProblem::ImportedToken, detail));
            }
        }
        let separator = &self.client.template().definition.scope_separator;
        Ok(self.client.tokens_of(self.response).with_requested_scope(&self.scopes, separator))
    }
}
