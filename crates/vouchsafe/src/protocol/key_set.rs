//! The key set of a provider (RFC 7517 section 5).
use http::Method;

use super::call::{Call, Outgoing};
use super::response::Incoming;
use crate::error::{Error, Malformed, Operation};
use crate::jose::jwk::{KeySet, Reading};

/// A request for a key set.
pub(crate) struct KeySetRequest {
    pub(crate) reading: Reading,
}

impl Call for KeySetRequest {
    type Output = KeySet;

    fn operation(&self) -> Operation {
        Operation::KeySet
    }

    fn write<'a>(&'a self, to: &mut Outgoing<'a>) -> Result<(), Error> {
        to.method(Method::GET);
        Ok(())
    }

    fn read(&self, from: Incoming<'_>) -> Result<KeySet, Error> {
        from.check_status()?;
        KeySet::read(&from.object()?, self.reading)
            .ok_or_else(|| from.malformed(Malformed::Jwks, "is not a key set (RFC 7517 section 5), because it has \
                                                            no list named keys: check the jwks_uri in the metadata"))
    }
}
