use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use url::Url;
use vouchsafe_providers::{Definition, ProfileSource};

use crate::discovery::fetch_metadata;
use crate::endpoint::{Endpoint, foreign, is_loopback};
use crate::error::{Check, Error, Fault, Feature, Operation};
use crate::http::{BoxFuture, Http};
use crate::identity::Identity;
use crate::jose::client_secret::{SecretSigner, SigningKey};
use crate::jose::id_token::Nonce;
use crate::jose::jwk::KeySet;
use crate::json::Json;
use crate::login::{Login, LoginRequest, PendingLogin};
use crate::manual::Manual;
use crate::protocol::answer::{Dialect, Exchange};
use crate::protocol::authorization::{self, ResponseParams};
use crate::protocol::authorization_response::{AuthorizationResponse, Elsewhere, path};
use crate::protocol::client_auth::Credentials;
use crate::protocol::emails;
use crate::protocol::metadata::Metadata;
use crate::protocol::random::Random;
use crate::protocol::token::Grant;
use crate::provenance::Provenance;
use crate::provider::{Blueprint, Provider, Server};
use crate::registration::Registration;
use crate::secret::same;
use crate::shared::{Freshness, Shared};
use crate::tokens::{IdToken, Tokens};

mod deadline;
mod exchange;

pub(crate) use exchange::Expectations;

/// You, at a provider: signs people in and keeps their tokens fresh.
///
/// Cheap to clone; make one for each provider when your program starts, and share it.
///
/// ```no_run
/// # #[cfg(feature = "reqwest")]
/// # async fn f(url: &str) -> Result<(), vouchsafe::Error> {
/// use vouchsafe::{Client, Http, Registration, providers};
///
/// let registration =
///     Registration::new("client-id").secret("client-secret").redirect_uri("https://app.example.com/callback");
/// let client = Client::new(providers::github(), registration, &Http::new()?)?;
///
/// let login = client.login().await?; // send the browser to login.url
/// let tokens = client.finish(login.pending, url).await?; // when it has come back, with the URL that it came to
/// let identity = client.identity(&tokens).await?;
/// println!("{} <{}>", identity.subject(), identity.verified_email().unwrap_or("no e-mail"));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    times: Times,
    max_keys: usize,
    /// When the call must have ended that this clone was made for.
    deadline: Option<Instant>,
}

/// How long what is good for.
#[derive(Clone, Copy)]
struct Times {
    login: Duration,
    skew: Duration,
    metadata: Duration,
    keys: Duration,
    cool_down: Duration,
    call: Option<Duration>,
}

struct Inner {
    blueprint: Arc<Blueprint>,
    credentials: Credentials,
    /// Makes the secret of each request, where it is a JWT.
    signer: Option<SecretSigner>,
    registration: Arc<Registration>,
    http: Http,
    /// The provider as discovery makes it.
    server: Shared<Server>,
    keys: Shared<KeySet>,
}

impl Client {
    /// Puts the three together, and checks them.
    ///
    /// # Errors
    /// [`Error::Config`] says what is missing or wrong in the provider or the registration.
    pub fn new(provider: Provider, registration: Registration, http: &Http) -> Result<Self, Error> {
        registration.check()?;
        let blueprint = provider.blueprint(&registration.client_id)?;
        registration.redirect_uri.as_deref().map(check_redirect_uri).transpose()?;
        let credentials = Credentials::new(registration.client_id.clone(), registration.secret.clone());
        let signer = signer(&registration, &blueprint)?;
        // What needs no discovery, or had it already, is ready from the start.
        let server = if blueprint.discovery.is_none() || provider.known_metadata().is_some() {
            Shared::with(make_server(&blueprint, &registration, provider.known_metadata())?, http)
        } else {
            Shared::empty(http)
        };
        let inner = Inner {
            blueprint: Arc::new(blueprint),
            credentials,
            signer,
            registration: Arc::new(registration),
            http: http.clone(),
            server,
            keys: Shared::empty(http),
        };
        let times = Times {
            login: LOGIN_LIMIT,
            skew: CLOCK_SKEW,
            metadata: METADATA_AGE,
            keys: KEYS_AGE,
            cool_down: COOL_DOWN,
            call: None,
        };
        Ok(Self { inner: Arc::new(inner), times, max_keys: MAX_KEYS, deadline: None })
    }

