//! A login under way, sealed into a cookie.
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use vouchsafe::PendingLogin;
use vouchsafe::seal::KeyRing;
use zeroize::Zeroizing;

use crate::login::cookie::{Cookie, MAX_COOKIE};
use crate::login::rejection::LoginRejection;

/// The content of a login cookie.
#[derive(Deserialize, Serialize)]
pub(crate) struct StoredLogin {
    /// The name of the client.
    pub(crate) client: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) return_to: Option<String>,
    /// Whether the request forbids the provider to show a page (`prompt=none`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_silent: bool,
    /// Greater than that of each login that was under way in this browser when this one started.
    #[serde(default)]
    pub(crate) order: u64,
    /// What the rooms above keep with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<Value>,
    pub(crate) pending: PendingLogin,
    /// An id that only those can know who can open the cookie; `None` before the login was in one.
    #[serde(skip)]
    pub(crate) id: Option<LoginId>,
}

impl StoredLogin {
    /// The login in a cookie, if this application sealed it under the name of the cookie.
    pub(crate) fn open(cookie: &Cookie, keys: &KeyRing) -> Option<Self> {
        let text = keys.open(PURPOSE, &cookie.name, &cookie.value)?;
        let login: Self = serde_json::from_str(text.expose()).ok()?;
        // A login is sealed once: its text is always the same.
        let id = digest(&SHA256, text.expose().as_bytes()).as_ref().try_into().ok();
        Some(Self { id, ..login })
    }

    /// Its place in the order of logins, if it can still be finished.
    pub(crate) fn order_under_way(&self) -> Option<u64> {
        (SystemTime::now() <= self.pending.expires_at()).then_some(self.order)
    }

    /// The place of a new login behind those: the time in microseconds, which tells apart logins that start at once, or more
    /// if a clock was ahead.
    pub(crate) fn next_order(taken: impl IntoIterator<Item = u64>) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
        taken.into_iter().map(|order| order.saturating_add(1)).fold(now, u64::max)
    }

    /// The value of a cookie with this login.
    pub(crate) fn seal(&self, name: &str, keys: &KeyRing) -> Result<String, LoginRejection> {
        // With room for all that fits into a cookie, so that no copy stays behind when it grows.
        let mut text = Zeroizing::new(Vec::with_capacity(MAX_COOKIE * 3 / 4));
        serde_json::to_writer(&mut *text, self).map_err(|_| LoginRejection::no_cookie())?;
        let text = str::from_utf8(&text).map_err(|_| LoginRejection::no_cookie())?;
        keys.seal(PURPOSE, name, text).map_err(|_| LoginRejection::no_cookie())
    }
}

/// The SHA-256 of a login.
pub(crate) type LoginId = [u8; 32];

/// Other versions at other instances share the cookies: it does not change.
const PURPOSE: &str = "vouchsafe-axum login cookie";
