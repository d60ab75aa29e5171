//! What attackers try.
use http::Method;
use http::header::{CONTENT_TYPE, ORIGIN};
use serde_json::json;

use crate::all::browser::{Browser, navigation, script};
use crate::all::lab::Lab;

/// Spellings of places elsewhere, and of places that are no page.
const ELSEWHERE: [&str; 40] = [
    "https://evil.example",
    "http://evil.example/",
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "/\\/evil.example",
    "/%09/evil.example",
    "/%0A/evil.example",
    "/%0D/evil.example",
    "%09//evil.example",
    "%20//evil.example",
    "/%5Cevil.example",
    "/%2F%2Fevil.example",
    "/%2Fevil.example",
    "/.//evil.example",
    "/..//evil.example",
    "/./%2Fevil.example",
    "/x/..//evil.example",
    "/x/%2e%2e//evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "HTTPS://evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "evil.example",
    "@evil.example",
    "?next=//evil.example",
    "#//evil.example",
    "",
    "/x%00",
    "/x%0d%0aSet-Cookie:a=b",
    "/%C0%AF/evil.example",
    "http://127.0.0.1@evil.example/",
    "/\u{2028}/evil.example",
    "／／evil.example",
];

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Whether a browser that follows this place stays at the site.
fn stays(lab: &Lab, place: &str) -> bool {
    let base = url::Url::parse(&lab.url).unwrap();
    base.join(place).is_ok_and(|url| url.origin() == base.origin())
}

#[tokio::test]
async fn nobody_is_led_to_another_site_after_the_sign_in() {
    let lab = Lab::new().await;
    let mut browser = lab.signed_in("alice").await;
    // As they are, decoded once, and encoded once more.
    let decoded = |text: &str| {
        url::form_urlencoded::parse(format!("x={}", text.replace('&', "%26")).as_bytes())
            .next()
            .unwrap()
            .1
            .into_owned()
    };
    let mut spellings: Vec<String> = ELSEWHERE.iter().map(|text| (*text).to_owned()).collect();
    spellings.extend(ELSEWHERE.iter().map(|text| decoded(text)));
    for spelling in spellings {
        let query = encoded(&spelling);
        for path in ["/login/a", "/sign-in", "/step-up"] {
            let page = browser.clone().open(&format!("{path}?return_to={query}")).await;
            match page.status {
                400 => {
                    assert!(page.cookies().iter().all(|cookie| cookie.contains("session")), "{spelling:?}")
                }
                // The links of the page keep a path of this site alone.
                200 => {
                    let is_kept = page.text.contains("evil.example");
                    assert!(!is_kept || stays(&lab, &spelling), "{path} {spelling:?}: {}", page.text);
                }
                303 => {
                    let place = page.location();
                    let is_own = stays(&lab, &place) || place.starts_with(lab.first.issuer());
                    assert!(is_own, "{path} {spelling:?} leads to {place}");
                    // A path of this site is kept as a path of this site, to the end.
                    if place.starts_with(lab.first.issuer()) {
                        assert!(stays(&lab, &spelling), "{path} {spelling:?} starts");
                    }
                }
                other => panic!("{path} {spelling:?}: {other}"),
            }
        }
        let target = format!("/initiate-login?iss={}&target_link_uri={query}", lab.first.issuer());
        let page = browser.clone().open(&target).await;
        let is_own = page.status == 400 || stays(&lab, &spelling);
        assert!(is_own, "{spelling:?}: {} {:?}", page.status, page.header("location"));
    }
    assert!(browser.open("/logout?return_to=//evil.example").await.status == 200);
    assert_eq!(
        browser.submit("/logout?to=//evil.example", "at=here&to=//evil.example").await.location(),
        "/logged-out"
    );
}

