//! A response counts at the redirect URI of its login and nowhere else (RFC 9700 section 4.4.2).
use serde_json::json;
use vouchsafe::error::Check;
use vouchsafe::{AuthorizationResponse, Client, Error, Provider, Registration, StartedLogin, Tokens};
use vouchsafe_sandbox::{ClientConfig, Sandbox};

use crate::scenario::{CODE, REDIRECT_URI, Scenario, acme, web};
use crate::wire::{Wire, json, param};

/// The routes of an application: of one provider and another, of a plain login and one that asks for more.
const ROUTES: [&str; 6] = [
    "https://app.example/cb/honest",
    "https://app.example/cb/other",
    "https://app.example/admin/callback",
    "https://app.example/cb",
    "https://app.example/cb?provider=a",
    "https://app.example/cb?provider=b",
];

/// A login that was started for one route and comes back at another, its state being right.
fn come_back(login: &StartedLogin, at: &str, posted: bool) -> AuthorizationResponse<'static> {
    let response = format!("code={CODE}&state={}", param(&login.url, "state").unwrap());
    let with = |query: &str| format!("{at}{}{query}", if at.contains('?') { '&' } else { '?' });
    if posted { AuthorizationResponse::at(at.to_owned()).form(response) } else { with(&response).into() }
}

#[tokio::test]
async fn a_response_at_another_redirect_uri_than_its_login_s_is_nobodys() {
    // RFC 9700 §4.4.2.2.
    let wire = Wire::always(json(200, json!({"access_token": "at", "token_type": "Bearer", "id": 7})));
    let client = |slug: &str| {
        let provider = Provider::oauth2(slug)
            .authorization_endpoint(format!("https://{slug}.example/authorize"))
            .token_endpoint(format!("https://{slug}.example/token"));
        Client::new(provider, web(), &wire.http()).unwrap()
    };
    let (honest, other) = (client("honest"), client("other"));
    for (expected, came) in ROUTES.iter().flat_map(|a| ROUTES.iter().map(move |b| (*a, *b))) {
        for (posted, finisher) in [(false, &honest), (true, &honest), (false, &other), (true, &other)] {
            let path = came.strip_prefix("https://app.example").unwrap();
            for place in [came, path] {
                let login = honest.login().redirect_uri(expected).await.unwrap();
                let response = come_back(&login, place, posted);
                // A redirect URI without a query takes any: what is added is the provider's.
                let is_there = expected == came || came.split('?').next() == Some(expected);
                assert_eq!(login.pending.matches(response.clone()), is_there, "{expected} {place} {posted}");
                let outcome = finisher.finish(login.pending, response).await;
                let is_right = is_there && finisher.same_as(&honest);
                match outcome {
                    Ok(_) => assert!(is_right, "{expected} {place} {posted}"),
                    Err(error) => {
                        assert!(!is_right, "{expected} {place} {posted}: {error}");
                        let code = if is_there { "issuer_mismatch" } else { "redirect_uri_mismatch" };
                        assert_eq!(error.code(), code, "{expected} {place} {posted}");
                    }
                }
            }
        }
    }
    let sent: Vec<_> = wire.seen().iter().map(|request| request.uri().to_string()).collect();
    assert!(sent.iter().all(|uri| uri == "https://honest.example/token"), "{sent:?}");
}

/// That response at the redirect URI of a login that was started for it.
async fn refusal(response: impl Fn(&str) -> String) -> Error {
    let scenario = Scenario::openid();
    let login = scenario.started().await;
    let query = scenario.callback(&login.url).replace(&format!("{REDIRECT_URI}?"), "");
    let error = scenario.client().finish(login.pending, response(&query)).await.unwrap_err();
    assert!(scenario.wire.seen_at("/token").is_empty(), "no code is spent on a response that is refused");
    error
}

