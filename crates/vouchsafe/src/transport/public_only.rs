//! Refuses hosts that are not on the public internet, for servers that strangers choose.
use std::collections::{HashMap, VecDeque};
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{fmt, io};

use futures_util::FutureExt;
use futures_util::future::Shared;
use http::Uri;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;

use super::BoxFuture;
use crate::error::TransportError;

/// The function that looks up a name.
type Lookup = dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync;
/// The outcome of a look-up that is still running.
type Outcome = Shared<BoxFuture<'static, Result<Vec<SocketAddr>, Arc<io::Error>>>>;

/// Refuses addresses that are not public. The connection goes to the address that was checked, so the name cannot change in
/// between (DNS rebinding).
#[derive(Clone)]
pub(super) struct PublicOnly {
    lookup: Arc<Lookup>,
    allowed: fn(IpAddr) -> bool,
    /// A look-up occupies one of the threads that the whole program shares until the name server responds, even if no caller
    /// waits any more. So the number of simultaneous look-ups is limited.
    room: Arc<Semaphore>,
    under_way: Arc<Mutex<HashMap<String, Outcome>>>,
    /// Addresses that were found, the latest last. They are used while the look-ups of strangers occupy all the room. The address
    /// of a connection is still checked.
    found: Arc<Mutex<VecDeque<Found>>>,
}

struct Found {
    name: String,
    addresses: Vec<SocketAddr>,
    at: Instant,
}

impl PublicOnly {
    pub(super) fn new() -> Self {
        let lookup = |name: String| -> BoxFuture<'static, _> {
            Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) })
        };
        Self::with(Arc::new(lookup), super::is_public_address)
    }

    fn with(lookup: Arc<Lookup>, allowed: fn(IpAddr) -> bool) -> Self {
        let room = Arc::new(Semaphore::new(MAX_LOOKUPS));
        Self { lookup, allowed, room, under_way: Arc::default(), found: Arc::default() }
    }

    /// The addresses of a name: from the look-up that is running for it, or from a new one as soon as there is room.
    async fn addresses(&self, name: String) -> Result<Vec<SocketAddr>, Arc<io::Error>> {
        let known = self.under_way().get(&name).cloned();
        if let Some(known) = known {
            let found = known.await;
            // A look-up that ended with the runtime on which it began tells nothing about the name.
            let is_gone = |error: &Arc<io::Error>| error.get_ref().is_some_and(|why| why.is::<JoinError>());
            if !found.as_ref().is_err_and(is_gone) {
                return found;
            }
        }
        let room = match self.room.clone().try_acquire_owned() {
            Ok(room) => room,
            Err(_) => match self.found_within(FOUND_LATELY, &name) {
                Some(addresses) => return Ok(addresses),
                None => self.room.clone().acquire_owned().await.map_err(io::Error::other)?,
            },
        };
        let outcome = {
            let mut under_way = self.under_way();
            let alive = under_way.get(&name).filter(|outcome| outcome.peek().is_none()).cloned();
            alive.unwrap_or_else(|| {
                let begun = self.begin(name.clone(), room);
                under_way.insert(name, begun.clone());
                begun
            })
        };
        outcome.await
    }

    /// Begins a look-up. It occupies its room until it ends, even if all callers stop waiting.
    fn begin(&self, name: String, room: OwnedSemaphorePermit) -> Outcome {
        let (filter, lookup) = (self.clone(), (self.lookup)(name.clone()));
        let task = tokio::spawn(async move {
            let found = lookup.await;
            filter.under_way().remove(&name);
            if let Ok(addresses) = &found {
                filter.remember(name, addresses);
            }
            drop(room);
            found
        });
        task.map(|found| found.unwrap_or_else(|gone| Err(io::Error::other(gone))).map_err(Arc::new))
            .boxed()
            .shared()
    }

    fn under_way(&self) -> std::sync::MutexGuard<'_, HashMap<String, Outcome>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, name: String, addresses: &[SocketAddr]) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.retain(|known| known.name != name);
        if found.len() == MAX_FOUND {
            found.pop_front();
        }
        found.push_back(Found { name, addresses: addresses.to_vec(), at: Instant::now() });
    }

    /// The addresses that were found for a name within that time. A name that is used stays longer.
    fn found_within(&self, age: Duration, name: &str) -> Option<Vec<SocketAddr>> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let at = found.iter().position(|known| known.name == name)?;
        let known = found.remove(at).filter(|known| known.at.elapsed() < age)?;
        let addresses = known.addresses.clone();
        found.push_back(known);
        Some(addresses)
    }

    /// Checks a host that is an address: it is never looked up.
    pub(super) fn check(&self, uri: &Uri) -> Result<(), TransportError> {
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        match host.parse() {
            Ok(address) if !(self.allowed)(address) => Err(TransportError::address_refused()),
            // Other spellings of an address go to the resolver.
            _ => Ok(()),
        }
    }

    /// The addresses to connect to.
    pub(super) async fn resolve(self, name: &str) -> Result<Vec<SocketAddr>, Box<dyn Error + Send + Sync>> {
        let addresses = self.addresses(name.to_owned()).await?;
        // One address that is not public is enough to refuse the name: honest providers do not mix them, but an attack does.
        if !addresses.iter().all(|address| (self.allowed)(address.ip())) {
            return Err(Refused.into());
        }
        Ok(addresses)
    }
}

