//! The built-in transport: reqwest with rustls.
use std::error::Error as _;
use std::sync::Mutex;
use std::time::Duration;

use http::Uri;

use super::{BoxFuture, Http, HttpClient, Limits, Request, Response};
use crate::error::{Error, HttpErrorKind, TransportError};
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
        HttpBuilder { limits: Limits::default(), connect_timeout: None, proxy: None, authorities: Vec::new() }
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
    connect_timeout: Option<Duration>,
    /// Its URL may hold a password.
    proxy: Option<Secret>,
    authorities: Vec<Vec<u8>>,
}

impl HttpBuilder {
    /// The whole time of one exchange, from connecting to the last byte of the body.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.limits.timeout = timeout;
        self
    }

    /// The time to connect, within the whole.
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
        self.proxy = Some(Secret::new(url));
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
    /// [`Error::Config`] if the proxy's URL or a certificate cannot be read.
    pub fn build(self) -> Result<Http, Error> {
        // RFC 9700 §4.12 and the token endpoint's secrets: no redirect is ever followed.
        let mut builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        if let Some(timeout) = self.connect_timeout {
            builder = builder.connect_timeout(timeout);
        }
        if let Some(url) = self.proxy.or_else(|| environment("HTTPS_PROXY").map(Secret::new)) {
            let proxy = reqwest::Proxy::all(url.expose()).map_err(|_| {
                Error::config("proxy", "the proxy's URL cannot be read: write http://host:port")
            })?;
            let direct = format!("localhost,127.0.0.0/8,::1,{}", environment("NO_PROXY").unwrap_or_default());
            builder = builder.proxy(proxy.no_proxy(reqwest::NoProxy::from_string(&direct)));
        }
        for pem in &self.authorities {
            let certificates = reqwest::Certificate::from_pem_bundle(pem).ok().filter(|c| !c.is_empty());
            let Some(certificates) = certificates else {
                let detail = "the certificate authority's file holds no certificate in PEM form";
                return Err(Error::config("certificate_authority", detail));
            };
            builder = builder.tls_certs_merge(certificates);
        }
        let client = builder
            .build()
            .map_err(|e| Error::config("tls", format!("TLS cannot be set up: {}", root_cause(&e))))?;
        Ok(Http { limits: self.limits, ..Http::from(Reqwest { client, urls: Mutex::default() }) })
    }
}

struct Reqwest {
    client: reqwest::Client,
    /// The few URLs that a client speaks to, parsed: parsing one again costs as much as reading a token answer.
    urls: Mutex<Vec<(Uri, reqwest::Url)>>,
}

impl Reqwest {
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
            let (parts, body) = request.into_parts();
            let mut outgoing = reqwest::Request::new(parts.method, self.url(&parts.uri)?);
            *outgoing.headers_mut() = parts.headers;
            *outgoing.timeout_mut() = Some(limits.timeout);
            *outgoing.body_mut() = Some(body.into());

            let mut incoming = self.client.execute(outgoing).await.map_err(fault)?;
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
}

/// A variable of the environment, in capitals or small letters, as proxies are named by custom.
fn environment(name: &str) -> Option<String> {
    [name.to_owned(), name.to_lowercase()]
        .iter()
        .find_map(|n| std::env::var(n).ok())
        .filter(|v| !v.is_empty())
}

fn fault(error: reqwest::Error) -> TransportError {
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
        if ["certificate", "received fatal alert", "handshake", "corrupt message"]
            .iter()
            .any(|w| text.contains(w))
        {
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

/// How many parsed URLs are kept: a client has fewer than ten endpoints.
const MAX_URLS: usize = 16;
