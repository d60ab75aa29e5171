//! The secrets that were issued and received.

use std::collections::VecDeque;
use std::sync::Mutex;

use crate::wire::lock;

/// The latest secrets, the oldest first.
#[derive(Default)]
pub(crate) struct Secrets(Mutex<Noted>);

#[derive(Default)]
struct Noted {
    forgotten: usize,
    known: VecDeque<String>,
}

impl Secrets {
    pub(crate) fn note(&self, secret: &str) {
        let mut noted = lock(&self.0);
        // A client sends the same secret several times in a row.
        if secret.is_empty() || noted.known.iter().rev().take(RECENT).any(|known| known == secret) {
            return;
        }
        if noted.known.len() == CAPACITY {
            noted.known.pop_front();
            noted.forgotten += 1;
        }
        noted.known.push_back(secret.to_owned());
    }

    /// All of them without the first ones.
    pub(crate) fn after(&self, count: usize) -> Vec<String> {
        let noted = lock(&self.0);
        noted.known.iter().skip(count.saturating_sub(noted.forgotten)).cloned().collect()
    }
}

const CAPACITY: usize = 10_000;
const RECENT: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_secrets_are_known_once_each() {
        let secrets = Secrets::default();
        for i in 0..CAPACITY + 2 {
            secrets.note(&i.to_string());
            secrets.note(&i.to_string());
        }
        assert_eq!(secrets.after(0).len(), CAPACITY);
        assert_eq!(secrets.after(0)[0], "2");
        assert_eq!(secrets.after(CAPACITY), [CAPACITY, CAPACITY + 1].map(|i| i.to_string()));
    }
}
