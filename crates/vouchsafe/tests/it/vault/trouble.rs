//! A store in trouble: no refresh token is spent whose successor cannot be saved, and nothing that was paid for is lost.
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use vouchsafe::Vault;
use vouchsafe::error::{StoreError, StoreErrorKind};
use vouchsafe::http::BoxFuture;
use vouchsafe::vault::{Lease, LeaseRequest, MemoryStore, Record, Save, Saved, TokenStore};

use super::provider::{Expire, Instead, Rotating};
use super::several::{others, taken_over};
use super::source::near_its_end;

/// A store that fails on demand.
#[derive(Clone, Default)]
pub(super) struct Flaky {
    store: Arc<MemoryStore>,
    /// What fails, and how often.
    failing: Arc<Mutex<Option<(Step, StoreErrorKind, u32)>>>,
    /// The length of the record and the room of the last save that began a refresh.
    begun: Arc<Mutex<(usize, usize)>>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Step {
    Load,
    Lease,
    /// The save that begins a refresh.
    Begin,
    /// Any other save.
    Save,
}

impl Flaky {
    fn fail(&self, step: Step, kind: StoreErrorKind, times: u32) {
        *self.failing.lock().unwrap() = Some((step, kind, times));
    }

    fn step(&self, step: Step) -> Result<(), StoreError> {
        match &mut *self.failing.lock().unwrap() {
            Some((failing, kind, times)) if *failing == step && *times > 0 => {
                *times -= 1;
                Err(StoreError::new(*kind, "the store is out of order"))
            }
            _ => Ok(()),
        }
    }
}

impl TokenStore for Flaky {
    fn load<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Record>, StoreError>> {
        Box::pin(async move {
            self.step(Step::Load)?;
            self.store.load(key).await
        })
    }

    fn save<'a>(&'a self, save: Save<'a>) -> BoxFuture<'a, Result<Saved, StoreError>> {
        Box::pin(async move {
            if save.room > 0 {
                *self.begun.lock().unwrap() = (save.data.len(), save.room);
            }
            self.step(if save.room > 0 { Step::Begin } else { Step::Save })?;
            self.store.save(save).await
        })
    }

    fn delete<'a>(&'a self, key: &'a str, version: Option<u64>) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.store.delete(key, version)
    }

    fn list<'a>(
        &'a self,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(String, Record)>, StoreError>> {
        self.store.list(prefix, after, limit)
    }

    fn lease<'a>(&'a self, key: &'a str, ask: LeaseRequest) -> BoxFuture<'a, Result<Lease, StoreError>> {
        Box::pin(async move {
            self.step(Step::Lease)?;
            self.store.lease(key, ask).await
        })
    }

    fn release<'a>(&'a self, key: &'a str, fence: u64) -> BoxFuture<'a, Result<(), StoreError>> {
        self.store.release(key, fence)
    }
}

async fn expired(provider: &Rotating) -> (Flaky, Vault) {
    let store = Flaky::default();
    let client = provider.client();
    let vault = Vault::danger_plain_text(store.clone()).client(client.clone());
    vault.connect("alice", provider.tokens(&client, Expire::Since(5))).await.unwrap();
    (store, vault)
}

/// The same store as another process sees it.
fn another(provider: &Rotating, store: &Flaky) -> Vault {
    Vault::danger_plain_text(store.clone()).client(provider.client())
}

async fn token(vault: &Vault) -> Result<String, vouchsafe::Error> {
    vault.token("alice", "acme").await.map(|token| token.expose().to_owned())
}

#[tokio::test]
async fn nothing_is_spent_while_the_store_is_in_trouble() {
    for step in [Step::Load, Step::Lease, Step::Begin] {
        for kind in [
            StoreErrorKind::Unavailable,
            StoreErrorKind::Full,
            StoreErrorKind::Locked,
            StoreErrorKind::ReadOnly,
        ] {
            let provider = Rotating::new();
            let (store, vault) = expired(&provider).await;
            store.fail(step, kind, 1);
            let error = token(&vault).await.unwrap_err();
            assert_eq!(error.code(), kind.as_str());
            assert!(error.is_retryable() && !error.needs_login(), "{error}");
            assert_eq!(provider.requests(), 0);
            assert_eq!(token(&another(&provider, &store)).await.unwrap(), "access-2");
        }
    }
}

#[tokio::test]
async fn new_tokens_are_saved_when_the_store_comes_back() {
    let provider = Rotating::new();
    let (store, vault) = expired(&provider).await;
    store.fail(Step::Save, StoreErrorKind::Unavailable, 3);
    assert_eq!(token(&vault).await.unwrap(), "access-2");
    assert_eq!(token(&another(&provider, &store)).await.unwrap(), "access-2");
    assert_eq!(provider.requests(), 1);
}

#[tokio::test]
async fn tokens_that_cannot_be_saved_are_not_given_and_not_lost_while_the_process_lives() {
    let provider = Rotating::new();
    let (store, vault) = expired(&provider).await;
    // It does not pass by itself: saving is not tried for long.
    store.fail(Step::Save, StoreErrorKind::Corrupted, 1);
    let error = token(&vault).await.unwrap_err();
    assert_eq!(error.code(), "corrupted");
    assert!(error.to_string().contains("this login may be lost"), "{error}");
    // The next call saves them before it does anything else, also if the store fails for a while, and does not wait for its own lease.
    store.fail(Step::Save, StoreErrorKind::Unavailable, 2);
    let begin = Instant::now();
    let fresh = vault.refresh("alice", "acme").await.unwrap().expose().to_owned();
    assert_eq!(fresh, "access-2", "those that were paid for");
    assert!(begin.elapsed() < Duration::from_secs(10));
    assert!(!provider.grant_is_over(), "no refresh token was spent twice");
    assert_eq!(provider.requests(), 1);
    assert_eq!(token(&another(&provider, &store)).await.unwrap(), "access-2");
}

