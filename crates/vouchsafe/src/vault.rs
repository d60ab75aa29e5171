//! Tokens that stay fresh: sources of valid tokens, the stores behind them, and the connections of users to providers.
use std::collections::HashMap;
use std::fmt;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::client::Client;
use crate::error::{ConfigProblem, Error};
use crate::flows::login::Login as StartingLogin;
use crate::identity::Identity;
use crate::seal::KeyRing;
use crate::tokens::{AccessToken, Tokens};
use crate::transport::BoxFuture;

mod application;
mod bearer;
mod clock;
mod connection;
#[cfg(feature = "contract")]
pub mod contract;
mod event;
#[cfg(feature = "tower")]
mod layer;
mod listeners;
mod memory;
mod observe;
mod record;
mod registrations;
mod renew;
mod source;
mod store;
mod timing;

use self::application::Application;
use self::listeners::Events;
use self::record::{Login, Sealing};
use self::renew::{Place, StoredLogin};
use self::source::{Issued, Renew};

pub use self::bearer::{Authorized, Bearer};
pub use self::connection::{Connection, ConnectionState, Disconnected};
pub use self::event::Event;
#[cfg(feature = "tower")]
pub use self::layer::{BearerLayer, BearerService};
pub use self::memory::MemoryStore;
pub use self::registrations::Registrations;
pub use self::source::{GivenToken, TokenSource, ValidToken};
pub use self::store::{Change, Expected, Lease, LeaseRequest, Record, Save, Saved, TokenStore};

/// The connections of users to providers: for each, a login whose tokens are stored and stay fresh. Cheap to clone.
///
/// ```no_run
/// # async fn f(github: vouchsafe::Client, google: vouchsafe::Client, tokens: vouchsafe::Tokens, key: &[u8])
/// #     -> Result<(), Box<dyn std::error::Error>> {
/// use vouchsafe::seal::KeyRing;
/// use vouchsafe::vault::{MemoryStore, Vault};
///
/// let vault = Vault::sealed(MemoryStore::new(), KeyRing::new(key)?).client(github).client(google);
/// vault.connect("user 7", tokens).await?; // after a login
/// let token = vault.token("user 7", "github").await?; // at any time later
/// # Ok(()) }
/// ```
///
/// All processes that use one store share its logins: the tokens of a login are refreshed by one of them at a time, and are saved
/// before anybody uses them.
///
/// A provider is named by the slug of its client, or by the name given to [`Vault::client_named`].
#[derive(Clone)]
pub struct Vault {
    place: Arc<Place>,
    clients: Vec<(String, Client)>,
    sources: Arc<Mutex<HashMap<String, Cached>>>,
}

/// A source that was used, and when it was last made to look into the store.
struct Cached {
    source: TokenSource,
    checked: Option<Instant>,
}

impl Vault {
    /// A vault whose records are sealed with these keys. To replace a key, give the old one to
    /// [`KeyRing::previous`], and call [`Vault::reseal`].
    pub fn sealed(store: impl TokenStore + 'static, keys: KeyRing) -> Self {
        Self::with(Arc::new(store), Sealing::With(keys))
    }

    /// A vault whose records are plain text.
    ///
    /// # Security
    /// Everybody who can read the store, its files or its backups can use the tokens of all users.
    pub fn danger_plain_text(store: impl TokenStore + 'static) -> Self {
        Self::with(Arc::new(store), Sealing::PlainText)
    }

    fn with(store: Arc<dyn TokenStore>, sealing: Sealing) -> Self {
        let place = Place { store, sealing, events: Events::default(), unsaved: Mutex::default() };
        Self { place: Arc::new(place), clients: Vec::new(), sources: Arc::default() }
    }

    /// Adds the client of a provider, under its slug.
    #[must_use]
    pub fn client(self, client: Client) -> Self {
        let name = client.provider_slug().to_owned();
        self.client_named(name, client)
    }

