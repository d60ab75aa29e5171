//! Refreshes of one token at the same time: one request, and its outcome for all.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use futures_util::future::join_all;
use serde_json::json;
use tokio::task::yield_now;
use vouchsafe::http::{BoxFuture, HttpClient, Limits, Request, Response, TransportError};
use vouchsafe::{Client, Error, Http, Tokens};

use crate::scenario::{Held, Scenario, acme, web};
use crate::wire::{Wire, field, json as answer_json};

/// A provider that rotates: it accepts each refresh token once, and ends the grant at the second time.
fn rotating() -> Wire {
    let used = Arc::new(AtomicU32::new(0));
    Wire::new(move |request| {
        let number = used.fetch_add(1, Relaxed) + 1;
        match field(request, "refresh_token").as_deref() == Some(&format!("rt-{number}")) {
            true => answer_json(
                200,
                json!({"access_token": format!("at-{number}"), "token_type": "Bearer", "refresh_token": format!("rt-{}", number + 1)}),
            ),
            false => answer_json(400, json!({"error": "invalid_grant"})),
        }
    })
}

/// A network that delivers when it is open.
#[derive(Clone)]
struct Gate {
    wire: Wire,
    open: Arc<AtomicBool>,
}

impl HttpClient for Gate {
    fn send(&self, request: Request, limits: Limits) -> BoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(async move {
            while !self.open.load(Relaxed) {
                yield_now().await;
            }
            self.wire.send(request, limits).await
        })
    }
}

fn client(wire: &Wire) -> Client {
    Client::new(acme(), web(), &wire.http()).unwrap()
}

fn tokens(client: &Client, refresh_token: &str) -> Tokens {
    client.held(json!({"access_token": "at", "refresh_token": refresh_token}))
}

fn access_token(outcome: Result<Tokens, Error>) -> String {
    outcome.unwrap().access_token().expose().to_owned()
}

#[tokio::test]
async fn callers_with_one_refresh_token_share_one_request() {
    let wire = rotating();
    let client = client(&wire);
    let tokens = tokens(&client, "rt-1");
    let clones: Vec<_> = (0..10).map(|_| client.clone()).collect();
    let all = join_all(clones.iter().map(|client| client.refresh(&tokens)));
    let (all, by_hand) = tokio::join!(all, client.manual().refresh("rt-1"));
    for outcome in all.into_iter().chain([by_hand]) {
        let fresh = outcome.unwrap();
        assert_eq!(fresh.access_token().expose(), "at-1");
        assert_eq!(fresh.refresh_token().unwrap().expose(), "rt-2");
    }
    assert_eq!(wire.seen().len(), 1);
    // The next refresh is one of its own.
    assert_eq!(access_token(client.manual().refresh("rt-2").await), "at-2");
    assert_eq!(wire.seen().len(), 2);
}

#[tokio::test]
async fn an_error_is_shared_and_not_kept() {
    let wire = rotating();
    let gate = Gate { wire: wire.clone(), open: Arc::default() };
    let client = Client::new(acme(), web(), &Http::from(gate.clone())).unwrap();
    let old = tokens(&client, "rt-0");
    let call = || {
        tokio::spawn({
            let (client, old) = (client.clone(), old.clone());
            async move { client.refresh(&old).await }
        })
    };
    let callers: Vec<_> = (0..5).map(|_| call()).collect();
    for _ in 0..50 {
        yield_now().await;
    }
    gate.open.store(true, Relaxed);
    for outcome in join_all(callers).await {
        assert!(outcome.unwrap().unwrap_err().needs_login());
    }
    assert_eq!(wire.seen().len(), 1);
    assert!(client.refresh(&old).await.unwrap_err().needs_login());
    assert_eq!(wire.seen().len(), 2, "who comes later asks again");
}

#[tokio::test]
async fn other_tokens_and_other_clients_have_requests_of_their_own() {
    let wire = Wire::always(answer_json(200, json!({"access_token": "new", "token_type": "Bearer"})));
    let (one, other) = (client(&wire), client(&wire));
    let (a, b) = (tokens(&one, "rt-a"), tokens(&one, "rt-b"));
    let (a, b, c) = tokio::join!(one.refresh(&a), one.refresh(&b), other.refresh(&a));
    assert!([a, b, c].iter().all(Result::is_ok));
    assert_eq!(wire.seen().len(), 3);
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_stop_the_others() {
    let wire = rotating();
    let gate = Gate { wire: wire.clone(), open: Arc::default() };
    let client = Client::new(acme(), web(), &Http::from(gate.clone())).unwrap();
    let tokens = tokens(&client, "rt-1");
    let call = |client: Client, tokens: Tokens| tokio::spawn(async move { client.refresh(&tokens).await });
    let first = call(client.clone(), tokens.clone());
    let second = call(client.clone(), tokens.clone());
    // The first has begun the request, and both wait for it.
    yield_now().await;
    assert!(wire.seen().is_empty());
    first.abort();
    gate.open.store(true, Relaxed);
    assert!(first.await.unwrap_err().is_cancelled());
    assert_eq!(access_token(second.await.unwrap()), "at-1");
    assert_eq!(wire.seen().len(), 1);
}

#[tokio::test]
async fn each_caller_checks_the_id_token_by_its_own() {
    let scenario = Scenario::openid();
    let tokens = scenario.log_in().await.unwrap();
    scenario.op().claims = json!({"sub": "another"});
    // One caller knows the user, the other has the token alone.
    let client = scenario.client();
    let (known, bare) = tokio::join!(
        client.refresh(&tokens),
        client.manual().refresh(tokens.refresh_token().unwrap().expose())
    );
    assert_eq!(known.unwrap_err().code(), "subject_mismatch");
    assert!(bare.is_ok());
    assert_eq!(scenario.wire.seen_at("/token").len(), 2, "the code, and one refresh");
}