    /// The same client with another limit on how long a login may take; 10 minutes unless it is set.
    #[must_use]
    pub fn login_limit(mut self, limit: Duration) -> Self {
        self.times.login = limit;
        self
    }

    /// The same client with another tolerance for the provider's clock, in what an ID token says of times; 30 seconds
    /// unless it is set, and never more than 5 minutes.
    #[must_use]
    pub fn clock_skew(mut self, skew: Duration) -> Self {
        self.times.skew = skew.min(MAX_CLOCK_SKEW);
        self
    }

    /// The same client with another time for which metadata is used before it is fetched anew; 1 hour unless it is set.
    #[must_use]
    pub fn metadata_age(mut self, age: Duration) -> Self {
        self.times.metadata = age;
        self
    }

    /// The same client with another time for which keys are used before they are fetched anew; 10 minutes unless it is
    /// set. A key that the provider has withdrawn is trusted for that time. Where newer keys cannot be fetched, known keys
    /// are used for 24 hours after they were fetched, or for the time set here if that is longer, and not any more then.
    #[must_use]
    pub fn keys_age(mut self, age: Duration) -> Self {
        self.times.keys = age;
        self
    }

    /// The same client with another pause between two fetches of keys that tokens of unknown keys bring about, and after
    /// a fetch that failed; 30 seconds unless it is set. A shorter one lets whoever sends such tokens ask the provider
    /// more often.
    #[must_use]
    pub fn cool_down(mut self, pause: Duration) -> Self {
        self.times.cool_down = pause;
        self
    }

    /// The same client with another limit on how many keys of the provider are looked at; 50 unless it is set. Set it
    /// before the client is used: keys that were fetched serve all its clones.
    #[must_use]
    pub fn max_keys(mut self, keys: usize) -> Self {
        self.max_keys = keys;
        self
    }

