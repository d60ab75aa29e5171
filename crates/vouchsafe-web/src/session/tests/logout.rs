//! The sessions that a provider ends.
use super::*;

const ISSUER: &str = "https://id.example.com";

async fn signed_in(sessions: &Sessions, subject: &str, sid: Option<&str>) -> Browser {
    let mut browser = Browser::default();
    let new = NewSession {
        sid: sid.map(str::to_owned),
        ..NewSession::new(subject, "acme", &identity(subject), None)
    };
    let _ = browser.begins(sessions, new, &[]).await;
    browser
}

/// Which of three browsers are signed in after a logout: alice with `sid-1`, alice without one, bob with `sid-2`.
async fn left(
    sessions: &Sessions,
    issuer: &str,
    sid: Option<&str>,
    subject: Option<&str>,
) -> Vec<&'static str> {
    let browsers = [
        ("alice 1", signed_in(sessions, "alice", Some("sid-1")).await),
        ("alice", signed_in(sessions, "alice", None).await),
        ("bob", signed_in(sessions, "bob", Some("sid-2")).await),
    ];
    let ended = sessions.end_of(issuer, sid, subject).await.unwrap();
    let mut left = Vec::new();
    for (name, mut browser) in browsers {
        if let Some(session) = browser.comes(sessions).await {
            left.push(name);
            sessions.end(&session).await.unwrap();
        }
    }
    assert_eq!(ended.len(), 3 - left.len());
    left
}

#[tokio::test]
async fn a_provider_ends_the_sessions_that_it_names_by_sid_by_subject_or_by_both() {
    // Back-Channel Logout §2.7.
    for sessions in kinds().await.into_iter().filter(Sessions::is_server_side) {
        let left = async |issuer, sid, subject| left(&sessions, issuer, sid, subject).await;
        assert_eq!(left(ISSUER, Some("sid-1"), None).await, ["alice", "bob"]);
        assert_eq!(left(ISSUER, None, Some("alice")).await, ["bob"]);
        // A session that has no sid cannot be told apart from the one that ended.
        assert_eq!(left(ISSUER, Some("sid-1"), Some("alice")).await, ["bob"]);
        assert_eq!(left(ISSUER, Some("sid-3"), Some("alice")).await, ["alice 1", "bob"]);
        assert_eq!(
            left(ISSUER, Some("sid-2"), Some("alice")).await,
            ["alice 1", "bob"],
            "the sid of another"
        );
        let all = ["alice 1", "alice", "bob"];
        assert_eq!(left(ISSUER, None, None).await, all);
        assert_eq!(left(ISSUER, Some("sid-9"), None).await, all);
        assert_eq!(left("https://other.example", Some("sid-1"), None).await, all);
        assert_eq!(left("https://other.example", None, Some("alice")).await, all);
        assert_eq!(left("https://id.example.comx", None, Some("alice")).await, all);
    }
}

#[tokio::test]
async fn a_provider_names_the_subject_of_its_id_token_even_if_the_identity_has_another() {
    let sessions = in_memory();
    let mut browser = Browser::default();
    let logout_as = Some(("https://tenant.example".to_owned(), "pairwise".to_owned()));
    let _ = browser.begins(&sessions, NewSession { logout_as, ..new("alice") }, &[]).await;
    assert!(sessions.end_of(ISSUER, None, Some("subject-248")).await.unwrap().is_empty());
    assert_eq!(sessions.end_of("https://tenant.example", None, Some("pairwise")).await.unwrap().len(), 1);
    assert!(browser.comes(&sessions).await.is_none());
}
