//! The sessions of an application: begun, found, renewed and ended.
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue};
use vouchsafe::seal::{KeyRing, SealError};
use vouchsafe::vault::{TokenStore, Vault};
use zeroize::Zeroizing;

use crate::cookies;
use crate::origin::Origin;
use crate::session::cookie::{self, MAX_COOKIE};
use crate::session::device::Device;
use crate::session::error::{SessionError, TooLarge};
use crate::session::new::NewSession;
use crate::session::record::{Data, Moment, Session, SessionRef, VERSION};
use crate::session::store::{Index, Store, id_of};

mod go_on;

/// The sessions of an application, in cookies or in a store. Cheap to clone.
///
/// A session in a cookie needs no store. A session in a store can be listed and ended from elsewhere: by its person, at another
/// device, and by the provider.
///
/// # Security
/// Nobody but the browser knows a session in a cookie. When its person signs out, the browser forgets it, but a copy of the cookie
/// works until the session ends by itself. Keep sessions in a store where this matters.
#[derive(Clone)]
pub struct Sessions {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    keys: KeyRing,
    store: Option<Store>,
    idle_timeout: Duration,
    absolute_timeout: Duration,
    in_frames: bool,
    now: fn() -> SystemTime,
}

impl Sessions {
    /// Sessions in cookies, sealed with these keys.
    pub fn in_cookie(keys: KeyRing) -> Self {
        Self::with(keys, None)
    }

    /// Sessions in a store, sealed with these keys. Their cookies hold a random value. The store may be that of a
    /// [`Vault`](vouchsafe::Vault): neither sees the records of the other.
    pub fn in_store(store: Arc<dyn TokenStore>, keys: KeyRing) -> Self {
        let store = Store::new(store, keys.clone());
        Self::with(keys, Some(store))
    }

    fn with(keys: KeyRing, store: Option<Store>) -> Self {
        let (idle_timeout, absolute_timeout) = (IDLE_TIMEOUT, ABSOLUTE_TIMEOUT);
        let (in_frames, now) = (false, SystemTime::now);
        let inner = Inner { keys, store, idle_timeout, absolute_timeout, in_frames, now };
        Self { inner: Arc::new(inner) }
    }

