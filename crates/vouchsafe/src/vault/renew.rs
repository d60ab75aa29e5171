//! How a stored login gets new tokens: once for all processes, and saved before anybody sees them.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::clock::now;
use super::event::Event;
use super::listeners::Events;
use super::record::{Login, Sealing};
use super::store::{Expected, Lease, LeaseRequest, Record, Save, Saved, TokenStore};
use super::timing::Times;
use crate::client::Client;
use crate::error::{ConfigProblem, Error, HttpErrorKind, StoreError, StoreErrorKind};
use crate::secret::Secret;
use crate::tokens::{AccessToken, RefreshToken, Tokens};

/// Where logins are kept.
pub(super) struct Place {
    pub(super) store: Arc<dyn TokenStore>,
    pub(super) sealing: Sealing,
    pub(super) events: Events,
    /// New tokens that could not be saved, by the keys of their records. They are saved before anything else is done.
    pub(super) unsaved: Mutex<HashMap<String, Unsaved>>,
}

impl Place {
    pub(super) async fn load(&self, key: &str) -> Result<Option<(Login, u64)>, Error> {
        match self.store.load(key).await? {
            Some(record) => self.open(key, &record).map(|login| Some((login, record.version))),
            None => Ok(None),
        }
    }

    pub(super) fn open(&self, key: &str, record: &Record) -> Result<Login, Error> {
        Ok(Login::from_text(key, self.sealing.open(key, &record.data)?.expose())?)
    }

    pub(super) fn seal(&self, key: &str, login: &Login) -> Result<Secret, Error> {
        self.sealing.seal(key, &login.to_text()?)
    }
}

/// A login in a store, and the client that refreshes its tokens.
pub(super) struct StoredLogin {
    pub(super) place: Arc<Place>,
    pub(super) client: Client,
    pub(super) key: String,
}

#[derive(Clone)]
pub(super) struct Unsaved {
    login: Login,
    /// The refresh token that was spent for them.
    spent: Secret,
    /// The lease under which it was spent.
    fence: u64,
}

/// A lease that the caller holds.
#[derive(Clone, Copy)]
struct Held {
    fence: u64,
    /// The version of the record.
    version: u64,
    /// Before it was granted, by the clock of this process.
    asked: Instant,
}

impl StoredLogin {
    /// The login with a valid access token that is not the rejected one.
    pub(super) async fn current(&self, rejected: Option<&AccessToken>) -> Result<Login, Error> {
        let unsaved = self.unsaved().get(&self.key).cloned();
        if let Some(unsaved) = unsaved {
            self.supersede(&unsaved, Instant::now() + SAVING).await?;
        }
        let Some((login, _)) = self.place.load(&self.key).await? else { return Err(self.unknown()) };
        if let Some(outcome) = settled(&login, rejected) {
            return outcome;
        }
        // A token that is still valid is used if it cannot be refreshed early.
        let valid = Some(login).filter(|login| is_usable(login, rejected));
        match (self.refresh_once(rejected, valid.is_some()).await, valid) {
            (Ok(Some(login)), _) | (Ok(None), Some(login)) => Ok(login),
            (Err(error), Some(login)) => {
                self.place.events.send(Event::RefreshFailed {
                    key: self.key.clone(),
                    error,
                    still_valid: true,
                });
                Ok(login)
            }
            (Err(error), None) => {
                let event =
                    Event::RefreshFailed { key: self.key.clone(), error: error.clone(), still_valid: false };
                self.place.events.send(event);
                Err(error)
            }
            (Ok(None), None) => Err(self.locked()),
        }
    }

