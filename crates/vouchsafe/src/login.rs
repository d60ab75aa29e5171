use std::borrow::Cow;
use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use vouchsafe_providers::{Definition, Pkce};
use zeroize::Zeroize;

use crate::client::{Client, check_redirect_uri};
use crate::error::{Error, Feature, Operation};
use crate::http::BoxFuture;
use crate::protocol::authorization::{AuthorizationRequest, OneLogin, check_extra, states};
use crate::protocol::authorization_response::AuthorizationResponse;
use crate::protocol::pkce;
use crate::protocol::random::Random;
use crate::provenance::Provenance;
use crate::provider::{Blueprint, Server};
use crate::secret::same;

/// A login that is about to start: what to ask for. Await it to get the URL and the [`PendingLogin`].
///
/// ```no_run
/// # async fn f(client: vouchsafe::Client) -> Result<(), vouchsafe::Error> {
/// let login = client.login().scope("openid").scope("calendar").login_hint("jane@example.com").await?;
/// // Send the browser to login.url, keep login.pending for when it returns.
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "a login starts when it is awaited"]
pub struct Login<'c> {
    client: &'c Client,
    redirect_uri: Option<String>,
    scopes: Vec<String>,
    params: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    max_age: Option<u64>,
    acr_values: Vec<String>,
    data: Option<String>,
}

impl<'c> Login<'c> {
    pub(crate) fn new(client: &'c Client) -> Self {
        Self {
            client,
            redirect_uri: None,
            scopes: Vec::new(),
            params: Vec::new(),
            max_age: None,
            acr_values: Vec::new(),
            data: None,
        }
    }

    /// Asks for a scope. Where none is asked for, the provider's own are.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }

    /// Asks for several scopes.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes.extend(scopes.into_iter().map(Into::into));
        self
    }

    /// Where the browser returns to, if not where the registration says.
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uri = Some(uri.into());
        self
    }

    /// The user must have signed in within that time (OpenID Connect Core section 3.1.2.1). [`Client::finish`] checks it
    /// by the ID token's `auth_time`.
    ///
    /// Where no ID token comes (at a provider that is no OpenID Provider, or without the scope `openid`) nothing could be
    /// checked, and the login does not start: [`Error::Unsupported`].
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age.as_secs());
        self
    }

    /// The user must authenticate in one of these ways (OpenID Connect Core section 3.1.2.1). [`Client::finish`] checks it
    /// by the ID token's `acr`.
    ///
    /// Where no ID token comes the login does not start, as with [`Login::max_age`].
    pub fn acr_values<S: Into<String>>(mut self, values: impl IntoIterator<Item = S>) -> Self {
        self.acr_values.extend(values.into_iter().map(Into::into));
        self
    }

    /// Whom the provider may expect.
    pub fn login_hint(self, hint: impl Into<String>) -> Self {
        self.extra("login_hint", hint)
    }

    /// `none`, `login`, `consent` or `select_account` (OpenID Connect Core section 3.1.2.1).
    pub fn prompt(self, prompt: impl Into<String>) -> Self {
        self.extra("prompt", prompt)
    }

    /// Any other parameter that the provider knows. A later value takes the place of an earlier one.
    #[doc(alias = "extras_params")]
    pub fn extra(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.params.retain(|(known, _)| *known != name);
        self.params.push((name.into(), value.into().into()));
        self
    }

    /// Text of yours that comes back with the pending login, such as the page to return to. It travels with it: what
    /// must not be seen in a cookie that is not sealed has no place here.
    pub fn data(mut self, data: impl Into<String>) -> Self {
        self.data = Some(data.into());
        self
    }

    /// Everything but the metadata, which may have to be fetched first.
    fn start(self, server: &Server) -> Result<StartedLogin, Error> {
        let request = match &server.usual_request {
            Some(usual) if self.is_usual() => usual.clone(),
            _ => Arc::new(self.request(server)?),
        };
        let demands = self.max_age.is_some() || !self.acr_values.is_empty();
        if demands && !request.wants_id_token {
            return Err(unchecked(Operation::Authorization));
        }
        let [state, nonce, verifier] = three()?;
        let nonce = request.wants_id_token.then_some(nonce);
        let Definition { pkce, authorization, .. } = &self.client.blueprint().definition;
        let verifier = (*pkce != Pkce::Unsupported).then_some(verifier);
        let (mut s256, mut hex) = ([0; 43], [0; 64]);
        let challenge = verifier.as_ref().map(|verifier| {
            if *pkce == Pkce::Hex {
                hex = pkce::hex(verifier.as_str());
                Random::text(&hex)
            } else {
                s256 = pkce::s256(verifier.as_str());
                Random::text(&s256)
            }
        });
        let url = OneLogin {
            state: Some(state.as_str()),
            nonce: nonce.as_ref().map(Random::as_str),
            challenge: challenge.map(|challenge| (challenge, "S256")),
            quirks: authorization,
        }
        .url(&request.url);
        let pending = PendingLogin {
            request,
            state,
            nonce,
            verifier,
            started_at: SystemTime::now(),
            max_age: self.max_age,
            acr_values: self.acr_values,
            data: self.data,
        };
        Ok(StartedLogin { url, pending })
    }

    /// Whether nothing is asked for but what the registration and the provider say.
    fn is_usual(&self) -> bool {
        self.redirect_uri.is_none()
            && self.scopes.is_empty()
            && self.params.is_empty()
            && self.max_age.is_none()
            && self.acr_values.is_empty()
    }

    fn request(&self, server: &Server) -> Result<LoginRequest, Error> {
        let quirks = &self.client.blueprint().definition.authorization;
        for (name, value) in &self.params {
            check_extra(quirks, name, value)?;
            if matches!(&**name, "max_age" | "acr_values") {
                let detail = format!("{name} has a method of its own");
                return Err(Error::config("reserved_param", detail));
            }
        }
        let redirect_uri = match (&self.redirect_uri, self.client.redirect_uri()) {
            (Some(uri), _) => {
                check_redirect_uri(uri)?;
                uri.as_str()
            }
            (None, Some(uri)) => uri,
            (None, None) => {
                let detail = "there is no redirect URI, neither in the registration nor here";
                return Err(Error::config("redirect_uri", detail));
            }
        };
        let scopes = if self.scopes.is_empty() { &server.scopes } else { &self.scopes };
        let mut params = self.params.clone();
        if let Some(max_age) = self.max_age {
            params.push(("max_age".into(), max_age.to_string().into()));
        }
        if !self.acr_values.is_empty() {
            let values = self.acr_values.join(" ");
            check_extra(quirks, "acr_values", &values)?;
            params.push(("acr_values".into(), values.into()));
        }
        Ok(LoginRequest::new(server, self.client.blueprint(), redirect_uri, scopes, params))
    }
}

