//! The demo's login, from the button to the session, with every step recorded.
use std::io;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Extension, Path, Request, State};
use axum::http::header::{HeaderValue, LOCATION, SET_COOKIE};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use vouchsafe::error::Operation;
use vouchsafe::{Error, Login};
use vouchsafe_axum::{LoggedIn, LoginFault, LoginRejection, StartLogin};
use vouchsafe_providers::Definition;

use super::pages;
use super::record::{Message, Party, Refusal, Step, Told};
use super::session::{App, Flow, Session, User, Visitor};
use super::view::Walk;

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
    let own = known.as_ref().and_then(|session| session.own()).filter(|own| own.slug == slug);
    let Some(offer) = &app.offer(slug).cloned().or(own) else { return Ok(pages::unknown(&app.offers)) };
    let is_new = known.is_none();
    let session = known.map_or_else(Session::new, Ok)?;
    let returns = parts.uri.path().starts_with("/callback/");
    let flow = if returns { session.go_on(app, offer)? } else { session.begin(app, offer)? };
    let (trace, masks) = (&flow.trace, &flow.trace.masks);
    let url = format!("{}{}", app.origin, parts.uri);
    // A longer form is not a response. The login refuses the empty one.
    let body = to_bytes(body, MAX_FORM).await.unwrap_or_default();
    let visit = masks.request(&parts.method, &url, &parts.headers, &body);
    if returns {
        let sent_back = if parts.method == Method::POST {
            Message { line: StatusCode::OK.to_string(), params: visit.params.clone(), ..Message::default() }
        } else {
            masks.response(&Redirect::to(&url).into_response(), b"")
        };
        trace.push(at_the_provider(&trace.steps()).response(sent_back));
    }
    let [visited, led_on] = if returns { END } else { START };
    let visit = Step::new(Party::Browser, Party::App, visited).request(visit);
    trace.push(visit.of(returns.then_some(Operation::Authorization)));

    let mut request = Request::from_parts(parts, Body::from(body));
    request.extensions_mut().insert(session.clone());
    request.extensions_mut().insert(flow.clone());
    let mut response = flow.logins.clone().run(request, next).await;
    if response.status().is_redirection() {
        if is_new || returns {
            let cookie = app.sessions.renew(&session)?;
            response
                .headers_mut()
                .append(SET_COOKIE, HeaderValue::try_from(cookie).map_err(io::Error::other)?);
        }
        let location = response.headers().get(LOCATION).and_then(|url| url.to_str().ok());
        masks.learn(location.unwrap_or_default(), offer.provider.definition());
        let redirect = masks.response(&response, b"");
        trace.push(Step::new(Party::App, Party::Browser, led_on).response(redirect));
    }
    Ok(response)
}

/// Whether a person opens the page. A browser that prefetches pages, or another page, neither starts nor ends a login.
pub(super) fn is_visit(request: &Request) -> bool {
    let header = |name: &str| request.headers().get(name).map(HeaderValue::as_bytes);
    let opens = matches!(*request.method(), Method::GET | Method::POST);
    let prefetches = ["sec-purpose", "x-sec-purpose", "purpose", "x-purpose", "x-moz"]
        .into_iter()
        .any(|name| header(name).is_some());
    opens && !prefetches && header("sec-fetch-dest").is_none_or(|destination| destination == b"document")
}

/// The browser's visit to the provider, which the app does not see. Its request is the last redirect.
pub(super) fn at_the_provider(steps: &[Step]) -> Step {
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
    Extension(flow): Extension<Arc<Flow>>,
    login: StartLogin,
) -> Response {
    let offer = flow.offer.clone();
    let login = login.client(slug).customise(move |ask| lasting(ask, offer.provider.definition()));
    match login.await {
        Ok(redirect) => redirect.into_response(),
        Err(rejection) => failed(&app, &flow, &rejection),
    }
}

/// Asks for everything that a refresh token needs, so that the demo can show a refresh.
pub(super) fn lasting<'c>(ask: Login<'c>, definition: &Definition) -> Login<'c> {
    let refreshing = &definition.refreshing;
    let params = refreshing.needs_params.iter();
    let ask = params.fold(ask, |ask, (name, value)| ask.extra(name.clone(), value.clone()));
    match refreshing.needs_scope.first() {
        Some(first) if !refreshing.needs_scope.iter().any(|scope| definition.scopes.contains(scope)) => {
            ask.scopes(definition.scopes.clone()).scope(first.clone())
        }
        _ => ask,
    }
}

pub(super) async fn callback(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Arc<Session>>,
    Extension(flow): Extension<Arc<Flow>>,
    login: Result<LoggedIn, LoginRejection>,
) -> Response {
    let login = match login {
        Ok(login) => login,
        Err(rejection) => return failed(&app, &flow, &rejection),
    };
    let redirect = Redirect::to(&login.return_to);
    let Some(client) = flow.logins.client(&login.client_name).cloned() else {
        return redirect.into_response();
    };
    let user = User::new(client, login, &flow).await;
    *session.visitor.lock().await = Visitor { user: Some(user), ..Visitor::default() };
    redirect.into_response()
}

fn failed(app: &App, flow: &Flow, rejection: &LoginRejection) -> Response {
    let steps = flow.trace.steps();
    let began = steps.iter().any(|step| step.told == START[1]);
    let refused = match rejection.error() {
        Some(error @ (Error::Validation(_) | Error::Response(_))) => Some((error.operation(), "vouchsafe")),
        // The metadata rules the login out, and the browser was not sent away.
        Some(error @ Error::Unsupported(_)) if rejection.tokens().is_none() => {
            Some((error.operation(), "vouchsafe"))
        }
        Some(error @ Error::Server(_)) if rejection.fault() != LoginFault::Denied => {
            Some((error.operation(), "the provider"))
        }
        // Here a login is under way, and this response does not belong to it.
        None if began && rejection.fault() == LoginFault::Stale => {
            Some((Operation::Authorization, "vouchsafe"))
        }
        _ => None,
    };
    if let Some((operation, by)) = refused {
        let code = rejection.error().map_or("stale", Error::code);
        let reason = flow.trace.masks.shown(&pages::reason(rejection));
        flow.trace.refuse(operation, Refusal { by: by.to_owned(), code: code.to_owned(), reason });
    }
    let status = flow.trace.masks.response(&rejection.status().into_response(), b"");
    flow.trace.push(Step::new(Party::App, Party::Browser, NOT_SIGNED_IN).response(status));
    let walk = Walk::new(&flow.offer.label, &flow.trace.steps());
    pages::failed(app, &flow.offer, rejection, refused.map(|(_, by)| by), &walk)
}

pub(super) const START: [Told; 2] = [
    ("Start of the login", "The user chooses a way to sign in."),
    (
        "Authorization request",
        "The app creates random values for this login only: a state and, if the provider knows them, a nonce and a code \
         verifier. It keeps them in an encrypted cookie, and redirects the browser to the provider.",
    ),
];
const AT_THE_PROVIDER: Told = (
    "Sign-in and consent",
    "The user signs in at the provider, and agrees or declines. The app sees nothing of it, and never a password.",
);
pub(super) const END: [Told; 2] = [
    (
        "Authorization response",
        "The app decrypts the cookie, and compares the issuer and the state of the response with those of its request.",
    ),
    ("Signed in", "Every check passed. The app deletes the login cookie and starts its own session."),
];
const NOT_SIGNED_IN: Told = ("Not signed in", "The login ended here. Nobody was signed in.");

/// The longest posted form of a response, in bytes.
const MAX_FORM: usize = 64 * 1024;
