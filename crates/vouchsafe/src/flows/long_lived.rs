//! A long-lived token for a short-lived one, as some providers have it and no RFC does.
use vouchsafe_providers::EndpointName;

use crate::client::Client;
use crate::client::ongoing::Ongoing;
use crate::error::{Error, Feature, Operation};
use crate::protocol::long_lived::LongLivedRequest;
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
        let template = self.template();
        let Some(quirks) = &template.definition.long_lived else {
            let detail =
                "the provider does not replace short-lived tokens by long-lived ones: use Client::refresh";
            return Err(Error::unsupported(operation, Feature::LongLivedToken, detail));
        };
        let endpoint =
            template.long_lived.as_ref().map_or_else(|| server.endpoint(EndpointName::Token), Ok)?;
        let (token_quirks, headers) = (&template.definition.token, &template.token_headers);
        let request = LongLivedRequest { quirks, token_quirks, headers, token: tokens.bearer() };
        let method = self.client.token_auth(&server, operation)?;
        let credentials = self.client.credentials()?;
        let answer = self.sender().send(endpoint, Some((&credentials, method)), &request).await?;
        let fresh = Tokens::new(&server.provenance, answer, &token_quirks.scope_separators, None);
        Ok(self.kept(fresh, tokens))
    }
}
