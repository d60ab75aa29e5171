//! Sessions in a store: several instances, several devices, and what was moved there.
use vouchsafe::error::StoreError;
use vouchsafe::http::BoxFuture;
use vouchsafe::vault::{Change, Expected, Lease, LeaseRequest, Record, Save, Saved};

use super::*;

#[tokio::test]
async fn two_instances_share_the_sessions_of_a_store() {
    let url = sqlite_url();
    let open = async || in_store(&Arc::new(vouchsafe_store::open(&url).await.unwrap()));
    let (one, two) = (open().await, open().await);
    let (mut browser, session) = begun(&one, "alice").await;
    assert_eq!(browser.comes(&two).await.unwrap().id(), session.id());
    assert!(two.alive(&session.reference()).await.unwrap().is_some());
    assert_eq!(two.devices("alice").await.unwrap().len(), 1);
    two.end(&session).await.unwrap();
    assert!(browser.comes(&one).await.is_none());
    assert!(one.alive(&session.reference()).await.unwrap().is_none());
    assert!(one.once("jti", "1", clock() + MINUTE).await.unwrap());
    assert!(!two.once("jti", "1", clock() + MINUTE).await.unwrap());
    drop((one, two));
    assert!(!open().await.once("jti", "1", clock() + MINUTE).await.unwrap(), "also after a restart");
}

