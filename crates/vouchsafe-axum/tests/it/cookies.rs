//! Cookies of everybody: of other programs and hosts, and of as many logins as anybody starts.
use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderValue, Method, Request, StatusCode};
use serde_json::Value;
use vouchsafe::seal::KeyRing;
use vouchsafe::{Client, Http, Provider, Registration};
use vouchsafe_axum::Logins;
use vouchsafe_sandbox::{ClientConfig, Sandbox};

use crate::cookie_headers::PURPOSE;
use crate::scenario::{Browser, Log, Page, SECRET, Scenario, client, logins, logins_with, site};

fn key(byte: u8) -> KeyRing {
    KeyRing::new(&[byte; 32]).unwrap()
}

/// A browser at a site that it reaches over https.
async fn over_https() -> (Sandbox, Browser) {
    let redirect_uri = "https://app.example/callback";
    let shop = ClientConfig::public("shop").redirect_uri(redirect_uri);
    let sandbox = Sandbox::builder().client(shop).start().await.unwrap();
    let registration = Registration::new("shop").redirect_uri(redirect_uri);
    let client =
        Client::new(Provider::openid(sandbox.issuer()), registration, &Http::new().unwrap()).unwrap();
    (sandbox, Browser::at(site(Logins::new(client, key(7)))))
}

async fn with_cookie(browser: &Browser, url: &str, cookie: &[u8]) -> Page {
    let path = url.strip_prefix("https://app.example").unwrap();
    let cookie = HeaderValue::from_bytes(cookie).unwrap();
    browser.ask(Request::get(path).header(COOKIE, cookie), Body::empty()).await
}

#[tokio::test]
async fn cookies_of_other_programs_do_not_matter() {
    let (sandbox, mut browser) = over_https().await;
    let mut others: Vec<Vec<u8>> = (0x20..=0xff).filter(|b| *b != 0x7f).map(|b| vec![b]).collect();
    others.extend(
        ["naïve=ü", "=", "a", "a=b=c", ";;", "\u{2000}a=b", "\t"].map(|other| other.as_bytes().to_vec()),
    );
    others.push((0xa0..=0xff).collect());
    for (at, other) in others.iter().enumerate() {
        let callback = sandbox.person("alice").allow(&browser.start().await).await.unwrap();
        let ours = browser.cookie().into_bytes();
        let (first, last) = if at % 2 == 0 { (other, &ours) } else { (&ours, other) };
        let both = [&first[..], b"; ", last];
        let page = with_cookie(&browser, &callback, &both.concat()).await;
        assert_eq!(page.status, StatusCode::OK, "{other:?}: {}", page.text);
        browser.take(&page);
    }
}

#[tokio::test]
async fn a_name_behind_white_space_of_unicode_is_another_name() {
    let (sandbox, mut victim) = over_https().await;
    let mut attacker = victim.clone();
    victim.start().await;
    // A neighbouring host may set such a name for all hosts of the domain; it may not set one with `__Host-`.
    let callback = sandbox.person("bob").allow(&attacker.start().await).await.unwrap();
    let spaces =
        (0..=char::MAX as u32).filter_map(char::from_u32).filter(|c| c.is_whitespace() && !c.is_ascii());
    for space in spaces {
        let planted = format!("{}; {space}{}", victim.cookie(), attacker.cookie());
        let page = with_cookie(&victim, &callback, planted.as_bytes()).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{space:?}");
    }
    assert!(sandbox.requests_to("/token").is_empty());
    let page = with_cookie(&attacker, &callback, format!("\t {} ", attacker.cookie()).as_bytes()).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
}

#[tokio::test]
async fn logins_that_start_at_once_fit_into_what_servers_take() {
    let scenario = Scenario::new().await;
    let (before, mut browser) = (scenario.browser(), scenario.browser());
    let mut url = String::new();
    let login = format!("/login?data={}", "x".repeat(largest(&scenario).await));
    for _ in 0..60 {
        // No request knows of another: all were sent before any response came.
        let page = before.ask(Request::get(&*login), Body::empty()).await;
        browser.take(&page);
        url = page.location();
    }
    assert!(browser.cookies.len() <= 4, "{:?}", browser.cookies.keys());
    assert!((1250..8000).contains(&browser.cookie().len()), "{}", browser.cookie().len());
    let callback = scenario.sandbox.person("alice").allow(&url).await.unwrap();
    assert_eq!(browser.get(&callback).await.status, StatusCode::OK);
}

