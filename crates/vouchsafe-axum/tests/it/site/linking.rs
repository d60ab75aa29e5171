//! Linking an identity to the account of a session.
use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::scenario::{Browser, Page};
use crate::site::scenario::{PUBLIC, Whole};

/// Links an identity at the second provider; gives the response at the callback.
async fn link(whole: &Whole, browser: &mut Browser, who: &str) -> Page {
    let url = browser.submit("/link/b", "").await.location();
    let callback = whole.second.person(who).allow(&url).await.unwrap();
    browser.open(&callback).await
}

#[tokio::test]
async fn an_identity_is_linked_by_the_person_alone() {
    for whole in [Whole::new().await, Whole::in_cookies().await] {
        let mut alice = whole.signed_in("alice").await;
        let before = alice.json("/api/me").await;
        assert_eq!(link(&whole, &mut alice, "carol").await.location(), "/account?link=linked");
        let after = alice.json("/api/me").await;
        assert_eq!((&after["session"], &after["account"]), (&before["session"], &before["account"]));
        assert_eq!(after["identities"], json!(["a", "b"]));
        let token = alice.fetch(Method::GET, "/api/token/b").await;
        assert_eq!(token.status, StatusCode::OK, "{}", token.text);
        assert_eq!(link(&whole, &mut alice, "carol").await.location(), "/account?link=already_yours");
        assert_eq!(alice.fetch(Method::GET, "/api/token/b").await.text, token.text);

        let mut bob = whole.signed_in("bob").await;
        let before = bob.json("/api/me").await;
        assert_eq!(link(&whole, &mut bob, "carol").await.location(), "/account?link=in_use");
        assert_eq!(bob.json("/api/me").await, before);
        assert_eq!(bob.fetch(Method::GET, "/api/token/b").await.code(), "no_token");

        // The linked identity signs in to the account.
        let mut carol = whole.browser();
        let url = carol.open("/login/b").await.location();
        let callback = whole.second.person("carol").allow(&url).await.unwrap();
        carol.open(&callback).await;
        assert_eq!(carol.json("/api/me").await["account"], after["account"]);
    }
}

#[tokio::test]
async fn the_same_e_mail_address_links_nothing() {
    let whole = Whole::new().await;
    let mut first = whole.signed_in("alice").await;
    let mut second = whole.browser();
    let url = second.open("/login/b").await.location();
    let callback = whole.second.person("alice").allow(&url).await.unwrap();
    second.open(&callback).await;
    assert_ne!(first.json("/api/me").await["account"], second.json("/api/me").await["account"]);
}

#[tokio::test]
async fn a_browser_that_is_not_signed_in_to_the_account_any_more_links_nothing() {
    let whole = Whole::new().await;
    let mut alice = whole.signed_in("alice").await;
    let url = alice.submit("/link/b", "").await.location();
    let callback = whole.second.person("carol").allow(&url).await.unwrap();
    // Signed out in the meantime.
    let mut out = alice.clone();
    out.submit("/logout", "").await;
    assert_eq!(out.open(&callback).await.location(), "/account?link=needs_proof");
    assert!(out.session_cookie().is_none());

    // Somebody else signed in, in the meantime.
    let mut alice = whole.signed_in("alice").await;
    let url = alice.submit("/link/b", "").await.location();
    let callback = whole.second.person("carol").allow(&url).await.unwrap();
    let bob = whole.signed_in("bob").await;
    let mut mixed = alice.clone();
    mixed.cookies.insert("vouchsafe-session-3000".to_owned(), bob.session_cookie().unwrap().to_owned());
    assert_eq!(mixed.open(&callback).await.location(), "/account?link=needs_proof");
    assert_eq!(mixed.json("/api/me").await["identities"], json!(["a"]));
    assert_eq!(alice.json("/api/me").await["identities"], json!(["a"]));
}

#[tokio::test]
async fn a_posted_response_links_although_the_session_stays_behind() {
    for in_cookies in [false, true] {
        let whole = Whole::with(|builder, store| {
            let builder = builder.customise(|_, login| login.extra("response_mode", "form_post"));
            if in_cookies { builder } else { builder.store(store) }
        })
        .await;
        let mut browser = whole.browser();
        let url = browser.open("/login/a").await.location();
        let callback = whole.first.person("alice").allow(&url).await.unwrap();
        let (path, form) = callback.strip_prefix(PUBLIC).unwrap().split_once('?').unwrap();
        browser.submit_from(whole.first.issuer(), path, form).await;

        let url = browser.submit("/link/b", "").await.location();
        let callback = whole.second.person("carol").allow(&url).await.unwrap();
        let (path, form) = callback.strip_prefix(PUBLIC).unwrap().split_once('?').unwrap();
        let mut without = browser.clone();
        let session = without.cookies.remove("vouchsafe-session-3000").unwrap();
        let place = without.submit_from(whole.second.issuer(), path, form).await.location();
        assert!(place.starts_with("/callback/b?posted="), "{place}");
        assert!(!place.contains(form.split('&').next().unwrap()), "the code is sealed");
        assert!(whole.second.requests_to("/token").is_empty());
        // Elsewhere it is worth nothing.
        assert_eq!(whole.browser().open(&place).await.status, StatusCode::BAD_REQUEST);
        without.cookies.insert("vouchsafe-session-3000".to_owned(), session);
        assert_eq!(without.open(&place).await.location(), "/account?link=linked");
        assert_eq!(without.json("/api/me").await["identities"], json!(["a", "b"]));
    }
}
