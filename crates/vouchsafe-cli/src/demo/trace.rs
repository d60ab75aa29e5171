//! Trace files: a flow is saved without its secrets, and a file is opened again. Anybody may have written it.
use std::sync::Arc;

use axum::extract::multipart::MultipartRejection;
use axum::extract::{Multipart, Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::diagram::diagram;
use super::login::is_visit;
use super::pages::{self, page, verdict};
use super::session::App;
use super::view::{MAX_FILE, Walk};

/// Saves the latest flow.
pub(super) async fn save(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let Some(session) = app.sessions.find(&headers) else { return pages::not_found() };
    let walk = session.visitor.lock().await.user.as_ref().map(|user| user.walk());
    match walk.or_else(|| Some(session.last_walk()?.1)) {
        Some(walk) => file(&walk),
        None => pages::not_found(),
    }
}

pub(super) fn file(walk: &Walk) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CONTENT_DISPOSITION, "attachment; filename=\"vouchsafe-trace.json\""),
    ];
    (headers, walk.to_json()).into_response()
}

pub(super) async fn form(State(app): State<Arc<App>>, request: Request) -> Response {
    if !is_visit(&request) {
        return pages::no_visit();
    }
    match app.open(request.headers()) {
        Ok((session, cookie)) => {
            pages::with_cookie(cookie, page(StatusCode::OK, "Traces", &upload(&session.csrf, None)))
        }
        Err(error) => pages::broken(&error),
    }
}

pub(super) async fn open(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    parts: Result<Multipart, MultipartRejection>,
) -> Response {
    let parts = match parts {
        Ok(parts) => read(parts).await,
        Err(_) => Err(TOO_LARGE),
    };
    let (csrf, file) = match parts {
        Ok(parts) => parts,
        Err(text) => return pages::plain(StatusCode::BAD_REQUEST, "The file was not read", text),
    };
    if app.sessions.proven(&headers, &csrf).is_none() {
        return pages::out_of_date();
    }
    match Walk::read(&file) {
        Ok(walk) => page(StatusCode::OK, "A saved trace", &shown(&walk)),
        Err(why) => page(StatusCode::BAD_REQUEST, "The trace was not opened", &upload(&csrf, Some(&why))),
    }
}

/// The proof and the file.
async fn read(mut parts: Multipart) -> Result<(String, Vec<u8>), &'static str> {
    let (mut csrf, mut file) = (String::new(), Vec::new());
    while let Some(part) = parts.next_field().await.map_err(|_| TOO_LARGE)? {
        match part.name() {
            Some("csrf") => csrf = part.text().await.map_err(|_| TOO_LARGE)?,
            Some("file") => file = part.bytes().await.map_err(|_| TOO_LARGE)?.to_vec(),
            _ => {}
        }
    }
    Ok((csrf, file))
}

fn upload(csrf: &str, problem: Option<&str>) -> Markup {
    html! {
        section.card.alone {
            h1 { "Traces" }
            @if let Some(problem) = problem {
                div.notice.bad role="alert" {
                    span.mark aria-hidden="true" { "!" }
                    div { b { "The trace was not opened" } p { (problem) } }
                }
            }
            p.lead {
                "A trace is a file with every step of a login: requests, responses and checks, without secrets. Save one below the \
                 steps of a login, attach it to an issue, and open it here."
            }
            form.stack method="post" action="/trace" enctype="multipart/form-data" {
                input type="hidden" name="csrf" value=(csrf);
                label for="file" { "A trace file (JSON, at most " (MAX_FILE / 1024 / 1024) " MiB)" }
                input #file type="file" name="file" accept="application/json,.json" required;
                button.button.main { "Open" }
            }
            p.soft.small { "The file stays on this computer." }
        }
    }
}

fn shown(walk: &Walk) -> Markup {
    html! {
        section.card {
            h1 { "A saved trace" }
            dl.facts {
                dt { "Provider" }
                dd { (walk.provider) }
                dt { "Outcome" }
                dd { (walk.outcome) }
                dt { "Written by" }
                dd { (walk.made_by) }
            }
            p.soft.small { "This demo did not make these steps: the file says so, and anybody could have written it." }
        }
        (verdict(&walk.steps))
        (diagram(&walk.steps))
        p { a.button href="/trace" { "Open another trace" } }
    }
}

/// The longest request with a trace: the file, and the parts around it.
pub(super) const MAX_REQUEST: usize = MAX_FILE + 16 * 1024;
const TOO_LARGE: &str = "The form is not complete, or the file is larger than a trace can be.";
