//! The provider as the client knows it: metadata and keys, fetched when they are needed.
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::client::{Client, Expectations, KEYS_END, make_server};
use crate::endpoint::Endpoint;
use crate::error::{Error, Operation};
use crate::jose::id_token::{self, Audience, Expected, Nonce, Verified};
use crate::jose::jwk::{KeySet, Reading};
use crate::jose::jws::Refusal;
use crate::provenance::Provenance;
use crate::provider::live::{fetch_keys, fetch_metadata};
use crate::provider::{OpenId, Server};
use crate::secret::Secret;
use crate::shared::{Asker, Freshness};
use crate::text::json::Json;
use crate::tokens::{IdToken, Tokens};
use crate::transport::BoxFuture;

impl Client {
    /// The provider with nothing left to be found out: discovered at first use, and again when that is long ago.
    pub(crate) async fn server(&self) -> Result<Arc<Server>, Error> {
        let inner = &self.inner;
        // Nothing of the call goes into the fetch, and nothing that owns what it is kept in.
        let fetch = || -> BoxFuture<'static, _> {
            let (blueprint, registration) = (inner.blueprint.clone(), inner.registration.clone());
            let (http, secrets) = (inner.http.clone(), inner.credentials.clone());
            Box::pin(async move {
                let metadata = match &blueprint.discovery {
                    Some(well_known) => Some(fetch_metadata(well_known, &secrets.secrets(), &http).await?),
                    None => None,
                };
                make_server(&blueprint, &registration, metadata.as_ref())
            })
        };
        let place = || {
            let documents = inner.blueprint.discovery.iter().flat_map(|well_known| &well_known.documents);
            documents.map(Endpoint::uri).next().unwrap_or_default()
        };
        self.in_time(Operation::Discovery, place, inner.server.get(self.metadata_freshness(), fetch)).await?
    }

    /// The same for the tokens that it gave. Those of another server, or of another client, go nowhere (RFC 9700 section
    /// 4.4: what one server gave is not for another to see).
    pub(crate) async fn server_of(
        &self,
        tokens: &Tokens,
        operation: Operation,
    ) -> Result<Arc<Server>, Error> {
        let server = self.server().await?;
        // What was read before the metadata was there is known by what the metadata was asked for by.
        if *tokens.provenance() != *server.provenance && *tokens.provenance() != self.asked_for() {
            server.provenance.check("tokens", tokens.provenance(), operation)?;
        }
        Ok(server)
    }

    /// The provider as [`Client::server`] gives it, if nothing has to be fetched for it.
    pub(crate) fn known_server(&self) -> Option<Arc<Server>> {
        self.inner.server.known(self.metadata_freshness())
    }

    /// What this client's server is known by before its metadata is there: the issuer that it is asked for by.
    pub(crate) fn asked_for(&self) -> Provenance {
        let blueprint = &self.inner.blueprint;
        let issuer = blueprint.discovery.as_ref().and_then(|found| found.issuers.first());
        let issuer = issuer.or(blueprint.definition.issuer.as_ref()).map(String::as_str);
        blueprint.provenance(issuer, self.client_id())
    }

    /// The claims of a JWT of the provider, verified.
    pub(crate) async fn claims_of(
        &self,
        jwt: &Secret,
        audience: Audience<'_>,
        (operation, asker): (Operation, Asker),
    ) -> Result<Json, Error> {
        let server = self.server().await?;
        let openid = server.keys_of(operation)?;
        let expectations = Expectations { nonce: Nonce::Any, max_age: None, acr_values: &[], code: None };
        let expected = Expected {
            audience,
            // What is announced is for ID tokens; an access token may be signed otherwise (RFC 9068 section 2.1).
            algorithms: None,
            ..self.expected(&server, openid, &expectations, None)
        };
        let verified = self.verify(openid, jwt.expose(), &expected, (operation, asker)).await?;
        Ok(IdToken::new(jwt.clone(), verified).claims())
    }

    pub(crate) async fn verify(
        &self,
        openid: &OpenId,
        token: &str,
        expected: &Expected<'_>,
        asker: (Operation, Asker),
    ) -> Result<Verified, Error> {
        self.with_keys(openid, asker, |keys| id_token::verify(token, keys, expected)).await
    }

    /// Verifies with the provider's keys, and where those do not fit, once more with newer ones.
    pub(crate) async fn with_keys<T>(
        &self,
        openid: &OpenId,
        (operation, asker): (Operation, Asker),
        verify: impl Fn(&KeySet) -> Result<T, Refusal>,
    ) -> Result<T, Error> {
        let refused = |refusal| match refusal {
            Refusal::Check(check, detail) => Error::validation(operation, check, detail),
            Refusal::Malformed(fault, detail) => Error::response(operation, fault, detail),
        };
        let inner = &self.inner;
        let fetch = || -> BoxFuture<'static, _> {
            let (jwks_uri, http) = (openid.jwks_uri.clone(), inner.http.clone());
            let reading = Reading {
                most: self.max_keys,
                heeds_issuer: inner.blueprint.definition.issuer_template.is_some(),
            };
            Box::pin(async move { fetch_keys(&jwks_uri, reading, &http).await })
        };
        let place = || openid.jwks_uri.uri();
        let (freshness, mut asked) = (self.keys_freshness(), None);
        let mut keys = self.in_time(Operation::KeySet, place, inner.keys.get(freshness, fetch)).await??;
        loop {
            match verify(&keys) {
                Err(refusal) if refusal.is_about_keys() => {
                    let newer = inner.keys.newer(&keys, asker, &mut asked, freshness, fetch);
                    match self.in_time(Operation::KeySet, place, newer).await? {
                        Some(newer) => keys = newer,
                        None => return Err(refused(refusal)),
                    }
                }
                outcome => return outcome.map_err(refused),
            }
        }
    }

    pub(crate) fn expected<'a>(
        &'a self,
        server: &'a Server,
        openid: &'a OpenId,
        expectations: &Expectations<'a>,
        access_token: Option<&'a str>,
    ) -> Expected<'a> {
        Expected {
            issuer: server.issuer.as_deref().unwrap_or_default(),
            issuer_aliases: &self.inner.blueprint.definition.issuer_aliases,
            issuer_template: server.issuer_template.as_deref(),
            audience: Audience::Client(self.client_id()),
            nonce: expectations.nonce,
            max_age: expectations.max_age,
            acr_values: expectations.acr_values,
            access_token,
            code: expectations.code,
            algorithms: openid.algorithms.as_deref(),
            now: SystemTime::now(),
            skew: self.times.skew,
        }
    }

    /// An error without what any exchange of a call knows, whichever of them it comes from: providers quote what they
    /// were sent, and not only there where they were sent it.
    pub(crate) fn without_secrets(&self, error: Error, tokens: &Tokens) -> Error {
        let [secret, basic] = self.inner.credentials.secrets();
        let [refresh_token, id_token] =
            [tokens.refresh_token().map(|t| t.expose()), tokens.id_token().map(|t| t.expose())]
                .map(Option::unwrap_or_default);
        error.without(&[secret, basic, tokens.access_token().expose(), refresh_token, id_token])
    }

    pub(crate) fn metadata_freshness(&self) -> Freshness {
        // An outage of discovery is no outage of sign-in.
        let end = Duration::MAX;
        Freshness { max_age: self.times.metadata, end, cool_down: self.times.cool_down }
    }

    pub(crate) fn keys_freshness(&self) -> Freshness {
        let end = KEYS_END.max(self.times.keys);
        Freshness { max_age: self.times.keys, end, cool_down: self.times.cool_down }
    }
}