#[tokio::test]
async fn a_session_that_ended_is_not_renewed_by_a_request_under_way() {
    let store = Arc::new(failing::Failing::default());
    let sessions = in_store(&store);
    let (browser, session) = begun(&sessions, "alice").await;
    pass(5 * MINUTE);
    // The request has read the session, and waits before it writes.
    store.hang_before_the_next_write();
    let (origin, headers) = (origin(), browser.sends());
    let mut request = Box::pin(sessions.find(&origin, &headers));
    assert!(is_pending(&mut request));
    store.go_on();
    sessions.end(&session).await.unwrap();
    assert!(request.await.unwrap().is_some(), "it was signed in when it came");
    assert!(browser.clone().comes(&sessions).await.is_none());
    assert!(sessions.devices("alice").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_person_sees_their_devices_and_ends_one_or_all() {
    for sessions in kinds().await.into_iter().filter(Sessions::is_server_side) {
        let (mut phone, first) = begun(&sessions, "alice").await;
        pass(MINUTE);
        let (mut laptop, second) = begun(&sessions, "alice").await;
        let (mut other, theirs) = begun(&sessions, "bob").await;
        let devices = sessions.devices("alice").await.unwrap();
        assert_eq!(devices.iter().map(Session::id).collect::<Vec<_>>(), [second.id(), first.id()]);
        let device = devices[0].device().unwrap();
        assert_eq!(device.user_agent(), Some("Mozilla/5.0 (Looking-Glass)"));
        assert_eq!(device.address(), Some("192.0.2.7".parse().unwrap()));

        assert!(sessions.revoke("alice", theirs.id()).await.unwrap().is_none(), "another account");
        for unknown in ["", "unknown", "../id", &phone.0.as_ref().unwrap().1] {
            assert!(sessions.revoke("alice", unknown).await.unwrap().is_none(), "{unknown}");
        }
        assert!(other.comes(&sessions).await.is_some());
        assert_eq!(sessions.revoke("alice", first.id()).await.unwrap().unwrap().id(), first.id());
        assert!(sessions.revoke("alice", first.id()).await.unwrap().is_none());
        assert!(phone.comes(&sessions).await.is_none() && laptop.comes(&sessions).await.is_some());
        assert_eq!(sessions.revoke_all("alice").await.unwrap().len(), 1);
        assert!(laptop.comes(&sessions).await.is_none() && other.comes(&sessions).await.is_some());
        assert!(sessions.devices("alice").await.unwrap().is_empty());
        assert!(sessions.revoke_all("alice").await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn more_devices_than_a_page_of_the_store_are_found_and_ended() {
    let sessions = in_memory();
    for _ in 0..250 {
        begun(&sessions, "alice").await;
    }
    assert_eq!(sessions.devices("alice").await.unwrap().len(), 250);
    assert_eq!(sessions.revoke_all("alice").await.unwrap().len(), 250);
}

#[tokio::test]
async fn a_list_of_devices_is_one_request_for_each_page() {
    let store = Arc::new(Counting::default());
    let sessions = in_store(&store);
    for _ in 0..50 {
        begun(&sessions, "alice").await;
    }
    store.requests.store(0, Ordering::Relaxed);
    assert_eq!(sessions.devices("alice").await.unwrap().len(), 50);
    assert_eq!(store.requests.swap(0, Ordering::Relaxed), 2, "the index, and the sessions");
    assert_eq!(sessions.revoke_all("alice").await.unwrap().len(), 50);
    assert_eq!(store.requests.load(Ordering::Relaxed), 4, "the same, the deletes, and those of the indexes");
}

/// A store that counts the requests.
#[derive(Default)]
struct Counting {
    store: MemoryStore,
    requests: AtomicUsize,
}

impl Counting {
    fn count<T>(&self, request: T) -> T {
        self.requests.fetch_add(1, Ordering::Relaxed);
        request
    }
}

impl TokenStore for Counting {
    fn load<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Record>, StoreError>> {
        self.count(self.store.load(key))
    }

    fn load_all<'a>(&'a self, keys: Vec<&'a str>) -> BoxFuture<'a, Result<Vec<Option<Record>>, StoreError>> {
        self.count(self.store.load_all(keys))
    }

    fn save<'a>(&'a self, save: Save<'a>) -> BoxFuture<'a, Result<Saved, StoreError>> {
        self.count(self.store.save(save))
    }

    fn delete<'a>(&'a self, key: &'a str, version: Option<u64>) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.count(self.store.delete(key, version))
    }

    fn change<'a>(&'a self, changes: Vec<Change<'a>>) -> BoxFuture<'a, Result<Vec<bool>, StoreError>> {
        self.count(self.store.change(changes))
    }

    fn list<'a>(
        &'a self,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<(String, Record)>, StoreError>> {
        self.count(self.store.list(prefix, after, limit))
    }

    fn lease<'a>(&'a self, key: &'a str, ask: LeaseRequest) -> BoxFuture<'a, Result<Lease, StoreError>> {
        self.count(self.store.lease(key, ask))
    }

    fn release<'a>(&'a self, key: &'a str, fence: u64) -> BoxFuture<'a, Result<(), StoreError>> {
        self.count(self.store.release(key, fence))
    }
}

#[tokio::test]
async fn devices_are_found_while_a_key_is_replaced() {
    let store = Arc::new(MemoryStore::new());
    let with = |keys: KeyRing| Sessions::in_store(store.clone(), keys).by_clock(clock);
    let old = with(ring(7));
    let new = with(ring(8).previous(&[7; 32]).unwrap());
    begun(&old, "alice").await;
    begun(&new, "alice").await;
    assert_eq!(new.devices("alice").await.unwrap().len(), 2);
    assert_eq!(new.revoke_all("alice").await.unwrap().len(), 2);
    assert_eq!(store.list("~session/account/", None, 100).await.unwrap(), []);
}

#[tokio::test]
async fn a_record_that_was_moved_or_made_up_is_no_session() {
    let store = Arc::new(MemoryStore::new());
    let sessions = in_store(&store);
    let (mut alice, first) = begun(&sessions, "alice").await;
    let (mut mallory, second) = begun(&sessions, "mallory").await;
    let key = |session: &Session| format!("~session/id/{}", session.id());
    let record = store.load(&key(&first)).await.unwrap().unwrap();
    store.save(Save::new(&key(&second), record.data.expose(), Expected::Any)).await.unwrap();
    assert!(mallory.comes(&sessions).await.is_none(), "the session of another row");
    assert!(alice.comes(&sessions).await.is_some());
    for made_up in ["", ".", "9999999999999.", "9999999999999.AAAA", "{}", "9999999999999.{\"v\":1}"] {
        store.save(Save::new(&key(&second), made_up, Expected::Any)).await.unwrap();
        assert!(mallory.comes(&sessions).await.is_none(), "{made_up}");
    }
    // An index of another account leads nowhere: only the session itself says whose it is.
    let (keys, _): (Vec<_>, Vec<_>) =
        store.list("~session/account/", None, 100).await.unwrap().into_iter().unzip();
    let of = |session: &Session| keys.iter().find(|key| key.ends_with(session.id())).unwrap().clone();
    let planted = of(&second).replace(second.id(), first.id());
    store.save(Save::new(&planted, "9999999999999.", Expected::Any)).await.unwrap();
    assert!(sessions.devices("mallory").await.unwrap().is_empty());
    assert!(sessions.revoke_all("mallory").await.unwrap().is_empty());
    assert!(alice.comes(&sessions).await.is_some());
}

#[tokio::test]
async fn a_value_counts_once_for_its_purpose() {
    for sessions in kinds().await.into_iter().filter(Sessions::is_server_side) {
        let until = clock() + MINUTE;
        assert!(sessions.once("logout https://a.example", "jti-1", until).await.unwrap());
        assert!(!sessions.once("logout https://a.example", "jti-1", until).await.unwrap());
        assert!(sessions.once("logout https://b.example", "jti-1", until).await.unwrap());
        assert!(sessions.once("logout https://a.example", "jti-2", until).await.unwrap());
        assert!(sessions.once("logout https://a.examplej", "ti-1", until).await.unwrap());
        let at_once = (0..10).map(|_| sessions.once("race", "jti", until));
        let first = futures_util::future::join_all(at_once).await;
        assert_eq!(first.into_iter().filter(|first| *first.as_ref().unwrap()).count(), 1);
    }
}
