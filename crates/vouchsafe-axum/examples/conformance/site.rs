//! The web site of the relying party. The flow waits for some of its visits; the provider's logout requests are answered here.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, COOKIE, SET_COOKIE};
use axum::http::{Method, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use url::{Url, form_urlencoded};
use vouchsafe::{Client, Tokens};

use crate::failure::{Failure, Kind};
use crate::session_page::SessionPage;
use crate::task::Task;

/// A visit that the flow waits for.
#[derive(Debug)]
pub(crate) enum Visit {
    /// The browser came back from the authorization endpoint. The page is its response.
    Callback { url: String, form: Option<String>, page: oneshot::Sender<Page> },
    /// A third party sent the browser to start a login. The URL is where the browser goes next.
    Initiated { hint: Option<String>, url: oneshot::Sender<String> },
    /// The browser came back from the end of the session.
    LoggedOut,
    /// The page with the frame tells the status of the session.
    SessionStatus(String),
}

/// How a login ended, for the person at the browser.
#[derive(Debug)]
pub(crate) enum Page {
    /// The identifier of the session here.
    SignedIn(String),
    Failed(String),
}

/// The session of the user who signed in.
#[derive(Debug)]
struct Session {
    id: String,
    subject: Option<String>,
    sid: Option<String>,
}

/// The site while it is served.
pub(crate) struct Site {
    shared: Arc<Shared>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

struct Shared {
    issuer: String,
    /// Scheme and host of the redirect URI, which a proxy may replace on the way.
    origin: String,
    pages: BTreeMap<String, Place>,
    report: String,
    requests: String,
    client: OnceLock<Client>,
    session: Mutex<Option<Session>>,
    session_page: Mutex<Option<SessionPage>>,
    /// Request objects by their paths.
    objects: Mutex<BTreeMap<String, String>>,
    /// The `jti` of logout tokens that came.
    logout_tokens: Mutex<BTreeSet<String>>,
    visits: mpsc::UnboundedSender<Visit>,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Callback,
    Initiate,
    LoggedOut,
    Backchannel,
    Frontchannel,
    Session,
    Report,
}

impl Site {
    /// Listens where the task says.
    pub(crate) async fn start(task: &Task) -> Result<(Self, mpsc::UnboundedReceiver<Visit>), Failure> {
        let wrong = |uri: &str| Failure::task(format!("{uri:?} is not a URL"));
        let parsed = |uri: &str| Url::parse(uri).map_err(|_| wrong(uri));
        let redirect_uri = parsed(&task.redirect_uri)?;
        let own = |path: &str| parsed(&task.own_url(path)).map(|url| url.path().to_owned());
        let mut pages = BTreeMap::from([
            (own("/login")?, Place::Initiate),
            (own("/session")?, Place::Session),
            (own("/session/status")?, Place::Report),
        ]);
        for (name, place) in [
            ("post_logout_redirect_uri", Place::LoggedOut),
            ("backchannel_logout_uri", Place::Backchannel),
            ("frontchannel_logout_uri", Place::Frontchannel),
            ("initiate_login_uri", Place::Initiate),
        ] {
            if let Some(uri) = task.registered(name) {
                pages.insert(parsed(uri)?.path().to_owned(), place);
            }
        }
        pages.insert(redirect_uri.path().to_owned(), Place::Callback);

        let (visits, arriving) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            issuer: task.issuer.clone(),
            origin: redirect_uri.origin().ascii_serialization(),
            pages,
            report: own("/session/status")?,
            requests: own("/request/")?,
            client: OnceLock::new(),
            session: Mutex::default(),
            session_page: Mutex::default(),
            objects: Mutex::default(),
            logout_tokens: Mutex::default(),
            visits,
        });
        let port =
            |error| Failure::new(Kind::Local, "port", format!("{} cannot be used: {error}", task.listen));
        let listener = TcpListener::bind(&task.listen).await.map_err(port)?;
        let router = Router::new().fallback(visit).with_state(Arc::clone(&shared));
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(async move {
            let serve = axum::serve(listener, router).with_graceful_shutdown(async {
                // Sent or dropped: either way the flow has ended.
                let _ = stopped.await;
            });
            if let Err(error) = serve.await {
                tracing::error!("the site is not served any more: {error}");
            }
        });
        Ok((Self { shared, stop, server }, arriving))
    }

    /// Stops when the last response is sent.
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        let _ = tokio::time::timeout(Duration::from_secs(2), self.server).await;
    }

    /// From now on, logout requests of the provider of this client are answered.
    pub(crate) fn serve_logouts_of(&self, client: &Client) {
        let _ = self.shared.client.set(client.clone());
    }

    /// Serves a request object at this URI.
    pub(crate) fn serve_object(&self, uri: &str, object: &str) -> Result<(), Failure> {
        let url = Url::parse(uri).map_err(|_| Failure::task(format!("{uri:?} is not a URL")))?;
        lock(&self.shared.objects).insert(url.path().to_owned(), object.to_owned());
        Ok(())
    }

    /// Serves the page with the provider's frame.
    pub(crate) fn serve_session_page(&self, page: SessionPage) {
        *lock(&self.shared.session_page) = Some(page);
    }

    /// Begins the session of the user of these tokens.
    pub(crate) fn begin_session(&self, tokens: &Tokens) -> Result<String, Failure> {
        let id = random()?;
        let token = tokens.id_token();
        *lock(&self.shared.session) = Some(Session {
            id: id.clone(),
            subject: token.map(|token| token.subject().to_owned()),
            sid: token.and_then(|token| token.sid()).map(str::to_owned),
        });
        Ok(id)
    }
}

