//! An application that shows each part of the web integration. The environment sets it up; without settings, it has two providers
//! of the sandbox. Run it, and open the URL that it prints:
//!
//! ```text
//! cargo run -p vouchsafe-actix --example lab_actix
//! ```
use std::error::Error;

use actix_web::web::{Data, Html, Json, Path, Query, get, head, post, resource};
use actix_web::{App, HttpResponse, HttpServer, Resource};
use serde::Deserialize;
use serde_json::{Value, json};
use vouchsafe_actix::{Caller, Failure, Require, Site, User, Visit};

use crate::content::Notes;
use crate::setup::Setup;

// What is not of a framework is beside the same example for axum.
#[path = "../../vouchsafe-axum/examples/lab/content.rs"]
mod content;
#[path = "../../vouchsafe-axum/examples/lab/setup.rs"]
mod setup;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let setup = Setup::from_environment().await?;
    let (site, fresh, strong) = (setup.site.clone(), setup.fresh.clone(), setup.strong.clone());
    let notes_of_all = Data::new(Notes::default());
    let app = move || {
        App::new()
            .app_data(notes_of_all.clone())
            .service(resource("/").route(get().to(home)).route(head().to(home)))
            .service(page("/protected", "Protected"))
            .service(page("/fresh", "Fresh").wrap(Require(fresh.clone())))
            .service(page("/strong", "Strong").wrap(Require(strong.clone())))
            .service(page("/admin", "Admin").wrap(Require::role("admin")))
            .service(
                resource("/notes").route(get().to(notes)).route(head().to(notes)).route(post().to(add_note)),
            )
            .service(resource("/api/me").route(get().to(me)).route(head().to(me)))
            .service(resource("/api/token/{name}").route(get().to(token)).route(head().to(token)))
            .service(resource("/account").route(get().to(account)).route(head().to(account)))
            .wrap(Site(site.clone()))
    };
    let server =
        HttpServer::new(app).workers(2).shutdown_timeout(1).listen(setup.listener.try_clone()?)?.run();
    setup.ready()?;
    server.await?;
    Ok(())
}

fn page(path: &str, title: &'static str) -> Resource {
    let show = async move |user: User| Html::new(content::protected(title, &user));
    resource(path).route(get().to(show)).route(head().to(show))
}

/// The page is for everybody, also if nobody can tell who is signed in.
async fn home(user: Option<User>) -> Html {
    Html::new(content::home(user.as_deref()))
}

async fn notes(user: User, notes: Data<Notes>) -> Json<Value> {
    Json(json!({ "notes": notes.count(&user) }))
}

async fn add_note(visit: Visit, user: User, notes: Data<Notes>) -> HttpResponse {
    let count = notes.add(&user);
    match visit.caller() {
        Caller::Page => HttpResponse::SeeOther().insert_header(("location", "/protected")).finish(),
        Caller::Fetch => HttpResponse::Created().json(json!({ "notes": count })),
    }
}

/// An interface for scripts: it never redirects.
async fn me(user: Result<User, Failure>) -> Result<Json<Value>, Failure> {
    let user = user.map_err(for_scripts)?;
    content::me(&user).await.map(Json).map_err(|failure| for_scripts(failure.into()))
}

async fn token(user: Result<User, Failure>, name: Path<String>) -> Result<Json<Value>, Failure> {
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

async fn account(visit: Visit, user: User, outcome: Query<Outcome>) -> Result<Html, Failure> {
    let providers = visit.site().provider_names();
    Ok(Html::new(content::account(&user, outcome.link.as_deref(), &providers).await?))
}