    /// The same client with a limit on the time of one call, all its exchanges and retries together; there is none unless
    /// it is set, and then each exchange has the time of [`Http::timeout`]. A call that is out of time ends with an
    /// [`Error::Http`] of the kind [`Timeout`](crate::HttpErrorKind::Timeout), and sends nothing more; what it had sent
    /// was sent: a code is spent, and perhaps a refresh token.
    ///
    /// Waiting for metadata and keys that are being fetched for others as well ends in time where the transport has
    /// [`HttpClient::wait`](crate::HttpClient::wait), as the built-in one has. The fetch itself goes on for the others.
    #[must_use]
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.times.call = Some(timeout);
        self
    }

    /// Starts a login: await what this gives for the URL to send the browser to, and the [`PendingLogin`] to keep.
    ///
    /// State, nonce and code verifier are made here and checked by [`Client::finish`].
    #[doc(alias = "get_authorization_url")]
    pub fn login(&self) -> Login<'_> {
        Login::new(self)
    }

    /// Finishes a login, with the URL that the browser came to; with the form as well, where the provider has the
    /// response posted there ([`AuthorizationResponse::form`]).
    ///
    /// Checks where the response came to, issuer and state, exchanges the code, and verifies the ID token, in that order
    /// (RFC 9700 section 4.4.2, RFC 9207, RFC 6749 section 10.12, RFC 7636, OpenID Connect Core section 3.1.3.7).
    ///
    /// # Errors
    /// [`Error::Server`] if the provider or the user said no ([`Error::is_denied`]), [`Error::Validation`] if a check
    /// failed, [`Error::Response`] and [`Error::Http`] if the provider's answers could not be used; [`Error::Config`] if
    /// what was handed in is no URL.
    #[doc(alias = "get_access_token")]
    pub async fn finish<'r>(
        &self,
        pending: PendingLogin,
        response: impl Into<AuthorizationResponse<'r>>,
    ) -> Result<Tokens, Error> {
        self.begin_call().finish_in_time(pending, response.into()).await
    }

    async fn finish_in_time(
        &self,
        pending: PendingLogin,
        came: AuthorizationResponse<'_>,
    ) -> Result<Tokens, Error> {
        let operation = Operation::Authorization;
        let refuse = |check, detail: &'static str| Err(Error::validation(operation, check, detail));

        // RFC 9700 §4.4.2.2: a response is another provider's, or was asked for with other demands, where it came to
        // another redirect URI.
        match came.came_to(&pending.request.redirect_uri) {
            Ok(()) => {}
            Err(Elsewhere::AnotherPlace) => {
                let detail = "the response came to another URL than the redirect URI of its login";
                return refuse(Check::RedirectUriMismatch, detail);
            }
            Err(Elsewhere::NoUrl) => {
                let detail = "a login is finished with the URL that the browser came to, or with its path and query from the \
                              first slash on: what was given is neither";
                return Err(Error::config("response_url", detail));
            }
        }
        let query = came.params();
        let definition = &self.inner.blueprint.definition;
        let secret = self.inner.credentials.secret();
        let forwarded = authorization::check_response(&definition.callback, query, secret)?;
        let response = ResponseParams::read(query)?;
        let server = self.server().await?;
        let PendingLogin { request, .. } = &pending;
        server.provenance.check("a login", &request.provenance, operation)?;

        // RFC 9207 §2.4: compare the issuer before looking at anything else, the error included.
        match &response.iss {
            Some(_) if server.issuer.is_none() => {
                return refuse(
                    Check::IssuerMismatch,
                    "the response names an issuer (iss), and this provider has none that is known: it is another provider's \
                     response, unless that issuer is configured (Provider::issuer)",
                );
            }
            Some(iss) if !server.is_issuer(iss) => {
                return refuse(
                    Check::IssuerMismatch,
                    "the response comes from another issuer than the one asked",
                );
            }
            None if server.iss_in_response => {
                return refuse(
                    Check::MissingIssuer,
                    "the provider announces iss in its responses, and here it is missing",
                );
            }
            _ => {}
        }
        if !response.state.as_ref().is_some_and(|state| same(state, pending.state.as_str())) {
            return refuse(Check::StateMismatch, "the response does not belong to this login (state)");
        }
        // A login from the future is one whose clock was put back: it is as good as new.
        if SystemTime::now().duration_since(pending.started_at).unwrap_or_default() > self.times.login {
            return refuse(Check::Expired, "the login took too long: start it again");
        }
        let uri = server.authorization.uri();
        let dialect = Dialect { error_codes: &definition.token.error_codes, ..Dialect::PLAIN };
        let own = [Some(&pending.state), pending.nonce.as_ref(), pending.verifier.as_ref()];
        let [state, nonce, verifier] = own.map(|own| own.map_or("", Random::as_str));
        let [client_secret, basic] = self.inner.credentials.secrets();
        let code = response.code.as_deref().unwrap_or_default();
        let secrets = &[state, nonce, verifier, client_secret, basic, code];
        let exchange = Exchange { operation, uri: &uri, secrets, dialect };
        if let Some(error) = &response.error {
            let (description, uri) = (response.error_description.as_deref(), response.error_uri.as_deref());
            return Err(exchange.server_error(error, description, uri, None));
        }
        let code = response.code.as_deref().map(|code| {
            let suffix = definition.callback.code_suffix.as_deref();
            suffix.and_then(|suffix| code.strip_suffix(suffix)).unwrap_or(code)
        });
        let Some(code) = code.filter(|code| !code.is_empty()) else {
            let detail = "the response has neither a code nor an error";
            return Err(Error::response(operation, Fault::MissingField, detail));
        };

        let verifier = pending.verifier.as_ref().map(|v| v.as_str());
        let redirect_uri = &request.redirect_uri;
        let scopes = if request.scopes.is_empty() { &server.scopes } else { &request.scopes };
        let scope = self.scope_with_code(scopes);
        let scope = scope.as_deref();
        let grant = Grant::AuthorizationCode { code, redirect_uri, verifier, forwarded: &forwarded, scope };
        let wants_id_token = pending.nonce.is_some();
        let expectations = Expectations {
            nonce: match &pending.nonce {
                Some(nonce) if definition.nonce => Nonce::Sent(nonce.as_str()),
                Some(nonce) => Nonce::Remembered(Some(nonce.as_str())),
                None => Nonce::None,
            },
            max_age: pending.max_age,
            acr_values: &pending.acr_values,
            code: Some(code),
        };
        let tokens = self.redeem(&server, grant, &expectations, wants_id_token).await;
        let tokens = tokens.map_err(|e| e.without(secrets))?;
        let kept = forwarded.into_iter().filter(|(name, _)| definition.refreshing.forward.contains(name));
        let kept = kept.map(|(name, value)| (name, Json::text(value)));
        let brought = authorization::profile(&definition.callback, query).into_iter().chain(kept);
        let tokens = brought.fold(tokens, |tokens, (name, value)| tokens.with_brought(&name, value));
        Ok(tokens.or_scope(scopes, &definition.scope_separator))
    }

    /// Fresh tokens for old ones. What the provider does not renew is kept.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the provider does not refresh, or gave no refresh token; [`Error::Server`] with
    /// `invalid_grant` if the user has to sign in again ([`Error::needs_login`]).
    #[doc(alias = "refresh_token")]
    pub async fn refresh(&self, tokens: &Tokens) -> Result<Tokens, Error> {
        let outcome = self.begin_call().refresh_in_time(tokens).await;
        outcome.map_err(|e| self.without_secrets(e, tokens))
    }

    async fn refresh_in_time(&self, tokens: &Tokens) -> Result<Tokens, Error> {
        let server = self.server_of(tokens, Operation::Refresh).await?;
        server.refresh_endpoint()?;
        let Definition { refreshing, scope_separator, .. } = &self.inner.blueprint.definition;
        let token = match tokens.refresh_token() {
            _ if refreshing.access_token => tokens.access_token().expose(),
            Some(refresh_token) => refresh_token.expose(),
            None => {
                let detail = "the provider gave no refresh token at this login";
                return Err(Error::unsupported(Operation::Refresh, Feature::RefreshToken, detail));
            }
        };
        let scopes: Vec<_> = tokens.scopes().filter(|_| refreshing.scope).collect();
        let scope = (!scopes.is_empty()).then(|| scopes.join(scope_separator));
        let old = tokens.id_token();
        let claims = old.map(IdToken::claims);
        let nonce = claims.as_ref().and_then(|c| c.str_at("/nonce"));
        let expectations =
            Expectations { nonce: Nonce::Remembered(nonce), max_age: None, acr_values: &[], code: None };
        let redirect_uri = self.redirect_uri().filter(|_| refreshing.redirect_uri);
        let brought = |name: &String| Some((name.clone(), tokens.brought(name)?.as_str()?.to_owned()));
        let forwarded: Vec<_> = refreshing.forward.iter().filter_map(brought).collect();
        let grant =
            Grant::RefreshToken { token, scope: scope.as_deref(), redirect_uri, forwarded: &forwarded };
        let fresh = self.redeem(&server, grant, &expectations, false).await?;

        // OpenID Connect Core §12.2: a refreshed ID token is about the same user of the same issuer. Where one provider
        // has many issuers, that of the first ID token stays.
        if let (Some(old), Some(new)) = (old, fresh.id_token()) {
            let refuse = |check, detail| Err(Error::validation(Operation::Refresh, check, detail));
            if old.subject() != new.subject() {
                return refuse(Check::SubjectMismatch, "the refreshed ID token is about another user");
            }
            if server.issuer_template.is_some() && old.claim("iss") != new.claim("iss") {
                return refuse(
                    Check::IssuerMismatch,
                    "the refreshed ID token is from another issuer than the first",
                );
            }
        }
        Ok(self.kept(fresh, tokens))
    }

    /// A long-lived token for the short-lived one, where the provider has that.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if it has not.
    #[doc(alias = "get_long_lived_access_token")]
    pub async fn long_lived_token(&self, tokens: &Tokens) -> Result<Tokens, Error> {
        let call = self.begin_call();
        let server = call.server_of(tokens, Operation::LongLivedToken).await?;
        let prolonged = call.prolong(&server, tokens).await.map_err(|e| self.without_secrets(e, tokens))?;
        Ok(self.kept(prolonged, tokens))
    }

    /// Revokes the tokens at the provider: the refresh token where there is one, which ends the grant with all its
    /// access tokens (RFC 7009 section 2.1), else the access token. Where a provider revokes tokens of one kind alone,
    /// the one of that kind.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the provider has no revocation, or none for the tokens that there are.
    #[doc(alias = "revoke_token")]
    pub async fn revoke(&self, tokens: &Tokens) -> Result<(), Error> {
        let call = self.begin_call();
        call.server_of(tokens, Operation::Revocation).await?;
        let quirks = &self.inner.blueprint.definition.revocation;
        let access_token = tokens.bearer();
        let (token, hint) = match tokens.refresh_token() {
            Some(token) if quirks.only.as_deref() != Some("access_token") => {
                (token.expose(), "refresh_token")
            }
            _ => (access_token.expose(), "access_token"),
        };
        let outcome = call.revoke_token(token, Some(hint), access_token).await;
        outcome.map_err(|e| self.without_secrets(e, tokens))
    }

    /// The provider's profile of the user, as it came; at an OpenID Provider, UserInfo. Where a provider has none, the
    /// claims of the ID token or what came with the access token take its place, as its definition says.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the provider has none, [`Error::Validation`] if it is about another user than the ID
    /// token.
    #[doc(alias = "get_profile")]
    pub async fn profile(&self, tokens: &Tokens) -> Result<Json, Error> {
        let call = self.begin_call();
        call.server_of(tokens, Operation::Profile).await?;
        let outcome = call.profile_of(tokens.bearer(), Some(tokens)).await;
        outcome.map_err(|e| self.without_secrets(e, tokens))
    }

    /// Who signed in: from the claims of the ID token and the profile together, the ID token's first.
    ///
    /// Where there is an ID token and the profile cannot be had (a network fault, a status of 429 or 5xx), the ID token does
    /// alone, and [`Identity::profile_error`] says why. Where a provider tells the name in the authorization response
    /// alone, as Apple does at the first login, [`Client::finish`] keeps that among the tokens, and the name comes from
    /// there: from the browser, that is, as what people call themselves.
    ///
    /// # Errors
    /// As [`Client::profile`], and [`Error::Response`] if the profile does not say who the user is.
    #[doc(alias = "get_id_email")]
    pub async fn identity(&self, tokens: &Tokens) -> Result<Identity, Error> {
        let call = self.begin_call();
        let server = call.server_of(tokens, Operation::Identity).await?;
        let identity = call.identity_by_provider(&server, tokens).await;
        let identity = identity.map_err(|e| self.without_secrets(e, tokens))?;
        let callback = &self.inner.blueprint.definition.callback;
        let brought = callback.profile.as_deref().and_then(|name| tokens.brought(name));
        Ok(match brought {
            Some(profile) => identity.or_name(&callback.profile_name, &profile),
            None => identity,
        })
    }

    /// The same without what the browser brought.
    async fn identity_by_provider(&self, server: &Server, tokens: &Tokens) -> Result<Identity, Error> {
        let Definition { identity: quirks, userinfo, .. } = &self.inner.blueprint.definition;
        let from = &*provenance_of(server, tokens)?;
        if self.inner.blueprint.profile_is_elsewhere && tokens.id_token().is_none() {
            let detail = "the profile is told at another host than the issuer's, so the ID token has to say who the user is, and \
                          there is none: ask for the scope openid";
            return Err(Error::unsupported(Operation::Identity, Feature::IdToken, detail));
        }
        // Where the profile is made of the ID token or of the token answer, there are no two that could differ.
        let claims =
            tokens.id_token().filter(|_| userinfo.source == ProfileSource::Userinfo).map(IdToken::claims);
        let identity = match (self.profile(tokens).await, claims) {
            (Ok(profile), Some(claims)) => Identity::read_both(from, quirks, claims, profile)?,
            (Ok(profile), None) => Identity::read(from, quirks, profile)?,
            (Err(error), Some(claims)) if can_do_without(&error) => {
                let identity = Identity::read(from, quirks, claims)?;
                match error {
                    Error::Unsupported(_) => identity,
                    error => return Ok(identity.without_profile(error)),
                }
            }
            (Err(error), _) => return Err(error),
        };
        let Some(list) = &quirks.emails else {
            return Ok(identity);
        };
        let listed = match &self.inner.blueprint.emails {
            Some(endpoint) => self.listed_email(endpoint, list, tokens, identity.profile()).await?,
            None => emails::in_profile(list, identity.profile().value()),
        };
        Ok(identity.with_listed(quirks, listed))
    }

    /// The same steps one by one, for those who keep state and verifier themselves.
    pub fn manual(&self) -> Manual<'_> {
        Manual::new(self)
    }

    /// The provider's metadata, fetched if it was not yet; none of a provider that has no discovery.
    ///
    /// # Errors
    /// As discovery: [`Error::Http`], [`Error::Response`], [`Error::Validation`].
    pub async fn metadata(&self) -> Result<Option<Json>, Error> {
        Ok(self.begin_call().server().await?.metadata.clone())
    }

    /// The slug of the provider.
    pub fn provider(&self) -> &str {
        &self.inner.blueprint.definition.slug
    }

    pub(crate) fn blueprint(&self) -> &Blueprint {
        &self.inner.blueprint
    }

    /// The id of the client.
    pub fn client_id(&self) -> &str {
        &self.inner.registration.client_id
    }

    /// The scopes that were asked for, where the provider wants them again with the code.
    pub(crate) fn scope_with_code(&self, scopes: &[String]) -> Option<String> {
        let Definition { token, scope_separator, .. } = &self.inner.blueprint.definition;
        (token.scope && !scopes.is_empty()).then(|| scopes.join(scope_separator))
    }

    /// Where browsers return to, as the registration says.
    pub fn redirect_uri(&self) -> Option<&str> {
        self.inner.registration.redirect_uri.as_deref()
    }

    /// Whether both are one client: the same, or a clone of it.
    pub fn same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// The provider with nothing left to be found out: discovered at first use, and again when that is long ago.
    pub(crate) async fn server(&self) -> Result<Arc<Server>, Error> {
        let inner = &self.inner;
        // Nothing of the call goes into the fetch, and nothing that owns what it is kept in.
        let fetch = || -> BoxFuture<'static, _> {
            let (blueprint, registration) = (inner.blueprint.clone(), inner.registration.clone());
            let (http, secrets) = (inner.http.clone(), inner.credentials.clone());
            Box::pin(async move {
                let metadata = match &blueprint.discovery {
                    Some(well_known) => Some(fetch_metadata(well_known, &secrets.secrets(), &http).await?),
                    None => None,
                };
                make_server(&blueprint, &registration, metadata.as_ref())
            })
        };
        let place = || {
            let documents = inner.blueprint.discovery.iter().flat_map(|well_known| &well_known.documents);
            documents.map(Endpoint::uri).next().unwrap_or_default()
        };
        self.in_time(Operation::Discovery, place, inner.server.get(self.metadata_freshness(), fetch)).await?
    }

    /// The same for the tokens that it gave. Those of another server, or of another client, go nowhere (RFC 9700 section
    /// 4.4: what one server gave is not for another to see).
    async fn server_of(&self, tokens: &Tokens, operation: Operation) -> Result<Arc<Server>, Error> {
        let server = self.server().await?;
        // What was read before the metadata was there is known by what the metadata was asked for by.
        if *tokens.provenance() != *server.provenance && *tokens.provenance() != self.asked_for() {
            server.provenance.check("tokens", tokens.provenance(), operation)?;
        }
        Ok(server)
    }

    /// An error without what any exchange of a call knows, whichever of them it comes from: providers quote what they
    /// were sent, and not only there where they were sent it.
    fn without_secrets(&self, error: Error, tokens: &Tokens) -> Error {
        let [secret, basic] = self.inner.credentials.secrets();
        let [refresh_token, id_token] =
            [tokens.refresh_token().map(|t| t.expose()), tokens.id_token().map(|t| t.expose())]
                .map(Option::unwrap_or_default);
        error.without(&[secret, basic, tokens.access_token().expose(), refresh_token, id_token])
    }

    /// The provider as [`Client::server`] gives it, if nothing has to be fetched for it.
    pub(crate) fn known_server(&self) -> Option<Arc<Server>> {
        self.inner.server.known(self.metadata_freshness())
    }

    fn metadata_freshness(&self) -> Freshness {
        // An outage of discovery is no outage of sign-in.
        let end = Duration::MAX;
        Freshness { max_age: self.times.metadata, end, cool_down: self.times.cool_down }
    }

    fn keys_freshness(&self) -> Freshness {
        let end = KEYS_END.max(self.times.keys);
        Freshness { max_age: self.times.keys, end, cool_down: self.times.cool_down }
    }
}

