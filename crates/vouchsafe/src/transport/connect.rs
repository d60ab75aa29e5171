//! The connections of the built-in transport: names, proxies and TLS.
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{self, ClientConfig};
use tower_service::Service;

use super::BoxFuture;
use super::public_only::PublicOnly;
use crate::certificate::ClientCertificate;
use crate::endpoint::is_loopback;

type BoxError = Box<dyn Error + Send + Sync>;

/// Opens connections to providers, directly or through a proxy.
#[derive(Clone)]
pub(super) struct Connector {
    tcp: HttpConnector<Names>,
    tls: TlsConnector,
    proxy: Option<Arc<Matcher>>,
    time: Duration,
}

impl Connector {
    /// `time` is the limit for connecting and the handshakes, also when no request waits for the connection any more.
    pub(super) fn new(
        tls: TlsConnector,
        proxy: Option<Matcher>,
        filter: Option<PublicOnly>,
        time: Duration,
    ) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Names(filter));
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEP_ALIVE));
        tcp.set_keepalive_interval(Some(KEEP_ALIVE));
        Self { tcp, tls, proxy: proxy.map(Arc::new), time }
    }

    /// The same connector with other settings of TLS.
    pub(super) fn with_tls(self, tls: TlsConnector) -> Self {
        Self { tls, ..self }
    }

    async fn open(mut self, to: Uri) -> Result<Stream, BoxError> {
        // After `take`, this connector has no proxy: it connects to the proxy.
        let stream = match self.proxy.take().and_then(|proxy| proxy.intercept(&to)) {
            Some(proxy) => self.clone().pass(&proxy, to.clone()).await?,
            None => Stream::new(self.tcp.call(to.clone()).await?.into_inner()),
        };
        if to.scheme() != Some(&Scheme::HTTPS) {
            return Ok(stream);
        }
        let host = to.host().unwrap_or_default().trim_matches(['[', ']']);
        let name = ServerName::try_from(host.to_owned())?;
        Ok(Stream::new(self.tls.connect(name, stream).await.map_err(handshake)?))
    }

    /// A tunnel through a proxy.
    async fn pass(self, proxy: &Intercept, to: Uri) -> Result<Stream, BoxError> {
        let (at, to) = (proxy.uri().clone(), with_port(&to)?);
        let stream = match at.scheme_str() {
            Some(scheme @ ("socks5" | "socks5h")) => {
                // As in curl, `h` means that the proxy resolves the names.
                let to = if scheme == "socks5h" { to } else { looked_up(&to).await? };
                let port = at.port_u16().unwrap_or(SOCKS_PORT);
                let at = uri(scheme, &format!("{}:{port}", at.host().unwrap_or_default()))?;
                let mut socks = SocksV5::new(at, self);
                if let Some((user, password)) = proxy.raw_auth() {
                    socks = socks.with_auth(user.to_owned(), password.to_owned());
                }
                socks.call(to).await?
            }
            _ => {
                let mut tunnel = Tunnel::new(at, self);
                if let Some(password) = proxy.basic_auth() {
                    tunnel = tunnel.with_auth(password.clone());
                }
                tunnel.call(to).await?
            }
        };
        Ok(stream.into_inner())
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(
            async move { Ok(TokioIo::new(tokio::time::timeout(connector.time, connector.open(to)).await??)) },
        )
    }
}

/// TLS 1.2 or newer (RFC 9325 section 3.1.1) with aws-lc-rs, for HTTP/1.1, with the system's certificate authorities and
/// these. Every setting is explicit, so that no feature of another crate changes it.
///
/// A certificate of the client is presented to each server that asks for one.
pub(super) fn tls(
    authorities: Vec<CertificateDer<'static>>,
    certificate: Option<&ClientCertificate>,
) -> Result<TlsConnector, rustls::Error> {
    let crypto = Arc::new(aws_lc_rs::default_provider());
    let verifier = match &authorities[..] {
        // Without authorities of one's own, Windows needs no chain engine beside its own, and Wine has no other.
        [] => Verifier::new(crypto.clone())?,
        #[cfg(not(target_os = "android"))]
        _ => Verifier::new_with_extra_roots(authorities, crypto.clone())?,
        #[cfg(target_os = "android")]
        _ => {
            return Err(rustls::Error::General("Android takes its certificate authorities alone".to_owned()));
        }
    };
    let config = ClientConfig::builder_with_provider(crypto)
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match certificate.and_then(ClientCertificate::parts) {
        Some((chain, key)) => config.with_client_auth_cert(chain, key)?,
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The proxy at that URL, for all hosts except those in `NO_PROXY`. `None` if the URL is not a proxy's.
///
/// A proxy that the environment names for the whole machine is for `https`, and not for the machine itself. One that the
/// application names is for all requests; those to this machine only if the proxy is there too: elsewhere they would go to
/// another machine, and `http` without encryption.
pub(super) fn proxy(url: &str, is_from_environment: bool) -> Option<Matcher> {
    // The matcher knows only lower-case schemes.
    let url = match url.split_once("://") {
        Some((scheme, rest)) => format!("{}://{rest}", scheme.to_ascii_lowercase()),
        None => url.to_owned(),
    };
    let matcher = |direct: String| Matcher::builder().https(&url).no(direct).build();
    let proxy = matcher(String::new()).intercept(&Uri::from_static("https://op.example"))?;
    if !matches!(proxy.uri().scheme_str()?, "http" | "https" | "socks5" | "socks5h") {
        return None;
    }
    // As in curl, white space separates hosts too.
    let direct = environment("NO_PROXY").unwrap_or_default().replace(char::is_whitespace, ",");
    let is_here = proxy.uri().host().is_some_and(is_loopback);
    let this_machine = "localhost,127.0.0.0/8,::1";
    Some(match is_from_environment {
        true => matcher(format!("{this_machine},{direct}")),
        false if is_here => Matcher::builder().all(&url).no(direct).build(),
        false => Matcher::builder().all(&url).no(format!("{this_machine},{direct}")).build(),
    })
}

/// An environment variable: first in lower case, then in upper case, as in curl.
pub(super) fn environment(name: &str) -> Option<String> {
    let names = [name.to_lowercase(), name.to_owned()];
    // Text that is not UTF-8 counts as well: without the proxy, requests would go another way than they should.
    let text = |name: &String| Some(std::env::var_os(name)?.to_string_lossy().into_owned());
    names.iter().filter_map(text).find(|value| !value.is_empty())
}

/// Whether an error of type `E` is among the causes of an error.
pub(super) fn is_caused_by<E: Error + 'static>(error: &(dyn Error + 'static)) -> bool {
    find::<E>(error).is_some()
}

