//! Starting a login.
use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use vouchsafe_providers::{Definition, EndpointName, Pkce};
use zeroize::Zeroize;

use crate::client::Client;
use crate::client::authorization::{Protected, ServedRequest};
use crate::client::ongoing::Ongoing;
use crate::error::{ConfigProblem, Error, LeftOut, Operation, Warning};
use crate::flows::offline::{self, Wishes};
use crate::flows::pending::PendingLogin;
use crate::jose::id_token::{Expected as ExpectedToken, Nonce};
use crate::protocol::authorization::request::{LoginRequest, PerLogin, check_extra, unchecked};
use crate::protocol::authorization::response::{AuthorizationResponse, Callback, Expected};
use crate::protocol::token::request::Grant;
use crate::protocol::{jarm, pkce};
use crate::provider::Server;
use crate::secret::opaque;
use crate::text::json::Value;
use crate::text::random::Random;
use crate::tokens::Tokens;
use crate::transport::BoxFuture;

impl Client {
    /// Starts a login. Await it to get the URL to send the browser to, and the [`PendingLogin`] to keep.
    ///
    /// State, nonce and code verifier are made here and checked by [`Client::finish`].
    ///
    /// The login does not start if the provider's metadata says that it cannot end well: [`Error::Unsupported`] names the thing
    /// that the provider requires. [`Provider::unmet_needs`](crate::Provider::unmet_needs) lists all of them.
    #[doc(alias = "get_authorization_url")]
    pub fn login(&self) -> Login<'_> {
        Login {
            client: self,
            redirect_uri: None,
            scopes: Vec::new(),
            params: Vec::new(),
            max_age: None,
            acr_values: Vec::new(),
            data: None,
            offline: false,
            hint: None,
        }
    }

    /// Whether a response belongs to a login of this client, as [`PendingLogin::matches`] says. It also reads the responses that the
    /// provider encrypts for this client ([`Registration::authorization_response_encryption`]).
    ///
    /// [`Registration::authorization_response_encryption`]: crate::Registration::authorization_response_encryption
    pub fn matches<'r>(
        &self,
        pending: &PendingLogin,
        response: impl Into<AuthorizationResponse<'r>>,
    ) -> bool {
        let keys = self.inner.live.registration.encrypted_anyhow();
        pending.matches_decrypted(&response.into(), keys)
    }

    /// Finishes a login with the URL that the browser came to. If the browser posted the response as a form, add the form
    /// ([`AuthorizationResponse::form`]).
    ///
    /// Checks where the response came to, the issuer and `state`, sends the token request, and verifies the ID token, in this order
    /// (RFC 9700 section 4.4.2, RFC 9207, RFC 6749 section 10.12, RFC 7636, OpenID Connect Core section 3.1.3.7).
    ///
    /// # Errors
    /// [`Error::Server`] if the provider returned an error or the user declined ([`Error::is_denied`]),
    /// [`Error::Validation`] if a check failed, [`Error::Response`] and [`Error::Http`] if a response of the provider could
    /// not be used, [`Error::Config`] if the text that was given is neither a URL nor a path.
    #[doc(alias = "get_access_token")]
    pub async fn finish<'r>(
        &self,
        pending: PendingLogin,
        response: impl Into<AuthorizationResponse<'r>>,
    ) -> Result<Tokens, Error> {
        let randoms = [Some(&pending.state), pending.nonce.as_ref(), pending.verifier.as_ref()];
        let call = self.begin_with(randoms.into_iter().flatten().map(Random::as_str));
        call.end(call.finish(&pending, response.into()).await)
    }
}