    /// Adds the client of a provider under a name, for two providers with the same slug.
    #[must_use]
    pub fn client_named(mut self, name: impl Into<String>, client: Client) -> Self {
        let name = name.into();
        self.clients.retain(|(known, _)| *known != name);
        self.clients.push((name, client));
        self
    }

    /// Saves the tokens of a login for a user. A connection of the user to the same provider is replaced. The user is any text
    /// by which the application knows them.
    ///
    /// ```no_run
    /// # async fn f(vault: vouchsafe::vault::Vault, tokens: vouchsafe::Tokens, identity: vouchsafe::Identity)
    /// #     -> Result<(), vouchsafe::Error> {
    /// vault.connect("user 7", tokens).identity(&identity).await?;
    /// # Ok(()) }
    /// ```
    pub fn connect(&self, user: &str, tokens: Tokens) -> Connect<'_> {
        Connect { vault: self, user: user.to_owned(), login: Login::new(tokens) }
    }

    /// A valid access token of a user at a provider.
    ///
    /// # Errors
    /// As [`TokenSource::token`]; [`Error::needs_login`] also if the user has no connection to this provider.
    pub async fn token(&self, user: &str, provider: &str) -> Result<ValidToken, Error> {
        let source = self.source(user, provider)?;
        if let Some(cached) = self.sources().get_mut(&key(user, provider))
            && cached.checked.is_none_or(|checked| checked.elapsed() >= UNCHECKED)
        {
            // Another process may have deleted or replaced the login.
            cached.checked = Some(Instant::now());
            source.forget();
        }
        source.token().await
    }

    /// A source of valid access tokens of a user at a provider. While the token is valid, it does not look into the
    /// store, so it notices a deletion by another process only when the token ends.
    ///
    /// # Errors
    /// [`Error::Config`] if the vault has no client of this name.
    pub fn source(&self, user: &str, provider: &str) -> Result<TokenSource, Error> {
        let key = key(user, provider);
        let mut sources = self.sources();
        if let Some(cached) = sources.get(&key) {
            return Ok(cached.source.clone());
        }
        let login = Arc::new(self.login(key.clone(), provider)?);
        let runtime = login.client.inner.live.http.background();
        let source = TokenSource::with(login, runtime);
        if sources.len() >= MOST_SOURCES {
            sources.clear();
        }
        sources.insert(key, Cached { source: source.clone(), checked: None });
        Ok(source)
    }

    /// The tokens of a user at a provider as they are stored: the access token may have expired. `None` if there is no such
    /// connection.
    ///
    /// # Errors
    /// The store cannot be read, or the record cannot be opened.
    pub async fn stored_tokens(&self, user: &str, provider: &str) -> Result<Option<Tokens>, Error> {
        Ok(self.place.load(&key(user, provider)).await?.map(|(login, _)| login.tokens))
    }

    /// Refreshes the tokens of a user at a provider now, although they may be valid.
    ///
    /// # Errors
    /// As [`TokenSource::token`].
    pub async fn refresh(&self, user: &str, provider: &str) -> Result<ValidToken, Error> {
        let source = self.source(user, provider)?;
        let login = self.login(key(user, provider), provider)?;
        let Some((stored, _)) = self.place.load(&login.key).await? else { return Err(login.unknown()) };
        source.replace(stored.tokens.access_token().clone());
        source.token().await
    }

    /// The connections of a user.
    ///
    /// # Errors
    /// The store cannot be read, or one of its records cannot be opened.
    pub async fn connections(&self, user: &str) -> Result<Vec<Connection>, Error> {
        self.listed(&(encoded(user) + "/")).await
    }

    /// The connections of all users.
    ///
    /// # Errors
    /// As [`Vault::connections`].
    pub async fn all_connections(&self) -> Result<Vec<Connection>, Error> {
        self.listed("").await
    }

    /// Starts a login for more scopes: those that the connection has, and these. When the login has been finished, save its tokens
    /// with [`Vault::connect`]; they replace the old ones.
    ///
    /// # Errors
    /// As [`Vault::token`], if there is no connection.
    pub async fn add_scopes<S: Into<String>>(
        &self,
        user: &str,
        provider: &str,
        scopes: impl IntoIterator<Item = S>,
    ) -> Result<StartingLogin<'_>, Error> {
        let login = self.login(key(user, provider), provider)?;
        let Some((stored, _)) = self.place.load(&login.key).await? else { return Err(login.unknown()) };
        let mut all: Vec<String> = stored.tokens.scopes().map(str::to_owned).collect();
        for scope in scopes.into_iter().map(Into::into) {
            if !all.contains(&scope) {
                all.push(scope);
            }
        }
        Ok(self.client_of(provider)?.login().scopes(all))
    }

    /// Ends a connection: revokes its tokens at the provider, then deletes the login. It waits for a refresh under way.
    ///
    /// # Errors
    /// The store fails, or there is no such connection. A revocation that fails is not an error here: see [`Disconnected`].
    pub async fn disconnect(&self, user: &str, provider: &str) -> Result<Disconnected, Error> {
        let login = self.login(key(user, provider), provider)?;
        let Some((_, record)) = login.locked_record().await? else { return Err(login.unknown()) };
        let not_revoked = match self.place.open(&login.key, &record) {
            Ok(stored) => login.client.revoke(&stored.tokens).await.err(),
            Err(error) => Some(error),
        };
        self.place.store.delete(&login.key, None).await?;
        self.sources().remove(&login.key).inspect(|cached| cached.source.forget());
        let revoked = not_revoked.is_none();
        self.place.events.send(Event::Disconnected { key: login.key, revoked });
        Ok(Disconnected { not_revoked })
    }

    /// Ends all connections of a user, as [`Vault::disconnect`] does: for the deletion of an account.
    ///
    /// # Errors
    /// The first error; the other connections are ended nevertheless.
    pub async fn disconnect_all(&self, user: &str) -> Result<Vec<(String, Disconnected)>, Error> {
        let mut ended = Vec::new();
        let mut failure = None;
        for key in self.keys(&(encoded(user) + "/")).await? {
            let Some((_, provider)) = parts(&key) else { continue };
            match self.disconnect(user, &provider).await {
                Ok(disconnected) => ended.push((provider, disconnected)),
                // Nothing can be revoked without the client.
                Err(Error::Config(e)) if e.problem() == ConfigProblem::UnknownClient => {
                    self.place.store.delete(&key, None).await?;
                    ended.push((provider, Disconnected { not_revoked: Some(Error::Config(e)) }));
                }
                Err(error) if error.needs_login() => {}
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(ended), Err)
    }

    /// Deletes the logins of a user and leaves the tokens valid: at many providers a revocation ends all logins of the person at
    /// this application, and others may go on. Returns the number of logins.
    ///
    /// # Errors
    /// The store fails.
    pub async fn forget(&self, user: &str) -> Result<usize, Error> {
        let keys = self.keys(&(encoded(user) + "/")).await?;
        self.forget_keys(keys).await
    }

    /// Deletes logins as [`Vault::forget`] does: those of the users whose names begin with `prefix` and come before `end`, at most
    /// 100 at once. It is for names that tell when a login is not needed any more, such as `session-001764230400`: letters, digits,
    /// `-` and `_` come in the order of their bytes.
    ///
    /// # Errors
    /// The store fails.
    pub async fn forget_before(&self, prefix: &str, end: &str) -> Result<usize, Error> {
        let (prefix, end) = (encoded(prefix), encoded(end));
        // A page is long, and often none of it is needed.
        let first = self.place.store.list(&prefix, None, 1).await?;
        if first.first().is_none_or(|(key, _)| *key >= end) {
            return Ok(0);
        }
        let page = self.page(&prefix, None).await?;
        let keys = page.into_iter().map(|(key, _)| key);
        self.forget_keys(keys.take_while(|key| *key < end).collect()).await
    }

    async fn forget_keys(&self, keys: Vec<String>) -> Result<usize, Error> {
        let changes = keys.iter().map(|key| Change::Delete { key, version: None }).collect();
        let deleted = self.place.store.change(changes).await?;
        let mut count = 0;
        for (key, deleted) in keys.into_iter().zip(deleted) {
            self.sources().remove(&key).inspect(|cached| cached.source.forget());
            if deleted {
                count += 1;
                self.place.events.send(Event::Disconnected { key, revoked: false });
            }
        }
        Ok(count)
    }

    /// Seals records with the current key that are sealed with a previous one, and returns how many it found. Call it in the
    /// background after a key was replaced, when all processes have the new key; when it returns 0, remove the previous key.
    ///
    /// A record whose tokens are being refreshed is counted and left to the next call.
    ///
    /// # Errors
    /// The store fails, or a record cannot be opened with any key of the ring.
    pub async fn reseal(&self) -> Result<usize, Error> {
        let mut count = 0;
        let mut after: Option<String> = None;
        loop {
            let records = self.page("", after.as_deref()).await?;
            let Some((last, _)) = records.last() else { return Ok(count) };
            after = Some(last.clone());
            for (key, record) in records {
                if !self.place.sealing.is_outdated(&record.data) {
                    continue;
                }
                count += 1;
                let lease = self.place.store.lease(&key, LeaseRequest::new(renew::LEASE)).await?;
                let Lease::Granted { fence, record } = lease else { continue };
                let login = self.place.open(&key, &record)?;
                let data = self.place.seal(&key, &login)?;
                let save = Save::new(&key, data.expose(), Expected::Version(record.version));
                self.place.store.save(save.under_lease(fence, 0)).await?;
            }
        }
    }

    /// The events of this vault from now on, for an audit log. Read it on a thread of its own. At most 1,024 events wait; a
    /// reader that is slower misses events, and holds up nothing.
    pub fn events(&self) -> Receiver<Event> {
        self.place.events.listen()
    }

    fn login(&self, key: String, provider: &str) -> Result<StoredLogin, Error> {
        let client = self.client_of(provider)?.clone();
        Ok(StoredLogin { place: self.place.clone(), client, key })
    }

    fn client_of(&self, provider: &str) -> Result<&Client, Error> {
        let found = self.clients.iter().find(|(name, _)| name == provider).map(|(_, client)| client);
        found.ok_or_else(|| {
            let names = self.clients.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
            let detail =
                format!("this vault has no client {provider:?}: add one with Vault::client. It has: {names}");
            Error::config(ConfigProblem::UnknownClient, detail)
        })
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let mut keys: Vec<String> = Vec::new();
        loop {
            let page = self.page(prefix, keys.last().map(String::as_str)).await?;
            if page.is_empty() {
                return Ok(keys);
            }
            keys.extend(page.into_iter().map(|(key, _)| key));
        }
    }

    async fn listed(&self, prefix: &str) -> Result<Vec<Connection>, Error> {
        let (mut connections, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = self.page(prefix, after.as_deref()).await?;
            let Some((last, _)) = page.last() else { return Ok(connections) };
            after = Some(last.clone());
            for (key, record) in page {
                let Some((user, provider)) = parts(&key) else { continue };
                connections.push(Connection::new(user, provider, self.place.open(&key, &record)?));
            }
        }
    }

    /// The next logins whose keys begin with the prefix.
    async fn page(&self, prefix: &str, after: Option<&str>) -> Result<Vec<(String, Record)>, Error> {
        let mut page = self.place.store.list(prefix, after, PAGE).await?;
        // Records of others are behind all logins.
        page.retain(|(key, _)| !key.starts_with(OTHERS));
        Ok(page)
    }

    fn sources(&self) -> MutexGuard<'_, HashMap<String, Cached>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.clients.iter().map(|(name, _)| name).collect();
        f.debug_struct("Vault").field("clients", &names).finish_non_exhaustive()
    }
}

