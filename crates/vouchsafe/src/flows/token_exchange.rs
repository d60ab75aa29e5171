//! One token for another (RFC 8693).
use std::time::SystemTime;

use vouchsafe_providers::EndpointName;

use crate::client::Client;
use crate::client::ongoing::Ongoing;
use crate::error::Error;
use crate::protocol::token::request::{Grant, check_params};
use crate::protocol::token::token_exchange::{TokenType, issued_type};
use crate::secret::{Secret, opaque};
use crate::tokens::Tokens;
use crate::transport::BoxFuture;

impl Client {
    /// Exchanges a token for another one (RFC 8693): an access token that a caller brought for one to call the next API with, or the token
    /// of another issuer for one of this provider. Await it to get the [`ExchangedToken`].
    ///
    /// ```no_run
    /// # async fn f(client: vouchsafe::Client, token: String) -> Result<(), vouchsafe::Error> {
    /// use vouchsafe::TokenType;
    ///
    /// let exchanged = client
    ///     .token_exchange(token, TokenType::ACCESS_TOKEN)
    ///     .audience("https://billing.example.com")
    ///     .scopes(["invoices:read"])
    ///     .await?;
    /// let tokens = exchanged.into_tokens();
    /// # Ok(()) }
    /// ```
    ///
    /// # Security
    /// The subject token is sent to the provider of this client. Send a token only to a provider that may see it.
    pub fn token_exchange(
        &self,
        subject_token: impl Into<Secret>,
        subject_token_type: impl Into<TokenType>,
    ) -> TokenExchange<'_> {
        TokenExchange {
            client: self,
            subject: (subject_token.into(), subject_token_type.into()),
            actor: None,
            requested: None,
            scopes: Vec::new(),
            params: Vec::new(),
        }
    }
}

/// A token exchange. Await it to get the [`ExchangedToken`].
#[derive(Clone)]
#[must_use = "the request is sent by .await"]
pub struct TokenExchange<'c> {
    client: &'c Client,
    subject: (Secret, TokenType),
    actor: Option<(Secret, TokenType)>,
    requested: Option<TokenType>,
    scopes: Vec<String>,
    params: Vec<(String, String)>,
}

opaque!(TokenExchange<'_>);

impl<'c> TokenExchange<'c> {
    /// The token of the party that acts for the subject (RFC 8693 section 1.1: delegation).
    pub fn actor(mut self, token: impl Into<Secret>, token_type: impl Into<TokenType>) -> Self {
        self.actor = Some((token.into(), token_type.into()));
        self
    }

    /// The requested type of the token; the provider chooses unless it is set. A token of another type is refused.
    pub fn requested_token_type(mut self, token_type: impl Into<TokenType>) -> Self {
        self.requested = Some(token_type.into());
        self
    }

    /// The name of a service that the token is for. Repeat it for more than one.
    pub fn audience(self, name: impl Into<String>) -> Self {
        self.param("audience", name)
    }

    /// The URI of an API that the token is for. Repeat it for more than one.
    pub fn resource(self, uri: impl Into<String>) -> Self {
        self.param("resource", uri)
    }

    /// The requested scopes.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes.extend(scopes.into_iter().map(Into::into));
        self
    }

    /// A parameter that the provider requires in this token request.
    pub fn param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.params.push((name.into(), value.into()));
        self
    }

    async fn request(self) -> Result<ExchangedToken, Error> {
        let actor = self.actor.as_ref().map(|(token, _)| token.expose());
        let call = self.client.begin_with([self.subject.0.expose()].into_iter().chain(actor));
        call.end(call.token_exchange(&self).await)
    }
}

impl<'c> IntoFuture for TokenExchange<'c> {
    type Output = Result<ExchangedToken, Error>;
    type IntoFuture = BoxFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.request())
    }
}

impl Ongoing<'_> {
    async fn token_exchange(&self, asked: &TokenExchange<'_>) -> Result<ExchangedToken, Error> {
        const OWN: [&str; 5] = [
            "subject_token",
            "subject_token_type",
            "actor_token",
            "actor_token_type",
            "requested_token_type",
        ];
        check_params(&asked.params, &OWN)?;
        let server = self.server().await?;
        let endpoint = server.endpoint(EndpointName::Token)?;
        let separator = &server.definition.scope_separator;
        let mut params = asked.params.clone();
        if !asked.scopes.is_empty() {
            params.push(("scope".to_owned(), asked.scopes.join(separator)));
        }
        let actor = asked.actor.as_ref().map(|(token, kind)| (token.expose(), kind));
        let subject = (asked.subject.0.expose(), &asked.subject.1);
        let grant = Grant::token_exchange(subject, actor, asked.requested.as_ref());
        let response = self.issued(&server, endpoint, Grant { forwarded: &params, ..grant }).await?;
        let issued_token_type = issued_type(&response, asked.requested.as_ref())?;
        let (is_usable, separators) = (response.is_usable, &server.definition.token.scope_separators);
        let tokens = Tokens::new(&server.provenance, response, separators, None);
        let tokens = tokens.with_requested_scope(&asked.scopes, separator);
        Ok(ExchangedToken { issued_token_type, tokens, is_usable })
    }
}

/// The token that the provider issued for another one.
#[derive(Clone, Debug)]
pub struct ExchangedToken {
    issued_token_type: TokenType,
    tokens: Tokens,
    is_usable: bool,
}

impl ExchangedToken {
    /// The type of the token.
    pub fn issued_token_type(&self) -> &TokenType {
        &self.issued_token_type
    }

    /// The token itself. Keep it out of logs and URLs.
    pub fn expose(&self) -> &str {
        self.tokens.access_token().expose()
    }

    /// Whether requests can be authorized with it. If not (`N_A`, RFC 8693 section 2.2.1), it is for something else, such as an assertion
    /// for [`Client::jwt_bearer`].
    pub fn is_access_token(&self) -> bool {
        self.is_usable
    }

    /// When the token expires, if the provider says so.
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.tokens.expires_at()
    }

    /// The granted scopes.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.tokens.scopes()
    }

    /// The tokens, with a refresh token if there is one. `None` if no request can be authorized with the issued token.
    pub fn into_tokens(self) -> Option<Tokens> {
        self.is_usable.then_some(self.tokens)
    }
}
