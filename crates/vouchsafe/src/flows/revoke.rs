//! Revoking tokens (RFC 7009).

use vouchsafe_providers::ClientAuth;

use crate::client::Client;
use crate::error::{Error, Feature, Operation};
use crate::protocol::response::{Dialect, Exchange};
use crate::protocol::revocation::{self, Revocation};
use crate::secret::Secret;
use crate::tokens::Tokens;

impl Client {
    /// Revokes the tokens at the provider: the refresh token where there is one, which ends the grant with all its
    /// access tokens (RFC 7009 section 2.1), else the access token. Where a provider revokes tokens of one kind alone,
    /// the one of that kind.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the provider has no revocation, or none for the tokens that there are.
    #[doc(alias = "revoke_token")]
    pub async fn revoke(&self, tokens: &Tokens) -> Result<(), Error> {
        let call = self.begin_call();
        call.server_of(tokens, Operation::Revocation).await?;
        let quirks = &self.inner.blueprint.definition.revocation;
        let access_token = tokens.bearer();
        let (token, hint) = match tokens.refresh_token() {
            Some(token) if quirks.only.as_deref() != Some("access_token") => {
                (token.expose(), "refresh_token")
            }
            _ => (access_token.expose(), "access_token"),
        };
        let outcome = call.revoke_token(token, Some(hint), access_token).await;
        outcome.map_err(|e| self.without_secrets(e, tokens))
    }

    /// `access_token` is what authenticates the request where the provider asks for that.
    pub(crate) async fn revoke_token(
        &self,
        token: &str,
        hint: Option<&str>,
        access_token: &Secret,
    ) -> Result<(), Error> {
        let operation = Operation::Revocation;
        let server = self.server().await?;
        let endpoint = server.revocation_endpoint()?;
        let definition = &self.inner.blueprint.definition;
        let quirks = &definition.revocation;
        if let (Some(only), Some(hint)) = (quirks.only.as_deref(), hint)
            && only != hint
        {
            let detail = format!("the provider revokes tokens of the kind {only} alone");
            return Err(Error::unsupported(operation, Feature::Revocation, detail));
        }
        let bearer = quirks.bearer.then_some(access_token);
        let auth = match bearer {
            // The token alone authenticates, unless the client is said to do so as well.
            Some(_) => {
                let own = self.inner.registration.revocation_auth.or(self.own_revocation_auth());
                own.filter(|method| *method != ClientAuth::None)
            }
            None => Some(self.revocation_auth(&server)?),
        };
        let revocation = Revocation { quirks, token, hint, bearer, auth };
        let credentials = self.credentials()?;
        let request = revocation.request(endpoint, &credentials);
        let response = self.send(operation, request).await?;
        let uri = endpoint.uri();
        let [secret, basic] = credentials.secrets();
        let secrets = [token, secret, basic, access_token.expose()];
        let failure = quirks.failure.as_ref();
        let dialect = Dialect { failure, error_codes: &definition.token.error_codes, ..Dialect::PLAIN };
        revocation::read(&Exchange { operation, uri: &uri, secrets: &secrets, dialect }, &response)
    }
}
