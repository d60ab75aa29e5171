//! Two tabs that need a fresh token at the same time, and a vault that sends one refresh for both.
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::sleep;
use vouchsafe::error::Operation;
use vouchsafe::http::{BoxFuture, HttpClient, Limits, Request, Response, TransportError};
use vouchsafe::seal::KeyRing;
use vouchsafe::vault::{MemoryStore, TokenSource, ValidToken, Vault};
use vouchsafe::{Client, Error, Http};

use super::mask::Masks;
use super::offers::Offer;

/// A login in a vault, and what its two tabs did.
pub(super) struct Race {
    source: TokenSource,
    /// The token that each tab has.
    tabs: [Mutex<Option<ValidToken>>; 2],
    pub(super) log: Arc<Log>,
    masks: Masks,
}

/// What a race begins with.
pub(super) struct Start<'a> {
    pub(super) offer: &'a Offer,
    pub(super) redirect_uri: String,
    pub(super) http: &'a Http,
    pub(super) keys: &'a KeyRing,
    pub(super) masks: &'a Masks,
    /// How long the response to a refresh is held back.
    pub(super) pause: Duration,
}

/// What happened, in order.
pub(super) struct Log {
    began: Instant,
    pub(super) events: Mutex<Vec<(Duration, &'static str, String)>>,
    pub(super) refreshes: AtomicUsize,
    /// How long a response is held back.
    pub(super) pause: Duration,
}

impl Log {
    pub(super) fn add(&self, who: &'static str, what: impl Into<String>) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if events.len() < MAX_EVENTS {
            events.push((self.began.elapsed(), who, what.into()));
        }
    }
}

/// A transport that counts the refresh requests, and holds their responses back.
struct Watcher {
    inner: Arc<dyn HttpClient>,
    log: Arc<Log>,
}

impl HttpClient for Watcher {
    fn send(&self, request: Request, limits: Limits) -> BoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(async move {
            if request.extensions().get() != Some(&Operation::Refresh) {
                return self.inner.send(request, limits).await;
            }
            let number = self.log.refreshes.fetch_add(1, Ordering::Relaxed) + 1;
            self.log.add(VAULT, format!("sends refresh request {number} to the provider"));
            let response = self.inner.send(request, limits).await;
            sleep(self.log.pause).await;
            self.log.add(VAULT, format!("has the response to request {number}, and saves the new tokens"));
            response
        })
    }
}

impl Race {
    /// Signs Alice in, without pages, and puts her tokens into a vault.
    pub(super) async fn begin(at: Start<'_>) -> io::Result<Self> {
        let Start { offer, redirect_uri, http, keys, masks, pause } = at;
        let log = Arc::new(Log {
            began: Instant::now(),
            events: Mutex::default(),
            refreshes: AtomicUsize::new(0),
            pause,
        });
        let http = http.clone().wrap(|inner| Watcher { inner, log: log.clone() });
        let registration = offer.registration.clone().redirect_uri(redirect_uri);
        let client = Client::new(offer.provider.clone(), registration, &http).map_err(io::Error::other)?;
        let login = client.login().await.map_err(io::Error::other)?;
        let back = masks.sandbox.person("alice").allow(&login.url).await.map_err(io::Error::other)?;
        let tokens = client.finish(login.pending, &*back).await.map_err(io::Error::other)?;

        let vault = Vault::sealed(MemoryStore::new(), keys.clone()).client(client);
        vault.connect("alice", tokens).await.map_err(io::Error::other)?;
        let source = vault.source("alice", offer.provider.slug()).map_err(io::Error::other)?;
        let first =
            async || source.token().await.map(|token| Mutex::new(Some(token))).map_err(io::Error::other);
        let tabs = [first().await?, first().await?];
        let race = Self { source, tabs, log, masks: masks.for_flow() };
        race.log.add(VAULT, format!("has signed Alice in: both tabs have the token {}", race.held(0)));
        Ok(race)
    }

    /// The token of a tab in a form that can be shown.
    pub(super) fn held(&self, tab: usize) -> String {
        self.tabs[tab]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .map_or_else(|| "none".to_owned(), |token| self.masks.shown(token.expose()))
    }

    /// The API has refused the token of this tab: the tab asks for a fresh one.
    pub(super) async fn ask(&self, tab: usize) -> Result<(), Error> {
        let old = self.tabs[tab].lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(old) = &old {
            self.log.add(
                TABS[tab],
                format!(
                    "says that the API refused {}, and asks for a fresh token",
                    self.masks.shown(old.expose())
                ),
            );
            self.source.reject(old);
        }
        let fresh = self.source.token().await?;
        self.log.add(TABS[tab], format!("gets {}", self.masks.shown(fresh.expose())));
        *self.tabs[tab].lock().unwrap_or_else(PoisonError::into_inner) = Some(fresh);
        Ok(())
    }
}

pub(super) const TABS: [&str; 2] = ["Tab 1", "Tab 2"];
pub(super) const VAULT: &str = "The vault";
const MAX_EVENTS: usize = 200;
