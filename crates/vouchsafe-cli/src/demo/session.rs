//! The sessions: one for each browser, in memory, the latest of them.
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::{constant_time, rand};
use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use vouchsafe::seal::KeyRing;
use vouchsafe::{Client, Error, Http};
use vouchsafe_axum::{LoggedIn, Logins};

use super::offers::Offer;
use super::record::{Recorder, Trace};

/// The demo.
pub(super) struct App {
    pub(super) origin: String,
    /// The ways to sign in: at least one.
    pub(super) offers: Vec<Offer>,
    pub(super) http: Http,
    pub(super) keys: KeyRing,
    pub(super) sessions: Sessions,
}

impl App {
    /// The logins of a session at the provider with that slug, or at the first. Their client records its requests, and shares
    /// no cache with other clients, so that every login shows all its steps. A real application creates its clients only once.
    pub(super) fn logins(&self, slug: &str, trace: &Trace) -> io::Result<Logins> {
        let offer = self.offers.iter().find(|offer| offer.slug == slug).or(self.offers.first());
        let offer = offer.ok_or_else(|| io::Error::other("there is no way to sign in"))?;
        let http = self.http.clone().wrap(|inner| Recorder { inner, trace: trace.clone() });
        let redirect_uri = format!("{}/callback/{}", self.origin, offer.slug);
        let registration = offer.registration.clone().redirect_uri(redirect_uri);
        let client = Client::new(offer.provider.clone(), registration, &http).map_err(io::Error::other)?;
        Ok(Logins::new(client.clone(), self.keys.clone()).with(offer.slug, client))
    }
}

/// One browser's session.
pub(super) struct Session {
    /// The proof that every form with an effect has to contain.
    pub(super) csrf: String,
    pub(super) trace: Trace,
    /// Locked during requests to the provider: a refresh token that is used twice ends the grant.
    pub(super) visitor: tokio::sync::Mutex<Visitor>,
    /// The logins at the provider that was chosen last.
    logins: Mutex<Option<Logins>>,
}

impl Session {
    pub(super) fn new() -> io::Result<Arc<Self>> {
        let (trace, visitor) = (Trace::default(), tokio::sync::Mutex::default());
        Ok(Arc::new(Self { csrf: random()?, trace, visitor, logins: Mutex::default() }))
    }

    pub(super) fn logins(&self) -> Option<Logins> {
        lock(&self.logins).clone()
    }

    /// Begins a new flow: without recorded steps, and with a client that has not fetched any metadata.
    pub(super) fn begin(&self, app: &App, slug: &str) -> io::Result<Logins> {
        self.trace.clear();
        Ok(lock(&self.logins).insert(app.logins(slug, &self.trace)?).clone())
    }
}

/// The visitor of a session.
#[derive(Default)]
pub(super) struct Visitor {
    pub(super) user: Option<User>,
    /// Shown once.
    pub(super) notice: Option<Notice>,
    /// The URL that ends the session at the provider, after a sign-out here.
    pub(super) end_session: Option<String>,
}

/// A user who is signed in.
pub(super) struct User {
    /// The client of this login: a later login has a new one.
    pub(super) client: Client,
    pub(super) login: LoggedIn,
    pub(super) refreshes: u64,
    pub(super) revoked: bool,
}

/// The outcome of something that the visitor did.
pub(super) struct Notice {
    pub(super) good: bool,
    pub(super) title: &'static str,
    pub(super) text: String,
}

impl Notice {
    pub(super) fn good(title: &'static str, text: &str) -> Self {
        Self { good: true, title, text: text.to_owned() }
    }

    pub(super) fn error(error: &Error) -> Self {
        let title = if error.needs_login() {
            "The provider no longer accepts these tokens. Sign out and sign in again to continue."
        } else if error.is_retryable() {
            "The provider could not be reached. Try again in a moment."
        } else if matches!(error, Error::Unsupported(_)) {
            "The provider does not support this, or issued no token for it."
        } else {
            "The provider’s response was not as expected. The last step below shows it."
        };
        Self { good: false, title, text: format!("The library’s error message: {error}.") }
    }
}

/// The sessions by their IDs, oldest first.
pub(super) struct Sessions {
    cookie: String,
    known: Mutex<VecDeque<(String, Arc<Session>)>>,
}

impl Sessions {
    pub(super) fn new(port: u16) -> Self {
        // Cookies ignore ports: two demos on one machine must not overwrite each other's session.
        Self { cookie: format!("vouchsafe_demo_{port}"), known: Mutex::default() }
    }

    pub(super) fn find(&self, headers: &HeaderMap) -> Option<Arc<Session>> {
        // Other programs on this host may set any bytes. Only ASCII white space separates cookies.
        let pairs = headers.get_all(COOKIE).into_iter().flat_map(|h| h.as_bytes().split(|b| *b == b';'));
        let mut pairs = pairs.filter_map(|pair| std::str::from_utf8(pair.trim_ascii()).ok()?.split_once('='));
        let (_, id) = pairs.find(|(name, _)| *name == self.cookie)?;
        lock(&self.known).iter().find(|(known, _)| known == id).map(|(_, session)| session.clone())
    }

    /// The same, if the form with this proof comes from a page of that session.
    pub(super) fn proven(&self, headers: &HeaderMap, csrf: &str) -> Option<Arc<Session>> {
        let is_equal = |own: &str| constant_time::verify_slices_are_equal(own.as_bytes(), csrf.as_bytes());
        self.find(headers).filter(|session| is_equal(&session.csrf).is_ok())
    }

    /// Gives a session a new ID, so that the old one is useless (session fixation). Returns the `Set-Cookie` header.
    pub(super) fn renew(&self, session: &Arc<Session>) -> io::Result<String> {
        let id = random()?;
        let mut known = lock(&self.known);
        known.retain(|(_, other)| !Arc::ptr_eq(other, session));
        if known.len() == MAX_SESSIONS {
            known.pop_front();
        }
        known.push_back((id.clone(), session.clone()));
        Ok(format!("{}={id}; Path=/; HttpOnly; SameSite=Lax", self.cookie))
    }
}

/// 256 random bits, in hexadecimal.
fn random() -> io::Result<String> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| io::Error::other("the random number generator failed"))?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const MAX_SESSIONS: usize = 100;
