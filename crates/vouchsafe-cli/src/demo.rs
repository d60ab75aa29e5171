//! The demo: a web app that signs people in at the sandbox and shows every step.
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Extension, Form, Path, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, LOCATION, REFERRER_POLICY, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Router, serve as serve_http};
use serde::Deserialize;
use tokio::net::TcpListener;
use url::Url;
use vouchsafe::seal::KeyRing;
use vouchsafe::{Error, Http, Provider, Registration};
use vouchsafe_axum::{LoggedIn, LoginRejection, StartLogin};
use vouchsafe_providers::NEUTRAL_MARK;
use vouchsafe_sandbox::Sandbox;

use crate::demo::record::{MASK, Message, Party, Step};
use crate::demo::session::{Notice, Offer, Session, Sessions, Setup, User, Visitor};

mod diagram;
mod html;
mod pages;
mod record;
mod session;

/// Starts a sandbox and the demo on 127.0.0.1, tells the demo's URL, and serves until it is dropped. Port 0 takes a
/// free one.
///
/// # Errors
/// When no port can be had, or the server fails.
pub(crate) async fn serve(port: u16, on_ready: impl FnOnce(&str)) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let port = listener.local_addr()?.port();
    let sandbox = Sandbox::builder().access_token_lifetime(TOKEN_LIFE).start().await?;
    let origin = format!("http://127.0.0.1:{port}");
    let setup = Setup {
        offers: offers(&sandbox, &origin),
        http: Http::new().map_err(io::Error::other)?,
        keys: KeyRing::generate().map_err(io::Error::other)?,
    };
    let app = Arc::new(App { sessions: Sessions::new(port), setup, origin });
    let url = format!("{}/", app.origin);
    let router = router(app);
    on_ready(&url);
    serve_http(listener, router).await
}

/// The ways to sign in: at the sandbox as it is, and at every provider that it acts.
fn offers(sandbox: &Sandbox, origin: &str) -> Vec<Offer> {
    let registration = |slug: &str| {
        Registration::new(sandbox.client_id())
            .secret(sandbox.client_secret())
            .redirect_uri(redirect_uri(origin, slug))
    };
    let issuer = sandbox.issuer();
    let plain = Provider::oauth2("sandbox")
        .authorization_endpoint(format!("{issuer}/authorize"))
        .token_endpoint(format!("{issuer}/token"))
        .revocation_endpoint(format!("{issuer}/revoke"))
        .userinfo_endpoint(format!("{issuer}/userinfo"))
        .issuer(issuer)
        .scopes(["profile", "email"]);
    let mut offers = vec![
        Offer {
            slug: "openid".to_owned(),
            label: "Sandbox (OpenID Connect)".to_owned(),
            hint: Some("An ID token says who you are, and is verified."),
            mark: mark("openid"),
            provider: Provider::openid(issuer),
            registration: registration("openid"),
        },
        Offer {
            slug: "oauth2".to_owned(),
            label: "Sandbox (plain OAuth 2)".to_owned(),
            hint: Some("No ID token: the profile says who you are."),
            mark: NEUTRAL_MARK,
            provider: plain,
            registration: registration("oauth2"),
        },
    ];
    let known = |slug: &&str| offers.iter().any(|offer| offer.slug == **slug);
    let others: Vec<_> = vouchsafe_providers::slugs().filter(|slug| !known(slug)).collect();
    offers.extend(others.into_iter().filter_map(|slug| acted(slug, sandbox, origin)));
    offers
}

fn acted(slug: &str, sandbox: &Sandbox, origin: &str) -> Option<Offer> {
    let acted = sandbox.provider(slug)?;
    let definition = acted.definition();
    let label = definition.display_name.clone();
    let provider = Provider::from(definition);
    let provider = acted.params().into_iter().fold(provider, |p, (name, value)| p.param(name, value));
    let registration = Registration::new(acted.client_id());
    let registration = match acted.client_key() {
        Some(key) => registration.apple_key(key.team_id(), key.key_id(), key.pem()),
        None => registration.secret(acted.client_secret()),
    };
    let registration = registration.redirect_uri(redirect_uri(origin, slug));
    Some(Offer { slug: slug.to_owned(), label, hint: None, mark: mark(slug), provider, registration })
}

