//! The page of the refresh race, and its buttons.
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::{Form, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::login::is_visit;
use super::pages::{self, page};
use super::race::{Log, Race, TABS, VAULT};
use super::session::{App, lock};

#[derive(Deserialize)]
pub(super) struct Tab {
    #[serde(default)]
    tab: String,
}

#[derive(Deserialize)]
pub(super) struct Asking {
    csrf: String,
    #[serde(default)]
    from: String,
    tab: String,
}

/// The page of a tab.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Query(query): Query<Tab>,
    request: Request,
) -> Response {
    if !is_visit(&request) {
        return pages::no_visit();
    }
    match app.open(request.headers()) {
        Ok((session, cookie)) => {
            let race = session.race.lock().await.clone();
            let tab = if query.tab == "2" { 1 } else { 0 };
            let page = page(StatusCode::OK, "Refresh race", &tab_page(tab, race.as_deref(), &session.csrf));
            pages::with_cookie(cookie, page)
        }
        Err(error) => pages::broken(&error),
    }
}

/// A tab asks for a fresh token, or both do, or everything starts again.
pub(super) async fn ask(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Form(asking): Form<Asking>,
) -> Response {
    let Some(session) = app.sessions.proven(&headers, &asking.csrf) else { return pages::out_of_date() };
    let race = {
        let mut known = session.race.lock().await;
        if asking.tab == "new" {
            *known = None;
        }
        match known.as_ref() {
            Some(race) => race.clone(),
            None => match app.begin_race().await {
                Ok(race) => known.insert(Arc::new(race)).clone(),
                Err(error) => return pages::broken(&error),
            },
        }
    };
    let outcome = match &*asking.tab {
        "1" => race.ask(0).await,
        "2" => race.ask(1).await,
        "both" => tokio::try_join!(race.ask(0), race.ask(1)).map(drop),
        _ => Ok(()),
    };
    if let Err(error) = outcome {
        race.log.add(VAULT, format!("cannot get a fresh token: {error}"));
    }
    Redirect::to(if asking.from == "2" { "/race?tab=2" } else { "/race" }).into_response()
}

fn tab_page(tab: usize, race: Option<&Race>, csrf: &str) -> Markup {
    let other = 1 - tab;
    let button = |value: &str, label: &str, class: &str| {
        html! {
            form method="post" action="/race" {
                input type="hidden" name="csrf" value=(csrf);
                input type="hidden" name="from" value=(tab + 1);
                button class=(class) name="tab" value=(value) { (label) }
            }
        }
    };
    html! {
        section.card {
            h1 { "Two tabs, one refresh" }
            p.lead {
                "A refresh token can be used once. If two tabs use it at the same time, many providers take the second use for a theft \
                 and end the grant. A vault sends one refresh for all who ask, and gives the new token to all of them."
            }
            @match race {
                None => {
                    div.actions { (button("start", "Sign Alice in for two tabs", "button main")) }
                }
                Some(race) => {
                    p {
                        "This is " b { (TABS[tab]) } ". Its token is " code data-token { (race.held(tab)) } ". "
                        a href={ "/race?tab=" (other + 1) } target="_blank" rel="noopener" { "Open " (TABS[other].to_lowercase()) " in a new window" }
                    }
                    p.soft {
                        "Press the first button here and in the other tab. The demo holds each refresh back for "
                        (race.log.pause.as_secs()) " seconds, so that there is time for both."
                    }
                    div.actions {
                        (button(&(tab + 1).to_string(), "This tab needs a fresh token", "button main"))
                        (button("both", "Both tabs at once", "button"))
                        (button("new", "Start again", "button"))
                    }
                }
            }
        }
        @if let Some(race) = race { (timeline(&race.log)) }
    }
}

fn timeline(log: &Log) -> Markup {
    let (events, sent) = (lock(&log.events), log.refreshes.load(Ordering::Relaxed));
    html! {
        section.card aria-labelledby="timeline" {
            h2 #timeline { "What happened" }
            p.count role="status" {
                b data-refreshes { (sent) } @if sent == 1 { " refresh request was sent." } @else { " refresh requests were sent." }
            }
            ol.timeline {
                @for (at, who, what) in &*events {
                    li.vault[*who == VAULT].second[*who == TABS[1]] {
                        span.at { (format!("{:.3} s", at.as_secs_f64())) } " "
                        b { (who) } " " span { (what) }
                    }
                }
            }
            p.soft.small { "Reload the page to see what the other tab did." }
        }
    }
}
