//! A provider in use: its metadata and its keys, fetched when they are needed.
//!
//! One fetch serves many callers. So it depends on no caller, and its errors contain no text from the provider, which may know
//! a secret of one caller that the others must not see.
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use super::Server;
use super::keys::Keys;
use crate::call::{Deadline, Sender};
use crate::endpoint::Endpoint;
use crate::error::{Check, ConfigProblem, Error, Operation};
use crate::jose::algorithm::Allowed;
use crate::jose::id_token::{Expected, Nonce};
use crate::jose::jwk::{KeySet, Reading};
use crate::jose::jwt::Issuer;
use crate::protocol::metadata::{Metadata, MetadataRequest, OpenId, WellKnown};
use crate::registration::Registration;
use crate::secret::Noted;
use crate::shared::{Asker, Freshness, Shared};
use crate::transport::{BoxFuture, Http};

/// A provider in use by one client.
pub(crate) struct Live {
    /// The provider before discovery.
    pub(crate) template: Arc<Server>,
    pub(crate) registration: Arc<Registration>,
    pub(crate) http: Http,
    pub(crate) server: Shared<Server>,
    pub(crate) keys: Keys,
    pub(crate) options: LiveOptions,
}

/// Lifetimes, limits and tolerances.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LiveOptions {
    pub(crate) clock_skew: Duration,
    pub(crate) metadata: Freshness,
    pub(crate) keys: Freshness,
    pub(crate) max_keys: usize,
    /// ID tokens are signed by the algorithms of FAPI 2.0 alone.
    pub(crate) is_fapi: bool,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self {
            clock_skew: CLOCK_SKEW,
            // Users can still sign in while the metadata cannot be fetched.
            metadata: Freshness { max_age: METADATA_AGE, end: Duration::MAX, cool_down: COOL_DOWN },
            keys: Freshness { max_age: KEYS_AGE, end: KEYS_END, cool_down: COOL_DOWN },
            max_keys: MAX_KEYS,
            is_fapi: false,
        }
    }
}

impl LiveOptions {
    pub(crate) fn set_keys_age(&mut self, age: Duration) {
        (self.keys.max_age, self.keys.end) = (age, KEYS_END.max(age));
    }

    pub(crate) fn set_cool_down(&mut self, pause: Duration) {
        (self.metadata.cool_down, self.keys.cool_down) = (pause, pause);
    }
}

impl Live {
    /// # Errors
    /// The known metadata does not fit the provider.
    pub(crate) fn new(
        template: Server,
        registration: &Arc<Registration>,
        known: Option<Arc<Metadata>>,
        http: &Http,
        options: LiveOptions,
    ) -> Result<Self, Error> {
        // A server that needs no discovery, or has been discovered, is ready from the start.
        let is_ready = template.discovery.is_none() || known.is_some();
        let server = is_ready.then(|| template.discovered(known, registration)).transpose()?;
        let reading =
            Reading { most: options.max_keys, heeds_issuer: template.definition.issuer_template.is_some() };
        Ok(Self {
            template: Arc::new(template),
            registration: registration.clone(),
            http: http.clone(),
            server: Shared::new(server, http, options.metadata),
            keys: Keys::new(http, options.keys, reading),
            options,
        })
    }

    /// The provider with its metadata, which is fetched at first use and again when it is old.
    pub(crate) async fn server(&self, deadline: Deadline) -> Result<Arc<Server>, Error> {
        if let Some(known) = self.server.known() {
            return Ok(known);
        }
        // The fetch must not depend on the call, and must not own the value that it is kept in.
        let fetch = || -> BoxFuture<'static, _> {
            let (template, registration) = (self.template.clone(), self.registration.clone());
            let http = self.http.clone();
            Box::pin(async move {
                let metadata = match &template.discovery {
                    Some(well_known) => Some(fetch_metadata(well_known, Some(&registration), &http).await?),
                    None => None,
                };
                template.discovered(metadata, &registration)
            })
        };
        let place = || {
            let documents = self.template.discovery.iter().flat_map(|well_known| &well_known.documents);
            documents.map(Endpoint::uri).next().cloned().unwrap_or_default()
        };
        let fetched = self.server.get(fetch);
        // Boxed, because it is rare: it would make each call larger.
        Box::pin(deadline.wait(&self.http, (Operation::Discovery, place), fetched)).await?
    }

    /// The provider's keys, which are fetched at first use and again when they are old.
    pub(crate) async fn keys(&self, openid: &OpenId, deadline: Deadline) -> Result<Arc<KeySet>, Error> {
        self.keys.get(&openid.jwks_uri, deadline).await
    }

    /// Verifies with the provider's keys: see [`Keys::verify`].
    pub(crate) async fn verify<T>(
        &self,
        openid: &OpenId,
        asking: (Operation, Asker, Option<u64>),
        deadline: Deadline,
        verify: impl Fn(&KeySet) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.keys.verify(&openid.jwks_uri, asking, deadline, verify).await
    }

    /// Verifies an ID token or a logout token: with the provider's keys, or without them if it is signed with the client secret.
    pub(crate) async fn verify_by<T>(
        &self,
        openid: &OpenId,
        algorithms: Allowed<'_>,
        asking: (Operation, Asker, Option<u64>),
        deadline: Deadline,
        verify: impl Fn(&KeySet) -> Result<T, Error>,
    ) -> Result<T, Error> {
        match algorithms {
            Allowed::Symmetric(..) => verify(&KeySet::default()).map_err(|error| error.of(asking.0)),
            _ => self.verify(openid, asking, deadline, verify).await,
        }
    }

    /// What every ID token of this server for this client must contain. A login adds its own requirements.
    pub(crate) fn expected<'a>(&'a self, server: &'a Server) -> Expected<'a> {
        Expected {
            issuer: self.issuer_of(server),
            client_id: &self.registration.client_id,
            trusted_audiences: &self.registration.trusted_audiences,
            nonce: Nonce::Any,
            max_age: None,
            acr_values: &[],
            access_token: None,
            code: None,
            algorithms: match self.registration.algorithms(&self.template.definition) {
                // FAPI 2.0 has no HMACs.
                Some(named) => {
                    let secret = self.registration.secret_of_hmac().filter(|_| !self.options.is_fapi);
                    Allowed::named(named, secret)
                }
                None => {
                    let announced = server.openid.as_ref().and_then(|openid| openid.algorithms.as_deref());
                    if self.options.is_fapi {
                        Allowed::Fapi(announced)
                    } else {
                        Allowed::announced(announced)
                    }
                }
            },
            encrypted: self.registration.encrypted_id_tokens(),
            skew: self.options.clock_skew,
        }
    }

    /// The issuer that the JWTs of this server must name.
    pub(crate) fn issuer_of<'a>(&'a self, server: &'a Server) -> Issuer<'a> {
        Issuer {
            name: server.issuer.as_deref().unwrap_or_default(),
            aliases: &self.template.definition.issuer_aliases,
            template: server.issuer_template.as_deref(),
        }
    }
}

