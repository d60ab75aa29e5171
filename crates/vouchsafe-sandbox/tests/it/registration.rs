//! Dynamic client registration, RFC 7591, and its management, RFC 7592.

use serde_json::{Value, json};
use vouchsafe_sandbox::Sandbox;

use crate::scenario::{REDIRECT_URI, Reply, Scenario};

/// A request with a JSON body.
async fn send(scenario: &Scenario, method: &str, path: &str, token: &str, body: &Value) -> Reply {
    let body = body.to_string();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\nauthorization: Bearer {token}\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    scenario.raw((head + &body).as_bytes()).await
}

async fn register(scenario: &Scenario, metadata: Value) -> Reply {
    send(scenario, "POST", "/register", "", &metadata).await
}

fn path(client: &Value) -> String {
    let uri = client["registration_client_uri"].as_str().unwrap();
    format!("/register/{}", uri.rsplit('/').next().unwrap())
}

fn token(client: &Value) -> &str {
    client["registration_access_token"].as_str().unwrap()
}

#[tokio::test]
async fn registered_client_is_one_like_the_others() {
    let scenario = Scenario::new().await;
    let reply =
        register(&scenario, json!({"redirect_uris": [REDIRECT_URI], "client_name": "Mine", "of_my_own": 1}))
            .await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let client = reply.json();
    // RFC 7591 section 3.2.1.
    assert_eq!(client["client_secret_expires_at"], 0);
    assert_eq!((&client["client_name"], &client["of_my_own"]), (&json!("Mine"), &json!(1)));
    assert_eq!(client["token_endpoint_auth_method"], "client_secret_basic");
    let id = client["client_id"].as_str().unwrap();
    assert!(id.contains(' ') && id.contains(':') && id.contains('%'), "{id}");
    let url = scenario.authorization_url(&[("client_id", id)]);
    let callback = scenario.person().allow(&url).await.unwrap();
    assert!(callback.starts_with(REDIRECT_URI) && callback.contains("code="), "{callback}");
    let other =
        scenario.authorization_url(&[("client_id", id), ("redirect_uri", "http://127.0.0.1:3000/other")]);
    assert!(scenario.person().allow(&other).await.is_err());
}

#[tokio::test]
async fn metadata_that_no_client_may_have_is_refused() {
    let scenario = Scenario::new().await;
    for (metadata, error) in [
        (json!({}), "invalid_redirect_uri"),
        (json!({"redirect_uris": ["https://a.example/#x"]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": ["/callback"]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": "https://a.example"}), "invalid_client_metadata"),
        (
            json!({"redirect_uris": [REDIRECT_URI], "jwks": {"keys": []}, "jwks_uri": "https://a.example/k"}),
            "invalid_client_metadata",
        ),
        (
            json!({"redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": "by_magic"}),
            "invalid_client_metadata",
        ),
        (
            json!({"redirect_uris": [REDIRECT_URI], "id_token_signed_response_alg": "none"}),
            "invalid_client_metadata",
        ),
        (json!([]), "invalid_request"),
    ] {
        register(&scenario, metadata).await.assert_error(400, error);
    }
    let machine = register(&scenario, json!({"grant_types": ["client_credentials"]})).await;
    assert_eq!(machine.status, 201, "{}", machine.body);
}

#[tokio::test]
async fn only_who_has_the_initial_token_registers_where_there_is_one() {
    let scenario = Scenario::with(Sandbox::builder().initial_access_token("let-me-in")).await;
    let metadata = json!({"redirect_uris": [REDIRECT_URI]});
    register(&scenario, metadata.clone()).await.assert_error(401, "invalid_token");
    send(&scenario, "POST", "/register", "let-me-out", &metadata).await.assert_error(401, "invalid_token");
    assert_eq!(send(&scenario, "POST", "/register", "let-me-in", &metadata).await.status, 201);
}

#[tokio::test]
async fn registration_is_read_replaced_and_deleted_by_its_own_token() {
    let scenario = Scenario::new().await;
    let client = register(&scenario, json!({"redirect_uris": [REDIRECT_URI]})).await.json();
    let (path, own) = (path(&client), token(&client));
    send(&scenario, "GET", &path, "another", &json!({})).await.assert_error(401, "invalid_token");
    send(&scenario, "GET", "/register/nobody", own, &json!({})).await.assert_error(401, "invalid_token");
    assert_eq!(send(&scenario, "GET", &path, own, &json!({})).await.json(), client);

    // RFC 7592 section 2.2.
    let id = &client["client_id"];
    for (update, error) in [
        (json!({"redirect_uris": [REDIRECT_URI]}), "invalid_request"),
        (json!({"client_id": "another", "redirect_uris": [REDIRECT_URI]}), "invalid_request"),
        (
            json!({"client_id": id, "client_secret": "another", "redirect_uris": [REDIRECT_URI]}),
            "invalid_request",
        ),
        (
            json!({"client_id": id, "client_id_issued_at": 1, "redirect_uris": [REDIRECT_URI]}),
            "invalid_request",
        ),
        (json!({"client_id": id}), "invalid_redirect_uri"),
    ] {
        send(&scenario, "PUT", &path, own, &update).await.assert_error(400, error);
    }
    let update = json!({"client_id": id, "redirect_uris": ["http://127.0.0.1/other"], "client_name": "New"});
    let updated = send(&scenario, "PUT", &path, own, &update).await.json();
    assert_eq!(
        (&updated["client_name"], &updated["client_secret"]),
        (&json!("New"), &client["client_secret"])
    );
    // The token is another one now.
    send(&scenario, "GET", &path, own, &json!({})).await.assert_error(401, "invalid_token");
    let own = token(&updated);
    assert_eq!(send(&scenario, "DELETE", &path, own, &json!({})).await.status, 204);
    send(&scenario, "GET", &path, own, &json!({})).await.assert_error(401, "invalid_token");
    let url = scenario.authorization_url(&[("client_id", id.as_str().unwrap())]);
    assert!(scenario.person().allow(&url).await.is_err());
}
