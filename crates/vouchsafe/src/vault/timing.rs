//! When a token is refreshed: early in the last part of its life, so that nobody waits.
use std::hash::{DefaultHasher, Hasher};
use std::time::{Duration, SystemTime};

use crate::text::moment::Seconds;
use crate::tokens::AccessToken;

/// Two times of a token, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Times {
    /// From then on it is refreshed, and still handed out.
    pub(super) refresh_at: u64,
    /// From then on it is not handed out.
    pub(super) over_at: u64,
}

impl Times {
    /// A token that is not handed out.
    pub(super) const OVER: Self = Self { refresh_at: 0, over_at: 0 };
    /// A token whose end the provider does not tell. It is used until an API refuses it.
    const ENDLESS: Self = Self { refresh_at: u64::MAX, over_at: u64::MAX };

    pub(super) fn new(token: &AccessToken, received_at: SystemTime, expires_at: Option<SystemTime>) -> Self {
        let Some(expires_at) = expires_at else { return Self::ENDLESS };
        let life = expires_at.duration_since(received_at).unwrap_or_default();
        // The last tenth of the life, at most a minute: between half of it and all of it.
        let margin = (life / 10).min(LONGEST_MARGIN).mul_f64(0.5 + jitter(token) / 2.0);
        let over_at = Seconds::of(expires_at).milliseconds();
        let margin = u64::try_from(margin.as_millis()).unwrap_or(u64::MAX);
        Self { refresh_at: over_at.saturating_sub(margin), over_at }
    }

    pub(super) fn is_fresh(self, now: u64) -> bool {
        now < self.refresh_at
    }

    pub(super) fn is_valid(self, now: u64) -> bool {
        now < self.over_at
    }
}

/// A number between 0 and 1, so that many tokens of the same age are not refreshed at the same moment. It is made of the token: all
/// processes agree on the moment.
fn jitter(token: &AccessToken) -> f64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(token.expose().as_bytes());
    hasher.finish() as f64 / u64::MAX as f64
}

/// A refresh takes a second, and a provider that is away for a short time has to be back before the token ends.
const LONGEST_MARGIN: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn times(token: &str, life: u64) -> Times {
        let received = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        Times::new(&AccessToken::new(token.into()), received, Some(received + Duration::from_secs(life)))
    }

    /// How long before its end each of many tokens of this life is refreshed, in milliseconds.
    fn margins(life: u64) -> Vec<u64> {
        let tokens = (0..1000).map(|n| format!("token-{n}"));
        let margins = tokens.map(|token| times(&token, life)).map(|times| times.over_at - times.refresh_at);
        margins.collect()
    }

    #[test]
    fn a_token_is_refreshed_in_the_last_tenth_of_its_life_and_at_most_a_minute_before_its_end() {
        for (life, latest, earliest) in [(2, 100, 200), (600, 30_000, 60_000), (86_400, 30_000, 60_000)] {
            let margins = margins(life);
            let (min, max) = (*margins.iter().min().unwrap(), *margins.iter().max().unwrap());
            assert!(min >= latest && max <= earliest, "{life}: {min} to {max}");
            // The moments of many tokens are spread.
            assert!((max - min) * 10 > (earliest - latest) * 9, "{life}: {min} to {max}");
        }
    }

    #[test]
    fn all_processes_agree_on_the_moment_of_a_token() {
        assert_eq!(times("token", 3600), times("token", 3600));
        assert_ne!(times("token", 3600), times("other", 3600));
    }

    #[test]
    fn a_token_that_was_over_when_it_came_is_not_handed_out() {
        let received = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let times =
            Times::new(&AccessToken::new("t".into()), received, Some(received - Duration::from_secs(60)));
        assert!(!times.is_valid(Seconds::of(received).milliseconds()));
    }

    #[test]
    fn a_token_without_a_known_end_is_always_fresh() {
        assert!(Times::new(&AccessToken::new("t".into()), UNIX_EPOCH, None).is_fresh(u64::MAX - 1));
    }
}
