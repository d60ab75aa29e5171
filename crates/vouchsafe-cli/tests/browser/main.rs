//! The demo in a real browser, from the first click to signing out.
mod accessible;
mod axe;
mod chromium;

use std::time::Duration;

use fantoccini::key::Key;
use serde_json::Value;
use tokio::process::Command;

use crate::chromium::{Browser, line_with, start};

/// Runs a test in a browser, with the demo.
async fn in_browser(test: impl AsyncFnOnce(&Browser) + 'static) {
    let demo = async {
        let (demo, mut lines) = start(Command::new(env!("CARGO_BIN_EXE_vouchsafe")).args(["demo", "--json"]));
        let line = line_with(&mut lines, "listening").await;
        let url = serde_json::from_str::<Value>(&line).unwrap()["url"].as_str().unwrap().to_owned();
        // Its output stays open.
        ((demo, lines), url)
    };
    chromium::in_browser(demo, async move |browser, _| test(browser).await).await;
}

#[tokio::test]
async fn alice_signs_in_refreshes_revokes_and_signs_out() {
    in_browser(async |browser| {
        browser.open("/").await;
        browser.click("Continue with Sandbox (OpenID Connect)").await;
        browser.sign_in_as("alice").await;

        browser.sees("Alice Liddell").await;
        browser.sees("sandbox-user-alice").await;
        browser.sees("alice@example.com").await;
        browser.sees("✓ verified by the provider").await;
        browser.counts_down().await;

        browser.sees("Refreshed\nnot yet").await;
        browser.click("Refresh").await;
        browser.sees("The provider issued a new access token").await;
        browser.sees("Refreshed\nonce").await;

        browser.click("Revoke").await;
        browser.sees("Revoked: the provider refuses it.").await;
        browser.click("Try to refresh").await;
        browser.sees("Sign out and sign in again to continue").await;
        browser.sees("invalid_grant").await;

        browser.click("Sign out").await;
        browser.sees("The demo has forgotten you and your tokens.").await;
        browser.click("Sign out at the provider too").await;
        browser.sees("Signed out everywhere").await;
        browser.open("/").await;
        browser.sees("Sign in, and see how it works").await;
        browser.has_no_complaints(&[]).await;
    })
    .await;
}

#[tokio::test]
async fn every_step_is_shown_and_no_secret_is() {
    in_browser(async |browser| {
        browser.open("/").await;
        browser.click("Continue with Sandbox (OpenID Connect)").await;
        browser.sign_in_as("alice").await;
        browser.sees("Alice Liddell").await;
        browser.click("Refresh").await;
        browser.sees("Refreshed\nonce").await;
        browser.click("Revoke").await;
        browser.sees("Revoked: the provider refuses it.").await;

        let steps =
            browser.run("return [...document.querySelectorAll('.step .title')].map(t => t.innerText)").await;
        let expected = [
            "Start of the login",
            "Discovery",
            "Authorization request",
            "Sign-in and consent",
            "Authorization response",
            "Token request",
            "Keys",
            "Profile",
            "Signed in",
            "Refresh",
            "Revocation",
        ];
        assert_eq!(steps, serde_json::json!(expected));

        browser.click("Open all steps").await;
        browser.sees("code_challenge_method").await;
        browser.sees("Basic ••••").await;
        browser.sees("\"token_type\": \"Bearer\"").await;
        let page = browser.source().await;
        assert!(!page.contains("sandbox-secret"), "the client secret is in the page");
        // The sandbox's tokens are longer than the four characters that a mask may begin with.
        let shown = browser
            .run("return document.body.innerText.match(/\"(access|refresh|id)_token\": \"[^\"]*\"/g)")
            .await;
        let shown = shown.as_array().unwrap();
        assert!(shown.len() >= 5, "{shown:?}");
        assert!(shown.iter().all(|token| token.as_str().unwrap().contains("••••")), "{shown:?}");
        browser.has_no_complaints(&[]).await;
    })
    .await;
}

#[tokio::test]
async fn a_user_who_declines_may_try_again() {
    in_browser(async |browser| {
        browser.open("/").await;
        browser.click("Continue with Sandbox (plain OAuth 2)").await;
        browser.click_person("alice").await;
        browser.sees("Allow sandbox-client?").await;
        browser.click("Deny").await;
        browser.sees("You declined, and that is fine").await;
        browser.sees("Nobody is signed in").await;

        browser.click("Continue with Sandbox (OpenID Connect)").await;
        browser.click("Allow").await;
        browser.sees("Alice Liddell").await;
        // Chromium logs the status of the page, as expected.
        browser.has_no_complaints(&["403"]).await;
    })
    .await;
}

