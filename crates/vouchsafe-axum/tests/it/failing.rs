use axum::Router;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, X_FRAME_OPTIONS};
use axum::routing::get;
use vouchsafe_axum::{CookieKey, LoggedIn, LoginFault, LoginRejection, Logins, StartLogin};

use crate::scenario::{Browser, Page, Scenario, client, logins, site};

/// A login that alice has allowed, and the browser that started it.
async fn allowed(scenario: &Scenario) -> (Browser, String) {
    let mut browser = scenario.browser();
    let url = browser.start().await;
    let callback = scenario.sandbox.person("alice").allow(&url).await.unwrap();
    (browser, callback)
}

fn assert_stale(page: &Page) {
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(page.text.contains("<h1>This sign-in is no longer valid</h1>"), "{}", page.text);
    assert!(page.text.contains("<a href=\"/login\">Try again</a>"), "{}", page.text);
}

fn codes_sent(scenario: &Scenario) -> usize {
    scenario.sandbox.requests_to("/token").len()
}

#[tokio::test]
async fn a_callback_without_a_cookie_is_refused() {
    let scenario = Scenario::new().await;
    let (mut browser, callback) = allowed(&scenario).await;
    browser.cookies.clear();
    assert_stale(&browser.get(&callback).await);
    assert_eq!(codes_sent(&scenario), 0);
}

#[tokio::test]
async fn a_callback_in_another_browser_is_refused() {
    let scenario = Scenario::new().await;
    let (_, callback) = allowed(&scenario).await;
    let mut victim = scenario.browser();
    victim.start().await;
    assert_stale(&victim.get(&callback).await);
    assert_eq!(codes_sent(&scenario), 0);
    // The victim's own login goes on.
    assert_eq!(victim.cookies.len(), 1);
}

#[tokio::test]
async fn a_tampered_cookie_is_refused() {
    let scenario = Scenario::new().await;
    let (mut browser, callback) = allowed(&scenario).await;
    let value = browser.cookies.values_mut().next().unwrap();
    let middle = value.len() / 2;
    let other = if value[middle..].starts_with('A') { "E" } else { "A" };
    value.replace_range(middle..=middle, other);
    assert_stale(&browser.get(&callback).await);
}

#[tokio::test]
async fn a_cookie_under_another_name_is_refused() {
    let scenario = Scenario::new().await;
    let (mut browser, callback) = allowed(&scenario).await;
    let value = std::mem::take(&mut browser.cookies).into_values().next().unwrap();
    browser.cookies.insert("__Host-vouchsafe-login-AAAAAAAA".to_owned(), value);
    assert_stale(&browser.get(&callback).await);
}

