//! The registrations of a program at providers, in a store: a program registers once.
use std::sync::Arc;

use super::encoded;
use super::store::{Expected, Save, Saved, TokenStore};
use crate::error::{ConfigProblem, Error, StoreError, StoreErrorKind};
use crate::flows::register::{Register, RegisteredClient};
use crate::seal::KeyRing;
use crate::secret::{Secret, opaque};
use crate::text::redact::printable;
use crate::transport::Http;

/// The clients that a program has registered at providers, in the store of a vault: sealed, and found again after a restart. Cheap to
/// clone.
///
/// ```no_run
/// # async fn f(http: vouchsafe::Http, key: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
///
/// use vouchsafe::seal::KeyRing;
/// use vouchsafe::vault::{MemoryStore, Registrations, Vault};
/// use vouchsafe::{Client, ClientMetadata, Provider};
///
/// let (store, keys) = (Arc::new(MemoryStore::new()), KeyRing::new(key)?);
/// let registrations = Registrations::sealed(store.clone(), keys.clone());
///
/// let provider = Provider::openid("https://id.example.com");
/// let metadata = ClientMetadata::new().redirect_uri("https://app.example.com/callback");
/// let registered = registrations.get_or_register("company", provider.register(metadata, &http)).await?;
///
/// let client = Client::new(provider, registered.registration(), &http)?;
/// let vault = Vault::sealed(store, keys).client(client);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Registrations {
    store: Arc<dyn TokenStore>,
    keys: KeyRing,
}

opaque!(Registrations);

impl Registrations {
    /// Registrations in that store, sealed with these keys. It may be the store of a [`Vault`](super::Vault), and the keys may be the
    /// vault's.
    pub fn sealed(store: impl TokenStore + 'static, keys: KeyRing) -> Self {
        Self { store: Arc::new(store), keys }
    }

    /// The client that is stored under this name. If there is none, or its secret has expired, the client is registered and stored.
    ///
    /// If two processes register at the same time, both get the client that was stored first, and the other one is deleted at the
    /// provider, if the provider allows that.
    ///
    /// # Errors
    /// As [`Provider::register`](crate::Provider::register), and [`Error::Store`]; [`Error::Config`] if a client of another provider
    /// is stored under this name.
    pub async fn get_or_register(
        &self,
        name: &str,
        register: Register<'_>,
    ) -> Result<RegisteredClient, Error> {
        let asked = register.issuer()?;
        let of_this_provider = |found: RegisteredClient| {
            if found.asked() == asked || found.issuer() == asked {
                return Ok(found);
            }
            let [issuer, wanted] = [found.issuer(), &asked].map(|text| printable(text, 120));
            let detail = format!(
                "the client that is stored under this name is registered at {issuer}, and not at {wanted}: choose another name for each \
                 provider, or remove the old one with Registrations::remove"
            );
            Err(Error::config(ConfigProblem::ClientId, detail))
        };
        let expected = match self.load(name).await? {
            Some(stored) => {
                let found = of_this_provider(stored.client)?;
                let expected = Expected::Version(stored.version);
                if !found.is_expired() {
                    if stored.is_outdated {
                        // A previous key sealed it. If another process is faster, it has done the same.
                        self.write(name, &found, expected).await?;
                    }
                    return Ok(found);
                }
                expected
            }
            None => Expected::Absent,
        };
        let http: Http = register.http().clone();
        let new = register.await?;
        if self.write(name, &new, expected).await? {
            return Ok(new);
        }
        // Another process was faster. The client that nobody uses is not left behind, if it can be deleted.
        let _ = new.delete(&http).await;
        let Some(first) = self.load(name).await? else {
            let detail = "another process removed the registration while this one was made: try again";
            return Err(StoreError::new(StoreErrorKind::Unavailable, detail).into());
        };
        of_this_provider(first.client)
    }

    /// The client that is stored under this name.
    ///
    /// # Errors
    /// The store cannot be read, or the record cannot be opened.
    pub async fn get(&self, name: &str) -> Result<Option<RegisteredClient>, Error> {
        Ok(self.load(name).await?.map(|stored| stored.client))
    }

    /// Stores a client under this name, in place of another: after [`RegisteredClient::update`] or [`RegisteredClient::read`].
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn put(&self, name: &str, client: &RegisteredClient) -> Result<(), Error> {
        self.write(name, client, Expected::Any).await.map(drop)
    }

    /// Removes the client that is stored under this name, and returns whether there was one. To delete it at the provider too, call
    /// [`RegisteredClient::delete`] first.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn remove(&self, name: &str) -> Result<bool, Error> {
        Ok(self.store.delete(&key(name), None).await?)
    }

    async fn write(&self, name: &str, client: &RegisteredClient, expected: Expected) -> Result<bool, Error> {
        let key = key(name);
        let failed = |why: String| {
            StoreError::new(
                StoreErrorKind::Sealed,
                format!("the registration {key:?} could not be stored: {why}"),
            )
        };
        let text = serde_json::to_string(client).map(Secret::new).map_err(|e| failed(e.to_string()))?;
        let sealed = self.keys.seal(PURPOSE, &key, text.expose()).map_err(|e| failed(e.to_string()))?;
        let data = format!("{}.{sealed}", self.keys.key_id());
        Ok(self.store.save(Save::new(&key, &data, expected)).await? != Saved::Conflict)
    }

    async fn load(&self, name: &str) -> Result<Option<Stored>, Error> {
        let key = key(name);
        let Some(record) = self.store.load(&key).await? else { return Ok(None) };
        let (key_id, sealed) = record.data.expose().split_once('.').unwrap_or_default();
        let Some(text) = self.keys.open(PURPOSE, &key, sealed) else {
            let detail = format!(
                "the registration {key:?} in the store cannot be opened: it was sealed with a key that is not in the key ring, or it was \
                 changed. It is left as it is"
            );
            return Err(StoreError::new(StoreErrorKind::Sealed, detail).into());
        };
        let client = serde_json::from_str(text.expose()).map_err(|_| {
            let detail = format!(
                "the registration {key:?} in the store could not be read. It is left as it is. If a newer version of this program wrote \
                 it, use that version; otherwise remove it with Registrations::remove, and the program registers again"
            );
            StoreError::new(StoreErrorKind::Corrupted, detail)
        })?;
        let is_outdated = key_id != self.keys.key_id();
        Ok(Some(Stored { client, version: record.version, is_outdated }))
    }
}

/// A client as it is stored.
struct Stored {
    client: RegisteredClient,
    version: u64,
    /// It was sealed with a previous key.
    is_outdated: bool,
}

/// No key of a vault begins with `~`.
fn key(name: &str) -> String {
    format!("~client/{}", encoded(name))
}

const PURPOSE: &str = "vouchsafe client registration";
