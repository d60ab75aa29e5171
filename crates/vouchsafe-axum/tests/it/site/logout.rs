//! Signing out: here, at the provider, and by the provider.
use axum::body::Body;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_FRAME_OPTIONS};
use axum::http::{Method, Request, StatusCode};
use url::Url;
use vouchsafe_sandbox::Fault;

use crate::scenario::{Browser, Page};
use crate::site::scenario::{PUBLIC, Whole, client};

#[tokio::test]
async fn a_person_signs_out_here() {
    for whole in [Whole::new().await, Whole::in_cookies().await] {
        let mut browser = whole.signed_in("alice").await;
        let kept = browser.clone();
        assert_eq!(browser.open("/logout").await.status, StatusCode::OK);
        assert_eq!(browser.open("/").await.text, "in", "to open the page signs nobody out");
        for form in ["", "at=here"] {
            let mut browser = browser.clone();
            assert_eq!(browser.submit("/logout", form).await.location(), "/logged-out");
            assert!(browser.cookies.is_empty());
            assert_eq!(browser.open("/").await.text, "out");
        }
        let mut kept = kept;
        let is_server_side = whole.is_server_side();
        assert_eq!(
            kept.open("/").await.text,
            if is_server_side { "out" } else { "in" },
            "a copy of the cookie"
        );
        assert!(!kept.fetch(Method::GET, "/api/token/a").await.status.is_success(), "no tokens are left");
        assert_eq!(browser.open("/logged-out?state=x&y").await.status, StatusCode::OK);
        assert_eq!(whole.browser().submit("/logout", "at=provider").await.location(), "/logged-out");
        assert_eq!(
            whole.signed_in("bob").await.submit("/logout", "at=moon").await.status,
            StatusCode::BAD_REQUEST
        );
    }
}

#[tokio::test]
async fn a_person_signs_out_at_the_provider_too() {
    for whole in [Whole::new().await, Whole::in_cookies().await] {
        let mut browser = whole.signed_in("alice").await;
        let place = browser.submit("/logout", "at=provider").await.location();
        assert!(place.starts_with(whole.first.issuer()), "{place}");
        let url = Url::parse(&place).unwrap();
        let value = |name: &str| {
            url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
        };
        assert_eq!(value("client_id").as_deref(), Some(whole.first.client_id()));
        assert_eq!(value("post_logout_redirect_uri"), Some(format!("{PUBLIC}/logged-out")));
        assert!(value("id_token_hint").is_some_and(|hint| hint.split('.').count() == 3));
        assert!(value("state").is_some_and(|state| state.len() >= 16));
        assert!(browser.cookies.is_empty());
        assert_eq!(browser.open("/").await.text, "out");
    }
}

#[tokio::test]
async fn a_provider_that_is_away_keeps_nobody_signed_in() {
    let whole = Whole::new().await;
    let mut browser = whole.signed_in("alice").await;
    let app = whole.rebuilt(|first, _| {
        let registration = vouchsafe::Registration::new(first.client_id());
        let provider = vouchsafe::Provider::openid("http://127.0.0.1:1");
        vouchsafe::Client::new(provider, registration, &vouchsafe::Http::new().unwrap()).unwrap()
    });
    browser.site = app;
    assert_eq!(browser.submit("/logout", "at=provider").await.location(), "/logged-out");
    assert_eq!(browser.open("/").await.text, "out");
}

/// A logout token at the first provider, as the provider posts it.
async fn told(whole: &Whole, provider: &str, form: &str) -> Page {
    told_at(whole.app.clone(), provider, form).await
}

async fn told_at(app: axum::Router, provider: &str, form: &str) -> Page {
    let request = Request::post(format!("/backchannel-logout/{provider}"));
    let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    Browser::at(app).ask(request, Body::from(form.to_owned())).await
}

