//! The sessions: one for each browser, in memory, the latest of them.
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_lc_rs::{constant_time, rand};
use axum::extract::Extension;
use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use vouchsafe::seal::KeyRing;
use vouchsafe::{Client, Error, Http, Identity, Provider, Registration, Tokens};
use vouchsafe_axum::{LoggedIn, Logins};

use super::record::{Recorder, Trace};

/// A way to sign in: one button.
pub(super) struct Offer {
    /// The last part of the path of its login.
    pub(super) slug: String,
    pub(super) label: String,
    /// What is special about it. The offers without a hint are in the long list.
    pub(super) hint: Option<&'static str>,
    /// The picture on the button, as SVG.
    pub(super) mark: &'static str,
    pub(super) provider: Provider,
    pub(super) registration: Registration,
}

/// The demo.
pub(super) struct App {
    pub(super) sessions: Sessions,
    pub(super) setup: Setup,
    pub(super) origin: String,
}

/// The session of a request, if it has one.
pub(super) type Current = Extension<Option<Arc<Session>>>;

/// What all sessions share.
pub(super) struct Setup {
    /// The ways to sign in: at least one.
    pub(super) offers: Vec<Offer>,
    pub(super) http: Http,
    pub(super) keys: KeyRing,
}

impl Setup {
    /// One way to sign in, by its slug.
    pub(super) fn offer(&self, slug: &str) -> Option<&Offer> {
        self.offers.iter().find(|offer| offer.slug == slug)
    }

    /// A client that records its requests. It shares no cache with other clients, so that every login shows all its steps.
    /// A real application creates its clients only once.
    fn chosen(&self, slug: Option<&str>, trace: &Trace) -> io::Result<Chosen> {
        let first = || self.offers.first().ok_or_else(|| io::Error::other("there is no way to sign in"));
        let offer = slug.and_then(|slug| self.offer(slug)).map_or_else(first, Ok)?;
        let http = Http::from(Recorder { inner: self.http.transport(), trace: trace.clone() });
        let client = Client::new(offer.provider.clone(), offer.registration.clone(), &http)
            .map_err(io::Error::other)?;
        let logins = Logins::new(client.clone(), self.keys.clone()).with(offer.slug.clone(), client.clone());
        Ok(Chosen { slug: offer.slug.clone(), client, logins })
    }
}

/// The way to sign in that was chosen last.
struct Chosen {
    slug: String,
    client: Client,
    logins: Logins,
}

/// One browser's session.
pub(super) struct Session {
    /// The proof that every form with an effect has to contain.
    pub(super) csrf: String,
    pub(super) trace: Trace,
    /// Locked during requests to the provider: a refresh token that is used twice ends the grant.
    pub(super) visitor: tokio::sync::Mutex<Visitor>,
    chosen: Mutex<Chosen>,
    new_id: AtomicBool,
}

impl Session {
    fn new(setup: &Setup) -> io::Result<Self> {
        let trace = Trace::default();
        Ok(Self {
            csrf: random()?,
            chosen: Mutex::new(setup.chosen(None, &trace)?),
            trace,
            visitor: tokio::sync::Mutex::default(),
            new_id: AtomicBool::new(false),
        })
    }

    pub(super) fn logins(&self) -> Logins {
        lock(&self.chosen).logins.clone()
    }

    pub(super) fn client(&self, slug: &str) -> Option<Client> {
        let chosen = lock(&self.chosen);
        (chosen.slug == slug).then(|| chosen.client.clone())
    }

    /// Begins a new flow: without recorded steps, and with a client that has not fetched any metadata.
    pub(super) fn begin(&self, setup: &Setup, slug: &str) -> io::Result<()> {
        self.trace.clear();
        *lock(&self.chosen) = setup.chosen(Some(slug), &self.trace)?;
        Ok(())
    }

    /// Changes the session's ID with the next response, so that the old ID is useless (session fixation).
    pub(super) fn renew_id(&self) {
        self.new_id.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_csrf(&self, token: &str) -> bool {
        constant_time::verify_slices_are_equal(self.csrf.as_bytes(), token.as_bytes()).is_ok()
    }
}

/// What a session knows about its visitor.
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
    pub(super) slug: String,
    /// The client of this login: a later login has a new one.
    pub(super) client: Client,
    pub(super) identity: Identity,
    pub(super) tokens: Tokens,
    /// The lifetime of the access token when it was issued.
    pub(super) life: Option<Duration>,
    pub(super) refreshes: u64,
    pub(super) revoked: bool,
}

impl User {
    pub(super) fn new(client: Client, user: LoggedIn) -> Self {
        Self {
            slug: user.client_name,
            client,
            identity: user.identity,
            life: left(&user.tokens),
            tokens: user.tokens,
            refreshes: 0,
            revoked: false,
        }
    }

    pub(super) fn refreshed(&mut self, tokens: Tokens) {
        self.life = left(&tokens);
        self.tokens = tokens;
        self.refreshes += 1;
    }
}

/// The remaining lifetime of the access token, if the provider says it.
pub(super) fn left(tokens: &Tokens) -> Option<Duration> {
    tokens.expires_at().map(|at| at.duration_since(SystemTime::now()).unwrap_or_default())
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

    pub(super) fn start(&self, setup: &Setup) -> io::Result<Arc<Session>> {
        let session = Arc::new(Session::new(setup)?);
        session.renew_id();
        Ok(session)
    }

    /// The `Set-Cookie` header for a session that is new or needs a new ID.
    pub(super) fn set_cookie(&self, session: &Arc<Session>) -> Option<String> {
        if !session.new_id.swap(false, Ordering::Relaxed) {
            return None;
        }
        let id = random().ok()?;
        let mut known = lock(&self.known);
        known.retain(|(_, other)| !Arc::ptr_eq(other, session));
        if known.len() == MAX_SESSIONS {
            known.pop_front();
        }
        known.push_back((id.clone(), session.clone()));
        Some(format!("{}={id}; Path=/; HttpOnly; SameSite=Lax", self.cookie))
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
