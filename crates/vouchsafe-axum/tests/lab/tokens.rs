//! The tokens of a session.
use http::Method;

use crate::all::browser::script;
use crate::all::lab::{Lab, SHORT};

#[tokio::test]
async fn a_session_has_a_token_at_its_provider_alone() {
    for lab in [Lab::new().await, Lab::in_cookies().await] {
        let mut browser = lab.signed_in("alice").await;
        let page = browser.fetch("/api/token/a").await;
        let fingerprint = page.json()["fingerprint"].as_str().unwrap().to_owned();
        assert!(
            fingerprint.len() == 16 && fingerprint.chars().all(|c| c.is_ascii_hexdigit()),
            "{fingerprint}"
        );
        assert!(page.json()["expires_at"].is_u64());
        for name in ["b", "nobody"] {
            let page = browser.fetch(&format!("/api/token/{name}")).await;
            assert_eq!((page.status, &*page.code()), (404, "no_token"), "{name}");
        }
        assert_eq!(lab.browser().fetch("/api/token/a").await.code(), "login_required");
    }
}

#[tokio::test]
async fn a_token_is_refreshed_once_for_all_who_ask() {
    let lab = Lab::with_short_tokens().await;
    let mut browser = lab.signed_in("alice").await;
    let before = browser.json("/api/token/a").await;
    let (_other, other) = lab.second_instance().await;
    let ask = async |url: &str| {
        let mut browser = browser.clone();
        browser.moves_to(url);
        browser.send(script(Method::GET, "/api/token/a"), "").await
    };
    // The clock is the one of another process.
    tokio::time::sleep(SHORT).await;
    lab.first.clear_requests();
    let pages = tokio::join!(ask(&lab.url), ask(&other), ask(&lab.url), ask(&other));
    let pages = [pages.0, pages.1, pages.2, pages.3];
    let fingerprints: Vec<_> = pages.iter().map(|page| page.json()["fingerprint"].clone()).collect();
    assert!(fingerprints.iter().all(|one| one == &fingerprints[0] && one.is_string()), "{fingerprints:?}");
    assert_ne!(fingerprints[0], before["fingerprint"]);
    assert_eq!(lab.first.requests_to("/token").len(), 1, "one refresh");
}

#[tokio::test]
async fn a_refresh_that_the_provider_refuses_leaves_the_session() {
    let lab = Lab::with_short_tokens().await;
    let mut browser = lab.signed_in("alice").await;
    tokio::time::sleep(SHORT).await;
    lab.first.refuse_once("invalid_grant");
    let page = browser.fetch("/api/token/a").await;
    assert_eq!((page.status, &*page.code()), (401, "login_required"), "{}", page.text);
    assert!(browser.account().await.is_some());
}
