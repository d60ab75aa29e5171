//! Sign-in on a device that has no browser, RFC 8628.

use std::time::Duration;

use serde_json::Value;
use vouchsafe_providers::Encoding;
use vouchsafe_sandbox::PersonError;

use crate::player::{Player, own, pairs};
use crate::scenario::{Reply, Scenario};

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const DEVICE: &str =
    "device_authorization_endpoint = \"https://own.example/device\"\nclient_auth = \"client_secret_basic\"\n";

async fn begin(player: &Player<'_>, more: &[(&str, &str)]) -> Reply {
    let endpoint = player.definition.device_authorization_endpoint.clone().unwrap();
    let mut params = pairs(&[("client_id", player.acted.client_id()), ("scope", "a b")]);
    params.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    params.extend(pairs(more));
    player.send(&endpoint, Encoding::Form, None, &[], params).await
}

async fn poll(player: &Player<'_>, device: &Value) -> Reply {
    let params = pairs(&[
        ("grant_type", GRANT_TYPE),
        ("client_id", player.acted.client_id()),
        ("device_code", device["device_code"].as_str().unwrap()),
    ]);
    let endpoint = player.definition.token_endpoint.clone().unwrap();
    player.send(&endpoint, Encoding::Form, None, &[], params).await
}

fn complete(device: &Value) -> &str {
    device["verification_uri_complete"].as_str().unwrap()
}

#[tokio::test]
async fn every_acted_provider_with_a_device_authorization_endpoint_connects_a_device() {
    let scenario = Scenario::new().await;
    let mut seen = 0;
    for definition in vouchsafe_providers::all().filter(|d| d.device_authorization_endpoint.is_some()) {
        let slug = &definition.slug;
        let player = Player::new(&scenario, slug).await;
        let reply = begin(&player, &[]).await;
        assert_eq!(reply.status, 200, "{slug}: {}", reply.body);
        let device = reply.json();
        assert!(poll(&player, &device).await.body.contains("authorization_pending"), "{slug}");
        scenario.person().allow_device(complete(&device)).await.unwrap();
        let tokens = poll(&player, &device).await.json();
        assert!(tokens["access_token"].is_string(), "{slug}: {tokens}");
        seen += 1;
    }
    assert!(seen > 0);
}

#[tokio::test]
async fn device_waits_for_its_user_and_slows_down_when_it_polls_too_often() {
    let scenario = Scenario::new().await;
    let player = Player::own(&scenario, &own(DEVICE)).await;
    let device = begin(&player, &[]).await.json();
    assert_eq!((&device["interval"], &device["expires_in"]), (&5.into(), &900.into()));
    let code = device["user_code"].as_str().unwrap();
    let letters = |part: &str| part.len() == 4 && part.bytes().all(|b| b"BCDFGHJKLMNPQRSTVWXZ".contains(&b));
    assert!(code.split('-').count() == 2 && code.split('-').all(letters), "{code}");
    let wait = |seconds| scenario.sandbox.advance_clock(Duration::from_secs(seconds));
    for (after, error) in [
        (0, "authorization_pending"),
        (6, "authorization_pending"),
        (0, "slow_down"),
        // RFC 8628 section 3.5: from then on five seconds more.
        (7, "slow_down"),
        (16, "authorization_pending"),
    ] {
        wait(after);
        poll(&player, &device).await.assert_error(400, error);
    }
    scenario.person().allow_device(complete(&device)).await.unwrap();
    let tokens = poll(&player, &device).await.json();
    assert_eq!(tokens["scope"], "a b");
    let answer = player.refresh(&tokens, &[]).await;
    assert_eq!(answer.reply.status, 200, "{}", answer.reply.body);
    poll(&player, &device).await.assert_error(400, "invalid_grant");
}

