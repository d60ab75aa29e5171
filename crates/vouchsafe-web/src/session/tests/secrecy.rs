//! What a store, a log and an error do not show.
use vouchsafe::vault::TokenStore;

use super::*;

/// What must not be read in a store.
const PERSONAL: [&str; 8] =
    ["account-7", "subject-248", "example.com", "Liddell", "sid-1", "Looking-Glass", "192.0.2.7", "admin"];

async fn filled(sessions: &Sessions) -> (Browser, Session) {
    let new = NewSession { sid: Some("sid-1".into()), roles: vec!["admin".into()], ..new("account-7") };
    let mut browser = Browser::default();
    let session = browser.begins(sessions, new, &[]).await.session;
    (browser, session)
}

#[tokio::test]
async fn the_store_shows_neither_the_cookie_nor_the_person() {
    let store = Arc::new(MemoryStore::new());
    let sessions = in_store(&store);
    let (mut browser, session) = filled(&sessions).await;
    pass(5 * MINUTE);
    browser.comes(&sessions).await.unwrap();
    sessions.once("logout https://id.example.com", "sid-1", clock() + MINUTE).await.unwrap();
    let records = store.list("", None, 1000).await.unwrap();
    assert_eq!(records.len(), 5, "a session, three indexes and a value that counts once");
    let (_, value) = browser.0.unwrap();
    for (key, record) in records {
        let text = format!("{key} {}", record.data.expose());
        for secret in PERSONAL.into_iter().chain([&*value, session.tokens_of()]) {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert!(key.starts_with("~session/"), "{key}");
    }
}

#[tokio::test]
async fn nobody_can_guess_who_is_behind_a_record() {
    // Without the key, the digest of a known account cannot be made.
    let keys = async |keys: KeyRing| {
        let store = Arc::new(MemoryStore::new());
        filled(&Sessions::in_store(store.clone(), keys)).await;
        let records = store.list("~session/", None, 10).await.unwrap();
        let digests = records.into_iter().filter(|(key, _)| !key.starts_with("~session/id/"));
        digests.map(|(key, _)| key.split('/').nth(2).unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (one, same, other) = (keys(ring(7)).await, keys(ring(7)).await, keys(ring(8)).await);
    assert_eq!((one.len(), &one), (3, &same));
    assert!(one.iter().all(|digest| !other.contains(digest)));
}

#[tokio::test]
async fn debug_output_shows_nothing_of_a_person() {
    for sessions in kinds().await {
        let (browser, session) = filled(&sessions).await;
        let found = sessions.find(&origin(), &browser.sends()).await.unwrap();
        let text = format!("{sessions:?} {session:?} {found:?} {:?} {:?}", new("account-7"), device());
        for secret in PERSONAL.into_iter().chain([session.id(), session.tokens_of()]) {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

#[tokio::test]
async fn the_header_of_a_cookie_is_marked_as_sensitive() {
    for sessions in kinds().await {
        let begun = sessions.begin(&origin(), new("alice"), device(), &[]).await.unwrap();
        let (_, value) = cookie(&begun.set_cookie);
        assert!(!format!("{begun:?}").contains(&value));
    }
}

#[test]
fn a_user_agent_is_kept_short_and_legible() {
    let of = |bytes: &[u8]| {
        let headers = HeaderMap::from_iter([(USER_AGENT, HeaderValue::from_bytes(bytes).unwrap())]);
        Device::of(&headers, None)
    };
    assert_eq!(of(&b"x".repeat(5000)).user_agent().unwrap().len(), 256);
    assert_eq!(of("é".repeat(300).as_bytes()).user_agent().unwrap().chars().count(), 256);
    assert_eq!(of(b"a\tb").user_agent(), Some("ab"));
    assert_eq!(of(b"a\xffb").user_agent(), Some("a\u{fffd}b"));
    assert_eq!(of(b"").user_agent(), None);
    assert_eq!(Device::of(&HeaderMap::new(), None), Device::default());
}