#[tokio::test]
async fn as_many_scopes_as_a_client_always_asks_for_take_no_room() {
    let scopes: Vec<_> = (0..200).map(|number| format!("read:something:{number:07}")).collect();
    let provider = Provider::oauth2("shop")
        .authorization_endpoint("https://shop.example/authorize")
        .token_endpoint("https://shop.example/token")
        .scopes(&scopes);
    let registration = Registration::new("shop").redirect_uri("https://app.example/callback");
    let client = Client::new(provider, registration, &Http::new().unwrap()).unwrap();
    let mut browser = Browser::at(site(Logins::new(client, key(7))));
    let page = browser.get("/login").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);
    assert!(page.location().contains(&*scopes[199].replace(':', "%3A")), "{}", page.location());
}

#[tokio::test]
async fn a_cookie_is_no_larger_than_its_share_of_what_servers_take() {
    let scenario = Scenario::new().await;
    let mut browser = scenario.browser();
    browser.get(&format!("/login?data={}", "x".repeat(largest(&scenario).await))).await.location();
    let length = browser.cookie().len();
    assert!((1277..=1280).contains(&length), "{length}");
    // With the cookie of a session.
    assert!(4 * (length + 2) + 2560 < 8000);
}

/// How much data a login can carry.
async fn largest(scenario: &Scenario) -> usize {
    let mut range = 0..4000;
    while range.len() > 1 {
        let middle = range.start + range.len() / 2;
        let page = scenario.browser().get(&format!("/login?data={}", "x".repeat(middle))).await;
        range = if page.status == StatusCode::SEE_OTHER { middle..range.end } else { range.start..middle };
    }
    range.start
}

#[tokio::test]
async fn four_logins_are_under_way_at_the_most_and_each_of_them_ends() {
    let scenario = Scenario::new().await;
    let mut browser = scenario.browser();
    let mut urls = Vec::new();
    for _ in 0..4 {
        urls.push(browser.start().await);
    }
    assert_eq!(browser.cookies.len(), 4);
    let largest = largest(&scenario).await;
    for _ in 0..20 {
        let mut other = browser.clone();
        other.get(&format!("/login?data={}", "x".repeat(largest))).await.location();
        assert_eq!(other.cookies.keys().collect::<Vec<_>>(), browser.cookies.keys().collect::<Vec<_>>());
    }
    for url in urls {
        let callback = scenario.sandbox.person("alice").allow(&url).await.unwrap();
        assert_eq!(browser.get(&callback).await.status, StatusCode::OK);
    }
    assert!(browser.cookies.is_empty());
}

/// Which names the next login of this browser may get.
async fn next_names(browser: &Browser) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for _ in 0..60 {
        let page = browser.ask(Request::get("/login").header(COOKIE, browser.cookie()), Body::empty()).await;
        let set = page.headers[SET_COOKIE].to_str().unwrap();
        names.insert(set.split_once('=').unwrap().0.to_owned());
    }
    names
}

#[tokio::test]
async fn a_login_takes_no_place_of_another_that_can_still_be_finished() {
    let scenario = Scenario::new().await;
    let mut browser = scenario.browser();
    let all = next_names(&browser).await;
    assert_eq!(all.len(), 4, "{all:?}");
    while browser.cookies.len() < 4 {
        let taken: BTreeSet<_> = browser.cookies.keys().cloned().collect();
        assert_eq!(next_names(&browser).await, &all - &taken);
        browser.start().await;
    }
    assert_eq!(next_names(&browser).await.len(), 1, "the oldest gives way");
    // A cookie that does not open holds no login.
    let mut broken = browser.clone();
    let name = broken.cookies.keys().nth(2).unwrap().clone();
    broken.cookies.insert(name.clone(), "AAAA".repeat(20));
    assert_eq!(next_names(&broken).await, BTreeSet::from([name]));
    // Neither does one that is too old.
    for (seconds, free) in [(590, 1), (610, 4)] {
        let mut old = browser.clone();
        for (name, value) in &mut old.cookies {
            let text = key(SECRET[0]).open(PURPOSE, name, value).unwrap();
            let mut login: Value = serde_json::from_str(text.expose()).unwrap();
            login["pending"]["at"] = (login["pending"]["at"].as_u64().unwrap() - seconds).into();
            *value = key(SECRET[0]).seal(PURPOSE, name, &login.to_string()).unwrap();
        }
        assert_eq!(next_names(&old).await.len(), free, "{seconds} s");
    }
}

