//! The actions of a user who is signed in to the demo: refresh, revoke, sign out.
use std::sync::Arc;

use axum::extract::{Form, Request, State};
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use vouchsafe::Error;

use super::login::is_visit;
use super::pages;
use super::session::{App, Notice, User};

/// The proof that a form comes from the demo's own page.
#[derive(Deserialize)]
pub(super) struct Proof {
    csrf: String,
}

pub(super) async fn refresh(app: State<Arc<App>>, headers: HeaderMap, proof: Form<Proof>) -> Response {
    act(&app, &headers, &proof, User::refresh).await
}

pub(super) async fn revoke(app: State<Arc<App>>, headers: HeaderMap, proof: Form<Proof>) -> Response {
    act(&app, &headers, &proof, User::revoke).await
}

/// Does something at the provider for the user, and shows its outcome on the next page.
async fn act(
    app: &App,
    headers: &HeaderMap,
    proof: &Proof,
    action: impl AsyncFnOnce(&mut User) -> Result<Notice, Error>,
) -> Response {
    let Some(session) = app.sessions.proven(headers, &proof.csrf) else { return pages::out_of_date() };
    let mut visitor = session.visitor.lock().await;
    if let Some(user) = &mut visitor.user {
        let outcome = action(user).await;
        visitor.notice = Some(outcome.unwrap_or_else(|error| Notice::error(&error)));
    }
    Redirect::to("/").into_response()
}

pub(super) async fn sign_out(app: State<Arc<App>>, headers: HeaderMap, Form(proof): Form<Proof>) -> Response {
    let Some(session) = app.sessions.proven(&headers, &proof.csrf) else { return pages::out_of_date() };
    let mut visitor = session.visitor.lock().await;
    let Some(user) = visitor.user.take() else { return Redirect::to("/").into_response() };
    visitor.end_session = end_session(&app, &user).await;
    visitor.notice = Some(Notice::good("Signed out", "The demo has forgotten you and your tokens."));
    session.forget_flows();
    match app.sessions.renew(&session) {
        Ok(cookie) => ([(SET_COOKIE, cookie)], Redirect::to("/")).into_response(),
        Err(error) => pages::broken(&error),
    }
}

/// The URL that ends the session at the provider (OpenID Connect RP-Initiated Logout section 2).
async fn end_session(app: &App, user: &User) -> Option<String> {
    let back = format!("{}/", app.origin);
    user.client.logout_url().tokens(&user.login.tokens).post_logout_redirect_uri(&back).await.ok()?
}

/// Redirects to that URL. It contains the ID token, so that no page may show it.
pub(super) async fn provider_sign_out(app: State<Arc<App>>, request: Request) -> Response {
    if !is_visit(&request) {
        return pages::no_visit();
    }
    let Some(session) = app.sessions.find(request.headers()) else {
        return Redirect::to("/").into_response();
    };
    let mut visitor = session.visitor.lock().await;
    let Some(url) = visitor.end_session.take() else { return Redirect::to("/").into_response() };
    let text = "The provider has ended its session too. At the next login it will ask again who you are.";
    visitor.notice = Some(Notice::good("Signed out everywhere", text));
    (StatusCode::SEE_OTHER, [(LOCATION, url)]).into_response()
}
