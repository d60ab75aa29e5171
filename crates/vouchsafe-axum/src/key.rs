//! What login cookies are sealed with.
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

/// The key that seals login cookies. Cheap to clone.
///
/// A generated key lives as long as the program: when the program restarts, logins that are under way have to start
/// again. Make the key from a secret where several instances share the logins, or where that is a nuisance.
///
/// To change the secret, let the old one open the logins that are under way:
///
/// ```
/// # fn f(new: &[u8], old: &[u8]) -> Result<(), vouchsafe_axum::CookieKeyError> {
/// use vouchsafe_axum::CookieKey;
///
/// let key = CookieKey::from_secret(new)?.and_old(CookieKey::from_secret(old)?);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct CookieKey {
    key: Arc<Key>,
    /// These open, and seal nothing.
    old: Vec<Arc<Key>>,
}

impl CookieKey {
    /// A new random key.
    ///
    /// # Errors
    /// This machine's random number generator failed.
    pub fn generate() -> Result<Self, CookieKeyError> {
        let mut secret = Zeroizing::new([0; MIN_SECRET]);
        rand::fill(&mut *secret).map_err(|_| CookieKeyError(Why::Random))?;
        Self::from_secret(&*secret)
    }

    /// The key that is derived from a secret of at least 32 random bytes. The secret may serve other purposes as well:
    /// a login cookie opens nowhere else, and what was sealed elsewhere does not open here.
    ///
    /// # Errors
    /// The secret is too short.
    pub fn from_secret(secret: &[u8]) -> Result<Self, CookieKeyError> {
        if secret.len() < MIN_SECRET {
            return Err(CookieKeyError(Why::Short));
        }
        let key = Key::derive(secret).map_err(|_| CookieKeyError(Why::Derivation))?;
        Ok(Self { key: Arc::new(key), old: Vec::new() })
    }

    /// The same key, which also opens what an older key sealed. Give each older key for as long as a login may take;
    /// ten minutes unless [`Logins::login_limit`](crate::Logins::login_limit) is set.
    #[must_use]
    pub fn and_old(mut self, old: Self) -> Self {
        // The same key again would take away, as an old one's, what it has just set.
        let older = [old.key].into_iter().chain(old.old).filter(|old| old.id != self.key.id);
        self.old.extend(older);
        self
    }

    /// A name for this key that tells nothing of it: applications with other keys have other names.
    pub(crate) fn id(&self) -> &str {
        &self.key.id
    }

    /// The names of the older keys.
    pub(crate) fn old_ids(&self) -> impl Iterator<Item = &str> {
        self.old.iter().map(|key| &*key.id)
    }

    /// Seals a text into the value of the cookie of that name, and of no other.
    pub(crate) fn seal(&self, name: &str, text: Zeroizing<Vec<u8>>) -> Option<String> {
        self.key.seal(name, text)
    }

    /// The text in the cookie, if one of these keys sealed it under that name.
    pub(crate) fn open(&self, name: &str, value: &str) -> Option<Zeroizing<Vec<u8>>> {
        [&self.key].into_iter().chain(&self.old).find_map(|key| key.open(name, value))
    }
}

impl fmt::Debug for CookieKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CookieKey(…)")
    }
}

struct Key {
    // RFC 8452: a nonce that comes twice tells no more than that two texts are equal. The nonces are random, the key of
    // a secret never changes, and every visitor has something sealed: with AES-GCM the number of cookies would be
    // limited (NIST SP 800-38D section 8.3).
    aead: RandomizedNonceKey,
    id: String,
}

