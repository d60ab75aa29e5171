//! The playground: a web app that signs users in at the sandbox and shows every step.
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Router, serve as serve_http};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::OnceCell;
use vouchsafe::Http;
use vouchsafe::seal::KeyRing;
use vouchsafe_sandbox::Sandbox;
use vouchsafe_web::{Language, SignInPage};

use self::mask::Masks;
use self::session::{App, Sessions, Visitor};

mod account;
mod checks;
mod code;
mod diagram;
mod fault;
mod fault_pages;
mod faults;
mod login;
mod mask;
mod offers;
mod own;
mod pages;
#[cfg(test)]
mod playground;
mod race;
mod race_pages;
mod record;
mod session;
mod trace;
mod user_page;
mod view;
#[cfg(test)]
mod walk;

/// Starts a sandbox, and the demo on a port of 127.0.0.1; 0 is any free port. Passes the demo's URL to `on_ready`, and serves
/// until the future is dropped.
///
/// # Errors
/// If the port is not available, or the server fails.
pub(crate) async fn serve(port: u16, on_ready: impl FnOnce(&str)) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let port = listener.local_addr()?.port();
    let app = start(port).await?;
    on_ready(&format!("{}/", app.origin));
    serve_http(listener, router(Arc::new(app))).await
}

/// Starts the sandbox for a demo on this port.
async fn start(port: u16) -> io::Result<App> {
    let sandbox = Arc::new(Sandbox::builder().access_token_lifetime(TOKEN_LIFE).start().await?);
    let offers = offers::offers(&sandbox);
    Ok(App {
        origin: format!("http://127.0.0.1:{port}"),
        masks: Masks::new(&sandbox, offers.iter().map(|offer| &*offer.secret)),
        offers,
        http: Http::new().map_err(io::Error::other)?,
        keys: KeyRing::generate().map_err(io::Error::other)?,
        sessions: Sessions::new(port),
        faulty: OnceCell::new(),
        patience: PATIENCE,
        race_pause: RACE_PAUSE,
    })
}

fn router(app: Arc<App>) -> Router {
    let file = |kind, content: String| get(async move || ([(CONTENT_TYPE, kind)], content));
    let style = SignInPage::new(Language::English).style() + include_str!("demo/style.css");
    Router::new()
        .route("/login/{slug}", get(login::login))
        .route("/callback/{slug}", get(login::callback).post(login::callback))
        .route_layer(from_fn_with_state(app.clone(), login::recorded))
        .route("/", get(home))
        .route("/refresh", post(account::refresh))
        .route("/revoke", post(account::revoke))
        .route("/sign-out", post(account::sign_out))
        .route("/provider-sign-out", get(account::provider_sign_out))
        .route("/sign-in", get(sign_in))
        .route("/faults", get(faults::list).post(faults::run))
        .route("/faults/trace.json", get(faults::trace))
        .route("/faults/{name}", get(faults::one))
        .route("/race", get(race_pages::show).post(race_pages::ask))
        .route("/own", get(own::form).post(own::put_in))
        .route("/own/forget", post(own::forget))
        .route("/trace.json", get(trace::save))
        .route("/trace", get(trace::form).post(trace::open).layer(DefaultBodyLimit::max(trace::MAX_REQUEST)))
        .route("/style.css", file("text/css; charset=utf-8", style))
        .route(
            "/script.js",
            file("text/javascript; charset=utf-8", include_str!("demo/script.js").to_owned()),
        )
        .route("/icon.svg", file("image/svg+xml", include_str!("demo/icon.svg").to_owned()))
        .fallback(|| async { pages::not_found() })
        .layer(from_fn_with_state(app.clone(), guarded))
        .with_state(app)
}

/// Serves only the demo's own address, because another host name means DNS rebinding, and only its own forms. Guards every response.
async fn guarded(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let host = headers.get(HOST).and_then(|h| h.to_str().ok());
    // A provider posts its response to the redirect URI.
    let takes_posts = request.uri().path().starts_with("/callback/");
    let is_own = takes_posts
        || [ORIGIN.as_str(), "sec-fetch-site"].iter().all(|name| {
            let is_own = |value: &HeaderValue| *value == app.origin || value == "same-origin";
            headers.get(*name).is_none_or(is_own)
        });
    let is_get = *request.method() == Method::GET;
    let mut response = if !host.is_some_and(|host| app.origin.ends_with(&format!("//{host}"))) {
        match is_get {
            true => Redirect::to(&format!("{}/", app.origin)).into_response(),
            false => StatusCode::MISDIRECTED_REQUEST.into_response(),
        }
    } else if *request.method() == Method::POST && !is_own {
        pages::elsewhere()
    } else {
        next.run(request).await
    };
    for (name, value) in GUARDS {
        // The sign-in page has a policy of its own, for its style sheet.
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

#[derive(Deserialize)]
struct Find {
    find: Option<String>,
}

async fn home(State(app): State<Arc<App>>, Query(query): Query<Find>, headers: HeaderMap) -> Response {
    let find = query.find.as_deref().map(str::trim).filter(|find| !find.is_empty());
    let Some(session) = app.sessions.find(&headers) else {
        return pages::start(&app, &Visitor::default(), find, None);
    };
    let mut visitor = session.visitor.lock().await;
    let page = match &visitor.user {
        Some(user) => user_page::signed_in(user, visitor.notice.as_ref(), &session.csrf),
        None => pages::start(&app, &visitor, find, session.last_walk().as_ref()),
    };
    visitor.notice = None;
    page
}

/// The sign-in page as an application gets it, in the language of the browser.
async fn sign_in(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let (parts, html) = pages::choices(&app.offers, Language::preferred(&headers)).response().into_parts();
    Response::from_parts(parts, html.into())
}

/// Short enough to watch the token expire.
const TOKEN_LIFE: Duration = Duration::from_secs(300);

/// Longer than a provider on this computer needs, and short enough for a person who waits for a slow one.
const PATIENCE: Duration = Duration::from_secs(3);
const RACE_PAUSE: Duration = Duration::from_secs(3);

const GUARDS: [(HeaderName, &str); 5] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'",
    ),
    (REFERRER_POLICY, "same-origin"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (CACHE_CONTROL, "no-store"),
];
