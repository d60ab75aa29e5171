//! The end of a saved login.
use serde_json::json;
use vouchsafe_sandbox::Fault;

use super::Home;
use crate::login::signed_in;
use crate::support::param;

#[tokio::test]
async fn a_revoked_login_is_gone_here_and_at_the_provider() {
    let home = Home::with_login().await;
    let token = home.token().await;
    assert_eq!(home.json(&["revoke", "work"]).await, [json!({"event": "revoked"})]);
    assert_eq!(home.sandbox.requests_to("/revoke").len(), 1);
    assert!(home.json(&["list"]).await.is_empty());
    let done = home.cli(&["revoke", "work"]).run().await;
    assert_eq!(done.code, Some(2), "{done:?}");
    done.assert_silent_about(&token);
}

#[tokio::test]
async fn a_login_that_cannot_be_revoked_is_forgotten_and_the_command_says_so() {
    let home = Home::new().await;
    let url = |path: &str| format!("{}{path}", home.sandbox.issuer());
    let (authorize, token) = (url("/authorize"), url("/token"));
    let args = ["login", "--authorize-url", &authorize, "--token-url", &token, "--scope", "email"];
    let more =
        ["--client-id", home.sandbox.public_client_id(), "--json", "--no-browser", "--save", "generic"];
    signed_in(&home.sandbox, home.cli(&[&args[..], &more].concat()), "alice").await;
    let message = home.failing(&["revoke", "generic"], 2, "usage", "revoke_not_supported").await;
    assert!(message.contains("The saved login was deleted"), "{message}");
    assert!(home.json(&["list"]).await.is_empty());

    let home = Home::with_login().await;
    home.sandbox.fault(Fault::SERVER_ERROR.at(vouchsafe_sandbox::Endpoint::Revocation));
    home.failing(&["revoke", "work"], 5, "network", "http_status").await;
    assert!(home.json(&["list"]).await.is_empty());
}

#[tokio::test]
async fn a_logout_forgets_the_login_and_gives_the_url_that_ends_the_session() {
    let home = Home::with_login().await;
    let lines = home.json(&["logout", "work"]).await;
    let [url, out] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!((&url["event"], out), (&json!("logout_url"), &json!({"event": "logged_out"})));
    let url = url["url"].as_str().unwrap();
    assert!(url.starts_with(&format!("{}/end_session?", home.sandbox.issuer())), "{url}");
    assert_eq!(param(url, "client_id").unwrap(), home.sandbox.public_client_id());
    assert_eq!(param(url, "id_token_hint").unwrap().split('.').count(), 3);
    assert_eq!(home.sandbox.requests_to("/revoke").len(), 1);
    home.failing(&["logout", "work"], 2, "usage", "unknown_login").await;
}

#[tokio::test]
async fn a_logout_forgets_the_login_whatever_else_fails() {
    let home = Home::new().await;
    let args = ["--client-id", home.sandbox.client_id(), "--save", "work"];
    let cli = crate::support::Cli::login(&home.sandbox, &args).env("VOUCHSAFE_STORE", home.url());
    let cli = cli.env("VOUCHSAFE_CLIENT_SECRET", home.sandbox.client_secret());
    signed_in(&home.sandbox, cli, "alice").await;
    // Without the secret, nothing can be revoked.
    let lines = home.json(&["logout", "work"]).await;
    assert_eq!((&lines[0]["code"], &lines[1]["event"]), (&json!("not_revoked"), &json!("logged_out")));
    assert!(home.json(&["list"]).await.is_empty());
}

#[tokio::test]
async fn an_unknown_login_is_named_with_the_nearest_one() {
    let home = Home::with_login().await;
    for command in ["token", "whoami", "profile", "refresh", "revoke", "logout"] {
        let message = home.failing(&[command, "werk"], 2, "usage", "unknown_login").await;
        assert!(message.contains("werk") && message.contains("Did you mean work?"), "{message}");
    }
    let message = home.failing(&["token", "something-else"], 2, "usage", "unknown_login").await;
    assert!(message.contains("vouchsafe list"), "{message}");
}
