//! Profiles of every shape: the place of the access token, the request, and the pointers into the response.

use serde_json::json;

use crate::player::{Player, own, pairs};
use crate::scenario::Scenario;

#[tokio::test]
async fn access_token_counts_only_at_its_place() {
    let scenario = Scenario::new().await;
    let places = ["bearer", "scheme:OAuth", "scheme:", "header:X-Token", "query:t", "body:t"];
    for place in places {
        let method = if place.starts_with("body") { "POST" } else { "GET" };
        for other in places {
            let toml = |place| own(&format!("[userinfo]\ntoken = \"{place}\"\nmethod = \"{method}\""));
            let mut player = Player::own(&scenario, &toml(other)).await;
            player.acted = Player::own(&scenario, &toml(place)).await.acted;
            let answer = player.login("alice").await;
            let status = player.ask(&answer, &[]).await.status;
            assert_eq!(status, if place == other { 200 } else { 401 }, "{other} at {place}");
        }
    }
}

#[tokio::test]
async fn profile_request_needs_the_parameters_of_the_definition() {
    let scenario = Scenario::new().await;
    let toml = own(r#"
        [userinfo]
        method = "POST"
        headers = { "client-id" = "{client_id}" }
        body = '{"query":"{ me { id } }"}'
        params = { uid = "{token:/user/uid}" }
        content_types = ["text/plain"]
        [userinfo.failure]
        code = "/meta/ok"
        success = ["true"]
        description = "/meta/error"
        [identity]
        subject = ["/data/me/id"]
        name = ["/data/me/name"]
    "#);
    let mut player = Player::own(&scenario, &toml).await;
    let answer = player.login("alice").await;
    let reply = player.ask(&answer, &[]).await;
    assert_eq!(reply.header("content-type"), Some("text/plain"));
    let profile = reply.json();
    assert_eq!(profile["meta"]["ok"], true);
    assert_eq!(profile["data"]["me"]["name"], "Alice Liddell");
    assert!(profile["data"]["me"]["id"].is_u64(), "an identifier called id is a number");
    assert_eq!(answer.whole["user"]["uid"], profile["data"]["me"]["id"].to_string());

    let good = player.definition.clone();
    player.definition.userinfo.headers.clear();
    let refused = player.ask(&answer, &[]).await;
    assert_eq!(refused.status, 200);
    assert_eq!(refused.json()["meta"], json!({ "ok": false, "error": "invalid_request" }));
    player.definition = good.clone();
    player.definition.userinfo.body = Some("{}".into());
    assert_eq!(player.ask(&answer, &[]).await.json()["meta"]["ok"], false);
    player.definition = good;
    player.definition.userinfo.params.insert("uid".into(), "somebody".into());
    assert_eq!(player.ask(&answer, &[]).await.json()["meta"]["ok"], false);
}

#[tokio::test]
async fn profile_has_its_values_where_the_pointers_look() {
    let scenario = Scenario::new().await;
    let toml = own(r#"
        [identity]
        subject = ["/resource/uri"]
        subject_is_last_segment = true
        email = ["/contact/0/address"]
        email_verified = ["/contact/0/ok", "/contact/0/valid"]
        email_verified_text = true
        picture_template = "https://cdn.example/{/id}/{/avatar}.png"
    "#);
    let player = Player::own(&scenario, &toml).await;
    let answer = player.login("bob").await;
    let profile = player.profile(&answer).await;
    assert_eq!(
        profile["contact"],
        json!([{ "address": "bob@example.com", "ok": "false", "valid": "false" }])
    );
    assert!(profile["resource"]["uri"].as_str().unwrap().ends_with("/users/sandbox-user-bob"));
    assert!(profile["id"].is_string() && profile["avatar"].is_string());

    let toml = own(
        "[identity]\nsubject = [\"/sub\"]\nemail = [\"/email\"]\nemail_always_verified = true\npicture = [\"/p\"]\npicture_is_html = true",
    );
    let player = Player::own(&scenario, &toml).await;
    let bob = player.profile(&player.login("bob").await).await;
    assert!(bob.get("email").is_none(), "who gives out verified addresses alone has none for bob: {bob}");
    let alice = player.profile(&player.login("alice").await).await;
    assert_eq!(alice["email"], "alice@example.com");
    assert!(alice["p"].as_str().unwrap().contains("&amp;"));
}

#[tokio::test]
async fn list_of_emails_has_another_before_the_primary_one() {
    let scenario = Scenario::new().await;
    let player = Player::new(&scenario, "github").await;
    let answer = player.login("bob").await;
    let list = player.definition.identity.emails.as_ref().unwrap().endpoint.clone().unwrap();
    let token = format!("Bearer {}", answer.tokens["access_token"].as_str().unwrap());
    let reply = player.http("GET", &list, &pairs(&[("authorization", &token)]), String::new()).await;
    let expected = json!([
        { "email": "other.bob@example.com", "primary": false, "verified": true },
        { "email": "bob@example.com", "primary": true, "verified": false },
    ]);
    assert_eq!(reply.json(), expected);
    assert_eq!(player.get(&list).await.status, 401);
}

#[tokio::test]
async fn list_of_emails_is_withheld_without_its_scope() {
    let scenario = Scenario::new().await;
    let player = Player::new(&scenario, "github").await;
    let url = player.authorization_url(&[("scope", "read:user")]);
    let answer = player.redeem(&scenario.person().allow(&url).await.unwrap(), &[]).await;
    let list = player.definition.identity.emails.as_ref().unwrap();
    let token = format!("Bearer {}", answer.tokens["access_token"].as_str().unwrap());
    let headers = pairs(&[("authorization", &token)]);
    let reply = player.http("GET", list.endpoint.as_ref().unwrap(), &headers, String::new()).await;
    assert!(list.absent_on.contains(&reply.status), "{}", reply.status);
    assert_eq!(player.ask(&answer, &[]).await.status, 200);
}

#[tokio::test]
async fn proof_of_the_secret_is_required_if_the_definition_has_one() {
    let scenario = Scenario::new().await;
    for quirks in ["", "method = \"POST\"\n", "token = \"body:t\"\nmethod = \"POST\"\n"] {
        let toml = own(&format!("[userinfo]\n{quirks}proof = \"proof\""));
        let mut player = Player::own(&scenario, &toml).await;
        let answer = player.login("alice").await;
        assert_eq!(player.ask(&answer, &[]).await.status, 200, "{quirks}");
        player.definition.userinfo.proof = None;
        assert_eq!(player.ask(&answer, &[]).await.status, 400, "{quirks}");
        player.definition.userinfo.params.insert("proof".into(), "0".repeat(64));
        assert_eq!(player.ask(&answer, &[]).await.status, 400, "{quirks}");
    }
}

#[tokio::test]
async fn email_of_a_user_is_shown_only_to_that_user() {
    let scenario = Scenario::new().await;
    let player = Player::new(&scenario, "etsy").await;
    let answer = player.login("alice").await;
    let profile = player.profile(&answer).await;
    assert_eq!(player.email(&answer, &profile).await, Some(("alice@example.com".to_owned(), false)));
    let list = player.definition.identity.emails.as_ref().unwrap().endpoint.clone().unwrap();
    let token = format!("Bearer {}", answer.tokens["access_token"].as_str().unwrap());
    let key = player.fill("{client_id}:{client_secret}");
    let headers = pairs(&[("authorization", &token), ("x-api-key", &key)]);
    let id = profile["user_id"].to_string();
    for (id, expected) in [(id.as_str(), 200), ("7", 400), ("%7B%2Fuser_id%7D", 400)] {
        let reply = player.http("GET", &list.replace("{/user_id}", id), &headers, String::new()).await;
        assert_eq!(reply.status, expected, "{id}: {}", reply.body);
    }
}
