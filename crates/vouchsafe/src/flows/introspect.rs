//! Asking the provider about a token (RFC 7662).
use vouchsafe_providers::EndpointName;

use crate::client::Client;
use crate::client::ongoing::Ongoing;
use crate::error::{Error, Operation};
use crate::protocol::introspection::IntrospectionRequest;
use crate::text::json::Value;
use crate::tokens::Tokens;

impl Client {
    /// Asks the provider about the access token (RFC 7662 section 2). In the response, `active` says whether the token is valid;
    /// the other members are those that the provider gives. Most providers want a client with a secret.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the provider has no introspection, [`Error::Response`] if the response has no `active`.
    pub async fn introspect(&self, tokens: &Tokens) -> Result<Value, Error> {
        let call = self.begin_for(tokens);
        call.end(call.introspect(tokens).await)
    }
}

impl Ongoing<'_> {
    async fn introspect(&self, tokens: &Tokens) -> Result<Value, Error> {
        let server = self.server_of(tokens, Operation::Introspection).await?;
        let endpoint = server.endpoint(EndpointName::Introspection)?;
        let error_codes = &server.definition.token.error_codes;
        let request = IntrospectionRequest { token: tokens.bearer(), error_codes };
        self.ask(&server, endpoint, &request).await
    }
}
