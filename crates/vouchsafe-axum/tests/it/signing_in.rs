//! People sign in: what they see, and what the application gets.
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, SET_COOKIE};
use axum::http::{Request, StatusCode};
use axum::routing::get;
use vouchsafe::seal::KeyRing;
use vouchsafe::{Client, Http, Provider, Registration};
use vouchsafe_axum::{LoggedIn, Logins, StartLogin};
use vouchsafe_sandbox::{ClientConfig, Sandbox};

use crate::scenario::{Browser, SECRET, Scenario, logins, site};

#[tokio::test]
async fn a_person_signs_in() {
    let scenario = Scenario::new().await;
    let mut browser = scenario.browser();
    let url = browser.start().await;
    let callback = scenario.sandbox.person("alice").allow(&url).await.unwrap();
    let page = browser.get(&callback).await;
    assert_eq!(page.text, "alice@example.com at openid, to /, data none");
    assert_eq!(page.headers[CACHE_CONTROL], "no-store");
}

#[tokio::test]
async fn the_cookie_is_gone_when_the_login_is_finished() {
    let scenario = Scenario::new().await;
    let mut browser = scenario.browser();
    let url = browser.start().await;
    assert_eq!(browser.cookies.len(), 1);
    let callback = scenario.sandbox.person("alice").allow(&url).await.unwrap();
    browser.get(&callback).await;
    assert_eq!(browser.cookies.len(), 0);
}

#[tokio::test]
async fn the_cookie_is_for_http_alone_short_lived_and_not_sent_across_sites() {
    let scenario = Scenario::new().await;
    let page = scenario.browser().get("/login").await;
    let cookie = page.headers[SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("vouchsafe-login-3000-"), "{cookie}");
    assert!(cookie.ends_with("; Path=/; Max-Age=600; HttpOnly; SameSite=Lax"), "{cookie}");
}

#[tokio::test]
async fn with_an_https_redirect_uri_the_cookie_is_secure() {
    let redirect_uri = "https://app.example/callback";
    let shop = ClientConfig::public("shop").redirect_uri(redirect_uri);
    let sandbox = Sandbox::builder().client(shop).start().await.unwrap();
    let registration = Registration::new("shop").redirect_uri(redirect_uri);
    let client =
        Client::new(Provider::openid(sandbox.issuer()), registration, &Http::new().unwrap()).unwrap();
    let mut browser = Browser {
        site: site(Logins::new(client, KeyRing::generate().unwrap())),
        cookies: Default::default(),
    };
    let page = browser.get("/login").await;
    let cookie = page.headers[SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("__Host-vouchsafe-login-") && cookie.ends_with("; Secure"), "{cookie}");

    let callback = sandbox.person("alice").allow(&page.location()).await.unwrap();
    let page = browser.get(callback.strip_prefix("https://app.example").unwrap()).await;
    assert!(page.text.starts_with("alice@example.com"), "{}", page.text);
}

#[tokio::test]
async fn the_cookie_tells_nothing() {
    let scenario = Scenario::new().await;
    let mut browser = scenario.browser();
    let url = browser.get("/login?data=my-own-data").await.location();
    let state = url.split("state=").nth(1).unwrap().split('&').next().unwrap();
    let value = browser.cookies.values().next().unwrap();
    for hidden in [state, "verifier", "my-own-data"] {
        assert!(!value.contains(hidden));
    }
}

#[tokio::test]
async fn path_and_data_come_back() {
    let scenario = Scenario::new().await;
    let mut browser = scenario.browser();
    let url = browser.get("/login?return_to=/inbox%3Fpage=2&data=x&at=second").await.location();
    let callback = scenario.sandbox.person("alice").allow(&url).await.unwrap();
    let page = browser.get(&callback).await;
    assert_eq!(page.text, "alice@example.com at second, to /inbox?page=2, data x");
}

#[tokio::test]
async fn logins_in_two_tabs_do_not_disturb_each_other() {
    let scenario = Scenario::new().await;
    let mut browser = scenario.browser();
    let first = browser.start().await;
    let second = browser.start().await;
    for url in [second, first] {
        let callback = scenario.sandbox.person("alice").allow(&url).await.unwrap();
        assert_eq!(browser.get(&callback).await.status, StatusCode::OK);
    }
    assert_eq!(browser.cookies.len(), 0);
}

