//! A response counts only where its login was to return to (RFC 9700 section 4.4.2.2).
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use url::Url;
use vouchsafe::http::{BoxFuture, HttpClient, Limits, TransportError};
use vouchsafe::seal::KeyRing;
use vouchsafe::{Client, Http, Provider, Registration};
use vouchsafe_axum::{LoggedIn, Logins, StartLogin};
use vouchsafe_sandbox::Sandbox;

use crate::scenario::{
    Browser, Log, Page, REDIRECT_URI, SECOND_URI, SECRET, Scenario, client, logins, routes, second, site,
};

const SITE: &str = "http://127.0.0.1:3000";
const FORM: &str = "application/x-www-form-urlencoded";

fn key() -> KeyRing {
    KeyRing::new(&SECRET).unwrap()
}

fn assert_stale(page: &Page, what: &str) {
    assert_eq!(page.status, StatusCode::BAD_REQUEST, "{what}");
    assert!(page.text.contains("<h1>This sign-in is no longer valid</h1>"), "{what}: {}", page.text);
}

fn start(at: &str, redirect_uri: &str) -> String {
    let mut url = Url::parse("http://site/login").unwrap();
    url.query_pairs_mut().append_pair("at", at).append_pair("redirect_uri", redirect_uri);
    format!("/login?{}", url.query().unwrap())
}

/// The parameters of a response, and none of its redirect URI's.
fn parameters<'a>(callback: &'a str, redirect_uri: &str) -> &'a str {
    callback.strip_prefix(redirect_uri).unwrap().trim_start_matches(['?', '&'])
}

#[tokio::test]
async fn a_response_at_another_redirect_uri_than_its_logins_is_nobodys() {
    let scenario = Scenario::new().await;
    let first = client(scenario.sandbox.issuer(), &scenario.sandbox);
    let places = [
        ("first", "/callback"),
        ("first", "/admin/callback"),
        ("again", "/callback/again"),
        ("first", "/by?provider=a"),
        ("first", "/by?provider=b"),
        ("second", "/callback/second"),
        ("second", "/by?provider=c"),
    ];
    // Spellings that no login returns to.
    let others = [
        "/by?provider=a&provider=b&provider=c",
        "/callback/",
        "//callback",
        "/Callback",
        "/%63allback",
        "/x/../callback",
        "/callback%2F",
        "/by",
        "/",
    ];
    let mut logins = Logins::new(first.clone(), key())
        .with("first", first.clone())
        .with("again", first)
        .with("second", second(&scenario.sandbox, SECOND_URI));
    for (client, place) in places {
        logins = logins.redirect_uri(client, format!("{SITE}{place}"));
    }
    let site = site(logins);
    for (client, home) in places {
        let mut browser = Browser::at(site.clone());
        let redirect_uri = format!("{SITE}{home}");
        let url = browser.get(&start(client, &redirect_uri)).await.location();
        let callback = scenario.sandbox.person("alice").allow(&url).await.unwrap();
        let response = parameters(&callback, &redirect_uri);
        let elsewhere = places.iter().map(|(_, place)| *place).chain(others).filter(|place| *place != home);
        for place in elsewhere {
            let what = format!("a login at {client} for {home}, at {place}");
            let join = if place.contains('?') { '&' } else { '?' };
            assert_stale(&browser.get(&format!("{place}{join}{response}")).await, &what);
            assert_stale(&browser.post_to(place, response, FORM).await, &what);
            assert_eq!(browser.cookies.len(), 1, "{what}");
        }
        assert!(scenario.sandbox.requests_to("/token").is_empty(), "{client} {home}");
        let page = browser.get(&callback).await;
        assert_eq!(page.text, format!("alice@example.com at {client}, to /, data none"), "{home}");
        scenario.sandbox.clear_requests();
    }
}

