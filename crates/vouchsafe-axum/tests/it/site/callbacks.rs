//! Responses at the callback: forged, replayed, at the wrong place, denied.
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, SET_COOKIE};
use axum::http::{Method, Request, StatusCode};
use tokio::time::timeout;
use vouchsafe::seal::KeyRing;
use vouchsafe_sandbox::{Endpoint, Fault};

use crate::scenario::{Browser, Page, SECRET};
use crate::site::scenario::{PUBLIC, Whole, navigation};

async fn started(whole: &Whole, browser: &mut Browser, who: &str) -> String {
    let url = browser.open("/login/a?return_to=/protected").await.location();
    whole.first.person(who).allow(&url).await.unwrap()
}

async fn fetched(browser: &Browser, callback: &str) -> Page {
    browser.clone().fetch(Method::GET, callback.strip_prefix(PUBLIC).unwrap_or(callback)).await
}

#[tokio::test]
async fn a_callback_without_a_login_changes_nothing() {
    let whole = Whole::new().await;
    let mut victim = whole.signed_in("alice").await;
    let before = victim.json("/api/me").await;
    let mut attacker = whole.browser();
    let callback = started(&whole, &mut attacker, "bob").await;
    let page = victim.open(&callback).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(page.text.contains(&format!("Please use this site at {PUBLIC}.")), "{}", page.text);
    assert!(!page.headers.contains_key(SET_COOKIE));
    assert_eq!(fetched(&victim, &callback).await.code(), "state_mismatch");
    assert_eq!(victim.json("/api/me").await, before);
    // The same with a login of its own under way.
    victim.open("/login/a").await.location();
    assert_eq!(victim.open(&callback).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(victim.json("/api/me").await, before);
    assert_eq!(whole.first.requests_to("/token").len(), 1);
}

#[tokio::test]
async fn a_response_counts_once() {
    for whole in [Whole::new().await, Whole::in_cookies().await] {
        let mut browser = whole.browser();
        let callback = started(&whole, &mut browser, "alice").await;
        let kept = browser.clone();
        assert_eq!(browser.open(&callback).await.location(), "/protected");
        let mut replayed = kept.clone();
        let page = replayed.open(&callback).await;
        assert!(page.status == StatusCode::BAD_REQUEST || page.location() == "/protected");
        assert!(replayed.session_cookie().is_none());
        assert_eq!(fetched(&kept, &callback).await.code(), "state_mismatch");
        assert_eq!(browser.open(&callback).await.status, StatusCode::BAD_REQUEST, "its cookie is gone");
        assert_eq!(browser.open("/").await.text, "in");
        assert_eq!(whole.first.requests_to("/token").len(), 1);
    }
}

#[tokio::test]
async fn two_callbacks_at_once_send_one_token_request() {
    for whole in [Whole::new().await, Whole::in_cookies().await] {
        let mut browser = whole.browser();
        let callback = started(&whole, &mut browser, "alice").await;
        let (mut one, mut two) = (browser.clone(), browser.clone());
        let (first, second) = tokio::join!(one.open(&callback), two.open(&callback));
        for page in [first, second] {
            let is_own = page.status == StatusCode::SEE_OTHER && page.location() == "/protected";
            assert!(is_own || page.status == StatusCode::BAD_REQUEST, "{}", page.status);
        }
        assert_eq!(whole.first.requests_to("/token").len(), 1);
        assert!(one.session_cookie().is_some() != two.session_cookie().is_some());
    }
}

#[tokio::test]
async fn a_second_request_waits_and_goes_where_the_first_one_goes() {
    for whole in [Whole::new().await, Whole::in_cookies().await] {
        let mut browser = whole.browser();
        let callback = started(&whole, &mut browser, "alice").await;
        whole.first.fault_once(Fault::slow(Duration::from_millis(300)).at(Endpoint::Token));
        let (mut one, mut two) = (browser.clone(), browser.clone());
        let (first, second) = tokio::join!(one.open(&callback), two.open(&callback));
        assert_eq!((first.location(), second.location()), ("/protected".to_owned(), "/protected".to_owned()));
        assert!(two.session_cookie().is_some(), "a browser that asks twice waits for the last response");
        assert!(one.session_cookie().is_some() != two.session_cookie().is_some(), "one session, told once");
        assert!(one.cookies.len() + two.cookies.len() == 1, "the login cookie is taken away twice");
        assert_eq!(whole.first.requests_to("/token").len(), 1);
    }
}

#[tokio::test]
async fn a_second_request_is_refused_as_the_first_one_is() {
    let whole = Whole::new().await;
    let mut browser = whole.browser();
    let callback = started(&whole, &mut browser, "fault-wrong-nonce").await;
    let (mut one, mut two) = (browser.clone(), browser.clone());
    let (first, second) = tokio::join!(one.open(&callback), two.open(&callback));
    assert_eq!((first.status, second.status), (StatusCode::BAD_GATEWAY, StatusCode::BAD_GATEWAY));
    assert_eq!(first.text, second.text);
    assert!(one.session_cookie().is_none() && two.session_cookie().is_none());
    assert_eq!(whole.first.requests_to("/token").len(), 1);
}

#[tokio::test]
async fn a_request_that_the_browser_gave_up_goes_on_with_the_next_one() {
    for whole in [Whole::new().await, Whole::in_cookies().await] {
        let mut browser = whole.browser();
        let callback = started(&whole, &mut browser, "alice").await;
        whole.first.fault_once(Fault::slow(Duration::from_millis(300)).at(Endpoint::Token));
        let mut first = browser.clone();
        // As after a double click: the handler is dropped where it waits for the tokens.
        assert!(timeout(Duration::from_millis(100), first.open(&callback)).await.is_err());
        assert_eq!(browser.open(&callback).await.location(), "/protected");
        assert_eq!(browser.open("/").await.text, "in");
        assert_eq!(whole.first.requests_to("/token").len(), 1);
    }
}

#[tokio::test]
async fn a_response_counts_at_the_provider_of_its_login() {
    let whole = Whole::new().await;
    let mut browser = whole.browser();
    let callback = started(&whole, &mut browser, "alice").await;
    for other in ["/callback/b?", "/callback/A?", "/callback/a/?", "/callback/%61?"] {
        let path = callback.strip_prefix(PUBLIC).unwrap().replace("/callback/a?", other);
        let page = browser.open(&path).await;
        assert!(page.status.is_client_error(), "{other} {}", page.status);
    }
    let (start, rest) = callback.split_once("iss=").unwrap();
    let rest = rest.split_once('&').map(|(_, rest)| rest).unwrap_or_default();
    let mut forged = browser.clone();
    let page = forged.open(&format!("{start}iss=https%3A%2F%2Fevil.example&{rest}")).await;
    assert_eq!(page.status, StatusCode::BAD_GATEWAY);
    assert!(!page.text.contains("evil") && !page.text.contains("iss"), "{}", page.text);
    assert!(whole.first.requests_to("/token").is_empty() && whole.second.requests_to("/token").is_empty());
}

#[tokio::test]
async fn a_look_at_the_callback_spends_nothing() {
    let whole = Whole::new().await;
    let mut browser = whole.browser();
    let callback = started(&whole, &mut browser, "alice").await;
    let path = callback.strip_prefix(PUBLIC).unwrap();
    for request in [
        navigation(Method::HEAD, path),
        navigation(Method::GET, path).header("sec-purpose", "prefetch"),
        navigation(Method::GET, path).header("purpose", "prefetch"),
    ] {
        let page = browser.send(request, Body::empty()).await;
        assert!(page.status.is_client_error() && !page.headers.contains_key(SET_COOKIE), "{}", page.status);
    }
    assert_eq!(browser.open(&callback).await.location(), "/protected");
}

#[tokio::test]
async fn a_login_that_ends_badly_takes_its_cookie_away_and_says_why() {
    let whole = Whole::new().await;
    let mut browser = whole.signed_in("alice").await;
    let before = browser.json("/api/me").await;
    let url = browser.open("/login/a?return_to=/protected").await.location();
    let denied = whole.first.person("alice").deny(&url).await.unwrap();
    assert_eq!(browser.cookies.len(), 2);
    assert_eq!(fetched(&browser, &denied).await.code(), "access_denied");
    let url = browser.open("/login/a?return_to=/protected").await.location();
    let denied = whole.first.person("alice").deny(&url).await.unwrap();
    let page = browser.open(&denied).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(page.text.contains("href=\"/sign-in?return_to=%2Fprotected\""), "{}", page.text);
    assert!(!page.text.contains("access_denied"), "{}", page.text);
    for (fault, status, code) in [
        ("wrong-nonce", StatusCode::BAD_GATEWAY, "nonce_mismatch"),
        ("signature-wrong", StatusCode::BAD_GATEWAY, "signature"),
    ] {
        let callback = started(&whole, &mut browser, "alice").await;
        let mut script = browser.clone();
        whole.first.fault_once(Fault::named(fault).unwrap());
        let page = script.fetch(Method::GET, callback.strip_prefix(PUBLIC).unwrap()).await;
        assert_eq!((page.status, &*page.code()), (status, code));
    }
    assert_eq!(browser.json("/api/me").await, before, "the session stays as it was");
}

#[tokio::test]
async fn a_cookie_counts_for_its_purpose_and_its_name_alone() {
    let whole = Whole::in_cookies().await;
    let mut browser = whole.signed_in("alice").await;
    let session = browser.session_cookie().unwrap().to_owned();
    let callback = started(&whole, &mut browser, "alice").await;
    let login = browser.cookies.iter().find(|(name, _)| name.contains("login")).unwrap();
    let (name, value) = (login.0.clone(), login.1.clone());

    let mut swapped = whole.browser();
    swapped.cookies.insert("vouchsafe-session-3000".to_owned(), value.clone());
    assert_eq!(swapped.json("/api/me").await["error"], "login_required", "a login is no session");
    let mut swapped = whole.browser();
    swapped.cookies.insert(name.clone(), session.clone());
    assert_eq!(swapped.open(&callback).await.status, StatusCode::BAD_REQUEST, "a session is no login");
    let mut renamed = whole.browser();
    let other = format!("{}{}", &name[..name.len() - 1], if name.ends_with('0') { '1' } else { '0' });
    renamed.cookies.insert(other, value);
    assert_eq!(renamed.open(&callback).await.status, StatusCode::BAD_REQUEST, "nor one of another name");
    let mut other_port = whole.browser();
    other_port.cookies.insert("vouchsafe-session-3001".to_owned(), session);
    assert_eq!(other_port.json("/api/me").await["error"], "login_required");
    let mut sealed = whole.browser();
    let keys = KeyRing::new(&SECRET).unwrap();
    let forged = keys.seal("session", "vouchsafe-session-3000", "{}").unwrap();
    sealed.cookies.insert("vouchsafe-session-3000".to_owned(), forged);
    assert_eq!(sealed.json("/api/me").await["error"], "login_required", "nor text of another purpose");
}

#[tokio::test]
async fn a_provider_that_posts_signs_people_in() {
    let whole = Whole::with(|builder, store| {
        builder.store(store).customise(|_, login| login.extra("response_mode", "form_post"))
    })
    .await;
    let mut browser = whole.browser();
    let callback = started(&whole, &mut browser, "alice").await;
    let (path, form) = callback.strip_prefix(PUBLIC).unwrap().split_once('?').unwrap();
    let page = browser.submit_from(whole.first.issuer(), path, form).await;
    assert_eq!(page.location(), "/protected");
    assert_eq!(browser.open("/").await.text, "in");
    let unread = Request::post(path).header(CONTENT_TYPE, "application/json");
    let mut browser = whole.browser();
    started(&whole, &mut browser, "alice").await;
    let page = browser.send(unread, Body::from("{}")).await;
    assert_eq!((page.status, &*page.code()), (StatusCode::BAD_REQUEST, "malformed"));
}
