//! A login between its start and its end, and the form in which it is stored.
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::endpoint::check_redirect_uri;
use crate::jose::jwe::Encrypted;
use crate::jose::jws::decode_text;
use crate::protocol::authorization::request::LoginRequest;
use crate::protocol::authorization::response::{AuthorizationResponse, states};
use crate::protocol::jarm;
use crate::provenance::Provenance;
use crate::secret::{Secret, same};
use crate::text::json::Text;
use crate::text::random::Random;
use crate::text::version::Version;

/// A login between its start and its end: an opaque value that serialises and is used once.
///
/// # Security
/// It proves that the same browser returns. Keep it in that browser's session: in a sealed
/// cookie, or on the server under an identifier that only this browser has.
#[must_use = "dropping it gives the login up"]
pub struct PendingLogin {
    pub(crate) request: Arc<LoginRequest>,
    pub(crate) state: Random,
    pub(crate) nonce: Option<Random>,
    pub(crate) verifier: Option<Random>,
    pub(crate) started_at: SystemTime,
    pub(crate) limit: Duration,
    pub(crate) max_age: Option<u64>,
    pub(crate) acr_values: Vec<String>,
    pub(crate) data: Option<String>,
    /// Whether the login has to bring a refresh token.
    pub(crate) offline: bool,
    /// The APIs that the login asked for (RFC 8707).
    pub(crate) resources: Vec<String>,
}

impl PendingLogin {
    /// The slug of the provider. A client of this provider has to finish the login.
    pub fn provider_slug(&self) -> &str {
        &self.request.provenance.provider
    }

    /// The issuer of the server, or its substitute as in [`Identity::issuer`](crate::Identity::issuer). Only a client of this
    /// server can finish the login, even if another provider has the same name.
    pub fn issuer(&self) -> &str {
        &self.request.provenance.issuer
    }

    /// The redirect URI.
    pub fn redirect_uri(&self) -> &str {
        &self.request.redirect_uri
    }

    /// When the login started.
    pub fn started_at(&self) -> SystemTime {
        self.started_at
    }

    /// When the login can no longer be finished: [`ClientBuilder::login_limit`](crate::ClientBuilder::login_limit) after its start.
    pub fn expires_at(&self) -> SystemTime {
        // The limit is bounded when a login starts, and their sum is checked when one is read: it does not overflow.
        self.started_at.checked_add(self.limit).unwrap_or(self.started_at)
    }

    /// The `response_mode` that the login asks for, `None` for the provider's default. With `form_post` the response comes in
    /// a form that the provider's page posts: browsers send only cookies with `SameSite=None` along with it.
    pub fn response_mode(&self) -> Option<&str> {
        self.request.response_mode.as_deref()
    }

    /// The text that was given to [`Login::data`](crate::Login::data).
    pub fn data(&self) -> Option<&str> {
        self.data.as_deref()
    }

    /// Whether a response came to this login's redirect URI and has its `state`. Other responses are forged, old, or belong to
    /// another tab: they should not end this login.
    ///
    /// An encrypted response matches no login, because only the client can read it: see [`Client::matches`](crate::Client::matches).
    pub fn matches<'r>(&self, response: impl Into<AuthorizationResponse<'r>>) -> bool {
        self.matches_decrypted(&response.into(), Encrypted::NEVER)
    }

    /// The same, for a client with keys.
    pub(crate) fn matches_decrypted(
        &self,
        response: &AuthorizationResponse<'_>,
        keys: Encrypted<'_>,
    ) -> bool {
        let is_own = |state: &str| same(state, self.state.as_str());
        response.came_to(&self.request.redirect_uri).is_ok()
            // Also where it has to be signed: then the login ends, and the error says why.
            && (states(response.params()).any(|state| is_own(&state)) || jarm::is_signed(self.response_mode()) && {
                let jwt = jarm::jwt_of(response.params()).ok();
                // Not verified yet: it only finds the login that the response is for.
                let inner = jwt.as_ref().and_then(|jwt| keys.open(jwt).ok().flatten());
                let jwt = inner.as_ref().map(Secret::expose).or(jwt.as_deref());
                let claims = jwt.and_then(|jwt| decode_text(jwt.split('.').nth(1)?).ok());
                let state = claims.and_then(|claims| jarm::state_of(&claims));
                state.is_some_and(|state| is_own(&state))
            })
    }
}