    /// How long a session lasts without a request; 30 minutes by default. Requests renew a session, but it is written again only
    /// after a twentieth of this time, at most a minute. It may end earlier by so much.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        Arc::make_mut(&mut self.inner).idle_timeout = timeout;
        self
    }

    /// How long a session lasts, however often it is used; 12 hours by default.
    #[must_use]
    pub fn absolute_timeout(mut self, timeout: Duration) -> Self {
        Arc::make_mut(&mut self.inner).absolute_timeout = timeout;
        self
    }

    /// Lets browsers send the cookie from frames in the pages of other sites, too (`SameSite=None`): a provider that shows the
    /// front-channel logout page of this site in a frame then ends a session in a cookie. It has no effect over plain http.
    ///
    /// # Security
    /// Pages of other sites can send requests with the cookie. A [`Site`](crate::Site) refuses those that would change something.
    #[must_use]
    pub fn cookies_in_frames(mut self) -> Self {
        Arc::make_mut(&mut self.inner).in_frames = true;
        self
    }

    /// Whether the sessions are in a store.
    pub fn is_server_side(&self) -> bool {
        self.inner.store.is_some()
    }

    /// The session of a request, if there is one. `origin` is the public URL of the application. A cookie that cannot be read is no
    /// session.
    ///
    /// # Errors
    /// [`SessionError::Store`]: it is unknown whether there is a session.
    pub async fn find(&self, origin: &Origin, headers: &HeaderMap) -> Result<Option<Found>, SessionError> {
        let name = cookie::name(origin);
        // Applications at neighbouring hosts and ports may set cookies of the same name.
        let values = cookies::sent(headers).filter(|(sent, _)| *sent == name).map(|(_, value)| value);
        for value in values.take(MAX_COOKIES) {
            let found = match &self.inner.store {
                None => self.open(&name, value).map(|data| (data, 0)),
                Some(_) if value.len() != ID_LEN => None,
                Some(store) => store.load(&id_of(value)).await?,
            };
            let Some((data, version)) = found else { continue };
            let mut session = self.session(data);
            let now = self.now();
            if session.is_over(now.time()) {
                continue;
            }
            let mut set_cookie = None;
            if now >= session.data.last_seen_at.after(self.pause()) {
                Arc::make_mut(&mut session.data).last_seen_at = now;
                set_cookie = self.renew(origin, &session, version).await;
            }
            return Ok(Some(Found { session, set_cookie }));
        }
        Ok(None)
    }

    /// Begins a session, and ends those before it in the same browser.
    ///
    /// # Errors
    /// There is no new session, and those before have not ended.
    pub async fn begin(
        &self,
        origin: &Origin,
        new: NewSession,
        device: Device,
        before: &[SessionRef],
    ) -> Result<Begun, SessionError> {
        let now = self.now();
        let Random { value, id, tokens } = Random::new()?;
        let (id, device) = match &self.inner.store {
            Some(_) => (id_of(&value), Some(device)),
            None => (id, None),
        };
        let (created_at, longest, tokens_of) = match &new.continues {
            Some(Session { data, .. }) => (data.created_at, data.expires_at, Some(data.tokens_of.clone())),
            None => (now, now.after(self.inner.absolute_timeout), None),
        };
        let expires_at = new.session_expiry.map_or(longest, |end| Moment::of(end).min(longest));
        let tokens_of = match tokens_of {
            Some(same) => same,
            None => format!("{}-{}", tokens_until(expires_at.0.div_ceil(1000)), tokens),
        };
        let logout_as = new.logout_as.filter(|(issuer, sub)| (issuer, sub) != (&new.issuer, &new.subject));
        let mut session = self.session(Data {
            v: VERSION,
            id,
            account: new.account,
            provider: new.provider,
            issuer: new.issuer,
            subject: new.subject,
            logout_as,
            sid: new.sid,
            session_state: new.session_state,
            email_verified: new.email_verified.filter(|_| new.email.is_some()),
            email: new.email,
            name: new.name,
            picture: new.picture,
            acr: new.acr,
            auth_time: new.auth_time.map(Moment::of),
            signed_in_at: new.signed_in_at.map(Moment::of),
            roles: new.roles,
            created_at,
            last_seen_at: now,
            expires_at,
            tokens_of,
            device,
        });
        let Some(store) = &self.inner.store else {
            let set_cookie = self.fitted(origin, &mut session)?;
            return Ok(Begun { session, set_cookie, forget: Vec::new() });
        };
        let mut ending = Vec::new();
        for SessionRef(id) in before {
            ending.extend(store.load(id).await?.map(|(data, _)| data));
        }
        let ended = store.begin(&session.data, self.until(&session), ending, now).await?;
        let mut forget: Vec<_> = ended.into_iter().map(|data| data.tokens_of).collect();
        forget.retain(|tokens| *tokens != session.data.tokens_of);
        let set_cookie = self.header(origin, &value, &session)?;
        Ok(Begun { session, set_cookie, forget })
    }

    /// Ends a session. The browser has to get the header of [`Sessions::removal`] as well.
    ///
    /// # Errors
    /// [`SessionError::Store`]: it has not ended.
    pub async fn end(&self, session: &Session) -> Result<(), SessionError> {
        match &self.inner.store {
            Some(store) => store.end(vec![Data::clone(&session.data)]).await.map(drop),
            None => Ok(()),
        }
    }

    /// The header that removes the cookie of a session.
    pub fn removal(&self, origin: &Origin) -> Option<HeaderValue> {
        cookie::set(origin, "", Duration::ZERO, self.inner.in_frames)
    }

    /// The session of a reference, if it is in the store and has not ended. Sessions in cookies are never found.
    ///
    /// # Errors
    /// [`SessionError::Store`]: it is unknown.
    pub async fn alive(&self, SessionRef(id): &SessionRef) -> Result<Option<Session>, SessionError> {
        let Some(store) = &self.inner.store else { return Ok(None) };
        Ok(store.load(id).await?.and_then(|(data, _)| self.living(data)))
    }

    /// The sessions of an account, those used last first.
    ///
    /// # Errors
    /// [`SessionError::NeedsStore`], or the store failed.
    pub async fn devices(&self, account: &str) -> Result<Vec<Session>, SessionError> {
        let mut sessions = self.living_at(Index::Account(account)).await?;
        sessions.sort_by_key(|session| std::cmp::Reverse(session.data.last_seen_at));
        Ok(sessions)
    }

    /// Ends the session with this id, if it is one of this account, and returns it.
    ///
    /// # Errors
    /// As [`Sessions::devices`]; the session has not ended.
    pub async fn revoke(&self, account: &str, id: &str) -> Result<Option<Session>, SessionError> {
        let store = self.store()?;
        let found = store.load(id).await?.map(|(data, _)| data).filter(|data| data.account == account);
        let living = found.and_then(|data| self.living(data));
        Ok(self.end_all(living.into_iter().collect()).await?.pop())
    }

    /// Ends all sessions of an account, and returns them.
    ///
    /// # Errors
    /// As [`Sessions::devices`]; some sessions may have ended.
    pub async fn revoke_all(&self, account: &str) -> Result<Vec<Session>, SessionError> {
        let sessions = self.living_at(Index::Account(account)).await?;
        self.end_all(sessions).await
    }

    /// Ends the sessions that a provider names in a logout token or a front-channel request, and returns them. `issuer` and
    /// `subject` are those of the ID token. With `sid` and `subject`, these are the sessions of the subject with this `sid` or without
    /// any.
    ///
    /// # Errors
    /// As [`Sessions::devices`]; some sessions may have ended.
    pub async fn end_of(
        &self,
        issuer: &str,
        sid: Option<&str>,
        subject: Option<&str>,
    ) -> Result<Vec<Session>, SessionError> {
        let index = match (sid, subject) {
            (_, Some(subject)) => Index::Subject(issuer, subject),
            (Some(sid), None) => Index::Sid(issuer, sid),
            (None, None) => return Ok(Vec::new()),
        };
        let mut sessions = self.living_at(index).await?;
        sessions.retain(|session| sid.is_none() || session.sid().is_none() || session.sid() == sid);
        self.end_all(sessions).await
    }

    /// Notes a value that must be accepted once only, such as the `jti` of a logout token, and remembers it until a time. Returns
    /// whether this is the first time. The purpose tells apart values of different origin: name the issuer in it.
    ///
    /// # Errors
    /// [`SessionError::NeedsStore`], or the store failed: the value may have been noted.
    pub async fn once(&self, purpose: &str, value: &str, until: SystemTime) -> Result<bool, SessionError> {
        self.store()?.once(purpose, value, Moment::of(until)).await
    }

    /// Deletes all sessions that are over, and returns the users whose tokens a vault can forget. Nobody needs to call this: each
    /// session that begins deletes some of them.
    ///
    /// # Errors
    /// The store failed.
    pub async fn sweep(&self) -> Result<Vec<String>, SessionError> {
        let mut forget = Vec::new();
        let Some(store) = &self.inner.store else { return Ok(forget) };
        loop {
            let (ended, is_last) = store.sweep(self.now()).await?;
            forget.extend(ended.into_iter().map(|data| data.tokens_of));
            if is_last {
                return Ok(forget);
            }
        }
    }

    /// The same sessions by another clock.
    #[cfg(test)]
    pub(super) fn by_clock(mut self, now: fn() -> SystemTime) -> Self {
        Arc::make_mut(&mut self.inner).now = now;
        self
    }

    fn now(&self) -> Moment {
        Moment::of((self.inner.now)())
    }

    /// How long a session is not written again.
    fn pause(&self) -> Duration {
        (self.inner.idle_timeout / 20).min(LONGEST_PAUSE)
    }

    fn session(&self, mut data: Data) -> Session {
        // A shorter time also holds for sessions that began before.
        data.expires_at = data.expires_at.min(data.created_at.after(self.inner.absolute_timeout));
        let (is_server_side, idle_timeout) = (self.is_server_side(), self.inner.idle_timeout);
        Session { data: Arc::new(data), is_server_side, idle_timeout }
    }

    fn living(&self, data: Data) -> Option<Session> {
        Some(self.session(data)).filter(|session| !session.is_over(self.now().time()))
    }

    /// When the record of a session can be deleted.
    fn until(&self, session: &Session) -> Moment {
        Moment::of(session.idle_until())
    }

    fn store(&self) -> Result<&Store, SessionError> {
        self.inner.store.as_ref().ok_or(SessionError::NeedsStore)
    }

    async fn living_at(&self, index: Index<'_>) -> Result<Vec<Session>, SessionError> {
        let found = self.store()?.find(index).await?;
        Ok(found.into_iter().filter_map(|data| self.living(data)).collect())
    }

    async fn end_all(&self, sessions: Vec<Session>) -> Result<Vec<Session>, SessionError> {
        let data = sessions.into_iter().map(|session| Arc::unwrap_or_clone(session.data)).collect();
        Ok(self.store()?.end(data).await?.into_iter().map(|data| self.session(data)).collect())
    }

    /// Writes a session again that was used. The session was read, so a failure is no error: the next request tries again.
    async fn renew(&self, origin: &Origin, session: &Session, version: u64) -> Option<HeaderValue> {
        let renewed = match &self.inner.store {
            None => self.sealed(origin, session).map(|(header, _)| header),
            Some(store) => store.rewrite(&session.data, self.until(session), version).await.map(|()| None),
        };
        renewed.unwrap_or_else(|error| {
            tracing::warn!(target: LOG, %error, "a session was not renewed");
            None
        })
    }

    fn open(&self, name: &str, value: &str) -> Option<Data> {
        Data::from_text(self.inner.keys.open(PURPOSE, name, value)?.expose())
    }

    /// The header with a sealed session, if it fits, and the length of name and value.
    fn sealed(
        &self,
        origin: &Origin,
        session: &Session,
    ) -> Result<(Option<HeaderValue>, usize), SessionError> {
        let name = cookie::name(origin);
        let text = session.data.to_text()?;
        let value = self.inner.keys.seal(PURPOSE, &name, &text).map_err(SessionError::Seal)?;
        let size = name.len() + 1 + value.len();
        let header = (size <= MAX_COOKIE).then(|| self.header(origin, &value, session)).transpose()?;
        Ok((header, size))
    }

    /// The header with a sealed session, without what has no room and can be missed.
    fn fitted(&self, origin: &Origin, session: &mut Session) -> Result<HeaderValue, SessionError> {
        let mut size = 0;
        let spared: [fn(&mut Data); 4] =
            [|_| {}, |data| data.picture = None, |data| data.name = None, |data| data.session_state = None];
        for spare in spared {
            spare(Arc::make_mut(&mut session.data));
            let (header, now) = self.sealed(origin, session)?;
            if let Some(header) = header {
                return Ok(header);
            }
            size = now;
        }
        // Quotes and commas, and the longer letters of base64.
        let roles = session.roles().map(|role| (role.len() + 3) * 4 / 3).sum();
        Err(SessionError::TooLarge(TooLarge { size, roles, limit: MAX_COOKIE }))
    }

    fn header(&self, origin: &Origin, value: &str, session: &Session) -> Result<HeaderValue, SessionError> {
        let lifetime = session.expires_at().duration_since(self.now().time()).unwrap_or_default();
        // The value consists of letters, digits, `-` and `_`.
        cookie::set(origin, value, lifetime, self.inner.in_frames)
            .ok_or(SessionError::Seal(SealError::Crypto))
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("is_server_side", &self.is_server_side()).finish_non_exhaustive()
    }
}

