//! Masks secrets by what is secret, whatever their names are: the values that the sandbox has issued or received, the secrets
//! of the clients, and the values of a login that has not reached the sandbox yet.
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use url::Url;
use vouchsafe_providers::Definition;
use vouchsafe_sandbox::Sandbox;

/// What is secret in the demo. Cheap to clone.
#[derive(Clone)]
pub(super) struct Masks {
    /// Runs as long as the demo needs it.
    pub(super) sandbox: Arc<Sandbox>,
    known: Arc<Mutex<Known>>,
    /// The secrets that were masked for one flow, the latest last. They are not forgotten as long as the flow lives, because
    /// its pages show them again.
    held: Arc<Mutex<VecDeque<Arc<str>>>>,
}

#[derive(Default)]
struct Known {
    /// How many of the secrets of the sandbox are known.
    of_sandbox: usize,
    /// By their first bytes.
    long: HashMap<String, Vec<Arc<str>>>,
    short: Vec<Arc<str>>,
    /// Those that can be forgotten, in the order in which that is tried.
    order: VecDeque<Arc<str>>,
}

impl Masks {
    pub(super) fn new<'s>(sandbox: &Arc<Sandbox>, secrets: impl IntoIterator<Item = &'s str>) -> Self {
        let mut known = Known::default();
        secrets.into_iter().for_each(|secret| known.add(secret));
        // The secrets of the clients stay.
        known.order.clear();
        Self { sandbox: sandbox.clone(), known: Arc::new(Mutex::new(known)), held: Arc::default() }
    }

    /// The same, for one flow.
    pub(super) fn for_flow(&self) -> Self {
        Self { held: Arc::default(), ..self.clone() }
    }

    /// Learns the state and the nonce of an authorization request, which the provider has not received yet.
    pub(super) fn learn(&self, authorization_url: &str, definition: &Definition) {
        let Ok(url) = Url::parse(authorization_url) else { return };
        let names = &definition.authorization.names;
        let called = ["state", "nonce"].map(|name| names.get(name).map_or(name, String::as_str));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, value) in url.query_pairs().filter(|(name, _)| called.contains(&&**name)) {
            known.add(&value);
        }
    }

    pub(super) fn add(&self, secret: &str) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).add(secret);
    }

    /// A text without its secrets.
    pub(super) fn shown(&self, text: &str) -> String {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let new = self.sandbox.secrets(known.of_sandbox);
        known.of_sandbox += new.len();
        new.iter().for_each(|secret| known.add(secret));

        let mut shown = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let length = match known.at_start_of(rest) {
                Some(secret) => {
                    shown.push_str(&masked(secret));
                    self.hold(secret);
                    secret.len()
                }
                None => {
                    shown.push(next);
                    next.len_utf8()
                }
            };
            rest = &rest[length..];
        }
        shown
    }

    fn hold(&self, secret: &Arc<str>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        match held.iter().position(|other| Arc::ptr_eq(other, secret)) {
            Some(at) => drop(held.remove(at)),
            None if held.len() == MAX_HELD => drop(held.pop_front()),
            None => {}
        }
        held.push_back(secret.clone());
    }
}

impl Known {
    fn add(&mut self, secret: &str) {
        let list = match secret.get(..KEY) {
            Some(key) => self.long.entry(key.to_owned()).or_default(),
            None if secret.len() >= SHORTEST => &mut self.short,
            None => return,
        };
        if list.iter().any(|known| **known == *secret) {
            return;
        }
        let secret: Arc<str> = secret.into();
        list.push(secret.clone());
        self.order.push_back(secret);
        // Two tries for each new secret: held ones are passed over, and the number falls again.
        for _ in 0..2 {
            self.forget_one();
        }
    }

    /// Forgets the oldest secret if there are too many and no flow holds it.
    fn forget_one(&mut self) {
        if self.order.len() <= MAX_KNOWN {
            return;
        }
        let Some(oldest) = self.order.pop_front() else { return };
        if Arc::strong_count(&oldest) > OWN {
            return self.order.push_back(oldest);
        }
        let is_other = |secret: &Arc<str>| !Arc::ptr_eq(secret, &oldest);
        match oldest.get(..KEY) {
            None => self.short.retain(is_other),
            Some(key) => {
                let list = self.long.get_mut(key);
                if list.is_some_and(|list| {
                    list.retain(is_other);
                    list.is_empty()
                }) {
                    self.long.remove(key);
                }
            }
        }
    }