fn make_server(
    blueprint: &Blueprint,
    registration: &Registration,
    metadata: Option<&Metadata>,
) -> Result<Server, Error> {
    let mut server = Server::new(blueprint, &registration.client_id, metadata)?;
    server.usual_request = registration.redirect_uri.as_ref().map(|redirect_uri| {
        let (scopes, params) = (&server.scopes, Vec::new());
        Arc::new(LoginRequest::new(&server, blueprint, redirect_uri, scopes, params))
    });
    Ok(server)
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("provider", &self.provider())
            .field("client_id", &self.client_id())
            .finish_non_exhaustive()
    }
}

/// What signs the secrets of a registration that has a key for that.
fn signer(registration: &Registration, blueprint: &Blueprint) -> Result<Option<SecretSigner>, Error> {
    let Some(key) = &registration.apple_key else {
        return Ok(None);
    };
    let Some(issuer) = &blueprint.definition.issuer else {
        let detail =
            "client secrets are signed for an issuer, and the provider has none: the key is for Apple's";
        return Err(Error::config("apple_key", detail));
    };
    Ok(Some(SecretSigner {
        team_id: key.team_id.clone(),
        key_id: key.key_id.clone(),
        client_id: registration.client_id.clone(),
        audience: issuer.clone(),
        key: SigningKey::from_pem(key.pem.expose())?,
    }))
}