#[tokio::test]
async fn planted_cookies_do_not_hide_the_real_one() {
    let scenario = Scenario::new().await;
    let (mut browser, callback) = allowed(&scenario).await;
    for i in 0..100 {
        browser.cookies.insert(format!("vouchsafe-login-3000-!{i}"), "AAAA".repeat(20));
    }
    assert_eq!(browser.get(&callback).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_cookie_sealed_with_another_key_is_refused() {
    let scenario = Scenario::new().await;
    let (mut browser, callback) = allowed(&scenario).await;
    browser.site = site(logins(&scenario.sandbox, &[8; 32]));
    assert_stale(&browser.get(&callback).await);
}

#[tokio::test]
async fn a_callback_comes_once() {
    let scenario = Scenario::new().await;
    let (mut browser, callback) = allowed(&scenario).await;
    assert_eq!(browser.get(&callback).await.status, StatusCode::OK);
    assert_stale(&browser.get(&callback).await);
}

#[tokio::test]
async fn a_callback_comes_once_even_if_the_browser_keeps_the_cookie() {
    let scenario = Scenario::new().await;
    let (mut browser, callback) = allowed(&scenario).await;
    let mut copy = browser.clone();
    assert_eq!(browser.get(&callback).await.status, StatusCode::OK);
    assert_stale(&copy.get(&callback).await);
}

#[tokio::test]
async fn a_forged_response_does_not_end_the_login() {
    let scenario = Scenario::new().await;
    let (mut browser, callback) = allowed(&scenario).await;
    for forged in ["/callback", "/callback?error=access_denied", "/callback?code=x&state=y"] {
        assert_stale(&browser.get(forged).await);
    }
    assert_eq!(browser.get(&callback).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_state_that_comes_twice_is_refused() {
    let scenario = Scenario::new().await;
    let (mut browser, callback) = allowed(&scenario).await;
    assert_stale(&browser.get(&format!("{callback}&state=x")).await);
    assert_eq!(codes_sent(&scenario), 0);
}

#[tokio::test]
async fn whoever_denies_is_told_so_kindly() {
    let scenario = Scenario::new().await;
    let mut browser = scenario.browser();
    let url = browser.start().await;
    let callback = scenario.sandbox.person("alice").deny(&url).await.unwrap();
    let page = browser.get(&callback).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(page.text.contains("<h1>You were not signed in</h1>"), "{}", page.text);
    assert!(page.headers[CONTENT_SECURITY_POLICY].to_str().unwrap().contains("style-src 'sha256-"));
    assert_eq!(page.headers[X_FRAME_OPTIONS], "DENY");
    assert_eq!(browser.cookies.len(), 0);
}

#[tokio::test]
async fn a_provider_out_of_reach_is_no_fault_of_the_person() {
    let scenario = Scenario::new().await;
    let gone = client("http://127.0.0.1:9", &scenario.sandbox);
    let site = site(Logins::new(gone, CookieKey::generate().unwrap()));
    let page = Browser { site, cookies: Default::default() }.get("/login").await;
    assert_eq!(page.status, StatusCode::BAD_GATEWAY);
    assert!(page.text.contains("no connection to http://127.0.0.1:9"), "{}", page.text);
}

#[tokio::test]
async fn a_way_back_to_another_site_is_refused() {
    let scenario = Scenario::new().await;
    let mut browser = scenario.browser();
    for evil in ["https://evil.example", "//evil.example", "/%5Cevil.example", "/%09/evil.example", "inbox"] {
        let page = browser.get(&format!("/login?return_to={evil}")).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{evil}");
        assert!(page.text.contains("This link leads somewhere else"), "{evil}");
    }
    assert_eq!(browser.cookies.len(), 0);
}

#[tokio::test]
async fn an_unknown_client_is_not_found() {
    let scenario = Scenario::new().await;
    let page = scenario.browser().get("/login?at=nobody").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_login_that_does_not_fit_into_a_cookie_is_not_started() {
    let scenario = Scenario::new().await;
    let mut browser = scenario.browser();
    let page = browser.get(&format!("/login?data={}", "x".repeat(4000))).await;
    assert_eq!(page.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(page.text.contains("does not fit into a cookie"), "{}", page.text);
}

#[tokio::test]
async fn without_the_layer_the_developer_is_told() {
    let site = Router::new()
        .route("/login", get(|login: StartLogin| async { login.await }))
        .route("/callback", get(|_: LoggedIn| async {}));
    let mut browser = Browser { site, cookies: Default::default() };
    for path in ["/login", "/callback"] {
        let page = browser.get(path).await;
        assert_eq!(page.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(page.text.contains("add .layer(logins) to the router"), "{}", page.text);
    }
}

#[tokio::test]
async fn an_application_may_answer_in_its_own_words() {
    let scenario = Scenario::new().await;
    let callback = |user: Result<LoggedIn, LoginRejection>| async move {
        let rejection = user.err().unwrap();
        assert_eq!(rejection.fault(), LoginFault::Denied);
        assert!(rejection.error().unwrap().is_denied());
        "As you like."
    };
    let site = Router::new()
        .route("/login", get(|login: StartLogin| async { login.await }))
        .route("/callback", get(callback))
        .layer(logins(&scenario.sandbox, &[7; 32]));
    let mut browser = Browser { site, cookies: Default::default() };
    let url = browser.start().await;
    let callback = scenario.sandbox.person("alice").deny(&url).await.unwrap();
    assert_eq!(browser.get(&callback).await.text, "As you like.");
    assert_eq!(browser.cookies.len(), 0);
}
