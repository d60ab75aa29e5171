//! Tokens for a JWT that somebody else signed (RFC 7523 section 2.1).
use vouchsafe_providers::EndpointName;

use crate::client::Client;
use crate::client::ongoing::Ongoing;
use crate::error::Error;
use crate::protocol::token::request::{Grant, check_params};
use crate::secret::{Secret, opaque};
use crate::tokens::Tokens;
use crate::transport::BoxFuture;

impl Client {
    /// Requests tokens with a JWT as the authorization (RFC 7523 section 2.1): one of another issuer that the provider trusts, or one that
    /// the application signed for a user. Await it to get the tokens.
    ///
    /// ```no_run
    /// # async fn f(client: vouchsafe::Client, assertion: String) -> Result<(), vouchsafe::Error> {
    /// let tokens = client.jwt_bearer(assertion).scopes(["calendar:read"]).await?;
    /// # Ok(()) }
    /// ```
    pub fn jwt_bearer(&self, assertion: impl Into<Secret>) -> JwtBearer<'_> {
        JwtBearer { client: self, assertion: assertion.into(), scopes: Vec::new(), params: Vec::new() }
    }
}

/// A token request with a JWT. Await it to get [`Tokens`].
#[derive(Clone)]
#[must_use = "the request is sent by .await"]
pub struct JwtBearer<'c> {
    client: &'c Client,
    assertion: Secret,
    scopes: Vec<String>,
    params: Vec<(String, String)>,
}

opaque!(JwtBearer<'_>);

impl<'c> JwtBearer<'c> {
    /// The requested scopes. Without them, the provider grants those that it chooses.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes.extend(scopes.into_iter().map(Into::into));
        self
    }

    /// The URI of an API that the token is for (RFC 8707). Repeat it for more than one.
    pub fn resource(self, uri: impl Into<String>) -> Self {
        self.param("resource", uri)
    }

    /// A parameter that the provider requires in this token request.
    pub fn param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.params.push((name.into(), value.into()));
        self
    }

    async fn request(self) -> Result<Tokens, Error> {
        let call = self.client.begin_with([self.assertion.expose()]);
        call.end(call.jwt_bearer(&self.assertion, &self.scopes, &self.params).await)
    }
}

impl<'c> IntoFuture for JwtBearer<'c> {
    type Output = Result<Tokens, Error>;
    type IntoFuture = BoxFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.request())
    }
}

impl Ongoing<'_> {
    async fn jwt_bearer(
        &self,
        assertion: &Secret,
        scopes: &[String],
        params: &[(String, String)],
    ) -> Result<Tokens, Error> {
        check_params(params, &["assertion"])?;
        let server = self.server().await?;
        let endpoint = server.endpoint(EndpointName::Token)?;
        let separator = &server.definition.scope_separator;
        let scope = (!scopes.is_empty()).then(|| scopes.join(separator));
        let grant = Grant { forwarded: params, ..Grant::jwt_bearer(assertion.expose(), scope.as_deref()) };
        let expected = self.client.inner.live.expected(&server);
        let tokens = self.token_request(&server, endpoint, grant, (&expected, false)).await?;
        Ok(tokens.with_requested_scope(scopes, separator))
    }
}
