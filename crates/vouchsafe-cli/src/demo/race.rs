//! Two tabs that need a fresh token at the same time, and a vault that sends one refresh for both.
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::{Form, Query, Request as Page, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response as Answer};
use maud::{Markup, html};
use serde::Deserialize;
use tokio::time::sleep;
use vouchsafe::error::Operation;
use vouchsafe::http::{BoxFuture, HttpClient, Limits, Request, Response, TransportError};
use vouchsafe::vault::{MemoryStore, TokenSource, ValidToken, Vault};
use vouchsafe::{Client, Error};

use super::login::is_visit;
use super::mask::Masks;
use super::pages::{self, page};
use super::session::{App, lock};

/// A login in a vault, and what its two tabs did.
pub(super) struct Race {
    source: TokenSource,
    /// The token that each tab has.
    tabs: [Mutex<Option<ValidToken>>; 2],
    log: Arc<Log>,
    masks: Masks,
}

/// What happened, in order.
struct Log {
    began: Instant,
    events: Mutex<Vec<(Duration, &'static str, String)>>,
    refreshes: AtomicUsize,
    /// How long a response is held back.
    pause: Duration,
}

impl Log {
    fn add(&self, who: &'static str, what: impl Into<String>) {
        let mut events = lock(&self.events);
        if events.len() < MAX_EVENTS {
            events.push((self.began.elapsed(), who, what.into()));
        }
    }
}

/// A transport that counts the refresh requests, and holds their responses back.
struct Watcher {
    inner: Arc<dyn HttpClient>,
    log: Arc<Log>,
}

impl HttpClient for Watcher {
    fn send(&self, request: Request, limits: Limits) -> BoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(async move {
            if request.extensions().get() != Some(&Operation::Refresh) {
                return self.inner.send(request, limits).await;
            }
            let number = self.log.refreshes.fetch_add(1, Ordering::Relaxed) + 1;
            self.log.add(VAULT, format!("sends refresh request {number} to the provider"));
            let response = self.inner.send(request, limits).await;
            sleep(self.log.pause).await;
            self.log.add(VAULT, format!("has the response to request {number}, and saves the new tokens"));
            response
        })
    }
}

impl Race {
    /// Signs Alice in, without pages, and puts her tokens into a vault.
    async fn begin(app: &App) -> io::Result<Self> {
        let offer = app.offer("openid").ok_or_else(|| io::Error::other("the sandbox has no provider"))?;
        let log = Arc::new(Log {
            began: Instant::now(),
            events: Mutex::default(),
            refreshes: AtomicUsize::new(0),
            pause: app.race_pause,
        });
        let http = app.http.clone().wrap(|inner| Watcher { inner, log: log.clone() });
        let registration = offer.registration.clone().redirect_uri(app.redirect_uri(offer));
        let client = Client::new(offer.provider.clone(), registration, &http).map_err(io::Error::other)?;
        let login = client.login().await.map_err(io::Error::other)?;
        let back = app.masks.sandbox.person("alice").allow(&login.url).await.map_err(io::Error::other)?;
        let tokens = client.finish(login.pending, &*back).await.map_err(io::Error::other)?;

        let vault = Vault::sealed(MemoryStore::new(), app.keys.clone()).client(client);
        vault.connect("alice", tokens).await.map_err(io::Error::other)?;
        let source = vault.source("alice", offer.provider.slug()).map_err(io::Error::other)?;
        let first =
            async || source.token().await.map(|token| Mutex::new(Some(token))).map_err(io::Error::other);
        let tabs = [first().await?, first().await?];
        let race = Self { source, tabs, log, masks: app.masks.for_flow() };
        race.log.add(VAULT, format!("has signed Alice in: both tabs have the token {}", race.held(0)));
        Ok(race)
    }

    /// The token of a tab in a form that can be shown.
    fn held(&self, tab: usize) -> String {
        lock(&self.tabs[tab])
            .as_ref()
            .map_or_else(|| "none".to_owned(), |token| self.masks.shown(token.expose()))
    }

    /// The API has refused the token of this tab: the tab asks for a fresh one.
    async fn ask(&self, tab: usize) -> Result<(), Error> {
        let old = lock(&self.tabs[tab]).take();
        if let Some(old) = &old {
            self.log.add(
                TABS[tab],
                format!(
                    "says that the API refused {}, and asks for a fresh token",
                    self.masks.shown(old.expose())
                ),
            );
            self.source.reject(old);
        }
        let fresh = self.source.token().await?;
        self.log.add(TABS[tab], format!("gets {}", self.masks.shown(fresh.expose())));
        *lock(&self.tabs[tab]) = Some(fresh);
        Ok(())
    }
}

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
pub(super) async fn show(State(app): State<Arc<App>>, Query(query): Query<Tab>, request: Page) -> Answer {
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
) -> Answer {
    let Some(session) = app.sessions.proven(&headers, &asking.csrf) else { return pages::out_of_date() };
    let race = {
        let mut known = session.race.lock().await;
        if asking.tab == "new" {
            *known = None;
        }
        match known.as_ref() {
            Some(race) => race.clone(),
            None => match Race::begin(&app).await {
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

const TABS: [&str; 2] = ["Tab 1", "Tab 2"];
const VAULT: &str = "The vault";
const MAX_EVENTS: usize = 200;