/// Each provider has a redirect URI of its own, so that no response passes for another's (RFC 9700 section 4.4.2.2).
fn redirect_uri(origin: &str, slug: &str) -> String {
    format!("{origin}/callback/{slug}")
}

fn mark(slug: &str) -> &'static str {
    vouchsafe_providers::mark(slug).unwrap_or(NEUTRAL_MARK)
}

struct App {
    sessions: Sessions,
    setup: Setup,
    origin: String,
}

fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/login/{slug}", get(login))
        .route("/callback/{slug}", get(callback).post(callback))
        .route("/refresh", post(refresh))
        .route("/revoke", post(revoke))
        .route("/sign-out", post(sign_out))
        .route("/", get(home))
        .route("/provider-sign-out", get(provider_sign_out))
        .fallback(|| async { pages::not_found() })
        .layer(from_fn_with_state(app.clone(), with_session))
        .route("/style.css", get(|| async { ([(CONTENT_TYPE, "text/css; charset=utf-8")], STYLE) }))
        .route("/script.js", get(|| async { ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], SCRIPT) }))
        .route("/icon.svg", get(|| async { ([(CONTENT_TYPE, "image/svg+xml")], ICON) }))
        .layer(from_fn_with_state(app.clone(), with_quirks))
        .with_state(app)
}

/// Only this machine's own address is answered: no other name that leads here is the demo's.
async fn with_quirks(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST).and_then(|h| h.to_str().ok());
    let mut response = if host.is_some_and(|host| app.origin.ends_with(&format!("//{host}"))) {
        next.run(request).await
    } else if *request.method() == Method::GET {
        Redirect::to(&format!("{}/", app.origin)).into_response()
    } else {
        StatusCode::MISDIRECTED_REQUEST.into_response()
    };
    let headers = response.headers_mut();
    for (name, value) in QUIRKS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Finds the session, or starts one where a login needs it, and chooses the logins by it.
async fn with_session(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
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
        request = returned(&app, &session, request).await;
    } else if logs_in
        && request.method() == Method::GET
        && let Err(error) = asked(&app, &session, request.uri())
    {
        return pages::broken(&error.to_string());
    }
    let mut response = session.logins().run(request, next).await;
    if let Some(cookie) = app.sessions.set_cookie(&session).and_then(|c| HeaderValue::try_from(c).ok()) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// Whether a person opens the page: neither a browser that looks ahead nor another page begins a flow, or ends one.
fn is_visit(request: &Request) -> bool {
    let header = |name: &str| request.headers().get(name).map(HeaderValue::as_bytes);
    let asks = matches!(*request.method(), Method::GET | Method::POST);
    let looks_ahead = header("sec-purpose").or(header("purpose")).is_some();
    asks && !looks_ahead && header("sec-fetch-dest").is_none_or(|destination| destination == b"document")
}

type Here = Extension<Option<Arc<Session>>>;

async fn home(State(app): State<Arc<App>>, Extension(session): Here) -> Response {
    let Some(session) = session else {
        return pages::start(&app.setup.offers, &Visitor::default(), None);
    };
    let mut visitor = session.visitor.lock().await;
    let page = match &visitor.user {
        Some(user) => pages::signed_in(&app.setup.offers, user, visitor.notice.as_ref(), &session),
        None => pages::start(&app.setup.offers, &visitor, Some(&session)),
    };
    visitor.notice = None;
    page
}

async fn login(
    State(app): State<Arc<App>>,
    Path(slug): Path<String>,
    Extension(session): Here,
    login: StartLogin,
) -> Response {
    let Some(session) = session else { return pages::not_found() };
    match login.client(slug).await {
        Ok(redirect) => {
            let answer =
                Message::redirect(redirect.location()).header("set-cookie", "vouchsafe-login-… (sealed)");
            session.trace.push(
                Step::new(
                    Party::App,
                    Party::Browser,
                    "Off to the provider",
                    "The app made a state, a nonce and a code verifier for this one login. It keeps them in a cookie that \
                     only it can read, and sends the browser away.",
                )
                .answer(answer),
            );
            redirect.into_response()
        }
        Err(rejection) => failed(&app, &session, rejection),
    }
}

