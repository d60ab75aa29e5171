//! The playground: a web app that signs users in at the sandbox and shows every step.
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Router, serve as serve_http};
use tokio::net::TcpListener;
use vouchsafe::Http;
use vouchsafe::seal::KeyRing;
use vouchsafe_sandbox::Sandbox;

use self::mask::Masks;
use self::session::{App, Sessions, Visitor};

mod account;
mod diagram;
mod login;
mod mask;
mod offers;
mod pages;
mod record;
mod session;
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
    })
}

fn router(app: Arc<App>) -> Router {
    let file = |kind, content: &'static str| get(async move || ([(CONTENT_TYPE, kind)], content));
    Router::new()
        .route("/login/{slug}", get(login::login))
        .route("/callback/{slug}", get(login::callback).post(login::callback))
        .route_layer(from_fn_with_state(app.clone(), login::recorded))
        .route("/", get(home))
        .route("/refresh", post(account::refresh))
        .route("/revoke", post(account::revoke))
        .route("/sign-out", post(account::sign_out))
        .route("/provider-sign-out", get(account::provider_sign_out))
        .route("/style.css", file("text/css; charset=utf-8", include_str!("demo/style.css")))
        .route("/script.js", file("text/javascript; charset=utf-8", include_str!("demo/script.js")))
        .route("/icon.svg", file("image/svg+xml", include_str!("demo/icon.svg")))
        .fallback(|| async { pages::not_found() })
        .layer(from_fn_with_state(app.clone(), guarded))
        .with_state(app)
}

/// Serves only the demo's own address, because another host name means DNS rebinding, and guards every response.
async fn guarded(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST).and_then(|h| h.to_str().ok());
    let mut response = if host.is_some_and(|host| app.origin.ends_with(&format!("//{host}"))) {
        next.run(request).await
    } else if *request.method() == Method::GET {
        Redirect::to(&format!("{}/", app.origin)).into_response()
    } else {
        StatusCode::MISDIRECTED_REQUEST.into_response()
    };
    for (name, value) in GUARDS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn home(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let Some(session) = app.sessions.find(&headers) else {
        return pages::start(&app.offers, &Visitor::default(), &[]);
    };
    let mut visitor = session.visitor.lock().await;
    let page = match &visitor.user {
        Some(user) => pages::signed_in(&app.offers, user, visitor.notice.as_ref(), &session.csrf),
        None => pages::start(&app.offers, &visitor, &session.steps()),
    };
    visitor.notice = None;
    page
}

/// Short enough to watch the token expire.
const TOKEN_LIFE: Duration = Duration::from_secs(300);

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
