//! Introspection and logout at acted providers.

use serde_json::json;
use url::form_urlencoded::byte_serialize;
use vouchsafe_providers::Encoding;
use vouchsafe_sandbox::PersonError;

use crate::player::{Player, own, pairs};
use crate::scenario::{Reply, Scenario, basic, query_value};

async fn introspect(player: &Player<'_>, secret: &str, token: &str) -> Reply {
    let headers = [("authorization".to_owned(), basic(player.acted.client_id(), secret))];
    let endpoint = player.definition.introspection_endpoint.clone().unwrap();
    player.send(&endpoint, Encoding::Form, None, &headers, pairs(&[("token", token)])).await
}

const BASIC: &str = "client_auth = \"client_secret_basic\"\n";
const INTROSPECTION: &str = "introspection_endpoint = \"https://own.example/introspect\"\n";

#[tokio::test]
async fn every_acted_provider_with_an_introspection_endpoint_describes_its_tokens() {
    let scenario = Scenario::new().await;
    let mut seen = 0;
    for definition in vouchsafe_providers::all().filter(|d| d.introspection_endpoint.is_some()) {
        let player = Player::new(&scenario, &definition.slug).await;
        let answer = player.login("alice").await;
        let mut params = pairs(&[("token", answer.tokens["access_token"].as_str().unwrap())]);
        let headers = player.authenticate(&mut params, definition.client_auth);
        let endpoint = player.definition.introspection_endpoint.clone().unwrap();
        let reply = player.send(&endpoint, Encoding::Form, None, &headers, params).await;
        assert_eq!(reply.status, 200, "{}: {}", definition.slug, reply.body);
        assert_eq!(reply.json()["active"], true, "{}", definition.slug);
        seen += 1;
    }
    assert!(seen > 0);
}

#[tokio::test]
async fn token_is_described_only_at_its_own_provider() {
    let scenario = Scenario::new().await;
    let player = Player::own(&scenario, &own(&format!("{BASIC}{INTROSPECTION}"))).await;
    let secret = player.acted.client_secret().to_owned();
    let answer = player.login("alice").await;
    for name in ["access_token", "refresh_token"] {
        let told = introspect(&player, &secret, answer.tokens[name].as_str().unwrap()).await.json();
        assert_eq!(told["active"], true, "{name}");
        assert_eq!(told["client_id"], player.acted.client_id());
        assert_eq!(told["sub"], "sandbox-user-alice");
    }
    let token = answer.tokens["access_token"].as_str().unwrap();
    assert_eq!(scenario.introspect(token).await, json!({ "active": false }), "it is not the sandbox's own");
    let foreign = scenario.tokens(&[]).await;
    let foreign = foreign["access_token"].as_str().unwrap();
    assert_eq!(introspect(&player, &secret, foreign).await.json(), json!({ "active": false }));
    scenario.sandbox.advance_clock(std::time::Duration::from_secs(3601));
    assert_eq!(introspect(&player, &secret, token).await.json(), json!({ "active": false }));
    introspect(&player, "wrong", token).await.assert_error(401, "invalid_client");
    introspect(&player, &secret, "").await.assert_error(400, "invalid_request");
}

const LOGOUT: &str = r#"
    kind = "openid"
    issuer = "https://own.example"
    end_session_endpoint = "https://own.example/logout"
    scopes = ["openid"]
    [identity]
    subject = ["/sub"]
"#;

fn logout(player: &Player<'_>, id_token: &str) -> String {
    format!(
        "{}?id_token_hint={id_token}&post_logout_redirect_uri={}&state=bye",
        player.metadata()["end_session_endpoint"].as_str().unwrap(),
        byte_serialize(b"http://localhost:3000/bye").collect::<String>(),
    )
}

#[tokio::test]
async fn acted_provider_ends_the_session_with_its_own_id_token() {
    let scenario = Scenario::new().await;
    let player = Player::own(&scenario, LOGOUT).await;
    let alice = scenario.person();
    let callback = alice.allow(&player.authorization_url(&[])).await.unwrap();
    let answer = player.redeem(&callback, &[]).await;
    let url = logout(&player, answer.tokens["id_token"].as_str().unwrap());
    assert_eq!(alice.sign_out(&url).await.unwrap().unwrap(), "http://localhost:3000/bye?state=bye");
    let callback = alice.allow(&player.authorization_url(&[("prompt", "none")])).await.unwrap();
    assert_eq!(query_value(&callback, "error").unwrap(), "login_required");
}

#[tokio::test]
async fn acted_provider_refuses_a_foreign_id_token_client_or_uri_at_logout() {
    let scenario = Scenario::new().await;
    let player = Player::own(&scenario, LOGOUT).await;
    let own = player.login("alice").await.tokens["id_token"].as_str().unwrap().to_owned();
    let sandbox_s = scenario.tokens(&[]).await["id_token"].as_str().unwrap().to_owned();
    let endpoint = player.metadata()["end_session_endpoint"].as_str().unwrap();
    for url in [
        logout(&player, &sandbox_s),
        format!("{}/end_session?id_token_hint={own}", scenario.sandbox.issuer()),
        format!("{endpoint}?client_id=sandbox-client&post_logout_redirect_uri=http://127.0.0.1/"),
        format!("{endpoint}?client_id=own-client&post_logout_redirect_uri=https://evil.example/"),
    ] {
        let refused = scenario.person().sign_out(&url).await.unwrap_err();
        assert!(matches!(refused, PersonError::Refused { status: 400, .. }), "{url}");
    }
}
