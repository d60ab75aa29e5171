//! The session at the provider is watched: the frame of OpenID Connect Session Management.
use std::time::Duration;

use http::Method;
use vouchsafe_sandbox::Fault;

use crate::all::browser::{Browser, Page, navigation};
use crate::all::chromium;
use crate::all::lab::Lab;
use crate::all::walks::walk_in;

/// The request of the page's script, in a frame.
async fn checked(browser: &mut Browser, path: &str) -> Page {
    let mut request = navigation(Method::GET, path).header("sec-fetch-site", "same-origin");
    request.headers_mut().unwrap().insert("sec-fetch-dest", "iframe".parse().unwrap());
    browser.send(request, "").await
}

/// Asks, and brings the response of the provider, where this person is signed in: their cookies there are those of `person`.
async fn answered(
    lab: &Lab,
    browser: &mut Browser,
    person: &vouchsafe_sandbox::Person,
    path: &str,
) -> String {
    let url = checked(browser, path).await.location();
    assert!(url.starts_with(lab.first.issuer()) && url.contains("prompt=none"), "{url}");
    let page = checked(browser, &person.allow(&url).await.unwrap()).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("frame-ancestors 'self'") && policy.contains("default-src 'none'"), "{policy}");
    let (_, rest) = page.text.split_once("data-session=\"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

/// A browser in which this person has signed in, with cookies at the provider.
async fn signed_in(lab: &Lab, person: &vouchsafe_sandbox::Person) -> Browser {
    let mut browser = lab.browser();
    let url = browser.open("/login/a").await.location();
    let callback = person.allow(&url).await.unwrap();
    assert_eq!(browser.open(&callback).await.location(), "/");
    browser
}

/// The value of a setting of the page.
fn setting(page: &Page, name: &str) -> String {
    let (_, rest) =
        page.text.split_once(&format!(" data-{name}=\"")).unwrap_or_else(|| panic!("{}", page.text));
    rest.split_once('"').unwrap().0.to_owned()
}

#[tokio::test]
async fn the_page_lets_the_frame_of_the_provider_in_and_nothing_else() {
    for settings in [&[][..], &[("SESSION", "cookie")]] {
        let lab = Lab::watching(settings).await;
        let mut browser = lab.browser();
        let page = browser.open("/session/frame").await;
        assert!(page.status == 200 && !page.text.contains("data-frame"), "{}", page.text);
        lab.sign_in(&mut browser, "alice").await;
        assert!(browser.open("/protected").await.text.contains("<iframe src=\"/session/frame\""));
        let page = browser.open("/session/frame").await;
        let (issuer, client) = (lab.first.issuer(), lab.first.client_id());
        assert_eq!(setting(&page, "frame"), format!("{issuer}/session"));
        assert_eq!(setting(&page, "origin"), issuer);
        let message = setting(&page, "message");
        let (id, state) = message.split_once(' ').unwrap();
        assert!(id == client && state.split_once('.').is_some_and(|(hash, _)| hash.len() == 64), "{message}");
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
        assert!(policy.contains(&format!("frame-src {issuer}/session 'self' {issuer} ")), "{policy}");
        assert!(policy.ends_with("base-uri 'none'; form-action 'none'; frame-ancestors 'self'"), "{policy}");
        assert_eq!(page.header("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn a_provider_without_a_frame_or_a_state_is_not_watched() {
    let lab = Lab::watching(&[]).await;
    lab.first.fault(Fault::MISSING_SESSION_STATE);
    let mut browser = lab.signed_in("alice").await;
    assert!(!browser.open("/protected").await.text.contains("<iframe"));
    assert!(!browser.open("/session/frame").await.text.contains("data-frame"));
    assert_eq!(lab.walk(&mut browser, "/login/b", "alice").await.location(), "/");
    assert!(!browser.open("/protected").await.text.contains("<iframe"));
}

#[tokio::test]
async fn the_session_goes_on_while_the_same_person_is_signed_in() {
    for settings in [&[][..], &[("SESSION", "cookie")]] {
        let lab = Lab::watching(settings).await;
        let alice = lab.first.person("alice");
        let mut browser = signed_in(&lab, &alice).await;
        let account = browser.account().await;
        let before = setting(&browser.open("/session/frame").await, "message");
        for path in ["/session/check", "/session/check?trial=1"] {
            assert_eq!(answered(&lab, &mut browser, &alice, path).await, "same");
        }
        let after = setting(&browser.open("/session/frame").await, "message");
        assert_ne!(before, after, "the state is the one of the latest response");
        assert_eq!(browser.account().await, account);
        assert!(browser.logins().is_empty());
        // Nobody asked for userinfo, and the tokens stayed.
        assert_eq!(lab.first.requests_to("/userinfo").len(), 1);
        assert_eq!(browser.fetch("/api/token/a").await.status, 200);
        let hints = lab.first.requests_to("/authorize");
        let hint = hints.last().unwrap().query.clone().unwrap();
        assert!(hint.contains("id_token_hint=") && hint.contains("scope=openid&"), "{hint}");
    }
}

#[tokio::test]
async fn the_session_ends_if_nobody_or_another_is_signed_in() {
    for settings in [&[][..], &[("SESSION", "cookie")]] {
        let lab = Lab::watching(settings).await;
        let mut browser = lab.signed_in("alice").await;
        // This one was never signed in there: the hint is of no use.
        let nobody = lab.first.person("bob");
        assert_eq!(answered(&lab, &mut browser, &nobody, "/session/check?trial=1").await, "kept");
        assert!(browser.account().await.is_some(), "a trial ends nothing");
        assert_eq!(answered(&lab, &mut browser, &nobody, "/session/check").await, "ended");
        assert_eq!(browser.account().await, None);
        assert!(browser.session().is_none() && browser.logins().is_empty());
        let page = checked(&mut browser, "/session/check").await;
        assert!(page.text.contains("data-session=\"ended\""), "{}", page.text);
    }
}

#[tokio::test]
async fn a_response_that_tells_nothing_ends_nothing() {
    let lab = Lab::watching(&[]).await;
    let alice = lab.first.person("alice");
    let mut browser = signed_in(&lab, &alice).await;
    for fault in [Fault::WRONG_ISSUER, Fault::SERVER_ERROR, Fault::WRONG_NONCE, Fault::EXPIRED_ID_TOKEN] {
        lab.first.fault_once(fault);
        assert_eq!(answered(&lab, &mut browser, &alice, "/session/check").await, "unknown", "{fault:?}");
        assert!(browser.account().await.is_some(), "{fault:?}");
        lab.first.clear_faults();
    }
    // Somebody else signed in here meanwhile.
    let url = checked(&mut browser, "/session/check").await.location();
    let callback = lab.first.person("bob").allow(&url).await.unwrap();
    assert!(callback.contains("error=login_required"), "{callback}");
    lab.sign_in(&mut browser, "bob").await;
    let page = checked(&mut browser, &callback).await;
    assert!(page.text.contains("data-session=\"unknown\""), "{}", page.text);
    assert!(browser.account().await.is_some());
}

#[tokio::test]
async fn no_other_site_asks_the_provider() {
    let lab = Lab::watching(&[]).await;
    let mut browser = lab.signed_in("alice").await;
    let asked = lab.first.requests_to("/authorize").len();
    for (site, destination) in
        [("cross-site", "iframe"), ("same-site", "iframe"), ("same-origin", "document")]
    {
        let mut request = navigation(Method::GET, "/session/check").header("sec-fetch-site", site);
        request.headers_mut().unwrap().insert("sec-fetch-dest", destination.parse().unwrap());
        let page = browser.send(request, "").await;
        assert_eq!(page.status, 403, "{site} {destination}");
        assert!(page.cookies().is_empty(), "{site} {destination}");
    }
    assert_eq!(lab.first.requests_to("/authorize").len(), asked);
}

#[tokio::test]
async fn a_state_is_text_in_the_page_whatever_it_holds() {
    for settings in [&[][..], &[("SESSION", "cookie")]] {
        let lab = Lab::watching(settings).await;
        let mut browser = lab.browser();
        let url = browser.open("/login/a").await.location();
        let callback = lab.first.person("alice").allow(&url).await.unwrap();
        // The browser brings the state, so the person can change it.
        let (before, state) = callback.split_once("session_state=").unwrap();
        let rest = state.split_once('&').map_or("", |(_, rest)| rest);
        let state = "\"><script>alert(1)</script>'&";
        let sent: String = url::form_urlencoded::byte_serialize(state.as_bytes()).collect();
        let page = browser.open(&format!("{before}session_state={sent}&{rest}")).await;
        assert_eq!(page.location(), "/");
        let page = browser.open("/session/frame").await;
        assert_eq!(page.text.matches("<script").count(), 1, "{}", page.text);
        assert!(
            setting(&page, "message").ends_with(" &quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&#39;&amp;")
        );
        assert!(!page.header("content-security-policy").unwrap().contains("alert"));
    }
}

async fn walk(test: impl AsyncFnOnce(&chromium::Browser, &mut Lab) + 'static) {
    walk_in(Lab::watching(&[]), test).await;
}

impl chromium::Browser {
    /// The frame of the provider has said that nothing has changed.
    async fn is_watched(&self) {
        let script = "return localStorage.getItem('vouchsafe-session-frame')";
        let said = async || self.run(script).await == "works";
        self.until("the frame says that nothing has changed", PATIENCE, said).await;
    }

    /// How often the provider was asked with `prompt=none`.
    async fn asks(&self, lab: &Lab, times: usize) {
        let asked = async || silent(lab) >= times;
        self.until(&format!("the provider was asked {times} times"), PATIENCE, asked).await;
    }
}

fn silent(lab: &Lab) -> usize {
    let requests = lab.first.requests_to("/authorize");
    requests.iter().filter(|r| r.query.as_ref().is_some_and(|query| query.contains("prompt=none"))).count()
}

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn the_page_ends_by_itself_after_a_sign_out_at_the_provider_in_another_tab() {
    walk(async |browser, lab| {
        browser.signs_in_at("/protected?page=2", "alice").await;
        browser.sees("Signed in as Alice Liddell.").await;
        browser.is_watched().await;
        assert_eq!(silent(lab), 0);
        let first = browser.opens_a_tab().await;
        browser.client.goto(&format!("{}/end_session", lab.first.issuer())).await.unwrap();
        browser.click("Sign out").await;
        browser.sees("signed out").await;
        browser.client.switch_to_window(first).await.unwrap();
        browser.sees("Choose an account to continue.").await;
        browser.is_at("/sign-in").await;
        assert_eq!(silent(lab), 1);
        // The next session is watched as the first was.
        browser.continues_at("a").await;
        browser.signs_in_as("alice").await;
        browser.sees("Signed in as Alice Liddell.").await;
        browser.is_watched().await;
        browser.has_no_complaints(&["favicon"]).await;
    })
    .await;
}

#[tokio::test]
async fn the_page_ends_by_itself_if_somebody_else_signs_in_at_the_provider() {
    walk(async |browser, lab| {
        browser.signs_in_at("/protected", "alice").await;
        browser.is_watched().await;
        let first = browser.opens_a_tab().await;
        let (issuer, client) = (lab.first.issuer(), lab.first.client_id());
        let back = "redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2F&scope=openid&prompt=login";
        let url = format!("{issuer}/authorize?response_type=code&client_id={client}&{back}");
        browser.client.goto(&url).await.unwrap();
        browser.click_at("//button[@name='user'][@value='bob']").await;
        browser.sees("Deny").await;
        browser.client.switch_to_window(first).await.unwrap();
        browser.sees("Choose an account to continue.").await;
        assert_eq!(silent(lab), 1);
    })
    .await;
}

#[tokio::test]
async fn the_page_stays_if_the_provider_confirms_the_person_of_a_session_that_changed() {
    walk(async |browser, lab| {
        lab.first.fault_once(Fault::ANOTHER_SESSION_STATE);
        browser.signs_in_at("/protected", "alice").await;
        browser.run("window.still = 'here'").await;
        // The frame says `changed` first, and `unchanged` to the state of the second response.
        browser.is_watched().await;
        assert_eq!(silent(lab), 1);
        assert_eq!(browser.run("return window.still").await, "here");
        browser.open("/protected").await;
        browser.sees("Signed in as Alice Liddell.").await;
        browser.has_no_complaints(&["favicon"]).await;
    })
    .await;
}

#[tokio::test]
async fn a_window_that_is_not_the_provider_s_frame_is_not_heard() {
    // Session Management §3.1.
    walk(async |browser, lab| {
        browser.signs_in_at("/protected", "alice").await;
        browser.is_watched().await;
        // A page of the application, which is not of the provider's origin. An error would end the questions.
        for said in ["changed", "error"] {
            let script = "document.querySelector('iframe').contentWindow";
            browser.run(&format!("{script}.postMessage('{said}', '*')")).await;
        }
        let first = browser.opens_a_tab().await;
        browser.client.goto(&format!("{}/end_session", lab.first.issuer())).await.unwrap();
        browser.click("Sign out").await;
        browser.sees("signed out").await;
        assert_eq!(silent(lab), 0, "nothing was asked before");
        browser.client.switch_to_window(first).await.unwrap();
        browser.sees("Choose an account to continue.").await;
    })
    .await;
}

#[tokio::test]
async fn a_browser_that_keeps_cookies_from_frames_signs_nobody_out() {
    walk(async |browser, lab| {
        browser.signs_in_at("/protected", "alice").await;
        browser.is_watched().await;
        // As if the frame had never seen its cookies.
        browser.open("/sign-in").await;
        browser.run("localStorage.clear()").await;
        for cookie in browser.client.get_all_cookies().await.unwrap() {
            if cookie.name().contains("sandbox") {
                browser.client.delete_cookie(cookie.name()).await.unwrap();
            }
        }
        browser.open("/protected").await;
        browser.asks(lab, 1).await;
        let useless = "return localStorage.getItem('vouchsafe-session-frame')?.startsWith('useless for ')";
        let given_up = async || browser.run(useless).await == true;
        browser.until("the page has given up", PATIENCE, given_up).await;
        browser.open("/protected").await;
        browser.sees("Signed in as Alice Liddell.").await;
        assert_eq!(silent(lab), 1);
    })
    .await;
}

#[tokio::test]
async fn a_frame_that_always_says_changed_is_asked_for_no_longer() {
    walk(async |browser, lab| {
        lab.first.fault(Fault::ANOTHER_SESSION_STATE);
        browser.signs_in_at("/protected", "alice").await;
        browser.sees("Signed in as Alice Liddell.").await;
        browser.asks(lab, 2).await;
        let useless = "return localStorage.getItem('vouchsafe-session-frame')?.startsWith('useless for ')";
        let given_up = async || browser.run(useless).await == true;
        browser.until("the page has given up", PATIENCE, given_up).await;
        for path in ["/account", "/protected"] {
            browser.open(path).await;
            browser.sees(if path == "/account" { "Your account" } else { "Signed in as" }).await;
        }
        assert_eq!(silent(lab), 2, "not again, and not at another page");
    })
    .await;
}

#[tokio::test]
async fn a_frame_that_answers_with_an_error_ends_the_questions() {
    // Session Management §3.1.
    walk(async |browser, lab| {
        lab.first.fault(Fault::MALFORMED_SESSION_STATE);
        browser.signs_in_at("/protected", "alice").await;
        browser
            .run("window.said = []; addEventListener('vouchsafe:session', e => said.push(e.detail))")
            .await;
        browser.run("document.querySelector('iframe').contentWindow.location.reload()").await;
        let said = async || browser.run("return said.join()").await == "error";
        browser.until("the page hears of the error", PATIENCE, said).await;
        assert_eq!(silent(lab), 0);
        assert_eq!(browser.run("return said.length").await, 1);
    })
    .await;
}
