//! Responses that the provider's page posts (OAuth 2.0 Form Post Response Mode).
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use axum::http::{Request, StatusCode};
use vouchsafe::seal::KeyRing;
use vouchsafe::{Client, Http, Provider, Registration};
use vouchsafe_axum::Logins;
use vouchsafe_sandbox::{ClientConfig, Sandbox};

use crate::scenario::{Browser, Page, Scenario, site, watched};

const FORM: &str = "application/x-www-form-urlencoded";
const LOGIN: &str = "/login?response_mode=form_post";

/// The response to a login that alice has allowed: the form, written as a query.
async fn allowed(sandbox: &Sandbox, url: &str) -> String {
    assert!(url.contains("&response_mode=form_post&"), "{url}");
    sandbox.person("alice").allow(url).await.unwrap()
}

fn cookie(page: &Page) -> &str {
    page.headers[SET_COOKIE].to_str().unwrap()
}

#[tokio::test]
async fn a_person_signs_in_by_a_form() {
    let scenario = Scenario::new().await;
    let mut browser = scenario.browser();
    for content_type in [FORM, "Application/X-WWW-Form-Urlencoded; charset=UTF-8"] {
        let page = browser.get(LOGIN).await;
        assert!(cookie(&page).ends_with("; HttpOnly; SameSite=Lax"), "{}", cookie(&page));
        let callback = allowed(&scenario.sandbox, &page.location()).await;
        let page = browser.post(&callback, content_type).await;
        assert_eq!(page.text, "alice@example.com at openid, to /, data none");
        assert_eq!(browser.cookies.len(), 0);
    }
}

#[tokio::test]
async fn over_https_the_cookie_goes_along_from_another_site() {
    let redirect_uri = "https://app.example/callback";
    let shop = ClientConfig::public("shop").redirect_uri(redirect_uri);
    let sandbox = Sandbox::builder().client(shop).start().await.unwrap();
    let registration = Registration::new("shop").redirect_uri(redirect_uri);
    let client =
        Client::new(Provider::openid(sandbox.issuer()), registration, &Http::new().unwrap()).unwrap();
    let site = site(Logins::new(client, KeyRing::generate().unwrap()));
    let mut browser = Browser { site, cookies: Default::default() };
    let page = browser.get(LOGIN).await;
    assert!(cookie(&page).starts_with("__Host-vouchsafe-login-"), "{}", cookie(&page));
    assert!(cookie(&page).ends_with("; HttpOnly; SameSite=None; Secure"), "{}", cookie(&page));

    let callback = allowed(&sandbox, &page.location()).await;
    let page = browser.post(&callback, FORM).await;
    assert!(page.text.starts_with("alice@example.com"), "{}", page.text);
    assert!(cookie(&page).ends_with("; Max-Age=0; HttpOnly; SameSite=None; Secure"), "{}", cookie(&page));
}

#[tokio::test]
async fn what_is_posted_and_is_no_form_is_refused_and_ends_nothing() {
    let scenario = Scenario::new().await;
    let mut browser = scenario.browser();
    let page = browser.get(LOGIN).await;
    let callback = allowed(&scenario.sandbox, &page.location()).await;
    let long = format!("{callback}&user={}", "x".repeat(64 * 1024));
    for (url, content_type) in
        [(&callback, "application/json"), (&callback, ""), (&callback, "multipart/form-data"), (&long, FORM)]
    {
        let page = browser.post(url, content_type).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST);
        assert!(page.text.contains("<h1>This sign-in could not be read</h1>"), "{}", page.text);
        assert!(page.text.contains("<a href=\"/login\">Try again</a>"), "{}", page.text);
    }
    assert_eq!(scenario.sandbox.requests_to("/token").len(), 0);
    assert_eq!(browser.post(&callback, FORM).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_form_without_a_login_cookie_is_not_read() {
    let scenario = Scenario::new().await;
    let mut stranger = scenario.browser();
    stranger.cookies.insert("vouchsafe-login-3000-01b585a5c35a-0".to_owned(), "AAAA".repeat(20));
    for cookies in [stranger.cookie(), String::new()] {
        let read = Arc::new(AtomicBool::new(false));
        let request = Request::post("/callback").header(CONTENT_TYPE, FORM).header(COOKIE, cookies);
        let page = stranger.ask(request, watched(&read)).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST);
        assert!(page.text.contains("no longer valid"), "{}", page.text);
        assert!(!read.load(Ordering::Relaxed));
    }
    // Whoever has one is listened to.
    let mut browser = scenario.browser();
    browser.get(LOGIN).await;
    let read = Arc::new(AtomicBool::new(false));
    let request = Request::post("/callback").header(CONTENT_TYPE, FORM);
    browser.send(request, watched(&read)).await;
    assert!(read.load(Ordering::Relaxed));
}

