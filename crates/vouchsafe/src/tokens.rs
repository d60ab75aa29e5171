use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::jose::id_token::{self, Verified};
use crate::protocol::token::response::{KNOWN, TokenAnswer};
use crate::provenance::Provenance;
use crate::secret::Secret;
use crate::text::json::{self, Json};

/// What a login gives: an access token, what is known of it, and what came with it.
///
/// It serialises, secrets included, for the store where you keep it; it prints without them. It knows the server and the
/// client that it belongs to, also after it was stored: a client of another server refuses it and sends nothing. Tokens
/// that you got elsewhere are read by [`Manual::read_token_response`](crate::manual::Manual::read_token_response), for that client.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// Where they come from, and the only place where they go.
    provenance: Arc<Provenance>,
    access_token: AccessToken,
    refresh_token: Option<RefreshToken>,
    id_token: Option<IdToken>,
    /// An ID token that nobody verified: that of a provider which is no OpenID Provider.
    unverified: Option<Secret>,
    scope: Option<Box<str>>,
    scope_separators: Cow<'static, str>,
    expires_at: Option<SystemTime>,
    /// The answer as it came, where it has more members than those above.
    extra: Option<Secret>,
    /// What came by the browser, by its name. It stays apart from what the provider said, so that nobody who reads a
    /// profile there reads this.
    brought: Option<Secret>,
}

impl Tokens {
    pub(crate) fn new(
        provenance: &Arc<Provenance>,
        answer: TokenAnswer,
        scope_separators: &str,
        id_token: Option<IdToken>,
    ) -> Self {
        Self {
            provenance: provenance.clone(),
            access_token: AccessToken(answer.access_token),
            refresh_token: answer.refresh_token.map(RefreshToken),
            unverified: answer.id_token.filter(|_| id_token.is_none()),
            id_token,
            scope: answer.scope,
            scope_separators: separators(scope_separators),
            expires_at: answer.expires_at,
            extra: answer.extra,
            brought: None,
        }
    }

    /// The slug of the provider that gave them.
    pub fn provider_slug(&self) -> &str {
        &self.provenance.provider
    }

    /// The server that gave them: its issuer, or what [`Identity::issuer`](crate::Identity::issuer) gives in its place.
    /// They are never sent to another, whatever its provider is called.
    pub fn issuer(&self) -> &str {
        &self.provenance.issuer
    }

    /// The id of the client that they were given to.
    pub fn client_id(&self) -> &str {
        &self.provenance.client_id
    }

    pub(crate) fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// The access token.
    pub fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    /// How the access token is used: always `Bearer` (RFC 6750); other types are refused unless asked for.
    pub fn token_type(&self) -> &str {
        "Bearer"
    }

    /// The refresh token, if the provider gave one.
    pub fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }

    /// The ID token, verified, if the provider is an OpenID Provider.
    pub fn id_token(&self) -> Option<&IdToken> {
        self.id_token.as_ref()
    }

    /// What no error may show.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        let refresh_token = self.refresh_token.as_ref().map(RefreshToken::expose);
        let id_token = self.id_token.as_ref().map(IdToken::expose);
        [Some(self.access_token.expose()), refresh_token, id_token].into_iter().flatten()
    }

    pub(crate) fn bearer(&self) -> &Secret {
        &self.access_token.0
    }

    /// The scopes that were granted. Where the provider does not say, they are those that were asked for
    /// (RFC 6749 section 5.1).
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        let separators = &*self.scope_separators;
        let scope = self.scope.as_deref().unwrap_or_default();
        scope.split(move |c| separators.contains(c)).filter(|s| !s.is_empty())
    }

    /// When the access token expires, if the provider says so.
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at
    }

    /// Whether the access token has expired. One of unknown lifetime has not.
    #[doc(alias = "OAuth2Token")]
    pub fn is_expired(&self) -> bool {
        self.expires_within(Duration::ZERO)
    }

    /// Whether the access token expires within that time from now.
    pub fn expires_within(&self, duration: Duration) -> bool {
        let then = SystemTime::now().checked_add(duration);
        self.expires_at.is_some_and(|at| then.is_none_or(|then| at <= then))
    }

    /// Any other member of the provider's answer, by its name.
    ///
    /// Where the provider tells a profile in the authorization response, as Apple does in `user` at the first login, it
    /// is found here under that name; so is what a provider wants back with each refresh, as VK does `device_id`. It came
    /// by the browser: believe no e-mail in it.
    ///
    /// An `id_token` is found here only where nobody verified it: do not believe it.
    pub fn get(&self, name: &str) -> Option<Json> {
        if name == "id_token" {
            return self.unverified.as_ref().map(|t| serde_json::Value::from(t.expose()).into());
        }
        self.extra().and_then(|extra| extra.get(name)).or_else(|| self.brought(name))
    }

    /// The members of the answer that have no place of their own here.
    fn extra(&self) -> Option<Json> {
        let answer = json::parse(self.extra.as_ref()?.expose().as_bytes()).ok()?;
        Some(answer.without(&KNOWN))
    }

    /// The same as one document, empty where there are none.
    pub(crate) fn answer(&self) -> Json {
        self.extra().unwrap_or_else(|| serde_json::Value::Object(serde_json::Map::new()).into())
    }

    /// What the browser brought besides, under that name.
    pub(crate) fn with_brought(mut self, name: &str, value: Json) -> Self {
        let more = Json::object(name, value);
        let all = match self.all_brought() {
            Some(known) => more.with_more_from(known),
            None => more,
        };
        self.brought = Some(Secret::new(all.to_string()));
        self
    }

    pub(crate) fn brought(&self, name: &str) -> Option<Json> {
        self.all_brought()?.get(name)
    }

    fn all_brought(&self) -> Option<Json> {
        json::parse(self.brought.as_ref()?.expose().as_bytes()).ok()
    }

    /// What was asked for counts as granted where the provider does not say.
    pub(crate) fn or_scope(mut self, requested: &[String], separator: &str) -> Self {
        if self.scope.is_none() && !requested.is_empty() {
            self.scope = Some(requested.join(separator).into());
        }
        self
    }

    /// What came beside the token stays where a refresh does not repeat it.
    pub(crate) fn or_beside(mut self, old: &Tokens) -> Self {
        let beside = self.answer().with_more_from(old.answer());
        self.extra = Some(Secret::new(beside.to_string()));
        self
    }

    /// RFC 6749 §6: what a refresh does not renew stays as it was.
    pub(crate) fn or_kept(mut self, old: &Tokens) -> Self {
        self.refresh_token = self.refresh_token.or_else(|| old.refresh_token.clone());
        self.id_token = self.id_token.or_else(|| old.id_token.clone());
        self.scope = self.scope.or_else(|| old.scope.clone());
        self.brought = self.brought.or_else(|| old.brought.clone());
        self
    }
}

