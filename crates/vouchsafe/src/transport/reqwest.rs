//! The built-in transport: reqwest with rustls.
use std::error::Error as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use http::Uri;

use super::public_only::{PublicOnly, is_refusal};
use super::{BoxFuture, Http, HttpClient, Limits, RETRIES, Request, Response, retry};
use crate::error::{ConfigProblem, Error, HttpErrorKind, TransportError};
use crate::secret::Secret;

impl Http {
    /// The built-in transport: rustls with the system's certificate authorities, no redirects, no compression,
    /// the proxy that `HTTPS_PROXY` names, but for the hosts in `NO_PROXY`.
    ///
    /// # Errors
    /// [`Error::Config`] if TLS cannot be set up on this machine.
    pub fn new() -> Result<Self, Error> {
        Self::builder().build()
    }

    /// The built-in transport with settings of your own.
    pub fn builder() -> HttpBuilder {
        HttpBuilder {
            limits: Limits::default(),
            retries: RETRIES,
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
    limits: Limits,
    retries: u32,
    connect_timeout: Option<Duration>,
    proxy: Route,
    authorities: Vec<Vec<u8>>,
    public_only: bool,
}

/// Which way requests go.
#[derive(Clone, Debug)]
enum Route {
    /// As the environment says.
    Environment,
    Direct,
    /// Its URL may hold a password.
    Proxy(Secret),
}

impl HttpBuilder {
    /// The whole time of one exchange, from connecting to the last byte of the body, retries included.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.limits.timeout = timeout;
        self
    }

    /// How often what only reads is tried again, as [`Http::retries`] says.
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// The time to connect, within the whole; as long as that is unless it is set.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// The largest answer, in bytes.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.limits.body = bytes;
        self
    }

    /// The proxy for every request, loopback excepted.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.proxy = Route::Proxy(Secret::new(url));
        self
    }

    /// No proxy, whatever the environment says.
    pub fn no_proxy(mut self) -> Self {
        self.proxy = Route::Direct;
        self
    }

    /// Speaks to public addresses alone, by [`is_public_address`](crate::http::is_public_address): to none of this machine, of
    /// the network around it, or of a cloud's own services. Switch it on where strangers say where to connect to, as with
    /// an issuer that anybody may type in: that, and every URL in its metadata, could lead to what only this machine can
    /// reach (server-side request forgery).
    ///
    /// What is checked is the address that is connected to, behind whatever name or spelling. A name of which one address
    /// is not public is refused altogether. The error is an [`Error::Validation`] with
    /// [`Check::AddressRefused`](crate::error::Check::AddressRefused), and nothing was sent.
    ///
    /// A proxy resolves names by itself, so nothing could be checked here: the two do not go together. Filter at the proxy
    /// instead; or connect directly with [`HttpBuilder::no_proxy`], if the proxy comes from the environment.
    pub fn public_addresses_only(mut self) -> Self {
        self.public_only = true;
        self
    }

    /// Trusts one more certificate authority, beside the system's. PEM; may hold several certificates.
    pub fn certificate_authority(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.authorities.push(pem.into());
        self
    }

    /// The transport.
    ///
    /// # Errors
    /// [`Error::Config`] if the proxy's URL or a certificate cannot be read, or if there is a proxy where only public
    /// addresses may be spoken to.
    pub fn build(self) -> Result<Http, Error> {
        let filter = self.public_only.then(PublicOnly::new);
        self.build_with(filter)
    }

    pub(super) fn build_with(self, filter: Option<PublicOnly>) -> Result<Http, Error> {
        // RFC 9700 §4.12 and the token endpoint's secrets: no redirect is ever followed, and no request sent twice.
        // Another crate may switch on what reqwest can do besides, native-tls among it: here it stays off. RFC 9325 §3.1.1:
        // nothing older than TLS 1.2. A connection that nobody waits for any more has an end as well.
        let mut builder = reqwest::Client::builder()
            .tls_backend_rustls()
            .tls_version_min(reqwest::tls::Version::TLS_1_2)
            .tls_sslkeylogfile(false)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .no_proxy()
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .no_hickory_dns()
            .http1_only()
            .connect_timeout(self.connect_timeout.unwrap_or(self.limits.timeout))
            .pool_max_idle_per_host(MAX_IDLE);
        let proxy = match self.proxy {
            Route::Environment => environment("HTTPS_PROXY").map(Secret::new),
            Route::Direct => None,
            Route::Proxy(url) => Some(url),
        };
        if let Some(filter) = &filter {
            if proxy.is_some() {
                let detail = "a proxy resolves names by itself, so that addresses cannot be checked here: leave the proxy \
                              out (no_proxy, where the environment names it), or have it refuse private addresses in \
                              place of public_addresses_only";
                return Err(Error::config(ConfigProblem::Proxy, detail));
            }
            builder = builder.dns_resolver(filter.clone());
        }
        if let Some(url) = proxy {
            let unusable = || {
                Error::config(ConfigProblem::Proxy, "the proxy's URL cannot be read: write http://host:port")
            };
            // What else there is, SOCKS, comes and goes with what other crates switch on.
            let scheme = url.expose().split_once("://").map_or("http", |(scheme, _)| scheme);
            if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
                return Err(unusable());
            }
            let proxy = reqwest::Proxy::all(url.expose()).map_err(|_| unusable())?;
            let direct = format!("localhost,127.0.0.0/8,::1,{}", environment("NO_PROXY").unwrap_or_default());
            builder = builder.proxy(proxy.no_proxy(reqwest::NoProxy::from_string(&direct)));
        }
        for pem in &self.authorities {
            let certificates = reqwest::Certificate::from_pem_bundle(pem).ok().filter(|c| !c.is_empty());
            let Some(certificates) = certificates else {
                let detail = "the certificate authority's file holds no certificate in PEM form";
                return Err(Error::config(ConfigProblem::CertificateAuthority, detail));
            };
            builder = builder.tls_certs_merge(certificates);
        }
        // Which certificates are found out to be none here, and which above, depends on what other crates switch on.
        let problem = if self.authorities.is_empty() {
            ConfigProblem::Tls
        } else {
            ConfigProblem::CertificateAuthority
        };
        let client = builder
            .build()
            .map_err(|e| Error::config(problem, format!("TLS cannot be set up: {}", root_cause(&e))))?;
        Ok(Http {
            limits: self.limits,
            retries: self.retries,
            ..Http::from(Reqwest { client, filter, urls: Mutex::default() })
        })
    }
}

