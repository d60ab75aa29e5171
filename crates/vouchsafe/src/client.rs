use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use url::Url;

use crate::cache::Cached;
use crate::endpoint::{Endpoint, is_loopback};
use crate::error::{Check, Error, Fault, Feature, Operation};
use crate::http::{Http, Request, Response};
use crate::identity::Identity;
use crate::jose::id_token::{self, Audience, Expected, Nonce, Verified};
use crate::jose::jwk::KeySet;
use crate::jose::jws::{self, Refusal};
use crate::json::Json;
use crate::login::{Login, LoginRequest, PendingLogin};
use crate::manual::Manual;
use crate::protocol::answer::{Exchange, get};
use crate::protocol::authorization::AuthorizationResponse;
use crate::protocol::client_auth::Credentials;
use crate::protocol::metadata::{self, Metadata, WellKnown};
use crate::protocol::token::{self, Grant};
use crate::protocol::userinfo::{self, UserInfo};
use crate::protocol::{emails, revocation};
use crate::provider::{Blueprint, OpenId, Provider, Server};
use crate::registration::{ClientAuth, Registration};
use crate::secret::{Secret, same};
use crate::tokens::{IdToken, Tokens};

/// You, at a provider: signs people in and keeps their tokens fresh.
///
/// Cheap to clone; make one for each provider when your program starts, and share it.
///
/// ```no_run
/// # #[cfg(feature = "reqwest")]
/// # async fn f(query: &str) -> Result<(), vouchsafe::Error> {
/// use vouchsafe::{Client, Http, Registration, providers};
///
/// let registration =
///     Registration::new("client-id").secret("client-secret").redirect_uri("https://app.example.com/callback");
/// let client = Client::new(providers::github(), registration, &Http::new()?)?;
///
/// let login = client.login().await?; // send the browser to login.url
/// let tokens = client.finish(login.pending, query).await?; // when it returns with a query
/// let identity = client.identity(&tokens).await?;
/// println!("{} <{}>", identity.subject(), identity.verified_email().unwrap_or("no e-mail"));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    login_limit: Duration,
}

struct Inner {
    blueprint: Blueprint,
    credentials: Credentials,
    registration: Registration,
    http: Http,
    /// The provider as discovery makes it.
    server: Cached<Server>,
    keys: Cached<KeySet>,
}

impl Client {
    /// Puts the three together, and checks them.
    ///
    /// # Errors
    /// [`Error::Config`] says what is missing or wrong in the provider or the registration.
    pub fn new(provider: Provider, registration: Registration, http: &Http) -> Result<Self, Error> {
        registration.check()?;
        let blueprint = provider.blueprint()?;
        registration.redirect_uri.as_deref().map(check_redirect_uri).transpose()?;
        let credentials = Credentials::new(registration.client_id.clone(), registration.secret.clone());
        let mut inner = Inner {
            blueprint,
            credentials,
            registration,
            http: http.clone(),
            server: Cached::empty(),
            keys: Cached::empty(),
        };
        // What needs no discovery, or had it already, is ready from the start.
        if inner.blueprint.discovery.is_none() || provider.known_metadata().is_some() {
            inner.server = Cached::with(inner.make_server(provider.known_metadata())?, METADATA_AGE);
        }
        Ok(Self { inner: Arc::new(inner), login_limit: LOGIN_LIMIT })
    }

    /// The same client with another limit on how long a login may take; 10 minutes unless it is set.
    #[must_use]
    pub fn login_limit(mut self, limit: Duration) -> Self {
        self.login_limit = limit;
        self
    }

