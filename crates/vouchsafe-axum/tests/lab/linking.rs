//! One account with several identities.
use http::Method;
use serde_json::json;
use url::Url;

use crate::all::browser::{Browser, Page, navigation};
use crate::all::lab::Lab;

/// Links the second provider, up to the page that says how it ended.
async fn link(lab: &Lab, browser: &mut Browser, who: &str) -> String {
    let place = browser.submit("/link/b", "").await.location();
    let callback = lab.allowed(&place, who).await;
    let place = browser.open(&callback).await.location();
    let page = browser.open(&place).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("role=\"status\""), "a sentence for {place}: {}", page.text);
    place
}

#[tokio::test]
async fn an_identity_is_linked_once() {
    for lab in [Lab::new().await, Lab::in_cookies().await] {
        let mut alice = lab.signed_in("alice").await;
        let account = alice.account().await;
        assert_eq!(link(&lab, &mut alice, "alice").await, "/account?link=linked");
        assert_eq!(link(&lab, &mut alice, "alice").await, "/account?link=already_yours");
        let me = alice.json("/api/me").await;
        assert_eq!(me["identities"].as_array().unwrap().len(), 2);
        assert_eq!(me["provider"], "a", "the session is the one that it was");
        assert_eq!(alice.account().await, account);
        for name in ["a", "b"] {
            assert_eq!(alice.fetch(&format!("/api/token/{name}")).await.status, 200, "{name}");
        }
        // It signs in to the same account.
        let mut phone = lab.browser();
        assert_eq!(lab.walk(&mut phone, "/login/b", "alice").await.location(), "/");
        assert_eq!(phone.account().await, account);

        // It stays there.
        let mut bob = lab.signed_in("bob").await;
        let before = bob.account().await;
        assert_eq!(link(&lab, &mut bob, "alice").await, "/account?link=in_use");
        assert_eq!(bob.account().await, before);
        assert_eq!(bob.json("/api/me").await["identities"].as_array().unwrap().len(), 1);
        assert_eq!(bob.fetch("/api/token/b").await.code(), "no_token");
    }
}

#[tokio::test]
async fn an_email_address_links_nothing() {
    let lab = Lab::new().await;
    let mut alice = lab.signed_in("alice").await;
    let mut twin = lab.browser();
    assert_eq!(lab.walk(&mut twin, "/login/b", "twin").await.location(), "/");
    let (one, two) = (alice.json("/api/me").await, twin.json("/api/me").await);
    assert_eq!(one["email"], two["email"]);
    assert_ne!(one["account"], two["account"]);
    assert_eq!(two["identities"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn linking_needs_the_account_to_be_signed_in_still() {
    for lab in [Lab::new().await, Lab::in_cookies().await] {
        let mut browser = lab.signed_in("alice").await;
        let place = browser.submit("/link/b", "").await.location();
        let callback = lab.allowed(&place, "alice").await;
        // Somebody else signs in before the browser comes back.
        lab.sign_in(&mut browser, "bob").await;
        let bob = browser.account().await;
        assert_eq!(browser.open(&callback).await.location(), "/account?link=needs_proof");
        assert_eq!(browser.account().await, bob);

        let mut browser = lab.signed_in("alice").await;
        let place = browser.submit("/link/b", "").await.location();
        let callback = lab.allowed(&place, "alice").await;
        browser.submit("/logout", "").await;
        assert_eq!(browser.open(&callback).await.location(), "/account?link=needs_proof");
        assert_eq!(browser.account().await, None);

        let mut alice = lab.signed_in("alice").await;
        assert_eq!(alice.json("/api/me").await["identities"].as_array().unwrap().len(), 1);
        // An intent of the attacker's browser does not count in the victim's.
        let mut attacker = lab.signed_in("bob").await;
        let place = attacker.submit("/link/b", "").await.location();
        let callback = lab.allowed(&place, "bob").await;
        assert_eq!(alice.open(&callback).await.status, 400);
        assert_eq!(alice.json("/api/me").await["identities"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn linking_works_where_the_provider_posts_a_form() {
    for kind in ["", "cookie"] {
        let settings = [("PROVIDER_B_RESPONSE_MODE", "form_post"), ("SESSION", kind)];
        let lab = Lab::with(if kind.is_empty() { &settings[..1] } else { &settings }).await;
        let mut browser = lab.signed_in("alice").await;
        let place = browser.submit("/link/b", "").await.location();
        let callback = lab.allowed(&place, "alice").await;
        // From another site, the browser keeps its session back with the form, and sends it with the redirect.
        let kept = browser.session().map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap();
        browser.cookies.remove(&kept.0);
        let url = Url::parse(&callback).unwrap();
        let request = navigation(Method::POST, url.path()).header("origin", "https://provider.example");
        let mut page = browser.send(request, url.query().unwrap()).await;
        browser.cookies.entry(kept.0).or_insert(kept.1);
        for _ in 0..3 {
            let Some(place) = next(&page) else { break };
            page = browser.open(&place).await;
        }
        assert_eq!(
            (page.status, page.text.contains("belongs to your account now")),
            (200, true),
            "{}",
            page.text
        );
        assert_eq!(browser.json("/api/me").await["identities"].as_array().unwrap().len(), 2);
    }
}

fn next(page: &Page) -> Option<String> {
    page.header("location").map(str::to_owned)
}

#[tokio::test]
async fn linking_needs_a_person_who_is_signed_in() {
    let lab = Lab::new().await;
    let mut browser = lab.browser();
    assert!(browser.submit("/link/b", "").await.location().starts_with("/sign-in?return_to="));
    assert_eq!(browser.post("/link/b", "").await.code(), "login_required");
    let mut alice = lab.signed_in("alice").await;
    assert_eq!(alice.submit("/link/nobody", "").await.status, 404);
    let page = alice.open("/account?link=evil%3Cb%3E").await;
    assert!(page.status == 200 && !page.text.contains("evil"), "{}", page.text);
    assert_eq!(
        alice.json("/api/me").await["identities"],
        json!([{ "provider": "a", "subject": "sandbox-user-alice" }])
    );
}