#[tokio::test]
async fn nobody_is_signed_in_as_the_attacker() {
    let lab = Lab::new().await;
    // The attacker starts, and stops before the callback.
    let mut attacker = lab.browser();
    let callback = lab.allowed(&attacker.open("/login/a").await.location(), "bob").await;
    for mut victim in [lab.browser(), lab.signed_in("alice").await] {
        let before = victim.account().await;
        let session = victim.session().map(|(_, value)| value.to_owned());
        let page = victim.open(&callback).await;
        assert_eq!(page.status, 400, "{}", page.text);
        assert!(page.text.contains(&lab.url), "the page says where to use the site: {}", page.text);
        assert_eq!(victim.account().await, before);
        assert_eq!(victim.session().map(|(_, value)| value.to_owned()), session);

        // A login of the victim does not help: the state is another one.
        victim.open("/login/a").await;
        assert_eq!(victim.open(&callback).await.status, 400);
        assert_eq!(victim.account().await, before);
        assert_eq!(victim.logins().len(), 1, "the victim's own login goes on");
    }
    assert!(lab.first.requests_to("/token").len() <= 1, "the attacker's code was not sent");
    assert_eq!(attacker.open(&callback).await.location(), "/");
}

#[tokio::test]
async fn a_response_counts_only_at_the_provider_where_its_login_started() {
    let lab = Lab::new().await;
    let mut browser = lab.browser();
    let callback = lab.allowed(&browser.open("/login/a").await.location(), "alice").await;
    let page = browser.open(&callback.replace("/callback/a", "/callback/b")).await;
    assert_eq!(page.status, 400);
    assert!(lab.first.requests_to("/token").is_empty() && lab.second.requests_to("/token").is_empty());
    assert_eq!(browser.account().await, None);
}

#[tokio::test]
async fn a_session_cannot_be_fixed_before_the_sign_in() {
    let lab = Lab::new().await;
    let mut attacker = lab.signed_in("bob").await;
    let bob = attacker.account().await;
    // The victim has the attacker's cookie, and signs in.
    let mut victim = attacker.clone();
    lab.sign_in(&mut victim, "alice").await;
    assert_ne!(victim.account().await, bob);
    assert_ne!(victim.session(), attacker.session());
    assert_eq!(attacker.account().await, None, "the id that the attacker knows is dead");

    // Ids that the attacker made up are no sessions, and are not taken over.
    let (name, value) = victim.session().map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap();
    for made_up in ["x".to_owned(), "A".repeat(43), value.chars().rev().collect(), String::new()] {
        let mut browser = lab.browser();
        browser.cookies.insert(name.clone(), made_up.clone());
        assert_eq!(browser.account().await, None, "{made_up:?}");
        lab.sign_in(&mut browser, "alice").await;
        assert_ne!(browser.session().unwrap().1, made_up);
    }
}

#[tokio::test]
async fn a_cookie_is_good_for_its_own_purpose_alone() {
    for lab in [Lab::new().await, Lab::in_cookies().await] {
        let mut browser = lab.signed_in("alice").await;
        let place = browser.open("/login/a").await.location();
        let callback = lab.allowed(&place, "alice").await;
        let (name, session) =
            browser.session().map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap();
        let login = browser.logins().remove(0);
        let sealed = browser.cookies[&login].clone();

        let mut swapped = lab.browser();
        swapped.cookies.insert(name.clone(), sealed.clone());
        assert_eq!(swapped.account().await, None, "a login as a session");
        let mut swapped = lab.browser();
        swapped.cookies.insert(login.clone(), session.clone());
        assert_eq!(swapped.open(&callback).await.status, 400, "a session as a login");
        // Under the name of another slot, the login does not open.
        let other: String =
            login.char_indices().map(|(at, c)| if at + 1 == login.len() { next(c) } else { c }).collect();
        let mut swapped = lab.browser();
        swapped.cookies.insert(other, sealed);
        assert_eq!(swapped.open(&callback).await.status, 400, "a login under another name");
        assert!(lab.first.requests_to("/token").len() == 1);
        // Changed by one character, the session is none.
        let mut changed = lab.browser();
        let broken = format!("{}{}", next(session.chars().next().unwrap()), &session[1..]);
        changed.cookies.insert(name, broken);
        assert_eq!(changed.account().await, None);
        assert_eq!(browser.open(&callback).await.location(), "/", "and the right one does");
    }
}

