//! The providers of a site: those that were named when it was built, and those that a source finds at run time.
use std::collections::HashMap;
use std::error::Error as StdError;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use vouchsafe::Client;
use vouchsafe::http::BoxFuture;

use crate::site::failure::Failure;
use crate::site::fault::Fault;

/// Providers that are not known when the application starts: by tenant, by e-mail domain, from a database.
///
/// A site asks for a provider by the name in its routes, such as `/login/{name}`. It remembers the answer for five minutes, for
/// at most a thousand providers. Return a clone of the same client where you can: clones share the provider's metadata and keys.
///
/// # Security
/// If users enter the issuer, make its client with
/// [`HttpBuilder::public_addresses_only`](vouchsafe::http::HttpBuilder::public_addresses_only): otherwise they can let this
/// application connect to hosts of your network. A name stays that of one provider: the sessions and accounts of one tenant must not
/// become those of another.
pub trait ProviderSource: Send + Sync {
    /// The client of the provider with this name, which consists of letters, digits, `-` and `_`. `None` if there is none.
    ///
    /// # Errors
    /// It cannot be looked up at the moment.
    fn provider<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Client>, SourceError>>;

    /// The name of the provider for people with an e-mail address in this domain, in lower case. With it, the sign-in page asks for
    /// the address. By default there is none.
    ///
    /// # Errors
    /// As [`ProviderSource::provider`].
    fn name_for_domain<'a>(&'a self, domain: &'a str) -> BoxFuture<'a, Result<Option<String>, SourceError>> {
        let _ = domain;
        Box::pin(async { Ok(None) })
    }

    /// The name of the provider with this issuer, for logins that another site starts. By default there is none.
    ///
    /// # Errors
    /// As [`ProviderSource::provider`].
    fn name_for_issuer<'a>(&'a self, issuer: &'a str) -> BoxFuture<'a, Result<Option<String>, SourceError>> {
        let _ = issuer;
        Box::pin(async { Ok(None) })
    }
}

/// Why a source cannot look up a provider. It is for the log.
pub type SourceError = Box<dyn StdError + Send + Sync>;

/// The providers of a site.
#[derive(Default)]
pub(crate) struct Providers {
    pub(crate) fixed: Vec<(String, Client)>,
    pub(crate) source: Option<Box<dyn ProviderSource>>,
    /// The providers of the source that were used lately, each with the time at which it was found.
    pub(crate) found: Mutex<HashMap<String, (Instant, Client)>>,
}

impl Providers {
    /// The client of the provider with this name.
    pub(crate) async fn find(&self, name: &str) -> Result<Option<Client>, Failure> {
        if let Some((_, client)) = self.fixed.iter().find(|(known, _)| known == name) {
            return Ok(Some(client.clone()));
        }
        // The redirect URI must not be that of another provider for a proxy that changes the case of letters.
        let is_taken = self.fixed.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        let Some(source) = self.source.as_ref().filter(|_| is_name(name) && !is_taken) else {
            return Ok(None);
        };
        if let Some((_, client)) = self.found().get(name).filter(|(at, _)| at.elapsed() < AGE) {
            return Ok(Some(client.clone()));
        }
        let Some(client) = source.provider(name).await.map_err(failed)? else { return Ok(None) };
        let mut found = self.found();
        if found.len() >= MOST && !found.contains_key(name) {
            let oldest = found.iter().min_by_key(|(_, (at, _))| *at).map(|(name, _)| name.clone());
            oldest.and_then(|oldest| found.remove(&oldest));
        }
        found.insert(name.to_owned(), (Instant::now(), client.clone()));
        Ok(Some(client))
    }

    /// The provider with this issuer.
    pub(crate) async fn of_issuer(&self, issuer: &str) -> Result<Option<(String, Client)>, Failure> {
        if let Some(known) = self.fixed.iter().find(|(_, client)| client.is_issuer(issuer)) {
            return Ok(Some(known.clone()));
        }
        let Some(source) = &self.source else { return Ok(None) };
        let Some(name) = source.name_for_issuer(issuer).await.map_err(failed)? else { return Ok(None) };
        let client = self.find(&name).await?.filter(|client| client.is_issuer(issuer));
        Ok(client.map(|client| (name, client)))
    }

    /// The name of the provider for an e-mail address.
    pub(crate) async fn of_address(&self, address: &str) -> Result<Option<String>, Failure> {
        let (Some(source), Some((_, domain))) = (&self.source, address.trim().rsplit_once('@')) else {
            return Ok(None);
        };
        if !(1..=MAX_DOMAIN).contains(&domain.len()) {
            return Ok(None);
        }
        let name = source.name_for_domain(&domain.to_lowercase()).await.map_err(failed)?;
        Ok(name.filter(|name| is_name(name)))
    }

    fn found(&self) -> std::sync::MutexGuard<'_, HashMap<String, (Instant, Client)>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(error: SourceError) -> Failure {
    Failure::new(Fault::Store, format!("the provider cannot be looked up: {error}"))
}

/// Whether a text can be the name of a provider: a part of a path that every proxy and browser leaves as it is.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// The longest name of a provider.
const MAX_NAME: usize = 64;
/// The longest domain (RFC 1035 section 2.3.4).
const MAX_DOMAIN: usize = 253;
/// How long a provider of the source is remembered.
const AGE: Duration = Duration::from_secs(300);
/// How many providers of the source are remembered.
const MOST: usize = 1000;