    /// Starts a login: await what this gives for the URL to send the browser to, and the [`PendingLogin`] to keep.
    ///
    /// State, nonce and code verifier are made here and checked by [`Client::finish`].
    #[doc(alias = "get_authorization_url")]
    pub fn login(&self) -> Login<'_> {
        Login::new(self)
    }

    /// Finishes a login, with the query that the browser brought to the redirect URI.
    ///
    /// Checks issuer and state, exchanges the code, and verifies the ID token, in that order (RFC 9207, RFC 6749
    /// section 10.12, RFC 7636, OpenID Connect Core section 3.1.3.7).
    ///
    /// # Errors
    /// [`Error::Server`] if the provider or the user said no ([`Error::is_denied`]), [`Error::Validation`] if a check
    /// failed, [`Error::Response`] and [`Error::Http`] if the provider's answers could not be used.
    #[doc(alias = "get_access_token")]
    pub async fn finish(&self, pending: PendingLogin, query: &str) -> Result<Tokens, Error> {
        let operation = Operation::Authorization;
        let refuse = |check, detail: &'static str| Err(Error::validation(operation, check, detail));

        let response = AuthorizationResponse::read(query)?;
        let server = self.server().await?;
        let PendingLogin { request, .. } = &pending;
        let asked = (&request.client_id, &request.provider, &request.issuer);
        if asked != (&self.inner.registration.client_id, &self.inner.blueprint.slug, &server.issuer) {
            return refuse(
                Check::IssuerMismatch,
                "the login was started by another client than the one that ends it",
            );
        }

        // RFC 9207 §2.4: compare the issuer before looking at anything else, the error included.
        match (&response.iss, &server.issuer) {
            (Some(iss), Some(expected)) if !same(iss, expected) => {
                return refuse(
                    Check::IssuerMismatch,
                    "the response comes from another issuer than the one asked",
                );
            }
            (None, _) if server.iss_in_response => {
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
        if SystemTime::now().duration_since(pending.started_at).unwrap_or_default() > self.login_limit {
            return refuse(Check::Expired, "the login took too long: start it again");
        }
        let uri = server.authorization.uri();
        let exchange = Exchange { operation, uri: &uri, secrets: &[pending.state.as_str()] };
        if let Some(error) = &response.error {
            let (description, uri) = (response.error_description.as_deref(), response.error_uri.as_deref());
            return Err(exchange.server_error(error, description, uri, None));
        }
        let Some(code) = response.code.filter(|code| !code.is_empty()) else {
            let detail = "the response has neither a code nor an error";
            return Err(Error::response(operation, Fault::MissingField, detail));
        };

        let verifier = pending.verifier.as_ref().map(|v| v.as_str());
        let grant = Grant::AuthorizationCode { code: &code, redirect_uri: &request.redirect_uri, verifier };
        let wants_id_token = pending.nonce.is_some();
        let expectations = Expectations {
            nonce: pending.nonce.as_ref().map_or(Nonce::None, |n| Nonce::Sent(n.as_str())),
            max_age: pending.max_age,
            acr_values: &pending.acr_values,
            code: Some(&code),
        };
        let tokens = self.redeem(&server, grant, &expectations, wants_id_token).await?;
        Ok(tokens.or_scope(&request.scopes, &self.inner.blueprint.scope_separator))
    }

    /// Fresh tokens for old ones. What the provider does not renew is kept.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the provider does not refresh, or gave no refresh token; [`Error::Server`] with
    /// `invalid_grant` if the user has to sign in again ([`Error::needs_login`]).
    #[doc(alias = "refresh_token")]
    pub async fn refresh(&self, tokens: &Tokens) -> Result<Tokens, Error> {
        let server = self.server().await?;
        server.refresh_endpoint()?;
        let Some(refresh_token) = tokens.refresh_token() else {
            let detail = "the provider gave no refresh token at this login";
            return Err(Error::unsupported(Operation::Refresh, Feature::RefreshToken, detail));
        };
        let old = tokens.id_token();
        let claims = old.map(IdToken::claims);
        let nonce = claims.as_ref().and_then(|c| c.str_at("/nonce"));
        let expectations =
            Expectations { nonce: Nonce::Remembered(nonce), max_age: None, acr_values: &[], code: None };
        let grant = Grant::RefreshToken { token: refresh_token.expose(), scope: None };
        let fresh = self.redeem(&server, grant, &expectations, false).await?;

        // OpenID Connect Core §12.2: a refreshed ID token is about the same user.
        if let (Some(old), Some(new)) = (old, fresh.id_token())
            && old.subject() != new.subject()
        {
            let detail = "the refreshed ID token is about another user";
            return Err(Error::validation(Operation::Refresh, Check::SubjectMismatch, detail));
        }
        Ok(fresh.or_kept(tokens))
    }

    /// Revokes the tokens at the provider: the refresh token where there is one, which ends the grant with all its
    /// access tokens (RFC 7009 section 2.1), else the access token.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the provider has no revocation.
    #[doc(alias = "revoke_token")]
    pub async fn revoke(&self, tokens: &Tokens) -> Result<(), Error> {
        match tokens.refresh_token() {
            Some(token) => self.revoke_token(token.expose(), Some("refresh_token")).await,
            None => self.revoke_token(tokens.access_token().expose(), Some("access_token")).await,
        }
    }

    /// The provider's profile of the user, as it came; at an OpenID Provider, UserInfo.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the provider has none, [`Error::Validation`] if it is about another user than the ID
    /// token.
    #[doc(alias = "get_profile")]
    pub async fn profile(&self, tokens: &Tokens) -> Result<Json, Error> {
        let subject = tokens.id_token().map(IdToken::subject);
        self.profile_of(tokens.bearer(), subject).await
    }

    /// Who signed in: from the claims of the ID token and the profile together, the ID token's first.
    ///
    /// Where there is an ID token and the profile cannot be had (a network fault, a status of 5xx), the ID token does
    /// alone, and [`Identity::profile_error`] says why.
    ///
    /// # Errors
    /// As [`Client::profile`], and [`Error::Response`] if the profile does not say who the user is.
    #[doc(alias = "get_id_email")]
    pub async fn identity(&self, tokens: &Tokens) -> Result<Identity, Error> {
        let Blueprint { slug, identity: manners, .. } = &self.inner.blueprint;
        let claims = tokens.id_token().map(IdToken::claims);
        let identity = match (self.profile(tokens).await, claims) {
            (Ok(profile), Some(claims)) => Identity::read_both(slug, manners, claims, profile)?,
            (Ok(profile), None) => Identity::read(slug, manners, profile)?,
            (Err(error), Some(claims)) if can_do_without(&error) => {
                let identity = Identity::read(slug, manners, claims)?;
                return Ok(match error {
                    Error::Unsupported(_) => identity,
                    error => identity.without_profile(error),
                });
            }
            (Err(error), _) => return Err(error),
        };
        let Some((endpoint, list)) = &self.inner.blueprint.emails else {
            return Ok(identity);
        };
        let request = userinfo::request(endpoint, tokens.bearer());
        let (uri, operation) = (endpoint.uri(), Operation::Identity);
        let exchange = Exchange { operation, uri: &uri, secrets: &[tokens.access_token().expose()] };
        let response = self.send(operation, request).await?;
        let email = emails::read(&exchange, list, &response)?;
        let verified = email.as_ref().map(|_| true);
        Ok(identity.with_email(email, verified))
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
        Ok(self.server().await?.metadata.clone())
    }

    /// The slug of the provider.
    pub fn provider(&self) -> &str {
        &self.inner.blueprint.slug
    }

    pub(crate) fn blueprint(&self) -> &Blueprint {
        &self.inner.blueprint
    }

    pub(crate) fn client_id(&self) -> &str {
        &self.inner.registration.client_id
    }

    pub(crate) fn read_token_answer(&self, body: Vec<u8>) -> Result<Tokens, Error> {
        let uri = http::Uri::default();
        let exchange = Exchange { operation: Operation::AuthorizationCode, uri: &uri, secrets: &[] };
        let manners = &self.inner.blueprint.token_manners;
        let answer = token::read_body(&exchange, manners, body, SystemTime::now())?;
        Ok(Tokens::new(answer, &manners.scope_separators, None))
    }

    pub(crate) fn redirect_uri(&self) -> Option<&String> {
        self.inner.registration.redirect_uri.as_ref()
    }

    /// The provider with nothing left to be found out: discovered at first use, and again when that is long ago.
    pub(crate) async fn server(&self) -> Result<Arc<Server>, Error> {
        let inner = &self.inner;
        let Some(well_known) = &inner.blueprint.discovery else {
            return inner.server.get(METADATA_AGE, || async { inner.make_server(None) }).await;
        };
        let fetch = || async { inner.make_server(Some(&fetch_metadata(well_known, &inner.http).await?)) };
        inner.server.get(METADATA_AGE, fetch).await
    }

    /// The same, if nothing has to be fetched for it.
    pub(crate) fn known_server(&self) -> Option<Arc<Server>> {
        self.inner.server.known()
    }

    /// Asks for a token and checks what comes, the ID token included.
    pub(crate) async fn redeem(
        &self,
        server: &Server,
        grant: Grant<'_>,
        expectations: &Expectations<'_>,
        wants_id_token: bool,
    ) -> Result<Tokens, Error> {
        let (operation, endpoint) = match grant {
            Grant::AuthorizationCode { .. } => (Operation::AuthorizationCode, &server.token),
            Grant::RefreshToken { .. } => (Operation::Refresh, server.refresh_endpoint()?),
        };
        let auth = self.token_auth(server, operation)?;
        let request = token::request(endpoint, &self.inner.credentials, auth, grant);
        let response = self.send(operation, request).await?;

        let uri = endpoint.uri();
        let secrets = self.secrets(grant);
        let exchange = Exchange { operation, uri: &uri, secrets: &secrets };
        let manners = &self.inner.blueprint.token_manners;
        let answer = token::read(&exchange, manners, response, SystemTime::now())?;

        let id_token = match (&server.openid, &answer.id_token) {
            (Some(openid), Some(raw)) => {
                let access_token = Some(answer.access_token.expose());
                let expected = self.expected(server, openid, expectations, access_token);
                let verified = self.verify(openid, raw.expose(), &expected, operation).await?;
                Some(IdToken::new(raw.clone(), verified))
            }
            (Some(_), None) if wants_id_token => {
                let detail = "the scope openid was asked for, and no ID token came";
                return Err(Error::validation(operation, Check::MissingIdToken, detail));
            }
            _ => None,
        };
        Ok(Tokens::new(answer, &manners.scope_separators, id_token))
    }

    pub(crate) async fn revoke_token(&self, token: &str, hint: Option<&str>) -> Result<(), Error> {
        let operation = Operation::Revocation;
        let server = self.server().await?;
        let endpoint = server.revocation_endpoint()?;
        let auth = self.revocation_auth(&server)?;
        let request = revocation::request(endpoint, &self.inner.credentials, auth, token, hint);
        let response = self.send(operation, request).await?;
        let uri = endpoint.uri();
        let [secret, basic] = self.inner.credentials.secrets();
        revocation::read(&Exchange { operation, uri: &uri, secrets: &[token, secret, basic] }, &response)
    }

    pub(crate) async fn profile_of(&self, token: &Secret, subject: Option<&str>) -> Result<Json, Error> {
        let operation = Operation::Profile;
        let server = self.server().await?;
        let endpoint = server.userinfo_endpoint()?;
        let response = self.send(operation, userinfo::request(endpoint, token)).await?;
        let uri = endpoint.uri();
        let exchange = Exchange { operation, uri: &uri, secrets: &[token.expose()] };
        let claims = match (userinfo::read(&exchange, &response)?, &server.openid) {
            (UserInfo::Claims(claims), _) => claims,
            (UserInfo::Jwt(jwt), Some(openid)) => {
                let claims = self.with_keys(openid, operation, |keys| jws::claims(jwt, keys)).await?;
                userinfo::check_signed(&claims, server.issuer.as_deref(), self.client_id())?;
                claims
            }
            (UserInfo::Jwt(_), None) => return Err(exchange.fault(Fault::ContentType, "is a JWT, not JSON")),
        };
        if let Some(subject) = subject {
            userinfo::check_subject(&exchange, &claims, subject)?;
        }
        Ok(claims)
    }

    pub(crate) async fn verify(
        &self,
        openid: &OpenId,
        token: &str,
        expected: &Expected<'_>,
        operation: Operation,
    ) -> Result<Verified, Error> {
        self.with_keys(openid, operation, |keys| id_token::verify(token, keys, expected)).await
    }

    /// Verifies with the provider's keys, and where those do not fit, once more with newer ones.
    async fn with_keys<T>(
        &self,
        openid: &OpenId,
        operation: Operation,
        verify: impl Fn(&KeySet) -> Result<T, Refusal>,
    ) -> Result<T, Error> {
        let refused = |refusal| match refusal {
            Refusal::Check(check, detail) => Error::validation(operation, check, detail),
            Refusal::Fault(fault, detail) => Error::response(operation, fault, detail),
        };
        let fetch = || fetch_keys(&openid.jwks_uri, &self.inner.http);
        let keys = self.inner.keys.get(KEYS_AGE, fetch).await?;
        match verify(&keys) {
            Err(refusal) if refusal.is_about_keys() => {
                match self.inner.keys.newer(&keys, KEYS_AGE, fetch).await {
                    Some(newer) => verify(&newer).map_err(refused),
                    None => Err(refused(refusal)),
                }
            }
            outcome => outcome.map_err(refused),
        }
    }

    pub(crate) fn expected<'a>(
        &'a self,
        server: &'a Server,
        openid: &'a OpenId,
        expectations: &Expectations<'a>,
        access_token: Option<&'a str>,
    ) -> Expected<'a> {
        Expected {
            issuer: server.issuer.as_deref().unwrap_or_default(),
            issuer_aliases: &self.inner.blueprint.issuer_aliases,
            audience: Audience::Client(self.client_id()),
            nonce: expectations.nonce,
            max_age: expectations.max_age,
            acr_values: expectations.acr_values,
            access_token,
            code: expectations.code,
            algorithms: openid.algorithms.as_deref(),
            now: SystemTime::now(),
        }
    }

    /// What the registration says, else what the definition says, else what the metadata offers.
    fn token_auth(&self, server: &Server, operation: Operation) -> Result<ClientAuth, Error> {
        if let Some(method) = self.inner.registration.client_auth {
            return Ok(method);
        }
        match self.inner.blueprint.client_auth {
            Some(method) if self.inner.credentials.secret().is_some() => Ok(method),
            _ => self.inner.credentials.choose(operation, server.token_auth_methods.as_deref()),
        }
    }

    fn revocation_auth(&self, server: &Server) -> Result<ClientAuth, Error> {
        if let Some(method) = self.inner.registration.revocation_auth.or(self.inner.blueprint.revocation_auth)
        {
            return Ok(method);
        }
        match &server.revocation_auth_methods {
            Some(methods) if self.inner.registration.client_auth.is_none() => {
                self.inner.credentials.choose(Operation::Revocation, Some(methods))
            }
            _ => self.token_auth(server, Operation::Revocation),
        }
    }

    fn secrets<'a>(&'a self, grant: Grant<'a>) -> [&'a str; 4] {
        let [secret, basic] = self.inner.credentials.secrets();
        match grant {
            Grant::AuthorizationCode { code, verifier, .. } => {
                [secret, basic, code, verifier.unwrap_or_default()]
            }
            Grant::RefreshToken { token, .. } => [secret, basic, token, ""],
        }
    }

    async fn send(&self, operation: Operation, request: Request) -> Result<Response, Error> {
        self.inner.http.send(operation, request).await
    }
}

