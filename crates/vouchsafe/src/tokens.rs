//! Tokens and where they come from.
use std::borrow::Cow;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Map;

use crate::error::Warning;
use crate::protocol::token::response::{KNOWN, TokenResponse};
use crate::provenance::Provenance;
use crate::secret::Secret;
use crate::text::json::{LazyObject, Value, add_missing};
use crate::text::moment;

mod id_token;
mod stored;

pub use id_token::IdToken;

/// The result of a login: an access token, and everything that came with it.
///
/// Tokens serialise, secrets included, for the place where you store them; their `Debug` output has no secrets. They know
/// the server and the client that they belong to, even after they were stored: a client of another server refuses them
/// and sends no token. [`Client::import_tokens`](crate::Client::import_tokens) makes them from tokens of another system,
/// and [`Manual::read_token_response`](crate::manual::Manual::read_token_response) from a token response.
#[derive(Clone, Debug)]
pub struct Tokens {
    parts: Arc<Parts>,
}

#[derive(Clone, Debug)]
struct Parts {
    /// The only server that they are sent to, and the only client that may use them.
    provenance: Arc<Provenance>,
    received_at: SystemTime,
    access_token: AccessToken,
    /// The access token is bound to the client's DPoP key.
    is_bound: bool,
    refresh_token: Option<RefreshToken>,
    id_token: Option<IdToken>,
    /// The ID token of a provider that is not an OpenID Provider.
    unverified_id_token: Option<Secret>,
    scope: Option<Box<str>>,
    scope_separators: Cow<'static, str>,
    expires_at: Option<SystemTime>,
    /// The token response, if it has members without an accessor of their own.
    extra: Option<LazyObject>,
    /// Values that the browser brought. They stay apart from those that the provider sent.
    callback: Option<LazyObject>,
    warnings: Vec<Warning>,
}

impl Tokens {
    pub(crate) fn new(
        provenance: &Arc<Provenance>,
        response: TokenResponse,
        scope_separators: &str,
        id_token: Option<IdToken>,
    ) -> Self {
        let parts = Parts {
            provenance: provenance.clone(),
            received_at: response.received_at,
            access_token: AccessToken(response.access_token),
            is_bound: response.is_bound,
            refresh_token: response.refresh_token.map(RefreshToken),
            unverified_id_token: response.id_token.filter(|_| id_token.is_none()),
            id_token,
            scope: response.scope,
            scope_separators: separators(scope_separators),
            expires_at: response.expires_at,
            extra: response.extra.map(|response| LazyObject::new(response, &KNOWN)),
            callback: None,
            warnings: response.warnings,
        };
        Self { parts: Arc::new(parts) }
    }

    /// The slug of the provider that issued them.
    pub fn provider_slug(&self) -> &str {
        &self.parts.provenance.provider
    }

    /// The server that issued them: its issuer, or the replacement that
    /// [`Identity::issuer`](crate::Identity::issuer) describes. They are never sent to another server.
    pub fn issuer(&self) -> &str {
        &self.parts.provenance.issuer
    }

    /// The client id that they were issued to.
    pub fn client_id(&self) -> &str {
        &self.parts.provenance.client_id
    }

    pub(crate) fn provenance(&self) -> &Provenance {
        &self.parts.provenance
    }

    /// The access token.
    pub fn access_token(&self) -> &AccessToken {
        &self.parts.access_token
    }

    /// The type of the access token: `Bearer` (RFC 6750), or `DPoP` (RFC 9449) if the registration has a key to bind tokens to
    /// ([`Registration::dpop`](crate::Registration::dpop)). Other types are refused.
    pub fn token_type(&self) -> &str {
        if self.is_bound() { DPOP } else { BEARER }
    }

    pub(crate) fn is_bound(&self) -> bool {
        self.parts.is_bound
    }

    /// The refresh token, if the provider issued one.
    pub fn refresh_token(&self) -> Option<&RefreshToken> {
        self.parts.refresh_token.as_ref()
    }

    /// The verified ID token, if the provider is an OpenID Provider.
    pub fn id_token(&self) -> Option<&IdToken> {
        self.parts.id_token.as_ref()
    }

