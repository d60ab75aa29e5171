//! The sessions of a person, and their end from another device.
use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::site::scenario::Whole;

#[tokio::test]
async fn a_person_ends_a_session_from_another_device() {
    let whole = Whole::new().await;
    let (mut laptop, mut phone) = (whole.signed_in("alice").await, whole.signed_in("alice").await);
    let mut stranger = whole.signed_in("bob").await;
    let devices = laptop.json("/devices").await;
    let devices = devices["devices"].as_array().unwrap().clone();
    assert_eq!(devices.len(), 2, "{devices:?}");
    let other = devices.iter().find(|device| device["current"] == json!(false)).unwrap();
    let id = other["id"].as_str().unwrap().to_owned();
    assert!(devices.iter().all(|device| device["created_at"].is_u64() && device["last_seen_at"].is_u64()));
    for browser in [&laptop, &phone] {
        assert!(browser.session_cookie().is_some_and(|cookie| !cookie.contains(&id)), "an id is no cookie");
    }
    let mut thief = whole.browser();
    thief.cookies.insert("vouchsafe-session-3000".to_owned(), id.clone());
    assert_eq!(thief.open("/").await.text, "out");

    let page = stranger.fetch(Method::POST, &format!("/devices/{id}/revoke")).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert_eq!(phone.open("/").await.text, "in");
    let page = laptop.open("/devices").await;
    assert!(page.text.contains(&format!("action=\"/devices/{id}/revoke\"")), "{}", page.text);
    assert_eq!(laptop.submit(&format!("/devices/{id}/revoke"), "").await.location(), "/devices");
    assert_eq!(phone.open("/").await.text, "out");
    assert_eq!(laptop.open("/").await.text, "in");
    let page = laptop.fetch(Method::POST, &format!("/devices/{id}/revoke")).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND, "it has ended");

    whole.sign_in(&mut phone, "alice").await;
    let page = laptop.fetch(Method::POST, "/devices/revoke-all").await;
    assert_eq!((page.status, &*page.text), (StatusCode::OK, "{\"revoked\":2}"));
    assert!(laptop.session_cookie().is_none());
    for browser in [&mut laptop, &mut phone] {
        assert_eq!(browser.open("/").await.text, "out");
    }
    assert_eq!(stranger.open("/").await.text, "in");
    let own = stranger.json("/devices").await["devices"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(stranger.submit(&format!("/devices/{own}/revoke"), "").await.location(), "/logged-out");
    assert_eq!(stranger.open("/").await.text, "out");
}

#[tokio::test]
async fn sessions_in_cookies_have_no_list() {
    let whole = Whole::in_cookies().await;
    let mut browser = whole.signed_in("alice").await;
    let page = browser.open("/devices").await;
    assert_eq!(page.status, StatusCode::NOT_IMPLEMENTED);
    assert!(page.text.contains("kept by your browser alone"), "{}", page.text);
    assert_eq!(browser.fetch(Method::GET, "/devices").await.code(), "not_supported");
    for path in ["/devices/x/revoke", "/devices/revoke-all"] {
        let page = browser.fetch(Method::POST, path).await;
        assert_eq!((page.status, &*page.code()), (StatusCode::NOT_IMPLEMENTED, "not_supported"));
    }
}