/// The session of a request.
#[derive(Clone, Debug)]
pub struct Found {
    /// The session.
    pub session: Session,
    /// The header to set in the response, if the cookie was renewed.
    pub set_cookie: Option<HeaderValue>,
}

/// A session that has begun.
#[derive(Clone, Debug)]
#[must_use = "the browser needs the header Set-Cookie"]
pub struct Begun {
    /// The session.
    pub session: Session,
    /// The header to set in the response.
    pub set_cookie: HeaderValue,
    /// The users whose tokens a vault can [forget](vouchsafe::Vault::forget): their sessions have ended.
    pub forget: Vec<String>,
}

/// Lets a vault forget the tokens of sessions that cannot go on any more, at most a hundred. Call it when a session begins.
pub async fn forget_ended(vault: &Vault) -> Result<usize, vouchsafe::Error> {
    let now = Moment::of(SystemTime::now()).0 / 1000;
    vault.forget_before(TOKENS, &tokens_until(now)).await
}

/// The names of the users of a vault that keeps the tokens of sessions are in the order in which the sessions end at the latest.
pub(super) fn tokens_until(seconds: u64) -> String {
    format!("{TOKENS}{seconds:012}")
}

/// The random values of a new session, in base64url.
struct Random {
    /// The cookie of a session in a store.
    value: Zeroizing<String>,
    /// The id of a session in a cookie.
    id: String,
    tokens: String,
}

impl Random {
    fn new() -> Result<Self, SessionError> {
        // All at once: asking for random bytes takes longer than getting some more.
        let mut random = Zeroizing::new([0; 64]);
        rand::fill(&mut *random).map_err(|_| SessionError::Seal(SealError::Crypto))?;
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (value, id, tokens) = (text(&random[..32]), text(&random[32..48]), text(&random[48..]));
        Ok(Self { value: Zeroizing::new(value), id, tokens })
    }
}

const TOKENS: &str = "session-";
const PURPOSE: &str = "vouchsafe session cookie";
/// The default of [`Sessions::idle_timeout`].
const IDLE_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// The default of [`Sessions::absolute_timeout`].
const ABSOLUTE_TIMEOUT: Duration = Duration::from_secs(12 * 60 * 60);
/// The longest time in which a session that is used is not written again.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The length of the value of a cookie: 32 bytes in base64url.
const ID_LEN: usize = 43;
/// How many cookies of the same name are tried.
const MAX_COOKIES: usize = 4;
/// The target of this crate's events.
const LOG: &str = "vouchsafe_web";