struct Reqwest {
    client: reqwest::Client,
    filter: Option<PublicOnly>,
    /// The few URLs that a client speaks to, parsed: parsing one again costs as much as reading a token answer.
    urls: Mutex<Vec<(Uri, reqwest::Url)>>,
}

impl Reqwest {
    /// RFC 9112 §9.3.1: a server may close a connection that it promised to keep just when it is used again. Where that
    /// does no harm, the request goes out once more. (What was not even begun on such a connection goes out on another
    /// one, whatever it is: the server has seen none of it.)
    async fn execute(
        &self,
        request: reqwest::Request,
        repeatable: bool,
        timeout: Duration,
    ) -> Result<reqwest::Response, reqwest::Error> {
        let again = repeatable.then(|| request.try_clone()).flatten();
        let began = Instant::now();
        match (self.client.execute(request).await, again) {
            (Err(error), Some(mut again))
                if error.is_request() && !error.is_timeout() && !error.is_connect() =>
            {
                *again.timeout_mut() = Some(timeout.saturating_sub(began.elapsed()));
                self.client.execute(again).await
            }
            (outcome, _) => outcome,
        }
    }

    fn url(&self, uri: &Uri) -> Result<reqwest::Url, TransportError> {
        let parse = || {
            reqwest::Url::parse(&uri.to_string())
                .map_err(|e| TransportError::new(HttpErrorKind::Connect).caused_by(Box::new(e)))
        };
        // A query may hold a token or a secret: it is not kept.
        if uri.query().is_some() {
            return parse();
        }
        let mut urls = self.urls.lock().unwrap_or_else(|e| e.into_inner());
        if let Some((_, url)) = urls.iter().find(|(known, _)| known == uri) {
            return Ok(url.clone());
        }
        let url = parse()?;
        if urls.len() == MAX_URLS {
            urls.remove(0);
        }
        urls.push((uri.clone(), url.clone()));
        Ok(url)
    }
}

impl HttpClient for Reqwest {
    fn send(&self, request: Request, limits: Limits) -> BoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(async move {
            let repeatable = retry::may_be_repeated(&request);
            let (parts, body) = request.into_parts();
            let url = self.url(&parts.uri)?;
            if let Some(filter) = &self.filter {
                filter.check(&url)?;
            }
            let mut outgoing = reqwest::Request::new(parts.method, url);
            *outgoing.headers_mut() = parts.headers;
            *outgoing.timeout_mut() = Some(limits.timeout);
            *outgoing.body_mut() = Some(body.into());

            let mut incoming = self.execute(outgoing, repeatable, limits.timeout).await.map_err(fault)?;
            let mut response = Response::new(Vec::new());
            *response.status_mut() = incoming.status();
            *response.headers_mut() = std::mem::take(incoming.headers_mut());
            let body = response.body_mut();
            while let Some(chunk) = incoming.chunk().await.map_err(fault)? {
                if body.len() + chunk.len() > limits.body {
                    return Err(TransportError::new(HttpErrorKind::BodyTooLarge));
                }
                body.extend_from_slice(&chunk);
            }
            Ok(response)
        })
    }

    fn wait(&self, time: Duration) -> Option<BoxFuture<'_, ()>> {
        Some(Box::pin(tokio::time::sleep(time)))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> Result<(), BoxFuture<'static, ()>> {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return Err(task);
        };
        drop(runtime.spawn(task));
        Ok(())
    }
}

/// A variable of the environment, in capitals or small letters, as proxies are named by custom.
fn environment(name: &str) -> Option<String> {
    [name.to_owned(), name.to_lowercase()]
        .iter()
        .find_map(|n| std::env::var(n).ok())
        .filter(|v| !v.is_empty())
}

fn fault(error: reqwest::Error) -> TransportError {
    if is_refusal(&error) {
        return TransportError::address_refused();
    }
    // The URL is left out: its query may hold what nobody should see.
    let error = error.without_url();
    let kind = if error.is_timeout() {
        HttpErrorKind::Timeout
    } else if error.is_connect() {
        if is_tls(&error) { HttpErrorKind::Tls } else { HttpErrorKind::Connect }
    } else {
        HttpErrorKind::Interrupted
    };
    TransportError::new(kind).caused_by(Box::new(error))
}

fn is_tls(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        // rustls has no place in this crate's own dependencies; its errors are known by how they print.
        let text = error.to_string();
        if TLS_WORDS.iter().any(|words| text.contains(words)) {
            return true;
        }
        cause = error.source();
    }
    false
}

fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// What rustls says where a server, or its certificate, will not do.
const TLS_WORDS: [&str; 9] = [
    "certificate",
    "received fatal alert",
    "handshake",
    "corrupt message",
    "unexpected message",
    "peer is incompatible",
    "peer misbehaved",
    "peer sent",
    "peer doesn't support",
];
/// How many parsed URLs are kept: a client has fewer than ten endpoints.
const MAX_URLS: usize = 16;
/// How many idle connections to one host are kept, each for 90 seconds at most.
const MAX_IDLE: usize = 32;
