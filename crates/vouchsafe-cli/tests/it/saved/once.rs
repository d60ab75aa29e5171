//! Many commands at once, commands that are stopped, and refreshes that fail.
use serde_json::json;
use vouchsafe_sandbox::Fault;

use super::Home;
#[cfg(unix)]
use crate::support::soon;

#[tokio::test]
async fn sixteen_shells_at_once_cause_one_refresh_and_print_the_same_token() {
    sixteen_shells(Home::with_login().await).await;
}

pub(super) async fn sixteen_shells(home: Home) {
    let old = home.token().await;
    home.expire().await;
    let shells: Vec<_> = (0..16).map(|_| home.cli(&["token", "work"]).start()).collect();
    let mut tokens = Vec::new();
    for shell in shells {
        let done = shell.end().await;
        assert_eq!((done.code, done.lines.len()), (Some(0), 1), "{done:#?}");
        tokens.push(done.stdout());
    }
    tokens.dedup();
    assert!(tokens.len() == 1 && tokens[0] != old, "{tokens:?}");
    assert_eq!(home.token_requests(), 2, "one of the login, and one refresh");
}

#[tokio::test]
async fn a_login_that_is_over_says_so_and_nothing_more_is_sent() {
    let home = Home::with_login().await;
    home.expire().await;
    home.sandbox.fault(Fault::REUSED_REFRESH_TOKEN);
    let message = home.failing(&["token", "work"], 3, "provider", "invalid_grant").await;
    assert!(message.contains("sign in again"), "{message}");
    assert_eq!(home.json(&["list"]).await[0]["state"], "sign_in_again");
    let sent = home.token_requests();
    for command in ["token", "refresh", "whoami"] {
        home.failing(&[command, "work"], 3, "provider", "invalid_grant").await;
    }
    assert_eq!(home.token_requests(), sent);
    // A new login takes its place.
    home.sandbox.clear_faults();
    home.login(&["--client-id", home.sandbox.public_client_id(), "--save", "work"]).await;
    assert_eq!(home.json(&["list"]).await[0]["state"], "fresh");
}

#[tokio::test]
async fn a_provider_that_is_away_harms_no_valid_token_and_no_login() {
    let home = Home::with_login().await;
    let token = home.token().await;
    home.sandbox.fault(Fault::SERVER_ERROR);
    let expected = home.cli(&["refresh", "work", "--json"]).run().await;
    assert_eq!((expected.code, &expected.last()["status"]), (Some(5), &json!(500)), "{expected:?}");
    assert_eq!(home.token().await, token);
    assert_eq!(home.json(&["list"]).await[0]["state"], "fresh");
}

#[cfg(unix)]
#[tokio::test]
async fn a_signal_lets_a_refresh_be_saved_and_prints_no_token() {
    let home = Home::with_login().await;
    home.expire().await;
    home.sandbox.fault(Fault::slow(std::time::Duration::from_millis(700)));
    let running = home.cli(&["token", "work", "--json"]).start();
    let asked = async {
        while home.token_requests() < 2 {
            tokio::task::yield_now().await;
        }
    };
    soon(asked).await;
    running.signal("TERM").await;
    let done = running.end().await;
    assert_eq!((done.code, &done.last()["code"]), (Some(143), &json!("interrupted")), "{done:#?}");
    assert_eq!(done.lines.len(), 1);
    home.sandbox.clear_faults();
    home.token().await;
    assert_eq!(home.token_requests(), 2, "its tokens were saved");
}
