//! The time of one call, all its exchanges together.
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use vouchsafe::http::{BoxFuture, HttpClient, Limits, Request, Response, TransportError};
use vouchsafe::{Client, Error, Http};

use crate::scenario::{Held, REDIRECT_URI, Scenario, acme, arrived, web};
use crate::wire::{Wire, json as answer_json, param};

const SHORT: Duration = Duration::from_secs(10);
const USUAL: Duration = Duration::from_secs(30);

/// Notes how much time each request was given.
#[derive(Clone)]
struct Granted {
    wire: Wire,
    times: Arc<Mutex<Vec<Duration>>>,
}

impl Granted {
    fn new(wire: &Wire) -> Self {
        Self { wire: wire.clone(), times: Arc::default() }
    }

    fn take(&self) -> Vec<Duration> {
        std::mem::take(&mut self.times.lock().unwrap())
    }
}

impl HttpClient for Granted {
    fn send(&self, request: Request, limits: Limits) -> BoxFuture<'_, Result<Response, TransportError>> {
        self.times.lock().unwrap().push(limits.timeout);
        self.wire.send(request, limits)
    }
}

fn client(granted: &Granted) -> Client {
    let provider = acme().supports_refresh(true);
    Client::new(provider, web(), &Http::from(granted.clone())).unwrap()
}

/// Every call that sends something, and what became of it.
async fn every_call(client: &Client) -> Vec<Result<(), Error>> {
    let tokens = client.held(json!({"access_token": "at", "refresh_token": "rt"}));
    let login = client.login().await.unwrap();
    let query = format!("code=c&state={}", param(&login.url, "state").unwrap());
    vec![
        client.finish(login.pending, arrived(&query)).await.map(drop),
        client.refresh(&tokens).await.map(drop),
        client.revoke(&tokens).await,
        client.profile(&tokens).await.map(drop),
        client.identity(&tokens).await.map(drop),
        client.manual().authorization_code("c", REDIRECT_URI).await.map(drop),
        client.manual().refresh("rt").await.map(drop),
        client.manual().revoke("at", None).await,
        client.manual().profile("at").await.map(drop),
    ]
}

fn willing() -> Wire {
    let everything = json!({"access_token": "at", "token_type": "Bearer", "sub": "1", "id": "1"});
    Wire::always(answer_json(200, everything))
}

#[tokio::test]
async fn a_call_without_time_sends_nothing() {
    let granted = Granted::new(&willing());
    for outcome in every_call(&client(&granted).call_timeout(Duration::ZERO)).await {
        let error = outcome.unwrap_err();
        assert_eq!(error.code(), "timeout");
        assert!(error.to_string().contains("https://acme.example"), "{error}");
    }
    assert!(granted.take().is_empty());
}

#[tokio::test]
async fn a_request_has_the_time_that_the_call_has_left() {
    let granted = Granted::new(&willing());
    for outcome in every_call(&client(&granted).call_timeout(SHORT)).await {
        outcome.unwrap();
    }
    let times = granted.take();
    assert!(times.len() == 9 && times.iter().all(|time| *time < SHORT), "{times:?}");
    // A longer call does not lengthen an exchange, and without a limit each has its own time.
    for client in [client(&granted).call_timeout(Duration::from_secs(3600)), client(&granted)] {
        for outcome in every_call(&client).await {
            outcome.unwrap();
        }
        assert_eq!(granted.take(), [USUAL; 9]);
    }
    // More time than there can be is no limit.
    for outcome in every_call(&client(&granted).call_timeout(Duration::MAX)).await {
        outcome.unwrap();
    }
    assert_eq!(granted.take(), [USUAL; 9]);
}

#[tokio::test]
async fn a_long_lived_token_is_asked_for_in_time_or_not_at_all() {
    let granted = Granted::new(&willing());
    let threads = vouchsafe::Provider::named("threads").unwrap();
    let client = Client::new(threads, web(), &Http::from(granted.clone())).unwrap();
    let tokens = client.held(json!({"access_token": "at"}));
    let error = client.clone().call_timeout(Duration::ZERO).long_lived_token(&tokens).await.unwrap_err();
    assert_eq!(error.code(), "timeout");
    assert!(granted.take().is_empty());
    client.call_timeout(SHORT).long_lived_token(&tokens).await.unwrap();
    assert!(granted.take()[0] < SHORT);
}

#[tokio::test]
async fn what_is_fetched_for_others_as_well_has_its_own_time() {
    let scenario = Scenario::openid();
    let granted = Granted::new(&scenario.wire);
    let provider = vouchsafe::Provider::openid(crate::scenario::ISSUER);
    let client = Client::new(provider, web(), &Http::from(granted.clone())).unwrap().call_timeout(SHORT);
    // Without time nobody waits, not even where there is no timer that could end it; and what was begun goes on.
    let error = client.clone().call_timeout(Duration::ZERO).login().await.unwrap_err();
    assert_eq!((error.code(), error.operation()), ("timeout", vouchsafe::error::Operation::Discovery));
    let login = client.login().await.unwrap();
    let query = scenario.callback(&login.url);
    client.finish(login.pending, &query).await.unwrap();
    let times = granted.take();
    // Metadata, the code, keys.
    assert!(times.len() == 3 && times[0] == USUAL && times[1] < SHORT && times[2] == USUAL, "{times:?}");
    let jwt = scenario.op().id_token();
    let keys_known = client.call_timeout(Duration::ZERO).manual().verify_jwt(&jwt, None).await;
    assert!(keys_known.is_ok(), "what is known takes no time");
}
