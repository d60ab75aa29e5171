//! How tokens are revoked.
use serde_json::json;
use vouchsafe::Tokens;
use vouchsafe::http::Response;
use vouchsafe::manual::TokenTypeHint;

use super::{ACME, answered, refused};
use crate::scenario::{Held, stored};
use crate::wire::json;

fn both() -> Tokens {
    stored(ACME, json!({"access_token": "at-secret", "refresh_token": "rt-secret"}))
}

async fn request(more: &str) -> String {
    let (client, wire) = answered(more, Response::default());
    client.revoke(&both()).await.unwrap();
    wire.only()
}

#[tokio::test]
async fn a_token_is_deleted_at_the_client_s_own_path() {
    let (client, wire) = {
        let wire = crate::wire::Wire::always(http::Response::builder().status(204).body(Vec::new()).unwrap());
        let more = "revocation_auth = \"client_secret_basic\"\n\
            [revocation]\nmethod = \"DELETE\"\nencoding = \"json\"\ntoken_name = \"access_token\"\nonly = \"access_token\"";
        let provider = super::defined(more)
            .revocation_endpoint("https://api.acme.example/applications/{client_id}/token");
        (vouchsafe::Client::new(provider, crate::scenario::web(), &wire.http()).unwrap(), wire)
    };
    client.revoke(&both()).await.unwrap();
    assert_eq!(
        wire.only(),
        "DELETE https://api.acme.example/applications/my-client/token\naccept: application/json\n\
         authorization: Basic bXktY2xpZW50Om15LWNsaWVudC1zZWNyZXQ=\ncontent-type: application/json\n\n\
         {\"access_token\":\"at-secret\"}"
    );
}

#[tokio::test]
async fn the_access_token_authenticates_where_the_provider_has_it_so() {
    assert_eq!(
        request("revocation_auth = \"none\"\n[revocation]\nbearer = true\ntoken_name = \"\"\nonly = \"access_token\"").await,
        "POST https://acme.example/revoke\naccept: application/json\nauthorization: Bearer at-secret"
    );
    assert_eq!(
        request("revocation_auth = \"client_secret_post\"\n[revocation]\nbearer = true\ntoken_name = \"t\"")
            .await,
        "POST https://acme.example/revoke\naccept: application/json\nauthorization: Bearer at-secret\n\
         content-type: application/x-www-form-urlencoded\n\n\
         t=rt-secret&client_id=my-client&client_secret=my-client-secret"
    );
}

#[tokio::test]
async fn parameters_go_along_and_into_the_query_of_a_get() {
    assert_eq!(
        request("[revocation]\nmethod = \"GET\"\ntoken_name = \"access_token\"\nonly = \"access_token\"\nparams = { grant_type = \"delete\" }").await,
        "GET https://acme.example/revoke?access_token=at-secret&client_id=my-client\
         &client_secret=my-client-secret&grant_type=delete\naccept: application/json"
    );
    assert_eq!(
        request("").await,
        "POST https://acme.example/revoke\naccept: application/json\n\
         content-type: application/x-www-form-urlencoded\n\n\
         token=rt-secret&token_type_hint=refresh_token&client_id=my-client&client_secret=my-client-secret"
    );
}

#[tokio::test]
async fn an_access_token_that_is_over_revokes_no_refresh_token() {
    let over = || json(401, json!({"error": "invalid_token"}));
    let bearer = "revocation_auth = \"none\"\n[revocation]\nbearer = true\n";
    let (client, _) = answered(bearer, over());
    assert_eq!(client.revoke(&both()).await.unwrap_err().code(), "invalid_token");
    let (client, _) = answered(&format!("{bearer}token_name = \"\"\nonly = \"access_token\""), over());
    client.revoke(&both()).await.unwrap();
}

#[tokio::test]
async fn a_token_of_the_other_kind_is_not_sent() {
    let (client, wire) = answered("[revocation]\nonly = \"refresh_token\"", Response::default());
    client.revoke(&both()).await.unwrap();
    let error = client.revoke(&client.held(json!({"access_token": "at-secret"}))).await.unwrap_err();
    assert_eq!(error.code(), "revoke_not_supported");
    let error = client.manual().revoke("at-secret", Some(TokenTypeHint::AccessToken)).await.unwrap_err();
    assert_eq!(error.code(), "revoke_not_supported");
    assert_eq!(wire.seen().len(), 1);
}

#[tokio::test]
async fn a_failure_with_a_status_of_success_is_one() {
    let more = "[revocation.failure]\ncode = \"/result\"\nsuccess = [\"success\"]";
    let revoke = |body| async move { answered(more, json(200, body)).0.revoke(&both()).await };
    assert!(revoke(json!({"result": "success"})).await.is_ok());
    assert!(revoke(json!({})).await.is_ok());
    let error = revoke(json!({"result": "fail rt-secret"})).await.unwrap_err();
    assert!(error.code().starts_with("fail") && !format!("{error:?}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn a_refusal_in_the_provider_s_words_is_told_in_the_rfcs() {
    let more =
        "[token]\nerror_codes = { dead_token = \"invalid_token\", odd_token = \"unsupported_token_type\" }";
    let revoke =
        |error| async move { answered(more, json(400, json!({"error": error}))).0.revoke(&both()).await };
    assert!(revoke("dead_token").await.is_ok());
    assert_eq!(revoke("odd_token").await.unwrap_err().code(), "unsupported_token_type");
}

#[tokio::test]
async fn a_method_that_is_none_is_told_at_once() {
    assert_eq!(refused("[revocation]\nmethod = \"DELETE /\""), "definition");
}

#[tokio::test]
async fn a_revocation_has_the_provider_s_names() {
    assert_eq!(
        request("[revocation]\nnames = { client_id = \"client_key\", token_type_hint = \"\" }").await,
        "POST https://acme.example/revoke\naccept: application/json\n\
         content-type: application/x-www-form-urlencoded\n\n\
         token=rt-secret&client_key=my-client&client_secret=my-client-secret"
    );
}
