//! An application that shows each part of the web integration. The environment sets it up; without settings, it has two providers
//! of the sandbox. Run it, and open the URL that it prints:
//!
//! ```text
//! cargo run -p vouchsafe-axum --example lab_axum
//! ```
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use vouchsafe_axum::{Caller, Failure, Require, Site, User, Visit};

use crate::content::Notes;
use crate::setup::Setup;

#[path = "lab/content.rs"]
mod content;
#[path = "lab/setup.rs"]
mod setup;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let setup = Setup::from_environment().await?;
    let app = Router::new()
        .route("/", get(home))
        .route("/protected", get(async |user: User| Html(content::protected("Protected", &user))))
        .merge(page("/fresh", "Fresh").route_layer(Require(setup.fresh.clone())))
        .merge(page("/strong", "Strong").route_layer(Require(setup.strong.clone())))
        .merge(page("/admin", "Admin").route_layer(Require::role("admin")))
        .route("/notes", get(notes).post(add_note))
        .route("/api/me", get(me))
        .route("/api/token/{name}", get(token))
        .route("/account", get(account))
        .with_state(Arc::new(Notes::default()))
        .layer(Site(setup.site.clone()));
    let listener = tokio::net::TcpListener::from_std(setup.listener.try_clone()?)?;
    setup.ready()?;
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}

fn page(path: &str, title: &'static str) -> Router<Arc<Notes>> {
    Router::new().route(path, get(move |user: User| async move { Html(content::protected(title, &user)) }))
}

/// The page is for everybody, also if nobody can tell who is signed in.
async fn home(user: Result<Option<User>, Failure>) -> Html<String> {
    let user = user.unwrap_or_default();
    Html(content::home(user.as_deref()))
}

async fn notes(user: User, State(notes): State<Arc<Notes>>) -> Json<Value> {
    Json(json!({ "notes": notes.count(&user) }))
}

async fn add_note(visit: Visit, user: User, State(notes): State<Arc<Notes>>) -> Response {
    let count = notes.add(&user);
    match visit.caller() {
        Caller::Page => Redirect::to("/protected").into_response(),
        Caller::Fetch => (StatusCode::CREATED, Json(json!({ "notes": count }))).into_response(),
    }
}

/// An interface for scripts: it never redirects.
async fn me(user: Result<User, Failure>) -> Result<Json<Value>, Failure> {
    let user = user.map_err(for_scripts)?;
    content::me(&user).await.map(Json).map_err(|failure| for_scripts(failure.into()))
}

async fn token(user: Result<User, Failure>, Path(name): Path<String>) -> Result<Json<Value>, Failure> {
    let user = user.map_err(for_scripts)?;
    content::token(&user, &name).await.map(Json).map_err(|failure| for_scripts(failure.into()))
}

fn for_scripts(failure: Failure) -> Failure {
    Failure(failure.0.for_caller(Caller::Fetch))
}

#[derive(Deserialize)]
struct Outcome {
    link: Option<String>,
}

async fn account(visit: Visit, user: User, Query(outcome): Query<Outcome>) -> Result<Html<String>, Failure> {
    let providers = visit.site().provider_names();
    Ok(Html(content::account(&user, outcome.link.as_deref(), &providers).await?))
}
