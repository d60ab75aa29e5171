//! How the client authenticates in each request.
use std::borrow::Cow;
use std::time::SystemTime;

use aws_lc_rs::rand::SystemRandom;
use vouchsafe_providers::ClientAuth;

use crate::client::Client;
use crate::error::{ConfigProblem, Error, Operation};
use crate::protocol::client_auth::Credentials;
use crate::provider::Server;

impl Client {
    /// The method of the registration, else the method of the definition, else one that the metadata offers.
    pub(crate) fn token_auth(&self, server: &Server, operation: Operation) -> Result<ClientAuth, Error> {
        if let Some(method) = self.inner.live.registration.client_auth {
            return Ok(method);
        }
        if self.inner.signer.is_some() {
            return Ok(ClientAuth::ClientSecretPost);
        }
        let definition = &self.template().definition;
        if definition.signed_client_secret && self.inner.credentials.secret().is_none() {
            let detail = format!(
                "{} authenticates each client by a secret that is signed with a key, and this registration has none: set \
                 Registration::credential with Credential::apple_key",
                definition.display_name
            );
            return Err(Error::config(ConfigProblem::AppleKey, detail));
        }
        match definition.client_auth {
            Some(method) if self.inner.credentials.secret().is_some() => Ok(method),
            _ => {
                let offered = server.metadata.as_ref().and_then(|m| m.token_auth_methods.as_deref());
                self.inner.credentials.choose(operation, offered)
            }
        }
    }

    /// The method of the registration or the definition for revocation alone.
    pub(crate) fn own_revocation_auth(&self) -> Option<ClientAuth> {
        self.inner.live.registration.revocation_auth.or(self.template().definition.revocation_auth)
    }

    pub(crate) fn revocation_auth(&self, server: &Server) -> Result<ClientAuth, Error> {
        if let Some(method) = self.own_revocation_auth() {
            return Ok(method);
        }
        match server.metadata.as_ref().and_then(|m| m.revocation_auth_methods.as_deref()) {
            Some(methods)
                if self.inner.live.registration.client_auth.is_none() && self.inner.signer.is_none() =>
            {
                self.inner.credentials.choose(Operation::Revocation, Some(methods))
            }
            _ => self.token_auth(server, Operation::Revocation),
        }
    }

    /// The client id and the secret for one request. A secret that is a JWT is signed now.
    pub(crate) fn credentials(&self) -> Result<Cow<'_, Credentials>, Error> {
        let Some(signer) = &self.inner.signer else {
            return Ok(Cow::Borrowed(&self.inner.credentials));
        };
        let secret = signer.sign(SystemTime::now(), &SystemRandom::new())?;
        Ok(Cow::Owned(Credentials::new(signer.client_id.clone(), Some(secret))))
    }
}
