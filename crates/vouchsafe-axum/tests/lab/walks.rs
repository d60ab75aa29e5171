//! People in a real browser.
use std::time::Duration;

use fantoccini::Locator;
use fantoccini::key::Key;
use vouchsafe_sandbox::{Endpoint, Fault};

use crate::all::chromium::{Browser, in_browser};
use crate::all::lab::Lab;

/// Runs a test in a browser, with the lab.
pub(crate) async fn walk(
    settings: &'static [(&str, &str)],
    test: impl AsyncFnOnce(&Browser, &mut Lab) + 'static,
) {
    walk_in(Lab::with(settings), test).await;
}

/// The same in a lab of one's own.
pub(crate) async fn walk_in(
    lab: impl Future<Output = Lab>,
    test: impl AsyncFnOnce(&Browser, &mut Lab) + 'static,
) {
    let lab = async move {
        let lab = lab.await;
        let url = lab.url.clone();
        (lab, url)
    };
    in_browser(lab, test).await;
}

impl Browser {
    /// At the sandbox: one click chooses the person, another gives consent.
    pub(crate) async fn signs_in_as(&self, who: &str) {
        self.click_at(&format!("//button[@name='user'][@value='{who}']")).await;
        self.click("Allow").await;
    }

    /// Chooses a provider on the sign-in page. Each button begins with a mark.
    pub(crate) async fn continues_at(&self, provider: &str) {
        self.click_at(&format!("//a[starts-with(@href, '/login/{provider}')]")).await;
    }

    /// Signs in, from a page of the lab that needs it.
    pub(crate) async fn signs_in_at(&self, path: &str, who: &str) {
        self.open(path).await;
        self.continues_at("a").await;
        self.signs_in_as(who).await;
    }

    /// The path at which the window is.
    pub(crate) async fn is_at(&self, path: &str) {
        let at = async || self.client.current_url().await.is_ok_and(|url| url.path() == path);
        self.until(&format!("the window is at {path}"), Duration::from_secs(20), at).await;
    }

    /// Opens another window, and goes there; gives the window before.
    pub(crate) async fn opens_a_tab(&self) -> fantoccini::wd::WindowHandle {
        let before = self.client.window().await.unwrap();
        let tab = self.client.new_window(true).await.unwrap();
        self.client.switch_to_window(tab.handle).await.unwrap();
        before
    }