#[tokio::test]
async fn an_unverified_email_is_not_called_verified() {
    in_browser(async |browser| {
        for (person, words) in [("bob", "! not verified"), ("carol", "the provider shared none")] {
            browser.open("/").await;
            browser.click("Continue with Sandbox (plain OAuth 2)").await;
            browser.sign_in_as(person).await;
            browser.sees(&format!("sandbox-user-{person}")).await;
            browser.sees(words).await;
            assert!(!browser.text().await.contains("✓ verified"));
            browser.forget_cookies().await;
        }
        browser.has_no_complaints(&[]).await;
    })
    .await;
}

#[tokio::test]
async fn a_posted_response_works_with_and_without_scripts() {
    in_browser(async |browser| {
        browser.open("/").await;
        browser.choose("apple").await;
        browser.sign_in_as("alice").await;
        browser.sees("Alice Liddell").await;
        browser.sees("alice@example.com").await;
        browser.has_no_complaints(&[]).await;
        browser.forget_cookies().await;

        browser.without_scripts().await;
        browser.open("/").await;
        browser.choose("apple").await;
        browser.sign_in_as("carol").await;
        browser.sees("Back to the application").await;
        browser.click("Continue").await;
        browser.sees("Carol Kennicott").await;
    })
    .await;
}

#[tokio::test]
async fn a_narrow_screen_does_not_scroll_sideways() {
    in_browser(async |browser| {
        browser.resize(360, 780).await;
        browser.open("/").await;
        browser.fits().await;
        browser.click("Continue with Sandbox (OpenID Connect)").await;
        browser.sign_in_as("alice").await;
        browser.sees("Alice Liddell").await;
        browser.fits().await;
        browser.run("for (const d of document.querySelectorAll('details')) d.open = true").await;
        browser.fits().await;
        browser.has_no_complaints(&[]).await;
    })
    .await;
}

#[tokio::test]
async fn the_keyboard_is_enough() {
    in_browser(async |browser| {
        browser.open("/").await;
        browser.press(Key::Tab).await;
        assert_eq!(browser.focused().await, "Skip to the content");
        browser.tab_to("Continue with Sandbox (OpenID Connect)").await;
        browser.press(Key::Enter).await;
        browser.sees("Who would you like to be?").await;
        browser.tab_to("Alice Liddell").await;
        browser.press(Key::Enter).await;
        browser.sees("Allow sandbox-client?").await;
        browser.tab_to("Allow").await;
        browser.press(Key::Enter).await;
        browser.sees("alice@example.com").await;
        browser.tab_to("Discovery").await;
        browser.press(Key::Enter).await;
        browser.sees("metadata says where its endpoints are").await;
    })
    .await;
}

#[tokio::test]
async fn scripts_are_not_needed() {
    in_browser(async |browser| {
        browser.without_scripts().await;
        browser.open("/").await;
        browser.click("Continue with Sandbox (OpenID Connect)").await;
        browser.sign_in_as("alice").await;
        browser.sees("Alice Liddell").await;
        browser.sees(" left").await;
        browser.click("Refresh").await;
        browser.sees("Refreshed\nonce").await;
        browser.click("Sign out").await;
        browser.sees("The demo has forgotten you and your tokens.").await;
    })
    .await;
}

#[tokio::test]
async fn the_list_of_providers_is_searched_and_adds_no_empty_page() {
    in_browser(async |browser| {
        for width in [1280, 360] {
            browser.resize(width, 800).await;
            browser.open("/").await;
            let height = || async {
                browser.run("return document.documentElement.scrollHeight").await.as_i64().unwrap()
            };
            let before = height().await;
            browser.click_at("//details[contains(@class, 'catalogue')]/summary").await;
            browser.sees("Zoom").await;
            let list = browser.run("return document.querySelector('details.catalogue').offsetHeight").await;
            assert!(height().await - before < list.as_i64().unwrap(), "the page grows by more than the list");
        }
        for (wanted, first, count) in [
            ("git", "GitHub", "6 of "),
            ("face book", "Facebook", "1 of "),
            ("카카오", "Kakao", "2 of "),
            ("x", "X (Twitter)", "3 of "),
            ("Télégraph", "", "None of the "),
            ("!", "", "None of the "),
        ] {
            browser.run("const f = document.querySelector('[type=search]'); f.value = ''; f.focus()").await;
            browser.type_text(wanted).await;
            browser.sees(count).await;
            let shown =
                "return document.querySelector('.many li:not([hidden]) .name')?.lastChild.textContent ?? ''";
            assert_eq!(browser.run(shown).await, first, "{wanted}");
        }
        browser.sees("has this name").await;
        browser.press(Key::Enter).await;
        browser.run("const f = document.querySelector('[type=search]'); f.value = ''; f.focus()").await;
        browser.type_text("face book").await;
        browser.sees("Enter chooses Facebook").await;
        browser.press(Key::Enter).await;
        browser.sees("Who would you like to be?").await;
        browser.has_no_complaints(&[]).await;
    })
    .await;
}

