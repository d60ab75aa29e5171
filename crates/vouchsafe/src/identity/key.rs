//! The key by which an application knows an account.
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The key of an account: an issuer, and the subject of a user at that issuer.
///
/// ```
/// use vouchsafe::IdentityKey;
///
/// let key = IdentityKey::new("https://id.example.com", "248289761001")?;
/// assert_eq!(key.to_string(), "https://id.example.com 248289761001");
/// assert_eq!(key, "https://id.example.com 248289761001".parse()?);
/// # Ok::<(), vouchsafe::InvalidIdentityKey>(())
/// ```
///
/// Its text and its serialised form are the same: the issuer, a space and the subject. An issuer has no spaces, so no two
/// keys have the same text.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct IdentityKey {
    pub(super) issuer: String,
    pub(super) subject: String,
}

impl IdentityKey {
    /// The key of this subject at this issuer, for an account whose key is stored in two columns.
    ///
    /// # Errors
    /// One of them is empty, or the issuer contains white space.
    pub fn new(issuer: impl Into<String>, subject: impl Into<String>) -> Result<Self, InvalidIdentityKey> {
        let key = Self { issuer: issuer.into(), subject: subject.into() };
        let usable =
            !key.issuer.is_empty() && !key.issuer.contains(char::is_whitespace) && !key.subject.is_empty();
        if usable { Ok(key) } else { Err(InvalidIdentityKey(())) }
    }

    /// The server that identifies the user.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The identifier of the user there.
    pub fn subject(&self) -> &str {
        &self.subject
    }
}

impl fmt::Display for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.issuer, self.subject)
    }
}

impl FromStr for IdentityKey {
    type Err = InvalidIdentityKey;

    fn from_str(text: &str) -> Result<Self, InvalidIdentityKey> {
        let (issuer, subject) = text.split_once(' ').ok_or(InvalidIdentityKey(()))?;
        Self::new(issuer, subject)
    }
}

impl Serialize for IdentityKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for IdentityKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A text is not an [`IdentityKey`].
#[derive(Clone, Debug)]
pub struct InvalidIdentityKey(());

impl fmt::Display for InvalidIdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the key of an account must be an issuer, a space and a subject, and this text is not: use the text of Identity::key")
    }
}

impl std::error::Error for InvalidIdentityKey {}
