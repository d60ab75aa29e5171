//! How long people stay signed in, and on which devices.
use std::time::Duration;

use http::Method;

use crate::all::browser::{navigation, script};
use crate::all::lab::{KEY, Lab};

#[tokio::test]
async fn a_session_is_one_cookie_that_scripts_and_other_sites_do_not_get() {
    for lab in [Lab::new().await, Lab::in_cookies().await] {
        let mut browser = lab.browser();
        let page = lab.walk(&mut browser, "/login/a", "alice").await;
        let cookies = page.cookies();
        let sessions: Vec<_> = cookies.iter().filter(|cookie| cookie.contains("session")).collect();
        let [cookie] = sessions[..] else { panic!("{cookies:?}") };
        for attribute in ["; HttpOnly", "; Path=/", "; SameSite=Lax"] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        assert!(!cookie.to_ascii_lowercase().contains("domain"), "{cookie}");
        let port = lab.url.rsplit(':').next().unwrap();
        assert!(cookie.split('=').next().unwrap().contains(port), "{cookie}");
        assert!(cookie.len() < 4096);
        assert_eq!(browser.cookies.len(), 1, "{:?}", browser.cookies.keys());
    }
}

#[tokio::test]
async fn somebody_revokes_a_session_from_another_device() {
    let lab = Lab::new().await;
    let (mut laptop, mut phone) = (lab.browser(), lab.browser());
    for (browser, name) in [(&mut laptop, "Laptop/1.0"), (&mut phone, "Phone/2.0")] {
        let place = browser.open("/login/a").await.location();
        let callback = lab.allowed(&place, "alice").await;
        let path = callback.strip_prefix(&lab.url).unwrap().to_owned();
        browser.send(navigation(Method::GET, &path).header("user-agent", name), "").await;
    }
    let devices = laptop.json("/devices").await["devices"].as_array().unwrap().clone();
    assert_eq!(devices.len(), 2);
    let other = devices.iter().find(|device| device["current"] == false).unwrap();
    assert_eq!(other["user_agent"], "Phone/2.0");
    assert_eq!(other["address"], "127.0.0.1");
    assert!(other["created_at"].is_u64() && other["last_seen_at"].is_u64(), "{other}");
    let id = other["id"].as_str().unwrap();
    assert!(!phone.session().unwrap().1.contains(id), "the id is not the value of the cookie");
    let page = laptop.open("/devices").await;
    assert!(page.text.contains("Phone/2.0"), "{}", page.text);

    // Another account finds nothing there.
    let mut bob = lab.signed_in("bob").await;
    assert_eq!(bob.post(&format!("/devices/{id}/revoke"), "").await.status, 404);
    assert!(phone.account().await.is_some());
    let page = laptop.post(&format!("/devices/{id}/revoke"), "").await;
    assert_eq!((page.status, page.json()), (200, serde_json::json!({ "revoked": 1 })));
    assert_eq!(phone.account().await, None);
    assert!(laptop.account().await.is_some());
    assert_eq!(laptop.post(&format!("/devices/{id}/revoke"), "").await.status, 404);

    lab.sign_in(&mut phone, "alice").await;
    let own = laptop.json("/devices").await["devices"].as_array().unwrap().clone();
    let own = own.iter().find(|device| device["current"] == true).unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(laptop.submit(&format!("/devices/{own}/revoke"), "").await.location(), "/logged-out");
    lab.sign_in(&mut laptop, "alice").await;
    assert_eq!(laptop.submit("/devices/revoke-all", "").await.location(), "/logged-out");
    assert_eq!((laptop.account().await, phone.account().await), (None, None));
    assert!(bob.account().await.is_some());
}

#[tokio::test]
async fn cookie_sessions_cannot_be_listed_and_say_so() {
    let lab = Lab::in_cookies().await;
    let mut browser = lab.signed_in("alice").await;
    assert_eq!(browser.fetch("/devices").await.code(), "not_supported");
    for page in [
        browser.open("/devices").await,
        browser.submit("/devices/x/revoke", "").await,
        browser.submit("/devices/revoke-all", "").await,
    ] {
        assert_eq!(page.status, 501);
        assert!(page.text.contains("browser"), "{}", page.text);
    }
}

