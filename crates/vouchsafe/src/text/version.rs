//! The format version of a stored form.
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A member with the format version `N`. Reading any other version is an error, before another member is missed.
#[derive(Clone, Copy)]
pub(crate) struct Version<const N: u8>;

impl<const N: u8> Serialize for Version<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(N)
    }
}

impl<'de, const N: u8> Deserialize<'de> for Version<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            found if found == u64::from(N) => Ok(Self),
            found => Err(D::Error::custom(format!(
                "this was stored in format version {found}, and this version of vouchsafe reads format version {N}: \
                 sign in again"
            ))),
        }
    }
}