    /// Refreshes the tokens, unless another process does. `None` if another process does and the caller can do without.
    async fn refresh_once(
        &self,
        rejected: Option<&AccessToken>,
        can_do_without: bool,
    ) -> Result<Option<Login>, Error> {
        let mut patience = Patience::new(&self.client);
        loop {
            let asked = Instant::now();
            let (fence, record) = match self.place.store.lease(&self.key, patience.request()).await? {
                Lease::Absent => return Err(self.unknown()),
                Lease::Busy { .. } if can_do_without => return Ok(None),
                Lease::Busy { fence } => {
                    if !patience.wait(fence).await {
                        return Err(self.locked());
                    }
                    continue;
                }
                Lease::Granted { fence, record } => (fence, record),
            };
            let held = Held { fence, version: record.version, asked };
            let login = self.place.open(&self.key, &record);
            // Somebody else may have refreshed them meanwhile, or tried to.
            let outcome = match &login {
                Ok(login) => settled(login, rejected).or_else(|| {
                    let failure = login.failure.as_ref()?;
                    let is_shared = patience.first.is_some_and(|first| failure.fence >= first);
                    (is_shared || failure.pause().is_some()).then(|| failure.error().map(Err))?
                }),
                Err(error) => Some(Err(error.clone())),
            };
            if let Some(outcome) = outcome {
                self.place.store.release(&self.key, fence).await?;
                patience.report(&self.place.events, &self.key);
                return outcome.map(Some);
            }
            if let Some(login) = self.refresh(login?, held).await? {
                return Ok(Some(login));
            }
        }
    }

    /// Refreshes the tokens under a lease. `None` if the lease was over before anything was sent.
    async fn refresh(&self, mut login: Login, held: Held) -> Result<Option<Login>, Error> {
        let was_begun = login.begun;
        login.begun = true;
        let data = self.place.seal(&self.key, &login)?;
        let room = data.expose().len() * 2 + ROOM;
        let save = Save::new(&self.key, data.expose(), Expected::Version(held.version))
            .under_lease(held.fence, room);
        let version = match self.place.store.save(save).await {
            Ok(Saved::Version(version)) => version,
            Ok(Saved::Conflict) => return Ok(None),
            Err(error) => {
                // The lease ends by itself if this fails too.
                let _ = self.place.store.release(&self.key, held.fence).await;
                return Err(error.adding(". Nothing was sent to the provider").into());
            }
        };
        let held = Held { version, ..held };
        // This process may have stood still. Another one may hold the lease now, and may have spent the refresh token.
        let Some(left) = LEASE.checked_sub(held.asked.elapsed() + LEASE_MARGIN) else {
            let _ = self.place.store.release(&self.key, held.fence).await;
            return Ok(None);
        };
        self.place.events.send(Event::Refreshing { key: self.key.clone() });
        match self.request(&login, left).await {
            Ok(tokens) => self.keep(&login, tokens, held).await.map(Some),
            Err(mut error) => {
                if error.needs_login() && was_begun {
                    error = error.adding(
                        ". An earlier refresh of these tokens was interrupted, and its response was lost: this is the probable reason",
                    );
                }
                let mut failed = login;
                failed.begun = is_open(&error);
                failed.fail(&error, held.fence);
                // If this cannot be saved, the record says that a refresh has begun, which is true as well.
                if let Ok(data) = self.place.seal(&self.key, &failed) {
                    let save = Save::new(&self.key, data.expose(), Expected::Version(version));
                    let _ = self.place.store.save(save.under_lease(held.fence, 0)).await;
                }
                if failed.ended {
                    self.place.events.send(Event::SignInAgain { key: self.key.clone() });
                }
                Err(error)
            }
        }
    }

    /// The request for new tokens. It is repeated only if the provider has said that it is busy.
    async fn request(&self, login: &Login, left: Duration) -> Result<Tokens, Error> {
        let end = Instant::now() + left;
        let mut pause = FIRST_PAUSE;
        for _ in 0..BUSY_RETRIES {
            match self.request_before(login, end).await {
                Err(error) if matches!(error.status(), Some(429 | 503)) => {
                    let wait = error.retry_after().unwrap_or(pause);
                    if wait + LEAST_TIME > end.saturating_duration_since(Instant::now()) {
                        return Err(error);
                    }
                    let Some(waiting) = self.client.inner.live.http.wait(wait) else { return Err(error) };
                    waiting.await;
                    pause *= 2;
                }
                outcome => return outcome,
            }
        }
        self.request_before(login, end).await
    }

    async fn request_before(&self, login: &Login, end: Instant) -> Result<Tokens, Error> {
        let left = end.saturating_duration_since(Instant::now());
        let left = self.client.call_timeout.map_or(left, |own| own.min(left));
        let client = self.client.clone().call_timeout(left);
        match &login.application {
            None => client.refresh(&login.tokens).await,
            Some(application) => application.request(&client).await,
        }
    }

