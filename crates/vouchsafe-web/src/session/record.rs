//! A session: what is known of a person who signed in.
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use vouchsafe::seal::SealError;
use zeroize::Zeroizing;

use crate::session::device::Device;
use crate::session::error::SessionError;

/// Somebody who is signed in. Cheap to clone.
#[derive(Clone)]
pub struct Session {
    pub(super) data: Arc<Data>,
    pub(super) is_server_side: bool,
    pub(super) idle_timeout: Duration,
}

/// A session as it is sealed. A change of this form needs another version. Names are short, because a cookie has little room.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct Data {
    pub(super) v: u8,
    pub(super) id: String,
    #[serde(rename = "a")]
    pub(super) account: String,
    #[serde(rename = "p")]
    pub(super) provider: String,
    #[serde(rename = "i")]
    pub(super) issuer: String,
    #[serde(rename = "s")]
    pub(super) subject: String,
    /// Issuer and subject of the ID token, if they differ from those of the identity.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub(super) logout_as: Option<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sid: Option<String>,
    #[serde(rename = "ss", default, skip_serializing_if = "Option::is_none")]
    pub(super) session_state: Option<String>,
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub(super) email: Option<String>,
    #[serde(rename = "ev", default, skip_serializing_if = "Option::is_none")]
    pub(super) email_verified: Option<bool>,
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(rename = "pic", default, skip_serializing_if = "Option::is_none")]
    pub(super) picture: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) acr: Option<String>,
    #[serde(rename = "at", default, skip_serializing_if = "Option::is_none")]
    pub(super) auth_time: Option<Moment>,
    #[serde(rename = "si", default, skip_serializing_if = "Option::is_none")]
    pub(super) signed_in_at: Option<Moment>,
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) roles: Vec<String>,
    #[serde(rename = "c")]
    pub(super) created_at: Moment,
    /// When it was used and written last.
    #[serde(rename = "u")]
    pub(super) last_seen_at: Moment,
    #[serde(rename = "x")]
    pub(super) expires_at: Moment,
    #[serde(rename = "t")]
    pub(super) tokens_of: String,
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub(super) device: Option<Device>,
}

impl Data {
    pub(super) fn to_text(&self) -> Result<Zeroizing<String>, SessionError> {
        // A value of these types is always JSON.
        serde_json::to_string(self).map(Zeroizing::new).map_err(|_| SessionError::Seal(SealError::Crypto))
    }

    /// The session in a text that was sealed, if this version wrote it.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().filter(|data: &Self| data.v == VERSION)
    }

    /// The issuer and the subject that a logout token names.
    pub(super) fn logout_as(&self) -> (&str, &str) {
        match &self.logout_as {
            Some((issuer, subject)) => (issuer, subject),
            None => (&self.issuer, &self.subject),
        }
    }
}

impl Session {
    /// The account, as the application names it.
    pub fn account(&self) -> &str {
        &self.data.account
    }

    /// The name of the provider where the person signed in.
    pub fn provider(&self) -> &str {
        &self.data.provider
    }

    /// The issuer of the identity with which the person signed in.
    pub fn issuer(&self) -> &str {
        &self.data.issuer
    }

    /// The subject of the identity with which the person signed in.
    pub fn subject(&self) -> &str {
        &self.data.subject
    }

    /// The session at the provider (`sid`).
    pub fn sid(&self) -> Option<&str> {
        self.data.sid.as_deref()
    }

    /// The state of the session at the provider, if the provider has a frame that tells whether it has changed. A cookie leaves it out
    /// if it has no room.
    pub fn session_state(&self) -> Option<&str> {
        self.data.session_state.as_deref()
    }

    /// The e-mail address, verified or not. Never find an account by it.
    pub fn email(&self) -> Option<&str> {
        self.data.email.as_deref()
    }

    /// Whether the provider verified the e-mail address; `None` if it does not say.
    pub fn email_verified(&self) -> Option<bool> {
        self.data.email_verified
    }

    /// The name to show. A cookie leaves it out if it has no room.
    pub fn name(&self) -> Option<&str> {
        self.data.name.as_deref()
    }

    /// The URL of a picture, as the provider sent it. It may point anywhere. A cookie leaves it out if it has no room.
    pub fn picture(&self) -> Option<&str> {
        self.data.picture.as_deref()
    }

    /// How the person signed in (`acr`).
    pub fn acr(&self) -> Option<&str> {
        self.data.acr.as_deref()
    }

    /// When the person signed in at the provider (`auth_time`).
    pub fn auth_time(&self) -> Option<SystemTime> {
        self.data.auth_time.map(Moment::time)
    }

    /// When the person signed in at the provider, by the clock of this machine. `None` if the provider does not say.
    pub fn signed_in_at(&self) -> Option<SystemTime> {
        self.data.signed_in_at.map(Moment::time)
    }

    /// The roles of the person in this application.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.data.roles.iter().map(String::as_str)
    }

    /// Whether the person has this role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles().any(|own| own == role)
    }

    /// When the person signed in here. A step-up does not change it.
    pub fn created_at(&self) -> SystemTime {
        self.data.created_at.time()
    }

    /// When the session was used. It is written at most once in [some time](crate::Sessions::idle_timeout), so it can be older than
    /// the last request.
    pub fn last_seen_at(&self) -> SystemTime {
        self.data.last_seen_at.time()
    }

    /// When the session ends, however often it is used.
    pub fn expires_at(&self) -> SystemTime {
        self.data.expires_at.time()
    }

    /// When the session ends if it is not used any more.
    pub fn idle_until(&self) -> SystemTime {
        self.data.last_seen_at.after(self.idle_timeout).min(self.data.expires_at).time()
    }

    /// Whether the session is in a store and not in a cookie.
    pub fn is_server_side(&self) -> bool {
        self.is_server_side
    }

    /// The public name of the session, for a list of devices. It is not the value of the cookie.
    pub fn id(&self) -> &str {
        &self.data.id
    }

    /// The browser in which the session began; `None` for a session in a cookie.
    pub fn device(&self) -> Option<&Device> {
        self.data.device.as_ref()
    }

    /// The user under whose name a [`Vault`](vouchsafe::Vault) keeps the tokens of this session. It stays the same over a step-up.
    pub fn tokens_of(&self) -> &str {
        &self.data.tokens_of
    }

    /// A reference to this session, for a login that starts in it.
    pub fn reference(&self) -> SessionRef {
        SessionRef(self.data.id.clone())
    }

    /// Whether the person is the subject of an ID token.
    pub(crate) fn is_of(&self, issuer: &str, subject: &str) -> bool {
        self.data.logout_as() == (issuer, subject)
    }

    pub(super) fn is_over(&self, now: SystemTime) -> bool {
        self.idle_until() <= now
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("provider", &self.data.provider).finish_non_exhaustive()
    }
}

/// A reference to a session. It opens no session in a browser.
///
/// # Security
/// [`Sessions::alive`](crate::Sessions::alive) believes it: keep it sealed, and do not make it from text of a request.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct SessionRef(pub(super) String);

impl fmt::Debug for SessionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionRef(…)")
    }
}

/// A time in milliseconds since 1970.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub(crate) struct Moment(pub(super) u64);

impl Moment {
    pub(crate) fn of(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(since.as_millis()).unwrap_or(u64::MAX).min(LATEST))
    }

    pub(super) fn time(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.0.min(LATEST))
    }

    pub(super) fn after(self, time: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)).min(LATEST))
    }
}

/// The year 9999, which every system's clock can show.
const LATEST: u64 = 253_402_300_799_000;
pub(super) const VERSION: u8 = 1;