#[tokio::test]
async fn a_plain_login_is_not_finished_where_administrators_return_to() {
    let sandbox = Sandbox::start().await.unwrap();
    let admin = |login: StartLogin| async {
        let uri = "http://127.0.0.1:3000/admin/callback";
        login.customise(move |ask| ask.redirect_uri(uri).acr_values(["urn:mfa"])).await
    };
    let (user, administrator) = (|_: LoggedIn| async { "in" }, |_: LoggedIn| async { "ADMIN" });
    let site = Router::new()
        .route("/login", get(|login: StartLogin| async { login.await }))
        .route("/callback", get(user).post(user))
        .route("/admin/login", get(admin))
        .route("/admin/callback", get(administrator).post(administrator))
        .layer(Logins::new(client(sandbox.issuer(), &sandbox), key()));
    let mut browser = Browser::at(site);
    let callback = sandbox.person("alice").allow(&browser.start().await).await.unwrap();
    let moved = callback.replace("/callback?", "/admin/callback?");
    assert_stale(&browser.get(&moved).await, "GET");
    assert_stale(&browser.post(&moved, FORM).await, "form");
    // The other way round it is no harm, and no login either.
    let admin = browser.get("/admin/login").await.location();
    let admin = sandbox.person("alice").allow(&admin).await.unwrap();
    assert_stale(&browser.get(&admin.replace("/admin/callback?", "/callback?")).await, "down");
    assert!(sandbox.requests_to("/token").is_empty());
    assert_eq!(browser.get(&callback).await.text, "in");
}

/// What was sent to a provider of somebody's.
#[derive(Clone, Default)]
struct Wire(Arc<Mutex<Vec<String>>>);

impl HttpClient for Wire {
    fn send(
        &self,
        request: vouchsafe::http::Request,
        _: Limits,
    ) -> BoxFuture<'_, Result<vouchsafe::http::Response, TransportError>> {
        self.0.lock().unwrap().push(String::from_utf8_lossy(request.body()).into_owned());
        let body = br#"{"access_token":"a","token_type":"Bearer"}"#;
        Box::pin(async { Ok(vouchsafe::http::Response::new(body.to_vec())) })
    }
}

/// A provider of a stranger's: it knows no issuer, as plain OAuth 2 does not.
fn evil(redirect_uri: &str) -> (Client, Wire) {
    let wire = Wire::default();
    let provider = Provider::oauth2("evil")
        .authorization_endpoint("https://evil.example/authorize")
        .token_endpoint("https://evil.example/token");
    let registration = Registration::new("app").redirect_uri(redirect_uri);
    (Client::new(provider, registration, &Http::from(wire.clone())).unwrap(), wire)
}

/// LinkedIn, which has neither PKCE nor a nonce.
fn honest(sandbox: &Sandbox, redirect_uri: &str) -> Client {
    let acted = sandbox.provider("linkedin").unwrap();
    let registration = Registration::new(acted.client_id()).secret(acted.client_secret());
    let provider = Provider::from(acted.definition());
    Client::new(provider, registration.redirect_uri(redirect_uri), &Http::new().unwrap()).unwrap()
}

#[tokio::test]
async fn a_code_of_one_provider_is_never_sent_to_another() {
    let sandbox = Sandbox::start().await.unwrap();
    let (evil, wire) = evil("http://127.0.0.1:3000/cb/evil");
    let honest = honest(&sandbox, "http://127.0.0.1:3000/cb/honest");
    let site = site(Logins::new(honest, key()).with("evil", evil));
    let (mut victim, mut attacker) = (Browser::at(site.clone()), Browser::at(site));

    // The stranger's provider sends the victim on to the honest one, with the state of the login at itself.
    let evil_url = Url::parse(&victim.get("/login?at=evil").await.location()).unwrap();
    let (_, state) = evil_url.query_pairs().find(|(name, _)| name == "state").unwrap();
    let mut url = Url::parse(&attacker.start().await).unwrap();
    let theirs: Vec<_> = url.query_pairs().into_owned().filter(|(name, _)| name != "state").collect();
    url.query_pairs_mut().clear().extend_pairs(theirs).append_pair("state", &state);
    let callback = sandbox.person("alice").allow(url.as_str()).await.unwrap();
    assert!(callback.starts_with("http://127.0.0.1:3000/cb/honest?"), "{callback}");

    let token_requests = sandbox.requests().len();
    assert_stale(&victim.get(&callback).await, "GET");
    assert_stale(&victim.post(&callback, FORM).await, "form");
    assert!(wire.0.lock().unwrap().is_empty(), "{:?}", wire.0);
    assert_eq!(sandbox.requests().len(), token_requests);
    // The login at the stranger's provider goes on.
    assert_eq!(victim.cookies.len(), 1);
}

