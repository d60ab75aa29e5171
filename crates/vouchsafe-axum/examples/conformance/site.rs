//! The web site of the relying party, inside a site of `vouchsafe-axum`, which has the sessions and answers logout tokens. The flow
//! waits for some of the visits.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, SET_COOKIE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use url::{Url, form_urlencoded};
use vouchsafe::http::BoxFuture;
use vouchsafe::seal::KeyRing;
use vouchsafe::vault::MemoryStore;
use vouchsafe::{Client, SessionCheck, Tokens};
use vouchsafe_axum::{Failure as SiteFailure, Site as Layer, Visit as SiteVisit};
use vouchsafe_web::{NewSession, ProviderSource, SessionFrame, Sessions, SourceError};

use crate::failure::{Failure, Kind};
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
    /// With the cookie of the session here, if an ID token says who it is.
    SignedIn(Option<HeaderValue>),
    Failed(String),
}

/// The provider of the task, once its client is there.
struct Provider(Arc<OnceLock<Client>>);

impl ProviderSource for Provider {
    fn provider<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Client>, SourceError>> {
        Box::pin(async move { Ok(self.0.get().filter(|_| name == PROVIDER).cloned()) })
    }
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
    /// The page about the session.
    session: String,
    requests: String,
    client: Arc<OnceLock<Client>>,
    site: vouchsafe_web::Site,
    /// The page with the provider's frame.
    frame: Mutex<Option<SessionFrame>>,
    /// Request objects by their paths.
    objects: Mutex<BTreeMap<String, String>>,
    visits: mpsc::UnboundedSender<Visit>,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Callback,
    Initiate,
    LoggedOut,
    Frontchannel,
    Session,
    Frame,
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
            (own("/session/frame")?, Place::Frame),
            (own("/session/status")?, Place::Report),
        ]);
        for (name, place) in [
            ("post_logout_redirect_uri", Place::LoggedOut),
            ("frontchannel_logout_uri", Place::Frontchannel),
            ("initiate_login_uri", Place::Initiate),
        ] {
            if let Some(uri) = task.registered(name) {
                pages.insert(parsed(uri)?.path().to_owned(), place);
            }
        }
        pages.insert(redirect_uri.path().to_owned(), Place::Callback);
        let client = Arc::default();
        let backchannel = task.registered("backchannel_logout_uri").map(parsed).transpose()?;
        let public_url = parsed(&task.public_url)?.origin().ascii_serialization();
        let site =
            site_of(&public_url, Arc::clone(&client), backchannel.as_ref().map(Url::path), pages.keys())?;

        let (visits, arriving) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            issuer: task.issuer.clone(),
            origin: redirect_uri.origin().ascii_serialization(),
            pages,
            session: own("/session")?,
            requests: own("/request/")?,
            client,
            site: site.clone(),
            frame: Mutex::default(),
            objects: Mutex::default(),
            visits,
        });
        let port =
            |error| Failure::new(Kind::Local, "port", format!("{} cannot be used: {error}", task.listen));
        let listener = TcpListener::bind(&task.listen).await.map_err(port)?;
        let router = Router::new().fallback(visit).with_state(Arc::clone(&shared)).layer(Layer(site));
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

    /// Serves the page that asks the provider's frame.
    pub(crate) fn serve_session_page(&self, check: SessionCheck) {
        *lock(&self.shared.frame) = Some(SessionFrame::new(check));
    }

    /// Begins the session of the user of these tokens, and returns its cookie.
    pub(crate) async fn begin_session(&self, tokens: &Tokens) -> Result<Option<HeaderValue>, Failure> {
        let Some(token) = tokens.id_token() else { return Ok(None) };
        let (site, new) = (&self.shared.site, NewSession::of_id_token(token.subject(), PROVIDER, token));
        let begun = site.sessions().begin(site.public_url(), new, Default::default(), &[]).await;
        let begun = begun.map_err(|error| Failure::new(Kind::Local, "session", error.to_string()))?;
        Ok(Some(begun.set_cookie))
    }
}