impl Key {
    /// RFC 5869: the purpose goes into `info`, and every purpose has a key of its own.
    fn derive(secret: &[u8]) -> Result<Self, Unspecified> {
        let secret = Salt::new(HKDF_SHA256, b"vouchsafe").extract(secret);
        let mut key = Zeroizing::new([0; 32]);
        secret.expand(&[PURPOSE], &AES_256_GCM_SIV)?.fill(&mut *key)?;
        let mut id = [0; ID_LEN];
        secret.expand(&[ID_PURPOSE], IdLen)?.fill(&mut id)?;
        let id = id.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { aead: RandomizedNonceKey::new(&AES_256_GCM_SIV, &*key)?, id })
    }

    fn seal(&self, name: &str, mut text: Zeroizing<Vec<u8>>) -> Option<String> {
        // The text becomes the sealed one in its place, so that no second copy has to be wiped.
        let nonce = self.aead.seal_in_place_append_tag(Aad::from(name), &mut *text).ok()?;
        Some(URL_SAFE_NO_PAD.encode([&nonce.as_ref()[..], &text].concat()))
    }

    fn open(&self, name: &str, value: &str) -> Option<Zeroizing<Vec<u8>>> {
        let mut text = Zeroizing::new(URL_SAFE_NO_PAD.decode(value).ok()?);
        let (nonce, sealed) = text.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let length = self.aead.open_in_place(nonce, Aad::from(name), sealed).ok()?.len();
        text.copy_within(NONCE_LEN..NONCE_LEN + length, 0);
        text.truncate(length);
        Some(text)
    }
}

/// The length of a key's name.
struct IdLen;

impl KeyType for IdLen {
    fn len(&self) -> usize {
        ID_LEN
    }
}

/// There is no key.
#[derive(Clone, Debug)]
pub struct CookieKeyError(Why);

#[derive(Clone, Debug)]
enum Why {
    Short,
    Random,
    Derivation,
}

impl fmt::Display for CookieKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Why::Short => write!(f, "the secret for the cookie key is shorter than {MIN_SECRET} bytes"),
            Why::Random => f.write_str("this machine's random number generator failed"),
            Why::Derivation => f.write_str("the cookie key cannot be derived"),
        }
    }
}

impl std::error::Error for CookieKeyError {}

