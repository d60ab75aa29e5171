//! A response that comes twice: one code is sent once.
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{Request, StatusCode};
use axum::routing::get;
use futures_util::future::join_all;
use tokio::time::timeout;
use vouchsafe::seal::KeyRing;
use vouchsafe_axum::{LoggedIn, LoginRejection, Logins};
use vouchsafe_sandbox::{Endpoint, Fault, Sandbox};

use crate::scenario::{Browser, Log, SECRET, Scenario, client, logins, site};

/// A browser whose response is there, at a provider that takes its time over the token request.
async fn slow(scenario: &Scenario, login: &str) -> (Browser, String) {
    let mut browser = scenario.browser();
    let url = browser.get(login).await.location();
    let callback = scenario.sandbox.person("alice").allow(&url).await.unwrap();
    scenario.sandbox.fault_once(Fault::slow(Duration::from_millis(300)).at(Endpoint::Token));
    (browser, callback)
}

fn codes_sent(scenario: &Scenario) -> usize {
    scenario.sandbox.requests_to("/token").len()
}

#[tokio::test]
async fn a_response_that_comes_twice_at_once_sends_one_code() {
    let scenario = Scenario::new().await;
    let (browser, callback) = slow(&scenario, "/login?return_to=/inbox?page=2%26x=%27").await;
    let log = Log::start();
    let mut browsers = vec![browser; 4];
    let mut pages = join_all(browsers.iter_mut().map(|browser| browser.get(&callback))).await;
    assert_eq!(codes_sent(&scenario), 1);
    pages.sort_by_key(|page| page.status);
    assert_eq!(pages[0].status, StatusCode::OK);
    for page in &pages[1..] {
        assert_eq!(page.status, StatusCode::CONFLICT);
        assert!(page.text.contains("<h1>You are being signed in</h1>"), "{}", page.text);
        assert!(page.text.contains("<a href=\"/inbox?page=2&amp;x=&#39;\">Continue</a>"), "{}", page.text);
        assert!(page.headers[SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    }
    let lines = log.take();
    assert_eq!(lines.matches("INFO vouchsafe_web message=nobody was signed in fault=Repeated ").count(), 3);
    // The tokens of the first are good: nothing made the provider end them.
    assert!(pages[0].text.starts_with("alice@example.com"), "{}", pages[0].text);
}

#[tokio::test]
async fn a_response_that_comes_again_as_a_form_sends_no_second_code() {
    let scenario = Scenario::new().await;
    let (mut browser, callback) = slow(&scenario, "/login?response_mode=form_post").await;
    let mut copy = browser.clone();
    let form = "application/x-www-form-urlencoded";
    let (first, second) = tokio::join!(browser.post(&callback, form), copy.post(&callback, form));
    assert_eq!((first.status, second.status), (StatusCode::OK, StatusCode::CONFLICT));
    assert_eq!(codes_sent(&scenario), 1);
}

#[tokio::test]
async fn a_code_is_sent_once_whichever_layer_its_response_comes_to() {
    let scenario = Scenario::new().await;
    let (mut browser, callback) = slow(&scenario, "/login").await;
    // As where the logins are made anew for each request.
    let mut other = Browser { site: site(logins(&scenario.sandbox, &SECRET)), ..browser.clone() };
    let (first, second) = tokio::join!(browser.get(&callback), other.get(&callback));
    assert_eq!((first.status, second.status), (StatusCode::OK, StatusCode::CONFLICT));
    assert_eq!(codes_sent(&scenario), 1);
}

#[tokio::test]
async fn a_response_that_comes_again_later_sends_no_second_code() {
    let scenario = Scenario::new().await;
    let mut browser = scenario.browser();
    let callback = scenario.sandbox.person("alice").allow(&browser.start().await).await.unwrap();
    let mut copy = browser.clone();
    assert_eq!(browser.get(&callback).await.status, StatusCode::OK);
    let log = Log::start();
    assert_eq!(copy.get(&callback).await.status, StatusCode::BAD_REQUEST);
    let line = log.take();
    assert!(line.starts_with("INFO ") && line.contains("another request sent the code"), "{line}");
    assert_eq!(codes_sent(&scenario), 1);
    assert!(copy.cookies.is_empty());
}

#[tokio::test]
async fn a_code_of_a_request_that_the_browser_gave_up_is_not_sent_again() {
    let scenario = Scenario::new().await;
    let (browser, callback) = slow(&scenario, "/login").await;
    let path = callback.strip_prefix("http://127.0.0.1:3000").unwrap();
    let ask = || browser.ask(Request::get(path).header(COOKIE, browser.cookie()), Body::empty());
    // The connection closes, and the handler is dropped where it waits for the tokens.
    assert!(timeout(Duration::from_millis(100), ask()).await.is_err());
    let page = ask().await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST, "{}", page.text);
    assert!(page.text.contains("<h1>This sign-in is no longer valid</h1>"), "{}", page.text);
    assert_eq!(codes_sent(&scenario), 1);
}

#[tokio::test]
async fn a_response_that_is_refused_before_its_code_is_sent_ends_no_other() {
    let scenario = Scenario::new().await;
    let mut browser = scenario.browser();
    let callback = scenario.sandbox.person("alice").allow(&browser.start().await).await.unwrap();
    let forged = callback.replace("&iss=http%3A%2F%2F", "&iss=https%3A%2F%2F");
    assert_eq!(browser.clone().get(&forged).await.status, StatusCode::BAD_GATEWAY);
    assert_eq!(browser.get(&callback).await.status, StatusCode::OK);
}

#[tokio::test]
async fn other_logins_go_on_meanwhile() {
    let scenario = Scenario::new().await;
    let (browser, callback) = slow(&scenario, "/login").await;
    let mut many = Vec::new();
    for _ in 0..20 {
        let mut browser = scenario.browser();
        let callback = scenario.sandbox.person("alice").allow(&browser.start().await).await.unwrap();
        many.push((browser, callback));
    }
    many.push((browser, callback));
    let pages = join_all(many.iter_mut().map(|(browser, callback)| browser.get(callback))).await;
    assert!(pages.iter().all(|page| page.status == StatusCode::OK));
    assert_eq!(codes_sent(&scenario), 21);
}

#[tokio::test]
async fn an_application_learns_that_a_response_came_twice() {
    let sandbox = Sandbox::start().await.unwrap();
    let callback = |user: Result<LoggedIn, LoginRejection>| async move {
        match user {
            Ok(_) => "in".to_owned(),
            Err(rejection) => format!("{:?}", rejection.fault()),
        }
    };
    let logins = Logins::new(client(sandbox.issuer(), &sandbox), KeyRing::generate().unwrap());
    let own = Router::new().route("/callback", get(callback));
    let site =
        Router::new().merge(logins.clone().routes("/login", "/unused", callback)).merge(own.layer(logins));
    let mut browser = Browser::at(site);
    let callback = sandbox.person("alice").allow(&browser.start().await).await.unwrap();
    sandbox.fault_once(Fault::slow(Duration::from_millis(300)).at(Endpoint::Token));
    let mut copy = browser.clone();
    let (first, second) = tokio::join!(browser.get(&callback), copy.get(&callback));
    assert_eq!((&*first.text, &*second.text), ("in", "Repeated"));
}
