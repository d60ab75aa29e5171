//! Stores that fail, and stores that do not respond.
use std::sync::Mutex;

use vouchsafe::error::{StoreError, StoreErrorKind};
use vouchsafe::http::BoxFuture;
use vouchsafe::vault::{Lease, LeaseRequest, Record, Save, Saved};

use super::*;

/// A store that counts, fails and hangs as it is told.
#[derive(Default)]
pub(super) struct Failing {
    store: MemoryStore,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    reads: usize,
    writes: usize,
    /// How many calls succeed before all fail.
    until_failure: Option<usize>,
    fails_writes: bool,
    /// How many calls respond before all hang.
    until_hang: Option<usize>,
    hangs_writes: bool,
}

impl Failing {
    pub(super) fn reads(&self) -> usize {
        self.state.lock().unwrap().reads
    }

    pub(super) fn writes(&self) -> usize {
        self.state.lock().unwrap().writes
    }

    pub(super) fn hang_before_the_next_write(&self) {
        self.state.lock().unwrap().hangs_writes = true;
    }

    pub(super) fn go_on(&self) {
        let mut state = self.state.lock().unwrap();
        (state.until_failure, state.fails_writes, state.until_hang, state.hangs_writes) =
            (None, false, None, false);
    }

    fn fail_after(&self, calls: usize) {
        self.state.lock().unwrap().until_failure = Some(calls);
    }

    fn hang_after(&self, calls: usize) {
        self.state.lock().unwrap().until_hang = Some(calls);
    }

    async fn call(&self, is_write: bool) -> Result<(), StoreError> {
        {
            let mut state = self.state.lock().unwrap();
            *(if is_write { &mut state.writes } else { &mut state.reads }) += 1;
            let over = |left: &mut Option<usize>| match left {
                Some(0) => true,
                Some(left) => {
                    *left -= 1;
                    false
                }
                None => false,
            };
            if over(&mut state.until_failure) || (is_write && state.fails_writes) {
                return Err(StoreError::new(StoreErrorKind::Unavailable, "the store is away"));
            }
        }
        let mut is_asked = false;
        std::future::poll_fn(|_| {
            let mut state = self.state.lock().unwrap();
            let hangs = match &mut state.until_hang {
                Some(0) => true,
                Some(left) if !is_asked => {
                    *left -= 1;
                    false
                }
                _ => false,
            };
            is_asked = true;
            if hangs || (is_write && state.hangs_writes) {
                return std::task::Poll::Pending;
            }
            std::task::Poll::Ready(())
        })
        .await;
        Ok(())
    }
}

impl TokenStore for Failing {
    fn load<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Record>, StoreError>> {
        Box::pin(async move {
            self.call(false).await?;
            self.store.load(key).await
        })
    }

    fn save<'a>(&'a self, save: Save<'a>) -> BoxFuture<'a, Result<Saved, StoreError>> {
        Box::pin(async move {
            self.call(true).await?;
            self.store.save(save).await
        })
    }

    fn delete<'a>(&'a self, key: &'a str, version: Option<u64>) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            self.call(true).await?;
            self.store.delete(key, version).await
        })
    }

    fn list<'a>(
        &'a self,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(String, Record)>, StoreError>> {
        Box::pin(async move {
            self.call(false).await?;
            self.store.list(prefix, after, limit).await
        })
    }

    fn lease<'a>(&'a self, key: &'a str, ask: LeaseRequest) -> BoxFuture<'a, Result<Lease, StoreError>> {
        self.store.lease(key, ask)
    }

    fn release<'a>(&'a self, key: &'a str, fence: u64) -> BoxFuture<'a, Result<(), StoreError>> {
        self.store.release(key, fence)
    }
}

fn is_away(error: &SessionError) -> bool {
    matches!(error, SessionError::Store(error) if error.kind() == StoreErrorKind::Unavailable)
}