#[tokio::test]
async fn scheme_host_port_and_path_count_before_anything_else() {
    for place in [
        "http://app.example/callback",
        "https://evil.example/callback",
        "https://app.example:8443/callback",
        "https://app.example/callback/",
        "https://app.example/Callback",
        "https://app.example/",
        "/admin/callback",
        "//evil.example/callback",
    ] {
        for query in [
            "{query}",
            "error=access_denied&{query}",
            "code=a&code=b&{query}",
            "iss=https://evil.example&{query}",
        ] {
            let error = refusal(|right| format!("{place}?{}", query.replace("{query}", right))).await;
            assert!(
                matches!(&error, Error::Validation(e) if e.check() == Check::RedirectUriMismatch),
                "{place}: {error}"
            );
        }
    }
}

#[tokio::test]
async fn a_query_without_the_url_finishes_nothing() {
    for error in [refusal(str::to_owned).await, refusal(|query| format!("?{query}")).await] {
        assert_eq!(error.code(), "response_url");
        assert!(error.to_string().contains("the URL that the browser came to"), "{error}");
    }
}

#[tokio::test]
async fn a_provider_without_a_known_issuer_refuses_any() {
    // RFC 9207 section 2.4: the honest server's issuer in a response to another server's login is a mix-up.
    let wire = Wire::always(json(200, json!({"access_token": "at", "token_type": "Bearer"})));
    let outcome = async |provider: Provider, iss: &str| -> Result<Tokens, Error> {
        let client = Client::new(provider, web(), &wire.http()).unwrap();
        let login = client.login().await.unwrap();
        let state = param(&login.url, "state").unwrap();
        client.finish(login.pending, format!("{REDIRECT_URI}?code=c&state={state}{iss}")).await
    };
    for iss in ["&iss=https://accounts.google.com", "&iss=https://acme.example", "&iss="] {
        let error = outcome(acme(), iss).await.unwrap_err();
        assert_eq!(error.code(), "issuer_mismatch", "{iss}");
        assert!(error.to_string().contains("Provider::response_issuer"), "{error}");
        assert!(error.to_string().contains(iss.trim_start_matches("&iss=")), "{error}");
    }
    assert!(wire.seen().is_empty());
    let told = || acme().issuer("https://acme.example");
    outcome(told(), "&iss=https://acme.example").await.unwrap();
    outcome(told(), "").await.unwrap();
    assert_eq!(outcome(told(), "&iss=https://evil.example").await.unwrap_err().code(), "issuer_mismatch");
    let error = Client::new(acme().issuer("acme"), web(), &wire.http()).unwrap_err();
    assert_eq!(error.code(), "invalid_url");
}

#[tokio::test]
async fn a_response_issuer_is_accepted_and_leaves_the_keys_of_accounts_alone() {
    let wire = Wire::always(json(200, json!({"access_token": "at", "token_type": "Bearer"})));
    let key = |provider: Provider| {
        let client = Client::new(provider, web(), &wire.http()).unwrap();
        async move { client.login().await.unwrap().pending.issuer().to_owned() }
    };
    let finish = async |provider: Provider, iss: &str| -> Result<Tokens, Error> {
        let client = Client::new(provider, web(), &wire.http()).unwrap();
        let login = client.login().await.unwrap();
        let state = param(&login.url, "state").unwrap();
        client.finish(login.pending, format!("{REDIRECT_URI}?code=c&state={state}{iss}")).await
    };
    let told = || acme().response_issuer("https://id.acme.example");
    assert_eq!(key(told()).await, key(acme()).await);
    assert_ne!(key(acme().issuer("https://acme.example/id")).await, key(acme()).await);
    finish(told(), "&iss=https://id.acme.example").await.unwrap();
    finish(told(), "").await.unwrap();
    // It takes the place of an issuer that responses would name otherwise.
    let both = || told().issuer("https://acme.example");
    finish(both(), "&iss=https://id.acme.example").await.unwrap();
    for (provider, iss) in [
        (told(), "&iss=https://evil.example"),
        (told(), "&iss=https://acme.example"),
        (told(), "&iss="),
        (both(), "&iss=https://acme.example"),
    ] {
        assert_eq!(finish(provider, iss).await.unwrap_err().code(), "issuer_mismatch", "{iss}");
    }
    for (wrong, code) in [("acme", "invalid_url"), ("http://acme.example", "insecure_url")] {
        let error = Client::new(acme().response_issuer(wrong), web(), &wire.http()).unwrap_err();
        assert_eq!(error.code(), code);
    }
}

