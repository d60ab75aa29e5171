//! Signing out here, at the provider, and by the provider.
use http::Method;
use url::Url;
use vouchsafe_sandbox::Fault;

use crate::all::browser::{Browser, Page, script};
use crate::all::lab::Lab;

#[tokio::test]
async fn a_person_signs_out_here() {
    for lab in [Lab::new().await, Lab::in_cookies().await] {
        let mut browser = lab.signed_in("alice").await;
        let mut copy = browser.clone();
        let page = browser.open("/logout").await;
        assert_eq!((page.status, page.text.matches("<button").count()), (200, 2), "{}", page.text);
        assert!(browser.account().await.is_some(), "to open the page signs nobody out");
        assert_eq!(browser.submit("/logout", "").await.location(), "/logged-out");
        assert!(browser.session().is_none());
        assert_eq!(browser.open("/logged-out?state=x&anything=y").await.status, 200);
        assert_eq!(browser.account().await, None);
        // Where it is kept, the copy of a cookie ends; in a sealed cookie it goes on, without tokens.
        assert_eq!(copy.account().await.is_some(), !lab.is_server_side());
        assert_ne!(copy.fetch("/api/token/a").await.status, 200);
        assert_eq!(browser.submit("/logout", "at=provider").await.location(), "/logged-out", "not signed in");
    }
}

#[tokio::test]
async fn a_person_signs_out_at_the_provider_too() {
    for lab in [Lab::new().await, Lab::in_cookies().await] {
        let mut browser = lab.signed_in("alice").await;
        let place = browser.submit("/logout", "at=provider").await.location();
        assert!(place.starts_with(lab.first.issuer()), "{place}");
        let url = Url::parse(&place).unwrap();
        let value = |name: &str| {
            let mut values =
                url.query_pairs().filter(|(known, _)| known == name).map(|(_, value)| value.into_owned());
            values.next().filter(|_| values.next().is_none())
        };
        assert_eq!(value("client_id").as_deref(), Some(lab.first.client_id()));
        assert_eq!(value("post_logout_redirect_uri"), Some(format!("{}/logged-out", lab.url)));
        assert!(value("id_token_hint").is_some_and(|hint| hint.split('.').count() == 3), "{place}");
        assert!(value("state").is_some_and(|state| state.len() >= 16), "{place}");
        assert_eq!(browser.account().await, None, "the session ended, whatever the provider does");
    }
}

#[tokio::test]
async fn a_provider_that_is_away_keeps_nobody_signed_in() {
    let mut lab = Lab::new().await;
    let mut browser = lab.signed_in("alice").await;
    lab.set("PROVIDER_A_ISSUER", "http://127.0.0.1:1");
    // It starts all the same.
    lab.restart().await;
    assert!(browser.account().await.is_some());
    assert_eq!(browser.submit("/logout", "at=provider").await.location(), "/logged-out");
    assert_eq!(browser.account().await, None);
    assert_eq!(lab.browser().open("/login/a").await.status, 502);
    assert_eq!(lab.browser().open("/").await.status, 200);
}

/// A logout token, as the provider posts it.
async fn told(lab: &Lab, provider: &str, form: &str) -> Page {
    let path = format!("/backchannel-logout/{provider}");
    Browser::at(&lab.url).ask(script(Method::POST, &path), form).await
}

#[tokio::test]
async fn the_provider_ends_sessions_in_other_browsers() {
    let mut lab = Lab::new().await;
    let (mut laptop, mut phone) = (lab.signed_in("alice").await, lab.signed_in("alice").await);
    let mut bob = lab.signed_in("bob").await;
    let client = lab.first.client_id().to_owned();
    let token = lab.first.logout_token(&client, "alice").unwrap();
    assert_eq!(told(&lab, "b", &format!("logout_token={token}")).await.code(), "invalid_request");
    assert!(phone.account().await.is_some(), "another provider cannot end it");
    let page = told(&lab, "a", &format!("logout_token={token}")).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert_eq!(phone.account().await, None, "the session of the token");
    assert!(laptop.account().await.is_some(), "another session of the same person");
    assert!(bob.account().await.is_some());

    // A token counts once, also after a restart.
    lab.sign_in(&mut phone, "alice").await;
    for _ in 0..2 {
        let page = told(&lab, "a", &format!("logout_token={token}")).await;
        assert_eq!((page.status, &*page.code()), (400, "invalid_request"));
        lab.restart().await;
    }
    assert!(phone.account().await.is_some());

    lab.first.fault(Fault::LOGOUT_OF_USER);
    let token = lab.first.logout_token(&client, "alice").unwrap();
    assert_eq!(told(&lab, "a", &format!("logout_token={token}")).await.status, 200);
    assert_eq!((laptop.account().await, phone.account().await), (None, None));
    assert!(bob.account().await.is_some());
    let token = lab.first.logout_token(&client, "alice").unwrap();
    assert_eq!(told(&lab, "a", &format!("logout_token={token}")).await.status, 200, "there was none");
}

