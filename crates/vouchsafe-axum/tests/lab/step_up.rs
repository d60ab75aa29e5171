//! Pages that need a recent or a strong sign-in.
use serde_json::json;
use url::Url;
use vouchsafe_sandbox::Fault;

use crate::all::lab::Lab;

#[tokio::test]
async fn a_sign_in_that_is_too_long_ago_is_renewed() {
    for lab in [Lab::new().await, Lab::in_cookies().await] {
        let mut browser = lab.browser();
        lab.first.fault_once(Fault::OLD_SIGN_IN);
        lab.sign_in(&mut browser, "alice").await;
        let account = browser.account().await;
        let page = browser.fetch("/fresh").await;
        assert_eq!((page.status, &*page.code()), (401, "insufficient_user_authentication"));
        assert_eq!(page.json()["max_age"], 300);

        let place = follow(&lab, &mut browser, "/fresh").await;
        assert!(place.starts_with(lab.first.issuer()) && place.contains("max_age=300"), "{place}");
        let before = browser.clone();
        let callback = lab.allowed(&place, "alice").await;
        let mut place = browser.open(&callback).await.location();
        assert_ne!(before.session(), browser.session(), "a new session id");
        while place != "/fresh" {
            place = browser.open(&place).await.location();
        }
        assert_eq!(browser.open("/fresh").await.status, 200);
        assert_eq!(browser.account().await, account);
    }
}

/// Opens own pages until one leads elsewhere.
async fn follow(lab: &Lab, browser: &mut crate::all::browser::Browser, path: &str) -> String {
    let mut place = path.to_owned();
    while place.starts_with('/') || place.starts_with(&lab.url) {
        place = browser.open(&place).await.location();
    }
    place
}

#[tokio::test]
async fn a_strong_page_needs_the_acr() {
    let lab = Lab::with(&[("STEP_UP_ACR", "urn:example:strong")]).await;
    let mut browser = lab.signed_in("alice").await;
    let page = browser.fetch("/strong").await;
    assert_eq!((page.status, &*page.code()), (401, "insufficient_user_authentication"));
    let place = follow(&lab, &mut browser, "/strong").await;
    let asked = Url::parse(&place).unwrap();
    let acr = asked.query_pairs().find(|(name, _)| name == "acr_values").unwrap().1;
    assert_eq!(acr, "urn:example:strong");
    let callback = lab.allowed(&place, "alice").await;
    assert_eq!(browser.open(&callback).await.location(), "/strong");
    assert_eq!(browser.open("/strong").await.status, 200);
    assert_eq!(browser.json("/api/me").await["acr"], "urn:example:strong");
}

#[tokio::test]
async fn a_step_up_that_was_not_delivered_is_refused_and_changes_nothing() {
    for lab in [Lab::new().await, Lab::in_cookies().await] {
        let mut browser = lab.signed_in("alice").await;
        let me = browser.json("/api/me").await;
        for (path, name, fault) in [
            ("/strong", "acr_values", None),
            ("/fresh", "max_age", Some(Fault::OLD_SIGN_IN)),
            ("/fresh", "max_age", Some(Fault::MISSING_SIGN_IN)),
        ] {
            if let Some(fault) = &fault {
                lab.first.fault_once(Fault::OLD_SIGN_IN);
                lab.sign_in(&mut browser, "alice").await;
                lab.first.fault_once(*fault);
            }
            let before = browser.clone();
            let place = follow(&lab, &mut browser, path).await;
            // Somebody on the way takes the demand out of the request.
            let mut url = Url::parse(&place).unwrap();
            let kept: Vec<_> = url.query_pairs().into_owned().filter(|(known, _)| known != name).collect();
            url.query_pairs_mut().clear().extend_pairs(kept);
            let callback = lab.allowed(url.as_str(), "alice").await;
            let page = browser.open(&callback).await;
            assert_eq!(page.status, 403, "{path} {fault:?}: {}", page.text);
            assert_eq!(before.session().map(|(name, _)| name), browser.session().map(|(name, _)| name));
            assert_eq!(browser.json("/api/me").await["account"], me["account"]);
            lab.first.clear_faults();
        }
    }
}

#[tokio::test]
async fn a_step_up_by_another_person_is_refused() {
    let lab = Lab::new().await;
    let mut browser = lab.signed_in("alice").await;
    let before = browser.account().await;
    let place = follow(&lab, &mut browser, "/strong").await;
    let callback = lab.allowed(&place, "bob").await;
    let mut script_of = browser.clone();
    let page = script_of.fetch(&callback).await;
    assert_eq!((page.status, &*page.code()), (403, "subject_mismatch"));
    assert_eq!(browser.account().await, before);
    assert_eq!(browser.json("/api/me").await["acr"], json!("0"));
}