/// The error of type `E` among the causes of an error.
pub(super) fn find<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // The source of an I/O error is the cause of its inner error, so the inner error itself would be skipped.
        let within = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = within.map(|within| within as _).or_else(|| error.source());
    }
    None
}

/// A server that closes the connection during the handshake refuses TLS: this is an error of TLS, not of the network.
fn handshake(error: io::Error) -> io::Error {
    if error.kind() != io::ErrorKind::UnexpectedEof {
        return error;
    }
    io::Error::other(rustls::Error::General(
        "the server closed the connection during the TLS handshake".to_owned(),
    ))
}

fn uri(scheme: &str, authority: &str) -> http::Result<Uri> {
    Uri::builder().scheme(scheme).authority(authority).path_and_query("/").build()
}

/// The URL with its port. The tunnels take every URL without one for `https`.
fn with_port(to: &Uri) -> http::Result<Uri> {
    let usual = if to.scheme() == Some(&Scheme::HTTP) { 80 } else { 443 };
    let port = to.port_u16().unwrap_or(usual);
    uri(to.scheme_str().unwrap_or("https"), &format!("{}:{port}", to.host().unwrap_or_default()))
}

async fn looked_up(to: &Uri) -> Result<Uri, BoxError> {
    let host = to.host().unwrap_or_default().trim_matches(['[', ']']);
    let mut found = tokio::net::lookup_host((host, to.port_u16().unwrap_or(443))).await?;
    let address = found.next().ok_or("the name has no address")?;
    Ok(uri("https", &address.to_string())?)
}

/// Looks up names; with a filter, only names that lead to public addresses.
#[derive(Clone)]
struct Names(Option<PublicOnly>);

impl Service<Name> for Names {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let filter = self.0.clone();
        Box::pin(async move {
            let found = match filter {
                Some(filter) => filter.resolve(name.as_str()).await?,
                None => tokio::net::lookup_host((name.as_str(), 0)).await?.collect(),
            };
            Ok(found.into_iter())
        })
    }
}

/// A connection that pauses by itself while bytes keep coming: hyper reads 400 KiB at a time and skips any number of
/// informational responses, and the runtime checks its timers only when a task pauses.
pub(super) struct Stream {
    io: Box<dyn Duplex>,
    /// How much was read since the last pause.
    read: usize,
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

impl Stream {
    fn new(io: impl Duplex + 'static) -> Self {
        Self { io: Box::new(io), read: 0 }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read >= AT_A_TIME {
            self.read = 0;
            // The task continues after the runtime has checked its timers. Waking the task directly would not ensure that.
            ready!(pin!(tokio::task::yield_now()).poll(context));
        }
        let before = to.filled().len();
        let outcome = Pin::new(&mut self.io).poll_read(context, to);
        self.read = if outcome.is_ready() { self.read + to.filled().len() - before } else { 0 };
        outcome
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

/// How much is read before a pause.
const AT_A_TIME: usize = 64 * 1024;
/// How often TCP checks whether the other side of an idle connection is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// RFC 1928 section 3.
const SOCKS_PORT: u16 = 1080;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_used_for_this_machine_only_if_it_is_named_and_here() {
        let uses = |proxy_url: &str, is_from_environment: bool, url: &str| {
            proxy(proxy_url, is_from_environment).unwrap().intercept(&url.parse().unwrap()).is_some()
        };
        let (here, there) = ("http://127.0.0.1:3128", "http://proxy.example:3128");
        for url in ["http://127.0.0.1:8080/t", "https://localhost:8443/t", "http://[::1]:80/"] {
            assert!(uses(here, false, url) && uses("socks5h://localhost:1080", false, url), "{url}");
            assert!(!uses(there, false, url), "{url} would be another machine's");
            assert!(!uses(here, true, url) && !uses(there, true, url), "{url}");
        }
        assert!(uses(there, false, "https://op.example/") && uses(there, true, "https://op.example/"));
        // An allowed host on http.
        assert!(uses(there, false, "http://keycloak:8080/") && !uses(there, true, "http://keycloak:8080/"));
    }
}
