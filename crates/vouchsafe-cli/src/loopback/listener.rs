//! The listener on the redirect URI of a program on its user's own machine (RFC 8252 section 7.3).
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use url::{Url, form_urlencoded};
use vouchsafe::AuthorizationResponse;

use crate::loopback::page::Page;

/// Listens for browsers that return to the redirect URI.
#[derive(Debug)]
pub(crate) struct Listener {
    redirect_uri: String,
    callbacks: mpsc::Receiver<Callback>,
    /// Tells the server to finish the requests that it has begun.
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

/// A browser that has returned to the redirect URI and waits for a page.
#[derive(Debug)]
pub(crate) struct Callback {
    path_and_query: String,
    /// The form of a `form_post` response.
    form: Option<String>,
    page: oneshot::Sender<Page>,
}

impl Callback {
    /// A response that came another way than by this listener. Nobody waits for a page.
    pub(super) fn pasted(url: String, page: oneshot::Sender<Page>) -> Self {
        Self { path_and_query: url, form: None, page }
    }

    /// The response that it brought.
    pub(crate) fn response(&self) -> AuthorizationResponse<'_> {
        let response = AuthorizationResponse::at(&self.path_and_query);
        self.form.iter().fold(response, |response, form| response.form(form))
    }

    /// The value of a parameter of the response.
    pub(crate) fn param(&self, name: &str) -> Option<String> {
        let query = self.path_and_query.split_once('?').map_or("", |(_, query)| query);
        let params = self.form.as_deref().unwrap_or(query);
        let mut params = form_urlencoded::parse(params.as_bytes());
        params.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    pub(crate) fn show(self, page: Page) {
        // A browser that has closed the connection needs no page.
        let _ = self.page.send(page);
    }
}

/// Where the listener is, and by which URL browsers reach it.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    /// The host of the redirect URI: `127.0.0.1`, `localhost` or `[::1]`.
    pub(crate) host: &'a str,
    /// The port of the redirect URI; 0 is any free port.
    pub(crate) port: u16,
    pub(crate) path: &'a str,
    /// The redirect URI, if browsers reach this machine through another host, such as a tunnel.
    pub(crate) redirect_uri: Option<&'a str>,
    /// The address to listen on, if browsers reach this machine by another one than the host's.
    pub(crate) listen: Option<SocketAddr>,
}

impl Place<'_> {
    /// Opens the sockets. Browsers look for `localhost` at either loopback address, so both belong to this listener.
    async fn open(&self) -> io::Result<Vec<TcpListener>> {
        let (v4, v6) = (IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST));
        let first = match (self.listen, self.host) {
            (Some(address), _) => address,
            (None, "[::1]") => (v6, self.port).into(),
            (None, _) => (v4, self.port).into(),
        };
        if self.listen.is_some() || self.host != "localhost" {
            return Ok(vec![TcpListener::bind(first).await?]);
        }
        let mut tries = 0;
        loop {
            let socket = TcpListener::bind(first).await?;
            let port = socket.local_addr()?.port();
            match TcpListener::bind((v6, port)).await {
                Ok(other) => return Ok(vec![socket, other]),
                // Another program would get the response.
                Err(e) if e.kind() == io::ErrorKind::AddrInUse && (self.port != 0 || tries == TRIES) => {
                    return Err(e);
                }
                Err(e) if e.kind() == io::ErrorKind::AddrInUse => tries += 1,
                // This machine has no IPv6.
                Err(_) => return Ok(vec![socket]),
            }
        }
    }
}

impl Listener {
    /// Listens there.
    pub(crate) async fn bind(place: &Place<'_>) -> io::Result<Self> {
        let sockets = place.open().await?;
        let port = match place.port {
            0 => sockets.first().map_or(Ok(0), |socket| socket.local_addr().map(|address| address.port()))?,
            port => port,
        };
        let Place { host, path, .. } = place;
        let own = || format!("http://{host}:{port}{path}");
        let redirect_uri = place.redirect_uri.map_or_else(own, str::to_owned);
        let (sender, callbacks) = mpsc::channel(MAX_CALLBACKS);
        let (stop, stopping) = oneshot::channel();
        let url = Url::parse(&redirect_uri).ok();
        let path = url.as_ref().map_or_else(|| (*path).to_owned(), |url| url.path().to_owned());
        let host = url.as_ref().and_then(Url::host_str).unwrap_or(host).to_owned();
        let site = Arc::new(Site { host, path, callbacks: sender });
        let server = tokio::spawn(serve(sockets, site, stopping));
        Ok(Self { redirect_uri, callbacks, stop, server })
    }

