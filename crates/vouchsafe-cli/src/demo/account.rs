//! What a user of the demo can do after the login: refresh, revoke, sign out.
use std::sync::Arc;

use axum::extract::{Extension, Form, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use url::Url;
use vouchsafe::Error;

use super::pages;
use super::session::{App, Current, Notice, User};

/// The proof that a form comes from the demo's own page.
#[derive(Deserialize)]
pub(super) struct Proof {
    csrf: String,
}

pub(super) async fn refresh(session: Current, proof: Form<Proof>) -> Response {
    let refresh = async |user: &mut User| {
        let tokens = user.client.refresh(&user.tokens).await?;
        user.refreshed(tokens);
        Ok(Notice::good("Refreshed", "The provider issued a new access token and a new refresh token."))
    };
    act(session, proof, refresh).await
}

pub(super) async fn revoke(session: Current, proof: Form<Proof>) -> Response {
    let revoke = async |user: &mut User| {
        user.client.revoke(&user.tokens).await?;
        user.revoked = true;
        Ok(Notice::good(
            "Revoked",
            "The provider no longer accepts these tokens. Try to refresh: it will refuse.",
        ))
    };
    act(session, proof, revoke).await
}

/// Does something at the provider for the user, and shows its outcome on the next page.
async fn act(
    Extension(session): Current,
    Form(proof): Form<Proof>,
    action: impl AsyncFnOnce(&mut User) -> Result<Notice, Error>,
) -> Response {
    let Some(session) = session.filter(|s| s.has_csrf(&proof.csrf)) else { return pages::out_of_date() };
    let mut visitor = session.visitor.lock().await;
    if let Some(user) = &mut visitor.user {
        let outcome = action(user).await;
        visitor.notice = Some(outcome.unwrap_or_else(|error| Notice::error(&error)));
    }
    Redirect::to("/").into_response()
}

pub(super) async fn sign_out(
    State(app): State<Arc<App>>,
    Extension(session): Current,
    Form(proof): Form<Proof>,
) -> Response {
    let Some(session) = session.filter(|s| s.has_csrf(&proof.csrf)) else { return pages::out_of_date() };
    let mut visitor = session.visitor.lock().await;
    let Some(user) = visitor.user.take() else { return Redirect::to("/").into_response() };
    visitor.end_session = end_session(&app, &user).await;
    visitor.notice = Some(Notice::good("Signed out", "The demo has forgotten you and your tokens."));
    session.trace.clear();
    session.renew_id();
    Redirect::to("/").into_response()
}

/// The URL that ends the session at the provider (OpenID Connect RP-Initiated Logout section 2).
async fn end_session(app: &App, user: &User) -> Option<String> {
    let metadata = user.client.metadata().await.ok()??;
    let mut url = Url::parse(metadata.get("end_session_endpoint")?.as_str()?).ok()?;
    url.query_pairs_mut()
        .append_pair("id_token_hint", user.tokens.id_token()?.expose())
        .append_pair("post_logout_redirect_uri", &format!("{}/", app.origin));
    Some(url.into())
}

/// Redirects to that URL. It contains the ID token, so that no page may show it.
pub(super) async fn provider_sign_out(Extension(session): Current) -> Response {
    let Some(session) = session else { return Redirect::to("/").into_response() };
    let mut visitor = session.visitor.lock().await;
    let url = visitor.end_session.take();
    if url.is_some() {
        let text = "The provider has ended its session too. At the next login it will ask again who you are.";
        visitor.notice = Some(Notice::good("Signed out everywhere", text));
    }
    ([(LOCATION, url.unwrap_or_else(|| "/".to_owned()))], StatusCode::SEE_OTHER).into_response()
}
