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
use vouchsafe_providers::Definition;

use super::mask::Masks;
use super::offers::Offer;
use super::record::{Recorder, Step, Trace};

/// The demo.
pub(super) struct App {
    pub(super) origin: String,
    /// The ways to sign in: at least one.
    pub(super) offers: Vec<Offer>,
    pub(super) masks: Masks,
    pub(super) http: Http,
    pub(super) keys: KeyRing,
    pub(super) sessions: Sessions,
}

impl App {
    pub(super) fn offer(&self, slug: &str) -> Option<&Offer> {
        self.offers.iter().find(|offer| offer.slug == slug)
    }
}

/// A login at one provider, with its steps.
pub(super) struct Flow {
    slug: &'static str,
    pub(super) logins: Logins,
    pub(super) trace: Trace,
}

impl Flow {
    /// A flow without steps. Its client records its requests, and shares no cache with other clients, so that every login
    /// shows all its steps. A real application creates its clients only once.
    fn new(app: &App, offer: &Offer) -> io::Result<Self> {
        let trace = Trace::new(app.masks.for_flow());
        let http = app.http.clone().wrap(|inner| Recorder { inner, trace: trace.clone() });
        let redirect_uri = format!("{}/callback/{}", app.origin, offer.slug);
        let registration = offer.registration.clone().redirect_uri(redirect_uri);
        let client = Client::new(offer.provider.clone(), registration, &http).map_err(io::Error::other)?;
        let logins = Logins::new(client.clone(), app.keys.clone()).with(offer.slug, client);
        Ok(Self { slug: offer.slug, logins, trace })
    }
}

/// One browser's session.
pub(super) struct Session {
    /// The proof that every form with an effect has to contain.
    pub(super) csrf: String,
    /// Locked during requests to the provider: a refresh token that is used twice ends the grant.
    pub(super) visitor: tokio::sync::Mutex<Visitor>,
    /// The latest flow of each provider, the latest of all at the end: a browser has many tabs.
    flows: Mutex<Vec<Arc<Flow>>>,
}

impl Session {
    pub(super) fn new() -> io::Result<Arc<Self>> {
        let (visitor, flows) = (tokio::sync::Mutex::default(), Mutex::default());
        Ok(Arc::new(Self { csrf: random()?, visitor, flows }))
    }

    /// Begins a flow at a provider, in place of an earlier one there.
    pub(super) fn begin(&self, app: &App, offer: &Offer) -> io::Result<Arc<Flow>> {
        let flow = Arc::new(Flow::new(app, offer)?);
        let mut flows = lock(&self.flows);
        flows.retain(|other| other.slug != flow.slug);
        if flows.len() == MAX_FLOWS {
            flows.remove(0);
        }
        flows.push(flow.clone());
        Ok(flow)
    }

    /// Goes on with the flow at a provider, or begins one.
    pub(super) fn go_on(&self, app: &App, offer: &Offer) -> io::Result<Arc<Flow>> {
        let known = lock(&self.flows).iter().find(|flow| flow.slug == offer.slug).cloned();
        known.map_or_else(|| self.begin(app, offer), Ok)
    }

    /// The steps of the flow that began last.
    pub(super) fn steps(&self) -> Vec<Step> {
        lock(&self.flows).last().map(|flow| flow.trace.steps()).unwrap_or_default()
    }

    pub(super) fn forget_flows(&self) {
        lock(&self.flows).clear();
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
    pub(super) trace: Trace,
    pub(super) refreshes: u64,
    pub(super) revoked: Option<Revoked>,
    can_refresh: bool,
    can_revoke: bool,
    /// The provider revokes access tokens alone.
    only_access: bool,
}

/// The tokens that the provider no longer accepts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Revoked {
    Access,
    All,
}

impl User {
    pub(super) async fn new(client: Client, login: LoggedIn, trace: Trace, definition: &Definition) -> Self {
        let named = match client.metadata().await {
            Ok(Some(metadata)) => metadata.get("revocation_endpoint").is_some(),
            _ => false,
        };
        let only = |kind: &str| definition.revocation.only.as_deref() == Some(kind);
        let has_refresh = login.tokens.refresh_token().is_some();
        let has_revocation = named || definition.revocation_endpoint.is_some();
        Self {
            can_refresh: definition.refresh && (has_refresh || definition.refreshing.access_token),
            can_revoke: has_revocation && (has_refresh || !only("refresh_token")),
            only_access: has_refresh && only("access_token"),
            refreshes: 0,
            revoked: None,
            client,
            login,
            trace,
        }
    }

    /// Whether the provider can issue new tokens for these.
    pub(super) fn can_refresh(&self) -> bool {
        self.can_refresh
    }

    /// Whether the provider can revoke these tokens, and has not done so.
    pub(super) fn can_revoke(&self) -> bool {
        self.can_revoke && self.revoked.is_none()
    }

    pub(super) async fn refresh(&mut self) -> Result<Notice, Error> {
        let fresh = self.client.refresh(&self.login.tokens).await?;
        let text = if fresh.refresh_token() == self.login.tokens.refresh_token() {
            "The provider issued a new access token."
        } else {
            "The provider issued a new access token and a new refresh token."
        };
        self.login.0.tokens = fresh;
        self.refreshes += 1;
        self.revoked = None;
        Ok(Notice::good("Refreshed", text))
    }

    pub(super) async fn revoke(&mut self) -> Result<Notice, Error> {
        self.client.revoke(&self.login.tokens).await?;
        let (revoked, text) = if self.only_access {
            (
                Revoked::Access,
                "The provider no longer accepts this access token. It revokes nothing else: a refresh still works.",
            )
        } else if self.can_refresh {
            (Revoked::All, "The provider no longer accepts these tokens. Try to refresh: it will refuse.")
        } else {
            (Revoked::All, "The provider no longer accepts this access token.")
        };
        self.revoked = Some(revoked);
        Ok(Notice::good("Revoked", text))
    }
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
/// The tabs of one session that can sign in at the same time.
const MAX_FLOWS: usize = 20;