#[tokio::test]
async fn a_store_that_is_away_is_an_error_and_signs_nobody_out() {
    let store = Arc::new(Failing::default());
    let sessions = in_store(&store);
    let (mut browser, session) = begun(&sessions, "alice").await;
    store.fail_after(0);
    assert!(is_away(&sessions.find(&origin(), &browser.sends()).await.unwrap_err()));
    assert!(is_away(&sessions.begin(&origin(), new("alice"), device(), &[]).await.unwrap_err()));
    assert!(is_away(&sessions.end(&session).await.unwrap_err()));
    assert!(is_away(&sessions.alive(&session.reference()).await.unwrap_err()));
    assert!(is_away(&sessions.devices("alice").await.unwrap_err()));
    assert!(is_away(&sessions.revoke("alice", session.id()).await.unwrap_err()));
    assert!(is_away(&sessions.revoke_all("alice").await.unwrap_err()));
    assert!(is_away(&sessions.end_of("https://id.example.com", Some("s"), None).await.unwrap_err()));
    assert!(is_away(&sessions.once("jti", "1", clock()).await.unwrap_err()));
    assert!(is_away(&sessions.sweep().await.unwrap_err()));
    // Nobody who has no cookie needs the store.
    assert!(sessions.find(&origin(), &sends(&[("a", "b")])).await.unwrap().is_none());
    store.go_on();
    assert_eq!(browser.comes(&sessions).await.unwrap().id(), session.id());
}

#[tokio::test]
async fn a_sign_in_during_which_the_store_fails_changes_nothing() {
    let store = Arc::new(Failing::default());
    let sessions = in_store(&store);
    let (browser, session) = begun(&sessions, "alice").await;
    let before = [session.reference()];
    let mut failures = 0;
    loop {
        store.fail_after(failures);
        let begun = sessions.begin(&origin(), new("alice"), device(), &before).await;
        store.go_on();
        let Err(error) = begun else { break };
        assert!(is_away(&error));
        assert!(browser.clone().comes(&sessions).await.is_some(), "after {failures} calls");
        failures += 1;
    }
    // Two reads, two indexes, the new session, and the end of the one before. Nothing behind it can fail any more.
    assert_eq!(failures, 6);
    assert!(browser.clone().comes(&sessions).await.is_none());
}

#[tokio::test]
async fn a_sign_in_that_is_given_up_while_the_store_hangs_leaves_the_person_signed_in() {
    let store = Arc::new(Failing::default());
    let sessions = in_store(&store);
    let (browser, session) = begun(&sessions, "alice").await;
    let before = [session.reference()];
    let origin = origin();
    for calls in 0..6 {
        store.hang_after(calls);
        let mut begun = Box::pin(sessions.begin(&origin, new("alice"), device(), &before));
        assert!(is_pending(&mut begun), "{calls}");
        // The caller has a time limit.
        drop(begun);
        store.go_on();
        assert!(browser.clone().comes(&sessions).await.is_some(), "after {calls} calls");
    }
}

#[tokio::test]
async fn a_session_that_cannot_be_renewed_is_still_a_session() {
    let store = Arc::new(Failing::default());
    let sessions = in_store(&store);
    let (mut browser, session) = begun(&sessions, "alice").await;
    store.state.lock().unwrap().fails_writes = true;
    pass(20 * MINUTE);
    assert_eq!(browser.comes(&sessions).await.unwrap().id(), session.id());
    store.go_on();
    pass(5 * MINUTE);
    assert!(browser.comes(&sessions).await.is_some(), "the next request tries again");
    pass(20 * MINUTE);
    assert!(browser.comes(&sessions).await.is_some());
}

#[tokio::test]
async fn an_index_that_stays_behind_leads_nowhere() {
    let store = Arc::new(Failing::default());
    let sessions = in_store(&store);
    let (_, session) = begun(&sessions, "alice").await;
    // The session is deleted, and then the store is away.
    store.fail_after(1);
    sessions.end(&session).await.unwrap();
    store.go_on();
    assert!(sessions.devices("alice").await.unwrap().is_empty());
    assert!(sessions.revoke_all("alice").await.unwrap().is_empty());
}
