//! The ids of proofs and assertions that were used, and the nonces that the sandbox gave.

use std::collections::HashMap;
use std::sync::Mutex;

use super::store::Bounded;
use crate::wire::{lock, random_token};

/// The ids that were used, and the nonces that were given.
#[derive(Default)]
pub(crate) struct Proofs(Mutex<Known>);

#[derive(Default)]
struct Known {
    used: Bounded<()>,
    nonces: Bounded<Nonce>,
    /// The nonce that each server gives now, and since when.
    current: HashMap<&'static str, (String, u64)>,
}

struct Nonce {
    /// The server or the endpoint that accepts it; empty for none.
    at: String,
    expires_at: u64,
}

impl Proofs {
    /// Whether this id is used for the first time.
    pub(crate) fn is_new(&self, kind: &str, id: &str) -> bool {
        let key = format!("{kind} {id}");
        let mut known = lock(&self.0);
        let is_new = known.used.get(&key).is_none();
        if is_new {
            known.used.insert(key, ());
        }
        is_new
    }

    /// The nonce that this server gives now. It changes every minute.
    pub(crate) fn current(&self, server: &'static str, now: u64) -> String {
        let mut known = lock(&self.0);
        if let Some((nonce, _)) = known.current.get(server).filter(|(_, since)| now < since + FRESH) {
            return nonce.clone();
        }
        let nonce = random_token("");
        known.nonces.insert(nonce.clone(), Nonce { at: server.to_owned(), expires_at: now + LIFETIME });
        known.current.insert(server, (nonce.clone(), now));
        nonce
    }

    /// A new nonce that only this endpoint accepts; with an empty name, none does.
    pub(crate) fn another(&self, endpoint: &str, now: u64) -> String {
        let nonce = random_token("");
        let given = Nonce { at: endpoint.to_owned(), expires_at: now + LIFETIME };
        lock(&self.0).nonces.insert(nonce.clone(), given);
        nonce
    }

    /// Whether the nonce is good at this server or endpoint.
    pub(crate) fn accepts(&self, nonce: &str, at: &str, now: u64) -> bool {
        lock(&self.0).nonces.get(nonce).is_some_and(|known| known.at == at && known.expires_at > now)
    }

    /// The same for the last time.
    pub(crate) fn accepts_once(&self, nonce: &str, at: &str, now: u64) -> bool {
        self.accepts(nonce, at, now) && lock(&self.0).nonces.remove(nonce).is_some()
    }
}

/// In seconds, as the next one.
const FRESH: u64 = 60;
const LIFETIME: u64 = 300;
