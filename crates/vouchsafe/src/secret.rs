//! Secret values, and the secrets of a call that no error may show.
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use zeroize::Zeroize;

/// A secret value. It is wiped when it is dropped, compared in constant time, and never printed.
///
/// ```
/// let secret = vouchsafe::Secret::new("correct horse");
/// assert_eq!(format!("{secret:?}"), "Secret(…)");
/// assert_eq!(secret.expose(), "correct horse");
/// ```
pub struct Secret(Held);

/// How a secret is held.
enum Held {
    Own(Wiped),
    /// The bytes of a longer text from one place to another.
    Part(Arc<Wiped>, [u32; 2]),
}

/// A text that is wiped when it is dropped.
struct Wiped(String);

impl Secret {
    /// Makes `value` secret.
    pub fn new(value: impl Into<String>) -> Self {
        Self(Held::Own(Wiped(value.into())))
    }

    /// The value itself. Keep it out of logs and URLs.
    pub fn expose(&self) -> &str {
        match &self.0 {
            Held::Own(text) => &text.0,
            Held::Part(whole, [start, end]) => {
                whole.0.get(*start as usize..*end as usize).unwrap_or_default()
            }
        }
    }
}

/// A secret text of several secrets, each of which can be held without a copy. It is wiped when the last of them is dropped.
pub(crate) struct Whole(Arc<Wiped>);

impl Whole {
    pub(crate) fn new(text: String) -> Self {
        Self(Arc::new(Wiped(text)))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0.0
    }

    /// A part of this text; of another text, a copy.
    pub(crate) fn part(&self, text: &str) -> Secret {
        let start = (text.as_ptr() as usize).wrapping_sub(self.expose().as_ptr() as usize);
        let end = start.wrapping_add(text.len());
        let is_part = self.expose().get(start..end).is_some_and(|part| std::ptr::eq(part, text));
        match (u32::try_from(start), u32::try_from(end)) {
            (Ok(start), Ok(end)) if is_part => Secret(Held::Part(self.0.clone(), [start, end])),
            _ => Secret::new(text),
        }
    }
}

/// A copy, which keeps nothing of the text that it was a part of.
impl Clone for Secret {
    fn clone(&self) -> Self {
        Self::new(self.expose())
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        // As slices, which are wiped as a whole: a `String` would be wiped byte by byte.
        let mut bytes = std::mem::take(&mut self.0).into_bytes();
        bytes.spare_capacity_mut().zeroize();
        bytes.as_mut_slice().zeroize();
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        same(self.expose(), other.expose())
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
    fn a_part_of_a_text_is_held_without_a_copy() {
        let whole = Whole::new("access refresh".to_owned());
        let part = whole.part(&whole.expose()[7..]);
        assert_eq!(part.expose(), "refresh");
        assert!(std::ptr::eq(part.expose(), &whole.expose()[7..]));
        let copy = part.clone();
        assert!(copy == part && !std::ptr::eq(copy.expose(), part.expose()), "a copy lets go of the text");
        let other = "refresh".to_owned();
        assert_eq!(whole.part(&other), part);
        assert!(std::ptr::eq(other.as_str(), &*other) && !std::ptr::eq(whole.part(&other).expose(), &*other));
        drop(whole);
        assert_eq!(part.expose(), "refresh");
    }

    #[test]
    fn debug_output_of_a_secret_lacks_the_value() {
        assert!(!format!("{:?}", Some(Secret::new("hush"))).contains("hush"));
    }
}
