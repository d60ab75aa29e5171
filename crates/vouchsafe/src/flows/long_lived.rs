//! Replacing a short-lived token by a long-lived one. Some providers have it, and no RFC describes it.
use vouchsafe_providers::EndpointName;

use crate::client::Client;
use crate::client::ongoing::Ongoing;
use crate::error::{Error, Feature, Operation};
use crate::protocol::token::request::Grant;
use crate::tokens::Tokens;

impl Client {
    /// Replaces a short-lived access token by a long-lived one.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the provider has no long-lived tokens.
    #[doc(alias = "get_long_lived_access_token")]
    pub async fn long_lived_token(&self, tokens: &Tokens) -> Result<Tokens, Error> {
        let call = self.begin_for(tokens);
        call.end(call.long_lived_token(tokens).await)
    }
}

impl Ongoing<'_> {
    async fn long_lived_token(&self, tokens: &Tokens) -> Result<Tokens, Error> {
        let operation = Operation::LongLivedToken;
        let server = self.server_of(tokens, operation).await?;
        let template = self.client.template();
        let Some(quirks) = &template.definition.long_lived else {
            let detail =
                "the provider does not replace short-lived tokens by long-lived ones: use Client::refresh";
            return Err(Error::unsupported(operation, Feature::LongLivedToken, detail));
        };
        let endpoint =
            template.long_lived.as_ref().map_or_else(|| server.endpoint(EndpointName::Token), Ok)?;
        let grant = Grant::long_lived(quirks, tokens.access_token().expose());
        let expected = self.client.inner.live.expected(&server);
        let fresh = self.token_request(&server, endpoint, grant, (&expected, false)).await?;
        Ok(self.kept(fresh, tokens))
    }
}