async fn callback(
    State(app): State<Arc<App>>,
    Extension(session): Here,
    user: Result<LoggedIn, LoginRejection>,
) -> Response {
    let Some(session) = session else { return pages::not_found() };
    let user = match user {
        Ok(user) => user,
        Err(rejection) => return failed(&app, &session, rejection),
    };
    let redirect = Redirect::to(&user.return_to);
    let answer = Message::redirect(redirect.location())
        .header("set-cookie", "vouchsafe-login-…; Max-Age=0")
        .header("set-cookie", MASK);
    session.trace.push(
        Step::new(
            Party::App,
            Party::Browser,
            "Signed in",
            "Every check passed. The login cookie goes, and a session of the app’s own begins.",
        )
        .answer(answer),
    );
    session.renew_id();
    let user = session.client(&user.client_name).map(|client| User::new(client, user));
    *session.visitor.lock().await = Visitor { user, ..Visitor::default() };
    redirect.into_response()
}

/// Writes down that a login is asked for. It begins with nothing known.
fn asked(app: &App, session: &Session, uri: &Uri) -> io::Result<()> {
    session.begin(&app.setup, uri.path().trim_start_matches("/login/"))?;
    let request = Message::get(&format!("{}{uri}", app.origin));
    session.trace.push(
        Step::new(Party::Browser, Party::App, "Sign me in", "Somebody presses a button.").request(request),
    );
    Ok(())
}

/// Writes down that the browser came back, and where it must have been. The form of a response that is posted is read
/// for that, and stays with the request.
async fn returned(app: &App, session: &Session, request: Request) -> Request {
    let (parts, body) = request.into_parts();
    let url = format!("{}{}", app.origin, parts.uri);
    // What is too long for a response is none, and is refused where it is read again.
    let body = to_bytes(body, MAX_FORM).await.unwrap_or_default();
    let (sent_back, arrived) = if parts.method == Method::POST {
        (Message::status(StatusCode::OK).form(&body), Message::post(&url).form(&body))
    } else {
        (Message::redirect(&url), Message::get(&url))
    };
    let mut there = Step::new(
        Party::Browser,
        Party::Provider,
        "Who are you, and do you agree?",
        "The person signs in at the provider and says yes or no. The app sees nothing of it, no password above all.",
    );
    let steps = session.trace.steps();
    if let Some(sent) = steps.iter().rev().find_map(|s| s.answer.as_ref().filter(|_| s.to == Party::Browser))
    {
        let endpoint =
            sent.headers.iter().find(|(name, _)| name == "location").map(|(_, value)| value.as_str());
        let line = format!("GET {}", endpoint.unwrap_or_default().trim_end_matches("?…"));
        there = there.request(Message { line, params: sent.params.clone(), ..Message::default() });
    }
    session.trace.push(there.answer(sent_back));
    session.trace.push(
        Step::new(
            Party::Browser,
            Party::App,
            "Back with the answer",
            "Before the app believes it, it opens the sealed cookie and compares issuer and state.",
        )
        .request(arrived.header("cookie", "vouchsafe-login-… (sealed)")),
    );
    Request::from_parts(parts, Body::from(body))
}

fn failed(app: &App, session: &Session, rejection: LoginRejection) -> Response {
    let why = "The login ended here. Nobody is signed in by it.";
    session.trace.push(
        Step::new(Party::App, Party::Browser, "Not signed in", why)
            .answer(Message::status(rejection.status())),
    );
    pages::failed(&app.setup.offers, &rejection, session)
}

/// What a form brings along to show that it is ours.
#[derive(Deserialize)]
struct Proof {
    csrf: String,
}

