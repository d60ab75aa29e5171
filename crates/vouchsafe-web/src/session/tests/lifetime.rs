//! When sessions end by themselves, and when they are written.
use vouchsafe::Vault;
use vouchsafe::vault::TokenStore;

use super::*;
use crate::session::sessions::forget_ended;

#[tokio::test]
async fn a_session_without_a_request_ends_and_each_request_renews_it() {
    for sessions in kinds().await {
        let (mut used, _) = begun(&sessions, "alice").await;
        let (mut unused, _) = begun(&sessions, "bob").await;
        for _ in 0..3 {
            pass(20 * MINUTE);
            let session = used.comes(&sessions).await.unwrap();
            assert!(session.last_seen_at() > clock() - MINUTE, "the request renewed it");
        }
        assert!(unused.comes(&sessions).await.is_none());
        pass(29 * MINUTE);
        assert!(used.comes(&sessions).await.is_some());
        pass(30 * MINUTE);
        assert!(used.comes(&sessions).await.is_none());
    }
}

#[tokio::test]
async fn a_session_is_written_again_only_after_some_time() {
    let counts = Arc::new(failing::Failing::default());
    let sessions = in_store(&counts);
    let (mut browser, _) = begun(&sessions, "alice").await;
    let writes = |counts: &failing::Failing| counts.writes();
    let begun = writes(&counts);
    for _ in 0..50 {
        pass(Duration::from_secs(1));
        browser.comes(&sessions).await.unwrap();
    }
    assert_eq!(writes(&counts), begun);
    pass(Duration::from_secs(10));
    browser.comes(&sessions).await.unwrap();
    assert_eq!(writes(&counts), begun + 1);

    let sessions = in_cookie().idle_timeout(MINUTE);
    let (browser, _) = super::begun(&sessions, "alice").await;
    for (time, renews) in [(2, false), (2, true)] {
        pass(Duration::from_secs(time));
        let found = sessions.find(&origin(), &browser.sends()).await.unwrap().unwrap();
        assert_eq!(found.set_cookie.is_some(), renews, "a twentieth of a minute");
    }
}

#[tokio::test]
async fn a_session_that_is_used_all_the_time_ends_nevertheless() {
    for sessions in kinds().await {
        let sessions = sessions.absolute_timeout(HOUR);
        let (mut browser, session) = begun(&sessions, "alice").await;
        for _ in 0..5 {
            pass(11 * MINUTE);
            let renewed = browser.comes(&sessions).await.unwrap();
            assert_eq!(renewed.expires_at(), session.expires_at());
            assert!(renewed.idle_until() <= renewed.expires_at());
        }
        pass(5 * MINUTE);
        assert!(browser.comes(&sessions).await.is_none());
    }
}

#[tokio::test]
async fn the_provider_may_end_a_session_earlier_and_never_later() {
    for sessions in kinds().await {
        for (expiry, end) in [(10 * MINUTE, 10 * MINUTE), (100 * HOUR, 12 * HOUR)] {
            let expiry = Some(clock() + expiry);
            let mut browser = Browser::default();
            let new = NewSession { session_expiry: expiry, ..new("alice") };
            let session = browser.begins(&sessions, new, &[]).await.session;
            let left = session.expires_at().duration_since(clock()).unwrap();
            assert!(left <= end && left > end - MINUTE, "{left:?}");
        }
        let expiry = Some(clock() + 10 * MINUTE);
        let mut browser = Browser::default();
        let _ = browser.begins(&sessions, NewSession { session_expiry: expiry, ..new("alice") }, &[]).await;
        pass(9 * MINUTE);
        assert!(browser.comes(&sessions).await.is_some());
        pass(MINUTE);
        assert!(browser.comes(&sessions).await.is_none());
    }
}

#[tokio::test]
async fn a_shorter_lifetime_holds_for_sessions_that_began_before() {
    for sessions in kinds().await {
        let (mut browser, _) = begun(&sessions, "alice").await;
        pass(10 * MINUTE);
        assert!(browser.comes(&sessions.clone().idle_timeout(5 * MINUTE)).await.is_none());
        assert!(browser.comes(&sessions.clone().absolute_timeout(5 * MINUTE)).await.is_none());
        assert!(browser.comes(&sessions).await.is_some());
    }
}

