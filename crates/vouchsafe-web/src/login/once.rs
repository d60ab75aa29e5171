//! Logins that are finished, or being finished, in this process: the code of a response is sent once.
use std::collections::VecDeque;
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
        if let Some(known) = logins.iter().find(|known| known.id == id) {
            return if known.is_over { Self::Over } else { Self::Others };
        }
        let now = SystemTime::now();
        logins.retain(|known| !known.is_over || now <= known.expires_at);
        if logins.len() >= MAX_LOGINS {
            let oldest = logins.iter().position(|known| known.is_over).unwrap_or(0);
            logins.remove(oldest);
        }
        logins.push_back(Known { id, expires_at, is_over: false });
        Self::Mine(Finishing { id })
    }
}

/// The turn to finish a login. If it ends, even because the browser gave up and the handler was dropped, the login is over:
/// its code may have been sent.
pub(crate) struct Finishing {
    id: LoginId,
}

impl Finishing {
    /// Gives the turn back: nothing was sent.
    pub(crate) fn give_back(self) {
        logins().retain(|known| known.id != self.id);
    }
}

impl Drop for Finishing {
    fn drop(&mut self) {
        if let Some(known) = logins().iter_mut().find(|known| known.id == self.id) {
            known.is_over = true;
        }
    }
}

struct Known {
    id: LoginId,
    expires_at: SystemTime,
    is_over: bool,
}

/// One list for the whole process: an application may make its layer anew for each request.
static LOGINS: Mutex<VecDeque<Known>> = Mutex::new(VecDeque::new());

fn logins() -> MutexGuard<'static, VecDeque<Known>> {
    LOGINS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The most logins that are remembered. If there are more within the time that a login may take, the oldest are forgotten.
const MAX_LOGINS: usize = 4096;

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
        assert_eq!(logins().len(), MAX_LOGINS);
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
