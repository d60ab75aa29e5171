//! Pages for people who are signed in, lately, strongly, or with a role.
use axum::body::Body;
use axum::http::header::LOCATION;
use axum::http::{Method, Request, StatusCode};
use serde_json::json;
use url::Url;
use vouchsafe_sandbox::Fault;

use crate::site::scenario::Whole;

#[tokio::test]
async fn a_page_goes_to_the_sign_in_and_a_script_gets_json() {
    let whole = Whole::new().await;
    let mut browser = whole.browser();
    for (path, to) in [
        ("/protected?page=2&x=y", "/sign-in?return_to=%2Fprotected%3Fpage%3D2%26x%3Dy"),
        ("/nested/inner", "/sign-in?return_to=%2Fnested%2Finner"),
        ("/fresh", "/sign-in?return_to=%2Ffresh"),
        ("/admin", "/sign-in?return_to=%2Fadmin"),
        ("/devices", "/sign-in?return_to=%2Fdevices"),
    ] {
        assert_eq!(browser.open(path).await.location(), to);
        let page = browser.fetch(Method::GET, path).await;
        assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{path}");
        let value: serde_json::Value = serde_json::from_str(&page.text).unwrap();
        assert_eq!((&value["error"], &value["login_url"]), (&json!("login_required"), &json!(to)));
        assert!(!page.headers.contains_key(LOCATION));
    }
    assert_eq!(browser.submit("/link/b", "").await.location(), "/sign-in?return_to=%2Faccount");
    whole.sign_in(&mut browser, "alice").await;
    assert_eq!(browser.open("/nested/inner").await.text, "inner");
}

#[tokio::test]
async fn a_sign_in_that_is_too_long_ago_is_renewed_at_the_same_provider() {
    for whole in [Whole::new().await, Whole::in_cookies().await] {
        let mut browser = whole.browser();
        // The sandbox signs in at its own time: the person signed in there ten minutes before.
        whole.first.fault_once(Fault::named("old-sign-in").unwrap());
        whole.sign_in(&mut browser, "alice").await;
        let before = browser.json("/api/me").await;
        let place = browser.open("/fresh").await.location();
        assert!(place.starts_with('/') && !place.starts_with("//"), "{place}");
        let value: serde_json::Value = browser.json("/fresh").await;
        assert_eq!(value["error"], "insufficient_user_authentication");
        assert_eq!((&value["max_age"], &value["login_url"]), (&json!(300), &json!(place)));

        let url = browser.open(&place).await.location();
        let asked = Url::parse(&url).unwrap();
        assert!(url.starts_with(whole.first.issuer()), "{url}");
        assert!(asked.query_pairs().any(|(name, value)| name == "max_age" && value == "300"), "{url}");
        let callback = whole.first.person("alice").allow(&url).await.unwrap();
        assert_eq!(browser.open(&callback).await.location(), "/fresh");
        assert_eq!(browser.open("/fresh").await.text, "fresh");
        let after = browser.json("/api/me").await;
        assert_eq!(before["account"], after["account"]);
        assert_ne!(before["session"], after["session"], "a new session id");
        let token = browser.fetch(Method::GET, "/api/token/a").await;
        assert_eq!(token.status, StatusCode::OK, "{}", token.text);
    }
}

#[tokio::test]
async fn a_step_up_is_checked_in_the_id_token() {
    let whole = Whole::new().await;
    let mut browser = whole.signed_in("alice").await;
    let place = browser.open("/strong").await.location();
    let page = whole.walk(&mut browser, &place, "alice").await;
    assert_eq!(page.location(), "/strong");
    assert_eq!(browser.open("/strong").await.text, "strong");

    // A provider, or somebody on the way, that drops the demand.
    let mut browser = whole.signed_in("alice").await;
    let before = browser.json("/api/me").await;
    for (path, name) in [("/strong", "acr_values"), ("/fresh", "max_age")] {
        if path == "/fresh" {
            whole.first.fault_once(Fault::named("old-sign-in").unwrap());
            whole.sign_in(&mut browser, "alice").await;
        }
        let session = browser.json("/api/me").await;
        let place = browser.open(path).await.location();
        let url = browser.open(&place).await.location();
        let mut changed = Url::parse(&url).unwrap();
        let kept: Vec<_> =
            changed.query_pairs().into_owned().filter(|(parameter, _)| parameter != name).collect();
        changed.query_pairs_mut().clear().extend_pairs(kept);
        if path == "/fresh" {
            whole.first.fault_once(Fault::named("old-sign-in").unwrap());
        }
        let callback = whole.first.person("alice").allow(changed.as_str()).await.unwrap();
        let page = browser.open(&callback).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{path}: {}", page.text);
        assert_eq!(browser.json("/api/me").await, session, "the session stays as it was");
    }
    assert_eq!(browser.json("/api/me").await["account"], before["account"]);
}

