//! The public URL, and browsers that are elsewhere.
use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::{HOST, LOCATION, SET_COOKIE};
use axum::http::{Method, StatusCode};
use vouchsafe_axum::Site;

use crate::scenario::{Browser, Log, Page};
use crate::site::scenario::{PUBLIC, Whole, app, builder, navigation};

async fn at(browser: &Browser, path: &str, headers: &[(&str, &str)], peer: &str) -> Page {
    let mut request = navigation(Method::GET, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let peer: SocketAddr = format!("{peer}:1234").parse().unwrap();
    browser.ask(request.extension(ConnectInfo(peer)), Body::empty()).await
}

#[tokio::test]
async fn a_login_starts_at_the_public_url() {
    let whole = Whole::new().await;
    let browser = whole.browser();
    let log = Log::start();
    for host in [
        "localhost:3000",
        "evil.example",
        "127.0.0.1",
        "127.0.0.1:3001",
        "a b",
        "127.0.0.1:3000.evil.example",
    ] {
        let page =
            at(&browser, "/login/a?return_to=/x%3Fy&login_hint=jane", &[("host", host)], "127.0.0.1").await;
        let place = "http://127.0.0.1:3000/login/a?return_to=/x%3Fy&login_hint=jane&at=public";
        assert_eq!(page.location(), place, "{host}");
        assert!(!page.headers.contains_key(SET_COOKIE));
        // A proxy that changes the host would let it come back for ever.
        let page = at(&browser, &place[PUBLIC.len()..], &[("host", host)], "127.0.0.1").await;
        assert!(page.location().starts_with(whole.first.issuer()), "{}", page.location());
        assert!(page.location().contains("redirect_uri=http%3A%2F%2F127.0.0.1%3A3000%2Fcallback%2Fa&"));
        let told = log.take();
        assert!(told.contains(PUBLIC) && told.contains("the browser is at"), "{told}");
    }
    for _ in 0..20 {
        at(&browser, "/login/a?at=public", &[("host", "localhost:3000")], "127.0.0.1").await;
    }
    assert!(log.take().matches("the browser is at").count() <= 10, "not without end");
    let page = at(&browser, "/login/a", &[("host", "127.0.0.1:3000")], "127.0.0.1").await;
    assert!(page.location().starts_with(whole.first.issuer()), "{}", page.location());
    assert_eq!(
        at(&browser, "/login/nobody", &[("host", "b")], "127.0.0.1").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn forwarded_headers_count_from_trusted_proxies_alone() {
    let whole = Whole::new().await;
    let site = builder("https://app.example", &whole.first, &whole.second).trusted_proxies(["10.0.0.0/8"]);
    let browser = Browser::at(app(Site(site.build().unwrap())));
    let forwarded = [
        (HOST.as_str(), "internal:8080"),
        ("x-forwarded-host", "app.example"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-for", "203.0.113.7"),
    ];
    let page = at(&browser, "/login/a", &forwarded, "10.1.2.3").await;
    assert!(page.location().starts_with(whole.first.issuer()), "{}", page.location());
    for (headers, peer) in [
        (&forwarded[..], "203.0.113.1"),
        (&[("host", "app.example"), ("x-forwarded-proto", "http")], "10.1.2.3"),
        (&[("host", "app.example"), ("x-forwarded-host", "evil.example")], "10.1.2.3"),
    ] {
        let page = at(&browser, "/login/a", headers, peer).await;
        assert_eq!(page.location(), "https://app.example/login/a?at=public");
    }
}

#[tokio::test]
async fn no_host_gets_into_a_redirect_or_a_page() {
    let whole = Whole::new().await;
    let browser = whole.browser();
    let evil = [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "host=evil.example"),
        ("x-forwarded-for", "6.6.6.6"),
        ("x-original-url", "https://evil.example"),
    ];
    for path in [
        "/sign-in",
        "/login/a",
        "/login/a?at=public",
        "/protected",
        "/logout",
        "/logged-out",
        "/callback/a?code=x&state=y",
    ] {
        let page = at(&browser, path, &evil, "127.0.0.1").await;
        assert!(!page.text.contains("evil"), "{path}: {}", page.text);
        let place = page.headers.get(LOCATION).map(|place| place.to_str().unwrap()).unwrap_or_default();
        assert!(!place.contains("evil"), "{path}: {place}");
    }
}

#[tokio::test]
async fn a_setting_that_cannot_be_used_is_refused() {
    let whole = Whole::new().await;
    let site = |url: &str| builder(url, &whole.first, &whole.second);
    for (site, words) in [
        (site("https://app.example/path"), "path"),
        (site("http://app.example"), "https"),
        (site(PUBLIC).trusted_proxies(["proxy.example"]), "proxy"),
        (site(PUBLIC).roles("roles"), "JSON Pointer"),
        (site(PUBLIC).account_page("https://evil.example"), "path of this site"),
        (site(PUBLIC).provider_named("a/b", crate::site::scenario::client(&whole.first)), "letters"),
        (site(PUBLIC).provider_named("A", crate::site::scenario::client(&whole.first)), "own name"),
    ] {
        let error = site.build().unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}
