//! The sessions: one for each browser, in memory, the latest of them.
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::{constant_time, rand};
use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use tokio::sync::OnceCell;
use vouchsafe::seal::KeyRing;
use vouchsafe::{Client, ClientBuilder, Error, Http};
use vouchsafe_axum::{LoggedIn, Logins};

use super::fault::Attack;
use super::mask::Masks;
use super::offers::{OWN, Offer};
use super::race::{Race, Start};
use super::record::{Recorder, Trace};
use super::view::Walk;

/// The demo.
pub(super) struct App {
    pub(super) origin: String,
    /// The ways to sign in: at least one.
    pub(super) offers: Vec<Arc<Offer>>,
    pub(super) masks: Masks,
    pub(super) http: Http,
    pub(super) keys: KeyRing,
    pub(super) sessions: Sessions,
    /// A second sandbox, for faults: the first one never has any. It starts with the first fault.
    pub(super) faulty: OnceCell<Faulty>,
    /// How long a call to a provider with a fault may take.
    pub(super) patience: Duration,
    /// How long a refresh of the race is held back, so that there is time to press a button in another tab.
    pub(super) race_pause: Duration,
}

/// A sandbox with faults, and the ways to sign in there.
pub(super) struct Faulty {
    pub(super) masks: Masks,
    pub(super) offers: Vec<Arc<Offer>>,
    /// A fault concerns the whole sandbox, so one login has it at a time.
    pub(super) turn: tokio::sync::Mutex<()>,
}

impl App {
    pub(super) fn offer(&self, slug: &str) -> Option<&Arc<Offer>> {
        self.offers.iter().find(|offer| offer.slug == slug)
    }

    /// The session of a request, or a new one with the `Set-Cookie` header that starts it: for pages with forms.
    pub(super) fn open(&self, headers: &HeaderMap) -> io::Result<(Arc<Session>, Option<String>)> {
        if let Some(session) = self.sessions.find(headers) {
            return Ok((session, None));
        }
        let session = Session::new()?;
        let cookie = self.sessions.renew(&session)?;
        Ok((session, Some(cookie)))
    }

    /// A client for one flow, which records its requests. It shares no cache with other clients, so that every flow shows all its
    /// steps. A real application creates its clients only once.
    pub(super) fn client(&self, offer: &Offer, trace: &Trace) -> io::Result<Client> {
        self.client_that(offer, trace, |builder| builder)
    }

    /// The same with further settings.
    pub(super) fn client_that(
        &self,
        offer: &Offer,
        trace: &Trace,
        set: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> io::Result<Client> {
        let http = self.http.clone().wrap(|inner| Recorder { inner, trace: trace.clone() });
        let registration = offer.registration.clone().redirect_uri(self.redirect_uri(offer));
        set(Client::builder(offer.provider.clone(), registration)).build(&http).map_err(io::Error::other)
    }

    pub(super) async fn begin_race(&self) -> io::Result<Race> {
        let offer = self.offer("openid").ok_or_else(|| io::Error::other("the sandbox has no provider"))?;
        let Self { http, keys, masks, race_pause: pause, .. } = self;
        let redirect_uri = self.redirect_uri(offer);
        Race::begin(Start { offer, redirect_uri, http, keys, masks, pause: *pause }).await
    }

    pub(super) fn redirect_uri(&self, offer: &Offer) -> String {
        format!("{}/callback/{}", self.origin, offer.slug)
    }
}

/// A login at one provider, with its steps.
pub(super) struct Flow {
    pub(super) offer: Arc<Offer>,
    pub(super) logins: Logins,
    pub(super) trace: Trace,
}

impl Flow {
    /// A flow without steps.
    fn new(app: &App, offer: &Arc<Offer>) -> io::Result<Self> {
        let trace = Trace::new(if offer.slug == OWN { app.masks.strict() } else { app.masks.for_flow() });
        let client = app.client(offer, &trace)?;
        let logins = Logins::new(client.clone(), app.keys.clone()).with(offer.slug, client);
        Ok(Self { offer: offer.clone(), logins, trace })
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
    /// The provider that the visitor has put in.
    pub(super) own: Mutex<Option<Arc<Offer>>>,
    /// The latest login with a fault.
    pub(super) attack: Mutex<Option<Arc<Attack>>>,
    pub(super) race: tokio::sync::Mutex<Option<Arc<Race>>>,
}

impl Session {
    pub(super) fn new() -> io::Result<Arc<Self>> {
        let (visitor, flows) = (tokio::sync::Mutex::default(), Mutex::default());
        let (own, attack, race) = (Mutex::default(), Mutex::default(), tokio::sync::Mutex::default());
        Ok(Arc::new(Self { csrf: random()?, visitor, flows, own, attack, race }))
    }

    pub(super) fn own(&self) -> Option<Arc<Offer>> {
        lock(&self.own).clone()
    }

    /// Begins a flow at a provider, in place of an earlier one there.
    pub(super) fn begin(&self, app: &App, offer: &Arc<Offer>) -> io::Result<Arc<Flow>> {
        let flow = Arc::new(Flow::new(app, offer)?);
        let mut flows = lock(&self.flows);
        flows.retain(|other| other.offer.slug != offer.slug);
        if flows.len() == MAX_FLOWS {
            flows.remove(0);
        }
        flows.push(flow.clone());
        Ok(flow)
    }

    /// Goes on with the flow at a provider, or begins one.
    pub(super) fn go_on(&self, app: &App, offer: &Arc<Offer>) -> io::Result<Arc<Flow>> {
        let known = lock(&self.flows).iter().find(|flow| flow.offer.slug == offer.slug).cloned();
        known.map_or_else(|| self.begin(app, offer), Ok)
    }

    /// The flow that began last, as it is shown, and its provider.
    pub(super) fn last_walk(&self) -> Option<(Arc<Offer>, Walk)> {
        let flow = lock(&self.flows).last().cloned()?;
        let walk = Walk::new(&flow.offer.label, &flow.trace.steps());
        Some((flow.offer.clone(), walk))
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
    pub(super) offer: Arc<Offer>,
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
    pub(super) async fn new(client: Client, login: LoggedIn, flow: &Flow) -> Self {
        let definition = flow.offer.provider.definition();
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
            trace: flow.trace.clone(),
            offer: flow.offer.clone(),
        }
    }

    /// The flow of this login, as it is shown.
    pub(super) fn walk(&self) -> Walk {
        Walk::new(&self.offer.label, &self.trace.steps())
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

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const MAX_SESSIONS: usize = 100;
/// The tabs of one session that can sign in at the same time.
const MAX_FLOWS: usize = 20;