#[tokio::test]
async fn denied_or_late_device_gets_an_error() {
    let scenario = Scenario::new().await;
    let player = Player::own(&scenario, &own(DEVICE)).await;
    let denied = begin(&player, &[]).await.json();
    scenario.person().deny_device(complete(&denied)).await.unwrap();
    poll(&player, &denied).await.assert_error(400, "access_denied");
    let late = begin(&player, &[]).await.json();
    scenario.sandbox.advance_clock(Duration::from_secs(901));
    poll(&player, &late).await.assert_error(400, "expired_token");
    let refused = scenario.person().allow_device(complete(&late)).await.unwrap_err();
    assert!(matches!(refused, PersonError::Refused { status: 400, .. }), "{refused:?}");
}

#[tokio::test]
async fn user_code_is_valid_for_one_decision_in_any_spelling() {
    let scenario = Scenario::new().await;
    let player = Player::own(&scenario, &own(DEVICE)).await;
    let device = begin(&player, &[]).await.json();
    let typed = device["user_code"].as_str().unwrap().to_lowercase().replace('-', "%20");
    let url = format!("{}?user_code={typed}", device["verification_uri"].as_str().unwrap());
    let alice = scenario.person();
    alice.allow_device(&url).await.unwrap();
    for url in [url.as_str(), "/device?user_code=AAAA-AAAA", "/device?user_code=%22%3E%3Cscript%3E"] {
        let refused = alice.allow_device(url).await.unwrap_err();
        assert!(matches!(refused, PersonError::Refused { status: 400, .. }), "{url}: {refused:?}");
    }
    let page = scenario.get("/device?user_code=%22%3E%3Cscript%3E").await;
    assert!(page.status == 200 && !page.body.contains("<script"), "{}", page.body);
}

#[tokio::test]
async fn each_device_needs_its_own_consent() {
    let scenario = Scenario::new().await;
    let player = Player::own(&scenario, &own(DEVICE)).await;
    let alice = scenario.person();
    let first = begin(&player, &[]).await.json();
    alice.allow_device(complete(&first)).await.unwrap();
    let second = begin(&player, &[]).await.json();
    alice.deny_device(complete(&second)).await.unwrap();
    poll(&player, &second).await.assert_error(400, "access_denied");
}

#[tokio::test]
async fn only_a_client_of_the_provider_starts_and_polls_a_device() {
    let scenario = Scenario::new().await;
    let player = Player::own(&scenario, &own(DEVICE)).await;
    begin(&player, &[("client_id", "somebody")]).await.assert_error(401, "invalid_client");
    begin(&player, &[("client_secret", "wrong")]).await.assert_error(401, "invalid_client");
    begin(&player, &[("scope", "a\"b")]).await.assert_error(400, "invalid_scope");
    let device = begin(&player, &[]).await.json();
    let github = Player::new(&scenario, "github").await;
    let elsewhere = poll(&github, &device).await;
    assert!(
        !elsewhere.body.contains("access_token") && !elsewhere.body.contains("pending"),
        "{}",
        elsewhere.body
    );
    let plain = Player::own(&scenario, &own("client_auth = \"none\"")).await;
    poll(&plain, &device).await.assert_error(400, "unsupported_grant_type");
}

#[tokio::test]
async fn own_provider_knows_which_client_a_device_code_is_for() {
    let scenario = Scenario::new().await;
    let public = scenario.sandbox.public_client_id();
    let begun =
        scenario.post_bare("/device_authorization", &[("client_id", public), ("scope", "openid")]).await;
    let device = begun.json();
    scenario.person().allow_device(complete(&device)).await.unwrap();
    let code = device["device_code"].as_str().unwrap();
    let form = [("grant_type", GRANT_TYPE), ("device_code", code)];
    scenario.post("/token", &form).await.assert_error(400, "invalid_grant");
    let reply = scenario.post_bare("/token", &[form[0], form[1], ("client_id", public)]).await;
    assert!(reply.json()["id_token"].is_string(), "{}", reply.body);
    // A client that has a secret proves it.
    let id = [("client_id", scenario.sandbox.client_id())];
    scenario.post_bare("/device_authorization", &id).await.assert_error(401, "invalid_client");
}