#[tokio::test]
async fn a_step_up_by_another_person_changes_nothing() {
    let whole = Whole::new().await;
    let mut browser = whole.signed_in("alice").await;
    let before = browser.json("/api/me").await;
    let place = browser.open("/strong").await.location();
    let page = whole.walk(&mut browser, &place, "bob").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(page.text.contains("<h1>That was another account</h1>"), "{}", page.text);
    assert!(page.text.contains("href=\"/sign-in?return_to=%2Fstrong\""), "{}", page.text);
    assert_eq!(browser.json("/api/me").await, before);
    assert!(browser.open("/strong").await.location().starts_with("/step-up?"));
}

#[tokio::test]
async fn the_query_of_a_step_up_lets_nobody_in() {
    let whole = Whole::new().await;
    let mut browser = whole.signed_in("alice").await;
    let page = whole.walk(&mut browser, "/step-up?return_to=/strong&acr_values=other", "alice").await;
    assert_eq!(page.location(), "/strong");
    assert!(browser.open("/strong").await.location().starts_with("/step-up?"), "the page checks the session");
    for bad in ["/step-up?return_to=//evil.example", "/step-up?max_age=x", "/step-up?max_age=-1"] {
        assert_eq!(browser.open(bad).await.status, StatusCode::BAD_REQUEST, "{bad}");
    }
    assert_eq!(
        whole.browser().open("/step-up?return_to=/strong").await.location(),
        "/sign-in?return_to=%2Fstrong"
    );
}

#[tokio::test]
async fn roles_come_from_the_claims() {
    let whole = Whole::new().await;
    let mut admin = whole.signed_in("admin").await;
    assert_eq!(admin.open("/admin").await.text, "admin");
    assert_eq!(admin.json("/api/me").await["roles"], json!(["admin", "staff"]));
    let mut alice = whole.signed_in("alice").await;
    let page = alice.open("/admin").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert_eq!(alice.fetch(Method::GET, "/admin").await.code(), "forbidden");
}

#[tokio::test]
async fn a_route_outside_the_site_says_so() {
    let app = axum::Router::new().route("/", axum::routing::get(|_: vouchsafe_axum::User| async { "in" }));
    let browser = crate::scenario::Browser::at(app);
    let page = browser.ask(Request::get("/"), Body::empty()).await;
    assert_eq!(page.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn a_sign_in_that_is_a_little_too_old_is_refused_and_no_loop() {
    let whole = Whole::new().await;
    let alice = whole.first.person("alice");
    let mut browser = whole.browser();
    let url = browser.open("/login/a").await.location();
    let callback = alice.allow(&url).await.unwrap();
    browser.open(&callback).await;
    let before = browser.json("/api/me").await;

    // The provider drops the demand. The client tolerates this much for the provider's clock.
    whole.first.advance_clock(std::time::Duration::from_secs(20));
    let url = browser.open("/step-up?return_to=/fresh&max_age=5").await.location();
    let callback = alice.allow(&url.replace("&max_age=5", "")).await.unwrap();
    let mut script = browser.clone();
    let page = script.fetch(Method::GET, callback.strip_prefix("http://127.0.0.1:3000").unwrap()).await;
    assert_eq!((page.status, &*page.code()), (StatusCode::FORBIDDEN, "auth_time"));
    assert_eq!(browser.json("/api/me").await, before);
}