#[tokio::test]
async fn after_a_crash_before_the_request_the_refresh_token_still_works() {
    let provider = Rotating::new();
    let (store, vault) = expired(&provider).await;
    provider.instead([Instead::Unreachable]);
    assert_eq!(token(&vault).await.unwrap_err().code(), "connect");
    assert_eq!(token(&another(&provider, &store)).await.unwrap(), "access-2");
}

#[tokio::test]
async fn after_a_lost_response_the_old_refresh_token_is_tried_once_and_then_the_user_signs_in() {
    let provider = Rotating::new();
    let (store, vault) = expired(&provider).await;
    provider.instead([Instead::Lost]);
    let error = token(&vault).await.unwrap_err();
    assert!(error.is_retryable() && !error.needs_login(), "{error}");
    assert_eq!(provider.requests(), 1, "a request without a response is not repeated in the same call");
    let error = token(&another(&provider, &store)).await.unwrap_err();
    assert!(error.needs_login(), "{error}");
    assert!(error.to_string().contains("interrupted"), "{error}");
    assert_eq!(provider.requests(), 2);
    for _ in 0..3 {
        assert!(token(&another(&provider, &store)).await.unwrap_err().needs_login());
    }
    assert_eq!(provider.requests(), 2, "nothing more is sent for a login that is over");
}

#[tokio::test]
async fn tokens_that_were_paid_for_are_not_saved_under_the_lease_of_another_process() {
    let provider = Rotating::new();
    let (store, vault) = expired(&provider).await;
    store.fail(Step::Save, StoreErrorKind::Corrupted, 1);
    token(&vault).await.unwrap_err();
    let fence = taken_over(&store.store).await;
    let saving = tokio::spawn(async move { vault.refresh("alice", "acme").await.map(drop) });
    others().await;
    let record = async || store.store.load("alice/acme").await.unwrap().unwrap().data.expose().to_owned();
    assert!(record().await.contains("refresh-1"), "another process may be changing it");
    store.store.release("alice/acme", fence).await.unwrap();
    saving.await.unwrap().unwrap();
    assert!(record().await.contains("refresh-2"));
    assert_eq!(provider.requests(), 1);
}

#[tokio::test]
async fn there_is_room_for_tokens_twice_as_long() {
    let provider = Rotating::new();
    let (store, vault) = expired(&provider).await;
    token(&vault).await.unwrap();
    let (length, room) = *store.begun.lock().unwrap();
    assert_eq!(room, 2 * length + 8 * 1024);
}

#[tokio::test]
async fn a_valid_token_is_given_at_once_while_another_process_refreshes_it() {
    let provider = Rotating::new();
    let (store, client) = (Flaky::default(), provider.client());
    let vault = Vault::danger_plain_text(store.clone()).client(client.clone());
    vault.connect("alice", near_its_end(&provider, &client)).await.unwrap();
    let ask = LeaseRequest::new(Duration::from_secs(15));
    assert!(matches!(store.lease("alice/acme", ask).await, Ok(Lease::Granted { .. })));
    let events = vault.events();
    let begin = Instant::now();
    assert_eq!(token(&vault).await.unwrap(), "access-1");
    assert!(begin.elapsed() < Duration::from_secs(10));
    assert_eq!((provider.requests(), events.try_iter().count()), (0, 0));
}

#[tokio::test]
async fn a_pause_that_is_longer_than_the_lease_is_not_waited_for() {
    let provider = Rotating::new();
    let (_, vault) = expired(&provider).await;
    // Twelve seconds of the lease are for requests, and a request needs one.
    provider.instead([Instead::Busy(503, 11)]);
    assert_eq!(token(&vault).await.unwrap_err().status(), Some(503));
    assert_eq!(provider.requests(), 1);
}

#[tokio::test]
async fn only_a_refresh_whose_outcome_is_unknown_counts_as_interrupted() {
    let status = |status| Instead::Refuse(status, json!({}));
    for (instead, is_open) in [
        (Instead::Lost, true),
        (status(500), true),
        (status(502), true),
        (status(200), true),
        (Instead::Unreachable, false),
        (status(503), false),
        (status(429), false),
        (status(404), false),
        (Instead::Refuse(401, json!({"error": "invalid_client"})), false),
    ] {
        let provider = Rotating::new();
        let (store, vault) = expired(&provider).await;
        // After 429 and 503, it is repeated twice.
        let times = if matches!(instead, Instead::Refuse(429 | 503, _)) { 3 } else { 1 };
        provider.instead((0..times).map(|_| instead.clone()));
        token(&vault).await.unwrap_err();
        let record = store.store.load("alice/acme").await.unwrap().unwrap();
        assert_eq!(record.data.expose().contains(r#""begun":true"#), is_open, "{}", record.data.expose());
        provider.end_grant();
        let error = token(&another(&provider, &store)).await.unwrap_err();
        assert!(error.needs_login());
        assert_eq!(error.to_string().contains("interrupted"), is_open, "{error}");
    }
}