#[tokio::test]
async fn of_too_many_logins_the_new_ones_are_kept() {
    let scenario = Scenario::new().await;
    let mut browser = scenario.browser();
    let mut url = String::new();
    for _ in 0..20 {
        url = browser.start().await;
    }
    assert_eq!(browser.cookies.len(), 4);
    let callback = scenario.sandbox.person("alice").allow(&url).await.unwrap();
    assert_eq!(browser.get(&callback).await.status, StatusCode::OK);
}

#[tokio::test]
async fn another_instance_with_the_same_secret_finishes_the_login() {
    let scenario = Scenario::new().await;
    let mut browser = scenario.browser();
    let url = browser.start().await;
    let callback = scenario.sandbox.person("alice").allow(&url).await.unwrap();
    browser.site = site(logins(&scenario.sandbox, &SECRET));
    assert_eq!(browser.get(&callback).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_logins_may_be_chosen_by_the_request() {
    let sandbox = Sandbox::start().await.unwrap();
    let logins = logins(&sandbox, &SECRET);
    let choose = axum::middleware::from_fn(move |request, next| logins.clone().run(request, next));
    let site = Router::new().route("/login", get(|login: StartLogin| async { login.await })).layer(choose);
    let mut browser = Browser { site, cookies: Default::default() };
    assert!(browser.start().await.starts_with(sandbox.issuer()));
    assert_eq!(browser.cookies.len(), 1);
}

#[tokio::test]
async fn the_ready_made_routes_sign_people_in() {
    let sandbox = Sandbox::start().await.unwrap();
    let hello = |user: LoggedIn| async move {
        format!("{} at {}, to {}", user.identity.verified_email().unwrap(), user.client_name, user.return_to)
    };
    let routes = logins(&sandbox, &SECRET).routes("/sign-in", "/{*callback}", hello);
    let mut browser = Browser::at(Router::new().merge(routes));
    for (login, place) in [
        ("/sign-in", "openid, to /"),
        ("/sign-in?return_to=/inbox%3Fpage=2", "openid, to /inbox?page=2"),
        ("/sign-in?client=second&return_to=/", "second, to /"),
    ] {
        let url = browser.get(login).await.location();
        let callback = sandbox.person("alice").allow(&url).await.unwrap();
        assert_eq!(browser.get(&callback).await.text, format!("alice@example.com at {place}"));
    }
    let url = browser.get("/sign-in").await.location();
    let callback = sandbox.person("alice").allow(&url).await.unwrap();
    let page = browser.post(&callback, "application/x-www-form-urlencoded").await;
    assert_eq!(page.text, "alice@example.com at openid, to /", "by a form");

    for (login, status) in [
        ("/sign-in?return_to=//evil.example", StatusCode::BAD_REQUEST),
        ("/sign-in?return_to=https://evil.example", StatusCode::BAD_REQUEST),
        ("/sign-in?return_to=/a&return_to=/b", StatusCode::BAD_REQUEST),
        ("/sign-in?client=nobody", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(browser.get(login).await.status, status, "{login}");
    }
    let ahead = Request::get("/sign-in").header("sec-purpose", "prefetch");
    assert_eq!(browser.send(ahead, Body::empty()).await.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.send(Request::head("/sign-in"), Body::empty()).await.status, StatusCode::FORBIDDEN);
    assert!(browser.cookies.is_empty());
}

#[tokio::test]
async fn a_handler_refreshes_with_the_client_of_the_login() {
    let sandbox = Sandbox::start().await.unwrap();
    let logins = logins(&sandbox, &SECRET);
    let refresh = |State(logins): State<Logins>, user: LoggedIn| async move {
        assert!(logins.client("nobody").is_none());
        let client = logins.client(&user.client_name).unwrap();
        let fresh = client.refresh(&user.tokens).await.unwrap();
        assert_ne!(fresh.access_token(), user.tokens.access_token());
        user.0.client_name
    };
    let routes = logins.clone().routes("/login", "/{*callback}", refresh).with_state(logins);
    let mut browser = Browser::at(routes);
    for name in ["openid", "second"] {
        let url = browser.get(&format!("/login?client={name}")).await.location();
        let callback = sandbox.person("alice").allow(&url).await.unwrap();
        assert_eq!(browser.get(&callback).await.text, name);
    }
}
