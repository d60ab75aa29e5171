//! Several processes with one store: each has a vault, a client and a cache of its own.
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::task::yield_now;
use vouchsafe::Vault;
use vouchsafe::vault::{Event, Expected, Lease, LeaseRequest, MemoryStore, Save, TokenStore};

use super::provider::{Expire, Instead, Rotating};

type Store = Arc<MemoryStore>;

fn process(provider: &Rotating, store: &Store) -> Vault {
    Vault::danger_plain_text(store.clone()).client(provider.client())
}

/// A store with one expired login.
async fn expired(provider: &Rotating) -> Store {
    let store = Store::default();
    let vault = process(provider, &store);
    vault.connect("alice", provider.tokens(&provider.client(), Expire::Since(5))).await.unwrap();
    store
}

async fn token(vault: &Vault) -> Result<String, vouchsafe::Error> {
    vault.token("alice", "acme").await.map(|token| token.expose().to_owned())
}

pub(super) async fn others() {
    for _ in 0..500 {
        yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_processes_with_fifty_tasks_each_cause_one_refresh() {
    // RFC 9700 §4.14: the server takes a second use of a rotated token for a theft, and ends the grant.
    let provider = Rotating::new();
    let store = expired(&provider).await;
    let processes: Vec<_> = (0..8).map(|_| process(&provider, &store)).collect();
    let asking = processes.iter().flat_map(|vault| (0..50).map(|_| vault.clone()));
    let asking: Vec<_> = asking.map(|vault| tokio::spawn(async move { token(&vault).await })).collect();
    for task in asking {
        assert_eq!(task.await.unwrap().unwrap(), "access-2");
    }
    assert_eq!(provider.requests(), 1);
    assert!(!provider.grant_is_over());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_tasks_of_a_vault_share_a_failure() {
    let provider = Rotating::new();
    let vault = process(&provider, &expired(&provider).await);
    provider.instead((0..1000).map(|_| Instead::Refuse(401, json!({"error": "invalid_client"}))));
    let asking: Vec<_> = (0..1000)
        .map(|_| vault.clone())
        .map(|vault| tokio::spawn(async move { token(&vault).await }))
        .collect();
    for task in asking {
        assert_eq!(task.await.unwrap().unwrap_err().code(), "invalid_client");
    }
    assert_eq!(provider.requests(), 1);
}

#[tokio::test]
async fn a_refresh_on_demand_is_one_request_even_if_the_token_has_expired() {
    let provider = Rotating::new();
    let vault = process(&provider, &expired(&provider).await);
    for expected in ["access-2", "access-3"] {
        assert_eq!(vault.refresh("alice", "acme").await.unwrap().expose(), expected);
    }
    assert_eq!(provider.requests(), 2);
}

#[tokio::test]
async fn processes_that_waited_report_the_failure_of_the_other_and_send_nothing() {
    let provider = Rotating::new();
    let store = expired(&provider).await;
    provider.instead([Instead::Refuse(
        401,
        json!({"error": "invalid_client", "error_description": "no such client"}),
    )]);
    provider.close();
    let asking: Vec<_> = (0..5)
        .map(|_| {
            let vault = process(&provider, &store);
            tokio::spawn(async move { token(&vault).await.unwrap_err() })
        })
        .collect();
    others().await;
    assert_eq!(provider.requests(), 1);
    provider.open();
    let errors: Vec<_> = join_all(asking).await.into_iter().map(|error| error.unwrap().to_string()).collect();
    assert!(
        errors[0].contains("no such client") && errors.iter().all(|error| *error == errors[0]),
        "{errors:?}"
    );
    assert_eq!(provider.requests(), 1);
    // Somebody who comes later may try again.
    assert_eq!(token(&process(&provider, &store)).await.unwrap(), "access-2");
}

#[tokio::test]
async fn a_time_to_wait_holds_for_every_process() {
    let provider = Rotating::new();
    let store = expired(&provider).await;
    provider.instead([Instead::Busy(429, 600)]);
    for _ in 0..3 {
        let error = token(&process(&provider, &store)).await.unwrap_err();
        assert_eq!(error.status(), Some(429));
        assert!(error.retry_after().unwrap() > Duration::from_secs(590), "{error}");
    }
    assert_eq!(provider.requests(), 1);
}

/// The lease of a process that stands still is over: another one gets it.
pub(super) async fn taken_over(store: &Store) -> u64 {
    let ask = LeaseRequest::new(Duration::from_secs(15));
    let Lease::Busy { fence } = store.lease("alice/acme", ask).await.unwrap() else {
        panic!("nobody has it")
    };
    match store.lease("alice/acme", ask.seen_out(Some(fence))).await.unwrap() {
        Lease::Granted { fence, .. } => fence,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_process_that_stood_still_does_not_overwrite_newer_tokens() {
    let provider = Rotating::new();
    let store = expired(&provider).await;
    provider.close();
    let vault = process(&provider, &store);
    let still = tokio::spawn(async move { token(&vault).await });
    others().await;
    taken_over(&store).await;
    // The other one signs in again meanwhile: these are other tokens.
    let client = provider.client();
    let newer = client.import_tokens("newer").refresh_token("refresh-newer").build().unwrap();
    process(&provider, &store).connect("alice", newer).await.unwrap();
    provider.open();
    assert_eq!(still.await.unwrap().unwrap(), "newer");
    assert_eq!(token(&process(&provider, &store)).await.unwrap(), "newer");
    assert_eq!(provider.requests(), 1);
}

#[tokio::test]
async fn tokens_that_were_paid_for_are_saved_although_the_lease_was_taken_over() {
    let provider = Rotating::new();
    let store = expired(&provider).await;
    provider.close();
    let vault = process(&provider, &store);
    let still = tokio::spawn(async move { token(&vault).await });
    others().await;
    let fence = taken_over(&store).await;
    store.release("alice/acme", fence).await.unwrap();
    provider.open();
    assert_eq!(still.await.unwrap().unwrap(), "access-2");
    assert_eq!(token(&process(&provider, &store)).await.unwrap(), "access-2");
    assert_eq!(provider.requests(), 1);
}

#[tokio::test]
async fn a_login_that_is_deleted_during_its_refresh_stays_deleted() {
    let provider = Rotating::new();
    let store = expired(&provider).await;
    provider.close();
    let vault = process(&provider, &store);
    let refreshing = tokio::spawn(async move { token(&vault).await });
    others().await;
    store.delete("alice/acme", None).await.unwrap();
    provider.open();
    let error = refreshing.await.unwrap().unwrap_err();
    assert!(error.needs_login() && error.code() == "unknown_login", "{error}");
    assert!(store.load("alice/acme").await.unwrap().is_none());
}

#[tokio::test]
async fn tokens_are_saved_before_anybody_sees_them() {
    let provider = Rotating::new();
    let store = expired(&provider).await;
    let vault = process(&provider, &store);
    let events = vault.events();
    assert_eq!(token(&vault).await.unwrap(), "access-2");
    let saved = store.load("alice/acme").await.unwrap().unwrap();
    assert!(saved.data.expose().contains("refresh-2"));
    let refreshed = events.try_iter().any(|event| {
        matches!(&event, Event::Refreshed { old, new, .. }
            if old.access_token().expose() == "access-1" && new.access_token().expose() == "access-2")
    });
    assert!(refreshed);
}

#[tokio::test]
async fn another_process_that_ended_the_login_is_noticed_within_the_time_of_the_cache() {
    let provider = Rotating::new();
    let store = expired(&provider).await;
    let vault = process(&provider, &store);
    token(&vault).await.unwrap();
    store.delete("alice/acme", None).await.unwrap();
    assert!(token(&vault).await.is_ok(), "the token is valid, and the store was asked a moment ago");
    assert!(token(&process(&provider, &store)).await.unwrap_err().needs_login());
}

#[tokio::test]
async fn what_is_in_the_store_is_not_believed_if_it_is_of_another_client() {
    let provider = Rotating::new();
    let store = expired(&provider).await;
    let saved = store.load("alice/acme").await.unwrap().unwrap();
    let other = saved.data.expose().replace("my-client", "another");
    store.save(Save::new("alice/acme", &other, Expected::Any)).await.unwrap();
    let error = token(&process(&provider, &store)).await.unwrap_err();
    assert_eq!(error.code(), "issuer_mismatch", "{error}");
    assert_eq!(provider.requests(), 0);
}
