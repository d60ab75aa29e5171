//! Responses of an introspection endpoint, kept for a short time by a hash of the token, and never beyond the end of the token.
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::text::json::Value;

pub(super) struct Cache {
    kept: Mutex<Kept>,
    age: Duration,
}

#[derive(Default)]
struct Kept {
    facts: HashMap<[u8; 32], (Instant, Value)>,
    /// The oldest first.
    order: VecDeque<[u8; 32]>,
}

impl Cache {
    pub(super) fn new(age: Duration) -> Self {
        Self { kept: Mutex::default(), age }
    }

    pub(super) fn get(&self, token: &[u8; 32]) -> Option<Value> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, facts) = kept.facts.get(token)?;
        (Instant::now() < *until).then(|| facts.clone())
    }

    /// Keeps the facts about an active token, which has so much time left if that is known.
    pub(super) fn put(&self, token: [u8; 32], facts: &Value, left: Option<Duration>) {
        let age = left.map_or(self.age, |left| left.min(self.age));
        if age.is_zero() {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.facts.insert(token, (Instant::now() + age, facts.clone())).is_some() {
            return;
        }
        kept.order.push_back(token);
        while kept.order.len() > MAX_TOKENS
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.facts.remove(&oldest);
        }
    }
}

/// How many responses are kept. Most have less than 2 KiB.
const MAX_TOKENS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_kept_for_its_time_and_not_beyond_the_end_of_the_token() {
        let cache = Cache::new(Duration::from_secs(3600));
        cache.put([1; 32], &Value::Bool(true), None);
        cache.put([2; 32], &Value::Bool(true), Some(Duration::ZERO));
        assert_eq!(cache.get(&[1; 32]), Some(Value::Bool(true)));
        assert_eq!(cache.get(&[2; 32]), None);
        let off = Cache::new(Duration::ZERO);
        off.put([1; 32], &Value::Bool(true), None);
        assert_eq!(off.get(&[1; 32]), None);
    }

    #[test]
    fn the_oldest_response_makes_room() {
        let cache = Cache::new(Duration::from_secs(3600));
        let id = |n: usize| {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&n.to_le_bytes());
            id
        };
        (0..=MAX_TOKENS).for_each(|n| cache.put(id(n), &Value::Null, None));
        assert_eq!((cache.get(&id(0)), cache.get(&id(MAX_TOKENS))), (None, Some(Value::Null)));
    }
}
