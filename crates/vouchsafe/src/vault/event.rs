//! What happens in a vault, for an audit log. Nothing here can hold up a login.
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::observe;
use crate::error::Error;
use crate::tokens::Tokens;

/// Something that happened to the tokens of a login. It shows no secret in its `Debug` output.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A login was saved.
    Connected {
        /// The key of its record.
        key: String,
    },
    /// A login was deleted.
    Disconnected {
        /// The key of its record.
        key: String,
        /// Whether the provider revoked the tokens.
        revoked: bool,
    },
    /// The tokens were refreshed, and saved.
    Refreshed {
        /// The key of the record.
        key: String,
        /// The tokens before.
        old: Tokens,
        /// The tokens now.
        new: Tokens,
    },
    /// A refresh failed.
    RefreshFailed {
        /// The key of the record.
        key: String,
        /// Why.
        error: Error,
        /// Whether the access token is still valid, and stays in use.
        still_valid: bool,
    },
    /// The tokens were refreshed by another process, and this one waited for it.
    Waited {
        /// The key of the record.
        key: String,
        /// How long.
        time: Duration,
    },
    /// The grant is over: the user has to sign in again.
    SignInAgain {
        /// The key of the record.
        key: String,
    },
}

/// Those who listen.
#[derive(Default)]
pub(super) struct Events {
    listeners: Mutex<Vec<SyncSender<Event>>>,
}

impl Events {
    pub(super) fn listen(&self) -> Receiver<Event> {
        let (sender, receiver) = sync_channel(WAITING);
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        receiver
    }

    /// Tells all who listen. Whoever reads too slowly misses events.
    pub(super) fn send(&self, event: Event) {
        observe::record(&event);
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|listener| {
            !matches!(listener.try_send(event.clone()), Err(TrySendError::Disconnected(_)))
        });
    }
}

/// How many events wait for a listener that reads slowly.
const WAITING: usize = 1024;
