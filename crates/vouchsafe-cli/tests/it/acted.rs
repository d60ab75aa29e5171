//! `vouchsafe sandbox --provider` acts providers for applications in any language, and `login --at` signs in there.
use std::collections::BTreeSet;

use serde_json::Value;
use url::Url;

use crate::support::{Cli, Done, Running, send, visit};

/// Starts a sandbox with these providers, and reads as many descriptions of them.
async fn acting(providers: &[&str], count: usize) -> (Running, String, Vec<Value>) {
    let options = providers.iter().flat_map(|provider| ["--provider", provider]);
    let mut running = Cli::new(&["sandbox", "--json"].into_iter().chain(options).collect::<Vec<_>>()).start();
    let url = running.event("listening").await["url"].as_str().unwrap().to_owned();
    let mut acted = Vec::new();
    for _ in 0..count {
        acted.push(running.event("acted").await);
    }
    (running, url, acted)
}

/// Somebody who clicks through the pages of a sandbox in another process: the forms of the pages, as a browser posts them.
async fn allow(url: &str) -> String {
    let mut cookie = String::new();
    let mut next = (url.to_owned(), None::<String>);
    for _ in 0..8 {
        let at = Url::parse(&next.0).unwrap();
        let path = &at[url::Position::BeforePath..url::Position::AfterQuery];
        let host = &at[url::Position::BeforeHost..url::Position::AfterPort];
        let origin = at.origin().ascii_serialization();
        let head =
            format!("HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nCookie: {cookie}\r\nOrigin: {origin}");
        let page = match next.1 {
            None => send(&at, &format!("GET {path} {head}\r\n\r\n")).await,
            Some(form) => {
                let kind = "Content-Type: application/x-www-form-urlencoded";
                let length = form.len();
                send(&at, &format!("POST {path} {head}\r\n{kind}\r\nContent-Length: {length}\r\n\r\n{form}"))
                    .await
            }
        };
        let field = |name: &str| {
            let mut lines = page.text.lines().take_while(|line| !line.is_empty());
            lines.find_map(|line| {
                Some(line.split_once(':').filter(|(n, _)| n.eq_ignore_ascii_case(name))?.1.trim())
            })
        };
        if let Some(set) = field("set-cookie") {
            cookie = set.split(';').next().unwrap().to_owned();
        }
        if let Some(location) = field("location") {
            if location.contains("/callback") {
                return location.to_owned();
            }
            next = (at.join(location).unwrap().into(), None);
            continue;
        }
        let after = |mark: &str| page.text.split_once(mark)?.1.split_once('"').map(|(value, _)| value);
        let (action, id) = (after("action=\"").unwrap(), after("name=\"interaction\" value=\"").unwrap());
        let form = format!("interaction={id}&user=alice&decision=allow");
        next = (at.join(action).unwrap().into(), Some(form));
    }
    panic!("too many pages at {url}");
}

async fn log_in(slug: &str, at: &str, more: &[&str]) -> Done {
    let mut login =
        Cli::new(&[&["login", slug, "--at", at, "--json", "--no-browser"], more].concat()).start();
    let url = login.authorization_url().await;
    assert_eq!(visit(&allow(&url).await).await.status, 200, "{slug}");
    login.end().await
}

#[tokio::test]
async fn acted_providers_sign_a_user_in_from_another_process() {
    // OAuth 2 by GitHub, OpenID by discovery, templates, renamed parameters, JSON, wrapped responses, no secret, a proof.
    let slugs = [
        "github",
        "google",
        "microsoft",
        "shopify",
        "tiktok",
        "notion",
        "slack",
        "facebook",
        "lichess",
        "okta",
        "vk",
    ];
    let (_running, at, acted) = acting(&slugs, slugs.len()).await;
    for (slug, acted) in slugs.iter().zip(&acted) {
        assert_eq!(acted["provider"], *slug);
        let done = log_in(slug, &at, &[]).await;
        assert_eq!(done.code, Some(0), "{slug}: {done:#?}");
        let last = done.last();
        assert_eq!(last["provider"], *slug);
        assert_eq!(last["identity"]["subject"], acted["users"][0]["subject"], "{slug}");
    }
    let google = log_in("google", &at, &[]).await.last();
    assert_eq!(google["claims"]["iss"], acted[1]["issuer"], "the issuer is the sandbox's, and it is checked");
    assert!(acted[1]["issuer"].as_str().unwrap().starts_with(&at));
    // The URL of the provider at the sandbox means the same.
    assert_eq!(log_in("github", &format!("{at}/act/github/"), &[]).await.code, Some(0));
}

