//! Those who are told what happens in a vault. None of them can hold up a login.
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};

use super::event::Event;
use super::observe;

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
