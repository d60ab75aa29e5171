//! A token request with all that belongs to it: the client's authentication, and the ID token verified.
use std::pin::pin;
use std::time::SystemTime;

use futures_util::future::{self, Either};
use vouchsafe_providers::ClientAuth;

use super::Client;
use super::ongoing::Ongoing;
use crate::endpoint::Endpoint;
use crate::error::{Check, Error, LeftOut, Operation, Warning};
use crate::jose::algorithm::Allowed;
use crate::jose::id_token::{self, Expected, Verified};
use crate::jose::jwt::{self, Rules};
use crate::protocol::authorization::request::unchecked;
use crate::protocol::metadata::OpenId;
use crate::protocol::token::request::{Grant, TokenRequest};
use crate::protocol::token::response::TokenResponse;
use crate::provider::Server;
use crate::secret::Secret;
use crate::shared::Asker;
use crate::text::json::Value;
use crate::tokens::{IdToken, Tokens};

impl Client {
    /// Tokens of this client from a token response, without a verified ID token.
    pub(crate) fn tokens_of(&self, response: TokenResponse) -> Tokens {
        // The issuer stays the same when the metadata grow old. Before they are known, it is the requested one.
        let known = self.inner.live.server.latest();
        let server = known.as_deref().unwrap_or(self.template());
        Tokens::new(&server.provenance, response, &server.definition.token.scope_separators, None)
    }
}

/// Whether an ID token is signed for somebody else: it is from another issuer, or for another client. Then the tokens beside it are
/// somebody else's too.
fn is_foreign(error: &Error) -> bool {
    let is = |check| matches!(check, Check::IssuerMismatch | Check::Audience | Check::AuthorizedParty);
    matches!(error, Error::Validation(e) if is(e.check()))
}

