//! Silent sign-in: `prompt=none`, and a provider that would have to show a page.
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, LOCATION};
use axum::routing::get;
use axum::{Router, body::Body, http::Request};
use vouchsafe_axum::{LoggedIn, LoginFault, LoginRejection, StartLogin};

use crate::scenario::{Browser, Log, SECRET, Scenario, logins};

/// The response with that error to the login that this URL started.
fn refusal(scenario: &Scenario, url: &str, error: &str) -> String {
    let state = url.split("state=").nth(1).unwrap().split('&').next().unwrap();
    format!("/callback?error={error}&iss={}&state={state}", scenario.sandbox.issuer())
}

#[tokio::test]
async fn a_visitor_who_is_signed_out_at_the_provider_goes_on_signed_out() {
    let scenario = Scenario::new().await;
    for error in ["login_required", "interaction_required", "consent_required", "account_selection_required"]
    {
        for (wish, path) in [("&return_to=/inbox?page=2", "/inbox?page=2"), ("", "/")] {
            let (mut browser, log) = (scenario.browser(), Log::start());
            let url = browser.get(&format!("/login?prompt=none{wish}")).await.location();
            let page = browser.get(&refusal(&scenario, &url, error)).await;
            assert_eq!(page.status, StatusCode::SEE_OTHER, "{error}: {}", page.text);
            assert_eq!(page.headers[LOCATION], path, "{error}");
            assert_eq!(page.headers[CACHE_CONTROL], "no-store", "{error}");
            assert!(browser.cookies.is_empty(), "the login is over");
            let line = log.take();
            assert!(line.starts_with("INFO ") && line.contains("fault=InteractionRequired "), "{line}");
        }
    }
    assert!(scenario.sandbox.requests_to("/token").is_empty());
}

#[tokio::test]
async fn the_sandbox_says_that_nobody_is_signed_in() {
    let scenario = Scenario::new().await;
    let mut browser = scenario.browser();
    let url = browser.get("/login?prompt=none&return_to=/inbox").await.location();
    let callback = scenario.sandbox.person("alice").allow(&url).await.unwrap();
    assert!(callback.contains("error=login_required"), "{callback}");
    assert_eq!(browser.get(&callback).await.location(), "/inbox");
}

#[tokio::test]
async fn a_login_that_may_show_pages_gets_one() {
    let scenario = Scenario::new().await;
    for start in ["/login?return_to=/inbox", "/login?prompt=login&return_to=/inbox"] {
        let mut browser = scenario.browser();
        let url = browser.get(start).await.location();
        let page = browser.get(&refusal(&scenario, &url, "interaction_required")).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{start}");
        assert!(page.text.contains("<h1>The provider has a question for you</h1>"), "{}", page.text);
        assert!(page.text.contains("<a href=\"/login\">Try again</a>"), "{}", page.text);
    }
}

#[tokio::test]
async fn another_error_of_a_silent_login_is_the_same_page_as_ever() {
    let scenario = Scenario::new().await;
    for (error, status) in
        [("server_error", StatusCode::BAD_GATEWAY), ("access_denied", StatusCode::FORBIDDEN)]
    {
        let mut browser = scenario.browser();
        let url = browser.get("/login?prompt=none").await.location();
        assert_eq!(browser.get(&refusal(&scenario, &url, error)).await.status, status, "{error}");
    }
    // A forged response, which belongs to no login, leads nowhere.
    let page = scenario.browser().get("/callback?error=login_required&state=x").await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_application_learns_of_it_and_of_the_path() {
    let scenario = Scenario::new().await;
    let callback = |user: Result<LoggedIn, LoginRejection>| async move {
        let rejection = user.err().unwrap();
        assert_eq!(rejection.fault(), LoginFault::InteractionRequired);
        assert_eq!(rejection.status(), StatusCode::SEE_OTHER);
        rejection.return_to().unwrap().to_owned()
    };
    let login =
        |login: StartLogin| async { login.return_to("/inbox").customise(|login| login.prompt("none")).await };
    let site = Router::new().route("/login", get(login)).route("/callback", get(callback));
    let mut browser = Browser::at(site.layer(logins(&scenario.sandbox, &SECRET)));
    let url = browser.send(Request::get("/login"), Body::empty()).await.location();
    assert_eq!(browser.get(&refusal(&scenario, &url, "login_required")).await.text, "/inbox");
}
