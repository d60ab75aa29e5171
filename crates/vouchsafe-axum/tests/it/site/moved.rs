//! Routes at paths that providers know already.
use axum::http::StatusCode;
use vouchsafe::seal::KeyRing;
use vouchsafe_axum::Site;
use vouchsafe_sandbox::Sandbox;

use super::scenario::{PUBLIC, Whole, client};
use crate::scenario::SECRET;

#[tokio::test]
async fn a_route_is_where_the_provider_knows_it_and_nowhere_else() {
    let whole = Whole::with(|builder, store| {
        let builder = builder.store(store).prefix("/auth");
        builder.route_at("/callback/a", "/api/auth/callback").route_at("/logged-out", "/bye")
    })
    .await;
    let mut browser = whole.browser();
    let url = browser.open("/auth/login/a?return_to=/protected").await.location();
    assert!(url.contains("redirect_uri=http%3A%2F%2F127.0.0.1%3A3000%2Fapi%2Fauth%2Fcallback&"), "{url}");
    let callback = whole.first.person("alice").allow(&url).await.unwrap();
    let elsewhere = callback.replace("/api/auth/callback", "/auth/callback/a");
    assert_eq!(browser.open(&elsewhere).await.status, StatusCode::NOT_FOUND);
    assert_eq!(browser.open(&callback).await.location(), "/protected");
    assert_eq!(browser.submit("/auth/logout", "").await.location(), "/bye");
    assert_eq!(browser.open("/bye").await.status, StatusCode::OK);
    let other = browser.open("/auth/login/b").await.location();
    assert!(other.contains("%2Fauth%2Fcallback%2Fb&"), "{other}");
}

#[tokio::test]
async fn only_routes_that_providers_know_are_moved_and_only_to_paths_of_this_site() {
    let sandbox = Sandbox::start().await.unwrap();
    let refused = |moved: &[(&str, &str)]| {
        let site = Site::builder(PUBLIC, KeyRing::new(&SECRET).unwrap()).provider(client(&sandbox));
        let site = moved.iter().fold(site, |site, (route, path)| site.route_at(*route, *path));
        site.build().err().map(|error| error.to_string())
    };
    assert_eq!(refused(&[("/callback/a", "/cb"), ("/initiate-login", "/start")]), None);
    for moved in [
        &[("/sign-in", "/in")][..],
        &[("/callback/", "/cb")],
        &[("/callback/a/b", "/cb")],
        &[("/callback/a", "cb")],
        &[("/callback/a", "//evil.example")],
        &[("/callback/a", "/cb?x")],
        &[("/callback/a", "/cb"), ("/callback/b", "/cb")],
        &[("/callback/a", "/one"), ("/callback/a", "/two")],
    ] {
        let error = refused(moved).unwrap_or_else(|| panic!("{moved:?}"));
        assert!(error.contains("is put at one path of this site"), "{error}");
    }
}
