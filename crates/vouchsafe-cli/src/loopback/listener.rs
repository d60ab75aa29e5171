//! The loopback end of a login: the redirect URI of a program on its user's own machine (RFC 8252 section 7.3).
use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::header::{ALLOW, CONTENT_TYPE, HOST, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};
use url::Url;
use vouchsafe::AuthorizationResponse;

use crate::loopback::page::Page;

/// Listens for browsers that come to the redirect URI.
#[derive(Debug)]
pub(crate) struct Listener {
    redirect_uri: String,
    callbacks: mpsc::Receiver<Callback>,
    /// Sending asks the server to finish what it has begun.
    stop: watch::Sender<bool>,
    server: tokio::task::JoinHandle<()>,
}

/// A browser that has come to the redirect URI and waits for a page.
#[derive(Debug)]
pub(crate) struct Callback {
    /// What it brought, and where.
    pub(crate) response: AuthorizationResponse<'static>,
    /// The query, or the form of a `form_post` response.
    pub(crate) params: String,
    reply: oneshot::Sender<Page>,
}

impl Callback {
    pub(crate) fn answer(self, page: Page) {
        // A browser that has gone away needs no page.
        let _ = self.reply.send(page);
    }
}

impl Listener {
    /// Listens on a port of 127.0.0.1; 0 takes a free one.
    pub(crate) async fn bind(port: u16, path: &str) -> io::Result<Self> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let redirect_uri = format!("http://{}{path}", socket.local_addr()?);
        let (sender, callbacks) = mpsc::channel(MAX_CALLBACKS);
        let (stop, stopped) = watch::channel(false);
        let path = Url::parse(&redirect_uri).map_or_else(|_| path.to_owned(), |url| url.path().to_owned());
        let site = Arc::new(Site { path, callbacks: sender });
        let server = tokio::spawn(serve(socket, site, stopped));
        Ok(Self { redirect_uri, callbacks, stop, server })
    }

    /// The URL to which browsers come.
    pub(crate) fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// The next browser to come.
    pub(crate) async fn next(&mut self) -> Option<Callback> {
        self.callbacks.recv().await
    }

    /// Ends: gives the browser that was waited for its page, the others one that says so, and waits until all of it is
    /// on its way.
    pub(crate) async fn close(mut self, awaited: Option<Callback>, page: Page) {
        let params = awaited.as_ref().map(|callback| callback.params.clone());
        if let Some(callback) = awaited {
            callback.answer(page.clone());
        }
        self.callbacks.close();
        while let Some(callback) = self.callbacks.recv().await {
            // Somebody pressed reload: it is the same login.
            let same = params.as_ref() == Some(&callback.params);
            callback.answer(if same { page.clone() } else { Page::not_this_login() });
        }
        // The server may be gone already; then there is nothing to wait for.
        let _ = self.stop.send(true);
        if timeout(CLOSING, &mut self.server).await.is_err() {
            self.server.abort();
        }
    }
}

struct Site {
    path: String,
    callbacks: mpsc::Sender<Callback>,
}

async fn serve(socket: TcpListener, site: Arc<Site>, stopped: watch::Receiver<bool>) {
    let mut ending = stopped.clone();
    let mut connections = JoinSet::new();
    let mut guests: VecDeque<Guest> = VecDeque::new();
    loop {
        while connections.try_join_next().is_some() {}
        tokio::select! {
            () = told(&mut ending) => break,
            accepted = socket.accept() => match accepted {
                Ok((stream, _)) => {
                    guests.retain(|guest| !guest.task.is_finished());
                    if !make_room(&mut guests) {
                        continue;
                    }
                    let busy = Arc::new(AtomicBool::new(false));
                    let connection = connection(stream, site.clone(), busy.clone(), stopped.clone());
                    guests.push_back(Guest { task: connections.spawn(connection), busy });
                }
                // Out of file descriptors, most likely: that passes.
                Err(_) => sleep(BREATH).await,
            },
        }
    }
    drop(socket);
    while connections.join_next().await.is_some() {}
}

/// A connection, and whether it has asked for something that is being answered.
struct Guest {
    task: AbortHandle,
    busy: Arc<AtomicBool>,
}

/// Whether there is room for one more. Whoever has come first and said nothing goes: the one who is waited for may be
/// the last to come. Those who wait for a page stay.
fn make_room(guests: &mut VecDeque<Guest>) -> bool {
    if guests.len() < MAX_CONNECTIONS {
        return true;
    }
    let idle = guests.iter().position(|guest| !guest.busy.load(Ordering::Relaxed));
    let leaving = idle.and_then(|at| guests.remove(at));
    leaving.map(|guest| guest.task.abort()).is_some()
}

