//! The demo's login, from the button to the session, with every step recorded.
use std::io;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Extension, Path, Request, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use vouchsafe_axum::{LoggedIn, LoginRejection, StartLogin};

use super::pages;
use super::record::{MASK, Message, Party, Step};
use super::session::{App, Current, Session, User, Visitor};

/// Finds the session, or starts one for a login, and runs the request with the logins of that session.
pub(super) async fn with_session(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let returns = path.starts_with("/callback/");
    let logs_in = path.starts_with("/login/") || returns;
    if logs_in && !is_visit(&request) {
        return pages::no_visit();
    }
    let session = match app.sessions.find(request.headers()) {
        None if logs_in => match app.sessions.start(&app.setup) {
            Ok(session) => Some(session),
            Err(error) => return pages::broken(&error.to_string()),
        },
        found => found,
    };
    request.extensions_mut().insert(session.clone());
    let Some(session) = session else {
        return next.run(request).await;
    };
    if returns {
        request = record_return(&app, &session, request).await;
    } else if logs_in
        && request.method() == Method::GET
        && let Err(error) = begin(&app, &session, request.uri())
    {
        return pages::broken(&error.to_string());
    }
    let mut response = session.logins().run(request, next).await;
    if let Some(cookie) = app.sessions.set_cookie(&session).and_then(|c| HeaderValue::try_from(c).ok()) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// Whether a person opens the page. A browser that prefetches pages, or another page, neither starts nor ends a login.
fn is_visit(request: &Request) -> bool {
    let header = |name: &str| request.headers().get(name).map(HeaderValue::as_bytes);
    let opens = matches!(*request.method(), Method::GET | Method::POST);
    let prefetches = header("sec-purpose").or(header("purpose")).is_some();
    opens && !prefetches && header("sec-fetch-dest").is_none_or(|destination| destination == b"document")
}

pub(super) async fn login(
    State(app): State<Arc<App>>,
    Path(slug): Path<String>,
    Extension(session): Current,
    login: StartLogin,
) -> Response {
    let Some(session) = session else { return pages::not_found() };
    match login.client(slug).await {
        Ok(redirect) => {
            let response =
                Message::redirect(redirect.location()).header("set-cookie", "vouchsafe-login-… (encrypted)");
            session.trace.push(
                Step::new(
                    Party::App,
                    Party::Browser,
                    "Authorization request",
                    "The app creates a state, a nonce and a code verifier for this login only. It keeps them in an encrypted \
                     cookie, and redirects the browser to the provider.",
                )
                .response(response),
            );
            redirect.into_response()
        }
        Err(rejection) => failed(&app, &session, rejection),
    }
}

pub(super) async fn callback(
    State(app): State<Arc<App>>,
    Extension(session): Current,
    user: Result<LoggedIn, LoginRejection>,
) -> Response {
    let Some(session) = session else { return pages::not_found() };
    let user = match user {
        Ok(user) => user,
        Err(rejection) => return failed(&app, &session, rejection),
    };
    let redirect = Redirect::to(&user.return_to);
    let response = Message::redirect(redirect.location())
        .header("set-cookie", "vouchsafe-login-…; Max-Age=0")
        .header("set-cookie", MASK);
    session.trace.push(
        Step::new(
            Party::App,
            Party::Browser,
            "Signed in",
            "Every check passed. The app deletes the login cookie and starts its own session.",
        )
        .response(response),
    );
    session.renew_id();
    let user = session.client(&user.client_name).map(|client| User::new(client, user));
    *session.visitor.lock().await = Visitor { user, ..Visitor::default() };
    redirect.into_response()
}

/// Begins a login, and records the visit to its page.
fn begin(app: &App, session: &Session, uri: &Uri) -> io::Result<()> {
    session.begin(&app.setup, uri.path().trim_start_matches("/login/"))?;
    let request = Message::get(&format!("{}{uri}", app.origin));
    session.trace.push(
        Step::new(Party::Browser, Party::App, "Start of the login", "The user chooses a way to sign in.")
            .request(request),
    );
    Ok(())
}

/// Records that the browser has returned, and its visit to the provider. A posted form is read for that, and put back into
/// the request.
async fn record_return(app: &App, session: &Session, request: Request) -> Request {
    let (parts, body) = request.into_parts();
    let url = format!("{}{}", app.origin, parts.uri);
    // A longer form is not a response. The login refuses the empty one.
    let body = to_bytes(body, MAX_FORM).await.unwrap_or_default();
    let (sent_back, returned) = if parts.method == Method::POST {
        (Message::status(StatusCode::OK).form(&body), Message::post(&url).form(&body))
    } else {
        (Message::redirect(&url), Message::get(&url))
    };
    let mut there = Step::new(
        Party::Browser,
        Party::Provider,
        "Sign-in and consent",
        "The user signs in at the provider, and agrees or declines. The app sees nothing of it, and never a password.",
    );
    let steps = session.trace.steps();
    if let Some(sent) =
        steps.iter().rev().find_map(|s| s.response.as_ref().filter(|_| s.to == Party::Browser))
    {
        let endpoint =
            sent.headers.iter().find(|(name, _)| name == "location").map(|(_, value)| value.as_str());
        let line = format!("GET {}", endpoint.unwrap_or_default().trim_end_matches("?…"));
        there = there.request(Message { line, params: sent.params.clone(), ..Message::default() });
    }
    session.trace.push(there.response(sent_back));
    session.trace.push(
        Step::new(
            Party::Browser,
            Party::App,
            "Authorization response",
            "Before the app uses the response, it decrypts the cookie and compares the issuer and the state.",
        )
        .request(returned.header("cookie", "vouchsafe-login-… (encrypted)")),
    );
    Request::from_parts(parts, Body::from(body))
}

fn failed(app: &App, session: &Session, rejection: LoginRejection) -> Response {
    let why = "The login ended here. Nobody was signed in.";
    session.trace.push(
        Step::new(Party::App, Party::Browser, "Not signed in", why)
            .response(Message::status(rejection.status())),
    );
    pages::failed(&app.setup.offers, &rejection, session)
}

/// The longest posted form of a response, in bytes.
const MAX_FORM: usize = 64 * 1024;