impl Inner {
    fn make_server(&self, metadata: Option<&Metadata>) -> Result<Server, Error> {
        let mut server = Server::new(&self.blueprint, metadata)?;
        server.usual_request = self.registration.redirect_uri.as_ref().map(|redirect_uri| {
            let client_id = &self.registration.client_id;
            let (scopes, params) = (&server.scopes, Vec::new());
            Arc::new(LoginRequest::new(&server, &self.blueprint, client_id, redirect_uri, scopes, params))
        });
        Ok(server)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("provider", &self.provider())
            .field("client_id", &self.client_id())
            .finish_non_exhaustive()
    }
}

/// What the answer to one request must show, besides being the provider's.
pub(crate) struct Expectations<'a> {
    pub(crate) nonce: Nonce<'a>,
    pub(crate) max_age: Option<u64>,
    pub(crate) acr_values: &'a [String],
    pub(crate) code: Option<&'a str>,
}

/// Fetches the metadata from the first place that has it.
pub(crate) async fn fetch_metadata(well_known: &WellKnown, http: &Http) -> Result<Metadata, Error> {
    let operation = Operation::Discovery;
    let mut first_error = None;
    for document in &well_known.documents {
        let uri = document.uri();
        let exchange = Exchange { operation, uri: &uri, secrets: &[] };
        let response = http.send(operation, metadata::request(document)).await?;
        // Where one form of the well-known URL is not there, the other may be (RFC 8414 section 5).
        if response.status().is_client_error() {
            let status = response.status().as_u16();
            first_error.get_or_insert(Error::status_of(operation, document.as_str().to_owned(), status));
            continue;
        }
        return metadata::read(&exchange, &well_known.issuers, &response);
    }
    Err(first_error.unwrap_or_else(|| Error::config("issuer", "there is nowhere to look for the metadata")))
}