async fn refresh(Extension(session): Here, Form(proof): Form<Proof>) -> Response {
    let Some(session) = session.filter(|s| s.has_csrf(&proof.csrf)) else { return pages::out_of_date() };
    let mut visitor = session.visitor.lock().await;
    let Some(user) = &mut visitor.user else { return Redirect::to("/").into_response() };
    let notice = match user.client.refresh(&user.tokens).await {
        Ok(tokens) => {
            user.refreshed(tokens);
            Notice {
                good: true,
                title: "Refreshed".to_owned(),
                text: "The provider gave a fresh access token and a new refresh token.".to_owned(),
            }
        }
        Err(error) => Notice::of(&error),
    };
    visitor.notice = Some(notice);
    Redirect::to("/").into_response()
}

async fn revoke(Extension(session): Here, Form(proof): Form<Proof>) -> Response {
    let Some(session) = session.filter(|s| s.has_csrf(&proof.csrf)) else { return pages::out_of_date() };
    let mut visitor = session.visitor.lock().await;
    let Some(user) = &mut visitor.user else { return Redirect::to("/").into_response() };
    let notice = match user.client.revoke(&user.tokens).await {
        Ok(()) => {
            user.revoked = true;
            Notice {
                good: true,
                title: "Revoked".to_owned(),
                text: "The provider accepts these tokens no longer. Try to refresh: it will say no."
                    .to_owned(),
            }
        }
        Err(error) => Notice::of(&error),
    };
    visitor.notice = Some(notice);
    Redirect::to("/").into_response()
}

async fn sign_out(
    State(app): State<Arc<App>>,
    Extension(session): Here,
    Form(proof): Form<Proof>,
) -> Response {
    let Some(session) = session.filter(|s| s.has_csrf(&proof.csrf)) else { return pages::out_of_date() };
    let mut visitor = session.visitor.lock().await;
    let Some(user) = visitor.user.take() else { return Redirect::to("/").into_response() };
    visitor.end_session = end_session(&app, &user).await;
    visitor.notice = Some(Notice {
        good: true,
        title: "Signed out".to_owned(),
        text: "The demo has forgotten you and your tokens.".to_owned(),
    });
    session.trace.clear();
    session.renew_id();
    Redirect::to("/").into_response()
}

/// Where the provider ends its session (OpenID Connect RP-Initiated Logout section 2).
async fn end_session(app: &App, user: &User) -> Option<String> {
    let metadata = user.client.metadata().await.ok()??;
    let mut url = Url::parse(metadata.str_at("/end_session_endpoint")?).ok()?;
    url.query_pairs_mut()
        .append_pair("id_token_hint", user.tokens.id_token()?.expose())
        .append_pair("post_logout_redirect_uri", &format!("{}/", app.origin));
    Some(url.into())
}

/// The ID token travels in the redirect alone, and stands in no page.
async fn provider_sign_out(Extension(session): Here) -> Response {
    let Some(session) = session else { return Redirect::to("/").into_response() };
    let mut visitor = session.visitor.lock().await;
    let url = visitor.end_session.take();
    if url.is_some() {
        visitor.notice = Some(Notice {
            good: true,
            title: "Signed out everywhere".to_owned(),
            text: "The provider has ended its session too, and will ask again who you are.".to_owned(),
        });
    }
    ([(LOCATION, url.unwrap_or_else(|| "/".to_owned()))], StatusCode::SEE_OTHER).into_response()
}

impl Notice {
    fn of(error: &Error) -> Self {
        let text = if error.needs_login() {
            "The provider accepts these tokens no longer. Sign out and sign in again to go on."
        } else if error.is_retryable() {
            "The provider could not be reached. Try again in a moment."
        } else if matches!(error, Error::Unsupported(_)) {
            "This provider has no such thing, or gave no token for it."
        } else {
            "The provider did not answer as it should. The last step below shows what it said."
        };
        Self { good: false, title: text.to_owned(), text: format!("In the library’s words: {error}.") }
    }
}

/// Short, so that one can watch it run out.
const TOKEN_LIFE: Duration = Duration::from_secs(300);

/// The longest form that a response is posted in, in bytes.
const MAX_FORM: usize = 64 * 1024;

const QUIRKS: [(HeaderName, &str); 5] = [
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

const STYLE: &str = include_str!("demo/style.css");
const SCRIPT: &str = include_str!("demo/script.js");
const ICON: &str = include_str!("demo/icon.svg");