    /// The URL to which browsers return.
    pub(crate) fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// The next browser that returns.
    pub(crate) async fn next(&mut self) -> Option<Callback> {
        self.callbacks.recv().await
    }

    /// Stops. Sends the page to the browser with this login's response, tells all others that they have the wrong login,
    /// and waits until everything is sent.
    pub(crate) async fn close(mut self, awaited: Option<Callback>, page: Page) {
        self.callbacks.close();
        while let Some(callback) = self.callbacks.recv().await {
            // After a reload the same response arrives again.
            let same = awaited.as_ref().is_some_and(|awaited| {
                (&awaited.path_and_query, &awaited.form) == (&callback.path_and_query, &callback.form)
            });
            callback.show(if same { page.clone() } else { Page::not_this_login() });
        }
        if let Some(callback) = awaited {
            callback.show(page);
        }
        // If the server has stopped already, there is nothing to wait for.
        let _ = self.stop.send(());
        if timeout(CLOSING, &mut self.server).await.is_err() {
            self.server.abort();
        }
    }
}

struct Site {
    /// The host of the redirect URI.
    host: String,
    path: String,
    callbacks: mpsc::Sender<Callback>,
}

async fn serve(sockets: Vec<TcpListener>, site: Arc<Site>, mut stop: oneshot::Receiver<()>) {
    let mut guests: VecDeque<Guest> = VecDeque::new();
    loop {
        let accepted = tokio::select! {
            _ = &mut stop => break,
            accepted = accept(&sockets) => accepted,
        };
        let Ok(stream) = accepted else {
            // Most likely there are too many open files for the moment.
            sleep(PAUSE).await;
            continue;
        };
        guests.retain(|guest| !guest.task.is_finished());
        if make_room(&mut guests) {
            let busy = Arc::new(AtomicBool::new(false));
            let task = tokio::spawn(connection(stream, site.clone(), busy.clone()));
            guests.push_back(Guest { task, busy });
        }
    }
    drop(sockets);
    // Requests that have arrived by now get their page. Idle connections are closed.
    guests.iter().filter(|guest| guest.is_idle()).for_each(|guest| guest.task.abort());
    for guest in guests {
        let _ = guest.task.await;
    }
}

/// The next connection at any of the sockets.
async fn accept(sockets: &[TcpListener]) -> io::Result<TcpStream> {
    poll_fn(|context| {
        let accepted = sockets.iter().map(|socket| socket.poll_accept(context)).find(Poll::is_ready);
        accepted.unwrap_or(Poll::Pending).map_ok(|(stream, _)| stream)
    })
    .await
}

/// A connection, and whether a request on it waits for its response.
struct Guest {
    task: JoinHandle<()>,
    busy: Arc<AtomicBool>,
}

impl Guest {
    fn is_idle(&self) -> bool {
        !self.busy.load(Ordering::Relaxed)
    }
}

/// Whether there is room for one more connection. If need be, the oldest idle connection is closed: the browser that the
/// login waits for may be the last to connect. Connections that wait for a page stay open.
fn make_room(guests: &mut VecDeque<Guest>) -> bool {
    if guests.len() < MAX_CONNECTIONS {
        return true;
    }
    let idle = guests.iter().position(Guest::is_idle).and_then(|at| guests.remove(at));
    idle.map(|guest| guest.task.abort()).is_some()
}