#[tokio::test]
async fn a_session_ends_when_it_is_not_used_and_absolutely() {
    // The clock is the one of another process.
    let pause = async |seconds: f64| tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    for kind in ["", "cookie"] {
        let settings = [("IDLE_TIMEOUT", "3"), ("SESSION", kind)];
        let lab = Lab::with(if kind.is_empty() { &settings[..1] } else { &settings }).await;
        let (mut used, mut unused) = (lab.signed_in("alice").await, lab.signed_in("alice").await);
        for _ in 0..4 {
            pause(1.2).await;
            assert!(used.account().await.is_some(), "each request renews it");
        }
        assert_eq!(unused.account().await, None);
    }
    let lab = Lab::with(&[("ABSOLUTE_TIMEOUT", "2")]).await;
    let mut browser = lab.signed_in("alice").await;
    let session = browser.json("/api/me").await["session"].clone();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!(session["expires_at"].as_u64().unwrap() <= now + 2, "{session}");
    for _ in 0..3 {
        pause(1.0).await;
        browser.open("/").await;
    }
    assert_eq!(browser.account().await, None, "no request moves the absolute end");
}

#[tokio::test]
async fn a_crash_signs_nobody_out() {
    for kind in ["", "cookie"] {
        let mut lab = if kind.is_empty() { Lab::new().await } else { Lab::in_cookies().await };
        let mut browser = lab.signed_in("alice").await;
        let mut another = lab.browser();
        let place = another.open("/login/a?return_to=/protected").await.location();
        let before = browser.json("/api/me").await;
        lab.restart().await;
        let after = browser.json("/api/me").await;
        assert_eq!(before["account"], after["account"]);
        let callback = lab.allowed(&place, "bob").await;
        assert_eq!(another.open(&callback).await.location(), "/protected", "a login under way goes on");

        // A new key seals, the old one still opens.
        lab.set("KEY", "another key of the tests that is long enough");
        lab.set("OLD_KEYS", KEY);
        lab.restart().await;
        assert_eq!(browser.account().await.as_deref(), before["account"].as_str());
        let mut new = lab.signed_in("alice").await;
        // Without a store, the accounts are in memory.
        if lab.is_server_side() {
            assert_eq!(new.account().await.as_deref(), before["account"].as_str(), "the same account");
        }
        lab.set("OLD_KEYS", "");
        lab.restart().await;
        assert_eq!(browser.open("/protected").await.location(), "/sign-in?return_to=%2Fprotected");
        assert!(new.account().await.is_some(), "sealed by the new key");
    }
}

#[tokio::test]
async fn the_store_holds_nothing_that_can_be_read_or_used() {
    let lab = Lab::new().await;
    let mut browser = lab.signed_in("alice").await;
    let token = browser.fetch("/api/token/a").await;
    assert_eq!(token.status, 200, "{}", token.text);
    let me = browser.json("/api/me").await;
    let mut all = Vec::new();
    for entry in std::fs::read_dir(&lab.folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("lab.db") {
            all.extend(std::fs::read(path).unwrap());
        }
    }
    assert!(all.len() > 1000, "the store is in this folder");
    let holds = |text: &str| all.windows(text.len()).any(|window| window == text.as_bytes());
    let session = browser.session().unwrap().1.to_owned();
    let issued = lab.first.secrets(0);
    assert!(!issued.is_empty());
    let personal = ["alice@example.com", "Alice Liddell", me["subject"].as_str().unwrap(), &session];
    for secret in personal.into_iter().map(str::to_owned).chain(issued) {
        assert!(!holds(&secret), "the store holds {secret}");
    }
}

#[tokio::test]
async fn two_instances_share_sessions_and_logins() {
    let lab = Lab::new().await;
    let mut browser = lab.signed_in("alice").await;
    let place = browser.open("/login/a?return_to=/account").await.location();
    // Another instance with the same key and store, which the balancer in front calls by the same name.
    let url = lab.url.clone();
    let (_other, other) = lab.second_instance().await;
    browser.moves_to(&other);
    assert!(browser.account().await.is_some());
    let callback = lab.first.person("alice").allow(&place).await.unwrap();
    let page = browser.send(navigation(Method::GET, callback.strip_prefix(&url).unwrap()), "").await;
    assert_eq!(page.location(), "/account");
    let page = browser.send(script(Method::POST, "/logout").header("origin", &url), "").await;
    assert_eq!(page.location(), "/logged-out");
    browser.moves_to(&url);
    assert_eq!(browser.account().await, None);
}