/// RFC 6749 §3.1.2: absolute, without a fragment; and `https`, a loopback host, or an app's own scheme (RFC 8252).
pub(crate) fn check_redirect_uri(uri: &str) -> Result<(), Error> {
    let shown = || crate::error::printable(uri, 200);
    let url = Url::parse(uri).map_err(|e| {
        Error::config("redirect_uri", format!("the redirect URI {} is not a URL: {e}", shown()))
    })?;
    // Not what a parser makes of it, but the text as it is goes to the provider, and is compared there.
    if let Some(c) = foreign(uri) {
        let detail = format!("the redirect URI {} holds {c:?}, which a URL writes escaped", shown());
        return Err(Error::config("redirect_uri", detail));
    }
    if url.fragment().is_some() {
        return Err(Error::config(
            "redirect_uri",
            format!("the redirect URI {} holds a fragment (#)", shown()),
        ));
    }
    if path(uri.split('?').next().unwrap_or_default(), &url) != url.path() {
        let detail = format!(
            "browsers come to the redirect URI {} with the path {}: write it so, here and where you registered it",
            shown(),
            crate::error::printable(url.path(), 200)
        );
        return Err(Error::config("redirect_uri", detail));
    }
    if url.scheme() == "http" && !url.host_str().is_some_and(is_loopback) {
        let detail =
            format!("the redirect URI {} is not https; http is accepted for loopback hosts alone", shown());
        return Err(Error::config("insecure_url", detail));
    }
    Ok(())
}

