//! The pages that visitors see: their words, and what they need.
use axum::body::Body;
use axum::http::{Request, StatusCode};

use crate::scenario::{Browser, Log, Page, SECRET, Scenario, logins};

/// A page for each fault that a visitor can meet.
async fn pages(scenario: &Scenario) -> Vec<Page> {
    let ready = logins(&scenario.sandbox, &SECRET);
    let mut made =
        Browser::at(axum::Router::new().merge(ready.routes("/sign-in", "/done", || async { "done" })));
    let mut browser = scenario.browser();
    let url = browser.start().await;
    let denied = scenario.sandbox.person("alice").deny(&url).await.unwrap();
    let state = browser.start().await.split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let issuer = scenario.sandbox.issuer();
    vec![
        browser.get(&denied).await,
        browser.get("/callback?code=x&state=y").await,
        browser.clone().post_to("/callback", "code=x&state=y", "text/plain").await,
        browser.clone().get(&format!("/callback?error=server_error&iss={issuer}&state={state}")).await,
        browser.get("/login?at=nobody").await,
        browser.get("/login?return_to=//evil.example").await,
        browser.get(&format!("/login?data={}", "x".repeat(3000))).await,
        browser.send(Request::get("/login").header("sec-purpose", "prefetch"), Body::empty()).await,
        made.get("/sign-in?return_to=/a&return_to=/b").await,
        made.get("/sign-in?client=a&client=b").await,
    ]
}

#[tokio::test]
async fn every_page_is_for_a_visitor_and_says_what_to_do() {
    let scenario = Scenario::new().await;
    for page in pages(&scenario).await {
        assert!(!page.status.is_success(), "{}", page.text);
        let text = page.text.as_str();
        assert_eq!(page.headers["content-type"], "text/html; charset=utf-8", "{text}");
        assert_eq!(page.headers["cache-control"], "no-store");
        // A heading, a sentence, and a place to go to, which is a link: a keyboard reaches it.
        let between = |from: &str, to: &str| text.split_once(from).unwrap().1.split_once(to).unwrap().0;
        assert_eq!(between("<title>", "</title>"), between("<h1>", "</h1>"), "{text}");
        let advice = between("<p>", "</p>");
        assert!(advice.ends_with('.') && advice.len() > 30, "{advice}");
        assert!(
            advice.contains("lease") || advice.contains("You can try again"),
            "says what to do: {advice}"
        );
        assert!(between("<a href=\"", "\"").starts_with('/'), "{text}");
        // Words for operators and developers.
        for word in [
            "whoever",
            "redirect",
            "token",
            "cookie",
            "OAuth",
            "state",
            "URI",
            "request",
            "query",
            "deserialize",
            "endpoint",
            "prefetch",
            "issuer",
            "layer",
            "null",
            "127.0.0.1",
            "{",
            "}",
        ] {
            let shown = [between("<h1>", "</h1>"), advice];
            assert!(!shown.iter().any(|shown| shown.contains(word)), "{word} in {shown:?}");
        }
        // Phone, dark and forced colours; no scripts.
        assert!(text.contains("<html lang=\"en\">") && text.contains("width=device-width"), "{text}");
        assert!(text.contains("prefers-color-scheme: dark") && text.contains("color-scheme: light dark"));
        assert!(text.contains(":focus-visible") && !text.contains("<script"));
        assert!(text.contains("1px solid transparent"), "forced colours draw this border around the link");
    }
}

#[tokio::test]
async fn pages_are_in_the_language_that_the_browser_prefers() {
    let scenario = Scenario::new().await;
    for (language, words, link) in [
        ("de", "nicht mehr gültig", "Noch einmal versuchen"),
        ("fr-CA, en;q=0.5", "Cette connexion n’est plus valable", "Réessayer"),
        ("es", "Este inicio de sesión ya no es válido", "Intentar de nuevo"),
        ("ko", "이 로그인은 더 이상 유효하지 않습니다", "다시 시도"),
        ("ja", "このログインはもう無効です", "もう一度試す"),
        ("nl", "This sign-in is no longer valid", "Try again"),
    ] {
        let request = Request::get("/callback?code=x&state=y").header("accept-language", language);
        let page = scenario.browser().send(request, Body::empty()).await;
        let tag = if language == "nl" { "en" } else { &language[..2] };
        for words in [format!("<html lang=\"{tag}\">"), format!("{words}</h1>"), format!(">{link}</a>")] {
            assert!(page.text.contains(&words), "{words}: {}", page.text);
        }
    }
}

#[tokio::test]
async fn a_query_that_names_a_client_twice_is_logged_and_gets_a_page() {
    let scenario = Scenario::new().await;
    let ready = logins(&scenario.sandbox, &SECRET).routes("/sign-in", "/done", || async { "done" });
    let (mut browser, log) = (Browser::at(axum::Router::new().merge(ready)), Log::start());
    for query in ["client=a&client=b", "return_to=/a&return_to=/b"] {
        let page = browser.get(&format!("/sign-in?{query}")).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST);
        assert!(page.text.contains("<a href=\"/login\">Try again</a>"), "{}", page.text);
        let line = log.take();
        assert!(line.starts_with("INFO vouchsafe_web ") && line.contains("more than once"), "{line}");
    }
    // Parameters of other programs may come in any number, with any bytes.
    let page = browser.get("/sign-in?utm=%f8&utm=%ff%00&campaign=%c3%28").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);
}