/// The site with the sessions of this run. Other sites post to these pages.
fn site_of<'p>(
    public_url: &str,
    client: Arc<OnceLock<Client>>,
    backchannel: Option<&str>,
    pages: impl Iterator<Item = &'p String>,
) -> Result<vouchsafe_web::Site, Failure> {
    let keys = KeyRing::generate().map_err(|error| Failure::new(Kind::Local, "random", error.to_string()))?;
    // A provider shows the logout page of this site in a frame, so the cookie has to come there.
    let sessions = Sessions::in_store(Arc::new(MemoryStore::new()), keys.clone()).cookies_in_frames();
    // The other routes of the site must not be in the way of the pages of the task.
    let mut site = Layer::builder(public_url, keys).prefix("/own-site").sessions(sessions);
    site = site.provider_source(Provider(client));
    if let Some(path) = backchannel {
        site = site.route_at(format!("/backchannel-logout/{PROVIDER}"), path);
    }
    site = pages.fold(site, |site, path| site.danger_allow_foreign_posts(path));
    site.build().map_err(|error| Failure::task(error.to_string()))
}

async fn visit(State(shared): State<Arc<Shared>>, visit: SiteVisit, request: Request) -> Response {
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
        (Some(Place::Initiate), &Method::GET | &Method::POST) => initiate(&shared, request).await,
        (Some(Place::Frontchannel), &Method::GET) => {
            frontchannel_logout(&shared, &visit, parameters(&request))
                .await
                .unwrap_or_else(IntoResponse::into_response)
        }
        (Some(Place::LoggedOut), &Method::GET) => {
            shared.tell(Visit::LoggedOut);
            Html("<!doctype html><title>Signed out</title><p>You are signed out.").into_response()
        }
        (Some(Place::Session), &Method::GET) => session_page(&shared.session),
        (Some(Place::Frame), &Method::GET) => match &*lock(&shared.frame) {
            Some(frame) => frame.response().map(Body::from),
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
        Ok(Page::SignedIn(cookie)) => {
            let page = Html("<!doctype html><title>Signed in</title><p>You are signed in.");
            let mut response = page.into_response();
            response.headers_mut().extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
            response
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

/// The provider shows this page in a frame (OpenID Connect Front-Channel Logout 1.0 section 2). Without parameters, the session of the
/// cookie ends.
async fn frontchannel_logout(
    shared: &Shared,
    visit: &SiteVisit,
    given: Vec<(String, String)>,
) -> Result<Response, SiteFailure> {
    let given: BTreeMap<_, _> = given.into_iter().collect();
    let sessions = shared.site.sessions();
    let is_right = match (given.get("iss"), given.get("sid")) {
        (None, None) => {
            if let Some(session) = visit.session().await? {
                sessions.end(&session).await?;
            }
            true
        }
        (Some(iss), Some(sid)) if shared.client.get().is_some_and(|client| client.is_issuer(iss)) => {
            !sessions.end_of(iss, Some(sid), None).await?.is_empty()
        }
        _ => false,
    };
    if !is_right {
        return Ok(StatusCode::BAD_REQUEST.into_response());
    }
    let removal = sessions.removal(shared.site.public_url()).map(|cookie| (SET_COOKIE, cookie));
    // Any provider may show it.
    let headers = [(CONTENT_SECURITY_POLICY, "default-src 'none'")];
    let mut response = (headers, Html("<!doctype html><title>Signed out</title>")).into_response();
    response.headers_mut().extend(removal);
    Ok(response)
}

/// The page that has the frame, and reports each status that it hears of.
fn session_page(path: &str) -> Response {
    let policy = "default-src 'none'; frame-src 'self'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'";
    let page = format!(
        "<!doctype html><html lang=en><title>Session</title><script>\n\
         addEventListener('vouchsafe:session', event => fetch('{path}/status?' + event.detail));\n\
         </script><iframe src=\"{path}/frame\" title=\"Session\" hidden></iframe></html>"
    );
    ([(CONTENT_SECURITY_POLICY, policy)], Html(page)).into_response()
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

/// The name of the provider in the site.
const PROVIDER: &str = "op";
const MAX_BODY: usize = 256 * 1024;