/// A login that is being saved. Await it.
#[must_use = "the login is saved by .await"]
pub struct Connect<'v> {
    vault: &'v Vault,
    user: String,
    login: Login,
}

crate::secret::opaque!(Connect<'_>);

impl Connect<'_> {
    /// Saves the identity with the tokens. [`Vault::connections`] returns it.
    pub fn identity(mut self, identity: &Identity) -> Self {
        self.login.identity = Some(identity.clone());
        self
    }

    /// Saves a text of the application with the tokens. It is sealed like the tokens.
    pub fn data(mut self, data: impl Into<String>) -> Self {
        self.login.data = Some(data.into());
        self
    }

    /// The tokens are those of the application itself ([`Client::client_credentials`]). They are not refreshed: when they end, new
    /// ones are requested with these scopes and parameters, by one of the processes that use the store.
    pub fn application<S: Into<String>>(
        mut self,
        scopes: impl IntoIterator<Item = S>,
        params: impl IntoIterator<Item = (S, S)>,
    ) -> Self {
        self.login.application = Some(Application::new(scopes, params));
        self
    }

    async fn save(self) -> Result<(), Error> {
        let Self { vault, user, login } = self;
        let of = login.tokens.provenance();
        let is_of = |client: &Client| client.issued(of);
        let Some((provider, _)) = vault.clients.iter().find(|(_, client)| is_of(client)) else {
            let detail = format!(
                "this vault has no client that these tokens were issued to: add the client {:?} of {} with Vault::client",
                of.client_id, of.issuer
            );
            return Err(Error::config(ConfigProblem::UnknownClient, detail));
        };
        let key = key(&user, provider);
        let data = vault.place.seal(&key, &login)?;
        vault.place.store.save(Save::new(&key, data.expose(), Expected::Any)).await?;
        // A refresh of the old tokens that is under way changes nothing any more.
        vault.sources().remove(&key).inspect(|cached| cached.source.forget());
        vault.place.events.send(Event::Connected { key });
        Ok(())
    }
}

