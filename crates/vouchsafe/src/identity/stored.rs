//! The form in which an identity is stored, such as in a session.
use std::borrow::Cow;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Identity, IdentityKey};
use crate::text::json::Stored;
use crate::text::version::Version;

/// A change of this form needs another version.
#[derive(Deserialize, Serialize)]
struct StoredIdentity<'a> {
    v: Version<1>,
    provider: Cow<'a, str>,
    issuer: Cow<'a, str>,
    subject: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    email: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    picture: Option<Cow<'a, str>>,
    profile: Stored<'a>,
}

impl Serialize for Identity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        StoredIdentity {
            v: Version,
            provider: (&*self.provider).into(),
            issuer: self.issuer().into(),
            subject: self.subject().into(),
            email: self.email.as_deref().map(Cow::Borrowed),
            email_verified: self.email_verified,
            name: self.name.as_deref().map(Cow::Borrowed),
            picture: self.picture.as_deref().map(Cow::Borrowed),
            profile: Stored(Cow::Borrowed(self.profile())),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Identity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = StoredIdentity::deserialize(deserializer)?;
        let key = IdentityKey::new(stored.issuer, stored.subject).map_err(D::Error::custom)?;
        let email = stored.email.map(Cow::into_owned);
        Ok(Self {
            provider: stored.provider.into_owned(),
            key,
            email_verified: stored.email_verified.filter(|_| email.is_some()),
            email,
            name: stored.name.map(Cow::into_owned),
            picture: stored.picture.map(Cow::into_owned),
            profile: stored.profile.0.into_owned().into(),
            warnings: Vec::new(),
        })
    }
}