async fn visit(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let path = request.uri().path();
    if path.starts_with(&shared.requests) {
        return match lock(&shared.objects).get(path) {
            Some(object) => (
                [(CONTENT_TYPE, "application/oauth-authz-req+jwt"), (CACHE_CONTROL, "no-store")],
                object.clone(),
            )
                .into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        };
    }
    match (shared.pages.get(path), request.method()) {
        (None, _) => StatusCode::NOT_FOUND.into_response(),
        (Some(Place::Callback), &Method::GET | &Method::POST) => callback(&shared, request).await,
        (Some(Place::Backchannel), &Method::POST) => backchannel_logout(&shared, request).await,
        (Some(Place::Initiate), &Method::GET | &Method::POST) => initiate(&shared, request).await,
        (Some(Place::Frontchannel), &Method::GET) => frontchannel_logout(&shared, &request),
        (Some(Place::LoggedOut), &Method::GET) => {
            shared.tell(Visit::LoggedOut);
            Html("<!doctype html><title>Signed out</title><p>You are signed out.").into_response()
        }
        (Some(Place::Session), &Method::GET) => match &*lock(&shared.session_page) {
            Some(page) => page.response(&shared.report),
            None => StatusCode::NOT_FOUND.into_response(),
        },
        (Some(Place::Report), &Method::GET) => {
            let status = parameters(&request).into_iter().next().map(|(status, _)| status);
            shared.tell(Visit::SessionStatus(status.unwrap_or_default()));
            StatusCode::NO_CONTENT.into_response()
        }
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

/// The browser comes back with a code or an error, in the query or in a form.
async fn callback(shared: &Shared, request: Request) -> Response {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let url = format!("{}{target}", shared.origin);
    let form = if request.method() == Method::POST { Some(body(request).await) } else { None };
    let (page, shown) = oneshot::channel();
    shared.tell(Visit::Callback { url, form, page });
    match shown.await {
        Ok(Page::SignedIn(id)) => {
            // The provider shows the logout page of this site in a frame, so the cookie has to come there.
            let cookie = format!("{SESSION}={id}; Path=/; HttpOnly; Secure; SameSite=None");
            ([(SET_COOKIE, cookie)], Html("<!doctype html><title>Signed in</title><p>You are signed in."))
                .into_response()
        }
        Ok(Page::Failed(why)) => {
            let why = why.replace('&', "&amp;").replace('<', "&lt;");
            let page = format!("<!doctype html><title>Not signed in</title><p>The login failed: {why}");
            (StatusCode::BAD_REQUEST, Html(page)).into_response()
        }
        // The flow waits for no login.
        Err(_) => (StatusCode::BAD_REQUEST, "No login was started here.").into_response(),
    }
}

/// A third party sends the browser here, to sign in at one provider (OpenID Connect Core section 4).
async fn initiate(shared: &Shared, request: Request) -> Response {
    let mut given: BTreeMap<_, _> = parameters(&request).into_iter().collect();
    if request.method() == Method::POST {
        given = form_urlencoded::parse(body(request).await.as_bytes()).into_owned().collect();
    }
    if given.get("iss") != Some(&shared.issuer) {
        return (StatusCode::BAD_REQUEST, "This application does not sign users in at this issuer.")
            .into_response();
    }
    let (url, started) = oneshot::channel();
    shared.tell(Visit::Initiated { hint: given.remove("login_hint"), url });
    match started.await {
        Ok(url) => Redirect::to(&url).into_response(),
        Err(_) => (StatusCode::BAD_REQUEST, "No login can be started now.").into_response(),
    }
}

/// The provider tells that a session has ended (OpenID Connect Back-Channel Logout 1.0 section 2.5).
async fn backchannel_logout(shared: &Shared, request: Request) -> Response {
    let form = body(request).await;
    let tokens: Vec<_> =
        form_urlencoded::parse(form.as_bytes()).filter(|(name, _)| name == "logout_token").collect();
    let status = match (shared.client.get(), &tokens[..]) {
        (Some(client), [(_, token)]) => match client.logout_token(token).await {
            // Section 2.6: a token is good once.
            Ok(token) if lock(&shared.logout_tokens).insert(token.jti().to_owned()) => {
                lock(&shared.session).take_if(|session| {
                    let is_other = |named: Option<&str>, own: &Option<String>| {
                        named.is_some_and(|named| own.as_deref() != Some(named))
                    };
                    !is_other(token.subject(), &session.subject) && !is_other(token.sid(), &session.sid)
                });
                StatusCode::OK
            }
            Ok(_) => StatusCode::BAD_REQUEST,
            Err(error) => {
                tracing::warn!("a logout token was refused: {error}");
                StatusCode::BAD_REQUEST
            }
        },
        _ => StatusCode::BAD_REQUEST,
    };
    (status, [(CACHE_CONTROL, "no-store")]).into_response()
}

/// The provider shows this page in a frame (OpenID Connect Front-Channel Logout 1.0 section 2).
fn frontchannel_logout(shared: &Shared, request: &Request) -> Response {
    let given: BTreeMap<_, _> = parameters(request).into_iter().collect();
    let mut session = lock(&shared.session);
    let (iss, sid) = (given.get("iss"), given.get("sid"));
    if iss.is_some() || sid.is_some() {
        let is_issuer = iss.zip(shared.client.get()).is_some_and(|(iss, client)| client.is_issuer(iss));
        let own = session.as_ref().and_then(|session| session.sid.as_ref());
        if !is_issuer || sid.is_none() || sid != own {
            return (StatusCode::BAD_REQUEST, [(CACHE_CONTROL, "no-store")]).into_response();
        }
        *session = None;
    } else {
        let cookies = request.headers().get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let cookies: Vec<_> = cookies.flat_map(|value| value.split("; ")).collect();
        session.take_if(|session| cookies.contains(&&*format!("{SESSION}={}", session.id)));
    }
    let cookie = format!("{SESSION}=; Path=/; HttpOnly; Secure; SameSite=None; Max-Age=0");
    (
        [(CACHE_CONTROL, "no-store".to_owned()), (SET_COOKIE, cookie)],
        Html("<!doctype html><title>Signed out</title>"),
    )
        .into_response()
}

impl Shared {
    fn tell(&self, visit: Visit) {
        // If the flow has ended, the senders in the visit are dropped, and the browser is told so.
        let _ = self.visits.send(visit);
    }
}

fn parameters(request: &Request) -> Vec<(String, String)> {
    form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned().collect()
}

/// The body as text; empty if it is too large or no text.
async fn body(request: Request) -> String {
    let bytes = to_bytes(request.into_body(), MAX_BODY).await.unwrap_or_default();
    String::from_utf8(bytes.into()).unwrap_or_default()
}

/// A text that nobody can guess.
pub(crate) fn random() -> Result<String, Failure> {
    let mut bytes = [0; 24];
    let failed = |_| Failure::new(Kind::Local, "random", "this machine provides no random numbers");
    aws_lc_rs::rand::fill(&mut bytes).map_err(failed)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// A panic elsewhere does not spoil the value.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const SESSION: &str = "session";
const MAX_BODY: usize = 256 * 1024;
