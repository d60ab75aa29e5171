//! A token request with all that belongs to it: the client's authentication, and the ID token verified.
use std::pin::pin;

use futures_util::future::{self, Either};

use super::ongoing::Ongoing;
use crate::endpoint::Endpoint;
use crate::error::{Check, Error};
use crate::jose::id_token::{self, Expected, Nonce};
use crate::protocol::authorization::request::unchecked;
use crate::protocol::token::request::{Grant, TokenRequest};
use crate::provider::Server;
use crate::secret::Secret;
use crate::shared::Asker;
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
        let quirks = &self.blueprint().definition.token;
        let headers = &self.blueprint().token_headers;
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
                let expected = Expected {
                    nonce: expectations.nonce,
                    max_age: expectations.max_age,
                    acr_values: expectations.acr_values,
                    access_token: Some(answer.access_token.expose()),
                    code: expectations.code,
                    ..live.expected(server, openid)
                };
                let asker = (G::OPERATION, Asker::Provider, asked);
                let verify = |keys: &_| id_token::verify(raw.expose(), keys, &expected);
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

    /// The claims of a JWT of the provider, verified.
    pub(crate) async fn claims_of(
        &self,
        jwt: &Secret,
        audience: id_token::Audience<'_>,
        (operation, asker): (crate::error::Operation, Asker),
    ) -> Result<crate::text::json::Json, Error> {
        let server = self.server().await?;
        let openid = server.keys_of(operation)?;
        let live = &self.client.inner.live;
        // The algorithms that are announced are for ID tokens; an access token may be signed otherwise (RFC 9068 §2.1).
        let expected = Expected { audience, algorithms: None, ..live.expected(&server, openid) };
        let verify = |keys: &_| id_token::verify(jwt.expose(), keys, &expected);
        let verified = live.verify(openid, (operation, asker, None), self.deadline, verify).await?;
        Ok(IdToken::new(jwt.clone(), verified).claims())
    }
}
