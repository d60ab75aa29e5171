//! A token request with all that belongs to it: the client's authentication, and the ID token verified.
use std::pin::pin;
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::future::{self, Either};

use super::Client;
use super::ongoing::Ongoing;
use crate::endpoint::Endpoint;
use crate::error::{Check, Error, Operation};
use crate::jose::id_token::{self, Expected, Nonce};
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

/// What the response to one request must show, beside being the provider's.
pub(crate) struct Expectations<'a> {
    pub(crate) nonce: Nonce<'a>,
    pub(crate) max_age: Option<u64>,
    pub(crate) acr_values: &'a [String],
    pub(crate) code: Option<&'a str>,
    /// An ID token must come.
    pub(crate) id_token: bool,
}

impl Expectations<'_> {
    /// Whether the ID token has to show how or when the user authenticated.
    fn are_demands(&self) -> bool {
        self.max_age.is_some() || !self.acr_values.is_empty()
    }
}

impl Client {
    /// Tokens of this client from a token response, without a verified ID token.
    pub(crate) fn tokens_of(&self, response: TokenResponse) -> Tokens {
        let live = &self.inner.live;
        let known = live.known_server().map(|server| server.provenance.clone());
        let provenance = known.unwrap_or_else(|| Arc::new(live.asked_for()));
        let separators = &live.template.definition.token.scope_separators;
        Tokens::new(&provenance, response, separators, None)
    }
}

impl Ongoing<'_> {
    /// Asks for tokens and checks what comes, the ID token included.
    pub(crate) async fn token_request<G: Grant>(
        &self,
        server: &Server,
        endpoint: &Endpoint,
        grant: G,
        expectations: &Expectations<'_>,
    ) -> Result<Tokens, Error> {
        // The code would be spent, and nothing could be checked.
        if expectations.are_demands() && server.openid.is_none() {
            return Err(unchecked(G::OPERATION));
        }
        let method = self.client.token_auth(server, G::OPERATION)?;
        let credentials = self.client.credentials()?;
        let quirks = &self.template().definition.token;
        let headers = &self.template().token_headers;
        let (request, live) = (TokenRequest { quirks, headers, grant }, &self.client.inner.live);
        let (mut asked, mut prepared) = (None, Ok(()));
        let sent = self.sender().send(endpoint, Some((&credentials, method)), &request);
        let answer = match &server.openid {
            // The keys come beside the tokens, and not after them.
            Some(openid) if expectations.id_token && live.lacks_keys() => {
                let fetching = live.prepare_keys(openid, self.deadline);
                let answer = match future::select(pin!(sent), pin!(fetching)).await {
                    Either::Left((answer, fetching)) => {
                        let answer = answer?;
                        prepared = fetching.await;
                        answer
                    }
                    Either::Right((fetched, sent)) => {
                        prepared = fetched;
                        sent.await?
                    }
                };
                asked = Some(live.fetches_begun());
                answer
            }
            _ => sent.await?,
        };

        let id_token = match (&server.openid, &answer.id_token) {
            (Some(openid), Some(raw)) => {
                prepared?;
                // A wrong ID token may quote what came with it.
                let received = [Some(raw), answer.refresh_token.as_ref(), Some(&answer.access_token)];
                self.noted.note_all(received.into_iter().flatten().map(Secret::expose));
                let expected = Expected {
                    nonce: expectations.nonce,
                    max_age: expectations.max_age,
                    acr_values: expectations.acr_values,
                    access_token: Some(answer.access_token.expose()),
                    code: expectations.code,
                    ..live.expected(server, openid)
                };
                let (asker, now) = ((G::OPERATION, Asker::Provider, asked), SystemTime::now());
                let verify = |keys: &_| id_token::verify(raw.expose(), keys, &expected, now);
                let verified = live.verify(openid, asker, self.deadline, verify).await?;
                Some(IdToken::new(raw.clone(), verified))
            }
            (Some(_), None) if expectations.id_token || expectations.are_demands() => {
                let detail = "the scope openid was requested, but the response has no ID token";
                return Err(Error::validation(G::OPERATION, Check::MissingIdToken, detail));
            }
            _ => None,
        };
        Ok(Tokens::new(&server.provenance, answer, &quirks.scope_separators, id_token))
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