    /// The longest secret with which a text begins.
    fn at_start_of(&self, text: &str) -> Option<&Arc<str>> {
        let long = text.get(..KEY).and_then(|key| self.long.get(key)).into_iter().flatten();
        let found = long.chain(&self.short).filter(|secret| text.starts_with(&***secret));
        found.max_by_key(|secret| secret.len())
    }
}

impl fmt::Debug for Masks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Masks(…)")
    }
}

/// A secret in a form that can be shown: if it is long, its first four characters and 16 bits of its hash, by which people
/// recognise equal secrets.
fn masked(text: &str) -> String {
    if text.chars().count() < 20 {
        return MASK.to_owned();
    }
    let start: String = text.chars().take(4).collect();
    let hash = digest(&SHA256, text.as_bytes());
    format!("{start}{MASK}\u{a0}#{:02x}{:02x}", hash.as_ref()[0], hash.as_ref()[1])
}

/// Long enough to be more than the beginning that all tokens of a kind have.
const KEY: usize = 24;
pub(super) const MASK: &str = "••••";
/// Shorter texts are no secrets, and would be found everywhere.
const SHORTEST: usize = 6;
/// The secrets that are remembered though no flow holds them: as many as the sandbox remembers.
const MAX_KNOWN: usize = 10_000;
/// The secrets that one flow holds: more than its steps can show.
const MAX_HELD: usize = 1000;
/// The references to a secret that are not a flow's: in its list and in the order.
const OWN: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    const HUSH: &str = "hush-hush-hush-hush-hush";

    async fn knowing() -> Masks {
        let masks = Masks::new(&Arc::new(Sandbox::start().await.unwrap()), ["client-secret"]);
        let mut definition = Definition::empty("acme");
        definition.authorization.names.insert("state".to_owned(), "own".to_owned());
        masks.learn(&format!("https://a.example/?own={HUSH}&scope=openid&nonce=short1"), &definition);
        masks
    }

    #[tokio::test]
    async fn a_secret_is_masked_wherever_it_is() {
        let masks = knowing().await;
        for text in ["%", "OAuth %", "https://a.example/%/b?c=%#%", "%%20%", "a, %; b", "x%%x"] {
            let shown = masks.shown(&text.replace('%', HUSH));
            assert_eq!(shown, text.replace('%', "hush••••\u{a0}#e468"), "{text}");
        }
        assert_eq!(masks.shown("a client-secret-b"), "a ••••-b");
        assert_eq!(masks.shown("openid"), "openid");
        assert_eq!(masks.shown("äö\u{1f600} ü"), "äö\u{1f600} ü");
    }

    #[tokio::test]
    async fn a_bounded_number_of_secrets_is_known_and_those_of_living_flows_are_among_them() {
        let masks = Masks::new(&Arc::new(Sandbox::start().await.unwrap()), ["client-secret"]);
        let flow = masks.for_flow();
        let [held, short, other] =
            ["held-held-held-held-held-held", "short-held", "other-other-other-other-other"];
        [held, short, other].iter().for_each(|secret| masks.add(secret));
        let is_known = |secret: &str| !masks.for_flow().shown(secret).contains(secret);
        assert!(!flow.shown(&format!("{held} {short}")).contains("held-held-held"));
        let flood = |from: usize| {
            (from..from + 2 * MAX_KNOWN)
                .for_each(|i| masks.add(&format!("{i}-hush-hush-hush-hush-hush-hush")));
        };
        flood(0);
        assert!(is_known(held) && is_known(short) && is_known("client-secret") && !is_known(other));
        drop(flow);
        flood(2 * MAX_KNOWN);
        assert!(is_known("client-secret") && !is_known(held) && !is_known(short));
        let known = masks.known.lock().unwrap();
        let listed = known.long.values().map(Vec::len).sum::<usize>() + known.short.len();
        assert_eq!((known.order.len(), listed), (MAX_KNOWN, MAX_KNOWN + 1));
    }

    #[tokio::test]
    async fn short_secrets_show_nothing_and_long_ones_can_be_told_apart() {
        assert_eq!(knowing().await.shown("short1"), MASK);
        assert_eq!(masked(HUSH), "hush••••\u{a0}#e468");
    }
}