fn next(c: char) -> char {
    if c == '1' { '2' } else { '1' }
}

#[tokio::test]
async fn another_site_can_change_nothing() {
    let lab = Lab::new().await;
    let mut alice = lab.signed_in("alice").await;
    let id = alice.json("/devices").await["devices"][0]["id"].as_str().unwrap().to_owned();
    let evil = [
        vec![("origin", "https://evil.example".to_owned())],
        vec![("origin", "null".to_owned())],
        vec![("origin", "null".to_owned()), ("sec-fetch-site", "cross-site".to_owned())],
        vec![("origin", format!("{}.evil.example", lab.url))],
        vec![("origin", lab.url.replace("127.0.0.1", "localhost"))],
        vec![("origin", lab.first.issuer().to_owned())],
        vec![("origin", lab.url.clone()), ("origin", "https://evil.example".to_owned())],
        vec![("referer", format!("{}/", lab.url))],
        vec![],
    ];
    let paths = [
        "/logout".to_owned(),
        "/notes".to_owned(),
        "/link/b".to_owned(),
        "/devices/revoke-all".to_owned(),
        format!("/devices/{id}/revoke"),
    ];
    for path in &paths {
        for headers in &evil {
            for request in [script(Method::POST, path), navigation(Method::POST, path)] {
                let request =
                    headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
                let page = alice.send(request, "text=x&at=here").await;
                assert_eq!(page.status, 403, "{path} {headers:?}");
                assert_eq!(page.header("location"), None);
            }
        }
        let page = alice.send(script(Method::POST, path), "").await;
        assert_eq!(page.code(), "origin");
    }
    assert!(alice.account().await.is_some());
    assert_eq!(alice.json("/notes").await, json!({ "notes": 0 }));
    assert_eq!(alice.json("/devices").await["devices"].as_array().unwrap().len(), 1);

    // A page that sends no referrer, and one of this site.
    let own = |request: http::request::Builder| {
        request.header(ORIGIN, "null").header("sec-fetch-site", "same-origin")
    };
    let page = alice.send(own(script(Method::POST, "/notes")), "text=x").await;
    assert_eq!((page.status, page.json()), (201, json!({ "notes": 1 })));
    let page = alice.submit("/notes", "text=y").await;
    assert_eq!((page.status, &*page.location()), (303, "/protected"));
    assert_eq!(alice.json("/notes").await, json!({ "notes": 2 }));
}

#[tokio::test]
async fn a_get_request_changes_nothing() {
    let lab = Lab::new().await;
    let mut alice = lab.signed_in("alice").await;
    let id = alice.json("/devices").await["devices"][0]["id"].as_str().unwrap().to_owned();
    for path in ["/link/b".to_owned(), "/devices/revoke-all".to_owned(), format!("/devices/{id}/revoke")] {
        for method in [Method::GET, Method::HEAD] {
            let page = alice.send(navigation(method, &path), "").await;
            assert!((404..=405).contains(&page.status), "{path}: {}", page.status);
        }
    }
    for method in [Method::GET, Method::HEAD] {
        assert_eq!(alice.send(navigation(method, "/logout?at=here"), "").await.status, 200);
    }
    assert!(alice.account().await.is_some());
}

