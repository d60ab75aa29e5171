//! The keys of an issuer in use: fetched at first use, when they are old, and when a token names a key that is not among them.
use std::sync::Arc;

use crate::call::{Deadline, Sender};
use crate::endpoint::Endpoint;
use crate::error::{Error, Operation};
use crate::jose::jwk::{KeySet, Reading};
use crate::jose::jws::is_about_keys;
use crate::protocol::key_set::KeySetRequest;
use crate::secret::Noted;
use crate::shared::{Asker, Freshness, Shared};
use crate::transport::{BoxFuture, Http};

/// The keys of an issuer. One fetch serves many callers, so its errors contain no text from the issuer.
pub(crate) struct Keys {
    shared: Shared<KeySet>,
    http: Http,
    reading: Reading,
}

impl Keys {
    pub(crate) fn new(http: &Http, freshness: Freshness, reading: Reading) -> Self {
        Self { shared: Shared::new(None, http, freshness), http: http.clone(), reading }
    }

    /// The keys, if they are there and not old.
    pub(crate) fn known(&self) -> Option<Arc<KeySet>> {
        self.shared.known()
    }

    /// How many fetches have begun.
    pub(crate) fn begun(&self) -> u64 {
        self.shared.begun()
    }

    pub(crate) async fn get(&self, jwks_uri: &Endpoint, deadline: Deadline) -> Result<Arc<KeySet>, Error> {
        if let Some(known) = self.known() {
            return Ok(known);
        }
        let place = (Operation::KeySet, || jwks_uri.uri().clone());
        let keys = self.shared.get(self.fetch(jwks_uri));
        // Boxed, because it is rare: it would make each call larger.
        Box::pin(deadline.wait(&self.http, place, keys)).await?
    }

    /// Verifies with the keys. If no key fits, verifies again with newer keys. `asked` is the number of fetches that began before
    /// the token came: their keys may lack the key that signed the token.
    pub(crate) async fn verify<T>(
        &self,
        jwks_uri: &Endpoint,
        (operation, asker, mut asked): (Operation, Asker, Option<u64>),
        deadline: Deadline,
        verify: impl Fn(&KeySet) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let refused = |error: Error| error.of(operation);
        let mut keys = self.get(jwks_uri, deadline).await?;
        loop {
            match verify(&keys) {
                Err(error) if is_about_keys(&error) => {
                    let (place, fetch) =
                        ((Operation::KeySet, || jwks_uri.uri().clone()), self.fetch(jwks_uri));
                    let newer = self.shared.newer(&keys, asker, &mut asked, fetch);
                    match Box::pin(deadline.wait(&self.http, place, newer)).await? {
                        Some(newer) => keys = newer,
                        None => return Err(refused(error)),
                    }
                }
                outcome => return outcome.map_err(refused),
            }
        }
    }

    fn fetch(&self, jwks_uri: &Endpoint) -> impl Fn() -> BoxFuture<'static, Result<KeySet, Error>> + use<> {
        let (jwks_uri, http, reading) = (jwks_uri.clone(), self.http.clone(), self.reading);
        move || {
            let (jwks_uri, http) = (jwks_uri.clone(), http.clone());
            Box::pin(async move {
                let noted = Noted::default();
                let sender = Sender::plain(&http, &noted);
                sender.send(&jwks_uri, None, &KeySetRequest { reading }).await
            })
        }
    }
}
