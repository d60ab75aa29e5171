//! The pages.

use crate::scenario::{REDIRECT_URI, Reply, Scenario};

const HOSTILE: &str = "\"><script>alert(1)</script>";

#[tokio::test]
async fn hostile_input_is_shown_as_text() {
    let scenario = Scenario::new().await;
    for params in [
        [("client_id", HOSTILE), ("state", HOSTILE)],
        [("redirect_uri", HOSTILE), ("state", HOSTILE)],
        [("login_hint", HOSTILE), ("state", HOSTILE)],
        [("scope", "openid <b>x</b>"), ("state", HOSTILE)],
    ] {
        let reply = get(&scenario, &scenario.authorization_url(&params)).await;
        assert!(!reply.body.contains("<script") && !reply.body.contains("<b>x"), "{params:?}");
    }
    let reply = scenario.get("/%3Cscript%3E").await;
    assert_eq!(reply.status, 404);
    assert!(!reply.body.contains("<script"));
}

#[tokio::test]
async fn pages_forbid_scripts_frames_caches_and_referrers() {
    let scenario = Scenario::new().await;
    for reply in [
        scenario.get("/").await,
        scenario.get("/nowhere").await,
        get(&scenario, &scenario.authorization_url(&[])).await,
    ] {
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
        // Chromium would apply it to the redirect that leads back to the application.
        assert!(!policy.contains("form-action"));
        assert_eq!(reply.header("x-frame-options"), Some("DENY"));
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert!(reply.body.contains("Never type a real password"));
        assert!(!reply.body.contains("<script") && !reply.body.contains(" style=\""));
    }
}

#[tokio::test]
async fn forms_work_as_a_browser_sends_them() {
    let scenario = Scenario::new().await;
    let page = get(&scenario, &scenario.authorization_url(&[])).await;
    let cookie = cookie(&page);
    assert!(page.header("set-cookie").unwrap().ends_with("Path=/; HttpOnly; SameSite=Lax"));
    let id = interaction(&page);
    let form = [("interaction", id.as_str()), ("user", "carol")];
    let reply = scenario.send("POST", "/login", &[("cookie", &cookie)], Some(&form)).await;
    assert_eq!(reply.status, 303);
    let cookie = self::cookie(&reply);
    let path = reply.header("location").unwrap().to_owned();
    // Other programs on this host may set any bytes.
    let among = format!("naïve=ü; \t{cookie} ; b=ö");
    let page = scenario.send("GET", &path, &[("cookie", &among)], None).await;
    assert!(page.body.contains("Carol Kennicott"));
    let behind = format!("\u{2000}{cookie}");
    assert!(
        !scenario.send("GET", &path, &[("cookie", &behind)], None).await.body.contains("Carol Kennicott")
    );
    assert!(page.body.contains("You have none"));
    let form = [("interaction", id.as_str()), ("decision", "allow")];
    let reply = scenario.send("POST", "/consent", &[("cookie", &cookie)], Some(&form)).await;
    assert_eq!(reply.status, 303);
    assert!(reply.header("location").unwrap().starts_with(REDIRECT_URI));
    let again = scenario.send("POST", "/consent", &[("cookie", &cookie)], Some(&form)).await;
    assert_eq!(again.status, 400);
}

#[tokio::test]
async fn form_from_another_browser_or_without_a_cookie_is_refused() {
    let scenario = Scenario::new().await;
    let url = scenario.authorization_url(&[]);
    let id = interaction(&get(&scenario, &url).await);
    let other = cookie(&get(&scenario, &url).await);
    for path in ["/login", "/consent"] {
        let form = [("interaction", id.as_str()), ("user", "alice"), ("decision", "deny")];
        for headers in [&[("cookie", other.as_str())][..], &[]] {
            let reply = scenario.send("POST", path, headers, Some(&form)).await;
            assert_eq!(reply.status, 400);
            assert_eq!(reply.header("location"), None);
        }
    }
}

#[tokio::test]
async fn session_gets_a_new_name_at_login() {
    let scenario = Scenario::new().await;
    let page = get(&scenario, &scenario.authorization_url(&[])).await;
    let (before, id) = (cookie(&page), interaction(&page));
    let form = [("interaction", id.as_str()), ("user", "alice")];
    let reply = scenario.send("POST", "/login", &[("cookie", &before)], Some(&form)).await;
    assert_ne!(before, cookie(&reply));
    let path = format!("/consent?interaction={id}");
    let stale = scenario.send("GET", &path, &[("cookie", &before)], None).await;
    assert_eq!(stale.status, 400);
}

#[tokio::test]
async fn allow_without_a_login_gives_no_code() {
    let scenario = Scenario::new().await;
    let page = get(&scenario, &scenario.authorization_url(&[])).await;
    let form = [("interaction", &*interaction(&page)), ("decision", "allow")];
    let reply = scenario.send("POST", "/consent", &[("cookie", &cookie(&page))], Some(&form)).await;
    assert_eq!(reply.status, 400);
}

#[tokio::test]
async fn hinted_user_comes_first() {
    let scenario = Scenario::new().await;
    for hint in ["bob", "bob@example.com"] {
        let page = get(&scenario, &scenario.authorization_url(&[("login_hint", hint)])).await;
        let position = |name| page.body.find(name).unwrap();
        assert!(position("Bob Sawyer") < position("Alice Liddell"));
    }
}

#[tokio::test]
async fn start_page_shows_the_settings_that_an_application_needs() {
    let scenario = Scenario::new().await;
    let page = scenario.get("/").await;
    for text in [
        scenario.sandbox.issuer(),
        scenario.sandbox.client_id(),
        scenario.sandbox.client_secret(),
        scenario.sandbox.public_client_id(),
    ] {
        assert!(page.body.contains(text), "{text}");
    }
}

async fn get(scenario: &Scenario, url: &str) -> Reply {
    scenario.get(url.strip_prefix(scenario.sandbox.issuer()).unwrap()).await
}

fn cookie(reply: &Reply) -> String {
    reply.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

fn interaction(page: &Reply) -> String {
    let (_, rest) = page.body.split_once("name=\"interaction\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}
