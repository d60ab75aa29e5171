//! Every page of the demo, of the playground and of the sandbox, for everybody.
use std::path::Path;

use fantoccini::Locator;
use http::Method;
use http_body_util::BodyExt;
use vouchsafe::{Client, Http, Provider, Registration};

use crate::chromium::Browser;
use crate::{axe, in_browser};

/// Runs a test in a browser with the demo, if the pages can be checked.
async fn checked(test: impl AsyncFnOnce(&Browser) + 'static) {
    if axe::is_installed() {
        in_browser(test).await;
    }
}

#[tokio::test]
async fn everybody_can_use_the_playground() {
    checked(async |browser| {
        for path in [
            "/",
            "/?find=git",
            "/?find=nobody",
            "/sign-in",
            "/faults",
            "/faults?find=nonce",
            "/faults?find=nobody",
            "/faults/foreign-state",
            "/race",
            "/own",
            "/trace",
            "/nothing",
            "/login/nobody",
            "/callback/openid?code=x&state=y",
        ] {
            browser.open(path).await;
            browser.is_accessible(path).await;
        }
        for language in ["de", "ko"] {
            browser.prefers(language).await;
            browser.open("/sign-in").await;
            browser.is_accessible(&format!("/sign-in in {language}")).await;
        }
        browser.open("/faults/wrong-nonce").await;
        browser.click("Sign in with this fault").await;
        browser.sees("Refused, as it must be").await;
        browser.is_accessible("a fault that was refused").await;
        browser.opens_everything().await;
        browser.is_accessible("a fault that was refused, with all steps").await;
        let trace = browser.saved("/faults/trace.json").await;
        browser.open("/trace").await;
        browser.uploads(&trace).await;
        browser.click("Open").await;
        browser.sees("A saved trace").await;
        browser.is_accessible("a trace that was opened").await;
        browser.opens_everything().await;
        browser.is_accessible("a trace that was opened, with all steps").await;
        browser.open("/trace").await;
        browser.uploads("no trace").await;
        browser.click("Open").await;
        browser.sees("The trace was not opened").await;
        browser.is_accessible("a file that is no trace").await;
        browser.open("/race").await;
        browser.click("Sign Alice in for two tabs").await;
        browser.click("Both tabs at once").await;
        browser.sees("1 refresh request was sent.").await;
        browser.is_accessible("two tabs, one refresh").await;
        browser.open("/own").await;
        browser.run("document.forms[0].noValidate = true").await;
        browser.click("Continue").await;
        browser.sees("This does not work yet").await;
        browser.is_accessible("a provider of one's own that is refused").await;
        browser
            .run("issuer.value = 'https://id.example'; client_id.value = 'me'; client_secret.value = 'a secret'")
            .await;
        browser.click("Continue").await;
        browser.sees("kept, and not shown").await;
        browser.is_accessible("a provider of one's own").await;
    })
    .await;
}

#[tokio::test]
async fn a_page_that_not_everybody_can_use_is_found() {
    checked(async |browser| {
        browser.open("/nothing").await;
        let script = "
            const add = (tag, text, style) => {
                const element = document.createElement(tag);
                element.textContent = text;
                Object.assign(element.style, style);
                document.querySelector('main').append(element);
            };
            add('p', 'faint', { color: '#eee', background: '#fff' });
            add('div', 'wide', { width: '900px' });
            add('button', 'bare', { border: 'none' });
            add('button', 'unseen', { outline: 'none' });
            add('button', 'far', { position: 'fixed', left: '-9999px' });
            add('button', 'skipped', {});
            document.querySelector('main').lastChild.addEventListener('focus', ({ target }) => target.previousSibling.focus());
            document.querySelector('main').lastChild.addEventListener('focusin', (event) => event.stopPropagation());";
        browser.run(script).await;
        let found = browser.barriers().await;
        for (barrier, place) in [
            ("light, 1200: color-contrast", "faint"),
            ("dark, 400: color-contrast", "faint"),
            ("320: the page is", "too wide"),
            ("forced colours: no edge", "bare"),
            ("keyboard: no focus seen", "unseen"),
            ("keyboard: no focus seen", "far"),
            ("keyboard: not reached", "skipped"),
            ("keyboard in forced colours: not reached", "skipped"),
        ] {
            let is_found = found.iter().any(|text| text.starts_with(barrier) && text.contains(place));
            assert!(is_found, "{barrier}, {place}: {found:#?}");
        }
    })
    .await;
}

