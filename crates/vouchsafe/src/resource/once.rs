//! The DPoP proofs that were used (RFC 9449 section 11.1): each counts once. The memory is bounded, and that of one process.
use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use aws_lc_rs::digest::{SHA256, digest};

use crate::jose::dpop_proof::Proof;

pub(super) struct Once {
    used: Mutex<Used>,
    most: usize,
}

#[derive(Default)]
struct Used {
    proofs: HashSet<[u8; 32]>,
    /// The oldest first.
    order: VecDeque<(SystemTime, [u8; 32])>,
}

/// Whether a proof may be used.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Use {
    First,
    Again,
    /// There is no room to remember it.
    Full,
}

impl Once {
    pub(super) fn new(most: usize) -> Self {
        Self { used: Mutex::default(), most }
    }

    pub(super) fn note(&self, proof: &Proof, now: SystemTime) -> Use {
        let mut id = [0; 32];
        // A thumbprint has a fixed length, so no two pairs give the same text.
        let text = format!("{}{}", proof.thumbprint, proof.jti);
        id.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((ends_at, oldest)) = used.order.front().copied()
            && ends_at <= now
        {
            used.order.pop_front();
            used.proofs.remove(&oldest);
        }
        if used.proofs.contains(&id) {
            return Use::Again;
        }
        if used.proofs.len() >= self.most {
            return Use::Full;
        }
        used.proofs.insert(id);
        used.order.push_back((proof.ends_at, id));
        Use::First
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn proof(jti: &str, ends_at: u64) -> Proof {
        Proof { thumbprint: "t".repeat(43), jti: jti.to_owned(), nonce: None, ends_at: at(ends_at) }
    }

    #[test]
    fn a_proof_is_used_once_as_long_as_it_is_valid() {
        let once = Once::new(10);
        assert_eq!(once.note(&proof("a", 100), at(10)), Use::First);
        assert_eq!(once.note(&proof("a", 100), at(99)), Use::Again);
        assert_eq!(once.note(&proof("b", 100), at(99)), Use::First);
        // From then on, the proof itself is too old.
        assert_eq!(once.note(&proof("a", 200), at(100)), Use::First);
    }

    #[test]
    fn a_full_memory_forgets_nothing_before_its_time() {
        let once = Once::new(2);
        assert_eq!(once.note(&proof("a", 100), at(10)), Use::First);
        assert_eq!(once.note(&proof("b", 110), at(10)), Use::First);
        assert_eq!(once.note(&proof("c", 110), at(10)), Use::Full);
        assert_eq!(once.note(&proof("a", 100), at(10)), Use::Again);
        assert_eq!(once.note(&proof("c", 110), at(100)), Use::First);
    }
}
