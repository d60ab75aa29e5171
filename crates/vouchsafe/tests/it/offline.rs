//! A login that has to bring a refresh token asks for whatever brings one, and says why if none came.
use serde_json::{Value, json};
use vouchsafe::error::Feature;
use vouchsafe::{Error, PendingLogin, Provider};

use crate::scenario::{ISSUER, Scenario, acme, described, idle, web};
use crate::wire::param;

#[tokio::test]
async fn a_login_asks_for_what_the_provider_needs() {
    for (slug, name, value) in [
        ("reddit", "duration", "permanent"),
        ("dropbox", "token_access_type", "offline"),
        ("x", "scope", "offline.access"),
    ] {
        let url = idle(Provider::named(slug).unwrap()).login().offline().await.unwrap().url;
        let sent = param(&url, name).unwrap();
        assert!(sent.split(' ').any(|sent| sent == value), "{slug}: {sent}");
    }
}

#[tokio::test]
async fn a_value_of_ones_own_stays() {
    let needs = "[refreshing]\nneeds_params = { access_type = \"offline\" }\nagain_params = { prompt = \"consent\" }\n";
    let client = idle(described(needs).unwrap());
    let url = client.login().offline().prompt("select_account consent").await.unwrap().url;
    assert_eq!(param(&url, "prompt").unwrap(), "select_account consent");
    assert_eq!(param(&url, "access_type").unwrap(), "offline");
    assert_eq!(param(&client.login().await.unwrap().url, "access_type"), None, "only where it is wished");
}

#[tokio::test]
async fn a_scope_is_added_to_those_that_are_requested() {
    let needs = "scopes = [\"read\"]\n[refreshing]\nneeds_scope = [\"offline\", \"forever\"]\n";
    let client = idle(described(needs).unwrap());
    for (scopes, requested) in
        [(&[][..], "read offline"), (&["write"], "write offline"), (&["forever", "write"], "forever write")]
    {
        let url = client.login().offline().scopes(scopes.iter().copied()).await.unwrap().url;
        assert_eq!(param(&url, "scope").unwrap(), requested);
    }
}

#[tokio::test]
async fn an_openid_provider_that_offers_the_scope_is_asked_for_it() {
    for (offered, scope, prompt) in [
        (json!(["openid", "offline_access"]), "openid profile email offline_access", Some("consent")),
        (json!(["openid"]), "openid profile email", None),
    ] {
        let scenario =
            Scenario::openid().metadata("scopes_supported", offered).asking(|login| login.offline());
        let url = scenario.started().await.url;
        assert_eq!(param(&url, "scope").unwrap(), scope);
        assert_eq!(param(&url, "prompt").as_deref(), prompt);
    }
}

#[tokio::test]
async fn a_provider_without_refresh_tokens_starts_no_such_login() {
    let client = idle(described("refresh = false").unwrap());
    let error = client.login().offline().await.unwrap_err();
    assert!(matches!(error, Error::Unsupported(_)), "{error}");
    assert!(client.login().await.is_ok());
}

#[tokio::test]
async fn a_login_without_a_refresh_token_says_why_none_came() {
    let without = |provider: Provider| {
        let scenario =
            Scenario::openid().provider(provider).registration(web()).asking(|login| login.offline());
        scenario.with(|op| op.id_token = false).token("refresh_token", Value::Null)
    };
    let provider = |more: &str| {
        let urls = "authorization_endpoint = \"https://op.example/authorize\"\ntoken_endpoint = \"https://op.example/token\"\n";
        let text = format!("slug = \"acme\"\ndisplay_name = \"Acme\"\nkind = \"oauth2\"\n{urls}{more}");
        Provider::from_definition(text).unwrap().response_issuer(ISSUER)
    };
    for (more, words) in [
        (
            "[refreshing]\nneeds_scope = [\"offline\"]",
            "although the login asked for it by the scope offline; the scope offline was not granted",
        ),
        (
            "[refreshing]\nneeds_params = { access_type = \"offline\" }",
            "by access_type=offline; the user may have consented before",
        ),
        ("", "check whether refresh tokens are switched on where the client is registered"),
    ] {
        let scenario = without(provider(more)).token("scope", json!("profile"));
        let error = scenario.log_in().await.unwrap_err();
        assert!(matches!(&error, Error::Unsupported(e) if e.feature() == Feature::RefreshToken), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn the_wish_survives_where_a_pending_login_is_kept() {
    let login = idle(acme()).login().offline().await.unwrap();
    let kept = serde_json::to_value(&login.pending).unwrap();
    assert_eq!(kept["offline"], true);
    let read: PendingLogin = serde_json::from_value(kept.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), kept);
    let usual = idle(acme()).login().await.unwrap();
    assert_eq!(serde_json::to_value(&usual.pending).unwrap().get("offline"), None);
}