#[tokio::test]
async fn the_diagram_is_drawn_in_forced_colours() {
    in_browser(async |browser| {
        browser.with_forced_colours().await;
        browser.open("/").await;
        browser.click("Continue with Sandbox (OpenID Connect)").await;
        browser.sign_in_as("alice").await;
        // The pages of the sandbox name her too.
        browser.sees("Every request and response").await;
        let style = async |element: &str, pseudo: &str, name: &str| {
            let script =
                format!("return getComputedStyle(document.querySelector('{element}'), '{pseudo}')['{name}']");
            browser.run(&script).await.as_str().unwrap().to_owned()
        };
        assert!(style(".lanes", "", "background-image").await.contains("gradient"), "no lines");
        let head = style(".arrow", "::after", "background-color").await;
        assert_ne!(head, style(".flow", "", "background-color").await, "no arrow heads");
        assert_eq!(style(".arrow", "", "border-bottom-width").await, "0px", "an arrow is one line");
    })
    .await;
}

#[tokio::test]
async fn closed_groups_look_closed_and_landmarks_have_names_of_their_own() {
    in_browser(async |browser| {
        browser.open("/").await;
        let turned = "return ['.catalogue', '.claims', '.step details'].map((at) => document.querySelector(at + ' > summary'))
            .filter((each) => each).map((each) => getComputedStyle(each, '::before').transform)";
        let closed = browser.run(turned).await;
        browser.run("document.querySelector('.catalogue').open = true").await;
        assert_ne!(browser.run(turned).await, closed);
        browser.click("Continue with Sandbox (OpenID Connect)").await;
        browser.sees("Who would you like to be?").await;
        browser.run("document.querySelector('details.faults').open = true").await;
        let inner = "return getComputedStyle(document.querySelector('details.faults details > summary'), '::before').content";
        assert_eq!(browser.run(inner).await, "\"▸\"");
        browser.sign_in_as("alice").await;
        browser.sees("Alice Liddell").await;
        let all = browser.run(turned).await;
        assert!(all.as_array().unwrap().iter().all(|each| *each == closed[0]), "{all}");
        browser.run("for (const d of document.querySelectorAll('details')) d.open = true").await;
        let landmarks = "return [...document.querySelectorAll('[role=region], section[aria-labelledby], main, header, footer')]
            .map((each) => each.localName + ' ' + (each.getAttribute('aria-label') ?? each.getAttribute('aria-labelledby')))";
        let landmarks = browser.run(landmarks).await;
        let landmarks: Vec<_> = landmarks.as_array().unwrap().iter().map(ToString::to_string).collect();
        let unique: std::collections::BTreeSet<_> = landmarks.iter().collect();
        assert_eq!(unique.len(), landmarks.len(), "{landmarks:?}");
    })
    .await;
}

#[tokio::test]
async fn the_playground_needs_no_script() {
    in_browser(async |browser| {
        browser.without_scripts().await;
        browser.open("/faults?find=wrong-nonce").await;
        browser.click("The ID token has the nonce of another login").await;
        browser.click("Sign in with this fault").await;
        browser.sees("Refused, as it must be").await;
        browser.sees("A code or token of another login was injected.").await;
        browser.fits().await;

        browser.open("/race").await;
        browser.click("Sign Alice in for two tabs").await;
        browser.click("Both tabs at once").await;
        browser.sees("1 refresh request was sent.").await;

        browser.open("/?find=git").await;
        browser.sees("6 of ").await;
        browser.open("/own").await;
        browser.sees("/callback/own").await;
    })
    .await;
}

#[tokio::test]
async fn code_is_copied_and_a_fault_is_tried_by_keyboard() {
    in_browser(async |browser| {
        browser.open("/faults/foreign-state").await;
        browser.tab_to("Sign in with this fault").await;
        browser.press(Key::Enter).await;
        browser.sees("Login CSRF").await;
        browser.tab_to("A Rust test").await;
        browser.press(Key::Enter).await;
        browser.sees("state_mismatch").await;
        browser.tab_to("Copy").await;
        browser.has_no_complaints(&[]).await;
    })
    .await;
}

impl Browser {
    async fn click_person(&self, username: &str) {
        self.click_at(&format!("//button[@name='user'][@value='{username}']")).await;
    }

    /// One of the providers in the long list.
    async fn choose(&self, slug: &str) {
        self.run(&format!("location = '/login/{slug}'")).await;
    }

    /// At the sandbox: one click chooses the user, another gives consent.
    async fn sign_in_as(&self, username: &str) {
        self.click_person(username).await;
        self.click("Allow").await;
    }

    async fn counts_down(&self) {
        let words = || self.run("return document.querySelector('[data-words]').innerText");
        let before = words().await;
        self.until("the token's life counts down", Duration::from_secs(10), async || words().await != before)
            .await;
    }

    async fn fits(&self) {
        let wide = self
            .run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
            .await;
        assert_eq!(wide, 0, "the page is wider than the screen");
    }
}
