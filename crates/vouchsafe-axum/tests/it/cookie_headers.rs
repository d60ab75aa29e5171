//! The headers that carry login cookies, as text: names, attributes, and what is read of `Cookie`.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::header::{CONTENT_TYPE, COOKIE, HeaderValue, SET_COOKIE};
use axum::http::{Request, StatusCode};
use vouchsafe::seal::KeyRing;
use vouchsafe::{Client, Http, Provider, Registration};
use vouchsafe_axum::Logins;

use crate::scenario::{Browser, Scenario, site, watched};

const HTTPS: &str = "https://app.example.com/callback";
const LOCAL: &str = "http://127.0.0.1:3000/callback";
/// What login cookies are sealed for.
pub(crate) const PURPOSE: &str = "vouchsafe-axum login cookie";

fn keys() -> KeyRing {
    KeyRing::new(&[7; 32]).unwrap()
}

fn acme(authorization_endpoint: &str) -> Provider {
    Provider::oauth2("acme")
        .authorization_endpoint(authorization_endpoint)
        .token_endpoint("https://acme.example/token")
}

/// A browser at a site whose logins begin and return there.
fn at(provider: Provider, redirect_uri: &str) -> Browser {
    let registration = Registration::new("id").redirect_uri(redirect_uri);
    let client = Client::new(provider, registration, &Http::new().unwrap()).unwrap();
    Browser::at(site(Logins::new(client, keys())))
}

/// The header that sets the cookie of a login.
async fn set(provider: Provider, redirect_uri: &str, wish: &str) -> String {
    let page = at(provider, redirect_uri).get(&format!("/login?{wish}")).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);
    page.headers[SET_COOKIE].to_str().unwrap().to_owned()
}

/// Whether one of these headers holds a login: without one, nobody's form is read.
async fn count(browser: &Browser, headers: &[&[u8]]) -> bool {
    let read = Arc::new(AtomicBool::new(false));
    let mut request = Request::post("/callback").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    for header in headers {
        request = request.header(COOKIE, HeaderValue::from_bytes(header).unwrap());
    }
    browser.ask(request, watched(&read)).await;
    read.load(Ordering::Relaxed)
}

/// A browser with a login over https under way, and its cookie.
async fn under_way() -> (Browser, String) {
    let mut browser = at(acme("https://acme.example/authorize"), HTTPS);
    browser.start().await;
    let cookie = browser.cookie();
    assert!(count(&browser, &[cookie.as_bytes()]).await);
    (browser, cookie)
}

#[tokio::test]
async fn applications_on_one_host_have_names_of_their_own() {
    let keys = keys();
    for (redirect_uri, prefix) in [
        (HTTPS, "__Host-vouchsafe-login-"),
        ("https://app.example.com:443/callback", "__Host-vouchsafe-login-"),
        ("https://app.example.com:8443/callback", "__Host-vouchsafe-login-8443-"),
        (LOCAL, "vouchsafe-login-3000-"),
        ("http://localhost/callback", "vouchsafe-login-80-"),
    ] {
        let set = set(acme("https://acme.example/authorize"), redirect_uri, "").await;
        let (name, slot) = set.split_once('=').unwrap().0.rsplit_once('-').unwrap();
        assert_eq!(name, format!("{prefix}{}", keys.key_id()), "{redirect_uri}");
        assert!(["0", "1", "2", "3", "4"].contains(&slot), "{slot}");
    }
}

#[tokio::test]
async fn the_cookies_of_others_do_not_matter_whatever_bytes_they_are() {
    let (browser, ours) = under_way().await;
    let ours = ours.as_bytes();
    for byte in (b'\t'..=255).filter(|b| *b == b'\t' || !b.is_ascii_control()) {
        for other in [&[byte][..], &[b'a', b'=', byte], &[byte, b'=', b'a']] {
            for header in [[other, b"; ", ours].concat(), [ours, b"; ", other].concat()] {
                assert!(count(&browser, &[&header]).await, "{byte:#x}");
            }
            assert!(!count(&browser, &[other]).await, "{byte:#x}");
        }
    }
}

#[tokio::test]
async fn white_space_around_a_cookie_is_space_and_tab() {
    let (browser, ours) = under_way().await;
    let (name, value) = ours.split_once('=').unwrap();
    for space in ["", " ", "\t", " \t "] {
        assert!(count(&browser, &[format!("a=b;{space}{ours}{space}").as_bytes()]).await, "{space:?}");
    }
    let unicode = (0..=char::MAX as u32).filter_map(char::from_u32).filter(|c| c.is_whitespace());
    let mut tried = 0;
    // The rest of ASCII's white space cannot come in a header.
    for space in unicode.filter(|c| !c.is_ascii()) {
        for pair in [format!("{space}{ours}"), format!("{name}{space}={value}")] {
            assert!(!count(&browser, &[pair.as_bytes()]).await, "{space:?}");
        }
        tried += 1;
    }
    assert!(tried > 15, "{tried}");
    let capital = format!("{}={value}", name.to_uppercase());
    for other in [format!("{name} ={value}"), capital, format!("={ours}"), format!("x{ours}")] {
        assert!(!count(&browser, &[other.as_bytes()]).await, "{other}");
    }
}

