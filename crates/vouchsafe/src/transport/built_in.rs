//! The built-in transport: hyper with rustls.
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::error::Elapsed;
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use super::connect::{Connector, environment, find, is_caused_by, proxy, tls};
use super::public_only::{PublicOnly, Refused};
use super::{BoxFuture, Http, HttpClient, Limits, Request, Response, TIMEOUT, Tokio, retry};
use crate::certificate::ClientCertificate;
use crate::error::{ConfigProblem, Error, HttpErrorKind, TransportError};
use crate::secret::Secret;

impl Http {
    /// The built-in transport: HTTP/1.1 over rustls with the system's certificate authorities, without redirects and compression.
    /// It uses the proxy in `https_proxy`, `HTTPS_PROXY`, `all_proxy` or `ALL_PROXY`, except for this machine and for the hosts in
    /// `NO_PROXY`.
    ///
    /// # Errors
    /// [`Error::Config`] if TLS cannot be set up on this machine, or if the proxy in a variable cannot be used.
    pub fn new() -> Result<Self, Error> {
        Self::builder().build()
    }

    /// The built-in transport with your own settings.
    pub fn builder() -> HttpBuilder {
        HttpBuilder {
            timeout: TIMEOUT,
            connect_timeout: None,
            proxy: Route::Environment,
            authorities: Vec::new(),
            public_only: false,
        }
    }
}

/// Settings of the built-in transport.
///
/// ```no_run
/// # fn f() -> Result<(), vouchsafe::Error> {
/// use std::time::Duration;
///
/// let http = vouchsafe::Http::builder()
///     .timeout(Duration::from_secs(10))
///     .proxy("http://proxy.example.com:3128")
///     .build()?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is set until build()"]
pub struct HttpBuilder {
    timeout: Duration,
    connect_timeout: Option<Duration>,
    proxy: Route,
    authorities: Vec<Vec<u8>>,
    public_only: bool,
}

/// The proxy setting.
#[derive(Clone, Debug)]
enum Route {
    /// The proxy in the environment, if there is one.
    Environment,
    Direct,
    /// Its URL may hold a password.
    Proxy(Secret),
}

impl HttpBuilder {
    /// Sets the time limit of one request and its response, retries included; see [`Http::timeout`].
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the time limit for connecting. The default is the time limit of the request, which also includes connecting.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// Sets the proxy for all requests, except for the hosts in `NO_PROXY`. Requests to this machine go through it only if the
    /// proxy is on this machine too. The URL is `http://host:port`, `https://…`, `socks5://…`, or `socks5h://…` (the proxy
    /// resolves the names). It may contain a user and a password.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.proxy = Route::Proxy(Secret::new(url));
        self
    }

    /// Uses no proxy, even if there is one in the environment.
    pub fn no_proxy(mut self) -> Self {
        self.proxy = Route::Direct;
        self
    }

    /// Connects only to public addresses ([`is_public_address`](crate::http::is_public_address)): never to this machine, to the
    /// network around it, or to the internal services of a cloud. Use it if strangers can choose the server, for example by
    /// typing an issuer. Otherwise this issuer, or a URL in its metadata, could lead to a server that only this machine can
    /// reach (server-side request forgery).
    ///
    /// The address of the connection is checked, so no name and no spelling can hide it. A name is refused if one of its
    /// addresses is not public. The error is an [`Error::Validation`] with
    /// [`Check::AddressRefused`](crate::error::Check::AddressRefused), and nothing was sent.
    ///
    /// You cannot combine it with a proxy: a proxy resolves names itself, so the addresses cannot be checked here. Filter at the
    /// proxy instead, or connect directly with [`HttpBuilder::no_proxy`].
    pub fn public_addresses_only(mut self) -> Self {
        self.public_only = true;
        self
    }

    /// Trusts another certificate authority, in addition to the system's. The PEM text may contain several certificates.
    pub fn certificate_authority(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.authorities.push(pem.into());
        self
    }

    /// Makes the transport.
    ///
    /// # Errors
    /// [`Error::Config`] if the proxy's URL or a certificate cannot be read, or if
    /// [`HttpBuilder::public_addresses_only`] is combined with a proxy.
    pub fn build(self) -> Result<Http, Error> {
        let filter = self.public_only.then(PublicOnly::new);
        self.build_with(filter)
    }

    pub(super) fn build_with(self, filter: Option<PublicOnly>) -> Result<Http, Error> {
        let proxied = match &self.proxy {
            Route::Environment => {
                environment("HTTPS_PROXY").or_else(|| environment("ALL_PROXY")).map(Secret::new)
            }
            Route::Direct => None,
            Route::Proxy(url) => Some(url.clone()),
        };
        if filter.is_some() && proxied.is_some() {
            let detail = "public_addresses_only cannot be combined with a proxy, because the proxy resolves the names: \
                          connect without the proxy (no_proxy also ignores the one in the environment), or refuse \
                          private addresses at the proxy";
            return Err(Error::config(ConfigProblem::Proxy, detail));
        }
        let unusable = || {
            let detail = "the proxy's URL cannot be read: write http://host:port, https://host:port, \
                          socks5://host:port or socks5h://host:port";
            Error::config(ConfigProblem::Proxy, detail)
        };
        let is_from_environment = matches!(self.proxy, Route::Environment);
        let proxied =
            proxied.map(|url| proxy(url.expose(), is_from_environment).ok_or_else(unusable)).transpose()?;
        let mut authorities = Vec::new();
        for pem in &self.authorities {
            let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
            let Some(found) = found.ok().filter(|found| !found.is_empty()) else {
                let detail = "the certificate authority contains no certificate in PEM: give the text from \
                              -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----";
                return Err(Error::config(ConfigProblem::CertificateAuthority, detail));
            };
            authorities.extend(found);
        }
        // Authorities of the system that cannot be read are skipped, so the refused one is one of these.
        let problem = match &authorities[..] {
            [] => ConfigProblem::Tls,
            _ => ConfigProblem::CertificateAuthority,
        };
        let tls = tls(authorities.clone(), None)
            .map_err(|error| Error::config(problem, format!("TLS could not be set up: {error}; check the certificate authorities of this machine and those that were given")))?;
        let time = self.connect_timeout.unwrap_or(self.timeout);
        let connector = Connector::new(tls, proxied, filter.clone(), time);
        let client = pool(connector.clone());
        let is_filtered = filter.is_some();
        let built_in = BuiltIn { client, filter, connector, authorities, presenting: Mutex::default() };
        let http = Http::from(built_in).runtime(Tokio).timeout(self.timeout);
        Ok(http.public_only(is_filtered))
    }
}

