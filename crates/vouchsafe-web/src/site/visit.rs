//! One request inside the site: who sent it, and what the response has to carry.
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::header::{COOKIE, HeaderMap, SET_COOKIE, USER_AGENT};
use http::request::Parts;
use http::{Extensions, HeaderValue};

use crate::page::language::Language;
use crate::session::device::Device;
use crate::session::record::Session;
use crate::site::address::Seen;
use crate::site::caller::Caller;
use crate::site::failure::Failure;
use crate::site::fault::Fault;
use crate::site::headers;
use crate::site::state::Site;

/// One request at a [`Site`]: put it into the extensions of the request, and let it [complete](Self::leave) the headers of the
/// response. Cheap to clone.
#[derive(Clone)]
pub struct Visit(Arc<Inner>);

struct Inner {
    site: Site,
    caller: Caller,
    language: Language,
    seen: Seen,
    /// The headers that tell who it is.
    headers: HeaderMap,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The session, once it was looked for.
    session: Option<Option<Session>>,
    /// The header for the cookie of the session.
    session_cookie: Option<HeaderValue>,
    /// The headers for the cookies of logins.
    login_cookies: Vec<HeaderValue>,
}

impl Site {
    /// The visit of a request that came from `peer`.
    pub fn enter(&self, parts: &Parts, peer: Option<IpAddr>) -> Visit {
        Visit::new(self.clone(), parts, peer)
    }
}

impl Visit {
    fn new(site: Site, parts: &Parts, peer: Option<IpAddr>) -> Self {
        let mut headers = HeaderMap::new();
        for name in [COOKIE, USER_AGENT] {
            for value in parts.headers.get_all(&name) {
                headers.append(name.clone(), value.clone());
            }
        }
        let language = Language::preferred(&parts.headers);
        let (caller, seen) = (Caller::of(&parts.headers), Seen::of(parts, peer, &site.inner.trusted));
        Self(Arc::new(Inner { site, caller, language, seen, headers, state: Mutex::default() }))
    }

    /// The visit of a request.
    ///
    /// # Errors
    /// The request did not come through the site.
    pub fn of(extensions: &Extensions) -> Result<Self, Failure> {
        extensions.get::<Self>().cloned().ok_or_else(|| {
            Failure::new(
                Fault::Setup,
                "the route is not inside the site: add the site as a layer around all routes",
            )
        })
    }

    /// The site.
    pub fn site(&self) -> &Site {
        &self.0.site
    }

    /// Who reads the response.
    pub fn caller(&self) -> Caller {
        self.0.caller
    }

    /// The language of the pages that the browser prefers.
    pub fn language(&self) -> Language {
        self.0.language
    }

    /// A failure of this request, for the reader of its response.
    pub fn failed(&self, failure: Failure) -> Failure {
        failure.for_caller(self.caller()).in_language(self.language()).below(&self.0.site.inner.prefix)
    }

    /// The address of the browser, as far as trusted proxies tell it.
    pub fn address(&self) -> Option<IpAddr> {
        self.0.seen.client
    }

    pub(crate) fn seen(&self) -> &Seen {
        &self.0.seen
    }

    /// The browser of this request.
    pub(crate) fn device(&self) -> Device {
        Device::of(&self.0.headers, self.address())
    }

    /// The session of the browser, if it is signed in. It is looked up once, and renewed.
    ///
    /// # Errors
    /// The store of the sessions is away: it is unknown whether somebody is signed in.
    pub async fn session(&self) -> Result<Option<Session>, Failure> {
        if let Some(known) = self.state().session.clone() {
            return Ok(known);
        }
        let site = &self.0.site.inner;
        let found = site.sessions.find(&site.origin, &self.0.headers).await;
        let found = found.map_err(|error| self.failed(error.into()))?;
        let (session, set_cookie) = match found {
            Some(found) => (Some(found.session), found.set_cookie),
            None => (None, None),
        };
        let mut state = self.state();
        state.session_cookie = set_cookie.or(state.session_cookie.take());
        Ok(state.session.insert(session).clone())
    }

    /// The session that the browser has from now on, and the header that tells it.
    pub(crate) fn becomes(&self, session: Option<Session>, cookie: Option<HeaderValue>) {
        let mut state = self.state();
        state.session = Some(session);
        state.session_cookie = cookie;
    }

    /// Adds a `Set-Cookie` header of a login.
    pub(crate) fn add_login_cookie(&self, header: String) {
        if let Ok(header) = HeaderValue::try_from(header) {
            self.state().login_cookies.push(header);
        }
    }

    /// Completes the headers of the response: its cookies, and the headers that the application has not set.
    pub fn leave(&self, headers: &mut HeaderMap) {
        let mut state = self.state();
        let cookies = std::mem::take(&mut state.login_cookies).into_iter().chain(state.session_cookie.take());
        for cookie in cookies {
            headers.append(SET_COOKIE, cookie);
        }
        headers::complete(headers);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Visit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visit").field("caller", &self.0.caller).finish_non_exhaustive()
    }
}
