use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONTENT_SECURITY_POLICY, X_FRAME_OPTIONS};
use axum::http::{Request, StatusCode};
use axum::routing::get;
use tokio::net::TcpListener;
use vouchsafe::seal::KeyRing;
use vouchsafe::{Client, Http, Provider, Registration};
use vouchsafe_axum::{LoggedIn, LoginFault, LoginRejection, Logins, StartLogin};
use vouchsafe_sandbox::Fault;

use crate::scenario::{Browser, Log, Page, REDIRECT_URI, SECRET, Scenario, client, logins, site};

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
    browser.cookies.insert("__Host-vouchsafe-login-01b585a5c35a-0".to_owned(), value);
    assert_stale(&browser.get(&callback).await);
}

#[tokio::test]
async fn planted_cookies_do_not_hide_the_real_one() {
    let scenario = Scenario::new().await;
    let (mut browser, callback) = allowed(&scenario).await;
    for i in 0..100 {
        browser.cookies.insert(format!("vouchsafe-login-3000-!{i}"), "AAAA".repeat(20));
        browser.cookies.insert(format!("vouchsafe-login-3000-01b585a5c35a-{i}!"), "AAAA".repeat(20));
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
    let log = Log::start();
    let page = Browser::at(site(Logins::new(gone, KeyRing::generate().unwrap()))).get("/login").await;
    assert_eq!(page.status, StatusCode::BAD_GATEWAY);
    assert!(!page.text.contains("127.0.0.1"), "{}", page.text);
    let line = log.take();
    assert!(line.starts_with("WARN vouchsafe_web") && line.contains("fault=Provider"), "{line}");
    assert!(line.contains("could not connect to http://127.0.0.1:9"), "{line}");
    assert!(line.contains("onnection refused"), "the cause of the cause: {line}");
    assert_eq!(line.lines().count(), 1, "{line}");
}

/// A port that nobody answers at, and one that takes connections and says nothing.
async fn silent() -> (String, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (format!("http://{}", listener.local_addr().unwrap()), listener)
}

#[tokio::test]
async fn a_visitor_learns_nothing_of_what_is_where() {
    let scenario = Scenario::new().await;
    let (silent, _listener) = silent().await;
    let (issuer, log) = (scenario.sandbox.issuer(), Log::start());
    let nobodys = format!("{issuer}/nothing");
    let mut pages = Vec::new();
    for (issuer, public_alone) in [
        ("http://127.0.0.1:9", false),
        (&*silent, false),
        (&*nobodys, false),
        (issuer, true),
        ("https://no-such-host.invalid", true),
    ] {
        let http = Http::builder().timeout(Duration::from_millis(200));
        let http = if public_alone { http.public_addresses_only() } else { http }.build().unwrap();
        let registration = Registration::new("me").redirect_uri(REDIRECT_URI);
        let client = Client::new(Provider::openid(issuer), registration, &http).unwrap();
        let page = Browser::at(site(Logins::new(client, KeyRing::generate().unwrap()))).get("/login").await;
        assert_eq!(page.status, StatusCode::BAD_GATEWAY);
        let line = log.take();
        let host = issuer.split('/').nth(2).unwrap();
        assert!(line.contains(host.split(':').next().unwrap()), "{line}");
        pages.push((format!("{:?}", page.headers), page.text));
    }
    pages.dedup();
    assert_eq!(pages.len(), 1, "{pages:#?}");
}

#[tokio::test]
async fn no_page_repeats_what_a_parameter_or_the_provider_says() {
    let scenario = Scenario::new().await;
    let log = Log::start();
    let said = "error=server_error&error_description=marked+words&error_uri=https://marked.example";
    let mut browser = scenario.browser();
    let url = browser.start().await;
    let state = url.split("state=").nth(1).unwrap().split('&').next().unwrap();
    let issuer = scenario.sandbox.issuer();
    let page = browser.get(&format!("/callback?{said}&iss={issuer}&state={state}")).await;
    assert_eq!(page.status, StatusCode::BAD_GATEWAY);
    assert!(!page.text.contains("marked") && !page.text.contains("server_error"), "{}", page.text);
    assert!(log.take().contains("marked words"));

    scenario.sandbox.fault_once(Fault::SERVER_ERROR);
    let (mut browser, callback) = allowed(&scenario).await;
    let page = browser.get(&callback).await;
    assert_eq!(page.status, StatusCode::BAD_GATEWAY);
    assert!(!page.text.contains("127.0.0.1") && !page.text.contains("500"), "{}", page.text);
    assert!(log.take().contains("127.0.0.1"));
}

#[tokio::test]
async fn a_response_of_another_issuer_is_no_fault_of_the_person() {
    let scenario = Scenario::new().await;
    let log = Log::start();
    let (mut browser, callback) = allowed(&scenario).await;
    let others = callback.replace("&iss=http%3A%2F%2F", "&iss=https%3A%2F%2F");
    let nobodys = callback.replace("&iss=", "&iss_=");
    for forged in [&others, &nobodys] {
        assert_ne!(*forged, callback);
        let page = browser.clone().get(forged).await;
        assert_eq!(page.status, StatusCode::BAD_GATEWAY, "{forged}");
        assert!(log.take().starts_with("WARN vouchsafe_web "));
    }
    assert_eq!(codes_sent(&scenario), 0);
    browser.get(&others).await;
    assert!(browser.cookies.is_empty(), "the login is over");
}

#[tokio::test]
async fn every_rejection_is_logged_once_whoever_answers() {
    let scenario = Scenario::new().await;
    let log = Log::start();
    let own = |_: Result<LoggedIn, LoginRejection>| async { "own words" };
    let site = Router::new()
        .route("/login", get(|_: Result<StartLogin, LoginRejection>| async { "own words" }))
        .route("/callback", get(own))
        .layer(logins(&scenario.sandbox, &SECRET));
    let mut browser = Browser::at(site);
    for (request, fault) in [
        (Request::get("/callback?code=x&state=y"), "Stale"),
        (Request::get("/callback").header("purpose", "prefetch"), "NoVisit"),
        (Request::get("/login").header("purpose", "prefetch"), "NoVisit"),
    ] {
        assert_eq!(browser.send(request, Body::empty()).await.text, "own words");
        let line = log.take();
        assert!(
            line.starts_with(&format!("INFO vouchsafe_web message=nobody was signed in fault={fault} ")),
            "{line}"
        );
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(!line.contains("code=x") && !line.contains("state=y"), "{line}");
    }
    let mut browser = scenario.browser();
    for (path, fault) in
        [("/login?at=nobody", "UnknownClient"), ("/login?return_to=//evil.example", "ReturnTo")]
    {
        browser.get(path).await;
        let line = log.take();
        assert!(line.contains(&format!("fault={fault} ")) && line.lines().count() == 1, "{line}");
    }
    // An application may make one of an error of its own.
    let own = client("http://127.0.0.1:9", &scenario.sandbox);
    let own = move || async move { own.metadata().await.map(|_| ()).map_err(LoginRejection::from) };
    Browser::at(Router::new().route("/", get(own))).get("/").await;
    let line = log.take();
    assert!(line.starts_with("WARN vouchsafe_web ") && line.lines().count() == 1, "{line}");
    let callback = scenario.sandbox.person("alice").deny(&browser.start().await).await.unwrap();
    browser.get(&callback).await;
    assert!(log.take().starts_with("INFO vouchsafe_web message=nobody was signed in fault=Denied "));
}

#[tokio::test]
async fn a_way_back_to_another_site_is_refused() {
    let scenario = Scenario::new().await;
    let mut browser = scenario.browser();
    for evil in [
        "https://evil.example",
        "//evil.example",
        "/%5Cevil.example",
        "/%09/evil.example",
        "inbox",
        "/.//evil.example",
        "/a/..//evil.example",
        "/%252e//evil.example",
    ] {
        let page = browser.get(&format!("/login?return_to={evil}")).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{evil}");
        assert!(page.text.contains("This link leads to another site"), "{evil}");
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
    let log = Log::start();
    for return_to in ["", "&return_to=/inbox"] {
        let page = browser.get(&format!("/login?data={}{return_to}", "x".repeat(1500))).await;
        assert_eq!(page.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(log.take().contains("does not fit into a cookie of 1280 bytes"));
    }
    assert!(browser.cookies.is_empty());
}

#[tokio::test]
async fn without_the_layer_the_developer_is_told() {
    let site = Router::new()
        .route("/login", get(|login: StartLogin| async { login.await }))
        .route("/callback", get(|_: LoggedIn| async {}));
    let (mut browser, log) = (Browser::at(site), Log::start());
    for path in ["/login", "/callback"] {
        let page = browser.get(path).await;
        assert_eq!(page.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(page.text.contains("<h1>Sign-in is not set up correctly</h1>"), "{}", page.text);
        let line = log.take();
        assert!(line.starts_with("WARN ") && line.contains("add .layer(logins) to the router"), "{line}");
        assert_eq!(line.lines().count(), 1, "{line}");
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