struct BuiltIn {
    client: Pool,
    filter: Option<PublicOnly>,
    /// For clients with certificates: their connections are apart from all others.
    connector: Connector,
    authorities: Vec<CertificateDer<'static>>,
    presenting: Mutex<HashMap<String, Pool>>,
}

type Pool = legacy::Client<Connector, Full<Bytes>>;

fn pool(connector: Connector) -> Pool {
    legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_max_idle_per_host(MAX_IDLE)
        .build(connector)
}

impl BuiltIn {
    /// The connections on which this certificate is presented.
    fn presenting(&self, certificate: &ClientCertificate) -> Result<Pool, TransportError> {
        let mut known = self.presenting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = known.get(certificate.thumbprint()) {
            return Ok(pool.clone());
        }
        let tls = tls(self.authorities.clone(), Some(certificate)).map_err(|error| {
            let advice = "the client certificate and its private key must belong together, and be RSA, ECDSA or Ed25519";
            TransportError::new(HttpErrorKind::Tls).with_advice(Some(advice)).caused_by(Box::new(error))
        })?;
        if known.len() >= MAX_CERTIFICATES {
            known.clear();
        }
        let pool = pool(self.connector.clone().with_tls(tls));
        known.insert(certificate.thumbprint().to_owned(), pool.clone());
        Ok(pool)
    }

    async fn exchange(&self, request: Request, limit: usize) -> Result<Response, TransportError> {
        if let Some(filter) = &self.filter {
            filter.check(request.uri())?;
        }
        let again = retry::is_repeatable(&request).then(|| request.clone());
        let presenting = request.extensions().get::<ClientCertificate>();
        let presenting = presenting.map(|certificate| self.presenting(certificate)).transpose()?;
        let client = presenting.as_ref().unwrap_or(&self.client);
        let send = |request: Request| client.request(request.map(|body| Full::new(Bytes::from(body))));
        // RFC 9112 §9.3.1: a server may close a kept connection at the moment when it is used again. A request that only reads
        // is then sent once more. (hyper itself sends a request on another connection if the server has seen nothing of it.)
        let response = match (send(request).await, again) {
            (Err(error), Some(again)) if !error.is_connect() => send(again).await,
            (outcome, _) => outcome,
        };
        let (mut parts, incoming) = response.map_err(no_response)?.into_parts();
        // The extensions of hyper are not part of our interface.
        parts.extensions.clear();
        let body = Limited::new(incoming, limit).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                TransportError::new(HttpErrorKind::BodyTooLarge)
            } else {
                TransportError::new(HttpErrorKind::Interrupted).caused_by(error)
            }
        })?;
        Ok(Response::from_parts(parts, body.to_bytes().into()))
    }
}

impl HttpClient for BuiltIn {
    fn send(&self, request: Request, limits: Limits) -> BoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(async move {
            tokio::time::timeout(limits.timeout, self.exchange(request, limits.body))
                .await
                .unwrap_or_else(|_| Err(TransportError::new(HttpErrorKind::Timeout)))
        })
    }
}

fn no_response(error: legacy::Error) -> TransportError {
    let kind = if is_caused_by::<Refused>(&error) {
        return TransportError::address_refused();
    } else if !error.is_connect() {
        HttpErrorKind::Interrupted
    } else if is_caused_by::<Elapsed>(&error) {
        HttpErrorKind::Timeout
    } else if is_caused_by::<rustls::Error>(&error) {
        HttpErrorKind::Tls
    } else {
        HttpErrorKind::Connect
    };
    let advice = find::<rustls::Error>(&error).and_then(advice);
    TransportError::new(kind).with_advice(advice).caused_by(Box::new(error))
}

/// Advice about an error of TLS.
fn advice(error: &rustls::Error) -> Option<&'static str> {
    use rustls::CertificateError::{
        BadSignature, Expired, ExpiredContext, NotValidYet, NotValidYetContext, UnknownIssuer,
    };
    match error {
        rustls::Error::InvalidCertificate(NotValidYet | NotValidYetContext { .. }) => Some(
            "check the clock of this machine first; if it is right, the server, or the certificate authority that was given, has \
             a certificate for later",
        ),
        rustls::Error::InvalidCertificate(Expired | ExpiredContext { .. }) => {
            Some("check the clock of this machine first; if it is right, the server needs a new certificate")
        }
        rustls::Error::InvalidCertificate(UnknownIssuer | BadSignature) => Some(
            "if the server has a certificate of an authority of your own, give this authority with \
             HttpBuilder::certificate_authority",
        ),
        rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType) => Some(
            "the server does not speak TLS on this port: if it is on this machine, write http:// in its URL",
        ),
        _ => None,
    }
}

/// More certificates than one program presents at a time.
const MAX_CERTIFICATES: usize = 64;
/// How many idle connections to one host are kept, each for 90 seconds at most.
const MAX_IDLE: usize = 1024;