impl Ongoing<'_> {
    async fn finish(
        &self,
        pending: &PendingLogin,
        response: AuthorizationResponse<'_>,
    ) -> Result<Tokens, Error> {
        let server = self.server().await?;
        let definition = &server.definition;
        let (redirect_uri, state) = (&pending.request.redirect_uri, pending.state.as_str());
        let is_signed = jarm::is_signed(pending.request.response_mode.as_deref());
        let response = if is_signed { self.opened(&server, response).await? } else { response };
        let expected = Expected {
            // A verified JWT names its issuer.
            names_issuer: is_signed || self.client.names_issuer(&server),
            servers: Some([&server.provenance, &pending.request.provenance]),
            is_expired: SystemTime::now() > pending.expires_at(),
            ..server.expected_response(
                redirect_uri,
                state,
                self.client.inner.authenticator.credentials.secret(),
            )
        };
        let Callback { code, forwarded, profile, session_state } =
            response.check(&expected, &self.noted).map_err(|error| error.explained(None))?;

        let own = &pending.request.scopes;
        let scopes = if own.is_empty() { &server.scopes } else { own };
        let scope = self.client.scope_with_code(scopes);
        let verifier = pending.verifier.as_ref().map(Random::as_str);
        let grant = Grant::authorization_code(&code, redirect_uri, verifier, scope.as_deref());
        // RFC 8707 §2.2: the token request names the APIs again that the access token is for.
        let resources = pending.resources.iter().map(|uri| ("resource".to_owned(), uri.clone()));
        let sent: Vec<_> = forwarded.iter().cloned().chain(resources).collect();
        let grant = Grant { forwarded: &sent, ..grant };
        let expected = ExpectedToken {
            nonce: match &pending.nonce {
                Some(nonce) if definition.nonce => Nonce::Sent(nonce.as_str()),
                Some(nonce) => Nonce::Remembered(Some(nonce.as_str())),
                None => Nonce::None,
            },
            max_age: pending.max_age,
            acr_values: &pending.acr_values,
            code: Some(&code),
            ..self.client.inner.live.expected(&server)
        };
        let endpoint = server.endpoint(EndpointName::Token)?;
        let tokens =
            self.token_request(&server, endpoint, grant, (&expected, pending.nonce.is_some())).await?;
        if pending.offline {
            offline::check(&tokens, &server, Operation::AuthorizationCode)?;
        }
        let forward = &definition.refreshing.forward;
        let kept = forwarded.iter().filter(|(name, _)| forward.contains(name));
        let kept = kept.map(|(name, value)| (name.clone(), Value::from(value.clone())));
        // OpenID Connect Session Management 1.0 section 2: the frame of the provider needs it.
        let state = session_state.filter(|_| server.endpoints.get(EndpointName::CheckSession).is_some());
        let state = state.map(|state| ("session_state".to_owned(), Value::from(state)));
        let brought = profile.into_iter().chain(kept).chain(state);
        let mut warnings = server.metadata.as_ref().map_or(Vec::new(), |metadata| metadata.warnings.clone());
        if server.openid.is_some() && !own.is_empty() && !pending.request.wants_id_token {
            let why = "the login has no ID token, because it requested scopes without openid: request openid too, and \
                       the ID token says who signed in";
            warnings.push(Warning::new(LeftOut::OpenidScope, why));
        }
        let tokens = tokens.with_callback_values(brought).with_warnings(warnings);
        Ok(tokens.with_requested_scope(scopes, &definition.scope_separator))
    }
}

/// A login that is about to start. Await it to get the URL and the [`PendingLogin`].
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
    offline: bool,
    /// The tokens of an earlier login.
    hint: Option<Tokens>,
}

