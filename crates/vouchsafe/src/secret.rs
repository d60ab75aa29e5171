//! Secret values, and the secrets of a call that no error may show.
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use zeroize::Zeroize;

/// A secret value. It is wiped when it is dropped, compared in constant time, and never printed.
///
/// ```
/// let secret = vouchsafe::Secret::new("correct horse");
/// assert_eq!(format!("{secret:?}"), "Secret(…)");
/// assert_eq!(secret.expose(), "correct horse");
/// ```
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Makes `value` secret.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself. Keep it out of logs and URLs.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        // As slices, which are wiped as a whole: a `String` would be wiped byte by byte.
        let mut bytes = std::mem::take(&mut self.0).into_bytes();
        bytes.spare_capacity_mut().zeroize();
        bytes.as_mut_slice().zeroize();
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        same(&self.0, &other.0)
    }
}

impl Eq for Secret {}

/// `Debug` for types whose values hold secrets or personal data: the name alone.
macro_rules! opaque {
    ($name:ident $(<$life:lifetime>)?) => {
        impl std::fmt::Debug for $name $(<$life>)? {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

pub(crate) use opaque;

opaque!(Secret);

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self::new(value)
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self::new(value)
    }
}

/// The secrets of one call, which no error of the call shows: those that it begins with, and those that are noted when they
/// are written into a request or read from a response.
#[derive(Default)]
pub(crate) struct Noted<'s> {
    known: [&'s str; 5],
    noted: Mutex<Vec<Secret>>,
}

impl<'s> Noted<'s> {
    /// Begins with secrets that outlast the call; they are not copied. At most five.
    pub(crate) fn knowing(secrets: impl IntoIterator<Item = &'s str>) -> Self {
        let mut known = [""; 5];
        known.iter_mut().zip(secrets).for_each(|(place, secret)| *place = secret);
        Self { known, noted: Mutex::default() }
    }

    pub(crate) fn note(&self, secret: &str) {
        let is_known = |known: &str| std::ptr::eq(known, secret) || same(known, secret);
        if secret.is_empty() || self.known.into_iter().any(is_known) {
            return;
        }
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        // Several steps of a call know the same secret, such as a code that was received and is then sent.
        if !noted.iter().any(|known| same(known.expose(), secret)) {
            noted.push(Secret::new(secret));
        }
    }

    pub(crate) fn note_all<'n>(&self, secrets: impl IntoIterator<Item = &'n str>) {
        secrets.into_iter().for_each(|secret| self.note(secret));
    }

    /// Gives the secrets to a function that removes them from a text.
    pub(crate) fn hidden<T>(&self, show: impl FnOnce(&[&str]) -> T) -> T {
        let noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.known.into_iter().filter(|secret| !secret.is_empty());
        show(&known.chain(noted.iter().map(Secret::expose)).collect::<Vec<_>>())
    }
}

/// A hash (SHA-256) by which a secret is found again where it must not be kept itself.
pub(crate) fn fingerprint(secret: &Secret) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, secret.expose().as_bytes()).as_ref());
    hash
}

/// Compares two texts in constant time.
pub(crate) fn same(a: &str, b: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a.as_bytes(), b.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_compared_by_value() {
        assert_eq!(Secret::new("a"), Secret::from("a"));
        assert_ne!(Secret::new("a"), Secret::new("b"));
        assert_ne!(Secret::new("a"), Secret::new("ab"));
    }

    #[test]
    fn debug_output_of_a_secret_lacks_the_value() {
        assert!(!format!("{:?}", Some(Secret::new("hush"))).contains("hush"));
    }
}