#[tokio::test]
async fn providers_that_share_a_redirect_uri_start_no_login() {
    let sandbox = Sandbox::start().await.unwrap();
    let of = |redirect_uri: &str| {
        let (evil, _) = evil(redirect_uri);
        Logins::new(client(sandbox.issuer(), &sandbox), key()).with("evil", evil)
    };
    let log = Log::start();
    for shared in ["", "/", "?provider=evil"].map(|rest| format!("{REDIRECT_URI}{rest}")) {
        let mut browser = Browser::at(site(of(&shared)));
        for at in ["openid", "evil"] {
            let page = browser.get(&format!("/login?at={at}")).await;
            assert_eq!(page.status, StatusCode::INTERNAL_SERVER_ERROR, "{shared} {at}");
            let line = log.take();
            assert!(
                line.starts_with("WARN ") && line.contains("give each provider a redirect URI of its own"),
                "{line}"
            );
        }
        assert!(browser.cookies.is_empty());
    }
    // The same client under two names is one provider's.
    let one = client(sandbox.issuer(), &sandbox);
    let mut browser = Browser::at(site(Logins::new(one.clone(), key()).with("again", one)));
    assert_eq!(browser.get("/login?at=again").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_login_for_the_redirect_uri_of_another_client_does_not_start() {
    let sandbox = Sandbox::start().await.unwrap();
    let (evil, _) = evil(SECOND_URI);
    let of = || Logins::new(client(sandbox.issuer(), &sandbox), key()).with("evil", evil.clone());
    let shared = "http://127.0.0.1:3000/link";
    let log = Log::start();
    // With several providers, a redirect URI that no registration names could be anybody's.
    for (logins, at, redirect_uri, words) in [
        (of(), "evil", REDIRECT_URI, "a redirect URI of its own"),
        (of(), "openid", SECOND_URI, "a redirect URI of its own"),
        (of(), "evil", shared, "name it with Logins::redirect_uri"),
        (of().redirect_uri("openid", shared), "evil", shared, "a redirect URI of its own"),
        (of().redirect_uri("openid", shared).redirect_uri("evil", shared), "openid", shared, "of its own"),
    ] {
        let mut browser = Browser::at(site(logins));
        let page = browser.get(&start(at, redirect_uri)).await;
        assert_eq!(page.status, StatusCode::INTERNAL_SERVER_ERROR, "{at} {redirect_uri}");
        let line = log.take();
        assert!(line.starts_with("WARN ") && line.contains(words), "{line}");
        assert!(browser.cookies.is_empty());
    }
    let mut browser = Browser::at(site(of().redirect_uri("evil", shared)));
    assert_eq!(browser.get(&start("evil", shared)).await.status, StatusCode::SEE_OTHER);
    // With one provider it is that one's; but a query alone tells none of its logins from another.
    let mut browser = Browser::at(site(Logins::new(client(sandbox.issuer(), &sandbox), key())));
    let admin = format!("{REDIRECT_URI}?admin=1");
    let page = browser.get(&start("openid", &admin)).await;
    assert_eq!(page.status, StatusCode::INTERNAL_SERVER_ERROR, "{}", page.text);
    assert_eq!(browser.get(&start("openid", shared)).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_login_from_before_a_redirect_uri_was_shared_sends_nothing() {
    let sandbox = Sandbox::start().await.unwrap();
    let first = client(sandbox.issuer(), &sandbox);
    let mut browser = Browser::at(site(Logins::new(first.clone(), key())));
    let callback = sandbox.person("alice").allow(&browser.start().await).await.unwrap();
    let (evil, wire) = evil(REDIRECT_URI);
    browser.site = site(Logins::new(first, key()).with("evil", evil));
    let page = browser.get(&callback).await;
    assert_eq!(page.status, StatusCode::INTERNAL_SERVER_ERROR, "{}", page.text);
    assert!(sandbox.requests_to("/token").is_empty() && wire.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_login_of_one_tenant_ends_nowhere_else() {
    let sandbox = Sandbox::start().await.unwrap();
    let (evil, wire) = evil("http://127.0.0.1:3000/t/evil/callback");
    let honest = second(&sandbox, "http://127.0.0.1:3000/t/honest/callback");
    let choose = move |request: axum::extract::Request, next: axum::middleware::Next| {
        let is_evil = request.uri().path().starts_with("/t/evil/");
        // Both under one name, as where it is the same for every tenant.
        let client = if is_evil { evil.clone() } else { honest.clone() };
        let other = client.clone();
        Logins::new(client, key()).with("tenant", other).run(request, next)
    };
    let tenant = || {
        let login = get(|login: StartLogin| async { login.client("tenant").await });
        Router::new().route("/login", login).route("/callback", get(|_: LoggedIn| async { "in" }))
    };
    let site = Router::new().nest("/t/evil", tenant()).nest("/t/honest", tenant());
    let mut browser = Browser::at(site.layer(axum::middleware::from_fn(choose)));
    let state = |url: &str| url.split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let evils = state(&browser.get("/t/evil/login").await.location());
    let url = browser.get("/t/honest/login").await.location();
    let callback = sandbox.person("alice").allow(&url.replace(&state(&url), &evils)).await.unwrap();
    assert_stale(&browser.get(&callback).await, "the other tenant's state");
    let callback = sandbox.person("alice").allow(&url).await.unwrap();
    assert_stale(&browser.get(&callback.replace("/t/honest/", "/t/evil/")).await, "the other tenant's route");
    assert!(wire.0.lock().unwrap().is_empty() && sandbox.requests_to("/token").is_empty());
    assert_eq!(browser.get(&callback).await.text, "in");
}

#[tokio::test]
async fn in_a_nested_router_the_whole_path_counts() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = second(&sandbox, "http://127.0.0.1:3000/auth/callback");
    let logins = Logins::new(client, key());
    // The layer may be around the routes, or around all.
    let inside = Router::new()
        .nest("/auth", routes().layer(logins.clone()))
        .nest("/other", routes().layer(logins.clone()));
    let outside = Router::new().nest("/auth", routes()).nest("/other", routes()).layer(logins);
    for site in [inside, outside] {
        let mut browser = Browser::at(site);
        let url = browser.get("/auth/login").await.location();
        let callback = sandbox.person("alice").allow(&url).await.unwrap();
        assert_stale(&browser.get(&callback.replace("/auth/", "/other/")).await, "another nest");
        assert_eq!(browser.get(&callback).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn behind_a_proxy_the_path_is_that_of_the_browser() {
    let sandbox = Sandbox::start().await.unwrap();
    let logins = || Logins::new(second(&sandbox, "http://127.0.0.1:3000/shop/callback"), key());
    for prefix in ["/shop", "shop", "/shop/"] {
        let mut browser = Browser::at(site(logins().behind(prefix)));
        let callback = sandbox.person("alice").allow(&browser.start().await).await.unwrap();
        assert_stale(&browser.get(&callback).await, "the prefix twice");
        let page = browser.get(&callback.replace("/shop/", "/")).await;
        assert_eq!(page.status, StatusCode::OK, "{prefix}: {}", page.text);
    }
    for logins in [logins(), logins().behind("/"), logins().behind("/shop").behind("")] {
        let mut browser = Browser::at(site(logins));
        let callback = sandbox.person("alice").allow(&browser.start().await).await.unwrap();
        assert_stale(&browser.get(&callback.replace("/shop/", "/")).await, "no prefix");
        assert_eq!(browser.get(&callback).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_request_may_name_the_whole_url() {
    let scenario = Scenario::new().await;
    let mut browser = Browser::at(site(logins(&scenario.sandbox, &SECRET)));
    let callback = scenario.sandbox.person("alice").allow(&browser.start().await).await.unwrap();
    let elsewhere = callback.replace("/callback?", "/callback/second?");
    assert_stale(&browser.send(Request::get(elsewhere), axum::body::Body::empty()).await, "elsewhere");
    let page = browser.send(Request::get(callback), axum::body::Body::empty()).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
}

#[tokio::test]
async fn where_redirect_uris_differ_in_the_host_alone_the_host_decides() {
    let sandbox = Sandbox::start().await.unwrap();
    let state = |url: &str| url.split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let body = axum::body::Body::empty;

    // Mix-up: the login at the stranger's provider began at the host to which the honest one returns.
    let (evil, wire) = evil("https://app.example/cb");
    let honest = honest(&sandbox, "http://127.0.0.1:3000/cb");
    let mut browser = Browser::at(site(Logins::new(honest, key()).with("evil", evil)));
    let evils = state(&browser.get("/login?at=evil").await.location());
    let url = browser.start().await;
    let at_evil = sandbox.person("alice").allow(&url.replace(&state(&url), &evils)).await.unwrap();
    let path = at_evil.strip_prefix(SITE).unwrap();
    for host in ["127.0.0.1:3000", "APP.EXAMPLE.evil.example", "proxy", ""] {
        let page = browser.send(Request::get(path).header("host", host), body()).await;
        assert_stale(&page, host);
    }
    assert_stale(&browser.send(Request::get(&at_evil), body()).await, "the whole URL");
    let twice = Request::get(path).header("host", "app.example").header("host", "127.0.0.1:3000");
    assert_stale(&browser.send(twice, body()).await, "two hosts");
    let contradicts = Request::get(&at_evil).header("host", "app.example");
    assert_stale(&browser.send(contradicts, body()).await, "two words of the host");
    assert_stale(&browser.get(path).await, "no host");
    assert!(wire.0.lock().unwrap().is_empty(), "{:?}", wire.0);
    assert_eq!(browser.cookies.len(), 2);
    let callback = sandbox.person("alice").allow(&url).await.unwrap();
    let path = callback.strip_prefix(SITE).unwrap();
    let page = browser.send(Request::get(path).header("host", "127.0.0.1:3000"), body()).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);

    // Step-up: whoever signs in carries their own cookies from one host to the other.
    let admin = "https://admin.example/callback";
    let client = client(sandbox.issuer(), &sandbox);
    let mut browser = Browser::at(site(Logins::new(client.clone(), key()).redirect_uri("openid", admin)));
    let callback = sandbox.person("alice").allow(&browser.start().await).await.unwrap();
    let path = callback.strip_prefix(SITE).unwrap();
    let moved = browser.send(Request::get(path).header("host", "admin.example"), body()).await;
    assert_stale(&moved, "a plain login at the administrators' host");
    assert!(sandbox.requests_to("/token").is_empty());
    let page = browser.send(Request::get(path).header("host", "127.0.0.1:3000"), body()).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    // What is not named cannot be told apart.
    let mut browser = Browser::at(site(Logins::new(client, key())));
    let page = browser.get(&start("openid", admin)).await;
    assert_eq!(page.status, StatusCode::INTERNAL_SERVER_ERROR, "{}", page.text);
}