#[tokio::test]
async fn a_logout_token_that_is_not_right_ends_nothing() {
    let lab = Lab::new().await;
    let mut browser = lab.signed_in("alice").await;
    let client = lab.first.client_id();
    for fault in [
        Fault::ANOTHER_LOGOUT_EVENT,
        Fault::ENDLESS_LOGOUT_TOKEN,
        Fault::EXPIRED_LOGOUT_TOKEN,
        Fault::FOREIGN_LOGOUT_AUDIENCE,
        Fault::FORGED_LOGOUT_TOKEN,
        Fault::FUTURE_LOGOUT_TOKEN,
        Fault::LOGOUT_NONCE,
        Fault::LOGOUT_OF_NOBODY,
        Fault::MISSING_LOGOUT_EVENT,
        Fault::MISSING_LOGOUT_ID,
        Fault::OLD_LOGOUT_TOKEN,
        Fault::UNSIGNED_LOGOUT_TOKEN,
        Fault::WRONG_LOGOUT_EVENT,
        Fault::WRONG_LOGOUT_ISSUER,
        Fault::WRONG_LOGOUT_TYPE,
    ] {
        lab.first.fault_once(fault);
        let token = lab.first.logout_token(client, "alice").unwrap();
        let page = told(&lab, "a", &format!("logout_token={token}")).await;
        assert_eq!((page.status, &*page.code()), (400, "invalid_request"), "{fault:?}");
    }
    let token = lab.first.logout_token(client, "alice").unwrap();
    let forms =
        ["".to_owned(), "logout_token=".to_owned(), format!("logout_token={token}&logout_token={token}")];
    for form in forms {
        assert_eq!(told(&lab, "a", &form).await.status, 400, "{form}");
    }
    assert!(browser.account().await.is_some());
    let in_cookies = Lab::in_cookies().await;
    assert_eq!(told(&in_cookies, "a", "logout_token=x").await.status, 404);
}

#[tokio::test]
async fn a_provider_that_signs_somebody_out_tells_the_site() {
    let lab = Lab::new().await;
    let client = lab.first.client_id().to_owned();
    lab.first.backchannel_logout_uri(&client, format!("{}/backchannel-logout/a", lab.url));
    let mut browser = lab.signed_in("alice").await;
    let told = lab.first.sign_out("alice").await;
    assert!(!told.is_empty() && told.iter().all(|notice| notice.status == Some(200)), "{}", lab.log());
    assert_eq!(browser.account().await, None);
}

#[tokio::test]
async fn a_frame_of_the_provider_ends_its_session() {
    for lab in [Lab::new().await, Lab::in_cookies().await] {
        let mut alice = lab.signed_in("alice").await;
        let mut bob = lab.signed_in("bob").await;
        let issuer = lab.first.issuer();
        for query in [
            "".to_owned(),
            format!("?iss={issuer}"),
            "?sid=x".to_owned(),
            format!("?iss={}&sid=x", lab.second.issuer()),
        ] {
            assert_eq!(alice.open(&format!("/frontchannel-logout/a{query}")).await.status, 400, "{query}");
        }
        let page = alice.open(&format!("/frontchannel-logout/a?iss={issuer}&sid=another")).await;
        assert_eq!(page.status, 200);
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains(&format!("frame-ancestors {issuer}")), "{policy}");
        assert_eq!(page.header("x-frame-options"), None);
        assert!(alice.account().await.is_some() && bob.account().await.is_some());

        let sid = sid(&lab, "alice");
        let frame = format!("/frontchannel-logout/a?iss={issuer}&sid={sid}");
        let mut visitor = if lab.is_server_side() { lab.browser() } else { alice.clone() };
        assert_eq!(visitor.open(&frame).await.status, 200);
        if !lab.is_server_side() {
            alice = visitor;
        }
        assert_eq!(alice.account().await, None);
        assert!(bob.account().await.is_some());
    }
}

/// The provider's id of somebody's session, as a logout token names it.
fn sid(lab: &Lab, who: &str) -> String {
    let token = lab.first.logout_token(lab.first.client_id(), who).unwrap();
    let claims = token.split('.').nth(1).unwrap();
    let claims = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, claims).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    claims["sid"].as_str().unwrap().to_owned()
}
