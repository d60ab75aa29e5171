//! Logins at a provider with a fault: the list of faults, and one login in which a test user clicks.
use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Form, Path, Query, Request, State};
use axum::http::{HeaderMap, Method, Response as HttpResponse};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use vouchsafe::error::Operation;
use vouchsafe::{AuthorizationResponse, Client, ClientBuilder, Error, SigningKey};
use vouchsafe_providers::Kind;
use vouchsafe_sandbox::{Fault, Sandbox, Step as At};

use super::fault::{Attack, Ending, Setting, concerns_age, setting, step};
use super::login::{self, END, START};
use super::mask::Masks;
use super::offers::{Offer, offers};
use super::record::{Message, Party, Refusal, Step, Told, Trace, reason};
use super::session::{App, Faulty, lock};
use super::view::Walk;
use super::{fault_pages, pages};

#[derive(Default, Deserialize)]
pub(super) struct Find {
    #[serde(default)]
    pub(super) find: String,
    #[serde(default)]
    pub(super) provider: String,
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    csrf: String,
    fault: String,
    provider: String,
}

pub(super) async fn list(Query(query): Query<Find>) -> Response {
    fault_pages::list(&query.find)
}

pub(super) async fn one(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Query(query): Query<Find>,
    request: Request,
) -> Response {
    let Some(fault) = Fault::named(&name) else { return pages::not_found() };
    if !login::is_visit(&request) {
        return pages::no_visit();
    }
    let (session, cookie) = match app.open(request.headers()) {
        Ok(opened) => opened,
        Err(error) => return pages::broken(&error),
    };
    let attack = lock(&session.attack).clone().filter(|attack| attack.fault == fault);
    pages::with_cookie(
        cookie,
        fault_pages::one(&app.offers, fault, attack.as_deref(), &query.provider, &session.csrf),
    )
}

pub(super) async fn run(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Form(wanted): Form<Wanted>,
) -> Response {
    let Some(session) = app.sessions.proven(&headers, &wanted.csrf) else { return pages::out_of_date() };
    let Some(fault) = Fault::named(&wanted.fault) else { return pages::not_found() };
    match attack(&app, fault, &wanted.provider).await {
        Ok(Some(attack)) => *lock(&session.attack) = Some(Arc::new(attack)),
        Ok(None) => return pages::unknown(&app.offers),
        Err(error) => return pages::broken(&error),
    }
    Redirect::to(&format!("/faults/{}#result", fault.name())).into_response()
}

/// The trace of the latest login with a fault.
pub(super) async fn trace(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let session = app.sessions.find(&headers);
    match session.and_then(|session| lock(&session.attack).clone()) {
        Some(attack) => super::trace::file(&attack.walk),
        None => pages::not_found(),
    }
}

/// One login with this fault. `None` if there is no such provider.
pub(super) async fn attack(app: &App, fault: Fault, slug: &str) -> io::Result<Option<Attack>> {
    let faulty = app.faulty.get_or_try_init(faulty).await?;
    let Some(offer) = faulty.offers.iter().find(|offer| offer.slug == slug) else { return Ok(None) };
    let trace = Trace::new(faulty.masks.for_flow());
    let client = match setting(&fault).filter(|_| offer.slug == "openid") {
        None => app.client(offer, &trace),
        Some(Setting::PushedRequests) => app.client_that(offer, &trace, ClientBuilder::pushed_requests),
        Some(Setting::SignedResponses) => app.client_that(offer, &trace, ClientBuilder::signed_responses),
        Some(Setting::BoundTokens) => {
            let key = SigningKey::generate_pem("ES256").and_then(SigningKey::from_pem);
            let registration = offer.registration.clone().dpop(key.map_err(io::Error::other)?);
            let bound = Offer { registration, ..Offer::clone(offer) };
            app.client(&bound, &trace)
        }
    }?;
    let client = client.call_timeout(app.patience);
    let sandbox = &*faulty.masks.sandbox;
    let login = FaultyLogin { app, sandbox, offer, trace: &trace, client: &client, fault };
    let ending = {
        let _turn = faulty.turn.lock().await;
        let _fault = Switched::on(sandbox, fault);
        login.walk().await.unwrap_or_else(|error| Ending::Refused(login.refused(&error)))
    };
    let walk = Walk::new(&offer.label, &trace.steps());
    Ok(Some(Attack { fault, offer: offer.clone(), walk, ending }))
}

async fn faulty() -> io::Result<Faulty> {
    let sandbox = Arc::new(Sandbox::start().await?);
    let offers = offers(&sandbox);
    let masks = Masks::new(&sandbox, offers.iter().map(|offer| &*offer.secret));
    Ok(Faulty { masks, offers, turn: tokio::sync::Mutex::default() })
}

/// A fault as long as this value lives, also if the login is given up.
struct Switched<'a>(&'a Sandbox);

