use serde_json::json;
use vouchsafe::{Client, Provider, providers};

use super::{ASKED, BASIC, EXCHANGE, FORM, PKCE, Stage};
use crate::scenario::web;

/// A login at one of Okta's two kinds of authorization server.
async fn log_in(provider: Provider, discovery: &str, issuer: &str, base: &str) {
    let stage = Stage::new("okta", provider);
    stage.metadata(&format!("GET {issuer}/.well-known/openid-configuration"), &stage.sample(discovery));
    let (token, profile) = (format!("POST {base}/v1/token"), format!("GET {base}/v1/userinfo"));
    stage.at(&profile, 200, "profile");
    let claims = json!({"iss": issuer, "sub": "00uid4BxXw6I6TV4m0g3"});
    let (url, tokens) = stage.log_in_with(&token, claims.clone()).await;
    let tokens = tokens.unwrap();
    assert_eq!(url, format!("{base}/v1/authorize?{ASKED}&scope=openid+profile+email&state=*&nonce=*&{PKCE}"));
    let path = token.split("okta.example").nth(1).unwrap();
    assert_eq!(
        stage.letters(path),
        [format!("{token}\naccept: application/json\n{BASIC}\n{FORM}\n\n{EXCHANGE}&code_verifier=*")]
    );
    let identity = stage.client.identity(&tokens).await.unwrap();
    assert_eq!(
        stage.last(),
        format!("{profile}\naccept: application/json\nauthorization: Bearer okta-sample-access")
    );
    assert_eq!((identity.subject(), identity.email()), ("00uid4BxXw6I6TV4m0g3", Some("bors@gannes.example")));
    let said = identity.profile()["email_verified"].as_bool();
    assert_eq!((said, identity.email_verified()), (Some(true), None), "Okta says not to rely on it");

    stage.tokens(&token, "refresh", claims);
    let fresh = stage.client.refresh(&tokens).await.unwrap();
    assert_eq!(fresh.refresh_token().unwrap().expose(), "okta-sample-refresh-2");
    assert_eq!(
        stage.last(),
        format!(
            "{token}\naccept: application/json\n{BASIC}\n{FORM}\n\ngrant_type=refresh_token&refresh_token=okta-sample-refresh"
        )
    );
    let revoke = format!("POST {base}/v1/revoke");
    stage.answer(&revoke, vouchsafe::http::Response::default());
    stage.client.revoke(&fresh).await.unwrap();
    assert_eq!(
        stage.last(),
        format!(
            "{revoke}\naccept: application/json\n{BASIC}\n{FORM}\n\ntoken=okta-sample-refresh-2&token_type_hint=refresh_token"
        )
    );
    stage.at(&token, 401, "token_error");
    assert_eq!(stage.log_in("code=code-1&state=STATE").await.1.unwrap_err().code(), "invalid_client");
    stage.at(&profile, 405, "api_error");
    assert_eq!(stage.client.manual().profile("at").await.unwrap_err().status(), Some(405));
}

#[tokio::test]
async fn a_login_at_a_custom_server_of_okta() {
    let issuer = "https://acme.okta.example/oauth2/default";
    log_in(providers::okta("acme.okta.example", "default"), "discovery_custom", issuer, issuer).await;
}

#[tokio::test]
async fn a_login_at_an_organization_s_server_of_okta() {
    let (issuer, base) = ("https://acme.okta.example", "https://acme.okta.example/oauth2");
    log_in(providers::okta_org("acme.okta.example"), "discovery_org", issuer, base).await;
}

#[tokio::test]
async fn a_domain_of_okta_is_a_host_and_a_server_a_part_of_a_path() {
    let http = crate::wire::Wire::always(vouchsafe::http::Response::default()).http();
    let wrong = |provider| Client::new(provider, web(), &http).unwrap_err().code().to_owned();
    for domain in ["acme.okta.example/x", "me@acme.okta.example", "acme.okta.example#", ""] {
        assert_eq!(wrong(providers::okta_org(domain)), "invalid_param", "{domain}");
        assert_eq!(wrong(providers::okta(domain, "default")), "invalid_param", "{domain}");
    }
    for server in ["../x", "a/b", ""] {
        assert_eq!(wrong(providers::okta("acme.okta.example", server)), "invalid_param", "{server}");
    }
}
