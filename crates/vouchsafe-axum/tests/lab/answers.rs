//! What holds for every response.
use http::Method;
use vouchsafe_sandbox::Fault;

use crate::all::browser::{navigation, script};
use crate::all::lab::Lab;

#[tokio::test]
async fn every_response_has_the_headers_that_keep_it_private() {
    for lab in [Lab::new().await, Lab::in_cookies().await] {
        let alice = lab.signed_in("alice").await;
        let paths = [
            "/",
            "/sign-in",
            "/login/a",
            "/login/nobody",
            "/login/a?return_to=//x",
            "/callback/a",
            "/callback/a?code=x&state=y",
            "/logout",
            "/logged-out",
            "/initiate-login",
            "/protected",
            "/fresh",
            "/strong",
            "/admin",
            "/notes",
            "/api/me",
            "/api/token/a",
            "/api/token/b",
            "/devices",
            "/account",
            "/frontchannel-logout/a",
            "/backchannel-logout/a",
            "/link/b",
            "/nothing/here",
        ];
        for path in paths {
            for mut browser in [lab.browser(), alice.clone()] {
                for request in [
                    navigation(Method::GET, path),
                    script(Method::GET, path),
                    navigation(Method::HEAD, path),
                    navigation(Method::POST, path),
                    navigation(Method::POST, path).header("origin", &lab.url),
                    script(Method::DELETE, path),
                ] {
                    let page = browser.send(request, "").await;
                    assert_eq!(page.header("cache-control"), Some("no-store"), "{path} {}", page.status);
                    assert_eq!(
                        page.header("x-content-type-options"),
                        Some("nosniff"),
                        "{path} {}",
                        page.status
                    );
                    if page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")) {
                        let policy = page.header("content-security-policy").unwrap_or_default();
                        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
                        let referrer = page.header("referrer-policy").unwrap_or_default();
                        let hides = [
                            "same-origin",
                            "no-referrer",
                            "strict-origin",
                            "strict-origin-when-cross-origin",
                        ];
                        assert!(hides.contains(&referrer), "{path}: {referrer}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn a_page_of_an_error_holds_nothing_of_the_request() {
    let lab = Lab::new().await;
    let mark = "zqx%3Cb%3Ezqx";
    for path in [
        format!("/callback/a?error={mark}&error_description={mark}&state={mark}"),
        format!("/callback/{mark}"),
        format!("/login/{mark}"),
        format!("/login/a?return_to={mark}"),
        format!("/sign-in?return_to={mark}"),
        format!("/initiate-login?iss={mark}"),
        format!("/frontchannel-logout/a?iss={mark}&sid={mark}"),
        format!("/logged-out?state={mark}"),
    ] {
        let page = lab.browser().open(&path).await;
        assert!(!page.text.contains("zqx"), "{path}: {}", page.text);
        let page = lab.browser().fetch(&path).await;
        assert!(!page.text.contains("zqx"), "{path}: {}", page.text);
    }
    // And nothing of the provider.
    let mut browser = lab.browser();
    let place = browser.open("/login/a").await.location();
    lab.first.fault_once(Fault::HTML_IN_RESPONSE);
    let callback = lab.first.person("alice").allow(&place).await.unwrap();
    let page = browser.open(&callback).await;
    assert!(page.status >= 400);
    for text in ["<script", "<img", "127.0.0.1"] {
        assert!(!page.text.contains(text), "{}", page.text);
    }
}

#[tokio::test]
async fn the_log_has_the_reasons_and_no_secrets() {
    let lab = Lab::new().await;
    let mut browser = lab.browser();
    let place = browser.open("/login/a").await.location();
    let callback = lab.first.person("alice").deny(&place).await.unwrap();
    browser.open(&callback).await;
    lab.sign_in(&mut browser, "alice").await;
    assert_eq!(browser.fetch("/api/token/a").await.status, 200);
    let session = browser.session().unwrap().1.to_owned();
    browser.submit("/logout", "at=provider").await;
    let log = lab.log();
    assert!(log.contains("access_denied"), "{log}");
    for secret in lab.first.secrets(0).into_iter().chain([session]) {
        assert!(!log.contains(&secret), "the log holds {secret}");
    }
}