#[tokio::test]
async fn everybody_can_walk_through_the_demo() {
    checked(async |browser| {
        browser.open("/").await;
        browser.click("Continue with Sandbox (OpenID Connect)").await;
        browser.sees("Who would you like to be?").await;
        browser.is_accessible("the sandbox's sign-in").await;
        browser.opens_everything().await;
        browser.is_accessible("the sandbox's sign-in, with its faults").await;
        browser.click_person("alice").await;
        browser.sees("Allow sandbox-client?").await;
        browser.opens_everything().await;
        browser.is_accessible("the sandbox's consent").await;
        browser.click("Deny").await;
        browser.sees("You declined, and that is fine").await;
        browser.is_accessible("a login that was declined").await;
        browser.open("/").await;
        browser.click("Continue with Sandbox (OpenID Connect)").await;
        browser.click("Allow").await;
        browser.sees("Every request and response").await;
        browser.click("Refresh").await;
        browser.sees("Refreshed\nonce").await;
        browser.is_accessible("somebody who is signed in").await;
        browser.opens_everything().await;
        browser.is_accessible("somebody who is signed in, with all steps").await;
        browser.click("Revoke").await;
        browser.sees("Revoked: the provider refuses it.").await;
        browser.is_accessible("somebody whose tokens were revoked").await;
        browser.click("Sign out").await;
        browser.sees("The demo has forgotten you and your tokens.").await;
        browser.is_accessible("somebody who signed out").await;
    })
    .await;
}

#[tokio::test]
async fn everybody_can_use_the_sandbox() {
    checked(async |browser| {
        browser.open("/").await;
        browser.click("Continue with Sandbox (OpenID Connect)").await;
        browser.sees("Who would you like to be?").await;
        let sandbox = browser.client.current_url().await.unwrap().origin().ascii_serialization();
        for path in ["/", "/device", "/nothing", "/authorize?client_id=nobody", "/end_session"] {
            browser.client.goto(&format!("{sandbox}{path}")).await.unwrap();
            browser.is_accessible(path).await;
        }
        browser.client.goto(&format!("{sandbox}/device?user_code=NOBODY")).await.unwrap();
        browser.click("Continue").await;
        browser.sees("This code is unknown, used or expired.").await;
        browser.is_accessible("a wrong code of a device").await;

        // The page that posts itself waits where scripts are off.
        browser.without_scripts().await;
        browser.open("/").await;
        browser.choose("apple").await;
        browser.sign_in_as("carol").await;
        browser.sees("Back to the application").await;
        browser.with_scripts().await;
        browser.is_accessible("a posted response").await;
        browser.client.goto(&format!("{sandbox}/end_session")).await.unwrap();
        browser.sees("Sign out of the sandbox?").await;
        browser.is_accessible("the sandbox's logout").await;
        browser.click("Sign out").await;
        browser.sees("You are signed out").await;
        browser.is_accessible("the sandbox after a logout").await;

        for (choice, outcome) in
            [("Allow", "The device is connected"), ("Deny", "The device is not connected")]
        {
            let page = device(&sandbox).await;
            browser.client.goto(&page).await.unwrap();
            browser.click("Continue").await;
            if choice == "Allow" {
                browser.click_person("alice").await;
            }
            browser.is_accessible("the consent to a device").await;
            browser.click(choice).await;
            browser.sees(outcome).await;
            browser.is_accessible(outcome).await;
        }
    })
    .await;
}

/// A device that starts a login at the sandbox: the page for its user.
async fn device(sandbox: &str) -> String {
    let registration = Registration::new("sandbox-client").secret("sandbox-secret-for-development-only");
    let http = Http::builder().no_proxy().build().unwrap();
    let client = Client::new(Provider::openid(sandbox), registration, &http).unwrap();
    client.device().await.unwrap().verification_uri_complete().unwrap().to_owned()
}

impl Browser {
    /// What the browser gets at a path, without a window for it.
    async fn saved(&self, path: &str) -> String {
        let url = self.client.current_url().await.unwrap().join(path).unwrap();
        let response = self.client.raw_client_for(Method::GET, url.as_str()).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.into()).unwrap()
    }

    /// Puts a file with this text into the form of the page.
    async fn uploads(&self, text: &str) {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("trace.json");
        std::fs::write(&file, text).unwrap();
        let input = self.client.find(Locator::Css("input[type=file]")).await.unwrap();
        input.send_keys(file.to_str().unwrap()).await.unwrap();
    }

    async fn opens_everything(&self) {
        self.run("for (const each of document.querySelectorAll('details')) each.open = true").await;
    }
}