const MIN_SECRET: usize = 32;
const PURPOSE: &[u8] = b"vouchsafe-axum login cookie v2 AES-256-GCM-SIV";
const ID_PURPOSE: &[u8] = b"vouchsafe-axum login cookie v2 name";
/// So many bytes tell apart the applications of one host.
const ID_LEN: usize = 6;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(byte: u8) -> CookieKey {
        CookieKey::from_secret(&[byte; 32]).unwrap()
    }

    fn seal(key: &CookieKey, name: &str, text: &str) -> String {
        key.seal(name, text.to_owned().into_bytes().into()).unwrap()
    }

    fn open(key: &CookieKey, name: &str, value: &str) -> Option<String> {
        Some(String::from_utf8(key.open(name, value)?.to_vec()).unwrap())
    }

    #[test]
    fn a_key_needs_a_secret_of_some_length() {
        assert!(CookieKey::from_secret(&[7; 31]).is_err());
        assert!(CookieKey::from_secret(&[7; 32]).is_ok());
    }

    #[test]
    fn a_sealed_text_opens_under_its_own_key_and_name_alone() {
        let sealed = seal(&key(7), "a", "text");
        assert_eq!(open(&key(7), "a", &sealed).as_deref(), Some("text"));
        assert_eq!(open(&key(7), "b", &sealed), None);
        assert_eq!(open(&key(8), "a", &sealed), None);
        assert_eq!(open(&key(7), "a", ""), None);
        assert_eq!(open(&key(7), "a", "AAAA"), None);
    }

    #[test]
    fn old_keys_open_and_never_seal() {
        let rotated = key(9).and_old(key(8).and_old(key(7)));
        for old in [7, 8, 9] {
            assert_eq!(open(&rotated, "a", &seal(&key(old), "a", "text")).as_deref(), Some("text"), "{old}");
            assert_eq!(open(&rotated, "b", &seal(&key(old), "a", "text")), None, "{old}");
        }
        assert_eq!(open(&rotated, "a", &seal(&key(6), "a", "text")), None);
        let sealed = seal(&rotated, "a", "text");
        assert_eq!(open(&key(9), "a", &sealed).as_deref(), Some("text"));
        assert_eq!(open(&key(8), "a", &sealed), None);
        assert_eq!(
            key(9).and_old(key(9)).and_old(key(8).and_old(key(9))).old.len(),
            1,
            "a key is not its own old one"
        );
        assert_eq!(rotated.id(), key(9).id());
        assert_eq!(rotated.old_ids().collect::<Vec<_>>(), [key(8).id(), key(7).id()]);
    }

    #[test]
    fn a_key_has_a_name_of_its_own_that_stays() {
        // Other versions at other instances share the logins.
        assert_eq!(key(7).id(), "ce46fc624d41");
        assert_ne!(key(7).id(), key(8).id());
        assert!(key(8).id().bytes().all(|b| b.is_ascii_hexdigit()));
    }

    /// A text that somebody seals with the same secret for that purpose.
    fn sealed_for(purpose: &[u8]) -> String {
        let mut key = [0; 32];
        let secret = Salt::new(HKDF_SHA256, b"vouchsafe").extract(&[7; 32]);
        secret.expand(&[purpose], &AES_256_GCM_SIV).unwrap().fill(&mut key).unwrap();
        let aead = RandomizedNonceKey::new(&AES_256_GCM_SIV, &key).unwrap();
        Key { aead, id: String::new() }.seal("a", b"text".to_vec().into()).unwrap()
    }

    #[test]
    fn a_text_that_the_same_secret_sealed_for_another_purpose_does_not_open() {
        assert_eq!(open(&key(7), "a", &sealed_for(b"sessions")), None);
        // Other versions at other instances share the logins: the purpose stays.
        let ours = sealed_for(b"vouchsafe-axum login cookie v2 AES-256-GCM-SIV");
        assert_eq!(open(&key(7), "a", &ours).as_deref(), Some("text"));
    }

    #[test]
    fn every_changed_bit_of_a_sealed_cookie_is_noticed() {
        let key = CookieKey::generate().unwrap();
        let raw = URL_SAFE_NO_PAD.decode(seal(&key, "a", "text")).unwrap();
        for bit in 0..raw.len() * 8 {
            let mut changed = raw.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&key, "a", &URL_SAFE_NO_PAD.encode(changed)), None, "bit {bit}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_comes_back_from_under_its_name(name in any::<String>(), text in any::<String>(), other in any::<String>()) {
            let sealed = seal(&key(7), &name, &text);
            prop_assert!(sealed.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')));
            prop_assert_eq!(open(&key(7), &name, &sealed), Some(text));
            prop_assert!(other == name || key(7).open(&other, &sealed).is_none());
        }

        #[test]
        fn any_changed_character_is_noticed(text in any::<String>(), at in any::<prop::sample::Index>(), other in any::<char>()) {
            let sealed = seal(&key(7), "a", &text);
            let at = at.index(sealed.len());
            // In its place, behind it, and it left out.
            for (from, to) in [(at, at + 1), (at, at)] {
                let changed = format!("{}{other}{}", &sealed[..from], &sealed[to..]);
                prop_assert!(changed == sealed || key(7).open("a", &changed).is_none(), "{}", changed);
            }
            prop_assert_eq!(key(7).open("a", &format!("{}{}", &sealed[..at], &sealed[at + 1..])), None);
        }

        #[test]
        fn a_value_that_nobody_sealed_does_not_open(value in "[A-Za-z0-9_-]{0,200}") {
            prop_assert_eq!(key(7).open("a", &value), None);
        }
    }

    #[test]
    fn debug_output_of_a_key_lacks_the_key() {
        assert_eq!(format!("{:?}", CookieKey::generate().unwrap().and_old(key(7))), "CookieKey(…)");
    }
}