#[tokio::test]
async fn a_request_cannot_choose_where_the_site_is() {
    let lab = Lab::new().await;
    let attacker = lab.browser();
    let headers = [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-for", "203.0.113.9"),
        ("x-original-host", "evil.example"),
        ("x-forwarded-server", "evil.example"),
        ("x-rewrite-url", "//evil.example/"),
        ("forwarded", "for=203.0.113.9;host=evil.example;proto=https"),
    ];
    for path in
        ["/", "/sign-in?return_to=/protected", "/protected", "/login/a", "/login/a?at=public", "/login/b?x=1"]
    {
        for (name, value) in headers {
            let page = attacker.ask(navigation(Method::GET, path).header(name, value), "").await;
            assert!(!page.text.contains("evil.example"), "{path} {name}");
            let place = page.header("location").unwrap_or_default();
            assert!(!place.contains("evil.example"), "{path} {name}: {place}");
        }
    }
    // At another address, the login first comes home, without a cookie.
    let elsewhere = navigation(Method::GET, "/login/a?return_to=/account").header("host", "localhost:1");
    let page = attacker.ask(elsewhere, "").await;
    assert_eq!(page.location(), format!("{}/login/a?return_to=/account&at=public", lab.url));
    assert!(page.cookies().is_empty());
    let again =
        navigation(Method::GET, "/login/a?return_to=/account&at=public").header("host", "localhost:1");
    let page = attacker.ask(again, "").await;
    assert!(page.location().starts_with(lab.first.issuer()));
    let log = lab.log();
    assert!(log.contains("http://localhost:1") && log.contains(&lab.url), "{log}");

    // A device is known by its peer, unless a trusted proxy says another address.
    let mut alice = lab.signed_in("alice").await;
    let devices = |page: crate::all::lab::Page| page.json()["devices"][0]["address"].clone();
    assert_eq!(devices(alice.fetch("/devices").await), "127.0.0.1");
    let behind = Lab::with(&[("TRUSTED_PROXIES", "127.0.0.0/8")]).await;
    let mut browser = behind.browser();
    let place = browser.open("/login/a").await.location();
    let callback = behind.allowed(&place, "alice").await;
    let path = callback.strip_prefix(&behind.url).unwrap();
    let through = navigation(Method::GET, path).header("x-forwarded-for", "6.6.6.6, 203.0.113.7");
    assert_eq!(browser.send(through, "").await.location(), "/");
    assert_eq!(devices(browser.fetch("/devices").await), "203.0.113.7");
}

#[tokio::test]
async fn cookies_of_other_programs_do_no_harm() {
    let lab = Lab::new().await;
    let mut alice = lab.signed_in("alice").await;
    let (name, value) = alice.session().map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap();
    let ask = async |cookie: Vec<u8>| {
        let request =
            script(Method::GET, "/api/me").header("cookie", http::HeaderValue::from_bytes(&cookie).unwrap());
        Browser::at(&lab.url).ask(request, "").await.status
    };
    let own = format!("{name}={value}");
    for good in [
        own.clone(),
        format!("a=b; {own}; c"),
        format!("\"=;=;;;\u{e9}=\u{1f600}; {own}"),
        format!("{own};x=\"{own}\""),
        format!("{name}=; {own}"),
        format!("{name}=junk;\t{own}"),
        format!("{}; {own}", "y=z; ".repeat(500)),
    ] {
        assert_eq!(ask(good.clone().into_bytes()).await, 200, "{}", &good[..good.len().min(80)]);
    }
    let bytes = [b"\xff\xfe=\x80; ".as_slice(), own.as_bytes()].concat();
    assert_eq!(ask(bytes).await, 200);
    // White space is SP and HTAB: this is another name.
    for bad in [format!("\u{a0}{own}"), format!("x{own}"), format!("{}={value}", name.to_uppercase())] {
        assert_eq!(ask(bad.clone().into_bytes()).await, 401, "{bad}");
    }
    assert!(alice.account().await.is_some());
}

#[tokio::test]
async fn a_body_that_is_no_small_form_is_refused() {
    let lab = Lab::new().await;
    let mut alice = lab.signed_in("alice").await;
    let large = format!("at=here&x={}", "x".repeat(70_000));
    let page = alice.submit("/logout", &large).await;
    assert!((400..500).contains(&page.status), "{}", page.status);
    let request = navigation(Method::POST, "/logout").header(ORIGIN, &lab.url);
    let page = alice.send(request.header(CONTENT_TYPE, "text/plain"), "at=provider").await;
    assert!(page.status < 500, "{}", page.status);
}
