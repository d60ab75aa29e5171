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
    /// The provider is a real one: nobody knows all of its secrets, so everything that could be one is masked, and what it says about
    /// a person too.
    is_strict: bool,
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
        Self {
            sandbox: sandbox.clone(),
            known: Arc::new(Mutex::new(known)),
            held: Arc::default(),
            is_strict: false,
        }
    }

    /// The same, for one flow.
    pub(super) fn for_flow(&self) -> Self {
        Self { held: Arc::default(), ..self.clone() }
    }

    /// The same, for a flow at a real provider.
    pub(super) fn strict(&self) -> Self {
        Self { is_strict: true, ..self.for_flow() }
    }

    /// The value of a parameter or a member of this name, without its secrets.
    pub(super) fn named(&self, name: &str, value: &str) -> String {
        if self.is_strict && !value.is_empty() && (is_secret(name) || self.is_personal(name)) {
            return MASK.to_owned();
        }
        self.shown(value)
    }

    /// Whether a value of this name says something about a person, and must not be shown.
    pub(super) fn is_personal(&self, name: &str) -> bool {
        self.is_strict && PERSONAL.contains(&&*plain(name))
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
        if self.is_strict { without_opaque(&shown) } else { shown }
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

/// A name in small letters, without signs.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

/// Whether a parameter of this name holds a secret.
fn is_secret(name: &str) -> bool {
    let name = plain(name);
    let is_about = |end: &&str| name.ends_with(end);
    SECRET.contains(&&*name)
        || (["token", "secret", "assertion", "verifier", "password", "apikey", "session", "ticket"].iter())
            .any(|word| name.contains(word))
            && !["type", "endpoint", "supported", "expiresin", "expiresat", "method"].iter().any(is_about)
}

/// A text in which everything that looks like a token is masked: long words of letters and digits.
fn without_opaque(text: &str) -> String {
    // In a URL, `/` and `.` separate words. In a token they can be a part of it.
    let is_url = text.contains("://") || text.contains(' ');
    let is_part =
        |c: char| c.is_ascii_alphanumeric() || "_-~+=%".contains(c) || (!is_url && "/.".contains(c));
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        let end = rest[start..].find(|c| !is_part(c)).map_or(rest.len(), |end| start + end);
        let word = &rest[start..end];
        let is_mixed =
            word.contains(|c: char| c.is_ascii_digit()) && word.contains(|c: char| c.is_ascii_alphabetic());
        shown.push_str(&rest[..start]);
        shown.push_str(if word.len() >= 40 || (word.len() >= 16 && is_mixed) { MASK } else { word });
        rest = &rest[end..];
    }
    shown + rest
}

/// Names of secrets, in small letters and without signs; others are recognised by a word in them.
const SECRET: [&str; 9] =
    ["code", "state", "nonce", "devicecode", "usercode", "request", "sid", "athash", "chash"];
/// Names of values about a person.
const PERSONAL: [&str; 27] = [
    "sub",
    "subject",
    "id",
    "userid",
    "uid",
    "oid",
    "email",
    "emails",
    "emailaddress",
    "mail",
    "name",
    "givenname",
    "familyname",
    "middlename",
    "nickname",
    "preferredusername",
    "username",
    "login",
    "loginhint",
    "upn",
    "displayname",
    "picture",
    "avatarurl",
    "profile",
    "phonenumber",
    "birthdate",
    "address",
];

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
    async fn at_a_real_provider_everything_that_could_be_a_secret_is_masked() {
        let masks = knowing().await.strict();
        for (name, value) in [
            ("code", "abc"),
            ("state", "x"),
            ("Access-Token", "short"),
            ("clientSecret", "hunter2"),
            ("id_token_hint", "a.b.c"),
            ("email", "jane@example.com"),
            ("sub", "7"),
            ("other", "4/0AY0e-g7k3Jd93kfkd93"),
            ("other", "0123456789abcdef0123456789abcdef"),
            ("other", "eyJhbGciOiJub25lIn0.eyJzdWIiOiI3In0"),
        ] {
            assert_eq!(masks.named(name, value), MASK, "{name}={value}");
        }
        for (name, value) in [
            ("token_type", "Bearer"),
            ("token_endpoint", "https://id.example.com/oauth2/v2.0/token"),
            ("scope", "openid profile https://www.googleapis.com/auth/userinfo.email"),
            ("code_challenge_method", "S256"),
            ("grant_type", "authorization_code"),
        ] {
            assert_eq!(masks.named(name, value), value, "{name}");
        }
        let shown = masks.shown("GET https://id.example.com/realms/0123456789abcdef01/x");
        assert_eq!(shown, "GET https://id.example.com/realms/••••/x");
    }

    #[tokio::test]
    async fn short_secrets_show_nothing_and_long_ones_can_be_told_apart() {
        assert_eq!(knowing().await.shown("short1"), MASK);
        assert_eq!(masked(HUSH), "hush••••\u{a0}#e468");
    }
}
