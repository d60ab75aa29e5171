//! The demo's login, from the button to the session, with every step recorded.
use std::io;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Extension, Path, Request, State};
use axum::http::header::{HeaderValue, LOCATION, SET_COOKIE};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use vouchsafe_axum::{LoggedIn, LoginRejection, StartLogin};

use super::pages;
use super::record::{Message, Party, Step, Told};
use super::session::{App, Session, User, Visitor};

/// Records the browser's visits to the pages of a login, in its session or a new one, and the redirects to which they lead.
pub(super) async fn recorded(
    State(app): State<Arc<App>>,
    Path(slug): Path<String>,
    request: Request,
    next: Next,
) -> Response {
    if !is_visit(&request) {
        return pages::no_visit();
    }
    record(&app, &slug, request, next).await.unwrap_or_else(|error| pages::broken(&error))
}

async fn record(app: &App, slug: &str, request: Request, next: Next) -> io::Result<Response> {
    let (parts, body) = request.into_parts();
    let known = app.sessions.find(&parts.headers);
    let is_new = known.is_none();
    let session = known.map_or_else(Session::new, Ok)?;
    let returns = parts.uri.path().starts_with("/callback/");
    let logins = match session.logins() {
        Some(logins) if returns => logins,
        _ => session.begin(app, slug)?,
    };
    let url = format!("{}{}", app.origin, parts.uri);
    // A longer form is not a response. The login refuses the empty one.
    let body = to_bytes(body, MAX_FORM).await.unwrap_or_default();
    let visit = Message::request(&parts.method, &url, &parts.headers, &body);
    if returns {
        let sent_back = if parts.method == Method::POST {
            Message { line: StatusCode::OK.to_string(), params: visit.params.clone(), ..Message::default() }
        } else {
            Message::response(&Redirect::to(&url).into_response(), b"")
        };
        session.trace.push(at_the_provider(&session.trace.steps()).response(sent_back));
    }
    let [visited, led_on] = if returns { END } else { START };
    session.trace.push(Step::new(Party::Browser, Party::App, visited).request(visit));

    let mut request = Request::from_parts(parts, Body::from(body));
    request.extensions_mut().insert(session.clone());
    let mut response = logins.run(request, next).await;
    if response.status().is_redirection() {
        if is_new || returns {
            let cookie = app.sessions.renew(&session)?;
            response
                .headers_mut()
                .append(SET_COOKIE, HeaderValue::try_from(cookie).map_err(io::Error::other)?);
        }
        let redirect = Message::response(&response, b"");
        session.trace.push(Step::new(Party::App, Party::Browser, led_on).response(redirect));
    }
    Ok(response)
}

/// Whether a person opens the page. A browser that prefetches pages, or another page, neither starts nor ends a login.
fn is_visit(request: &Request) -> bool {
    let header = |name: &str| request.headers().get(name).map(HeaderValue::as_bytes);
    let opens = matches!(*request.method(), Method::GET | Method::POST);
    let prefetches = header("sec-purpose").or(header("purpose")).is_some();
    opens && !prefetches && header("sec-fetch-dest").is_none_or(|destination| destination == b"document")
}

/// The browser's visit to the provider, which the app does not see. Its request is the last redirect.
fn at_the_provider(steps: &[Step]) -> Step {
    let step = Step::new(Party::Browser, Party::Provider, AT_THE_PROVIDER);
    let redirect = steps.iter().rev().filter(|s| s.to == Party::Browser).find_map(|s| s.response.as_ref());
    let Some(Message { headers, params, .. }) = redirect else { return step };
    let url = headers.iter().find(|(name, _)| name == LOCATION.as_str()).map_or("", |(_, value)| value);
    let line = format!("GET {}", url.trim_end_matches("?…"));
    step.request(Message { line, params: params.clone(), ..Message::default() })
}

pub(super) async fn login(
    State(app): State<Arc<App>>,
    Path(slug): Path<String>,
    Extension(session): Extension<Arc<Session>>,
    login: StartLogin,
) -> Response {
    match login.client(slug).await {
        Ok(redirect) => redirect.into_response(),
        Err(rejection) => failed(&app, &session, rejection),
    }
}

pub(super) async fn callback(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Arc<Session>>,
    login: Result<LoggedIn, LoginRejection>,
) -> Response {
    let login = match login {
        Ok(login) => login,
        Err(rejection) => return failed(&app, &session, rejection),
    };
    let redirect = Redirect::to(&login.return_to);
    let client = session.logins().and_then(|logins| logins.client(&login.client_name).cloned());
    let user = client.map(|client| User { client, login, refreshes: 0, revoked: false });
    *session.visitor.lock().await = Visitor { user, ..Visitor::default() };
    redirect.into_response()
}

fn failed(app: &App, session: &Session, rejection: LoginRejection) -> Response {
    let status = Message::response(&rejection.status().into_response(), b"");
    session.trace.push(Step::new(Party::App, Party::Browser, NOT_SIGNED_IN).response(status));
    pages::failed(&app.offers, &rejection, &session.trace.steps())
}

const START: [Told; 2] = [
    ("Start of the login", "The user chooses a way to sign in."),
    (
        "Authorization request",
        "The app creates a state, a nonce and a code verifier for this login only. It keeps them in an encrypted cookie, and \
         redirects the browser to the provider.",
    ),
];
const AT_THE_PROVIDER: Told = (
    "Sign-in and consent",
    "The user signs in at the provider, and agrees or declines. The app sees nothing of it, and never a password.",
);
const END: [Told; 2] = [
    (
        "Authorization response",
        "The app decrypts the cookie, and compares the issuer and the state of the response with those of its request.",
    ),
    ("Signed in", "Every check passed. The app deletes the login cookie and starts its own session."),
];
const NOT_SIGNED_IN: Told = ("Not signed in", "The login ended here. Nobody was signed in.");

/// The longest posted form of a response, in bytes.
const MAX_FORM: usize = 64 * 1024;
