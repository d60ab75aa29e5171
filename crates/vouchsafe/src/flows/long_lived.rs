//! A long-lived token for a short-lived one, as some providers have it and no RFC does.
use std::time::SystemTime;

use crate::client::Client;
use crate::error::{Error, Feature, Operation};
use crate::protocol::long_lived;
use crate::protocol::response::Exchange;
use crate::protocol::token::{self};
use crate::provider::Server;
use crate::tokens::Tokens;

impl Client {
    /// A long-lived token for the short-lived one, where the provider has that.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if it has not.
    #[doc(alias = "get_long_lived_access_token")]
    pub async fn long_lived_token(&self, tokens: &Tokens) -> Result<Tokens, Error> {
        let call = self.begin_call();
        let server = call.server_of(tokens, Operation::LongLivedToken).await?;
        let prolonged = call.prolong(&server, tokens).await.map_err(|e| self.without_secrets(e, tokens))?;
        Ok(self.kept(prolonged, tokens))
    }

    /// Asks for a long-lived token.
    pub(crate) async fn prolong(&self, server: &Server, tokens: &Tokens) -> Result<Tokens, Error> {
        let operation = Operation::LongLivedToken;
        let blueprint = &self.inner.blueprint;
        let Some(long_lived) = &blueprint.definition.long_lived else {
            let detail = "the provider has no long-lived tokens for short-lived ones";
            return Err(Error::unsupported(operation, Feature::LongLivedToken, detail));
        };
        let endpoint = blueprint.long_lived.as_ref().unwrap_or(&server.token);
        let auth = self.token_auth(server, operation)?;
        let (quirks, headers) = (&blueprint.definition.token, blueprint.token_headers.clone());
        let (credentials, token) = (self.credentials()?, tokens.bearer());
        let request = long_lived::request(endpoint, &credentials, auth, (long_lived, quirks), headers, token);
        let response = self.send(operation, request).await?;

        let uri = endpoint.uri();
        let [secret, basic] = credentials.secrets();
        let secrets = [secret, basic, token.expose()];
        let exchange = Exchange { operation, uri: &uri, secrets: &secrets, dialect: self.token_dialect() };
        let answer = token::read(&exchange, quirks, response, SystemTime::now())?;
        Ok(Tokens::new(&server.provenance, answer, &quirks.scope_separators, None))
    }
}