async fn connection(stream: TcpStream, site: Arc<Site>, busy: Arc<AtomicBool>) {
    let service = service_fn(|request| {
        let (site, busy) = (site.clone(), busy.clone());
        async move { Ok::<_, Infallible>(site.page(request, &busy).await.response()) }
    });
    let mut server = http1::Builder::new();
    // A browser that disconnects before it has its page has delivered its response nevertheless.
    server.half_close(true);
    // One request per connection: the last page then ends with its connection, and nothing is cut off.
    server.keep_alive(false).timer(TokioTimer::new()).header_read_timeout(HEADERS).max_buf_size(MAX_BUFFER);
    // An error on one connection does not affect the others.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

impl Site {
    fn is_meant(&self, request: &Request<Incoming>) -> bool {
        let header = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        let named = request.uri().authority().map(|authority| authority.as_str());
        let fits = |authority: &str| is_loopback(authority) || host(authority) == Some(self.host.clone());
        // Every browser sends one of the two. If there are both, both have to match.
        header.or(named).is_some() && header.into_iter().chain(named).all(fits)
    }

    async fn page(&self, request: Request<Incoming>, busy: &AtomicBool) -> Page {
        // Another host name means DNS rebinding: a foreign site sends its requests here.
        if !self.is_meant(&request) {
            return Page::wrong_host();
        }
        if request.uri().path() != self.path {
            return Page::nothing_here();
        }
        // A browser, a mail scanner or a chat preview looks ahead of the person. It must not spend the login.
        if is_prefetch(request.headers()) {
            return Page::looked_ahead();
        }
        let path_and_query = request.uri().path_and_query().map_or("/", |p| p.as_str()).to_owned();
        let form = match *request.method() {
            Method::GET => None,
            Method::POST => match form(request).await {
                Some(form) => Some(form),
                None => return Page::unreadable(StatusCode::BAD_REQUEST),
            },
            _ => return Page::unreadable(StatusCode::METHOD_NOT_ALLOWED),
        };
        busy.store(true, Ordering::Relaxed);
        let (sender, page) = oneshot::channel();
        if self.callbacks.send(Callback { path_and_query, form, page: sender }).await.is_err() {
            return Page::not_this_login();
        }
        match timeout(PATIENCE, page).await {
            Ok(page) => page.unwrap_or_else(|_| Page::interrupted()),
            Err(_) => Page::still_working(),
        }
    }
}

/// The form of a `form_post` response (OAuth 2.0 Form Post Response Mode), unless it is too large.
async fn form(request: Request<Incoming>) -> Option<String> {
    let kind = request.headers().get(CONTENT_TYPE)?.to_str().ok()?.split(';').next()?.trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return None;
    }
    let body = timeout(HEADERS, Limited::new(request.into_body(), MAX_BUFFER).collect()).await.ok()?.ok()?;
    // Browsers encode other bytes. Where one does not, they matter only in a parameter that is read.
    Some(String::from_utf8_lossy(&body.to_bytes()).into_owned())
}

/// Whether a browser loads a page that nobody has opened yet. `Sec-Purpose` is in the Fetch standard; the others come from
/// older browsers.
fn is_prefetch(headers: &HeaderMap) -> bool {
    let names = ["sec-purpose", "x-sec-purpose", "purpose", "x-purpose", "x-moz"];
    names.into_iter().flat_map(|name| headers.get_all(name)).any(|value| {
        let purpose = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
        ["prefetch", "prerender", "preview"].iter().any(|word| purpose.contains(word))
    })
}

/// The host in the header `Host`, in lower case.
fn host(authority: &str) -> Option<String> {
    let authority: http::uri::Authority = authority.parse().ok()?;
    (!authority.as_str().contains('@')).then(|| authority.host().to_ascii_lowercase())
}

fn is_loopback(authority: &str) -> bool {
    let Some(host) = host(authority) else { return false };
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// How often another port is tried if only one of the two addresses of `localhost` is free.
const TRIES: usize = 8;
/// Browsers open several connections and use one. More than this many are not from a browser.
const MAX_CONNECTIONS: usize = 64;
/// Browsers that wait for their page at the same time.
const MAX_CALLBACKS: usize = 16;
/// An authorization response is a request line or a small form. This is more than hyper accepts for a line (64 KiB), so that
/// the reader of the response reports that it is too long.
const MAX_BUFFER: usize = 96 * 1024;
/// How long a browser may take to send its request.
const HEADERS: Duration = Duration::from_secs(5);
/// How long a browser waits while the tokens are requested.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long sending the last page may take.
const CLOSING: Duration = Duration::from_secs(2);
/// The pause after a failed accept.
const PAUSE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_are_accepted() {
        for host in ["127.0.0.1:8080", "localhost", "LOCALHOST:1", "[::1]:80", "127.8.8.8"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example:80",
            "10.0.0.1",
            "a@127.0.0.1",
            "",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