impl<'c> IntoFuture for Login<'c> {
    type Output = Result<StartedLogin, Error>;
    type IntoFuture = BoxFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        // Where nothing has to be fetched the work is done at once, and what is boxed is its outcome alone.
        match self.client.known_server() {
            Some(server) => Box::pin(std::future::ready(self.start(&server))),
            None => Box::pin(async move {
                let server = self.client.begin_call().server().await?;
                self.start(&server)
            }),
        }
    }
}

/// What logins of one kind have in common: what is asked of whom.
#[derive(Debug)]
pub(crate) struct LoginRequest {
    pub(crate) provenance: Arc<Provenance>,
    pub(crate) redirect_uri: String,
    /// None where a login was kept with those that its client always asks for.
    pub(crate) scopes: Vec<String>,
    are_usual: bool,
    wants_id_token: bool,
    /// The beginning of the URL.
    url: String,
}

impl LoginRequest {
    pub(crate) fn new(
        server: &Server,
        blueprint: &Blueprint,
        redirect_uri: &str,
        scopes: &[String],
        mut params: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    ) -> Self {
        let Definition { scope_separator, authorization, .. } = &blueprint.definition;
        for (name, value) in &authorization.params {
            if !params.iter().any(|(known, _)| known == name) {
                params.push((name.clone().into(), value.clone().into()));
            }
        }
        let client_id = &*server.provenance.client_id;
        let (params, names, order) = (&params, &authorization.names, &authorization.order);
        let request =
            AuthorizationRequest { client_id, redirect_uri, scopes, scope_separator, params, names, order };
        Self {
            provenance: server.provenance.clone(),
            redirect_uri: redirect_uri.to_owned(),
            wants_id_token: server.openid.is_some() && scopes.iter().any(|s| s == "openid"),
            scopes: scopes.to_vec(),
            are_usual: scopes == server.scopes,
            url: request.begin(&server.authorization),
        }
    }
}

/// A login that has started.
#[must_use = "a login that is not finished signs nobody in"]
#[non_exhaustive]
pub struct StartedLogin {
    /// Where to send the browser.
    pub url: String,
    /// What to keep until the browser returns, where nobody but this browser's session can reach it.
    pub pending: PendingLogin,
}

impl fmt::Debug for StartedLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL holds state and nonce.
        f.debug_struct("StartedLogin").field("pending", &self.pending).finish_non_exhaustive()
    }
}

impl fmt::Debug for Login<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What else was asked for is the application's, and may be a person's.
        f.debug_struct("Login").field("client", &self.client).finish_non_exhaustive()
    }
}