/// Where an identity comes from: where one provider has many issuers, the one that the ID token names.
///
/// # Errors
/// There is no ID token: without the issuer, one user would be two, and two could be one.
fn provenance_of<'s>(server: &'s Server, tokens: &Tokens) -> Result<Cow<'s, Provenance>, Error> {
    if server.issuer_template.is_none() {
        return Ok(Cow::Borrowed(&server.provenance));
    }
    let own = tokens.id_token().and_then(|token| token.claim("iss"));
    let Some(issuer) = own.as_ref().and_then(Json::as_str) else {
        let detail = "which of its issuers a user belongs to is said by the ID token, and there is none: ask for the scope openid";
        return Err(Error::unsupported(Operation::Identity, Feature::IdToken, detail));
    };
    Ok(Cow::Owned(Provenance { issuer: issuer.to_owned(), ..Provenance::clone(&server.provenance) }))
}

/// Whether an ID token can do without the profile that could not be had: nothing came that was refused. A provider that
/// is busy (429) or broken says nothing of the user.
fn can_do_without(error: &Error) -> bool {
    let in_trouble = |status: u16| status == 429 || status >= 500;
    match error {
        Error::Unsupported(_) => true,
        Error::Http(e) => e.status().is_none_or(in_trouble),
        Error::Server(e) => e.status().is_some_and(in_trouble),
        _ => false,
    }
}