/// The error for a name with an address that is not public.
#[derive(Debug)]
pub(super) struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name has an address that is not public")
    }
}

impl Error for Refused {}

/// The largest number of simultaneous look-ups. Tokio has 512 threads for blocking work.
const MAX_LOOKUPS: usize = 32;
/// The largest number of names in `found`.
const MAX_FOUND: usize = 256;
/// How long found addresses are used while there is no room for a look-up.
const FOUND_LATELY: Duration = Duration::from_secs(60 * 60);

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Mutex;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::error::Operation;
    use crate::transport::{Http, Request};
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
        let allowed =
            |address: IpAddr| address == Ipv4Addr::LOCALHOST || crate::http::is_public_address(address);
        (PublicOnly::with(Arc::new(lookup), allowed), asked)
    }

    fn http(filter: &PublicOnly) -> Http {
        Http::builder().no_proxy().build_with(Some(filter.clone())).unwrap().retries(0)
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

    /// Looks names up when it is told to, and counts what was begun.
    fn slow() -> (PublicOnly, Arc<Semaphore>, Arc<Mutex<Vec<String>>>) {
        let (answers, begun) = (Arc::new(Semaphore::new(0)), Arc::<Mutex<Vec<String>>>::default());
        let (told, seen) = (answers.clone(), begun.clone());
        let lookup = move |name: String| -> BoxFuture<'static, _> {
            seen.lock().unwrap().push(name);
            let told = told.clone();
            Box::pin(async move {
                told.acquire().await.unwrap().forget();
                Ok(vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))])
            })
        };
        (PublicOnly::with(Arc::new(lookup), |_| true), answers, begun)
    }

    async fn settled() {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn no_more_names_are_looked_up_at_once_however_soon_who_asked_has_gone() {
        let (filter, answers, begun) = slow();
        for name in 0..100 {
            let filter = filter.clone();
            let asked = tokio::spawn(async move { filter.addresses(name.to_string()).await });
            settled().await;
            asked.abort();
        }
        assert_eq!(begun.lock().unwrap().len(), 32);
        // Nobody waits in line any more, and who asks now has to wait until one of them ends.
        let late = {
            let filter = filter.clone();
            tokio::spawn(async move { filter.addresses("late".to_owned()).await })
        };
        settled().await;
        assert_eq!(begun.lock().unwrap().len(), 32);
        answers.add_permits(33);
        assert!(late.await.unwrap().is_ok());
        assert_eq!(begun.lock().unwrap().len(), 33);
        assert!(filter.under_way().is_empty());
        assert_eq!(filter.room.available_permits(), 32);
    }

    #[tokio::test]
    async fn a_name_that_is_being_looked_up_is_not_looked_up_beside_it() {
        let (filter, answers, begun) = slow();
        let ask = || {
            let filter = filter.clone();
            tokio::spawn(async move { filter.addresses("a".to_owned()).await })
        };
        let asked: Vec<_> = (0..50).map(|_| ask()).collect();
        settled().await;
        asked[0].abort();
        answers.add_permits(50);
        for asked in asked.into_iter().skip(1) {
            assert!(asked.await.unwrap().is_ok());
        }
        assert_eq!(begun.lock().unwrap().len(), 1);
        // What was found is not kept: the next connection asks anew.
        ask().await.unwrap().unwrap();
        assert_eq!(begun.lock().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn strangers_who_take_all_the_room_keep_nobody_from_a_name_that_was_found_before() {
        let (filter, answers, begun) = slow();
        answers.add_permits(1);
        let honest = filter.addresses("honest".to_owned()).await.unwrap();
        let ask = |name: String| {
            let filter = filter.clone();
            tokio::spawn(async move { filter.addresses(name).await })
        };
        let strangers: Vec<_> = (0..100).map(|name| ask(name.to_string())).collect();
        settled().await;
        for _ in 0..2 {
            let asked = ask("honest".to_owned());
            settled().await;
            assert!(asked.is_finished());
            assert_eq!(asked.await.unwrap().unwrap(), honest);
        }
        assert_eq!(begun.lock().unwrap().len(), 33);
        // What is remembered has an end.
        for name in 0..MAX_FOUND {
            filter.remember(name.to_string(), &honest);
        }
        assert_eq!(filter.found.lock().unwrap().len(), MAX_FOUND);
        let is_known = |name: &str, age| filter.found_within(age, name).is_some();
        assert!(
            !is_known("honest", FOUND_LATELY)
                && is_known("0", FOUND_LATELY)
                && !is_known("1", Duration::ZERO)
        );
        strangers.iter().for_each(tokio::task::JoinHandle::abort);
    }

    #[test]
    fn a_look_up_that_went_with_its_runtime_is_begun_anew() {
        let (filter, answers, begun) = slow();
        let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
        let first = runtime();
        first.block_on(async {
            let filter = filter.clone();
            tokio::spawn(async move { filter.addresses("a".to_owned()).await });
            settled().await;
        });
        assert_eq!(begun.lock().unwrap().len(), 1);
        drop(first);
        answers.add_permits(2);
        let second = runtime();
        for _ in 0..2 {
            second.block_on(filter.addresses("a".to_owned())).unwrap();
        }
        assert_eq!((begun.lock().unwrap().len(), filter.room.available_permits()), (3, 32));
        assert!(filter.under_way().is_empty());
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
