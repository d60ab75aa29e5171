//! Signing in.
use std::time::Duration;

use http::Method;
use serde_json::json;
use url::Url;
use vouchsafe_sandbox::{Endpoint, Fault};

use crate::all::browser::{navigation, script};
use crate::all::lab::Lab;

#[tokio::test]
async fn a_person_signs_in_and_comes_back_to_the_page() {
    for lab in [Lab::new().await, Lab::in_cookies().await] {
        let mut browser = lab.browser();
        let page = browser.open("/protected?page=2&x=y").await;
        assert_eq!(page.location(), "/sign-in?return_to=%2Fprotected%3Fpage%3D2%26x%3Dy");
        let page = browser.open(&page.location()).await;
        let link = "/login/a?return_to=%2Fprotected%3Fpage%3D2%26x%3Dy";
        assert!(page.text.contains(&format!("href=\"{link}\"")), "{}", page.text);
        let page = lab.walk(&mut browser, link, "alice").await;
        assert_eq!(page.status, 303);
        assert_eq!(page.location(), "/protected?page=2&x=y");
        assert!(browser.logins().is_empty(), "the cookie of the login is gone");
        assert_eq!(browser.open("/protected?page=2&x=y").await.status, 200);

        let me = browser.json("/api/me").await;
        assert_eq!(me["provider"], "a");
        assert_eq!(me["issuer"], lab.first.issuer());
        assert_eq!(me["email"], "alice@example.com");
        assert_eq!(me["email_verified"], true);
        assert_eq!(me["identities"], json!([{ "provider": "a", "subject": me["subject"] }]));
        assert_eq!(me["session"]["kind"], if lab.is_server_side() { "server" } else { "cookie" });
        assert!(me["session"]["expires_at"].is_u64() && me["session"]["age"].is_u64(), "{me}");
    }
}

#[tokio::test]
async fn a_script_gets_json_and_no_redirect() {
    let lab = Lab::new().await;
    let mut browser = lab.browser();
    for path in ["/protected", "/fresh", "/strong", "/admin", "/notes", "/devices", "/account"] {
        let page = browser.fetch(path).await;
        assert_eq!((page.status, &*page.code()), (401, "login_required"), "{path}");
        let url = page.json()["login_url"].as_str().unwrap().to_owned();
        assert_eq!(url, format!("/sign-in?return_to=%2F{}", &path[1..]));
    }
    // For a page too.
    assert_eq!(browser.open("/api/me").await.code(), "login_required");
    let mut alice = lab.signed_in("alice").await;
    assert_eq!(alice.fetch("/admin").await.code(), "forbidden");
    assert_eq!(alice.open("/admin").await.status, 403);
    assert_eq!(lab.signed_in("admin").await.open("/admin").await.status, 200);
}

#[tokio::test]
async fn only_a_person_who_opens_the_page_starts_a_login() {
    let lab = Lab::new().await;
    let mut browser = lab.browser();
    let get = || navigation(Method::GET, "/login/a");
    for request in [
        navigation(Method::HEAD, "/login/a"),
        get().header("sec-purpose", "prefetch"),
        get().header("sec-purpose", "prefetch;prerender"),
        get().header("purpose", "prefetch"),
        script(Method::GET, "/login/a").header("sec-fetch-dest", "image"),
        script(Method::GET, "/login/a").header("sec-fetch-dest", "iframe"),
        script(Method::GET, "/login/a").header("sec-fetch-dest", "empty"),
    ] {
        let page = browser.send(request, "").await;
        assert!((400..500).contains(&page.status), "{}", page.status);
        assert!(page.cookies().is_empty());
    }
    assert!(lab.first.requests_to("/authorize").is_empty());
    assert_eq!(browser.open("/login/nobody").await.status, 404);
    assert_eq!(browser.fetch("/login/nobody").await.code(), "unknown_provider");
    let place = browser.open("/login/a?login_hint=bob%40example.com").await.location();
    assert!(place.contains("login_hint=bob%40example.com"), "{place}");
}

#[tokio::test]
async fn to_look_at_the_callback_spends_nothing() {
    let lab = Lab::new().await;
    let mut browser = lab.browser();
    let callback = lab.allowed(&browser.open("/login/a").await.location(), "alice").await;
    let path = callback.strip_prefix(&lab.url).unwrap();
    for request in [
        navigation(Method::HEAD, path),
        navigation(Method::GET, path).header("sec-purpose", "prefetch"),
        navigation(Method::GET, path).header("purpose", "prefetch"),
    ] {
        let page = browser.send(request, "").await;
        assert!((400..500).contains(&page.status), "{}", page.status);
        assert!(page.cookies().is_empty());
    }
    assert!(lab.first.requests_to("/token").is_empty(), "no code was sent");
    assert_eq!(browser.open(&callback).await.location(), "/");
}

