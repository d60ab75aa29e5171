//! Seals text that leaves the program, in a cookie or a row of a store, so that nobody can read or change it there.
//!
//! ```
//! # fn f(secret: &[u8], old: &[u8]) -> Result<(), vouchsafe::seal::SealError> {
//! use vouchsafe::seal::KeyRing;
//!
//! let keys = KeyRing::new(secret)?.previous(old)?;
//! let sealed = keys.seal("session", "user 7", "hello")?;
//! assert_eq!(keys.open("session", "user 7", &sealed).unwrap().expose(), "hello");
//! assert!(keys.open("session", "user 8", &sealed).is_none());
//! # Ok(()) }
//! # f(&[7; 32], &[8; 32]).unwrap();
//! ```
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, MAX_TAG_LEN, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::hmac;
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::secret::{Secret, opaque};

/// The keys that seal text and open it again: the current key seals, and the previous keys still open. Cheap to clone.
///
/// One ring serves all purposes of an application. Every sealed text is bound to a purpose, such as `"session"`, and to a
/// record, such as the name of its cookie or the key of its row: it opens for these two and for no others.
///
/// Where several instances share what is sealed, or where it must outlive the program, make the ring from a secret. To
/// replace the secret, give the new one to [`KeyRing::new`] and the old one to [`KeyRing::previous`], as long as texts
/// of the old key have to open.
///
/// # Security
/// The sealed text is encrypted and authenticated with AES-256-GCM-SIV (RFC 8452) under a random nonce. Its length shows,
/// and a copy of it is as good as the original.
#[derive(Clone)]
pub struct KeyRing {
    current: Arc<Key>,
    previous: Vec<Arc<Key>>,
}

impl KeyRing {
    /// A ring with a new random key, which lives as long as the program. After a restart, old texts cannot be opened.
    ///
    /// # Errors
    /// This machine has no random numbers.
    pub fn generate() -> Result<Self, SealError> {
        let mut secret = Zeroizing::new([0; MIN_SECRET]);
        rand::fill(&mut *secret).map_err(|_| SealError::Crypto)?;
        Self::new(&*secret)
    }

    /// A ring with the key that is derived from a secret of at least 32 random bytes. The secret may serve other purposes
    /// as well: the derived key is used only here.
    ///
    /// # Errors
    /// The secret is too short.
    pub fn new(secret: &[u8]) -> Result<Self, SealError> {
        Ok(Self { current: Arc::new(Key::derive(secret)?), previous: Vec::new() })
    }

    /// Adds the key of a previous secret. It opens what it has sealed, and seals nothing any more.
    ///
    /// # Errors
    /// The secret is too short.
    pub fn previous(mut self, secret: &[u8]) -> Result<Self, SealError> {
        let key = Key::derive(secret)?;
        if self.key_ids().all(|id| id != key.id) {
            self.previous.push(Arc::new(key));
        }
        Ok(self)
    }

    /// A name of the current key that reveals nothing about it. Where sealed text is kept for long, keep the name beside
    /// it: it shows which texts you must seal again before you remove a previous key.
    pub fn key_id(&self) -> &str {
        &self.current.id
    }

    /// The names of all keys, that of the current one first.
    pub fn key_ids(&self) -> impl Iterator<Item = &str> {
        self.keys().map(|key| &*key.id)
    }

    /// Seals a text with the current key. The result consists of letters, digits, `-` and `_`.
    ///
    /// # Errors
    /// This machine has no random numbers.
    pub fn seal(&self, purpose: &str, record: &str, text: &str) -> Result<String, SealError> {
        self.current.seal(&bound(purpose, record), text).map_err(|_| SealError::Crypto)
    }

    /// Opens what one of these keys sealed for this purpose and this record; `None` for anything else.
    pub fn open(&self, purpose: &str, record: &str, sealed: &str) -> Option<Secret> {
        let bound = bound(purpose, record);
        self.keys().find_map(|key| key.open(&bound, sealed))
    }

    /// The names of a text, such as an e-mail address, under which records can be found that must not show it: a keyed digest by
    /// each key, that of the current one first. Write under the first name, and look under all.
    ///
    /// The same text has another name for another purpose. A name consists of letters, digits, `-` and `_`.
    pub fn names(&self, purpose: &str, text: &str) -> impl Iterator<Item = String> {
        let bound = bound(purpose, text);
        self.keys().map(move |key| URL_SAFE_NO_PAD.encode(hmac::sign(&key.digest, &bound)))
    }

