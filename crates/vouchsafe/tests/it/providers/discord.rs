use vouchsafe::providers;

use super::{ASKED, BASIC, EXCHANGE, FORM, PKCE, Stage};

const TOKEN: &str = "POST https://discord.com/api/oauth2/token";
const PROFILE: &str = "GET https://discord.com/api/users/@me";

#[tokio::test]
async fn a_login_at_discord() {
    let stage = Stage::new("discord", providers::discord());
    stage.at(TOKEN, 200, "token");
    stage.at(PROFILE, 200, "profile");
    let (url, tokens) = stage.log_in("code=code-1&state=STATE&iss=https%3A%2F%2Fdiscord.com").await;
    let tokens = tokens.unwrap();
    assert_eq!(
        url,
        format!("https://discord.com/oauth2/authorize?{ASKED}&scope=identify+email&state=*&{PKCE}")
    );
    assert_eq!(
        stage.last(),
        format!("{TOKEN}\naccept: application/json\n{BASIC}\n{FORM}\n\n{EXCHANGE}&code_verifier=*")
    );
    assert_eq!(tokens.scopes().collect::<Vec<_>>(), ["identify", "email"]);

    let identity = stage.client.identity(&tokens).await.unwrap();
    assert_eq!(
        stage.last(),
        format!("{PROFILE}\naccept: application/json\nauthorization: Bearer 6qrZcUqja7812RVdnEKjpzOL4CvHBFG")
    );
    assert_eq!((identity.subject(), identity.name()), ("190320984123768832", Some("Nimue")));
    assert_eq!(identity.verified_email(), Some("nimue@lake.example"));
    assert_eq!(
        identity.picture(),
        Some("https://cdn.discordapp.com/avatars/190320984123768832/a_8342729096ea3675442027381ff50dfe.png")
    );

    stage.at(TOKEN, 200, "refresh");
    let fresh = stage.client.refresh(&tokens).await.unwrap();
    assert_eq!(fresh.refresh_token().unwrap().expose(), "E54g6z1bikrfx93ka5OWjFs3ZbgNLivf");
    assert_eq!(
        stage.last(),
        format!(
            "{TOKEN}\naccept: application/json\n{BASIC}\n{FORM}\n\n\
             grant_type=refresh_token&refresh_token=D43f5y0ahjqew82jZ4NViEr2YafMKhue"
        )
    );

    let revoke = "POST https://discord.com/api/oauth2/token/revoke";
    stage.answer(revoke, vouchsafe::http::Response::default());
    stage.client.revoke(&fresh).await.unwrap();
    assert_eq!(
        stage.last(),
        format!(
            "{revoke}\naccept: application/json\n{BASIC}\n{FORM}\n\n\
             token=E54g6z1bikrfx93ka5OWjFs3ZbgNLivf&token_type_hint=refresh_token"
        )
    );
}

#[tokio::test]
async fn a_response_of_another_issuer_than_discord_is_refused() {
    let stage = Stage::new("discord", providers::discord());
    let (_, tokens) = stage.log_in("code=code-1&state=STATE&iss=https%3A%2F%2Fevil.example").await;
    assert_eq!(tokens.unwrap_err().code(), "issuer_mismatch");
    assert!(stage.wire.seen().is_empty());
}

#[tokio::test]
async fn an_email_that_discord_does_not_vouch_for_is_no_verified_one() {
    for (sample, email, picture) in
        [("profile_unverified", Some("mordred@orkney.example"), None), ("profile_no_email", None, None)]
    {
        let stage = Stage::new("discord", providers::discord());
        stage.at(TOKEN, 200, "token");
        stage.at(PROFILE, 200, sample);
        let tokens = stage.log_in("code=code-1&state=STATE").await.1.unwrap();
        let identity = stage.client.identity(&tokens).await.unwrap();
        assert_eq!((identity.email(), identity.verified_email(), identity.picture()), (email, None, picture));
    }
}

#[tokio::test]
async fn refusals_of_discord_are_told() {
    let stage = Stage::new("discord", providers::discord());
    stage.at(TOKEN, 400, "token_error");
    let error = stage.log_in("code=code-1&state=STATE").await.1.unwrap_err();
    assert_eq!((error.code(), error.status()), ("invalid_grant", Some(400)));
    stage.at(PROFILE, 401, "api_error");
    assert_eq!(stage.client.manual().profile("at").await.unwrap_err().status(), Some(401));
}