#[tokio::test]
async fn a_request_that_is_no_logout_token_ends_nothing() {
    // Back-Channel Logout §2.5.
    let whole = Whole::new().await;
    let mut browser = whole.signed_in("alice").await;
    for form in ["", "logout_token=", "logout_token=a.b.c", "logout_token=x&logout_token=y", "id_token=x"] {
        let page = told(&whole, "a", form).await;
        assert_eq!((page.status, &*page.code()), (StatusCode::BAD_REQUEST, "invalid_request"), "{form}");
    }
    assert_eq!(told(&whole, "nobody", "logout_token=x").await.status, StatusCode::NOT_FOUND);
    assert_eq!(browser.open("/").await.text, "in");
    let cookies = Whole::in_cookies().await;
    assert_eq!(told(&cookies, "a", "logout_token=x").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_provider_ends_a_session_in_another_browser() {
    let whole = Whole::new().await;
    let (mut laptop, mut phone) = (whole.signed_in("alice").await, whole.signed_in("alice").await);
    let mut bob = whole.signed_in("bob").await;
    let client_id = whole.first.client_id();
    // The token names the latest session of alice.
    let token = whole.first.logout_token(client_id, "alice").unwrap();
    let elsewhere = told(&whole, "b", &format!("logout_token={token}")).await;
    assert_eq!(elsewhere.status, StatusCode::BAD_REQUEST, "another provider's");
    assert_eq!(phone.open("/").await.text, "in");
    let page = told(&whole, "a", &format!("logout_token={token}")).await;
    assert_eq!((page.status, &*page.text), (StatusCode::OK, ""));
    assert_eq!(phone.open("/").await.text, "out");
    assert_eq!(bob.open("/").await.text, "in");

    // It counts once, also after a restart.
    whole.sign_in(&mut phone, "alice").await;
    for app in [whole.app.clone(), whole.rebuilt(|first, _| client(first))] {
        let page = told_at(app, "a", &format!("logout_token={token}")).await;
        assert_eq!((page.status, &*page.code()), (StatusCode::BAD_REQUEST, "invalid_request"));
    }
    assert_eq!(phone.open("/").await.text, "in");

    whole.first.fault(Fault::LOGOUT_OF_USER);
    let token = whole.first.logout_token(client_id, "alice").unwrap();
    assert_eq!(told(&whole, "a", &format!("logout_token={token}")).await.status, StatusCode::OK);
    for browser in [&mut laptop, &mut phone] {
        assert_eq!(browser.open("/").await.text, "out");
    }
    assert_eq!(bob.open("/").await.text, "in");
    let token = whole.first.logout_token(client_id, "alice").unwrap();
    assert_eq!(
        told(&whole, "a", &format!("logout_token={token}")).await.status,
        StatusCode::OK,
        "nothing is left"
    );
}

#[tokio::test]
async fn a_logout_token_that_is_not_right_ends_nothing() {
    // Back-Channel Logout §2.6.
    let whole = Whole::new().await;
    let mut browser = whole.signed_in("alice").await;
    for fault in [
        Fault::ANOTHER_LOGOUT_EVENT,
        Fault::EXPIRED_LOGOUT_TOKEN,
        Fault::FOREIGN_LOGOUT_AUDIENCE,
        Fault::FORGED_LOGOUT_TOKEN,
        Fault::LOGOUT_NONCE,
        Fault::LOGOUT_OF_NOBODY,
        Fault::MISSING_LOGOUT_EVENT,
        Fault::MISSING_LOGOUT_ID,
        Fault::UNSIGNED_LOGOUT_TOKEN,
        Fault::WRONG_LOGOUT_ISSUER,
        Fault::WRONG_LOGOUT_TYPE,
    ] {
        whole.first.fault_once(fault);
        let token = whole.first.logout_token(whole.first.client_id(), "alice").unwrap();
        let page = told(&whole, "a", &format!("logout_token={token}")).await;
        assert_eq!((page.status, &*page.code()), (StatusCode::BAD_REQUEST, "invalid_request"), "{fault:?}");
    }
    assert_eq!(browser.open("/").await.text, "in");
}

#[tokio::test]
async fn a_frame_of_the_provider_ends_its_session() {
    // Front-Channel Logout §2.
    for whole in [Whole::new().await, Whole::in_cookies().await] {
        let (mut browser, mut bob) = (whole.signed_in("alice").await, whole.signed_in("bob").await);
        let sid = browser.json("/api/me").await["sid"].as_str().unwrap().to_owned();
        let frame = format!("/frontchannel-logout/a?iss={}&sid={sid}", whole.first.issuer());
        if whole.is_server_side() {
            assert_eq!(whole.browser().open(&frame).await.status, StatusCode::OK, "without a cookie");
        } else {
            assert_eq!(bob.open(&frame).await.status, StatusCode::OK);
            assert_eq!(browser.open("/").await.text, "in");
            assert_eq!(browser.open(&frame).await.status, StatusCode::OK);
            assert!(browser.cookies.is_empty());
        }
        assert_eq!(browser.open("/").await.text, "out");
        assert_eq!(bob.open("/").await.text, "in");
    }
}

#[tokio::test]
async fn a_front_channel_request_names_issuer_and_session() {
    // Front-Channel Logout §2.
    for whole in [Whole::new().await, Whole::in_cookies().await] {
        let mut browser = whole.signed_in("alice").await;
        let issuer = whole.first.issuer();
        for query in [
            String::new(),
            format!("?iss={issuer}"),
            "?sid=x".to_owned(),
            "?iss=https://evil.example&sid=x".to_owned(),
            format!("?iss={}&sid=x", whole.second.issuer()),
            format!("?iss={issuer}&sid="),
            format!("?iss={issuer}&sid=x&sid=y"),
        ] {
            let page = browser.open(&format!("/frontchannel-logout/a{query}")).await;
            assert_eq!(page.status, StatusCode::BAD_REQUEST, "{query}");
            let policy = page.headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        }
        let page = browser.open(&format!("/frontchannel-logout/a?iss={issuer}&sid=another")).await;
        assert_eq!(page.status, StatusCode::OK);
        let policy = page.headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.ends_with(&format!("frame-ancestors {issuer}")), "{policy}");
        assert!(!page.headers.contains_key(X_FRAME_OPTIONS));
        assert_eq!(browser.open("/").await.text, "in", "another session than this");
    }
}
