//! A provider in use: its metadata and its keys, fetched when they are needed.
//!
//! One fetch serves many callers. So it depends on no caller, and its errors contain no text from the provider, which may know
//! a secret of one caller that the others must not see.
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use super::Server;
use crate::call::{Deadline, Sender};
use crate::endpoint::Endpoint;
use crate::error::{Check, ConfigProblem, Error, Operation};
use crate::jose::algorithm::Allowed;
use crate::jose::id_token::{Expected, Nonce};
use crate::jose::jwk::{KeySet, Reading};
use crate::jose::jws::is_about_keys;
use crate::jose::jwt::Issuer;
use crate::protocol::key_set::KeySetRequest;
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
    pub(crate) keys: Shared<KeySet>,
    pub(crate) options: LiveOptions,
}

/// Lifetimes, limits and tolerances.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LiveOptions {
    pub(crate) clock_skew: Duration,
    pub(crate) metadata: Freshness,
    pub(crate) keys: Freshness,
    pub(crate) max_keys: usize,
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
        let server =
            is_ready.then(|| template.discovered(known, registration.redirect_uri.as_deref())).transpose()?;
        Ok(Self {
            template: Arc::new(template),
            registration: registration.clone(),
            http: http.clone(),
            server: Shared::new(server, http, options.metadata),
            keys: Shared::new(None, http, options.keys),
            options,
        })
    }

    /// The provider with its metadata, which is fetched at first use and again when it is old.
    pub(crate) async fn server(&self, deadline: Deadline) -> Result<Arc<Server>, Error> {
        // The fetch must not depend on the call, and must not own the value that it is kept in.
        let fetch = || -> BoxFuture<'static, _> {
            let (template, registration) = (self.template.clone(), self.registration.clone());
            let http = self.http.clone();
            Box::pin(async move {
                let metadata = match &template.discovery {
                    Some(well_known) => Some(fetch_metadata(well_known, Some(&registration), &http).await?),
                    None => None,
                };
                template.discovered(metadata, registration.redirect_uri.as_deref())
            })
        };
        let place = || {
            let documents = self.template.discovery.iter().flat_map(|well_known| &well_known.documents);
            documents.map(Endpoint::uri).next().cloned().unwrap_or_default()
        };
        let fetched = self.server.get(fetch);
        deadline.wait(&self.http, (Operation::Discovery, place), fetched).await?
    }

    /// The provider's keys, which are fetched at first use and again when they are old.
    pub(crate) async fn keys(&self, openid: &OpenId, deadline: Deadline) -> Result<Arc<KeySet>, Error> {
        let place = (Operation::KeySet, || openid.jwks_uri.uri().clone());
        let keys = self.keys.get(self.fetch_keys(openid));
        deadline.wait(&self.http, place, keys).await?
    }

    /// Verifies with the provider's keys. If no key fits, verifies again with newer keys. `asked` is the number of fetches that
    /// began before the token came: their keys may lack the key that signed the token.
    pub(crate) async fn verify<T>(
        &self,
        openid: &OpenId,
        (operation, asker, mut asked): (Operation, Asker, Option<u64>),
        deadline: Deadline,
        verify: impl Fn(&KeySet) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let refused = |error: Error| error.of(operation);
        let mut keys = self.keys(openid, deadline).await?;
        loop {
            match verify(&keys) {
                Err(error) if is_about_keys(&error) => {
                    let (place, fetch) =
                        ((Operation::KeySet, || openid.jwks_uri.uri().clone()), self.fetch_keys(openid));
                    let newer = self.keys.newer(&keys, asker, &mut asked, fetch);
                    match deadline.wait(&self.http, place, newer).await? {
                        Some(newer) => keys = newer,
                        None => return Err(refused(error)),
                    }
                }
                outcome => return outcome.map_err(refused),
            }
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
            algorithms: match &self.registration.id_token_algorithms {
                Some(own) => Allowed::Registered(own),
                None => {
                    let announced = server.openid.as_ref().and_then(|openid| openid.algorithms.as_deref());
                    Allowed::announced(announced)
                }
            },
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

    fn fetch_keys(&self, openid: &OpenId) -> impl Fn() -> BoxFuture<'static, Result<KeySet, Error>> + use<> {
        let (jwks_uri, http) = (openid.jwks_uri.clone(), self.http.clone());
        let reading = Reading {
            most: self.options.max_keys,
            heeds_issuer: self.template.definition.issuer_template.is_some(),
        };
        move || {
            let (jwks_uri, http) = (jwks_uri.clone(), http.clone());
            Box::pin(async move {
                let noted = Noted::default();
                let sender = Sender { http: &http, deadline: Deadline::after(None), noted: &noted };
                sender.send(&jwks_uri, None, &KeySetRequest { reading }).await
            })
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
    let sender = Sender { http, deadline: Deadline::after(None), noted: &noted };
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