impl<'v> IntoFuture for Connect<'v> {
    type Output = Result<(), Error>;
    type IntoFuture = BoxFuture<'v, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.save())
    }
}

impl TokenSource {
    /// A source that begins with these tokens. It keeps refreshed tokens in memory only.
    ///
    /// # Errors
    /// [`Error::Config`] if the tokens belong to another client.
    pub async fn new(client: &Client, tokens: Tokens) -> Result<Self, Error> {
        let vault = Vault::danger_plain_text(MemoryStore::new()).client(client.clone());
        vault.connect("", tokens).await?;
        vault.source("", client.provider_slug())
    }
}

impl Renew for StoredLogin {
    fn renew(self: Arc<Self>, rejected: Option<AccessToken>) -> BoxFuture<'static, Result<Issued, Error>> {
        Box::pin(async move { Ok(self.current(rejected.as_ref()).await?.tokens.into()) })
    }

    fn client(&self) -> Option<&Client> {
        Some(&self.client)
    }
}

/// The key of a record. A user is any text: the parts must not run into each other.
fn key(user: &str, provider: &str) -> String {
    format!("{}/{}", encoded(user), encoded(provider))
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

fn parts(key: &str) -> Option<(String, String)> {
    let (user, provider) = key.split_once('/')?;
    let decoded = |part| percent_decode_str(part).decode_utf8().ok().map(|text| text.into_owned());
    Some((decoded(user)?, decoded(provider)?))
}

/// Readable keys: only what could be mistaken is encoded.
const RESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'@').remove(b':').remove(b' ');
/// No key of a login begins with this character: `encoded` escapes it. It comes after all others that these keys have.
const OTHERS: char = '~';
/// How many records are read at once.
const PAGE: usize = 100;
/// How long a token is given without a look at the store.
const UNCHECKED: Duration = Duration::from_secs(10);
/// How many logins are kept in memory beside the store.
const MOST_SOURCES: usize = 10_000;