/// Two providers of one application: one that strangers set up, and an honest one, at which the victim has an account.
#[tokio::test]
async fn a_code_is_not_carried_from_one_provider_to_another() {
    // RFC 9700 §2.1.
    let [evil_uri, honest_uri] = ["http://127.0.0.1:9/cb/evil", "http://127.0.0.1:9/cb/honest"];
    let registered = ClientConfig::confidential("app", "app-secret");
    let sandbox = Sandbox::builder().client(registered).start().await.unwrap();
    let evil_wire = Wire::always(json(200, json!({"access_token": "at", "token_type": "Bearer", "id": 1})));
    let evil = Provider::oauth2("evil")
        .authorization_endpoint("https://evil.example/authorize")
        .token_endpoint("https://evil.example/token");
    let registration = Registration::new("app").secret("evil-secret").redirect_uri(evil_uri);
    let evil = Client::new(evil, registration, &evil_wire.http()).unwrap();

    // The victim signs in at the stranger's provider, which sends the browser on to the honest one with the state it got.
    let login = evil.login().await.unwrap();
    let [state, challenge] = ["state", "code_challenge"].map(|name| param(&login.url, name).unwrap());
    let mut onward = url::Url::parse(&format!("{}/authorize", sandbox.issuer())).unwrap();
    onward.query_pairs_mut().extend_pairs([
        ("response_type", "code"),
        ("client_id", "app"),
        ("redirect_uri", honest_uri),
        ("scope", "openid"),
        ("state", &*state),
        ("code_challenge", &*challenge),
        ("code_challenge_method", "S256"),
    ]);
    let came = sandbox.person("alice").allow(onward.as_str()).await.unwrap();
    assert!(came.starts_with(honest_uri), "{came}");

    // Her code arrives at the honest provider's redirect URI, and goes nowhere.
    assert!(!login.pending.matches(&came));
    let error = evil.finish(login.pending, &came).await.unwrap_err();
    assert_eq!(error.code(), "redirect_uri_mismatch");
    assert!(evil_wire.seen().is_empty(), "the stranger's server has seen no code and no verifier");
}

#[cfg(feature = "transport")]
#[tokio::test]
async fn a_plain_login_is_not_finished_where_a_stronger_one_was_asked_for() {
    let sandbox = Sandbox::start().await.unwrap();
    let registration = Registration::new(sandbox.client_id()).secret(sandbox.client_secret());
    let registration = registration.redirect_uri("http://127.0.0.1:9/callback");
    let http = vouchsafe::Http::new().unwrap();
    let client = Client::new(Provider::openid(sandbox.issuer()), registration, &http).unwrap();
    let plain = client.login().await.unwrap();
    let came = sandbox.person("alice").allow(&plain.url).await.unwrap();
    let moved = came.replace("/callback?", "/admin/callback?");
    let error = client.finish(plain.pending, &moved).await.unwrap_err();
    assert_eq!(error.code(), "redirect_uri_mismatch");
    assert!(sandbox.requests_to("/token").is_empty());
}

#[tokio::test]
async fn an_oauth_2_service_that_names_its_issuer_is_believed() {
    // GitHub since April 2026, and Railway by its documentation.
    let wire = Wire::always(json(200, json!({"access_token": "at", "token_type": "Bearer"})));
    for (slug, iss) in
        [("github", "https://github.com/login/oauth"), ("railway", "https://backboard.railway.com")]
    {
        let client = Client::new(Provider::named(slug).unwrap(), web(), &wire.http()).unwrap();
        for (iss, expected) in [(iss, None), ("https://github.com", Some("issuer_mismatch"))] {
            let login = client.login().await.unwrap();
            let state = param(&login.url, "state").unwrap();
            let url = format!("{REDIRECT_URI}?code=c&state={state}&iss={iss}");
            let outcome = client.finish(login.pending, url).await;
            assert_eq!(outcome.err().as_ref().map(Error::code), expected, "{slug} {iss}");
        }
    }
}
