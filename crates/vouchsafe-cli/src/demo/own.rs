//! A real provider that the visitor puts in. The client secret stays in the memory of the demo, and no page shows it.
use std::sync::Arc;

use axum::extract::{Form, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::login::is_visit;
use super::offers::{OWN, Offer, own};
use super::pages::{self, page};
use super::record::Trace;
use super::session::{App, lock};

#[derive(Default, Deserialize)]
pub(super) struct Given {
    csrf: String,
    issuer: String,
    client_id: String,
    #[serde(default)]
    client_secret: String,
    #[serde(default)]
    scopes: String,
}

#[derive(Deserialize)]
pub(super) struct Proof {
    csrf: String,
}

pub(super) async fn form(State(app): State<Arc<App>>, request: Request) -> Response {
    if !is_visit(&request) {
        return pages::no_visit();
    }
    match app.open(request.headers()) {
        Ok((session, cookie)) => {
            let body = match session.own() {
                Some(offer) => known(&app, &offer, &session.csrf),
                None => ask(&app, &Given::default(), None, &session.csrf),
            };
            pages::with_cookie(cookie, page(StatusCode::OK, "Your provider", &body))
        }
        Err(error) => pages::broken(&error),
    }
}

pub(super) async fn put_in(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Form(given): Form<Given>,
) -> Response {
    let Some(session) = app.sessions.proven(&headers, &given.csrf) else { return pages::out_of_date() };
    let (issuer, client_id) = (given.issuer.trim(), given.client_id.trim());
    let offer = own(issuer, client_id, given.client_secret.trim(), &given.scopes);
    // The client says what is wrong before anything is kept.
    let problem = if issuer.is_empty() || client_id.is_empty() {
        Some("The issuer and the client id are needed.".to_owned())
    } else {
        app.client(&offer, &Trace::new(app.masks.strict())).err().map(|error| error.to_string())
    };
    if let Some(problem) = problem {
        let body = ask(&app, &given, Some(&problem), &session.csrf);
        return page(StatusCode::BAD_REQUEST, "Your provider", &body);
    }
    app.masks.add(&offer.secret);
    *lock(&session.own) = Some(Arc::new(offer));
    Redirect::to("/own").into_response()
}

pub(super) async fn forget(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Form(proof): Form<Proof>,
) -> Response {
    let Some(session) = app.sessions.proven(&headers, &proof.csrf) else { return pages::out_of_date() };
    *lock(&session.own) = None;
    session.forget_flows();
    Redirect::to("/own").into_response()
}

fn redirect_uri(app: &App) -> String {
    format!("{}/callback/{OWN}", app.origin)
}

fn ask(app: &App, given: &Given, problem: Option<&str>, csrf: &str) -> Markup {
    let scopes = if given.scopes.is_empty() { "openid profile email" } else { &given.scopes };
    html! {
        section.card.alone {
            h1 { "Your provider" }
            @if let Some(problem) = problem {
                div.notice.bad role="alert" {
                    span.mark aria-hidden="true" { "!" }
                    div { b { "This does not work yet" } p { (problem) } }
                }
            }
            p.lead {
                "Walk through a login at a real OpenID Provider. Register this redirect URI there, as that of a web application:"
            }
            p { code.uri { (redirect_uri(app)) } }
            form.stack method="post" action="/own" autocomplete="off" {
                input type="hidden" name="csrf" value=(csrf);
                label for="issuer" { "Issuer" }
                input #issuer type="url" name="issuer" value=(given.issuer) placeholder="https://accounts.google.com" required;
                label for="client_id" { "Client id" }
                input #client_id name="client_id" value=(given.client_id) required spellcheck="false" autocapitalize="none";
                label for="client_secret" { "Client secret " small { "(empty for a public client)" } }
                input #client_secret type="password" name="client_secret" autocomplete="new-password";
                label for="scopes" { "Scopes" }
                input #scopes name="scopes" value=(scopes) spellcheck="false" autocapitalize="none";
                button.button.main { "Continue" }
            }
            p.soft.small {
                "The secret stays in the memory of the demo on this computer until it stops. No page, address, log or trace has it. \
                 The steps and traces of this login also leave out what the provider says about you."
            }
        }
    }
}

fn known(app: &App, offer: &Offer, csrf: &str) -> Markup {
    html! {
        section.card.alone {
            h1 { "Your provider" }
            dl.facts {
                dt { "Issuer" }
                dd { (offer.label) }
                dt { "Client secret" }
                dd { @if offer.secret.is_empty() { "none" } @else { "kept, and not shown" } }
                dt { "Redirect URI" }
                dd { code.uri { (redirect_uri(app)) } }
            }
            p.lead { "The redirect URI has to be registered at the provider, exactly like this." }
            div.actions {
                a.button.main href={ "/login/" (OWN) } { "Sign in there" }
                form method="post" action="/own/forget" {
                    input type="hidden" name="csrf" value=(csrf);
                    button.button { "Forget it" }
                }
            }
        }
    }
}
