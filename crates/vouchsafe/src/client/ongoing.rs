//! One call of the application that is under way.
use std::sync::Arc;

use vouchsafe_providers::ProfileSource;

use super::Client;
use crate::call::{Deadline, Sender};
use crate::endpoint::Endpoint;
use crate::error::{ConfigProblem, Error, Operation};
use crate::protocol::call::Call;
use crate::provider::Server;
use crate::secret::Noted;
use crate::tokens::Tokens;

/// One call under way: its client, its deadline, and the secrets that no error of it may show.
pub(crate) struct Ongoing<'c> {
    pub(crate) client: &'c Client,
    pub(crate) deadline: Deadline,
    pub(crate) noted: Noted<'c>,
}

impl Client {
    /// Begins a call. Its errors show no secret of the client.
    pub(crate) fn begin(&self) -> Ongoing<'_> {
        self.begin_with([])
    }

    /// RFC 9449 §7.1: a bound token is worth nothing without a proof of its key.
    pub(crate) fn check_key_of(&self, tokens: &Tokens) -> Result<(), Error> {
        if !tokens.is_bound() || self.inner.binding.is_some() {
            return Ok(());
        }
        let detail = "the tokens are bound to a key (DPoP), and this client has none: set Registration::dpop with the key that the client had \
                      at the login";
        Err(Error::config(ConfigProblem::SigningKey, detail))
    }

    /// Begins a call for those tokens. Its errors show none of them.
    pub(crate) fn begin_for<'c>(&'c self, tokens: &'c Tokens) -> Ongoing<'c> {
        self.begin_with(tokens.secrets())
    }

    /// Refuses tokens of another server or client than this.
    pub(crate) fn check_issuer_of(
        &self,
        tokens: &Tokens,
        server: &Server,
        operation: Operation,
    ) -> Result<(), Error> {
        // Tokens that were made before the metadata was known have the requested issuer.
        if *tokens.provenance() != *server.provenance && *tokens.provenance() != *self.template().provenance {
            server.provenance.check("tokens", tokens.provenance(), operation)?;
        }
        Ok(())
    }

    /// Begins a call with at most three secrets, which its errors do not show.
    pub(crate) fn begin_with<'c>(&'c self, secrets: impl IntoIterator<Item = &'c str>) -> Ongoing<'c> {
        let noted = Noted::knowing(self.inner.authenticator.credentials.secrets().into_iter().chain(secrets));
        Ongoing { client: self, deadline: Deadline::after(self.call_timeout), noted }
    }
}

impl Ongoing<'_> {
    /// Ends the call. Its error shows no secret, even if the provider sent one back.
    pub(crate) fn end<T>(&self, outcome: Result<T, Error>) -> Result<T, Error> {
        outcome.map_err(|error| {
            let parameters = &self.client.template().parameters;
            let is_elsewhere = matches!(error, Error::Http(_))
                && error.status() == Some(404)
                && error.operation() != Operation::Discovery;
            let error = if is_elsewhere && !parameters.is_empty() {
                error.adding(&format!("; check the parameters of the provider: {parameters}"))
            } else {
                error
            };
            self.hidden(error)
        })
    }

    pub(crate) fn hidden(&self, error: Error) -> Error {
        self.noted.hidden(|secrets| error.without(secrets))
    }

    pub(crate) fn sender(&self) -> Sender<'_> {
        let inner = &self.client.inner;
        let (binding, certificate) = (inner.binding.as_ref(), inner.live.registration.certificate.as_ref());
        Sender { http: &inner.live.http, deadline: self.deadline, noted: &self.noted, binding, certificate }
    }

    /// Sends a call in which the client authenticates as at the token endpoint.
    pub(crate) async fn ask<C: Call>(
        &self,
        server: &Server,
        endpoint: &Endpoint,
        call: &C,
    ) -> Result<C::Output, Error> {
        let method = self.client.token_auth(server, call.operation())?;
        let sent = self.sender().send(endpoint, Some(self.client.auth(server, method)), call).await;
        sent.map_err(|error| error.explained(Some(method)))
    }

    pub(crate) async fn server(&self) -> Result<Arc<Server>, Error> {
        self.client.inner.live.server(self.deadline).await
    }

    /// The server that issued these tokens. Tokens of another server or client are refused (RFC 9700 section 4.4: no server may
    /// see the tokens of another).
    pub(crate) async fn server_of(
        &self,
        tokens: &Tokens,
        operation: Operation,
    ) -> Result<Arc<Server>, Error> {
        let server = self.server().await?;
        self.client.check_issuer_of(tokens, &server, operation)?;
        Ok(server)
    }

    /// Fresh tokens with the values of the old ones that were not renewed, and with the other members of the old token response
    /// if the profile needs them.
    pub(crate) fn kept(&self, fresh: Tokens, old: &Tokens) -> Tokens {
        let template = self.client.template();
        let is_profile = template.definition.userinfo.source == ProfileSource::Token;
        fresh.keep_unrenewed_of(old, is_profile || template.profile.needs_response())
    }
}