async fn connection(
    stream: TcpStream,
    site: Arc<Site>,
    busy: Arc<AtomicBool>,
    mut stopped: watch::Receiver<bool>,
) {
    let service = service_fn(|request| {
        let (site, busy) = (site.clone(), busy.clone());
        async move { Ok::<_, Infallible>(site.respond(request, &busy).await) }
    });
    let mut server = http1::Builder::new();
    // A browser that hangs up before it has its page has come all the same.
    server.half_close(true);
    // A request a connection: the last page then ends with the connection, and nothing is left to be cut off.
    server.keep_alive(false).timer(TokioTimer::new()).header_read_timeout(HEADERS).max_buf_size(MAX_BUFFER);
    let mut connection = std::pin::pin!(server.serve_connection(TokioIo::new(stream), service));
    // What goes wrong with one browser's connection concerns nobody else.
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        () = told(&mut stopped) => {}
    }
    // Whoever has not asked by now gets nothing; the others get all of it.
    if busy.load(Ordering::Relaxed) {
        let _ = connection.await;
    }
}

/// Comes back when the listener is to stop.
async fn told(stop: &mut watch::Receiver<bool>) {
    // An error means that the listener was dropped: the same.
    let _ = stop.wait_for(|stop| *stop).await;
}

impl Site {
    async fn respond(&self, request: Request<Incoming>, busy: &AtomicBool) -> Response<Full<Bytes>> {
        // A name that leads here by DNS rebinding is not this machine's.
        if !is_for_this_machine(&request) {
            return Page::wrong_host().response(StatusCode::FORBIDDEN);
        }
        if request.uri().path() != self.path {
            return Page::nothing_here().response(StatusCode::NOT_FOUND);
        }
        let arrived =
            AuthorizationResponse::at(request.uri().path_and_query().map_or("/", |p| p.as_str()).to_owned());
        let (response, params) = match *request.method() {
            Method::GET => (arrived, request.uri().query().unwrap_or_default().to_owned()),
            Method::POST => match form(request).await {
                Some(form) => (arrived.form(form.clone()), form),
                None => return Page::unreadable().response(StatusCode::BAD_REQUEST),
            },
            _ => {
                let mut response = Page::unreadable().response(StatusCode::METHOD_NOT_ALLOWED);
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST"));
                return response;
            }
        };
        busy.store(true, Ordering::Relaxed);
        let (reply, page) = oneshot::channel();
        if self.callbacks.send(Callback { response, params, reply }).await.is_err() {
            return Page::not_this_login().response(StatusCode::BAD_REQUEST);
        }
        let page = match timeout(PATIENCE, page).await {
            Ok(page) => page.unwrap_or_else(|_| Page::interrupted()),
            Err(_) => Page::still_working(),
        };
        let status = if page.is_good() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
        page.response(status)
    }
}

/// The form of a `form_post` response (OAuth 2.0 Form Post Response Mode), if it is a small one.
async fn form(request: Request<Incoming>) -> Option<String> {
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    let is_form = request.headers().get(CONTENT_TYPE).is_some_and(|value| {
        let essence = value.as_bytes().split(|b| *b == b';').next().unwrap_or_default();
        essence.trim_ascii().eq_ignore_ascii_case(form.as_bytes())
    });
    if !is_form {
        return None;
    }
    let body = timeout(HEADERS, Limited::new(request.into_body(), MAX_BUFFER).collect()).await.ok()?.ok()?;
    String::from_utf8(body.to_bytes().to_vec()).ok()
}

fn is_for_this_machine(request: &Request<Incoming>) -> bool {
    let header = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let named = request.uri().authority().map(|authority| authority.as_str());
    // One of the two is there in every request of a browser; where both are, both count.
    header.or(named).is_some() && header.into_iter().chain(named).all(is_loopback)
}

fn is_loopback(authority: &str) -> bool {
    let Ok(authority) = authority.parse::<http::uri::Authority>() else { return false };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    !authority.as_str().contains('@')
        && (host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()))
}

/// Browsers open several connections and use one; more than these are no browser.
const MAX_CONNECTIONS: usize = 64;
/// Browsers that wait for their page at the same time.
const MAX_CALLBACKS: usize = 16;
/// An authorization response is a line of a request, or a small form. Longer lines than hyper takes (64 KiB) fit, so that
/// what is too long is told by those who read it.
const MAX_BUFFER: usize = 96 * 1024;
/// How long a browser may take to say what it wants.
const HEADERS: Duration = Duration::from_secs(5);
/// How long a browser is kept waiting while the provider is asked for the tokens.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the last page may take to leave.
const CLOSING: Duration = Duration::from_secs(2);
/// A pause after a failed accept.
const BREATH: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_its_own() {
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