impl<'a> Switched<'a> {
    fn on(sandbox: &'a Sandbox, fault: Fault) -> Self {
        sandbox.fault(fault);
        Self(sandbox)
    }
}

impl Drop for Switched<'_> {
    fn drop(&mut self) {
        self.0.clear_faults();
    }
}

struct FaultyLogin<'a> {
    app: &'a App,
    sandbox: &'a Sandbox,
    offer: &'a Offer,
    trace: &'a Trace,
    client: &'a Client,
    fault: Fault,
}

impl FaultyLogin<'_> {
    /// The login, and what follows it if the fault concerns that.
    async fn walk(&self) -> Result<Ending, Error> {
        let Self { client, trace, offer, sandbox, .. } = self;
        let definition = offer.provider.definition();
        self.visit(START[0], &format!("{}/login/{}", self.app.origin, offer.slug), None);
        let login = login::lasting(client.login(), definition);
        let login = match definition.kind {
            Kind::Openid if concerns_age(&self.fault) => login.max_age(Duration::from_secs(3600)),
            _ => login,
        };
        let login = login.await?;
        trace.masks.learn(&login.url, definition);
        self.lead(START[1], &login.url);

        let back = match sandbox.person("alice").allow(&login.url).await {
            Ok(back) => back,
            Err(error) => return Ok(Ending::NeverBack(trace.masks.shown(&error.to_string()))),
        };
        trace.push(login::at_the_provider(&trace.steps()).response(self.redirect(&back)));
        self.visit(END[0], &back, Some(Operation::Authorization));
        let response = match back.split_once('?') {
            Some((url, form)) if login.pending.response_mode() == Some("form_post") => {
                AuthorizationResponse::at(url).form(form)
            }
            _ => AuthorizationResponse::at(&*back),
        };
        let tokens = client.finish(login.pending, response).await?;
        let identity = client.identity(&tokens).await?;
        self.lead(END[1], "/");
        let mut warnings: Vec<_> =
            tokens.warnings().iter().chain(identity.warnings()).map(ToString::to_string).collect();

        match step(&self.fault) {
            At::Refresh if definition.refresh => {
                let fresh = client.refresh(&tokens).await?;
                warnings.extend(fresh.warnings().iter().map(ToString::to_string));
            }
            At::Revocation => client.revoke(&tokens).await?,
            At::Logout => return self.log_out(warnings).await,
            _ => {}
        }
        Ok(Ending::Accepted(warnings))
    }

    /// The provider posts two logout tokens.
    async fn log_out(&self, warnings: Vec<String>) -> Result<Ending, Error> {
        let mut seen = HashSet::new();
        for _ in 0..2 {
            let Some(token) = self.sandbox.logout_token(self.client.client_id(), "alice") else { break };
            let params = vec![("logout_token".to_owned(), self.trace.masks.shown(&token))];
            let line = format!("POST {}/backchannel-logout", self.app.origin);
            let request = Message { line, params, ..Message::default() };
            let step = Step::new(Party::Provider, Party::App, LOGOUT).request(request);
            self.trace.push(step.of(Some(Operation::LogoutToken)));
            let token = self.client.logout_token(&token).await?;
            if !seen.insert(token.jti().to_owned()) {
                let refusal = Refusal {
                    by: "vouchsafe".to_owned(),
                    code: "replay".to_owned(),
                    reason: "the logout token was used before (jti)".to_owned(),
                };
                self.trace.refuse(Operation::LogoutToken, refusal.clone());
                return Ok(Ending::Refused(refusal));
            }
        }
        Ok(Ending::Accepted(warnings))
    }

    fn refused(&self, error: &Error) -> Refusal {
        let by = if matches!(error, Error::Server(_)) { "the provider" } else { "vouchsafe" };
        let reason = self.trace.masks.shown(&reason(error));
        let refusal = Refusal { by: by.to_owned(), code: error.code().to_owned(), reason };
        self.trace.refuse(error.operation(), refusal.clone());
        refusal
    }

    /// The browser opens a page of the app.
    fn visit(&self, told: Told, url: &str, operation: Option<Operation>) {
        let request = self.trace.masks.request(&Method::GET, url, &HeaderMap::new(), b"");
        self.trace.push(Step::new(Party::Browser, Party::App, told).request(request).of(operation));
    }

    /// The app redirects the browser.
    fn lead(&self, told: Told, url: &str) {
        self.trace.push(Step::new(Party::App, Party::Browser, told).response(self.redirect(url)));
    }

    fn redirect(&self, url: &str) -> Message {
        let redirect: HttpResponse<_> = Redirect::to(url).into_response();
        self.trace.masks.response(&redirect, b"")
    }
}

const LOGOUT: Told = (
    "Logout token",
    "The provider says that the session of a user is over. It posts a signed token to the app, without a browser.",
);
