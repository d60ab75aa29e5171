//! The client: a provider, a registration and a transport together. It knows no flow; each flow adds its own methods.
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use vouchsafe_providers::Definition;

use crate::authenticator::Authenticator;
use crate::client::strength::Strength;
use crate::dpop::Binding;
use crate::error::Error;
use crate::protocol::token::response::TokenResponse;
use crate::provenance::Provenance;
use crate::provider::live::Live;
use crate::provider::{Provider, Server};
use crate::registration::Registration;
use crate::shared::Together;
use crate::text::json::Value;
use crate::transport::Http;

mod authenticate;
pub(crate) mod authorization;
mod builder;
pub(crate) mod ongoing;
pub(crate) mod polling;
pub(crate) mod refresh_request;
pub(crate) mod strength;
pub(crate) mod token_request;

pub use builder::ClientBuilder;

/// An application at one provider. It signs users in and refreshes their tokens.
///
/// Cheap to clone; make one for each provider when your program starts, and share it.
///
/// ```no_run
/// # #[cfg(feature = "transport")]
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
    pub(crate) call_timeout: Option<Duration>,
}

pub(crate) struct Inner {
    pub(crate) live: Live,
    pub(crate) authenticator: Authenticator,
    /// The key that tokens are bound to.
    pub(crate) binding: Option<Binding>,
    /// How authorization requests go to the provider.
    pub(crate) strength: Strength,
    /// The refreshes under way, by the refresh token that they send.
    pub(crate) refreshes: Together<[u8; 32], TokenResponse>,
    /// How long a login may take.
    pub(crate) login_limit: Duration,
}

impl Client {
    /// Makes a client from a provider, a registration and a transport, with the default limits, and checks them.
    ///
    /// # Errors
    /// [`Error::Config`] says what is missing or wrong in the provider or the registration.
    pub fn new(provider: Provider, registration: Registration, http: &Http) -> Result<Self, Error> {
        Self::builder(provider, registration).build(http)
    }

    /// A client with limits of your own.
    pub fn builder(provider: Provider, registration: Registration) -> ClientBuilder {
        ClientBuilder::new(provider, registration)
    }

    /// The same client with a time limit for each call, which includes all its requests and retries. By default, a call has no
    /// limit of its own, and each request has the time of [`Http::timeout`]. A call that is out of time ends with an
    /// [`Error::Http`] of the kind [`Timeout`](crate::error::HttpErrorKind::Timeout), and sends nothing more. Requests
    /// that were already sent still count: the code, and perhaps the refresh token, is used up.
    ///
    /// The metadata and keys that are known are shared with the client that this one was made of, so you can make
    /// a client for one request of your application that has a deadline. Some requests are shared with other calls: those for
    /// metadata, for keys, and a refresh. A call without time left stops waiting for them, and they continue for the others.
    /// For this, the transport needs a clock ([`Http::runtime`](crate::Http::runtime)); the built-in one has it.
    #[must_use]
    pub fn call_timeout(self, timeout: Duration) -> Self {
        Self { call_timeout: Some(timeout), ..self }
    }

    /// Fetches the provider's metadata, if it is not known yet. `None` if the provider has no discovery.
    ///
    /// # Errors
    /// As discovery: [`Error::Http`], [`Error::Response`], [`Error::Validation`].
    pub async fn metadata(&self) -> Result<Option<Value>, Error> {
        Ok(self.begin().server().await?.metadata.as_ref().map(|metadata| metadata.raw.clone()))
    }

    /// Whether this client is the one that something was issued to.
    pub(crate) fn issued(&self, to: &Provenance) -> bool {
        let known = self.inner.live.server.known();
        *to == *self.template().provenance || known.is_some_and(|server| *to == *server.provenance)
    }

    /// The slug of the provider.
    pub fn provider_slug(&self) -> &str {
        &self.template().provenance.provider
    }

    /// The name of the provider to show to people.
    pub fn display_name(&self) -> &str {
        let (slug, definition) = (self.provider_slug(), &self.template().definition);
        if slug == definition.slug { &definition.display_name } else { slug }
    }

    /// The issuer of the provider's tokens and users, as [`Identity::issuer`](crate::Identity::issuer) gives it. Before the
    /// metadata is known, this is the requested issuer. If the provider has an issuer for each tenant, ID tokens name others:
    /// see [`Client::is_issuer`].
    pub fn issuer(&self) -> String {
        let known = self.inner.live.server.known();
        known.as_deref().unwrap_or(self.template()).provenance.issuer.clone()
    }

    /// Whether an `iss` that came with a request names this provider, such as that of a front-channel logout or of a
    /// login which a third party initiates.
    pub fn is_issuer(&self, iss: &str) -> bool {
        let known = self.inner.live.server.known();
        let server = known.as_deref().unwrap_or(self.template());
        let aliases = &server.definition.issuer_aliases;
        server.known_issuer().is_some_and(|known| known.is(iss)) || aliases.iter().any(|alias| alias == iss)
    }

    /// The provider before discovery.
    pub(crate) fn template(&self) -> &Server {
        &self.inner.live.template
    }

    /// The id of the client.
    pub fn client_id(&self) -> &str {
        &self.inner.live.registration.client_id
    }

    /// The requested scopes, if the provider requires them again with the code.
    pub(crate) fn scope_with_code(&self, scopes: &[String]) -> Option<String> {
        let Definition { token, scope_separator, .. } = &*self.template().definition;
        (token.scope && !scopes.is_empty()).then(|| scopes.join(scope_separator))
    }

    /// The redirect URI of the registration.
    pub fn redirect_uri(&self) -> Option<&str> {
        self.inner.live.registration.redirect_uri.as_deref()
    }

    /// Whether the other client is this one or a clone of it.
    pub fn same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("provider", &self.provider_slug())
            .field("client_id", &self.client_id())
            .finish_non_exhaustive()
    }
}
