//! Masks secrets by what is secret, whatever their names are: the values that the sandbox has issued or received, the secrets
//! of the clients, and the values of a login that has not reached the sandbox yet.
use std::collections::HashMap;
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
}

#[derive(Default)]
struct Known {
    /// How many of the secrets of the sandbox are known.
    of_sandbox: usize,
    /// By their first bytes.
    long: HashMap<String, Vec<String>>,
    short: Vec<String>,
}

impl Masks {
    pub(super) fn new<'s>(sandbox: &Arc<Sandbox>, secrets: impl IntoIterator<Item = &'s str>) -> Self {
        let mut known = Known::default();
        secrets.into_iter().for_each(|secret| known.add(secret.to_owned()));
        Self { sandbox: sandbox.clone(), known: Arc::new(Mutex::new(known)) }
    }

    /// Learns the state and the nonce of an authorization request, which the provider has not received yet.
    pub(super) fn learn(&self, authorization_url: &str, definition: &Definition) {
        let Ok(url) = Url::parse(authorization_url) else { return };
        let names = &definition.authorization.names;
        let called = ["state", "nonce"].map(|name| names.get(name).map_or(name, String::as_str));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, value) in url.query_pairs().filter(|(name, _)| called.contains(&&**name)) {
            known.add(value.into_owned());
        }
    }

    pub(super) fn add(&self, secret: &str) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).add(secret.to_owned());
    }

    /// A text without its secrets.
    pub(super) fn shown(&self, text: &str) -> String {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let new = self.sandbox.secrets(known.of_sandbox);
        known.of_sandbox += new.len();
        new.into_iter().for_each(|secret| known.add(secret));

        let mut shown = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let length = match known.at_start_of(rest) {
                Some(secret) => {
                    shown.push_str(&masked(secret));
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
}

impl Known {
    fn add(&mut self, secret: String) {
        let list = match secret.get(..KEY) {
            Some(key) => self.long.entry(key.to_owned()).or_default(),
            None if secret.len() >= SHORTEST => &mut self.short,
            None => return,
        };
        if !list.contains(&secret) {
            list.push(secret);
        }
    }

    /// The longest secret with which a text begins.
    fn at_start_of(&self, text: &str) -> Option<&str> {
        let long = text.get(..KEY).and_then(|key| self.long.get(key)).into_iter().flatten();
        let found = long.chain(&self.short).filter(|secret| text.starts_with(secret.as_str()));
        found.max_by_key(|secret| secret.len()).map(String::as_str)
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
    async fn short_secrets_show_nothing_and_long_ones_can_be_told_apart() {
        assert_eq!(knowing().await.shown("short1"), MASK);
        assert_eq!(masked(HUSH), "hush••••\u{a0}#e468");
    }
}
