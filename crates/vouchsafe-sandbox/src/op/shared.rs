//! The state that all endpoints share.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tokio::task::spawn_blocking;
use vouchsafe_providers::Definition;

use crate::config::{LogoutUris, Settings, User};
use crate::fault::{self, Faults};
use crate::part::Part;
use crate::state::{Decryption, Keys, Proofs, Record, Secrets, SigningAlg, Store};
use crate::wire::lock;

/// The state that all endpoints share.
pub(crate) struct Shared {
    pub(crate) issuer: String,
    pub(crate) cookie_name: String,
    pub(crate) settings: Settings,
    pub(crate) signing_alg: SigningAlg,
    pub(crate) record: Record,
    pub(crate) faults: Faults,
    /// The sandbox's own provider.
    pub(crate) own: Arc<Part>,
    /// Where the clients of the sandbox's own provider learn of logouts.
    pub(crate) logout_uris: Mutex<HashMap<String, LogoutUris>>,
    /// The acted providers, by slug.
    acts: Mutex<HashMap<String, Arc<Part>>>,
    keys: Mutex<Arc<Keys>>,
    store: Mutex<Store>,
    pub(crate) secrets: Secrets,
    pub(crate) proofs: Proofs,
    /// The origin of the listener with TLS.
    pub(crate) mtls_origin: Option<String>,
    pub(crate) decryption: Option<Decryption>,
    /// Claims for other providers, by the access tokens that open them.
    pub(crate) claims: Mutex<HashMap<String, Value>>,
    clock_ahead: AtomicU64,
}

impl Shared {
    /// A sandbox that has seen no request yet.
    pub(crate) fn new(own: Part, settings: Settings, keys: Keys, signing_alg: SigningAlg) -> Self {
        let port = own.base.rsplit(':').next().unwrap_or_default();
        Self {
            // Cookies ignore ports: two sandboxes on one machine must not sign each other's users out.
            cookie_name: format!("vouchsafe_sandbox_{port}"),
            issuer: own.base.clone(),
            settings,
            signing_alg,
            record: Record::default(),
            faults: Faults::default(),
            logout_uris: Mutex::new(
                own.clients.iter().map(|client| (client.id.clone(), client.logout_uris.clone())).collect(),
            ),
            own: Arc::new(own),
            acts: Mutex::default(),
            keys: Mutex::new(Arc::new(keys)),
            store: Mutex::default(),
            secrets: Secrets::default(),
            proofs: Proofs::default(),
            mtls_origin: None,
            decryption: None,
            claims: Mutex::default(),
            clock_ahead: AtomicU64::new(0),
        }
    }

    /// A user by name: a configured one, or one who is named after a fault.
    pub(crate) fn user(&self, username: &str) -> Option<&User> {
        let mut users = self.settings.users.iter();
        users.find(|user| user.username() == username).or_else(|| Some(&fault::person(username)?.0))
    }

    /// The part at this path.
    pub(crate) fn part_at(&self, path: &str) -> Option<Arc<Part>> {
        match path.strip_prefix("/act/") {
            Some(rest) => self.act(rest.split('/').next()?),
            None => Some(Arc::clone(&self.own)),
        }
    }

    /// The acted provider of this slug: one that was given to the sandbox, or one of the catalogue.
    pub(crate) fn act(&self, slug: &str) -> Option<Arc<Part>> {
        let known = lock(&self.acts).get(slug).cloned();
        known.or_else(|| Some(self.learn(&*vouchsafe_providers::get(slug)?)))
    }

    pub(crate) fn learn(&self, definition: &Definition) -> Arc<Part> {
        let part = Arc::new(Part::acted(definition, &self.issuer));
        lock(&self.acts).insert(definition.slug.clone(), Arc::clone(&part));
        part
    }

    /// The user whose code or token is among these values.
    pub(crate) fn username_of(&self, values: &[String]) -> Option<String> {
        let store = self.store();
        values.iter().find_map(|value| store.username_of(value).map(str::to_owned))
    }

    pub(crate) async fn rotate_keys(&self) -> io::Result<()> {
        let keys = make_keys(Keys::generate).await?;
        *lock(&self.keys) = Arc::new(keys);
        Ok(())
    }

    pub(crate) fn change_logout_uris(&self, client_id: &str, change: impl FnOnce(&mut LogoutUris)) {
        change(lock(&self.logout_uris).entry(client_id.to_owned()).or_default());
    }

    /// The text inside an encrypted request object, whose encryption must be the registered one.
    pub(crate) fn open(&self, jwe: &str, registered: [Option<&str>; 2]) -> Result<String, String> {
        let keys = self.decryption.as_ref();
        keys.ok_or("it is encrypted, and this sandbox has no key for that")?.open(jwe, registered)
    }

    /// The algorithm of the tokens for this client.
    pub(crate) fn alg_for(&self, part: &Part, client_id: &str) -> SigningAlg {
        let own = part.client(client_id).and_then(|client| client.signing_alg.as_deref());
        let named = own.or(part.definition.id_token_algorithms.first().map(String::as_str));
        named.and_then(|alg| SigningAlg::parse(alg).ok()).unwrap_or(self.signing_alg)
    }

    pub(crate) fn keys(&self) -> Arc<Keys> {
        lock(&self.keys).clone()
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }

    /// Seconds since the epoch, by the sandbox's own clock.
    pub(crate) fn now(&self) -> u64 {
        self.machine_now().saturating_add(self.clock_ahead.load(Ordering::Relaxed))
    }

    /// The same by the clock of the machine, which is that of the client as well. It judges the times that a client signs, so that
    /// a test that lets tokens expire does not make the client's own clock wrong.
    pub(crate) fn machine_now(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
    }

    pub(crate) fn advance_clock(&self, by: Duration) {
        self.clock_ahead.fetch_add(by.as_secs(), Ordering::Relaxed);
    }
}

pub(crate) async fn make_keys<K: Send + 'static>(
    make: fn() -> Result<K, aws_lc_rs::error::Unspecified>,
) -> io::Result<K> {
    spawn_blocking(make)
        .await
        .map_err(io::Error::other)?
        .map_err(|_| io::Error::other("the signing keys could not be generated"))
}
