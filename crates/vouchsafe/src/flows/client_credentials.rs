//! Tokens for the application itself (RFC 6749 section 4.4).
use vouchsafe_providers::EndpointName;

use crate::client::Client;
use crate::client::ongoing::Ongoing;
use crate::error::{ConfigProblem, Error};
use crate::protocol::token::request::{Grant, check_params};
use crate::tokens::Tokens;
use crate::transport::BoxFuture;

impl Client {
    /// Requests a token for the application itself, not for a user. Await it to get the tokens.
    ///
    /// ```no_run
    /// # async fn f(client: vouchsafe::Client) -> Result<(), vouchsafe::Error> {
    /// let tokens = client.client_credentials().scopes(["reports:read"]).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// [`TokenSource::application`](crate::TokenSource::application) keeps such a token fresh.
    pub fn client_credentials(&self) -> ClientCredentials<'_> {
        ClientCredentials { client: self, scopes: Vec::new(), params: Vec::new() }
    }
}

/// A token request of the application for itself. Await it to get [`Tokens`].
#[derive(Clone, Debug)]
#[must_use = "the request is sent by .await"]
pub struct ClientCredentials<'c> {
    client: &'c Client,
    scopes: Vec<String>,
    params: Vec<(String, String)>,
}

impl<'c> ClientCredentials<'c> {
    /// The requested scopes. Without them, the provider grants those that the application has.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes.extend(scopes.into_iter().map(Into::into));
        self
    }

    /// The URI of an API that the token is for (RFC 8707). Repeat it for more than one.
    pub fn resource(mut self, uri: impl Into<String>) -> Self {
        self.params.push(("resource".to_owned(), uri.into()));
        self
    }

    /// A parameter that the provider requires in this token request, such as Auth0's `audience`.
    pub fn param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.params.push((name.into(), value.into()));
        self
    }

    async fn request(self) -> Result<Tokens, Error> {
        let call = self.client.begin();
        call.end(call.client_credentials(&self.scopes, &self.params).await)
    }
}

impl<'c> IntoFuture for ClientCredentials<'c> {
    type Output = Result<Tokens, Error>;
    type IntoFuture = BoxFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.request())
    }
}

impl Ongoing<'_> {
    async fn client_credentials(
        &self,
        scopes: &[String],
        params: &[(String, String)],
    ) -> Result<Tokens, Error> {
        check_params(params, &[])?;
        if self.client.inner.live.registration.credential.is_none() {
            // RFC 6749 §4.4: only confidential clients may use this grant.
            let detail = "a token for the application itself needs a client that authenticates, and this registration has no \
                          credential: set Registration::secret";
            return Err(Error::config(ConfigProblem::ClientAuth, detail));
        }
        let server = self.server().await?;
        let endpoint = server.endpoint(EndpointName::Token)?;
        let separator = &server.definition.scope_separator;
        let scope = (!scopes.is_empty()).then(|| scopes.join(separator));
        let grant = Grant { forwarded: params, ..Grant::client_credentials(scope.as_deref()) };
        let expected = self.client.inner.live.expected(&server);
        let tokens = self.token_request(&server, endpoint, grant, (&expected, false)).await?;
        Ok(tokens.with_requested_scope(scopes, separator))
    }
}