#[tokio::test]
async fn two_tabs_sign_in_at_the_same_time() {
    let lab = Lab::new().await;
    let mut browser = lab.browser();
    let one = browser.open("/login/a?return_to=/protected").await.location();
    let two = browser.open("/login/b?return_to=/account").await.location();
    let (one, two) = (lab.allowed(&one, "alice").await, lab.allowed(&two, "bob").await);
    assert_eq!(browser.open(&two).await.location(), "/account");
    let bob = browser.account().await;
    assert_eq!(browser.open(&one).await.location(), "/protected");
    let alice = browser.account().await;
    assert!(alice.is_some() && bob.is_some() && alice != bob);
}

#[tokio::test]
async fn a_login_is_finished_once() {
    let lab = Lab::new().await;
    let mut browser = lab.browser();
    let callback =
        lab.allowed(&browser.open("/login/a?return_to=/protected").await.location(), "alice").await;
    let (mut one, mut two) = (browser.clone(), browser.clone());
    let pages = tokio::join!(one.open(&callback), two.open(&callback));
    let pages = [pages.0, pages.1];
    assert_eq!(lab.first.requests_to("/token").len(), 1, "one token request");
    for page in &pages {
        assert!(page.status == 400 || page.location() == "/protected", "{}", page.status);
    }
    let signed_in =
        pages.iter().filter(|page| page.cookies().iter().any(|cookie| cookie.contains("session")));
    assert_eq!(signed_in.count(), 1);

    let mut browser = lab.signed_in("bob").await;
    let before = browser.account().await;
    let page = browser.open(&callback).await;
    assert!(page.status == 400 || page.location().starts_with('/'), "{}", page.status);
    assert_eq!(browser.account().await, before, "a replay changes nothing");
    assert_eq!(lab.first.requests_to("/token").len(), 2);
}

#[tokio::test]
async fn a_second_request_waits_for_the_first_one() {
    for lab in [Lab::new().await, Lab::in_cookies().await] {
        let mut browser = lab.browser();
        let callback =
            lab.allowed(&browser.open("/login/a?return_to=/protected").await.location(), "alice").await;
        lab.first.fault_once(Fault::slow(Duration::from_millis(300)).at(Endpoint::Token));
        let (mut one, mut two) = (browser.clone(), browser.clone());
        let (first, second) = tokio::join!(one.open(&callback), two.open(&callback));
        for page in [first, second] {
            assert_eq!(page.location(), "/protected");
            browser.take(&page);
        }
        assert_eq!(lab.first.requests_to("/token").len(), 1);
        assert_eq!(browser.open("/protected").await.status, 200);
    }
}

#[tokio::test]
async fn a_new_session_takes_the_place_of_the_one_before() {
    for lab in [Lab::new().await, Lab::in_cookies().await] {
        let mut browser = lab.signed_in("alice").await;
        let mut before = browser.clone();
        lab.sign_in(&mut browser, "alice").await;
        assert_ne!(before.session(), browser.session());
        assert_eq!(before.session().unwrap().0, browser.session().unwrap().0, "one cookie");
        assert_eq!(before.account().await.is_none(), lab.is_server_side());
        assert!(browser.account().await.is_some());
    }
}

#[tokio::test]
async fn a_form_that_the_provider_lets_the_browser_post_signs_in() {
    let lab = Lab::with(&[("PROVIDER_A_RESPONSE_MODE", "form_post")]).await;
    let mut browser = lab.browser();
    let place = browser.open("/login/a?return_to=/protected").await.location();
    assert!(place.contains("response_mode=form_post"), "{place}");
    let callback = lab.allowed(&place, "alice").await;
    let url = Url::parse(&callback).unwrap();
    let post = |origin: &str| navigation(Method::POST, url.path()).header("origin", origin);
    let page = browser.send(post(lab.first.issuer()), url.query().unwrap()).await;
    assert_eq!((page.status, &*page.location()), (303, "/protected"));
    assert!(browser.account().await.is_some());
    assert!(browser.logins().is_empty());
}

#[tokio::test]
async fn a_login_cookie_for_a_form_of_another_site_is_secure() {
    let public = [("PUBLIC_URL", "https://app.example"), ("PROVIDER_B_RESPONSE_MODE", "form_post")];
    let lab = Lab::with(&public).await;
    let host = |path| navigation(Method::GET, path).header("host", "app.example");
    for (path, same_site) in [("/login/a", "SameSite=Lax"), ("/login/b", "SameSite=None")] {
        let page = lab.browser().ask(host(path), "").await;
        let place = page.location();
        assert!(place.contains("redirect_uri=https%3A%2F%2Fapp.example%2Fcallback%2F"), "{place}");
        let [cookie] = page.cookies()[..] else { panic!("{:?}", page.cookies()) };
        assert!(cookie.starts_with("__Host-"), "{cookie}");
        for attribute in ["; HttpOnly", "; Path=/", "; Secure", same_site] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        assert!(!cookie.to_ascii_lowercase().contains("domain"), "{cookie}");
        assert!(cookie.len() < 4096);
    }
}

