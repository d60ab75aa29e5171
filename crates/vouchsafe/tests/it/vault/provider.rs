//! A provider that rotates refresh tokens, and ends the grant if one is used again.
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tokio::sync::watch;
use vouchsafe::error::HttpErrorKind;
use vouchsafe::http::{BoxFuture, HttpClient, Limits, Request, Response, Runtime, TransportError};
use vouchsafe::{Client, Http, Tokens};

use crate::scenario::{acme, web};
use crate::wire::{self, field};

/// A response that is not the usual one.
#[derive(Clone)]
pub(super) enum Instead {
    /// Nothing happens at the provider.
    Refuse(u16, Value),
    /// The same, with a header.
    Busy(u16, u64),
    /// The connection fails before anything is sent.
    Unreachable,
    /// The refresh token is spent, and the response is lost.
    Lost,
}

#[derive(Clone)]
pub(super) struct Rotating {
    state: Arc<Mutex<State>>,
    open: watch::Sender<bool>,
}

struct State {
    /// How often tokens were issued.
    issued: u32,
    /// Requests to the token endpoint.
    requests: u32,
    revoked: u32,
    grant_is_over: bool,
    lifetime: u64,
    instead: VecDeque<Instead>,
    scope: &'static str,
    /// The scope and the audience of the last request of the application for itself.
    last_own: (String, String),
}

impl Rotating {
    pub(super) fn new() -> Self {
        let state = State {
            issued: 1,
            requests: 0,
            revoked: 0,
            grant_is_over: false,
            lifetime: 3600,
            instead: VecDeque::new(),
            scope: "profile email",
            last_own: Default::default(),
        };
        Self { state: Arc::new(Mutex::new(state)), open: watch::Sender::new(true) }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) fn client(&self) -> Client {
        let http = Http::from(self.clone()).runtime(OnTokio);
        Client::new(acme().supports_refresh(true), web(), &http).unwrap()
    }

    /// The tokens of a login. They expire after that time, or did so that long ago.
    pub(super) fn tokens(&self, client: &Client, expire: Expire) -> Tokens {
        let now = SystemTime::now();
        let at = match expire {
            Expire::In(seconds) => now + Duration::from_secs(seconds),
            Expire::Since(seconds) => now - Duration::from_secs(seconds),
        };
        let import = client.import_tokens("access-1").refresh_token("refresh-1").scopes(["profile", "email"]);
        import.expires_at(at).build().unwrap()
    }

    /// Holds back all responses.
    pub(super) fn close(&self) {
        self.open.send_replace(false);
    }

    pub(super) fn open(&self) {
        self.open.send_replace(true);
    }

    pub(super) fn instead(&self, instead: impl IntoIterator<Item = Instead>) {
        self.state().instead.extend(instead);
    }

    pub(super) fn lifetime(&self, seconds: u64) {
        self.state().lifetime = seconds;
    }

    pub(super) fn grant_only(&self, scope: &'static str) {
        self.state().scope = scope;
    }

    pub(super) fn end_grant(&self) {
        self.state().grant_is_over = true;
    }

    pub(super) fn requests(&self) -> u32 {
        self.state().requests
    }

    pub(super) fn last_own(&self) -> (String, String) {
        self.state().last_own.clone()
    }

    pub(super) fn revoked(&self) -> u32 {
        self.state().revoked
    }

    pub(super) fn grant_is_over(&self) -> bool {
        self.state().grant_is_over
    }

    fn answer(&self, request: &Request) -> Result<Response, TransportError> {
        let mut state = self.state();
        if request.uri().path() == "/revoke" {
            state.revoked += 1;
            state.grant_is_over = true;
            return Ok(wire::json(200, json!({})));
        }
        state.requests += 1;
        let instead = state.instead.pop_front();
        match &instead {
            Some(Instead::Refuse(status, body)) => return Ok(wire::json(*status, body.clone())),
            Some(Instead::Busy(status, after)) => {
                let mut response = wire::json(*status, json!({}));
                response.headers_mut().insert("retry-after", after.to_string().parse().unwrap());
                return Ok(response);
            }
            Some(Instead::Unreachable) => return Err(TransportError::new(HttpErrorKind::Connect)),
            Some(Instead::Lost) | None => {}
        }
        if field(request, "grant_type").as_deref() == Some("client_credentials") {
            state.last_own =
                ["scope", "audience"].map(|name| field(request, name).unwrap_or_default()).into();
            return Ok(wire::json(
                200,
                json!({"access_token": format!("own-{}", state.requests), "token_type": "Bearer", "expires_in": 3600}),
            ));
        }
        let current = format!("refresh-{}", state.issued);
        // RFC 9700 §4.14.2: a refresh token that comes twice ends the grant.
        state.grant_is_over |= field(request, "refresh_token") != Some(current);
        if state.grant_is_over {
            return Ok(wire::json(400, json!({"error": "invalid_grant"})));
        }
        state.issued += 1;
        let n = state.issued;
        if matches!(instead, Some(Instead::Lost)) {
            return Err(TransportError::new(HttpErrorKind::Interrupted));
        }
        Ok(wire::json(
            200,
            json!({
                "access_token": format!("access-{n}"), "token_type": "Bearer", "expires_in": state.lifetime,
                "refresh_token": format!("refresh-{n}"), "scope": state.scope,
            }),
        ))
    }
}

pub(super) enum Expire {
    In(u64),
    Since(u64),
}

impl HttpClient for Rotating {
    fn send(&self, request: Request, _: Limits) -> BoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(async move {
            let response = self.answer(&request);
            let _ = self.open.subscribe().wait_for(|open| *open).await;
            response
        })
    }
}

/// The runtime of the tests.
#[derive(Clone, Copy)]
pub(super) struct OnTokio;

impl Runtime for OnTokio {
    /// Pauses only give others their turn. Deadlines are real.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        match time < Duration::from_secs(5) {
            true => Box::pin(tokio::task::yield_now()),
            false => Box::pin(tokio::time::sleep(time)),
        }
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> Result<(), BoxFuture<'static, ()>> {
        tokio::spawn(task);
        Ok(())
    }
}
