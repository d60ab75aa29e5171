//! Revoking tokens (RFC 7009).

use vouchsafe_providers::{ClientAuth, EndpointName};

use crate::client::Client;
use crate::client::ongoing::Ongoing;
use crate::error::{Error, Feature, Operation};
use crate::protocol::revocation::{RevocationRequest, TokenTypeHint};
use crate::provider::Server;
use crate::secret::Secret;
use crate::tokens::Tokens;

impl Client {
    /// Revokes the tokens at the provider: the refresh token, if there is one, which ends the grant with all its access tokens
    /// (RFC 7009 section 2.1); otherwise the access token. If the provider revokes only one kind of token, the token of that
    /// kind is revoked. A token that is over already is no error (RFC 7009 section 2.2).
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the provider has no revocation, or none for these tokens.
    #[doc(alias = "revoke_token")]
    pub async fn revoke(&self, tokens: &Tokens) -> Result<(), Error> {
        let call = self.begin_for(tokens);
        call.end(call.revoke(tokens).await)
    }
}

impl Ongoing<'_> {
    async fn revoke(&self, tokens: &Tokens) -> Result<(), Error> {
        let server = self.server_of(tokens, Operation::Revocation).await?;
        let quirks = &server.definition.revocation;
        let access_token = tokens.bearer();
        let (token, hint) = match tokens.refresh_token() {
            Some(token) if quirks.only.as_deref() != Some("access_token") => {
                (token.expose(), TokenTypeHint::RefreshToken)
            }
            _ => (access_token.expose(), TokenTypeHint::AccessToken),
        };
        self.revoke_token(&server, token, Some(hint), access_token).await
    }

    /// Revokes a token. The access token authenticates the request if the provider requires that.
    pub(crate) async fn revoke_token(
        &self,
        server: &Server,
        token: &str,
        hint: Option<TokenTypeHint>,
        access_token: &Secret,
    ) -> Result<(), Error> {
        let endpoint = server.endpoint(EndpointName::Revocation)?;
        let definition = &server.definition;
        let (quirks, hint) = (&definition.revocation, hint.map(TokenTypeHint::as_str));
        if let (Some(only), Some(hint)) = (quirks.only.as_deref(), hint)
            && only != hint
        {
            let detail = format!(
                "the provider revokes only tokens of the kind {only}, not {hint}: pass the other token"
            );
            return Err(Error::unsupported(Operation::Revocation, Feature::Revocation, detail));
        }
        let bearer = quirks.bearer.then_some(access_token);
        let method = match bearer {
            // The token alone authenticates, unless the definition or the registration names a method for the client.
            Some(_) => self.client.own_revocation_auth().filter(|method| *method != ClientAuth::None),
            None => Some(self.client.revocation_auth(server)?),
        };
        let error_codes = &definition.token.error_codes;
        let request = RevocationRequest { quirks, error_codes, token, hint, bearer };
        let auth = method.map(|method| self.client.auth(server, method));
        let sent = self.sender().send(endpoint, auth, &request).await;
        sent.map_err(|error| error.explained(method))
    }
}