/// How long a login may take, from its start to its end: longer than people need, shorter than a browser is left open.
const LOGIN_LIMIT: Duration = Duration::from_secs(10 * 60);
/// How far a provider's clock may be off. Clocks of servers are synchronised: more would stretch every token's life.
const CLOCK_SKEW: Duration = Duration::from_secs(30);
/// With more, the times in a token would say nothing any more.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(5 * 60);
/// How long metadata is used before it is fetched anew. It changes rarely, and the last good document is kept.
const METADATA_AGE: Duration = Duration::from_secs(60 * 60);
/// How long keys are used before they are fetched anew, so that a withdrawn key is not trusted for long.
const KEYS_AGE: Duration = Duration::from_secs(10 * 60);
/// How long after a forced or failed fetch the next one may be: a rotation is seen at once, a flood is not passed on.
const COOL_DOWN: Duration = Duration::from_secs(30);
/// How long keys are used that cannot be fetched anew: an outage of a day is none of sign-in, and a withdrawn key is not
/// trusted for as long as somebody keeps its successors away.
const KEYS_END: Duration = Duration::from_secs(24 * 60 * 60);
/// More keys than any provider has; what is beyond is not read.
const MAX_KEYS: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_set_is_as_the_documentation_says() {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        assert_eq!((METADATA_AGE, KEYS_AGE, LOGIN_LIMIT), (minutes(60), minutes(10), minutes(10)));
        assert_eq!((CLOCK_SKEW, COOL_DOWN), (Duration::from_secs(30), Duration::from_secs(30)));
        assert_eq!(KEYS_END, minutes(24 * 60));
    }

    struct Idle;

    impl crate::http::HttpClient for Idle {
        fn send(
            &self,
            request: crate::http::Request,
            _: crate::http::Limits,
        ) -> BoxFuture<'_, Result<crate::http::Response, crate::error::TransportError>> {
            panic!("{} was asked", request.uri())
        }
    }

    fn client() -> Client {
        Client::new(crate::providers::github(), Registration::new("me"), &Http::from(Idle)).unwrap()
    }

    #[test]
    fn keys_end_after_a_day_and_metadata_does_not() {
        let client = client();
        let end =
            |hours: u64| client.clone().keys_age(Duration::from_secs(3600 * hours)).keys_freshness().end;
        assert_eq!((client.keys_freshness().end, end(1), end(24)), (KEYS_END, KEYS_END, KEYS_END));
        assert_eq!(end(48), Duration::from_secs(48 * 3600), "who wants to use them for longer may");
        assert_eq!(client.metadata_freshness().end, Duration::MAX);
    }

    #[test]
    fn a_call_within_a_call_has_the_time_of_the_first() {
        let client = client();
        assert_eq!(client.begin_call().deadline, None);
        let client = client.call_timeout(Duration::from_secs(60));
        assert_eq!(client.deadline, None, "the time runs from the call");
        let call = client.begin_call();
        assert!(call.deadline.is_some());
        assert_eq!(call.begin_call().deadline, call.deadline);
    }
}
