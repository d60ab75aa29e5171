//! The clients that programs registered while the sandbox runs, RFC 7591.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Map, Value};

use crate::config::ClientConfig;

/// A client as it was registered at one time. An update makes another one.
pub(crate) struct RegisteredClient {
    pub(crate) client: ClientConfig,
    /// The last segment of its management's path.
    pub(crate) key: String,
    /// The registration access token.
    pub(crate) token: String,
    pub(crate) issued_at: u64,
    pub(crate) metadata: Map<String, Value>,
    is_gone: AtomicBool,
}

impl RegisteredClient {
    pub(crate) fn new(
        client: ClientConfig,
        (key, token): (String, String),
        issued_at: u64,
        metadata: Map<String, Value>,
    ) -> Self {
        Self { client, key, token, issued_at, metadata, is_gone: AtomicBool::new(false) }
    }

    /// Takes it away. It stays in its place, because a request may be using it.
    pub(crate) fn remove(&self) {
        self.is_gone.store(true, Ordering::Relaxed);
    }
}

/// The registered clients. They are only added, so that a request can borrow one.
pub(crate) struct Registered {
    places: Box<[OnceLock<RegisteredClient>]>,
    next: AtomicUsize,
}

impl Default for Registered {
    fn default() -> Self {
        let places = std::iter::repeat_with(OnceLock::new).take(CAPACITY).collect();
        Self { places, next: AtomicUsize::new(0) }
    }
}

impl Registered {
    /// Adds a client. `None` if there is no room.
    pub(crate) fn add(&self, client: RegisteredClient) -> Option<&RegisteredClient> {
        let place = self.places.get(self.next.fetch_add(1, Ordering::Relaxed))?;
        Some(place.get_or_init(|| client))
    }

    pub(crate) fn client(&self, id: &str) -> Option<&ClientConfig> {
        self.find(|client| client.client.id == id).map(|found| &found.client)
    }

    /// The latest of these clients that is still there.
    pub(crate) fn find(&self, is: impl Fn(&RegisteredClient) -> bool) -> Option<&RegisteredClient> {
        let count = self.next.load(Ordering::Relaxed).min(self.places.len());
        let there = self.places[..count].iter().rev().filter_map(OnceLock::get);
        there.filter(|client| !client.is_gone.load(Ordering::Relaxed)).find(|client| is(client))
    }
}

/// Updates count too.
const CAPACITY: usize = 2_000;