#[tokio::test]
async fn all_cookie_headers_are_read() {
    let (browser, ours) = under_way().await;
    let ours = ours.as_bytes();
    for headers in [[ours, b"c=d"], [b"a=b", ours], [b"__Host-vouchsafe-login-x=y", ours]] {
        assert!(count(&browser, &headers).await);
    }
    assert!(!count(&browser, &[b"a=b", b"c=d"]).await);
}

#[tokio::test]
async fn over_https_the_cookie_is_secure_and_of_this_host_alone() {
    let set = set(acme("https://acme.example/authorize"), HTTPS, "").await;
    assert!(set.starts_with("__Host-vouchsafe-login-"), "{set}");
    let (_, attributes) = set.split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure");
}

#[tokio::test]
async fn the_cookie_goes_along_with_a_form_from_another_site_where_it_is_secure() {
    let (https, local) = ("https://op.example/authorize", "http://127.0.0.1:9400/authorize");
    let form = "response_mode=form_post";
    for (authorization_endpoint, redirect_uri, wish, attribute) in [
        (https, HTTPS, form, "None; Secure"),
        // From another site to a loopback host, within one, and from one name of it to the other.
        (https, LOCAL, form, "None; Secure"),
        (local, LOCAL, form, "Lax"),
        (local, "http://localhost:3000/callback", form, "None; Secure"),
        (local, HTTPS, form, "None; Secure"),
        (https, HTTPS, "response_mode=query", "Lax; Secure"),
        ("https://op.example/authorize?x=form_post", HTTPS, "", "Lax; Secure"),
    ] {
        let set = set(acme(authorization_endpoint), redirect_uri, wish).await;
        let expected = format!("; HttpOnly; SameSite={attribute}");
        assert!(set.ends_with(&expected), "{authorization_endpoint} {redirect_uri} {wish}: {set}");
    }
    // As Apple's definition says.
    let posts = Provider::from_definition(
        r#"
        slug = "acme"
        display_name = "Acme"
        kind = "oauth2"
        client_auth = "client_secret_post"
        authorization_endpoint = "https://op.example/authorize"
        token_endpoint = "https://op.example/token"
        documentation = "https://op.example/docs"
        sources = ["https://op.example/docs"]
        checked = "2026-11-26"
        [authorization.params]
        response_mode = "form_post"
        "#,
    );
    let posted = set(posts.unwrap(), HTTPS, "").await;
    assert!(posted.ends_with("; HttpOnly; SameSite=None; Secure"), "{posted}");
}

#[tokio::test]
async fn over_plain_http_a_cookie_is_removed_without_secure() {
    let scenario = Scenario::new().await;
    let mut browser = scenario.browser();
    let url = browser.get("/login?response_mode=form_post").await.location();
    let callback = scenario.sandbox.person("alice").allow(&url).await.unwrap();
    let page = browser.post(&callback, "application/x-www-form-urlencoded").await;
    let removed = page.headers[SET_COOKIE].to_str().unwrap();
    assert!(removed.ends_with("; Max-Age=0; HttpOnly; SameSite=Lax"), "{removed}");
}

/// A login sealed into a cookie of that many bytes.
fn padded(text: &str, length: usize) -> String {
    // The length of what is sealed grows in steps; the name makes up for the rest.
    let names = (0..4).map(|more| format!("vouchsafe-login-{}", "x".repeat(more)));
    let mut cookies = names.flat_map(|name| {
        let spaces = (length - name.len()) * 3 / 4 - 30 - text.len();
        (spaces..spaces + 4).map(move |spaces| {
            let sealed = keys().seal(PURPOSE, &name, &format!("{text}{}", " ".repeat(spaces))).unwrap();
            format!("{name}={sealed}")
        })
    });
    cookies.find(|cookie| cookie.len() == length).unwrap()
}

#[tokio::test]
async fn a_cookie_larger_than_any_that_is_set_is_not_read() {
    let (browser, ours) = under_way().await;
    let (name, value) = ours.split_once('=').unwrap();
    let text = keys().open(PURPOSE, name, value).unwrap();
    assert!(count(&browser, &[padded(text.expose(), 1280).as_bytes()]).await);
    assert!(!count(&browser, &[padded(text.expose(), 1537).as_bytes()]).await);
}

#[tokio::test]
async fn a_text_that_is_sealed_for_something_else_is_no_login() {
    let (browser, ours) = under_way().await;
    let (name, value) = ours.split_once('=').unwrap();
    let text = keys().open(PURPOSE, name, value).unwrap();
    let sealed_for = |purpose: &str, record: &str| {
        format!("{name}={}", keys().seal(purpose, record, text.expose()).unwrap())
    };
    assert!(count(&browser, &[sealed_for(PURPOSE, name).as_bytes()]).await);
    for (purpose, record) in [("session", name), (PURPOSE, "another"), (name, PURPOSE), ("", name)] {
        assert!(!count(&browser, &[sealed_for(purpose, record).as_bytes()]).await, "{purpose} {record}");
    }
}