#[tokio::test]
async fn a_form_counts_and_the_query_beside_it_does_not() {
    let scenario = Scenario::new().await;
    let mut browser = scenario.browser();
    let page = browser.get(LOGIN).await;
    let callback = allowed(&scenario.sandbox, &page.location()).await;
    let query = callback.split_once('?').unwrap().1.to_owned();
    let page = browser.post_to(&format!("/callback?{query}"), "code=x&state=y", FORM).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(page.text.contains("no longer valid"), "{}", page.text);
    assert_eq!(browser.post(&callback, FORM).await.status, StatusCode::OK);
}

#[tokio::test]
async fn bytes_of_other_parameters_in_a_form_do_not_matter() {
    let scenario = Scenario::new().await;
    for other in [&b"campaign=\xf8st"[..], b"a=\xff&a=\xfe", b"\xc3\x28=\xff", b"&&=&\xc3"] {
        let mut browser = scenario.browser();
        let page = browser.get(LOGIN).await;
        let callback = allowed(&scenario.sandbox, &page.location()).await;
        let form = callback.split_once('?').unwrap().1.as_bytes();
        let body = [other, b"&", form].concat();
        let request = Request::post("/callback").header(CONTENT_TYPE, FORM);
        let page = browser.send(request, axum::body::Body::from(body)).await;
        assert_eq!(page.status, StatusCode::OK, "{other:?}: {}", page.text);
    }
    // In the parameters that count, they do.
    for (name, status) in [("state", StatusCode::BAD_REQUEST), ("iss", StatusCode::BAD_GATEWAY)] {
        let mut browser = scenario.browser();
        let page = browser.get(LOGIN).await;
        let callback = allowed(&scenario.sandbox, &page.location()).await;
        let (before, after) = callback.split_once('?').unwrap().1.split_once(&format!("{name}=")).unwrap();
        let body = [before.as_bytes(), name.as_bytes(), b"=\xff", after.as_bytes()].concat();
        let request = Request::post("/callback").header(CONTENT_TYPE, FORM);
        assert_eq!(browser.send(request, axum::body::Body::from(body)).await.status, status, "{name}");
    }
}

#[tokio::test]
async fn percent_encoded_bytes_of_other_parameters_do_not_matter() {
    let scenario = Scenario::new().await;
    for other in ["campaign=%f8st", "%ff=x", "user=%c3%28&user=%ff", "session_state=%FF"] {
        for posted in [false, true] {
            let mut browser = scenario.browser();
            let page = browser.get(LOGIN).await;
            let callback = format!("{}&{other}", allowed(&scenario.sandbox, &page.location()).await);
            let page =
                if posted { browser.post(&callback, FORM).await } else { browser.get(&callback).await };
            assert_eq!(page.status, StatusCode::OK, "{other}: {}", page.text);
        }
    }
    // In a parameter that a check depends on, they do.
    for (name, status) in [("state", StatusCode::BAD_REQUEST), ("iss", StatusCode::BAD_GATEWAY)] {
        let mut browser = scenario.browser();
        let page = browser.get(LOGIN).await;
        let callback = allowed(&scenario.sandbox, &page.location()).await;
        let callback = callback.replace(&format!("{name}="), &format!("{name}=%ff"));
        assert_eq!(browser.get(&callback).await.status, status, "{name}");
    }
}