impl fmt::Debug for PendingLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingLogin")
            .field("provider", &self.provider_slug())
            .field("started_at", &self.started_at)
            .finish_non_exhaustive()
    }
}

/// The stored form of a pending login. The names are short because it may be in a cookie. A change of this form needs another
/// version.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Kept<'k> {
    v: Version<3>,
    provider: Cow<'k, str>,
    issuer: Cow<'k, str>,
    client: Cow<'k, str>,
    redirect: Cow<'k, str>,
    #[serde(default, skip_serializing_if = "is_empty")]
    scopes: Cow<'k, [String]>,
    #[serde(borrow)]
    state: Text<'k>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    nonce: Option<Text<'k>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    verifier: Option<Text<'k>>,
    /// Seconds since 1970.
    at: u64,
    /// In seconds.
    limit: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mode: Option<Cow<'k, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_age: Option<u64>,
    #[serde(default, skip_serializing_if = "is_empty")]
    acr: Cow<'k, [String]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<Cow<'k, str>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    offline: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    resources: Vec<String>,
}

fn is_empty(texts: &[String]) -> bool {
    texts.is_empty()
}

impl Serialize for PendingLogin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let LoginRequest { provenance, redirect_uri, scopes, response_mode, .. } = &*self.request;
        let text = |random| Text(Cow::Borrowed(Random::as_str(random)));
        Kept {
            v: Version,
            provider: Cow::Borrowed(&provenance.provider),
            issuer: Cow::Borrowed(&provenance.issuer),
            client: Cow::Borrowed(&provenance.client_id),
            redirect: Cow::Borrowed(redirect_uri),
            // The client knows the usual ones, and where a login is kept there is little room.
            scopes: Cow::Borrowed(scopes),
            state: text(&self.state),
            nonce: self.nonce.as_ref().map(text),
            verifier: self.verifier.as_ref().map(text),
            at: self.started_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
            limit: self.limit.as_secs(),
            mode: response_mode.as_deref().map(Cow::Borrowed),
            max_age: self.max_age,
            acr: Cow::Borrowed(&self.acr_values),
            data: self.data.as_deref().map(Cow::Borrowed),
            offline: self.offline,
            resources: self.resources.clone(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PendingLogin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let kept = Kept::deserialize(deserializer)?;
        let damaged = || D::Error::custom("the stored pending login is damaged: start a new login");
        let random = |Text(text): Text<'_>| Random::from_text(&text).ok_or_else(damaged);
        check_redirect_uri(&kept.redirect).map_err(D::Error::custom)?;
        let request = LoginRequest {
            provenance: Arc::new(Provenance {
                provider: kept.provider.into_owned(),
                issuer: kept.issuer.into_owned(),
                client_id: kept.client.into_owned(),
            }),
            redirect_uri: kept.redirect.into(),
            scopes: kept.scopes.into_owned(),
            wants_id_token: kept.nonce.is_some(),
            response_mode: kept.mode.map(Cow::into_owned),
        };
        let (since_1970, limit) = (Duration::from_secs(kept.at), Duration::from_secs(kept.limit));
        let started_at = UNIX_EPOCH.checked_add(since_1970).filter(|at| at.checked_add(limit).is_some());
        Ok(Self {
            request: Arc::new(request),
            state: random(kept.state)?,
            nonce: kept.nonce.map(random).transpose()?,
            verifier: kept.verifier.map(random).transpose()?,
            started_at: started_at.ok_or_else(damaged)?,
            limit,
            max_age: kept.max_age,
            acr_values: kept.acr.into_owned(),
            data: kept.data.map(Cow::into_owned),
            offline: kept.offline,
            resources: kept.resources,
        })
    }
}
