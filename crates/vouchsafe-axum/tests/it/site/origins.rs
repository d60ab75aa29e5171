//! Requests that change something, from this site and from others.
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, LOCATION, SET_COOKIE};
use axum::http::{Method, Request, StatusCode};

use crate::site::scenario::{PUBLIC, Whole, app, builder, navigation};
use vouchsafe_axum::Site;

const UNSAFE: [&str; 7] = [
    "/notes",
    "/public-notes",
    "/logout",
    "/link/b",
    "/devices/revoke-all",
    "/devices/x/revoke",
    "/no-such-page",
];

#[tokio::test]
async fn another_site_changes_nothing() {
    let whole = Whole::new().await;
    let mut browser = whole.signed_in("alice").await;
    for path in UNSAFE {
        for origin in ["https://evil.example", "null", "http://127.0.0.1:3001", "http://localhost:3000", ""] {
            let page = browser.submit_from(origin, path, "at=here").await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{path} from {origin:?}");
            assert!(page.text.contains("<h1>This came from another site</h1>"), "{}", page.text);
            assert!(!page.headers.contains_key(SET_COOKIE) && !page.headers.contains_key(LOCATION));
        }
        let request = Request::post(path).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let page = browser.send(request, Body::from("at=here")).await;
        assert_eq!((page.status, &*page.code()), (StatusCode::FORBIDDEN, "origin"), "{path}");
        for method in [Method::PUT, Method::DELETE, Method::PATCH] {
            let page = browser.send(Request::builder().method(method).uri(path), Body::empty()).await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{path}");
        }
    }
    assert_eq!(browser.open("/").await.text, "in", "nobody was signed out");
    assert!(whole.second.requests().is_empty(), "no login started");
}

#[tokio::test]
async fn a_page_of_this_site_without_a_referrer_may_post() {
    let whole = Whole::new().await;
    let browser = whole.signed_in("alice").await;
    for origin in [Some("null"), None] {
        for (site, status) in [("same-origin", 200), ("same-site", 403), ("cross-site", 403), ("none", 403)] {
            let mut request = navigation(Method::POST, "/notes").header("sec-fetch-site", site);
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            let page = browser.clone().send(request, Body::empty()).await;
            assert_eq!(page.status.as_u16(), status, "{site}");
        }
    }
}

#[tokio::test]
async fn a_path_that_is_opened_to_others_is_open_alone() {
    let whole = Whole::new().await;
    let site = builder(PUBLIC, &whole.first, &whole.second).danger_allow_foreign_posts("/webhook");
    let mut browser = whole.browser();
    browser.site = app(Site(site.build().unwrap()));
    let post = |path: &str| Request::post(path).header("origin", "https://evil.example");
    assert_eq!(browser.ask(post("/webhook"), Body::empty()).await.text, "hook");
    for path in ["/webhooks", "/webhook/../notes", "/webhook/%2e%2e/notes", "/public-notes", "/logout"] {
        assert_eq!(browser.ask(post(path), Body::empty()).await.status, StatusCode::FORBIDDEN, "{path}");
    }
}
