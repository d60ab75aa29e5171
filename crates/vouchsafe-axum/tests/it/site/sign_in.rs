//! Signing in: the page, the login, and the session that begins.
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{Method, StatusCode};

use crate::site::scenario::{Whole, navigation};

#[tokio::test]
async fn a_person_chooses_a_provider_and_comes_back_signed_in() {
    for whole in [Whole::new().await, Whole::in_cookies().await] {
        let mut browser = whole.browser();
        let page = browser.open("/sign-in?return_to=/protected%3Fpage%3D2").await;
        assert_eq!(page.status, StatusCode::OK);
        let link = "/login/a?return_to=%2Fprotected%3Fpage%3D2";
        assert!(page.text.contains(&format!("href=\"{link}\"")), "{}", page.text);
        assert!(page.text.contains("href=\"/login/b?return_to=%2Fprotected%3Fpage%3D2\""), "{}", page.text);
        let page = whole.walk(&mut browser, link, "alice").await;
        assert_eq!(page.location(), "/protected?page=2");
        assert_eq!(browser.cookies.len(), 1, "the login's cookie is gone: {:?}", browser.cookies.keys());
        assert!(browser.open("/protected?page=2").await.text.ends_with(" at a"));
        assert_eq!(browser.open("/").await.text, "in");
        assert_eq!(whole.browser().open("/").await.text, "out");
    }
}

#[tokio::test]
async fn an_unsafe_path_is_not_in_the_links() {
    let whole = Whole::new().await;
    for path in ["//evil.example", "https%3A%2F%2Fevil.example", "%2F%5Cevil.example", "/%09/evil.example"] {
        let page = whole.browser().open(&format!("/sign-in?return_to={path}")).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.text.contains("href=\"/login/a\"") && !page.text.contains("evil"), "{}", page.text);
        let mut browser = whole.browser();
        let page = browser.open(&format!("/login/a?return_to={path}")).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{path}");
        assert!(!page.text.contains("evil"), "{}", page.text);
        let page = browser.fetch(Method::GET, &format!("/login/a?return_to={path}")).await;
        assert_eq!((page.status, &*page.code()), (StatusCode::BAD_REQUEST, "return_to"));
        assert!(browser.cookies.is_empty());
    }
}

#[tokio::test]
async fn a_login_starts_for_a_person_alone() {
    let whole = Whole::new().await;
    let browser = whole.browser();
    let body = axum::body::Body::empty;
    for request in [
        navigation(Method::HEAD, "/login/a"),
        navigation(Method::GET, "/login/a").header("sec-purpose", "prefetch"),
        navigation(Method::GET, "/login/a").header("purpose", "prefetch"),
        axum::http::Request::get("/login/a").header("sec-fetch-dest", "image"),
        axum::http::Request::get("/login/a").header("sec-fetch-dest", "iframe"),
    ] {
        let page = browser.ask(request, body()).await;
        assert!(page.status.is_client_error(), "{}", page.status);
        assert!(!page.headers.contains_key(SET_COOKIE) && !page.headers.contains_key(LOCATION));
    }
    assert!(whole.first.requests().is_empty());
    let page = whole.browser().open("/login/nobody").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.text.contains("href=\"/sign-in\""), "{}", page.text);
    let page = whole.browser().fetch(Method::GET, "/login/nobody").await;
    assert_eq!(page.code(), "unknown_provider");
}

#[tokio::test]
async fn each_sign_in_has_a_new_session_and_ends_the_one_before() {
    let whole = Whole::new().await;
    let mut browser = whole.signed_in("alice").await;
    let before = browser.clone();
    let first = browser.json("/api/me").await;
    whole.sign_in(&mut browser, "alice").await;
    let second = browser.json("/api/me").await;
    assert_eq!(first["account"], second["account"]);
    assert_ne!(first["session"], second["session"]);
    assert_ne!(before.session_cookie(), browser.session_cookie());
    let mut before = before;
    assert_eq!(before.json("/api/me").await["error"], "login_required");
}

#[tokio::test]
async fn a_session_that_an_attacker_planted_is_not_the_person_s() {
    let whole = Whole::new().await;
    let attacker = whole.signed_in("bob").await;
    let mut victim = whole.browser();
    victim.cookies = attacker.cookies.clone();
    whole.sign_in(&mut victim, "alice").await;
    assert_ne!(victim.session_cookie(), attacker.session_cookie());
    let mut attacker = attacker;
    assert_eq!(attacker.json("/api/me").await["error"], "login_required", "it has not become the victim's");
    let mut other = whole.browser();
    other.cookies.insert("vouchsafe-session-3000".to_owned(), "x".repeat(43));
    whole.sign_in(&mut other, "alice").await;
    assert_ne!(other.session_cookie(), Some(&*"x".repeat(43)));
}

#[tokio::test]
async fn the_tokens_of_a_session_are_those_of_its_provider() {
    let whole = Whole::new().await;
    let mut browser = whole.signed_in("alice").await;
    let token = browser.fetch(Method::GET, "/api/token/a").await;
    assert_eq!(token.status, StatusCode::OK, "{}", token.text);
    assert_eq!(token.text, browser.fetch(Method::GET, "/api/token/a").await.text);
    let other = whole.signed_in("alice").await.fetch(Method::GET, "/api/token/a").await;
    assert_ne!(token.text, other.text, "another session has its own");
    for none in ["/api/token/b", "/api/token/nobody"] {
        let page = browser.fetch(Method::GET, none).await;
        assert_eq!((page.status, &*page.code()), (StatusCode::NOT_FOUND, "no_token"));
    }
}