impl Ongoing<'_> {
    /// Requests tokens and verifies the ID token among them, if there is one or one is needed.
    pub(crate) async fn token_request(
        &self,
        server: &Server,
        endpoint: &Endpoint,
        grant: Grant<'_>,
        (expected, needs_id_token): (&Expected<'_>, bool),
    ) -> Result<Tokens, Error> {
        let operation = grant.operation;
        // The code would be spent, and nothing could be checked.
        if server.openid.is_none() && (expected.max_age.is_some() || !expected.acr_values.is_empty()) {
            return Err(unchecked(operation));
        }
        let method = self.client.token_auth(server, operation)?;
        let (quirks, headers) = (&server.definition.token, &server.token_headers);
        let request = TokenRequest { quirks, headers, grant };
        let live = &self.client.inner.live;
        let auth = self.client.auth(server, method);
        let sent = || self.sender().send(endpoint, Some(auth), &request);
        let needs_keys = !matches!(expected.algorithms, Allowed::Symmetric(..));
        let (response, asked, prepared) = match &server.openid {
            Some(openid) if needs_id_token && needs_keys && live.keys.known().is_none() => {
                // Boxed, because it is rare: it would make each token request larger.
                let (response, prepared) = Box::pin(self.beside_keys(openid, sent())).await;
                (response, Some(live.keys.begun()), prepared)
            }
            _ => (sent().await, None, Ok(())),
        };
        let responded = (response, asked, prepared);
        self.complete(server, endpoint, (operation, method), responded, (expected, needs_id_token)).await
    }

    /// Requests a token that may be no access token (RFC 8693). Nothing else in the response is verified.
    pub(crate) async fn issued(
        &self,
        server: &Server,
        endpoint: &Endpoint,
        grant: Grant<'_>,
    ) -> Result<TokenResponse, Error> {
        let request =
            TokenRequest { quirks: &server.definition.token, headers: &server.token_headers, grant };
        self.ask(server, endpoint, &request).await
    }

    /// Reads the tokens from a response, and verifies the ID token among them. The response comes with the number of fetches of
    /// keys that had begun before it, and with the outcome of the fetch beside it.
    pub(crate) async fn complete(
        &self,
        server: &Server,
        endpoint: &Endpoint,
        (operation, method): (Operation, ClientAuth),
        (response, asked, prepared): (Result<TokenResponse, Error>, Option<u64>, Result<(), Error>),
        (expected, needs_id_token): (&Expected<'_>, bool),
    ) -> Result<Tokens, Error> {
        let has_demands = expected.max_age.is_some() || !expected.acr_values.is_empty();
        let mut response = response.map_err(|error| error.explained(Some(method)))?;
        if endpoint.is_open() {
            let why = "the token request was sent over http, without encryption: others on the network can read the tokens";
            response.warnings.push(Warning::new(LeftOut::Encryption, why));
        }
        let chosen = self.client.inner.live.registration.client_auth.or(server.definition.client_auth);
        if chosen.is_none()
            && method == ClientAuth::None
            && self.client.inner.authenticator.credentials.secret().is_some()
        {
            let why = "the client secret was not sent: the metadata says that the token endpoint accepts only none. Register a \
                       public client, or choose the method yourself";
            response.warnings.push(Warning::new(LeftOut::ClientSecret, why));
        }

        let raw = if server.openid.is_some() { response.id_token.take() } else { None };
        let id_token = match (&server.openid, raw) {
            (Some(openid), Some(raw)) => {
                prepared?;
                let expected = Expected { access_token: Some(response.access_token.expose()), ..*expected };
                match self
                    .verified(openid, raw.expose(), &expected, (operation, Asker::Provider, asked))
                    .await
                {
                    Ok(verified) => Some(IdToken::new(raw, verified)),
                    Err(error) => {
                        // A wrong ID token may quote what came with it.
                        let received =
                            [Some(&raw), response.refresh_token.as_ref(), Some(&response.access_token)];
                        self.noted.note_all(received.into_iter().flatten().map(Secret::expose));
                        if operation != Operation::Refresh || is_foreign(&error) {
                            return Err(error);
                        }
                        // The old refresh token is spent: without the new tokens, the user would have to sign in again.
                        response.warnings.push(Warning::caused_by(LeftOut::IdToken, self.hidden(error)));
                        None
                    }
                }
            }
            (Some(_), None) if needs_id_token || has_demands => {
                let detail = "the scope openid was requested, but the response has no ID token: let the provider allow this client the scope openid";
                return Err(Error::validation(operation, Check::MissingIdToken, detail));
            }
            _ => None,
        };
        Ok(Tokens::new(&server.provenance, response, &server.definition.token.scope_separators, id_token))
    }

    /// Waits for the response to a token request, and for the keys, which are fetched beside it and not after it.
    async fn beside_keys(
        &self,
        openid: &OpenId,
        sent: impl Future<Output = Result<TokenResponse, Error>>,
    ) -> (Result<TokenResponse, Error>, Result<(), Error>) {
        let live = &self.client.inner.live;
        let fetching = async { live.keys(openid, self.deadline).await.map(drop) };
        match future::select(pin!(sent), pin!(fetching)).await {
            Either::Left((Err(error), _)) => (Err(error), Ok(())),
            Either::Left((response, fetching)) => (response, fetching.await),
            Either::Right((fetched, sent)) => (sent.await, fetched),
        }
    }

    /// An ID token, or an access token of the same form, verified with the keys of this server.
    pub(crate) async fn verified(
        &self,
        openid: &OpenId,
        raw: &str,
        expected: &Expected<'_>,
        asking: (Operation, Asker, Option<u64>),
    ) -> Result<Verified, Error> {
        let now = SystemTime::now();
        let verify = |keys: &_| id_token::verify(raw, keys, expected, now);
        let live = &self.client.inner.live;
        live.verify_by(openid, expected.algorithms, asking, self.deadline, verify).await
    }

    /// The claims of a JWT of this server, verified by those rules.
    pub(crate) async fn claims_of(
        &self,
        openid: &OpenId,
        jwt: &str,
        rules: &Rules<'_>,
        (operation, asker): (Operation, Asker),
    ) -> Result<Value, Error> {
        let now = SystemTime::now();
        let verify = |keys: &_| jwt::claims(jwt, keys, rules, now);
        self.client.inner.live.verify(openid, (operation, asker, None), self.deadline, verify).await
    }
}