#[tokio::test]
async fn applications_on_one_host_leave_each_others_logins_alone() {
    let scenario = Scenario::new().await;
    let mut browser = scenario.browser();
    let mut callbacks = Vec::new();
    for _ in 0..4 {
        let url = browser.start().await;
        callbacks.push(scenario.sandbox.person("alice").allow(&url).await.unwrap());
    }
    let ours = std::mem::replace(&mut browser.site, site(logins(&scenario.sandbox, &[8; 32])));
    for _ in 0..20 {
        browser.start().await;
    }
    assert_eq!(browser.cookies.len(), 8);
    browser.site = ours;
    for callback in callbacks {
        assert_eq!(browser.get(&callback).await.status, StatusCode::OK);
    }
    assert_eq!(browser.cookies.len(), 4);
}

#[tokio::test]
async fn a_new_key_finishes_the_logins_of_the_old_one() {
    let scenario = Scenario::new().await;
    let mut browser = Browser::at(site(logins_with(&scenario.sandbox, key(7))));
    let mut callbacks = Vec::new();
    for _ in 0..4 {
        let url = browser.start().await;
        callbacks.push(scenario.sandbox.person("alice").allow(&url).await.unwrap());
    }
    let rotated = site(logins_with(&scenario.sandbox, key(8).previous(&[7; 32]).unwrap()));
    browser.site = rotated.clone();

    // A new login takes the place of an old one, so that there are never more than four; at once neither.
    let mut other = browser.clone();
    for _ in 0..10 {
        other.start().await;
        assert_eq!(other.cookies.len(), 4);
    }
    let mut other = browser.clone();
    for _ in 0..60 {
        let page = browser.ask(Request::get("/login").header(COOKIE, browser.cookie()), Body::empty()).await;
        other.take(&page);
    }
    assert_eq!(other.cookies.len(), 4, "{:?}", other.cookies.keys());

    let last = callbacks.pop().unwrap();
    for callback in callbacks {
        assert_eq!(browser.get(&callback).await.status, StatusCode::OK);
    }
    let url = browser.start().await;
    assert_eq!(browser.cookies.len(), 2);
    let new = scenario.sandbox.person("alice").allow(&url).await.unwrap();
    // The new key alone opens what it sealed, and nothing of the old one's.
    browser.site = site(logins_with(&scenario.sandbox, key(8)));
    assert_eq!(browser.get(&last).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(browser.get(&new).await.status, StatusCode::OK);
}

#[tokio::test]
async fn nothing_starts_where_nobody_opens_a_page() {
    let scenario = Scenario::new().await;
    let browser = scenario.browser();
    let log = Log::start();
    let ask = async |method: Method, headers: &[(&str, &str)]| {
        let mut request = Request::builder().method(method).uri("/login");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        browser.ask(request, Body::empty()).await
    };
    for (method, header) in [
        (Method::HEAD, ("accept", "*/*")),
        (Method::HEAD, ("sec-fetch-dest", "document")),
        (Method::GET, ("sec-fetch-dest", "image")),
        (Method::GET, ("sec-fetch-dest", "iframe")),
        (Method::GET, ("sec-fetch-dest", "empty")),
        (Method::POST, ("sec-fetch-dest", "image")),
        (Method::GET, ("sec-purpose", "prefetch;prerender")),
        (Method::GET, ("purpose", "prefetch")),
        (Method::GET, ("x-purpose", "preview")),
        (Method::GET, ("x-moz", "prefetch")),
    ] {
        let page = ask(method.clone(), &[header]).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{header:?}");
        assert!(!page.headers.contains_key(SET_COOKIE), "{header:?}");
        if method != Method::HEAD {
            assert!(page.text.contains("<h1>Please open this page yourself</h1>"), "{}", page.text);
            assert!(page.text.contains("<a href=\"/login\">Go to sign-in</a>"), "{}", page.text);
        }
        assert!(log.take().starts_with("INFO vouchsafe_web"), "{header:?}");
    }
    assert!(scenario.sandbox.requests().is_empty(), "nothing was fetched for it");
    for method in [Method::GET, Method::POST] {
        let visit = [("sec-fetch-dest", "document"), ("sec-fetch-mode", "navigate")];
        assert_eq!(ask(method, &visit).await.status, StatusCode::SEE_OTHER);
    }
}

#[tokio::test]
async fn a_look_at_the_callback_spends_nothing_and_takes_nothing_away() {
    let scenario = Scenario::new().await;
    let mut browser = scenario.browser();
    let callback = scenario.sandbox.person("alice").allow(&browser.start().await).await.unwrap();
    let path = callback.strip_prefix("http://127.0.0.1:3000").unwrap();
    for request in [
        Request::head(path),
        Request::get(path).header("sec-purpose", "prefetch"),
        Request::get(path).header("purpose", "prefetch"),
        Request::get(path).header("x-moz", "prefetch"),
    ] {
        let page = browser.send(request, Body::empty()).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        assert!(!page.headers.contains_key(SET_COOKIE));
    }
    assert!(scenario.sandbox.requests_to("/token").is_empty());
    assert_eq!(browser.get(&callback).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_path_that_the_cookie_has_no_room_for_is_refused_as_such() {
    let scenario = Scenario::new().await;
    let mut browser = scenario.browser();
    let data = "x".repeat(largest(&scenario).await - 100);
    let log = Log::start();
    for (path, status) in [("/inbox".to_owned(), 303), (format!("/{}", "a".repeat(200)), 400)] {
        let page = browser.get(&format!("/login?data={data}&return_to={path}")).await;
        assert_eq!(page.status.as_u16(), status, "{}", page.text);
    }
    assert!(log.take().contains("longer than the login cookie has room for"));
    let client = client(scenario.sandbox.issuer(), &scenario.sandbox);
    let mut browser = Browser::at(site(Logins::new(client, key(7))));
    let longest = format!("/{}", "a".repeat(383));
    let url = browser.get(&format!("/login?return_to={longest}")).await.location();
    let callback = scenario.sandbox.person("alice").allow(&url).await.unwrap();
    assert!(browser.get(&callback).await.text.contains(&longest));
    assert_eq!(browser.get(&format!("/login?return_to={longest}a")).await.status, StatusCode::BAD_REQUEST);
}

/// The same cookies, with the member `order` of each login changed.
fn reordered(browser: &Browser, change: impl Fn(&mut Value)) -> Browser {
    let mut browser = browser.clone();
    for (name, value) in &mut browser.cookies {
        let text = key(SECRET[0]).open(PURPOSE, name, value).unwrap();
        let mut login: Value = serde_json::from_str(text.expose()).unwrap();
        change(&mut login);
        *value = key(SECRET[0]).seal(PURPOSE, name, &login.to_string()).unwrap();
    }
    browser
}

#[tokio::test]
async fn the_oldest_of_logins_within_one_second_is_given_up() {
    let scenario = Scenario::new().await;
    for _ in 0..4 {
        let mut browser = scenario.browser();
        let mut callbacks = Vec::new();
        for _ in 0..7 {
            let url = browser.start().await;
            callbacks.push(scenario.sandbox.person("alice").allow(&url).await.unwrap());
        }
        let (given_up, kept) = callbacks.split_at(3);
        for callback in given_up {
            assert_eq!(browser.get(callback).await.status, StatusCode::BAD_REQUEST);
        }
        for callback in kept {
            assert_eq!(browser.get(callback).await.status, StatusCode::OK);
        }
    }
}

#[tokio::test]
async fn a_clock_that_goes_back_makes_no_login_older_than_those_before_it() {
    let scenario = Scenario::new().await;
    let mut browser = scenario.browser();
    for _ in 0..4 {
        browser.start().await;
    }
    // As another instance seals them, whose clock is a day ahead.
    let mut browser = reordered(&browser, |login| {
        login["order"] = (login["order"].as_u64().unwrap() + 86_400_000_000).into();
    });
    let mut callbacks = Vec::new();
    for _ in 0..4 {
        let url = browser.start().await;
        callbacks.push(scenario.sandbox.person("alice").allow(&url).await.unwrap());
    }
    for callback in callbacks {
        assert_eq!(browser.get(&callback).await.status, StatusCode::OK);
    }
}
