//! The client: a provider, a registration and a transport together.
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::endpoint::check_redirect_uri;
use crate::error::{ConfigProblem, Error};
use crate::jose::client_secret::{SecretSigner, SigningKey};
use crate::jose::jwk::KeySet;
use crate::protocol::client_auth::Credentials;
use crate::protocol::metadata::Metadata;
use crate::provider::{Blueprint, Provider, Server};
use crate::registration::Registration;
use crate::shared::Shared;
use crate::text::json::Json;
use crate::transport::Http;

mod authenticate;
mod call;
mod deadline;
mod live;

pub(crate) use call::Expectations;

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
    pub(crate) inner: Arc<Inner>,
    pub(crate) times: Times,
    max_keys: usize,
    /// When the call must have ended that this clone was made for.
    deadline: Option<Instant>,
}

/// How long what is good for.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    pub(crate) login: Duration,
    pub(crate) skew: Duration,
    pub(crate) metadata: Duration,
    pub(crate) keys: Duration,
    pub(crate) cool_down: Duration,
    pub(crate) call: Option<Duration>,
}

pub(crate) struct Inner {
    pub(crate) blueprint: Arc<Blueprint>,
    pub(crate) credentials: Credentials,
    /// Makes the secret of each request, where it is a JWT.
    pub(crate) signer: Option<SecretSigner>,
    pub(crate) registration: Arc<Registration>,
    pub(crate) http: Http,
    /// The provider as discovery makes it.
    pub(crate) server: Shared<Server>,
    pub(crate) keys: Shared<KeySet>,
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
    /// [`Error::Http`] of the kind [`Timeout`](crate::error::HttpErrorKind::Timeout), and sends nothing more; what it had sent
    /// was sent: a code is spent, and perhaps a refresh token.
    ///
    /// Waiting for metadata and keys that are being fetched for others as well ends in time where the transport has
    /// [`HttpClient::wait`](crate::http::HttpClient::wait), as the built-in one has. The fetch itself goes on for the others.
    #[must_use]
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.times.call = Some(timeout);
        self
    }

    /// The provider's metadata, fetched if it was not yet; none of a provider that has no discovery.
    ///
    /// # Errors
    /// As discovery: [`Error::Http`], [`Error::Response`], [`Error::Validation`].
    pub async fn metadata(&self) -> Result<Option<Json>, Error> {
        Ok(self.begin_call().server().await?.metadata.clone())
    }

    /// The slug of the provider.
    pub fn provider_slug(&self) -> &str {
        &self.inner.blueprint.definition.slug
    }

    pub(crate) fn blueprint(&self) -> &Blueprint {
        &self.inner.blueprint
    }

    /// The id of the client.
    pub fn client_id(&self) -> &str {
        &self.inner.registration.client_id
    }

    /// Where browsers return to, as the registration says.
    pub fn redirect_uri(&self) -> Option<&str> {
        self.inner.registration.redirect_uri.as_deref()
    }

    /// Whether both are one client: the same, or a clone of it.
    pub fn same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

pub(crate) fn make_server(
    blueprint: &Blueprint,
    registration: &Registration,
    metadata: Option<&Metadata>,
) -> Result<Server, Error> {
    let mut server = Server::new(blueprint, &registration.client_id, metadata)?;
    server.usual_request = registration.redirect_uri.as_ref().map(|redirect_uri| {
        let (scopes, params) = (&server.scopes, Vec::new());
        Arc::new(server.login_request(blueprint, redirect_uri, scopes, params))
    });
    Ok(server)
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("provider", &self.provider_slug())
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
        return Err(Error::config(ConfigProblem::AppleKey, detail));
    };
    Ok(Some(SecretSigner {
        team_id: key.team_id.clone(),
        key_id: key.key_id.clone(),
        client_id: registration.client_id.clone(),
        audience: issuer.clone(),
        key: SigningKey::from_pem(key.pem.expose())?,
    }))
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
pub(crate) const KEYS_END: Duration = Duration::from_secs(24 * 60 * 60);
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

    impl crate::transport::HttpClient for Idle {
        fn send(
            &self,
            request: crate::transport::Request,
            _: crate::transport::Limits,
        ) -> crate::transport::BoxFuture<'_, Result<crate::transport::Response, crate::error::TransportError>>
        {
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