#[tokio::test]
async fn cookies_stay_small_whatever_is_started() {
    let lab = Lab::new().await;
    let mut browser = lab.signed_in("alice").await;
    for number in 0..30 {
        let path = format!("/protected?{}{number}", "x".repeat(300));
        let page = browser.open(&format!("/login/a?return_to={}", path.replace('?', "%3F"))).await;
        assert!(page.location().starts_with(lab.first.issuer()));
    }
    let all: usize = browser.cookies.iter().map(|(name, value)| name.len() + value.len() + 3).sum();
    assert!(all < 8_000, "{all} bytes");
    assert!(browser.account().await.is_some(), "the session is still there");
}

#[tokio::test]
async fn someone_who_declines_is_told_so() {
    let lab = Lab::new().await;
    let mut script_of = lab.browser();
    let place = script_of.open("/login/a").await.location();
    let page = script_of.fetch(&lab.first.person("alice").deny(&place).await.unwrap()).await;
    assert_eq!((page.status, &*page.code()), (403, "access_denied"));
    let mut browser = lab.browser();
    let place = browser.open("/login/a?return_to=/protected").await.location();
    let page = browser.open(&lab.first.person("alice").deny(&place).await.unwrap()).await;
    assert_eq!(page.status, 403);
    assert!(page.text.contains("href=\"/sign-in?return_to=%2Fprotected\""), "{}", page.text);
    assert!(!page.text.contains("access_denied") && !page.text.contains("127.0.0.1"), "{}", page.text);
    assert!(browser.logins().is_empty());
    assert_eq!(browser.account().await, None);
}

#[tokio::test]
async fn a_provider_that_answers_wrongly_signs_nobody_in() {
    let lab = Lab::new().await;
    let mut browser = lab.signed_in("bob").await;
    let bob = browser.account().await;
    for (fault, status) in [
        (Fault::WRONG_NONCE, 502),
        (Fault::SIGNATURE_WRONG, 502),
        (Fault::FOREIGN_AUDIENCE, 502),
        (Fault::WRONG_ID_TOKEN_ISSUER, 502),
        (Fault::MISSING_ISSUER, 502),
        (Fault::WRONG_ISSUER, 502),
    ] {
        let place = browser.open("/login/a").await.location();
        lab.first.fault_once(fault);
        let callback = lab.first.person("alice").allow(&place).await.unwrap();
        let page = browser.open(&callback).await;
        assert_eq!(page.status, status, "{fault:?}: {}", page.text);
        for word in ["127.0.0.1", "nonce", "token", "issuer", "signature", "state"] {
            assert!(!page.text.contains(word), "{fault:?}: the page says {word}: {}", page.text);
        }
        lab.first.clear_faults();
        assert_eq!(browser.account().await, bob, "{fault:?}");
        assert!(browser.logins().is_empty(), "{fault:?}");
    }
}

#[tokio::test]
async fn an_expired_login_says_so() {
    let lab = Lab::with(&[("LOGIN_TIMEOUT", "1")]).await;
    let mut started = Vec::new();
    for _ in 0..2 {
        let mut browser = lab.browser();
        let place = browser.open("/login/a?return_to=/protected").await.location();
        started.push((lab.allowed(&place, "alice").await, browser));
    }
    // The clock is the one of another process.
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    let [(first, mut script_of), (second, mut browser)] = <[_; 2]>::try_from(started).ok().unwrap();
    let page = script_of.fetch(&first).await;
    assert_eq!((page.status, &*page.code()), (400, "expired"));
    let page = browser.open(&second).await;
    assert_eq!(page.status, 400);
    assert!(page.text.contains("href=\"/sign-in?return_to=%2Fprotected\""), "{}", page.text);
    assert_eq!(browser.account().await, None);
    assert!(lab.first.requests_to("/token").is_empty());
}

#[tokio::test]
async fn another_site_can_only_start_a_login_that_ends_here() {
    let lab = Lab::new().await;
    let issuer = lab.first.issuer();
    let mut browser = lab.browser();
    let start =
        format!("/initiate-login?iss={issuer}&login_hint=alice&target_link_uri={}/protected", lab.url);
    let page = browser.open(&start).await;
    let mut place = page.location();
    while place.starts_with('/') || place.starts_with(&lab.url) {
        place = browser.open(&place).await.location();
    }
    assert!(place.starts_with(issuer) && place.contains("login_hint=alice"), "{place}");
    let callback = lab.allowed(&place, "alice").await;
    assert_eq!(browser.open(&callback).await.location(), "/protected");
    for bad in [
        "/initiate-login".to_owned(),
        "/initiate-login?iss=https://evil.example".to_owned(),
        format!("/initiate-login?iss={issuer}/"),
        format!("/initiate-login?iss={issuer}&target_link_uri=https://evil.example/protected"),
        format!("/initiate-login?iss={issuer}&target_link_uri={}.evil.example/", lab.url),
        format!("/initiate-login?iss={issuer}&target_link_uri={}@evil.example/", lab.url),
        format!("/initiate-login?iss={issuer}&iss={issuer}"),
    ] {
        let page = browser.open(&bad).await;
        assert_eq!(page.status, 400, "{bad}");
        assert!(page.cookies().is_empty(), "{bad}");
    }
}