/// Fetches the metadata from the first place that has it. An error shows no secret of the registration, even if an issuer or a
/// URL contains one.
pub(crate) async fn fetch_metadata(
    asked: &WellKnown,
    registration: Option<&Registration>,
    http: &Http,
) -> Result<Arc<Metadata>, Error> {
    let noted = Noted::default();
    let secret = registration.and_then(|registration| registration.credential.as_ref()?.lasting_secret());
    noted.note_all(secret.map(|secret| secret.expose()));
    let sender = Sender::plain(http, &noted);
    let mut failed: Vec<Error> = Vec::new();
    for document in &asked.documents {
        match sender.send(document, None, &MetadataRequest { asked, document }).await {
            // If one form of the well-known URL does not exist, the other may (RFC 8414 section 5). The response of a server
            // that was not reached, or is busy, does not say which exists.
            Err(error) if is_absent(&error) => failed.push(error),
            outcome => return outcome.map(Arc::new).map_err(|e| noted.hidden(|secrets| e.without(secrets))),
        }
    }
    // A response that is not metadata says more than a response that there is no document.
    let told = failed.iter().position(|error| error.status().is_none()).unwrap_or_default();
    if failed.is_empty() {
        let detail =
            "there is no URL where the metadata of this issuer could be: set the issuer to an https URL";
        return Err(Error::config(ConfigProblem::Issuer, detail));
    }
    let error = failed.swap_remove(told);
    let places: Vec<_> = asked.documents.iter().map(Endpoint::as_str).collect();
    let error =
        if places.len() > 1 { error.adding(&format!("; looked at {}", places.join(", "))) } else { error };
    let error = match &*asked.parameters {
        "" => error,
        parameters => error.adding(&format!("; check the parameters of the provider: {parameters}")),
    };
    Err(noted.hidden(|secrets| error.without(secrets)))
}

/// Whether an error says that there is no metadata at a place: a status such as 404, a redirect (many servers redirect unknown
/// paths to their login page), a web page, or a document that is something else.
fn is_absent(error: &Error) -> bool {
    match error {
        Error::Http(_) | Error::Server(_) => {
            let status = error.status().and_then(|status| StatusCode::from_u16(status).ok());
            status.is_some_and(|status| status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS)
        }
        Error::Response(_) => true,
        Error::Validation(error) => error.check() == Check::RedirectRefused,
        Error::Unsupported(_) | Error::Config(_) | Error::Store(_) => false,
    }
}

/// How wrong a provider's clock may be. Clocks of servers are synchronised, and a larger tolerance would lengthen the life of
/// every token.
pub(crate) const CLOCK_SKEW: Duration = Duration::from_secs(30);
/// How long metadata is used before it is fetched again. It changes rarely, and the last good document is kept.
pub(crate) const METADATA_AGE: Duration = Duration::from_secs(60 * 60);
/// How long keys are used before they are fetched again, so that a withdrawn key is not trusted for long.
pub(crate) const KEYS_AGE: Duration = Duration::from_secs(10 * 60);
/// How long keys are used if newer ones cannot be fetched. Users can sign in during an outage of a day, and an attacker who
/// blocks the fetch cannot keep a withdrawn key trusted for longer.
pub(crate) const KEYS_END: Duration = Duration::from_secs(24 * 60 * 60);
/// The time between two forced or failed fetches. A new key is found at once, and a flood of forged tokens does not reach the
/// provider.
pub(crate) const COOL_DOWN: Duration = Duration::from_secs(30);
/// More keys than any provider has; keys beyond that are not read.
pub(crate) const MAX_KEYS: usize = 50;
/// With a larger tolerance, the times in a token would mean nothing.
pub(crate) const MAX_CLOCK_SKEW: Duration = Duration::from_secs(5 * 60);