async fn fetch_keys(jwks_uri: &Endpoint, http: &Http) -> Result<KeySet, Error> {
    let operation = Operation::KeySet;
    let uri = jwks_uri.uri();
    let exchange = Exchange { operation, uri: &uri, secrets: &[] };
    let response = http.send(operation, get(uri.clone(), None)).await?;
    let document = exchange.object(&response)?;
    KeySet::read(&document)
        .ok_or_else(|| exchange.fault(Fault::Jwks, "is no key set: it has no list of keys"))
}

/// RFC 6749 §3.1.2: absolute, without a fragment; and `https`, a loopback host, or an app's own scheme (RFC 8252).
pub(crate) fn check_redirect_uri(uri: &str) -> Result<(), Error> {
    let shown = || crate::error::printable(uri, 200);
    let url = Url::parse(uri).map_err(|e| {
        Error::config("redirect_uri", format!("the redirect URI {} is not a URL: {e}", shown()))
    })?;
    if url.fragment().is_some() {
        return Err(Error::config(
            "redirect_uri",
            format!("the redirect URI {} holds a fragment (#)", shown()),
        ));
    }
    if url.scheme() == "http" && !url.host_str().is_some_and(is_loopback) {
        let detail =
            format!("the redirect URI {} is not https; http is accepted for loopback hosts alone", shown());
        return Err(Error::config("insecure_url", detail));
    }
    Ok(())
}

/// Whether an ID token can do without the profile that could not be had: nothing came that was refused.
fn can_do_without(error: &Error) -> bool {
    match error {
        Error::Unsupported(_) => true,
        Error::Http(e) => e.status().is_none_or(|status| status >= 500),
        Error::Server(e) => e.status().is_some_and(|status| status >= 500),
        _ => false,
    }
}

/// How long a login may take, from its start to its end: longer than people need, shorter than a browser is left open.
const LOGIN_LIMIT: Duration = Duration::from_secs(10 * 60);
/// How long metadata is used before it is fetched anew. It changes rarely, and the last good document is kept.
const METADATA_AGE: Duration = Duration::from_secs(60 * 60);
/// How long keys are used before they are fetched anew, so that a withdrawn key is not trusted for long.
const KEYS_AGE: Duration = Duration::from_secs(10 * 60);
