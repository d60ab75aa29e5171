//! A verified ID token and its claims.
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::jose::id_token::{self, Verified};
use crate::secret::{Secret, opaque};
use crate::text::json::{LazyObject, Value};
use crate::text::moment::LATEST;

/// A verified ID token (OpenID Connect Core section 2).
#[derive(Clone)]
pub struct IdToken {
    raw: Secret,
    claims: LazyObject,
    subject: Box<str>,
}

impl IdToken {
    pub(crate) fn new(raw: Secret, verified: Verified) -> Self {
        let raw = verified.opened.unwrap_or(raw);
        Self { raw, claims: LazyObject::new(verified.payload, &[]), subject: verified.subject }
    }

    /// Reads a token that was verified before it was stored.
    pub(super) fn from_stored(raw: String) -> Option<Self> {
        let verified = id_token::stored(&raw)?;
        Some(Self::new(Secret::new(raw), verified))
    }

    /// The issuer (`iss`), exactly as in the token.
    pub fn issuer(&self) -> &str {
        self.text("iss").unwrap_or_default()
    }

    /// The user (`sub`): unique at this issuer and never reassigned there. It has no meaning at another issuer.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// For whom the token was issued (`aud`): your client, perhaps with others.
    pub fn audience(&self) -> impl Iterator<Item = &str> {
        self.texts("aud")
    }

    /// When the token expires (`exp`). This says nothing about the access token or the user's session.
    pub fn expires_at(&self) -> SystemTime {
        self.time("exp").unwrap_or(UNIX_EPOCH)
    }

    /// When the token was issued (`iat`).
    pub fn issued_at(&self) -> SystemTime {
        self.time("iat").unwrap_or(UNIX_EPOCH)
    }

    /// When the user signed in at the provider (`auth_time`).
    pub fn auth_time(&self) -> Option<SystemTime> {
        self.time("auth_time")
    }

    /// The authentication context class (`acr`).
    pub fn acr(&self) -> Option<&str> {
        self.text("acr")
    }

    /// The authentication methods (`amr`), such as `pwd` or `otp` (RFC 8176).
    pub fn amr(&self) -> impl Iterator<Item = &str> {
        self.texts("amr")
    }

    /// The user's session at the provider (`sid`), which a logout token names.
    pub fn sid(&self) -> Option<&str> {
        self.text("sid")
    }

    /// When the user's session in your application must end (`session_expiry`, IPSIE), at the latest. A refresh does not move it.
    pub fn session_expiry(&self) -> Option<SystemTime> {
        self.time("session_expiry")
    }

    /// The nonce of the login (`nonce`).
    pub fn nonce(&self) -> Option<&str> {
        self.text("nonce")
    }

    /// All claims, as an object. The provider signed them.
    pub fn claims(&self) -> &Value {
        self.claims.value()
    }

    /// The same for the identity that is read from them.
    pub(crate) fn shared_claims(&self) -> &Arc<Value> {
        self.claims.shared()
    }

    /// One claim by its name.
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.claims().get(name)
    }

    /// The token itself, for `id_token_hint`. If the provider encrypted it, this is the signed token inside.
    pub fn expose(&self) -> &str {
        self.raw.expose()
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.claim(name)?.as_str()
    }

    /// A text, or the texts in an array.
    fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        let value = self.claim(name);
        let many = value.and_then(Value::as_array).into_iter().flatten();
        value.and_then(Value::as_str).into_iter().chain(many.filter_map(Value::as_str))
    }

    fn time(&self, name: &str) -> Option<SystemTime> {
        let seconds = self.claim(name)?.as_f64().filter(|seconds| (0.0..=LATEST).contains(seconds))?;
        UNIX_EPOCH.checked_add(Duration::from_secs_f64(seconds))
    }
}

opaque!(IdToken);