    /// Loses the cookies of the lab, and keeps those of the providers.
    async fn loses_the_cookies_of(&self, lab: &Lab) {
        let port = lab.url.rsplit(':').next().unwrap();
        let cookies = self.client.get_all_cookies().await.unwrap();
        let own: Vec<_> = cookies.iter().filter(|cookie| cookie.name().contains(port)).collect();
        assert!(!own.is_empty(), "{cookies:?}");
        for cookie in own {
            self.client.delete_cookie(cookie.name()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn two_tabs_sign_in_at_once() {
    walk(&[], async |browser, _| {
        browser.open("/login/a?return_to=/protected").await;
        browser.sees("Alice").await;
        let first = browser.opens_a_tab().await;
        browser.open("/login/b?return_to=/account").await;
        browser.signs_in_as("bob").await;
        browser.sees("Your account").await;
        browser.client.switch_to_window(first).await.unwrap();
        browser.signs_in_as("alice").await;
        browser.sees("Signed in as Alice Liddell.").await;
        browser.is_at("/protected").await;
    })
    .await;
}

#[tokio::test]
async fn the_back_button_does_no_harm() {
    walk(&[], async |browser, _| {
        browser.open("/protected?page=2").await;
        browser.continues_at("a").await;
        browser.sees("Alice").await;
        browser.client.back().await.unwrap();
        browser.is_at("/sign-in").await;
        browser.continues_at("a").await;
        browser.signs_in_as("alice").await;
        browser.sees("Signed in as Alice Liddell.").await;

        // Back to the provider, and through it once more.
        browser.client.back().await.unwrap();
        browser.open("/protected").await;
        browser.sees("Signed in as Alice Liddell.").await;
        browser.click("Sign out").await;
        browser.click("Sign out here").await;
        browser.sees("You are signed out").await;
        browser.client.back().await.unwrap();
        browser.client.back().await.unwrap();
        browser.is_at("/sign-in").await;
        assert!(
            !browser.text().await.contains("Signed in as"),
            "the page is shown to nobody after the sign-out"
        );
    })
    .await;
}

#[tokio::test]
async fn someone_who_declines_can_try_again() {
    walk(&[], async |browser, _| {
        browser.open("/protected").await;
        browser.continues_at("a").await;
        browser.click_at("//button[@name='user'][@value='alice']").await;
        browser.click("Deny").await;
        browser.sees("You were not signed in").await;
        browser.click("Try again").await;
        browser.continues_at("a").await;
        browser.click("Allow").await;
        browser.sees("Signed in as Alice Liddell.").await;
        browser.has_no_complaints(&["403", "favicon"]).await;
    })
    .await;
}

#[tokio::test]
async fn a_session_that_is_lost_in_the_middle_is_made_again() {
    walk(&[], async |browser, lab| {
        browser.signs_in_at("/protected", "alice").await;
        browser.sees("Signed in as Alice Liddell.").await;
        browser.loses_the_cookies_of(lab).await;
        browser.click("Add").await;
        browser.sees("Choose an account to continue.").await;
        // The provider knows the person, and asks nothing.
        browser.continues_at("a").await;
        browser.is_at("/notes").await;
        browser.open("/protected").await;
        browser.sees("Signed in as Alice Liddell.").await;

        // And the login itself.
        browser.open("/login/b?return_to=/protected").await;
        browser.sees("Alice").await;
        browser.loses_the_cookies_of(lab).await;
        browser.signs_in_as("alice").await;
        browser.sees("This sign-in is no longer valid").await;
        browser.click("Try again").await;
        browser.continues_at("b").await;
        browser.sees("The lab").await;
        browser.sees("Hello Alice").await;
    })
    .await;
}

#[tokio::test]
async fn a_login_that_took_too_long_starts_again() {
    walk(&[("LOGIN_TIMEOUT", "1")], async |browser, lab| {
        browser.open("/login/a?return_to=/protected").await;
        browser.click_at("//button[@name='user'][@value='alice']").await;
        browser.sees("Allow").await;
        // The clock is the one of another process.
        tokio::time::sleep(Duration::from_millis(2100)).await;
        browser.click("Allow").await;
        browser.sees("This sign-in is no longer valid").await;
        assert!(lab.first.requests_to("/token").is_empty());
        browser.click("Try again").await;
        browser.is_at("/sign-in").await;
    })
    .await;
}

#[tokio::test]
async fn a_callback_that_is_opened_again_changes_nothing() {
    walk(&[], async |browser, lab| {
        browser.open("/login/a?return_to=/protected").await;
        browser.sees("Alice").await;
        let url = browser.client.current_url().await.unwrap();
        let callback = lab.allowed(url.as_str(), "alice").await;
        browser.client.goto(&callback).await.unwrap();
        browser.sees("Signed in as Alice Liddell.").await;
        browser.client.goto(&callback).await.unwrap();
        browser.sees("This sign-in is no longer valid").await;
        browser.open("/protected").await;
        browser.sees("Signed in as Alice Liddell.").await;
        assert_eq!(lab.first.requests_to("/token").len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_response_that_is_opened_twice_at_once_signs_in() {
    walk(&[], async |browser, lab| {
        browser.open("/login/a?return_to=/protected").await;
        browser.sees("Alice").await;
        let url = browser.client.current_url().await.unwrap();
        let callback = lab.allowed(url.as_str(), "alice").await;
        lab.first.fault_once(Fault::slow(Duration::from_millis(800)).at(Endpoint::Token));
        // As after a double click: the window gives up the first page while it waits for it.
        let script = "setTimeout(() => { location = arguments[0] }, 1); setTimeout(() => { location = arguments[0] }, 300);";
        browser.client.execute(script, vec![callback.into()]).await.unwrap();
        browser.sees("Signed in as Alice Liddell.").await;
        browser.is_at("/protected").await;
        assert_eq!(lab.first.requests_to("/token").len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_browser_that_looks_ahead_starts_nothing() {
    walk(&[], async |browser, lab| {
        browser.open("/").await;
        for kind in ["prefetch", "image"] {
            let script = if kind == "image" {
                "const e = new Image(); e.onload = e.onerror = () => window.ended = 'image'; e.src = '/login/a';"
            } else {
                "const e = document.createElement('link'); e.rel = 'prefetch'; e.href = '/login/a';\
                 e.onload = e.onerror = () => window.ended = 'prefetch'; document.head.append(e);"
            };
            browser.run(script).await;
            let ended = async || browser.run("return window.ended").await == kind;
            browser.until(&format!("the {kind} ended"), Duration::from_secs(20), ended).await;
        }
        assert!(browser.client.get_all_cookies().await.unwrap().is_empty());
        assert!(lab.first.requests_to("/authorize").is_empty());
        browser.open("/login/a").await;
        browser.signs_in_as("alice").await;
        browser.sees("Hello Alice").await;
    })
    .await;
}

#[tokio::test]
async fn a_provider_that_posts_a_form_signs_in_and_links() {
    const SETTINGS: &[(&str, &str)] =
        &[("PROVIDER_A_RESPONSE_MODE", "form_post"), ("PROVIDER_B_RESPONSE_MODE", "form_post")];
    walk(SETTINGS, async |browser, _| {
        browser.signs_in_at("/account", "alice").await;
        browser.sees("Your account").await;
        browser.click("Link b").await;
        browser.signs_in_as("bob").await;
        browser.sees("This way to sign in belongs to your account now.").await;
        browser.is_at("/account").await;
        browser.has_no_complaints(&["favicon"]).await;
    })
    .await;
}

#[tokio::test]
async fn a_strong_page_asks_once_more() {
    walk(&[], async |browser, _| {
        browser.signs_in_at("/protected", "alice").await;
        browser.sees("Signed in as Alice Liddell.").await;
        browser.open("/strong").await;
        browser.sees("Strong").await;
        browser.is_at("/strong").await;
        browser.open("/fresh").await;
        browser.sees("Fresh").await;
        browser.has_no_complaints(&["favicon"]).await;
    })
    .await;
}

#[tokio::test]
async fn people_sign_out_here_and_at_the_provider() {
    walk(&[], async |browser, _| {
        browser.signs_in_at("/protected", "alice").await;
        browser.sees("Signed in as Alice Liddell.").await;
        browser.click("Sign out").await;
        browser.click("Sign out here").await;
        browser.sees("You are signed out").await;
        // The provider still knows the person.
        browser.open("/login/a?return_to=/protected").await;
        browser.sees("Signed in as Alice Liddell.").await;
        browser.click("Sign out").await;
        browser.click("Sign out here and at the provider").await;
        // The provider asks, or it does not.
        let further =
            Locator::XPath("//button[normalize-space()='Sign out'] | //a[normalize-space()='Continue']");
        let signed_out = async || {
            if browser.text().await.contains("You are signed out") {
                return true;
            }
            if let Ok(element) = browser.client.find(further).await {
                let _ = element.click().await;
            }
            false
        };
        browser.until("the person is signed out", Duration::from_secs(20), signed_out).await;
        browser.is_at("/logged-out").await;
        browser.open("/login/a?return_to=/protected").await;
        browser.click_at("//button[@name='user'][@value='bob']").await;
        browser.click("Allow").await;
        browser.sees("Signed in as").await;
        browser.has_no_complaints(&["favicon"]).await;
    })
    .await;
}

#[tokio::test]
async fn the_provider_ends_the_session_in_another_browser() {
    walk(&[], async |browser, lab| {
        let client = lab.first.client_id().to_owned();
        lab.first.backchannel_logout_uri(&client, format!("{}/backchannel-logout/a", lab.url));
        browser.signs_in_at("/protected", "alice").await;
        browser.sees("Signed in as Alice Liddell.").await;
        let notices = lab.first.sign_out("alice").await;
        assert!(notices.iter().any(|notice| notice.status == Some(200)), "{}", notices.len());
        browser.open("/protected").await;
        browser.sees("Choose an account to continue.").await;
    })
    .await;
}

#[tokio::test]
async fn a_session_is_revoked_from_another_device() {
    walk(&[], async |browser, lab| {
        let mut phone = lab.signed_in("alice").await;
        browser.signs_in_at("/devices", "alice").await;
        browser.sees("You are signed in on these devices.").await;
        let other = "//li[not(contains(., 'this device'))]//button";
        browser.client.find(Locator::XPath(other)).await.unwrap();
        browser.click_at(other).await;
        let gone = async || phone.clone().account().await.is_none();
        browser.until("the other device is signed out", Duration::from_secs(20), gone).await;
        browser.sees("this device").await;

        lab.sign_in(&mut phone, "alice").await;
        let devices = phone.json("/devices").await["devices"].as_array().unwrap().clone();
        let other = devices.iter().find(|device| device["current"] == false).unwrap();
        let id = other["id"].as_str().unwrap();
        assert_eq!(phone.post(&format!("/devices/{id}/revoke"), "").await.status, 200);
        browser.open("/protected").await;
        browser.sees("Choose an account to continue.").await;
        browser.has_no_complaints(&["favicon"]).await;
    })
    .await;
}

#[tokio::test]
async fn scripts_are_not_needed() {
    walk(&[], async |browser, _| {
        browser.without_scripts().await;
        browser.signs_in_at("/protected", "alice").await;
        browser.sees("Signed in as Alice Liddell.").await;
        browser.click("Add").await;
        browser.sees("Signed in as Alice Liddell.").await;
        browser.open("/devices").await;
        browser.click("Sign out everywhere").await;
        browser.sees("You are signed out").await;
    })
    .await;
}

#[tokio::test]
async fn the_keyboard_is_enough() {
    walk(&[], async |browser, _| {
        browser.open("/protected").await;
        browser.tab_to("Continue with a").await;
        browser.press(Key::Enter).await;
        browser.sees("Alice Liddell").await;
        browser.tab_to("Alice Liddell").await;
        browser.press(Key::Enter).await;
        browser.sees("Allow").await;
        browser.tab_to("Allow").await;
        browser.press(Key::Enter).await;
        browser.sees("Signed in as Alice Liddell.").await;
        browser.tab_to("Sign out").await;
        browser.press(Key::Enter).await;
        browser.is_at("/logout").await;
        browser.tab_to("Sign out here").await;
        browser.press(Key::Enter).await;
        browser.sees("You are signed out").await;
    })
    .await;
}

#[tokio::test]
async fn pages_fit_a_phone_and_forced_colours() {
    walk(&[], async |browser, _| {
        browser.resize(320, 640).await;
        browser.with_forced_colours().await;
        browser.signs_in_at("/protected", "alice").await;
        browser.sees("Signed in as Alice Liddell.").await;
        for path in ["/", "/sign-in", "/protected", "/logout", "/logged-out", "/devices", "/account", "/admin"] {
            browser.open(path).await;
            let wide = browser
                .run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
                .await;
            assert_eq!(wide, 0, "{path}");
            // A button has an edge of its own there, and is large enough to touch.
            let script = "return [...document.querySelectorAll('button, .sign-in-choice')].filter(e => \
                          e.getBoundingClientRect().height < 24 || getComputedStyle(e).borderStyle === 'none').length";
            assert_eq!(browser.run(script).await, 0, "{path}");
        }
    })
    .await;
}