    fn keys(&self) -> impl Iterator<Item = &Key> {
        [&self.current].into_iter().chain(&self.previous).map(|key| &**key)
    }
}

opaque!(KeyRing);

/// The associated data. The length tells where the purpose ends.
fn bound(purpose: &str, record: &str) -> Vec<u8> {
    [&(purpose.len() as u64).to_be_bytes()[..], purpose.as_bytes(), record.as_bytes()].concat()
}

struct Key {
    // RFC 8452: a nonce that repeats shows only that two texts are equal. Nonces are random, keys live long, and every
    // visitor makes the program seal: AES-GCM would limit how often (NIST SP 800-38D section 8.3).
    aead: RandomizedNonceKey,
    digest: hmac::Key,
    id: String,
}

impl Key {
    fn derive(secret: &[u8]) -> Result<Self, SealError> {
        if secret.len() < MIN_SECRET {
            return Err(SealError::ShortSecret);
        }
        // RFC 5869: what a secret is used for goes into `info`, so that the same secret gives other keys elsewhere.
        let secret = Salt::new(HKDF_SHA256, b"vouchsafe").extract(secret);
        let mut key = Zeroizing::new([0; 32]);
        let mut digest = Zeroizing::new([0; 32]);
        let mut id = [0; 32];
        let fill = |info: &[u8], out: &mut [u8]| secret.expand(&[info], HKDF_SHA256)?.fill(out);
        let filled = fill(KEY_INFO, &mut *key)
            .and_then(|()| fill(DIGEST_INFO, &mut *digest))
            .and_then(|()| fill(ID_INFO, &mut id));
        let aead = filled.and_then(|()| RandomizedNonceKey::new(&AES_256_GCM_SIV, &*key));
        let aead = aead.map_err(|_| SealError::Crypto)?;
        let digest = hmac::Key::new(hmac::HMAC_SHA256, &*digest);
        Ok(Self { aead, digest, id: id[..ID_LEN].iter().map(|byte| format!("{byte:02x}")).collect() })
    }

    fn seal(&self, bound: &[u8], text: &str) -> Result<String, Unspecified> {
        // There is room for all of it, and the text is sealed in its place: no copy stays behind.
        let mut sealed = Vec::with_capacity(NONCE_LEN + text.len() + MAX_TAG_LEN);
        sealed.extend([0; NONCE_LEN]);
        sealed.extend(text.as_bytes());
        let (nonce, tag) =
            self.aead.seal_in_place_separate_tag(Aad::from(bound), &mut sealed[NONCE_LEN..])?;
        sealed[..NONCE_LEN].copy_from_slice(nonce.as_ref());
        sealed.extend(tag.as_ref());
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    fn open(&self, bound: &[u8], sealed: &str) -> Option<Secret> {
        let mut text = Zeroizing::new(URL_SAFE_NO_PAD.decode(sealed).ok()?);
        let (nonce, sealed) = text.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let length = self.aead.open_in_place(nonce, Aad::from(bound), sealed).ok()?.len();
        text.copy_within(NONCE_LEN..NONCE_LEN + length, 0);
        text.truncate(length);
        String::from_utf8(std::mem::take(&mut *text)).ok().map(Secret::new)
    }
}

/// Why there is no key, or no sealed text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SealError {
    /// The secret has fewer than 32 bytes.
    ShortSecret,
    /// The cryptographic library failed, for example because the machine has no random numbers.
    Crypto,
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShortSecret => write!(f, "the secret is too short: use at least {MIN_SECRET} random bytes"),
            Self::Crypto => f.write_str(
                "the cryptographic library failed: check that this machine provides random numbers",
            ),
        }
    }
}

impl std::error::Error for SealError {}

const MIN_SECRET: usize = 32;
// Changing one makes everything unreadable that is sealed already, or nothing found that is stored.
const KEY_INFO: &[u8] = b"vouchsafe seal 1 AES-256-GCM-SIV";
const DIGEST_INFO: &[u8] = b"vouchsafe seal 1 HMAC-SHA-256";
const ID_INFO: &[u8] = b"vouchsafe seal 1 name";
/// Enough bytes to tell the keys of one host from each other.
const ID_LEN: usize = 6;