    /// Saves the new tokens. They are handed out only after that.
    async fn keep(&self, old: &Login, tokens: Tokens, held: Held) -> Result<Login, Error> {
        let login = old.refreshed(tokens);
        let data = self.place.seal(&self.key, &login)?;
        let unsaved = Unsaved { login, spent: spent_with(&old.tokens).clone(), fence: held.fence };
        self.unsaved().insert(self.key.clone(), unsaved.clone());
        let end = Instant::now() + SAVING;
        let save =
            Save::new(&self.key, data.expose(), Expected::Version(held.version)).under_lease(held.fence, 0);
        match self.save_until(end, save).await? {
            Saved::Version(_) => {
                self.unsaved().remove(&self.key);
                self.place.events.send(Event::Refreshed {
                    key: self.key.clone(),
                    old: old.tokens.clone(),
                    new: unsaved.login.tokens.clone(),
                });
                Ok(unsaved.login)
            }
            Saved::Conflict => self.supersede(&unsaved, end).await,
        }
    }

    /// Saves, and tries again for a while if the store fails.
    async fn save_until(&self, end: Instant, save: Save<'_>) -> Result<Saved, Error> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.place.store.save(save.clone()).await {
                Ok(saved) => return Ok(saved),
                Err(error) => {
                    let waiting = self.client.inner.live.http.wait(pause);
                    let Some(waiting) = waiting.filter(|_| error.kind().may_pass() && Instant::now() < end)
                    else {
                        return Err(lost(error).into());
                    };
                    waiting.await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Saves new tokens over a record that another process changed while they were requested. What the other process
    /// wrote counts if it is about other tokens; the tokens that were spent for the new ones are worth nothing.
    async fn supersede(&self, unsaved: &Unsaved, end: Instant) -> Result<Login, Error> {
        let mut patience = Patience::new(&self.client);
        loop {
            let asked = self.place.store.lease(&self.key, patience.request()).await;
            let (fence, record) = match asked.map_err(lost)? {
                // The application has deleted the login.
                Lease::Absent => {
                    self.unsaved().remove(&self.key);
                    return Err(self.unknown());
                }
                // The lease under which they were requested is not over yet.
                Lease::Busy { fence } if fence == unsaved.fence => {
                    let Some(record) = self.place.store.load(&self.key).await.map_err(lost)? else {
                        continue;
                    };
                    (fence, record)
                }
                Lease::Busy { fence } => {
                    if !patience.wait(fence).await {
                        return Err(self.locked());
                    }
                    continue;
                }
                Lease::Granted { fence, record } => (fence, record),
            };
            let theirs = self.place.open(&self.key, &record)?;
            if spent_with(&theirs.tokens) != &unsaved.spent {
                self.place.store.release(&self.key, fence).await?;
                self.unsaved().remove(&self.key);
                return Ok(theirs);
            }
            let data = self.place.seal(&self.key, &unsaved.login)?;
            let save =
                Save::new(&self.key, data.expose(), Expected::Version(record.version)).under_lease(fence, 0);
            if let Saved::Version(_) = self.save_until(end, save).await? {
                self.unsaved().remove(&self.key);
                return Ok(unsaved.login.clone());
            }
        }
    }

    /// Takes the lease for a change that must not meet a refresh. `None` if there is no record.
    pub(super) async fn locked_record(&self) -> Result<Option<(u64, Record)>, Error> {
        let mut patience = Patience::new(&self.client);
        loop {
            match self.place.store.lease(&self.key, patience.request()).await? {
                Lease::Absent => return Ok(None),
                Lease::Granted { fence, record } => return Ok(Some((fence, record))),
                Lease::Busy { fence } => {
                    if !patience.wait(fence).await {
                        return Err(self.locked());
                    }
                }
            }
        }
    }

    fn unsaved(&self) -> MutexGuard<'_, HashMap<String, Unsaved>> {
        self.place.unsaved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn unknown(&self) -> Error {
        let detail = format!("no login is stored under {:?}: the user has to sign in", self.key);
        Error::config(ConfigProblem::UnknownLogin, detail)
    }

    fn locked(&self) -> Error {
        let detail = format!(
            "another refresh of the tokens of {:?} has held their lease for {} seconds: try again later",
            self.key,
            LONGEST_WAIT.as_secs()
        );
        StoreError::new(StoreErrorKind::Locked, detail).into()
    }
}

/// The outcome that needs no refresh, if there is one.
fn settled(login: &Login, rejected: Option<&AccessToken>) -> Option<Result<Login, Error>> {
    if is_usable(login, rejected) && (login.ended || times(&login.tokens).is_fresh(now())) {
        return Some(Ok(login.clone()));
    }
    let failure = login.failure.as_ref().filter(|_| login.ended)?;
    failure.error().map(Err)
}

fn is_usable(login: &Login, rejected: Option<&AccessToken>) -> bool {
    rejected != Some(login.tokens.access_token()) && times(&login.tokens).is_valid(now())
}

fn times(tokens: &Tokens) -> Times {
    Times::new(tokens.access_token(), tokens.received_at(), tokens.expires_at())
}

/// Whether the provider may have spent the refresh token although no usable response came.
fn is_open(error: &Error) -> bool {
    match error {
        Error::Http(e) => match e.kind() {
            HttpErrorKind::Connect | HttpErrorKind::Tls => false,
            HttpErrorKind::Status => e.status().is_none_or(|status| status >= 500 && status != 503),
            _ => true,
        },
        Error::Response(_) | Error::Validation(_) => true,
        _ => false,
    }
}

/// The token that a refresh spends: the refresh token, or the access token at a provider without refresh tokens.
fn spent_with(tokens: &Tokens) -> &Secret {
    tokens.refresh_token().map_or(tokens.bearer(), RefreshToken::secret)
}

fn lost(error: StoreError) -> StoreError {
    error.adding(
        ". The provider has issued new tokens, and they could not be saved: this login may be lost. If the program ends before \
         they are saved, the user has to sign in again",
    )
}

/// Waiting for the lease of another process.
struct Patience<'c> {
    client: &'c Client,
    since: Instant,
    /// The lease that is watched, and since when.
    watched: Option<(u64, Instant)>,
    /// The first lease that was waited for.
    first: Option<u64>,
    pause: Duration,
}

impl<'c> Patience<'c> {
    fn new(client: &'c Client) -> Self {
        Self { client, since: Instant::now(), watched: None, first: None, pause: FIRST_POLL }
    }

