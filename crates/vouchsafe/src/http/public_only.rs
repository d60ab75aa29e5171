//! Where strangers say where to connect to: names and addresses, filtered to those of the public internet.
use std::error::Error;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Host;

use super::BoxFuture;
use crate::error::TransportError;

/// What resolves a name.
type Lookup = dyn Fn(String) -> BoxFuture<'static, std::io::Result<Vec<SocketAddr>>> + Send + Sync;

/// Refuses what is not public. What its resolver gives is what is connected to, so there is no second answer that a name
/// could change to in between (DNS rebinding).
#[derive(Clone)]
pub(super) struct PublicOnly {
    lookup: Arc<Lookup>,
    allowed: fn(IpAddr) -> bool,
}

impl PublicOnly {
    pub(super) fn new() -> Self {
        let lookup = |name: String| -> BoxFuture<'static, _> {
            Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) })
        };
        Self { lookup: Arc::new(lookup), allowed: super::is_public_address }
    }

    /// Checks what is an address already: that is never resolved.
    pub(super) fn check(&self, url: &reqwest::Url) -> Result<(), TransportError> {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
            Some(Host::Domain(_)) | None => return Ok(()),
        };
        if (self.allowed)(address) { Ok(()) } else { Err(TransportError::address_refused()) }
    }
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { lookup, allowed } = self.clone();
        Box::pin(async move {
            let addresses = lookup(name.as_str().to_owned()).await?;
            // One that is not public spoils the others: no honest provider has such a pair, and whoever sets a trap does.
            if !addresses.iter().all(|address| allowed(address.ip())) {
                return Err(Box::new(Refused) as _);
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Whether an error of the transport comes of a name that was refused.
pub(super) fn is_refusal(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<Refused>() {
            return true;
        }
        cause = error.source();
    }
    false
}

#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name does not lead to public addresses alone")
    }
}

impl Error for Refused {}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Mutex;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::error::Operation;
    use crate::http::{Http, Request};
    use crate::{Client, Provider, Registration};

    /// Answers with that, a different one each time, and takes this machine for public.
    fn resolver(answers: &[&[&str]]) -> (PublicOnly, Arc<Mutex<Vec<String>>>) {
        let read =
            |answer: &&[&str]| answer.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect();
        let answers: Mutex<Vec<Vec<SocketAddr>>> = Mutex::new(answers.iter().rev().map(read).collect());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = asked.clone();
        let lookup = move |name: String| -> BoxFuture<'static, _> {
            seen.lock().unwrap().push(name);
            Box::pin(std::future::ready(Ok(answers.lock().unwrap().pop().unwrap())))
        };
        let allowed = |address: IpAddr| address == Ipv4Addr::LOCALHOST || crate::is_public_address(address);
        (PublicOnly { lookup: Arc::new(lookup), allowed }, asked)
    }

    fn http(filter: &PublicOnly) -> Http {
        Http::builder().no_proxy().retries(0).build_with(Some(filter.clone())).unwrap()
    }

    async fn get(http: &Http, url: &str) -> Result<u16, String> {
        let mut request = Request::new(Vec::new());
        *request.uri_mut() = url.parse().unwrap();
        let answer = http.send(Operation::KeySet, request).await;
        answer.map(|answer| answer.status().as_u16()).map_err(|error| error.code().to_owned())
    }

    /// A server that answers every connection once, and closes it.
    async fn server() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await;
            }
        });
        port
    }

    #[tokio::test]
    async fn a_name_that_changes_to_a_private_address_gets_nowhere() {
        let (filter, asked) =
            resolver(&[&["127.0.0.1"], &["10.0.0.1"], &["127.0.0.1"], &["::ffff:10.0.0.1"]]);
        let (http, url) = (http(&filter), format!("http://localhost:{}/", server().await));
        for expected in [Ok(204), Err("address_refused".to_owned())].into_iter().cycle().take(4) {
            let before = asked.lock().unwrap().len();
            assert_eq!(get(&http, &url).await, expected);
            // One question for each connection: what was checked is what was connected to.
            assert_eq!(asked.lock().unwrap().len(), before + 1);
        }
    }

    #[tokio::test]
    async fn one_private_address_spoils_the_others() {
        for mixed in
            [&["127.0.0.1", "10.0.0.1"][..], &["fe80::1", "127.0.0.1"], &["127.0.0.1", "127.0.0.1", "::1"]]
        {
            let (filter, _) = resolver(&[mixed]);
            let url = format!("http://localhost:{}/", server().await);
            assert_eq!(get(&http(&filter), &url).await, Err("address_refused".to_owned()), "{mixed:?}");
        }
    }

    #[tokio::test]
    async fn metadata_that_names_a_private_address_gets_nowhere() {
        // Its issuer passes for public here; what it names is on the same machine at an address that does not.
        let (site, within) =
            (TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("0.0.0.0:0").await.unwrap());
        let (issuer, port) =
            (format!("http://{}", site.local_addr().unwrap()), within.local_addr().unwrap().port());
        let metadata = serde_json::json!({
            "issuer": issuer, "authorization_endpoint": issuer, "jwks_uri": issuer,
            "token_endpoint": format!("http://127.0.0.2:{port}/token"),
        });
        tokio::spawn(async move {
            let metadata = metadata.to_string();
            let (mut stream, _) = site.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", metadata.len());
            let _ = stream.write_all((head + &metadata).as_bytes()).await;
        });
        let (filter, _) = resolver(&[]);
        let me = Registration::new("me").redirect_uri("https://app.example/callback");
        let client = Client::new(Provider::openid(issuer), me, &http(&filter)).unwrap();
        let error =
            client.manual().authorization_code("c", "https://app.example/callback").await.unwrap_err();
        assert_eq!((error.code(), error.operation()), ("address_refused", Operation::AuthorizationCode));
        let arrived = tokio::time::timeout(std::time::Duration::ZERO, within.accept()).await;
        assert!(arrived.is_err(), "a connection arrived");
    }

    #[tokio::test]
    async fn a_name_that_leads_nowhere_is_no_connection() {
        let (filter, _) = resolver(&[&[]]);
        assert_eq!(get(&http(&filter), "http://localhost:1/").await, Err("connect".to_owned()));
    }
}