impl Login<'_> {
    /// Requests a scope. Without any, the scopes of the provider's definition are requested.
    ///
    /// At an OpenID Provider, request `openid` too. It is not added: without it the login has no ID token and no nonce, and
    /// [`Tokens::warnings`] says so ([`LeftOut::OpenidScope`]).
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }

    /// Requests several scopes.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes.extend(scopes.into_iter().map(Into::into));
        self
    }

    /// Overrides the redirect URI of the registration.
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uri = Some(uri.into());
        self
    }

    /// Requires that the user signed in at most this long ago (OpenID Connect Core section 3.1.2.1). [`Client::finish`]
    /// checks `auth_time` of the ID token.
    ///
    /// Without an ID token nothing can be checked. So the login does not start at a provider that is not an OpenID Provider,
    /// or without the scope `openid`: [`Error::Unsupported`].
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age.as_secs());
        self
    }

    /// Requires one of these authentication context classes (OpenID Connect Core section 3.1.2.1). [`Client::finish`] checks
    /// `acr` of the ID token.
    ///
    /// Without an ID token the login does not start, as with [`Login::max_age`].
    pub fn acr_values<S: Into<String>>(mut self, values: impl IntoIterator<Item = S>) -> Self {
        self.acr_values.extend(values.into_iter().map(Into::into));
        self
    }

    /// A hint about who is signing in, such as an e-mail address (`login_hint`).
    pub fn login_hint(self, hint: impl Into<String>) -> Self {
        self.param("login_hint".into(), hint.into())
    }

    /// The ID token of an earlier login: only its user may sign in (`id_token_hint`). It may have expired. With
    /// [`prompt`](Self::prompt) `none`, it asks whether this user is still signed in. Nothing is added if there is none, or if the
    /// provider takes none.
    ///
    /// The login does not start if the tokens are from another provider.
    ///
    /// # Security
    /// The URL contains the ID token: keep it out of logs.
    pub fn id_token_hint(mut self, tokens: &Tokens) -> Self {
        self.hint = Some(tokens.clone());
        self
    }

    /// `none`, `login`, `consent` or `select_account` (OpenID Connect Core section 3.1.2.1).
    pub fn prompt(self, prompt: impl Into<String>) -> Self {
        self.param("prompt".into(), prompt.into())
    }

    /// The URI of an API that the tokens are to be for (RFC 8707 section 2.1). Repeat it for more than one.
    pub fn resource(mut self, uri: impl Into<String>) -> Self {
        self.params.push(("resource".into(), uri.into().into()));
        self
    }

    /// Asks for authorization in detail, as a JSON array of objects with a `type` each (RFC 9396 section 2). The token response says what
    /// was granted: [`Tokens::extra`](crate::Tokens::extra) with the name `authorization_details`.
    pub fn authorization_details(self, details: &Value) -> Self {
        self.param("authorization_details".into(), details.to_string())
    }

    /// Asks for single claims, as a JSON object with the members `id_token` and `userinfo` (OpenID Connect Core section 5.5).
    pub fn claims(self, claims: &Value) -> Self {
        self.param("claims".into(), claims.to_string())
    }

    /// Any other parameter that the provider knows. A later value replaces an earlier one.
    #[doc(alias = "extras_params")]
    pub fn extra(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.param(name.into().into(), value.into())
    }

    fn param(mut self, name: Cow<'static, str>, value: String) -> Self {
        self.params.retain(|(known, _)| *known != name);
        self.params.push((name, value.into()));
        self
    }

    /// A text of yours that is kept in the pending login, such as the page to return to. If you keep pending logins in a
    /// cookie that is not sealed, users can read it.
    pub fn data(mut self, data: impl Into<String>) -> Self {
        self.data = Some(data.into());
        self
    }

    /// Requires a refresh token, so that the application can go on without the user. The login asks for whatever brings one at
    /// this provider, such as the scope `offline_access` or the parameter `access_type=offline`; a value of your own stays.
    ///
    /// If none comes, [`Client::finish`] fails with [`Error::Unsupported`], and says why. The login does not start at a provider that
    /// has no refresh tokens.
    ///
    /// ```no_run
    /// # async fn f(client: vouchsafe::Client) -> Result<(), vouchsafe::Error> {
    /// let login = client.login().offline().await?;
    /// # Ok(()) }
    /// ```
    #[doc(alias = "offline_access")]
    #[doc(alias = "access_type")]
    pub fn offline(mut self) -> Self {
        self.offline = true;
        self
    }

    fn ask_offline(&mut self, server: &Server) -> Result<(), Error> {
        let usual = if self.scopes.is_empty() { &server.scopes } else { &self.scopes };
        let Wishes { scope, params } = Wishes::at(server, usual)?;
        if let Some(scope) = scope {
            self.scopes = usual.iter().cloned().chain([scope]).collect();
        }
        for (name, value) in params {
            if self.params.iter().all(|(known, _)| *known != name) {
                self.params.push((name.into(), value.into()));
            }
        }
        Ok(())
    }

    /// Names the user of an earlier login.
    fn ask_for(&mut self, tokens: &Tokens, server: &Server) -> Result<(), Error> {
        self.client.check_issuer_of(tokens, server, Operation::Authorization)?;
        if let Some(token) = tokens.id_token().filter(|_| server.definition.id_token_hint) {
            self.params.retain(|(name, _)| name != "id_token_hint");
            self.params.push(("id_token_hint".into(), token.expose().to_owned().into()));
        }
        Ok(())
    }

    /// Adds the parameters of a client that is set to be strong.
    fn ask_strong(&mut self, server: &Server) {
        let inner = &self.client.inner;
        // RFC 9449 §10.1: a pushed request is bound by its proof.
        if let Some(binding) = inner.binding.as_ref().filter(|_| !self.client.pushes_requests(server)) {
            self.params.push(("dpop_jkt".into(), binding.thumbprint().into()));
        }
        let fixed = &server.definition.authorization.params;
        let own = self.params.iter().find(|(name, _)| name == "response_mode").map(|(_, mode)| &**mode);
        let mode = own.or(fixed.get("response_mode").map(String::as_str));
        if let Some(signed) = self.client.signed_response_mode(mode) {
            self.params.retain(|(name, _)| name != "response_mode");
            self.params.push(("response_mode".into(), signed.into()));
        }
    }

    /// Starts the login at a server whose metadata is known.
    fn start(mut self, server: &Server) -> Result<StartedLogin, Error> {
        if self.offline {
            self.ask_offline(server)?;
        }
        if let Some(tokens) = self.hint.take() {
            self.ask_for(&tokens, server)?;
        }
        let (request, prefix) = self.request(server)?;
        let demands = self.max_age.is_some() || !self.acr_values.is_empty();
        if demands && !request.wants_id_token {
            return Err(unchecked(Operation::Authorization));
        }
        let sends_s256 = !matches!(self.client.template().definition.pkce, Pkce::Unsupported | Pkce::Hex);
        let registration = &self.client.inner.live.registration;
        server.check_needs(registration, (sends_s256, request.wants_id_token))?;
        // A credential that is missing says so with the token request: the URL alone may be what is needed.
        if let Err(error @ Error::Unsupported(_)) = self.client.token_auth(server, Operation::Authorization) {
            return Err(error);
        }
        let [state, nonce, verifier] = random_values()?;
        let nonce = request.wants_id_token.then_some(nonce);
        let Definition { pkce, authorization, .. } = &*self.client.template().definition;
        let (s256, hex);
        let challenge = match pkce {
            Pkce::Unsupported => None,
            Pkce::Hex => {
                hex = pkce::hex(verifier.as_str());
                Some(&*hex)
            }
            _ => {
                s256 = pkce::s256(verifier.as_bytes());
                Some(Random::text(&s256))
            }
        };
        let verifier = challenge.is_some().then_some(verifier);
        let url = PerLogin {
            state: Some(state.as_str()),
            nonce: nonce.as_ref().map(Random::as_str),
            challenge: challenge.map(|challenge| (challenge, "S256")),
            are_plain: true,
        }
        .url(prefix, authorization);
        let pending = PendingLogin {
            request,
            state,
            nonce,
            verifier,
            started_at: SystemTime::now(),
            limit: self.client.inner.login_limit,
            max_age: self.max_age,
            acr_values: self.acr_values,
            data: self.data,
            offline: self.offline,
            resources: self
                .params
                .iter()
                .filter(|(name, _)| name == "resource")
                .map(|(_, uri)| uri.to_string())
                .collect(),
        };
        Ok(StartedLogin { url, pending, request_object: None })
    }

    /// Starts the login at a server that gets more than plain parameters.
    async fn start_strong(self) -> Result<StartedLogin, Error> {
        let client = self.client;
        let call = client.begin();
        let outcome = async {
            let server = call.server().await?;
            let mut started = self.start(&server)?;
            if client.protects_requests(&server) {
                let StartedLogin { pending, url, .. } = &started;
                let randoms = [Some(&pending.state), pending.nonce.as_ref(), pending.verifier.as_ref()];
                call.noted.note_all(randoms.into_iter().flatten().map(Random::as_str));
                let Protected { url, served } = call.protected(&server, url).await?;
                (started.url, started.request_object) = (url, served);
            }
            Ok(started)
        };
        call.end(outcome.await)
    }

    /// The request with its scopes and parameters, and its URL up to the parameters of this login alone.
    fn request(&mut self, server: &Server) -> Result<(Arc<LoginRequest>, String), Error> {
        let quirks = &server.definition.authorization;
        for (name, value) in &self.params {
            check_extra(quirks, name, value)?;
            if matches!(&**name, "max_age" | "acr_values") {
                let detail =
                    format!("the parameter {name} cannot be an extra parameter: set it by Login::{name}");
                return Err(Error::config(ConfigProblem::ReservedParam, detail));
            }
        }
        self.ask_strong(server);
        if let Some(max_age) = self.max_age {
            self.params.push(("max_age".into(), max_age.to_string().into()));
        }
        if !self.acr_values.is_empty() {
            let values = self.acr_values.join(" ");
            check_extra(quirks, "acr_values", &values)?;
            self.params.push(("acr_values".into(), values.into()));
        }
        server.login_request(self.redirect_uri.as_deref(), std::mem::take(&mut self.scopes), &self.params)
    }
}

