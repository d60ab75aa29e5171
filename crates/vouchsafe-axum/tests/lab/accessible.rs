//! Every page of the lab, for everybody.
use vouchsafe_sandbox::Fault;

#[cfg(unix)]
use crate::all::away::Redis;
use crate::all::axe;
use crate::all::chromium::Browser;
use crate::all::lab::Lab;
use crate::all::walks::walk;
#[cfg(unix)]
use crate::all::walks::walk_in;

/// Runs a test in a browser with the lab, if the pages can be checked.
async fn checked(settings: &'static [(&str, &str)], test: impl AsyncFnOnce(&Browser, &mut Lab) + 'static) {
    if axe::is_installed() {
        walk(settings, test).await;
    }
}

#[tokio::test]
async fn everybody_can_use_every_page() {
    checked(&[], async |browser, lab| {
        let frame = format!("/frontchannel-logout/a?iss={}&sid=x", lab.first.issuer());
        for path in [
            "/",
            "/sign-in",
            "/logout",
            "/logged-out",
            "/login/nobody",
            "/login/a?return_to=//evil.example",
            "/callback/a?code=x&state=y",
            "/frontchannel-logout/a",
            &frame,
        ] {
            browser.open(path).await;
            browser.is_accessible(path).await;
        }
        lab.first.fault_once(Fault::named("wrong-nonce").unwrap());
        browser.signs_in_at("/protected", "alice").await;
        browser.sees("The provider could not sign you in").await;
        browser.is_accessible("a login that failed").await;
        let _phone = lab.signed_in("alice").await;
        browser.open("/login/a?return_to=/protected").await;
        browser.sees("Signed in as Alice Liddell.").await;
        for path in ["/", "/protected", "/account?link=linked", "/devices", "/logout", "/admin"] {
            browser.open(path).await;
            browser.is_accessible(path).await;
        }
    })
    .await;
}

#[tokio::test]
async fn everybody_learns_that_cookies_are_no_list_of_devices() {
    checked(&[("SESSION", "cookie")], async |browser, _| {
        browser.open("/devices").await;
        browser.sees("This site keeps no list of devices").await;
        browser.is_accessible("/devices").await;
    })
    .await;
}

#[tokio::test]
async fn everybody_learns_that_the_operator_has_to_act() {
    checked(&[("PROVIDER_A_CLIENT_SECRET", "another")], async |browser, _| {
        browser.signs_in_at("/protected", "alice").await;
        browser.sees("Sign-in is not set up correctly").await;
        browser.is_accessible("a wrong client secret").await;
    })
    .await;
}

#[cfg(unix)]
#[tokio::test]
async fn everybody_learns_that_a_store_is_away() {
    if !axe::is_installed() {
        return;
    }
    let Some((redis, url)) = Redis::start().await else { return };
    let lab = async move { Lab::with(&[("SESSION", &url)]).await };
    walk_in(lab, async move |browser, _| {
        browser.signs_in_at("/protected", "alice").await;
        browser.sees("Signed in as Alice Liddell.").await;
        redis.signal("-STOP");
        browser.open("/protected").await;
        browser.sees("You are still signed in.").await;
        browser.is_accessible("a store that is away").await;
        redis.signal("-CONT");
    })
    .await;
}

#[tokio::test]
async fn pages_fit_a_phone_in_every_language() {
    checked(&[], async |browser, lab| {
        let frame = format!("/frontchannel-logout/a?iss={}&sid=x", lab.first.issuer());
        browser.signs_in_at("/protected", "alice").await;
        browser.sees("Signed in as Alice Liddell.").await;
        for language in ["de", "fr", "es", "ko", "ja"] {
            browser.prefers(language).await;
            for path in
                ["/sign-in", "/devices", "/logout", "/logged-out", "/callback/a?code=x&state=y", &frame]
            {
                browser.open(path).await;
                let tag = browser.run("return document.documentElement.lang").await;
                assert_eq!(tag, language, "{path}");
                browser.is_accessible(&format!("{path} in {language}")).await;
            }
        }
    })
    .await;
}
