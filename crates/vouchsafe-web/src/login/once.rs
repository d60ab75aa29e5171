//! Logins that are finished, or being finished, in this process: the code of a response is sent once.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::login::stored::LoginId;

/// What this process has done with a login so far.
pub(crate) enum Turn {
    /// Nothing: this response may finish it.
    Mine(Finishing),
    /// Another request is finishing it.
    Others,
    /// Its code was sent.
    Over,
}

impl Turn {
    /// Takes the turn to finish a login, if no request had it before. The login can be finished until `expires_at`.
    pub(crate) fn take(id: LoginId, expires_at: SystemTime) -> Self {
        let mut logins = logins();
        match logins.states.get(&id) {
            Some(State::Finishing) => return Self::Others,
            Some(State::Over) => return Self::Over,
            None => {}
        }
        logins.forget_expired(SystemTime::now());
        if logins.states.len() >= MAX_LOGINS {
            logins.forget_first();
        }
        logins.put(id, expires_at, State::Finishing);
        Self::Mine(Finishing { id, expires_at })
    }
}

/// The turn to finish a login. If it ends, even because the browser gave up and the handler was dropped, the login is over:
/// its code may have been sent.
pub(crate) struct Finishing {
    id: LoginId,
    expires_at: SystemTime,
}

impl Finishing {
    /// Gives the turn back: nothing was sent.
    pub(crate) fn give_back(self) {
        logins().remove(self.id, self.expires_at, State::Finishing);
    }
}

impl Drop for Finishing {
    fn drop(&mut self) {
        let mut logins = logins();
        if logins.remove(self.id, self.expires_at, State::Finishing) {
            logins.put(self.id, self.expires_at, State::Over);
        }
    }
}

/// How far a login is. Those that are over are forgotten first.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
enum State {
    Over,
    Finishing,
}

/// The logins by their ids, and in the order in which they are forgotten.
struct Logins {
    states: BTreeMap<LoginId, State>,
    order: BTreeSet<(State, SystemTime, LoginId)>,
}

impl Logins {
    fn put(&mut self, id: LoginId, expires_at: SystemTime, state: State) {
        self.states.insert(id, state);
        self.order.insert((state, expires_at, id));
    }

    /// Removes a login, if it is in this state.
    fn remove(&mut self, id: LoginId, expires_at: SystemTime, state: State) -> bool {
        let is_known = self.order.remove(&(state, expires_at, id));
        if is_known {
            self.states.remove(&id);
        }
        is_known
    }

    fn forget_expired(&mut self, now: SystemTime) {
        while let Some((State::Over, expires_at, _)) = self.order.first()
            && *expires_at < now
        {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some((.., id)) = self.order.pop_first() {
            self.states.remove(&id);
        }
    }
}

/// One list for the whole process: an application may make its layer anew for each request.
static LOGINS: Mutex<Logins> = Mutex::new(Logins { states: BTreeMap::new(), order: BTreeSet::new() });

fn logins() -> MutexGuard<'static, Logins> {
    LOGINS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The most logins that are remembered. If there are more within the time that a login may take, those that expire first are
/// forgotten.
pub(crate) const MAX_LOGINS: usize = 4096;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn id(number: usize) -> LoginId {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&number.to_be_bytes());
        id
    }

    #[test]
    fn a_bounded_number_of_logins_is_remembered() {
        let later = SystemTime::now() + Duration::from_secs(600);
        let waits = Turn::take(id(0), later);
        assert!(matches!(waits, Turn::Mine(_)) && matches!(Turn::take(id(0), later), Turn::Others));
        for number in 1..=MAX_LOGINS + 10 {
            assert!(matches!(Turn::take(id(number), later), Turn::Mine(_)), "{number}");
            assert!(matches!(Turn::take(id(number), later), Turn::Over), "{number}");
        }
        let (states, order) = {
            let logins = logins();
            (logins.states.len(), logins.order.len())
        };
        assert_eq!((states, order), (MAX_LOGINS, MAX_LOGINS));
        assert!(matches!(Turn::take(id(0), later), Turn::Others), "those that are over are forgotten first");
        assert!(matches!(Turn::take(id(1), later), Turn::Mine(_)), "the oldest is forgotten");
        drop(waits);
        let Turn::Mine(turn) = Turn::take(id(usize::MAX), SystemTime::UNIX_EPOCH) else { panic!() };
        turn.give_back();
        let Turn::Mine(turn) = Turn::take(id(usize::MAX), SystemTime::UNIX_EPOCH) else { panic!() };
        drop(turn);
        // What has expired is forgotten with the next one.
        let _next = Turn::take(id(usize::MAX - 1), later);
        assert!(matches!(Turn::take(id(usize::MAX), SystemTime::UNIX_EPOCH), Turn::Mine(_)));
    }
}
