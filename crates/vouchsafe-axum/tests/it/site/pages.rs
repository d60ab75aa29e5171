//! The headers of every response, and the words of the pages.
use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{Method, Request, StatusCode};

use crate::site::scenario::Whole;

#[tokio::test]
async fn every_response_has_the_headers_that_protect_it() {
    let whole = Whole::new().await;
    let mut browser = whole.signed_in("alice").await;
    for path in [
        "/",
        "/protected",
        "/sign-in",
        "/login/a",
        "/login/x",
        "/callback/a",
        "/logout",
        "/logged-out",
        "/devices",
        "/admin",
        "/api/me",
        "/fresh",
        "/strong",
        "/no-such-page",
        "/frontchannel-logout/a",
        "/initiate-login",
    ] {
        for page in [
            browser.open(path).await,
            browser.fetch(Method::GET, path).await,
            browser.submit_from("null", path, "").await,
        ] {
            assert_eq!(page.headers[CACHE_CONTROL], "no-store", "{path}");
            assert_eq!(page.headers[X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
            let policy = page.headers[REFERRER_POLICY].to_str().unwrap();
            assert!(
                ["same-origin", "no-referrer", "strict-origin-when-cross-origin"].contains(&policy),
                "{path}: {policy}"
            );
            let is_page = page
                .headers
                .get(CONTENT_TYPE)
                .is_some_and(|kind| kind.to_str().unwrap().starts_with("text/html"));
            if is_page {
                let policy = page.headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
                assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
                assert!(
                    page.text.starts_with("<!doctype html>") && page.text.contains("<html lang="),
                    "{}",
                    page.text
                );
            }
        }
    }
    assert_eq!(browser.open("/").await.text, "in");
}

#[tokio::test]
async fn a_method_that_a_route_does_not_know_is_refused() {
    let whole = Whole::new().await;
    let mut browser = whole.signed_in("alice").await;
    for (method, path, allow) in [
        (Method::GET, "/link/b", "POST"),
        (Method::GET, "/devices/revoke-all", "POST"),
        (Method::GET, "/backchannel-logout/a", "POST"),
        (Method::POST, "/sign-in", "GET, HEAD"),
        (Method::POST, "/login/a", "GET, HEAD"),
        (Method::DELETE, "/logout", "GET, POST, HEAD"),
        (Method::HEAD, "/frontchannel-logout/a", "GET"),
    ] {
        let page = browser.fetch(method, path).await;
        assert_eq!(page.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(page.headers["allow"], allow, "{path}");
    }
    assert_eq!(browser.open("/").await.text, "in");
}

#[tokio::test]
async fn a_page_of_a_failure_holds_no_text_of_the_request() {
    let whole = Whole::new().await;
    let mut browser = whole.browser();
    let url = browser.open("/login/a").await.location();
    let state = url.split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    for path in [
        format!("/callback/a?error=EVIL&error_description=EVIL&state={state}"),
        "/callback/a?error=access_denied&error_description=EVIL&state=x".to_owned(),
        "/login/EVIL".to_owned(),
        "/login/a?return_to=EVIL".to_owned(),
        "/sign-in?return_to=EVIL".to_owned(),
        "/logged-out?state=EVIL".to_owned(),
        "/initiate-login?iss=EVIL".to_owned(),
        "/frontchannel-logout/a?iss=EVIL&sid=EVIL".to_owned(),
    ] {
        let page = browser.open(&path).await;
        assert!(!page.text.contains("EVIL"), "{path}: {}", page.text);
        for word in
            ["state_mismatch", "access_denied", "error_description", "OAuth", "redirect_uri", "127.0.0.1:1"]
        {
            assert!(!page.text.contains(word), "{path}: {word}: {}", page.text);
        }
    }
}

#[tokio::test]
async fn another_site_may_start_a_login_here() {
    let whole = Whole::new().await;
    let mut browser = whole.browser();
    let issuer = whole.second.issuer();
    let url = browser
        .open(&format!(
            "/initiate-login?iss={issuer}&login_hint=jane&target_link_uri=http://127.0.0.1:3000/protected%3Fx"
        ))
        .await
        .location();
    assert!(url.starts_with(issuer) && url.contains("login_hint=jane"), "{url}");
    let callback = whole.second.person("alice").allow(&url).await.unwrap();
    assert_eq!(browser.open(&callback).await.location(), "/protected?x");
    let form = format!("iss={issuer}");
    let page = browser.submit_from("https://portal.example", "/initiate-login", &form).await;
    assert!(page.location().starts_with(issuer));
    for query in [
        String::new(),
        "iss=https://evil.example".to_owned(),
        format!("iss={issuer}&target_link_uri=https://evil.example/"),
        format!("iss={issuer}&target_link_uri=/protected"),
        format!("iss={issuer}&target_link_uri=http://127.0.0.1:3000.evil.example/"),
        format!("iss={issuer}&target_link_uri=http://127.0.0.1:3000//evil.example"),
        format!("iss={issuer}&iss={issuer}"),
    ] {
        let page = whole.browser().open(&format!("/initiate-login?{query}")).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{query}");
    }
}

#[tokio::test]
async fn pages_are_in_the_language_that_the_browser_prefers() {
    let whole = Whole::new().await;
    let mut browser = whole.signed_in("alice").await;
    for (language, words) in [
        ("de", ["Hier abmelden", "abgemeldet", "Ihre Geräte", "nicht mehr gültig", "gerade eben"]),
        (
            "fr-CA, en;q=0.5",
            [
                "Se déconnecter ici",
                "Vous êtes déconnecté",
                "Vos appareils",
                "Cette connexion n’est plus valable",
                "à l’instant",
            ],
        ),
        (
            "es",
            [
                "Cerrar sesión aquí",
                "Ha cerrado la sesión",
                "Sus dispositivos",
                "Este inicio de sesión ya no es válido",
                "ahora mismo",
            ],
        ),
        (
            "ko",
            [
                "이 사이트에서 로그아웃",
                "로그아웃되었습니다",
                "내 기기",
                "이 로그인은 더 이상 유효하지 않습니다",
                "방금",
            ],
        ),
        (
            "ja",
            [
                "このサイトからログアウト",
                "ログアウトしました",
                "お使いの端末",
                "このログインはもう無効です",
                "たった今",
            ],
        ),
        (
            "nl",
            [
                "Sign out here",
                "You are signed out",
                "Your devices",
                "This sign-in is no longer valid",
                "just now",
            ],
        ),
    ] {
        let signed_out = words[1];
        let tag = if language == "nl" { "en" } else { &language[..2] };
        let pages = ["/logout", "/logged-out", "/devices", "/callback/a?code=x&state=y", "/devices"];
        for (path, words) in pages.into_iter().zip(words) {
            let request =
                Request::get(path).header("sec-fetch-mode", "navigate").header("accept-language", language);
            let page = browser.send(request, Body::empty()).await;
            assert!(page.text.contains(words), "{language} {path}: {}", page.text);
            assert!(page.text.contains(&format!("<html lang=\"{tag}\">")), "{language} {path}");
        }
        let frame = format!("/frontchannel-logout/a?iss={}&sid=x", whole.first.issuer());
        let request = Request::get(frame).header("accept-language", language);
        let page = browser.send(request, Body::empty()).await;
        let words = format!("<html lang=\"{tag}\">");
        assert!(page.text.contains(&words) && page.text.contains(signed_out), "{}", page.text);
    }
}