impl<'c> IntoFuture for Login<'c> {
    type Output = Result<StartedLogin, Error>;
    type IntoFuture = BoxFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        // If nothing has to be fetched, the work is done at once, and only its outcome is boxed.
        match self.client.inner.live.server.known() {
            Some(server) if !self.client.protects_requests(&server) => {
                Box::pin(std::future::ready(self.start(&server)))
            }
            _ => Box::pin(self.start_strong()),
        }
    }
}

/// A login that has started.
#[must_use = "a login that is not finished signs nobody in"]
#[non_exhaustive]
pub struct StartedLogin {
    /// The URL to send the browser to.
    pub url: String,
    /// The value to keep in this browser's session until the browser returns.
    pub pending: PendingLogin,
    /// The request that the application has to serve, if it does so
    /// ([`ClientBuilder::serve_requests_at`](crate::ClientBuilder::serve_requests_at)).
    pub request_object: Option<ServedRequest>,
}

// The URL holds state and nonce.
opaque!(StartedLogin);
// The parameters may hold personal data, such as an e-mail address.
opaque!(Login<'_>);

/// A state, a nonce and a code verifier.
fn random_values() -> Result<[Random; 3], Error> {
    let mut raw = [[0; 32]; 3];
    aws_lc_rs::rand::fill(raw.as_flattened_mut()).map_err(|_| Error::no_random())?;
    let three = raw.each_ref().map(Random::new);
    raw.as_flattened_mut().zeroize();
    Ok(three)
}
