//! The URL that ends the user's session at the provider (OpenID Connect RP-Initiated Logout 1.0).
use vouchsafe_providers::EndpointName;

use crate::client::Client;
use crate::error::{Error, Operation};
use crate::text::form;
use crate::tokens::Tokens;

impl Client {
    /// The URL at which the user's browser ends the session at the provider. `None` if the provider has no such page.
    ///
    /// The tokens stay valid: use [`Client::revoke`] too. Afterwards, the provider sends the browser to the
    /// `post_logout_redirect_uri`, which has to be registered; without one, the browser stays at the provider.
    ///
    /// # Security
    /// The URL contains the ID token, so that the provider need not ask the user: keep it out of logs.
    ///
    /// # Errors
    /// The metadata of the provider cannot be had.
    #[doc(alias = "end_session")]
    pub async fn logout_url(
        &self,
        tokens: &Tokens,
        post_logout_redirect_uri: Option<&str>,
    ) -> Result<Option<String>, Error> {
        let call = self.begin_for(tokens);
        let server = call.end(call.server_of(tokens, Operation::Configuration).await)?;
        let Ok(endpoint) = server.endpoint(EndpointName::EndSession) else { return Ok(None) };
        // RP-Initiated Logout 1.0 §2.
        let mut url = endpoint.as_str().to_owned() + if endpoint.as_str().contains('?') { "&" } else { "?" };
        url.push_str("client_id=");
        form::escape(&mut url, self.client_id());
        if let Some(token) = tokens.id_token().filter(|_| server.definition.id_token_hint) {
            form::add(&mut url, "id_token_hint", token.expose());
        }
        if let Some(uri) = post_logout_redirect_uri {
            form::add(&mut url, "post_logout_redirect_uri", uri);
        }
        Ok(Some(url))
    }
}