    fn request(&self) -> LeaseRequest {
        let seen_out = self.watched.filter(|(_, since)| since.elapsed() >= LEASE).map(|(fence, _)| fence);
        LeaseRequest::new(LEASE).seen_out(seen_out)
    }

    /// Waits a moment. `false` if the time is over, or nothing here can wait.
    async fn wait(&mut self, fence: u64) -> bool {
        if self.watched.is_none_or(|(watched, _)| watched != fence) {
            self.watched = Some((fence, Instant::now()));
        }
        self.first.get_or_insert(fence);
        if self.since.elapsed() >= LONGEST_WAIT {
            return false;
        }
        let Some(waiting) = self.client.inner.live.http.wait(self.pause) else { return false };
        waiting.await;
        self.pause = (self.pause * 3 / 2).min(LONGEST_POLL);
        true
    }

    fn report(&self, events: &Events, key: &str) {
        if self.first.is_some() {
            events.send(Event::Waited { key: key.to_owned(), time: self.since.elapsed() });
        }
    }
}

/// How long a lease lasts: long enough for a request and its repetitions, short enough to wait for a process that crashed.
pub(super) const LEASE: Duration = Duration::from_secs(15);
/// The time of a lease that is left for saving.
const LEASE_MARGIN: Duration = Duration::from_secs(3);
/// How long somebody waits for others: three leases.
const LONGEST_WAIT: Duration = Duration::from_secs(45);
/// How long saving new tokens is tried.
const SAVING: Duration = Duration::from_secs(30);
/// The first pause before something is tried again. Each pause is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The pauses between two looks at the lease of another process.
const FIRST_POLL: Duration = Duration::from_millis(20);
const LONGEST_POLL: Duration = Duration::from_millis(250);
/// How often a request is repeated after 429 or 503.
const BUSY_RETRIES: u32 = 2;
/// With less time than this, a request is not worth repeating.
const LEAST_TIME: Duration = Duration::from_secs(1);
/// The room for new tokens, beside twice that of the old ones, in bytes.
const ROOM: usize = 8 * 1024;