/// A login between its start and its end: one opaque value that serialises, to be used once.
///
/// # Security
/// It binds the browser that returns to the browser that was sent away. Keep it in that browser's session: in a
/// sealed cookie, or on the server under an identifier that this browser alone has.
#[must_use = "dropping it gives the login up"]
pub struct PendingLogin {
    pub(crate) request: Arc<LoginRequest>,
    pub(crate) state: Random,
    pub(crate) nonce: Option<Random>,
    pub(crate) verifier: Option<Random>,
    pub(crate) started_at: SystemTime,
    pub(crate) max_age: Option<u64>,
    pub(crate) acr_values: Vec<String>,
    pub(crate) data: Option<String>,
}

impl PendingLogin {
    /// The slug of the provider that the login is at: which client has to finish it.
    pub fn provider(&self) -> &str {
        &self.request.provenance.provider
    }

    /// The server that the login is at: its issuer, or what [`Identity::issuer`](crate::Identity::issuer) gives in its
    /// place. No other can finish it, whatever its provider is called.
    pub fn issuer(&self) -> &str {
        &self.request.provenance.issuer
    }

    /// Where the browser returns to.
    pub fn redirect_uri(&self) -> &str {
        &self.request.redirect_uri
    }

    /// When the login started.
    pub fn started_at(&self) -> SystemTime {
        self.started_at
    }

    /// What [`Login::data`] put in.
    pub fn data(&self) -> Option<&str> {
        self.data.as_deref()
    }

    /// Whether a response came to this login's redirect URI and carries its `state`. Others are forged, stale, or another
    /// tab's: they should end nothing.
    pub fn matches<'r>(&self, response: impl Into<AuthorizationResponse<'r>>) -> bool {
        let response = response.into();
        response.came_to(&self.request.redirect_uri).is_ok()
            && states(response.params()).any(|state| same(&state, self.state.as_str()))
    }
}

impl fmt::Debug for PendingLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingLogin")
            .field("provider", &self.provider())
            .field("started_at", &self.started_at)
            .finish_non_exhaustive()
    }
}

/// The error for demands on how and when the user authenticates where no ID token will tell.
pub(crate) fn unchecked(operation: Operation) -> Error {
    let detail = "max_age and acr_values are checked by the ID token, and none comes here: ask for the scope openid, at an \
                  OpenID Provider";
    Error::unsupported(operation, Feature::IdToken, detail)
}

/// A state, a nonce and a code verifier.
fn three() -> Result<[Random; 3], Error> {
    let mut raw = [[0; 32]; 3];
    aws_lc_rs::rand::fill(raw.as_flattened_mut())
        .map_err(|_| Error::config("random", "this machine's random number generator failed"))?;
    let three = raw.each_ref().map(Random::new);
    raw.as_flattened_mut().zeroize();
    Ok(three)
}

/// The form in which a pending login is kept. The names are short because it may live in a cookie.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    v: u8,
    provider: String,
    issuer: String,
    client: String,
    redirect: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<String>,
    state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nonce: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verifier: Option<String>,
    /// Seconds since 1970.
    at: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_age: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    acr: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<String>,
}

impl Serialize for PendingLogin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = |random: &Random| random.as_str().to_owned();
        Kept {
            v: VERSION,
            provider: self.request.provenance.provider.clone(),
            issuer: self.request.provenance.issuer.clone(),
            client: self.request.provenance.client_id.clone(),
            redirect: self.request.redirect_uri.clone(),
            // The client knows these, and where a login is kept there is little room.
            scopes: if self.request.are_usual { Vec::new() } else { self.request.scopes.clone() },
            state: text(&self.state),
            nonce: self.nonce.as_ref().map(text),
            verifier: self.verifier.as_ref().map(text),
            at: self.started_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
            max_age: self.max_age,
            acr: self.acr_values.clone(),
            data: self.data.clone(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PendingLogin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let kept = Kept::deserialize(deserializer)?;
        if kept.v != VERSION {
            return Err(D::Error::custom("a pending login of another version"));
        }
        let random =
            |text: String| Random::from_text(&text).ok_or_else(|| D::Error::custom("a broken pending login"));
        check_redirect_uri(&kept.redirect).map_err(D::Error::custom)?;
        let request = LoginRequest {
            provenance: Arc::new(Provenance {
                provider: kept.provider,
                issuer: kept.issuer,
                client_id: kept.client,
            }),
            redirect_uri: kept.redirect,
            are_usual: kept.scopes.is_empty(),
            scopes: kept.scopes,
            wants_id_token: kept.nonce.is_some(),
            url: String::new(),
        };
        Ok(Self {
            request: Arc::new(request),
            state: random(kept.state)?,
            nonce: kept.nonce.map(random).transpose()?,
            verifier: kept.verifier.map(random).transpose()?,
            started_at: UNIX_EPOCH
                .checked_add(Duration::from_secs(kept.at))
                .ok_or_else(|| D::Error::custom("a broken pending login"))?,
            max_age: kept.max_age,
            acr_values: kept.acr,
            data: kept.data,
        })
    }
}

const VERSION: u8 = 2;