#[tokio::test]
async fn sessions_that_are_over_are_swept_away_and_the_others_stay() {
    let store = Arc::new(MemoryStore::new());
    let sessions = in_store(&store);
    let mut over = Vec::new();
    for account in 0..50 {
        over.push(begun(&sessions, &format!("account {account}")).await.1.tokens_of().to_owned());
    }
    sessions.once("jti", "1", clock() + MINUTE).await.unwrap();
    pass(31 * MINUTE);
    let (mut living, session) = begun(&sessions, "alice").await;
    let mut forget = sessions.sweep().await.unwrap();
    forget.sort();
    over.sort();
    // The session that began has swept some away.
    assert!(forget.len() > 10 && forget.iter().all(|tokens| over.contains(tokens)), "{forget:?}");
    assert!(living.comes(&sessions).await.is_some());
    let keys = keys(&*store).await;
    assert_eq!(keys.iter().filter(|key| key.starts_with("~session/id/")).count(), 1);
    assert!(!keys.iter().any(|key| key.starts_with("~session/once/")));
    // The indexes of the others stay until the sessions would have ended at the latest.
    pass(12 * HOUR);
    assert_eq!(sessions.sweep().await.unwrap(), [session.tokens_of()]);
    assert!(self::keys(&*store).await.is_empty());
}

#[tokio::test]
async fn a_session_that_is_renewed_during_a_sweep_stays() {
    let store = Arc::new(failing::Failing::default());
    let sessions = in_store(&store);
    // Another instance, which already has a longer time.
    let longer = sessions.clone().idle_timeout(2 * HOUR);
    let origin = origin();
    for begins in [false, true] {
        let (mut browser, _) = begun(&sessions, "alice").await;
        pass(31 * MINUTE);
        // The sweep has seen that it is over, and waits before it deletes.
        store.hang_before_the_next_write();
        let sweep: Pin<Box<dyn Future<Output = ()>>> = match begins {
            false => Box::pin(async { drop(sessions.sweep().await.unwrap()) }),
            true => {
                Box::pin(async { drop(sessions.begin(&origin, new("bob"), device(), &[]).await.unwrap()) })
            }
        };
        let mut sweep = Box::pin(sweep);
        assert!(is_pending(&mut sweep));
        store.go_on();
        assert!(browser.comes(&longer).await.is_some());
        sweep.await;
        assert!(browser.comes(&longer).await.is_some(), "begins: {begins}");
    }
}

#[tokio::test]
async fn the_store_does_not_grow_however_many_sessions_begin() {
    let store = Arc::new(MemoryStore::new());
    let sessions = in_store(&store).idle_timeout(MINUTE).absolute_timeout(2 * MINUTE);
    let (mut most, mut forgotten) = (0, 0);
    for number in 0..600 {
        let mut browser = Browser::default();
        forgotten += browser.begins(&sessions, new(&format!("account {number}")), &[]).await.forget.len();
        pass(Duration::from_secs(2));
        most = most.max(keys(&*store).await.len());
    }
    // 30 sessions live at a time, and 60 have indexes.
    assert!(most < 400, "{most} records");
    assert!(forgotten > 500, "the tokens of {forgotten} sessions were forgotten");
}

#[tokio::test]
async fn tokens_are_forgotten_when_their_session_cannot_go_on() {
    let (sessions, now) = (in_cookie(), SystemTime::now);
    let vault = Vault::sealed(MemoryStore::new(), ring(7));
    assert_eq!(forget_ended(&vault).await.unwrap(), 0);
    // The names sort by the end of their sessions.
    let (_, later) = begun(&sessions.clone().by_clock(now), "alice").await;
    let (_, sooner) = begun(&sessions.by_clock(now).absolute_timeout(MINUTE), "alice").await;
    let at = |session: &Session| {
        super::super::sessions::tokens_until(
            session.expires_at().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs(),
        )
    };
    assert!(sooner.tokens_of() < later.tokens_of());
    assert!(at(&sooner).as_str() <= sooner.tokens_of() && sooner.tokens_of() < at(&later).as_str());
}

async fn keys(store: &impl TokenStore) -> Vec<String> {
    store.list("", None, 100_000).await.unwrap().into_iter().map(|(key, _)| key).collect()
}