macro_rules! token {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Eq, PartialEq)]
        pub struct $name(Secret);

        impl $name {
            /// The token itself. Keep it out of logs and URLs.
            pub fn expose(&self) -> &str {
                self.0.expose()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

token! {
    /// An access token (RFC 6749 section 1.4).
    AccessToken
}

token! {
    /// A refresh token (RFC 6749 section 1.5).
    RefreshToken
}

/// A verified ID token (OpenID Connect Core section 2).
#[derive(Clone)]
pub struct IdToken {
    raw: Secret,
    claims: Secret,
    subject: Box<str>,
}

impl IdToken {
    pub(crate) fn new(raw: Secret, verified: Verified) -> Self {
        Self { raw, claims: Secret::new(verified.payload), subject: verified.subject }
    }

    /// Who signed in: unique and never reassigned at this issuer, and meaningless at any other.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The claims, all of them verified to come from the provider.
    pub fn claims(&self) -> Json {
        // The claims were read before they were believed, and `null` has no members.
        json::parse(self.claims.expose().as_bytes()).unwrap_or_else(|_| serde_json::Value::Null.into())
    }

    /// A claim by its name.
    pub fn claim(&self, name: &str) -> Option<Json> {
        self.claims().get(name)
    }

    /// The token as it came, for `id_token_hint`.
    pub fn expose(&self) -> &str {
        self.raw.expose()
    }

    /// Reads back a token that was verified before it was stored.
    fn from_stored(raw: String) -> Option<Self> {
        let claims = crate::jose::jws::decode_text(raw.split('.').nth(1)?).ok()?;
        let subject = id_token::subject(&claims)?;
        json::parse(claims.as_bytes()).ok()?;
        Some(Self { raw: Secret::new(raw), claims: Secret::new(claims), subject })
    }
}

impl fmt::Debug for IdToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdToken(…)")
    }
}

/// The form in which tokens are stored.
#[derive(Deserialize, Serialize)]
struct Stored {
    /// The version of this form.
    v: u8,
    provider: String,
    issuer: String,
    client_id: String,
    access_token: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unverified_id_token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(default = "space", skip_serializing_if = "is_space")]
    scope_separators: String,
    /// Seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    extra: Option<Json>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    brought: Option<Json>,
}

impl Serialize for Tokens {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let stored = Stored {
            v: VERSION,
            provider: self.provenance.provider.clone(),
            issuer: self.provenance.issuer.clone(),
            client_id: self.provenance.client_id.clone(),
            access_token: self.access_token.expose().to_owned(),
            refresh_token: self.refresh_token.as_ref().map(|t| t.expose().to_owned()),
            id_token: self.id_token.as_ref().map(|t| t.expose().to_owned()),
            unverified_id_token: self.unverified.as_ref().map(|t| t.expose().to_owned()),
            scope: self.scope.as_deref().map(str::to_owned),
            scope_separators: self.scope_separators.to_string(),
            expires_at: self
                .expires_at
                .and_then(|at| at.duration_since(UNIX_EPOCH).ok())
                .map(|d| d.as_secs()),
            extra: self.extra(),
            brought: self.all_brought(),
        };
        stored.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Tokens {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        if stored.v != VERSION {
            return Err(serde::de::Error::custom("the stored tokens are of another version"));
        }
        let provenance =
            Provenance { provider: stored.provider, issuer: stored.issuer, client_id: stored.client_id };
        let broken = || serde::de::Error::custom("the stored ID token cannot be read");
        let id_token = stored.id_token.map(|raw| IdToken::from_stored(raw).ok_or_else(broken)).transpose()?;
        Ok(Self {
            provenance: Arc::new(provenance),
            access_token: AccessToken(Secret::new(stored.access_token)),
            refresh_token: stored.refresh_token.map(|t| RefreshToken(Secret::new(t))),
            id_token,
            unverified: stored.unverified_id_token.map(Secret::new),
            scope: stored.scope.map(String::into_boxed_str),
            scope_separators: separators(&stored.scope_separators),
            expires_at: stored.expires_at.and_then(|s| UNIX_EPOCH.checked_add(Duration::from_secs(s))),
            extra: stored.extra.map(|e| Secret::new(e.to_string())),
            brought: stored.brought.map(|b| Secret::new(b.to_string())),
        })
    }
}

/// Nearly always a space, which need not be kept anew each time.
fn separators(separators: &str) -> Cow<'static, str> {
    if is_space(separators) { Cow::Borrowed(" ") } else { Cow::Owned(separators.to_owned()) }
}

const VERSION: u8 = 1;

fn space() -> String {
    " ".to_owned()
}

fn is_space(text: &str) -> bool {
    text == " "
}