#[tokio::test]
async fn every_provider_of_the_catalogue_is_listed_with_urls_that_answer() {
    let slugs: Vec<_> = vouchsafe_providers::slugs().collect();
    let (_running, at, acted) = acting(&["all"], slugs.len()).await;
    assert_eq!(acted.iter().map(|acted| acted["provider"].as_str().unwrap()).collect::<Vec<_>>(), slugs);
    let (mut names, mut lost) = (BTreeSet::new(), Vec::new());
    for acted in &acted {
        let slug = &acted["provider"];
        let has = |name: &str| acted[name].as_str().is_some_and(|text| !text.is_empty());
        assert!(has("client_id") && has("name") && has("kind"), "{acted}");
        assert!(has("client_secret") || acted["client_auth"] == "none" || has_key(acted), "{acted}");
        let urls = acted["urls"].as_object().unwrap();
        assert!(urls.contains_key("authorize") && urls.contains_key("token"), "{acted}");
        for (name, url) in urls {
            names.insert(name.clone());
            let url = url.as_str().unwrap();
            assert!(url.starts_with(&at), "{slug}: {name} {url}");
            // A mark stands for a value of the profile or the token response.
            if url.contains('{') {
                assert!(name == "emails" || name == "userinfo", "{slug}: {name} {url}");
                continue;
            }
            let status = get(url).await;
            if status == 404 || status >= 500 {
                lost.push(format!("{slug}: {name} {url}: {status}"));
            }
        }
    }
    assert!(lost.is_empty(), "{lost:#?}");
    for name in
        ["authorize", "token", "refresh", "revoke", "userinfo", "discovery", "keys", "device", "long_lived"]
    {
        assert!(names.contains(name), "{name}: {names:?}");
    }
}

fn has_key(acted: &Value) -> bool {
    acted["client_key"]["pem"].as_str().is_some_and(|pem| pem.contains("PRIVATE KEY"))
}

async fn get(url: &str) -> u16 {
    let at = Url::parse(url).unwrap();
    let path = &at[url::Position::BeforePath..url::Position::AfterQuery];
    let host = &at[url::Position::BeforeHost..url::Position::AfterPort];
    send(&at, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await.status
}

#[tokio::test]
async fn people_get_the_urls_and_the_command_to_try_it() {
    let mut running = Cli::new(&["sandbox", "--provider", "github"]).start();
    let mut shown = String::new();
    while !shown.contains("vouchsafe login github --at http://127.0.0.1:") {
        shown.push_str(&running.line().await.expect("it goes on"));
        shown.push('\n');
    }
    for word in
        ["/act/github/github.com/login/oauth/access_token", "github-secret-for-development-only", "userinfo"]
    {
        assert!(shown.contains(word), "{word}: {shown}");
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_used_for_a_definition_is_refused_with_advice() {
    let at =
        |slug, url, more: &[&str]| Cli::new(&[&["login", slug, "--at", url, "--json"], more].concat()).run();
    let message = at("github", "127.0.0.1:8080", &[]).await.assert_failed(2, "usage", "invalid_url");
    assert!(message.contains("--at") && message.contains("vouchsafe sandbox"), "{message}");
    at("github", "", &[]).await.assert_failed(2, "usage", "invalid_url");
    at("github", "http://sandbox.example", &[]).await.assert_failed(2, "usage", "insecure_url");
    let param = ["--param", "issuer=https://keycloak.example"];
    let message = at("openid", "http://127.0.0.1:1", &param).await.assert_failed(2, "usage", "invalid_param");
    assert!(message.contains("leave one of them out"), "{message}");
    let unknown = Cli::new(&["sandbox", "--provider", "gitub", "--json"]).run().await;
    let message = unknown.assert_failed(2, "usage", "unknown_provider");
    assert!(message.contains("Did you mean github"), "{message}");
    let apple = Cli::new(&["login", "apple", "--client-id", "x", "--json"])
        .env("VOUCHSAFE_CLIENT_SECRET", "y-secret");
    let message = apple.run().await.assert_failed(2, "usage", "client_auth");
    assert!(message.contains("JWT") && message.contains("--client-key"), "{message}");
}
