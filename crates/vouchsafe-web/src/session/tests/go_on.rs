//! Sessions that go on because their provider has confirmed them.
use super::*;

const ISSUER: &str = "https://id.example.com";

fn watched() -> NewSession {
    let (sid, session_state) = (Some("sid-1".to_owned()), Some("state-1".to_owned()));
    NewSession { sid, session_state, ..new("alice") }
}

#[tokio::test]
async fn a_session_that_is_confirmed_keeps_its_cookie_and_its_end_and_gets_another_state() {
    for sessions in kinds().await {
        let mut browser = Browser::default();
        let first = browser.begins(&sessions, watched(), &[]).await.session;
        assert_eq!(browser.comes(&sessions).await.unwrap().session_state(), Some("state-1"));
        let other_tab = browser.clone();
        pass(2 * MINUTE);
        let found = sessions.go_on(&origin(), &first, Some("sid-2"), Some("state-2")).await.unwrap().unwrap();
        assert_eq!(found.set_cookie.is_some(), !sessions.is_server_side());
        found.set_cookie.iter().for_each(|header| browser.takes(header));
        let session = browser.comes(&sessions).await.unwrap();
        assert_eq!((session.sid(), session.session_state()), (Some("sid-2"), Some("state-2")));
        assert_eq!((session.id(), session.tokens_of()), (first.id(), first.tokens_of()));
        assert_eq!((session.created_at(), session.expires_at()), (first.created_at(), first.expires_at()));
        assert!(other_tab.clone().comes(&sessions).await.is_some(), "a request under way is signed in");
    }
}

#[tokio::test]
async fn a_provider_ends_a_session_by_the_sid_that_it_has_confirmed() {
    for sessions in kinds().await.into_iter().filter(Sessions::is_server_side) {
        let mut browser = Browser::default();
        let first = browser.begins(&sessions, watched(), &[]).await.session;
        sessions.go_on(&origin(), &first, Some("sid-2"), None).await.unwrap().unwrap();
        assert!(sessions.end_of(ISSUER, Some("sid-1"), None).await.unwrap().is_empty());
        assert!(browser.comes(&sessions).await.is_some());
        assert_eq!(sessions.end_of(ISSUER, Some("sid-2"), None).await.unwrap().len(), 1);
        assert!(browser.comes(&sessions).await.is_none());
        let late = sessions.go_on(&origin(), &first, Some("sid-3"), None).await.unwrap();
        assert!(late.is_none(), "it does not come back");
    }
}
