//! The nonces that an API demands in DPoP proofs (RFC 9449 section 9): each follows from a key and the time, so nothing is stored.
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::Error;
use crate::secret::{Secret, same};

pub(super) struct Nonces(hmac::Key);

impl Nonces {
    /// Nonces of this key, or of a random one.
    pub(super) fn new(key: Option<&Secret>) -> Result<Self, Error> {
        let mut random = [0; 32];
        aws_lc_rs::rand::fill(&mut random).map_err(|_| Error::no_random())?;
        let key = key.map_or(&random[..], |key| key.expose().as_bytes());
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, key)))
    }

    /// The nonce for the next proof.
    pub(super) fn current(&self, now: SystemTime) -> String {
        self.of(period(now))
    }

    /// Whether a proof may have this nonce: the current one, or the one before it.
    pub(super) fn accepts(&self, nonce: &str, now: SystemTime) -> bool {
        let now = period(now);
        [Some(now), now.checked_sub(1)].into_iter().flatten().any(|period| same(&self.of(period), nonce))
    }

    fn of(&self, period: u64) -> String {
        let text = format!("vouchsafe dpop nonce {period}");
        URL_SAFE_NO_PAD.encode(&hmac::sign(&self.0, text.as_bytes()).as_ref()[..18])
    }
}

fn period(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / NONCE_AGE.as_secs()
}

/// How long a nonce is the current one. It is accepted for as long once more.
const NONCE_AGE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_accepted_until_the_end_of_the_next_period() {
        let at = |seconds: u64| UNIX_EPOCH + Duration::from_secs(seconds);
        let nonces = Nonces::new(None).unwrap();
        let nonce = nonces.current(at(600));
        assert_eq!(nonces.current(at(659)), nonce);
        assert_ne!(nonces.current(at(660)), nonce);
        for (time, accepted) in [(600, true), (719, true), (720, false), (599, false)] {
            assert_eq!(nonces.accepts(&nonce, at(time)), accepted, "{time}");
        }
        // Another process has other nonces, unless it has the same key.
        assert!(!Nonces::new(None).unwrap().accepts(&nonce, at(600)));
        let shared = || Nonces::new(Some(&Secret::new("a key"))).unwrap();
        assert!(shared().accepts(&shared().current(at(600)), at(600)));
        assert!(!shared().accepts("", at(600)));
        // RFC 9449 §8.1.
        assert!(nonce.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
    }
}
