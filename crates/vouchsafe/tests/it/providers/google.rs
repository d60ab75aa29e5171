use serde_json::json;
use vouchsafe::providers;

use super::{ASKED, EXCHANGE, FORM, IN_FORM, PKCE, Stage};

const TOKEN: &str = "POST https://oauth2.googleapis.com/token";
const PROFILE: &str = "GET https://openidconnect.googleapis.com/v1/userinfo";
const REVOKE: &str = "POST https://oauth2.googleapis.com/revoke";

fn stage() -> Stage {
    let stage = Stage::new("google", providers::google());
    let metadata = json!({
        "issuer": "https://accounts.google.com",
        "authorization_endpoint": "https://accounts.google.com/o/oauth2/v2/auth",
        "token_endpoint": "https://oauth2.googleapis.com/token",
        "userinfo_endpoint": "https://openidconnect.googleapis.com/v1/userinfo",
        "revocation_endpoint": "https://oauth2.googleapis.com/revoke",
        "jwks_uri": "https://www.googleapis.com/oauth2/v3/certs",
    });
    stage.metadata("GET https://accounts.google.com/.well-known/openid-configuration", &metadata);
    stage.at(PROFILE, 200, "profile");
    stage
}

#[tokio::test]
async fn a_login_at_google() {
    let stage = stage();
    let (url, tokens) = stage.log_in_with(TOKEN, stage.sample("id_token_claims")).await;
    let tokens = tokens.unwrap();
    assert_eq!(
        url,
        format!(
            "https://accounts.google.com/o/oauth2/v2/auth?{ASKED}&scope=openid+profile+email&state=*&nonce=*&{PKCE}"
        )
    );
    assert_eq!(
        stage.letters("/token"),
        [format!("{TOKEN}\naccept: application/json\n{FORM}\n\n{EXCHANGE}&code_verifier=*&{IN_FORM}")]
    );
    let identity = stage.client.identity(&tokens).await.unwrap();
    assert_eq!(
        stage.last(),
        format!("{PROFILE}\naccept: application/json\nauthorization: Bearer ya29.sample-access")
    );
    assert_eq!((identity.subject(), identity.name()), ("110248495921238986420", Some("Enide Lalut")));
    assert_eq!(identity.verified_email(), Some("enide@lalut.example"));
    assert_eq!(identity.profile()["hd"].as_str(), Some("lalut.example"));

    stage.tokens(TOKEN, "refresh", stage.sample("id_token_claims"));
    // A refreshed ID token need not repeat the nonce, but must not have another.
    let fresh = stage.client.refresh(&tokens).await.unwrap();
    assert_eq!(fresh.warnings()[0].error().unwrap().code(), "nonce_mismatch");
    assert_eq!(fresh.id_token().unwrap().expose(), tokens.id_token().unwrap().expose());
    let mut claims = stage.sample("id_token_claims");
    claims["nonce"] = json!(null);
    stage.tokens(TOKEN, "refresh", claims);
    let fresh = stage.client.refresh(&tokens).await.unwrap();
    assert_eq!(
        fresh.refresh_token().unwrap().expose(),
        "1//sample-refresh",
        "none came, the old one is kept"
    );
    assert_eq!(
        stage.last(),
        format!(
            "{TOKEN}\naccept: application/json\n{FORM}\n\n\
             grant_type=refresh_token&refresh_token=1%2F%2Fsample-refresh&{IN_FORM}"
        )
    );

    stage.answer(REVOKE, vouchsafe::http::Response::default());
    stage.client.revoke(&fresh).await.unwrap();
    assert_eq!(
        stage.last(),
        format!(
            "{REVOKE}\naccept: application/json\n{FORM}\n\n\
             token=1%2F%2Fsample-refresh&token_type_hint=refresh_token&client_id=my-client"
        ),
        "the secret stays here"
    );
}

#[tokio::test]
async fn google_vouches_for_the_emails_that_it_hosts() {
    for (email, hd, expected) in [
        ("enide@gmail.com", json!(null), Some(true)),
        ("enide@lalut.example", json!("lalut.example"), Some(true)),
        ("enide@lalut.example", json!(null), None),
    ] {
        let stage = stage();
        let (mut claims, mut profile) = (stage.sample("id_token_claims"), stage.sample("profile"));
        for part in [&mut claims, &mut profile] {
            part["email"] = json!(email);
            part["hd"] = hd.clone();
        }
        stage.answer(PROFILE, crate::wire::json(200, profile));
        let tokens = stage.log_in_with(TOKEN, claims).await.1.unwrap();
        let identity = stage.client.identity(&tokens).await.unwrap();
        assert_eq!((identity.email(), identity.email_verified()), (Some(email), expected), "{hd}");
    }
}

#[tokio::test]
async fn the_issuer_that_google_used_to_write_is_google_s() {
    let stage = stage();
    let mut claims = stage.sample("id_token_claims");
    claims["iss"] = json!("accounts.google.com");
    assert!(stage.log_in_with(TOKEN, claims.clone()).await.1.is_ok());
    claims["iss"] = json!("http://accounts.google.com");
    assert_eq!(stage.log_in_with(TOKEN, claims).await.1.unwrap_err().code(), "issuer_mismatch");
}

#[tokio::test]
async fn refusals_of_google_are_told() {
    let stage = stage();
    let tokens = stage.log_in_with(TOKEN, stage.sample("id_token_claims")).await.1.unwrap();
    stage.at(TOKEN, 400, "token_error");
    assert!(stage.client.refresh(&tokens).await.unwrap_err().needs_login());
    stage.at(REVOKE, 400, "revoke_error");
    stage.client.revoke(&tokens).await.unwrap();
    stage.at(PROFILE, 401, "profile_error");
    assert_eq!(stage.client.profile(&tokens).await.unwrap_err().code(), "invalid_request");
}
