//! A site whose routes are below a path of their own.
use axum::http::{Method, StatusCode};
use vouchsafe::seal::KeyRing;
use vouchsafe_axum::Site;
use vouchsafe_sandbox::Sandbox;

use super::scenario::{PUBLIC, Whole, client};
use crate::scenario::SECRET;

#[tokio::test]
async fn every_route_and_every_link_is_below_the_prefix() {
    let whole = Whole::with(|builder, store| builder.store(store).prefix("/auth")).await;
    let mut browser = whole.browser();
    let sign_in = browser.open("/protected").await.location();
    assert_eq!(sign_in, "/auth/sign-in?return_to=%2Fprotected");
    let page = browser.open(&sign_in).await;
    assert!(page.text.contains("href=\"/auth/login/a?return_to=%2Fprotected\""), "{}", page.text);
    let url = browser.open("/auth/login/a?return_to=/protected").await.location();
    assert!(url.contains("redirect_uri=http%3A%2F%2F127.0.0.1%3A3000%2Fauth%2Fcallback%2Fa&"), "{url}");
    let callback = whole.first.person("alice").allow(&url).await.unwrap();
    assert_eq!(browser.open(&callback).await.location(), "/protected");
    assert_eq!(browser.open("/protected").await.status, StatusCode::OK);

    let step_up = browser.open("/strong").await.location();
    assert!(step_up.starts_with("/auth/step-up?return_to=%2Fstrong"), "{step_up}");
    assert!(browser.open(&step_up).await.location().contains("acr_values="));
    let devices = browser.open("/auth/devices").await;
    assert!(devices.text.contains("action=\"/auth/devices/revoke-all\""), "{}", devices.text);
    assert!(!devices.text.contains("action=\"/devices"), "{}", devices.text);
    let logout = browser.open("/auth/logout").await;
    assert_eq!(logout.text.matches("action=\"/auth/logout\"").count(), 2, "{}", logout.text);
    let refused = browser.fetch(Method::GET, "/admin").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(browser.open("/admin").await.text.contains("href=\"/auth/sign-in\""));
    assert_eq!(browser.submit("/auth/logout", "at=here").await.location(), "/auth/logged-out");
    assert!(browser.open("/auth/logged-out").await.text.contains("href=\"/auth/sign-in\""));
    let unauthorized = browser.fetch(Method::GET, "/api/me").await;
    assert!(
        unauthorized.text.contains("\"login_url\":\"/auth/sign-in?return_to=%2Fapi%2Fme\""),
        "{}",
        unauthorized.text
    );

    for path in ["/sign-in", "/login/a", "/callback/a", "/logout", "/authlogin/a", "/auth", "/AUTH/sign-in"] {
        assert_eq!(browser.open(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_prefix_that_is_no_plain_path_is_refused() {
    let sandbox = Sandbox::start().await.unwrap();
    for prefix in
        ["auth", "/", "/auth/", "//auth", "/a//b", "/../x", "/a?b", "/a#b", "/a%2f", "/a b", "https://x"]
    {
        let site = Site::builder(PUBLIC, KeyRing::new(&SECRET).unwrap()).provider(client(&sandbox));
        let error = site.prefix(prefix).build().unwrap_err().to_string();
        assert!(error.contains("the prefix of the routes must be a path such as /auth"), "{prefix}: {error}");
    }
    let site = Site::builder(PUBLIC, KeyRing::new(&SECRET).unwrap()).provider_named("a", client(&sandbox));
    let site = site.prefix("/app/auth-1").build().unwrap();
    assert_eq!(site.redirect_uri("a"), "http://127.0.0.1:3000/app/auth-1/callback/a");
    assert_eq!(site.path("/sign-in"), "/app/auth-1/sign-in");
}