    /// The values that no error may show.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        let refresh_token = self.refresh_token().map(RefreshToken::expose);
        let id_token = self.id_token().map(IdToken::expose);
        [Some(self.access_token().expose()), refresh_token, id_token].into_iter().flatten()
    }

    pub(crate) fn bearer(&self) -> &Secret {
        &self.parts.access_token.0
    }

    /// The granted scopes. If the provider does not name them, they are the requested ones (RFC 6749 section 5.1).
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        let separators = &*self.parts.scope_separators;
        let scope = self.parts.scope.as_deref().unwrap_or_default();
        scope.split(move |c| separators.contains(c)).filter(|s| !s.is_empty())
    }

    /// When the token response was received, by the clock of this machine.
    pub fn received_at(&self) -> SystemTime {
        self.parts.received_at
    }

    /// When the access token expires, if the provider says so.
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.parts.expires_at
    }

    /// When the refresh token expires, if the token response says so. There is no standard for it; the members
    /// `refresh_token_expires_in`, `refresh_expires_in` and `refresh_expires` (seconds) and `refresh_expires_at` (a time) are read.
    pub fn refresh_expires_at(&self) -> Option<SystemTime> {
        if let Some(time) = self.extra("refresh_expires_at").and_then(Value::as_str).and_then(moment::seconds)
        {
            return UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(time).ok()?);
        }
        let names = ["refresh_token_expires_in", "refresh_expires_in", "refresh_expires"];
        let value = names.into_iter().find_map(|name| self.extra(name))?;
        let seconds =
            value.as_u64().or_else(|| value.as_str()?.parse().ok()).filter(|seconds| *seconds > 0)?;
        self.received_at().checked_add(Duration::from_secs(seconds))
    }

    /// Whether the access token has expired. A token with an unknown lifetime has not.
    #[doc(alias = "OAuth2Token")]
    pub fn is_expired(&self) -> bool {
        self.expires_within(Duration::ZERO)
    }

    /// Whether the access token expires within this time from now.
    pub fn expires_within(&self, duration: Duration) -> bool {
        let then = SystemTime::now().checked_add(duration);
        self.expires_at().is_some_and(|at| then.is_none_or(|then| at <= then))
    }

    /// A member of the token response that has no accessor here, by its name.
    #[doc(alias = "OAuth2Token")]
    pub fn extra(&self, name: &str) -> Option<&Value> {
        self.parts.extra.as_ref()?.value().get(name)
    }

    /// All members that [`Tokens::extra`] finds, as an object.
    pub(crate) fn extras(&self) -> &Value {
        static NONE: LazyLock<Value> = LazyLock::new(|| Value::Object(Map::new()));
        self.parts.extra.as_ref().map_or(&NONE, LazyObject::value)
    }

    /// A value from the authorization response that is kept with the tokens, by its name.
    ///
    /// Apple sends the user's name this way, in `user`, at the first login only. VK expects `device_id` back with each
    /// refresh.
    ///
    /// # Security
    /// The browser brought it, so the user may have changed it. Do not trust an e-mail address in it.
    pub fn callback_value(&self, name: &str) -> Option<&Value> {
        self.parts.callback.as_ref()?.value().get(name)
    }

    /// The ID token of a provider that is not an OpenID Provider.
    ///
    /// # Security
    /// Nobody verified it. [`Tokens::id_token`] is the verified one.
    pub fn unverified_id_token(&self) -> Option<&str> {
        self.parts.unverified_id_token.as_ref().map(Secret::expose)
    }

    /// The values that were left out, and the reasons: values of the token response, and after a login also of the metadata. The
    /// list is not stored with the tokens.
    pub fn warnings(&self) -> &[Warning] {
        &self.parts.warnings
    }

    pub(crate) fn with_warnings(mut self, more: Vec<Warning>) -> Self {
        if !more.is_empty() {
            self.edit().warnings.extend(more);
        }
        self
    }

    /// The same tokens without their ID token, which is not used.
    pub(crate) fn without_id_token(mut self) -> Self {
        self.edit().id_token = None;
        self
    }

    /// Adds values that the browser brought.
    pub(crate) fn with_callback_values(mut self, values: impl IntoIterator<Item = (String, Value)>) -> Self {
        let values: Map<_, _> = values.into_iter().collect();
        if !values.is_empty() {
            self.edit().callback = Some(LazyObject::from(Value::Object(values)));
        }
        self
    }

    /// RFC 6749 §5.1: the requested scopes are granted if the provider does not name the granted ones.
    pub(crate) fn with_requested_scope(mut self, requested: &[String], separator: &str) -> Self {
        if self.parts.scope.is_none() && !requested.is_empty() {
            self.edit().scope = Some(requested.join(separator).into());
        }
        self
    }

    /// RFC 6749 §6: keeps the values of the old tokens that a refresh did not renew. Extra members are among them only if they
    /// are needed.
    pub(crate) fn keep_unrenewed_of(mut self, old: &Self, needs_extra: bool) -> Self {
        if needs_extra {
            let mut extra = self.extras().clone();
            if let (Value::Object(members), Value::Object(more)) = (&mut extra, old.extras().clone()) {
                add_missing(members, more);
            }
            self.edit().extra = Some(LazyObject::from(extra));
        }
        let (parts, old) = (self.edit(), &old.parts);
        parts.refresh_token = parts.refresh_token.take().or_else(|| old.refresh_token.clone());
        parts.id_token = parts.id_token.take().or_else(|| old.id_token.clone());
        parts.scope = parts.scope.take().or_else(|| old.scope.clone());
        parts.callback = parts.callback.take().or_else(|| old.callback.clone());
        self
    }

    fn edit(&mut self) -> &mut Parts {
        Arc::make_mut(&mut self.parts)
    }
}

/// An access token (RFC 6749 section 1.4).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AccessToken(Secret);

impl AccessToken {
    pub(crate) fn new(token: Secret) -> Self {
        Self(token)
    }

    /// The token itself. Keep it out of logs and URLs.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// A refresh token (RFC 6749 section 1.5).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RefreshToken(Secret);

impl RefreshToken {
    pub(crate) fn secret(&self) -> &Secret {
        &self.0
    }

    /// The token itself. Keep it out of logs and URLs.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// The separator is nearly always a space, which needs no allocation.
fn separators(separators: &str) -> Cow<'static, str> {
    if separators == " " { Cow::Borrowed(" ") } else { Cow::Owned(separators.to_owned()) }
}

/// The usual token type (RFC 6750).
const BEARER: &str = "Bearer";
/// The type of tokens that are bound to a key (RFC 9449 section 5).
const DPOP: &str = "DPoP";
