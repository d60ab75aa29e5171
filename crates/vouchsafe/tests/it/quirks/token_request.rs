//! How tokens are asked for.
use serde_json::json;
use vouchsafe::{Client, ClientAuth, Http};

use super::{answered, defined, exchange, refused};
use crate::scenario::{arrived, web};
use crate::wire::{Wire, json, letter};

fn token() -> vouchsafe::http::Response {
    json(200, json!({"access_token": "at-secret", "token_type": "Bearer"}))
}

/// The token request of a client with that definition, to the letter.
async fn request(more: &str) -> String {
    let (client, wire) = answered(more, token());
    exchange(&client).await.unwrap();
    wire.only()
}

#[tokio::test]
async fn a_definition_that_says_nothing_asks_by_the_rfc() {
    assert_eq!(
        request("").await,
        "POST https://acme.example/token\naccept: application/json\n\
         content-type: application/x-www-form-urlencoded\n\n\
         grant_type=authorization_code&code=code-1&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback\
         &client_id=my-client&client_secret=my-client-secret"
    );
}

#[tokio::test]
async fn parameters_go_into_a_json_object() {
    assert_eq!(
        request("[token]\nencoding = \"json\"\nparams = { audience = \"a\\\"b\" }").await,
        "POST https://acme.example/token\naccept: application/json\ncontent-type: application/json\n\n\
         {\"audience\":\"a\\\"b\",\"client_id\":\"my-client\",\"client_secret\":\"my-client-secret\",\
         \"code\":\"code-1\",\"grant_type\":\"authorization_code\",\
         \"redirect_uri\":\"https://app.example/callback\"}"
    );
}

#[tokio::test]
async fn parameters_go_into_the_query() {
    assert_eq!(
        request("[token]\nencoding = \"query\"").await,
        "GET https://acme.example/token?grant_type=authorization_code&code=code-1\
         &redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&client_id=my-client&client_secret=my-client-secret\n\
         accept: application/json"
    );
}

#[tokio::test]
async fn a_query_that_the_endpoint_has_is_kept() {
    let provider = defined("[token]\nencoding = \"query\"").token_endpoint("https://acme.example/token?v=2");
    let wire = Wire::always(token());
    let client =
        Client::new(provider, web().client_auth(ClientAuth::ClientSecretBasic), &wire.http()).unwrap();
    exchange(&client).await.unwrap();
    let uri = wire.seen()[0].uri().to_string();
    assert!(uri.starts_with("https://acme.example/token?v=2&grant_type=authorization_code&code="), "{uri}");
}

#[tokio::test]
async fn parameters_and_grant_types_have_the_provider_s_names() {
    let more = "[token]\n\
        names = { client_id = \"client_key\", client_secret = \"secret\", redirect_uri = \"\", code = \"auth_code\" }\n\
        grant_types = { authorization_code = \"web_server\" }\n\
        params = { service = \"acme\" }\n\
        headers = { X-App = \"{client_id}/1\", Accept = \"application/vnd.acme+json\" }";
    assert_eq!(
        request(more).await,
        "POST https://acme.example/token\naccept: application/vnd.acme+json\n\
         content-type: application/x-www-form-urlencoded\nx-app: my-client/1\n\n\
         grant_type=web_server&auth_code=code-1&client_key=my-client&secret=my-client-secret&service=acme"
    );
}

#[tokio::test]
async fn a_header_that_is_none_is_told_at_once() {
    assert_eq!(refused("[token]\nheaders = { \"a b\" = \"c\" }"), "definition");
}

#[tokio::test]
async fn a_secret_in_a_url_reaches_no_error() {
    for answer in [
        json(400, json!({"error": "invalid_grant", "error_description": "no code-1 for my-client-secret"})),
        json(500, json!({})),
        crate::wire::answer(200, "text/html", "my-client-secret"),
    ] {
        let (client, _) = answered("[token]\nencoding = \"query\"", answer);
        let error = exchange(&client).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("my-client-secret") && !shown.contains("code-1"), "{shown}");
    }
    let dead = Wire::dead(vouchsafe::error::HttpErrorKind::Timeout);
    let client = Client::new(defined("[token]\nencoding = \"query\""), web(), &dead.http()).unwrap();
    let error = exchange(&client).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn a_client_id_in_the_path_is_one_part_of_it() {
    let provider = || defined("").token_endpoint("https://acme.example/apps/{client_id}/token");
    let wire = Wire::always(token());
    let client = Client::new(provider(), web(), &wire.http()).unwrap();
    exchange(&client).await.unwrap();
    assert!(letter(&wire.seen()[0]).starts_with("POST https://acme.example/apps/my-client/token\n"));
    for id in ["../x", "a/b", "a?b", "..", "a b"] {
        let registration = vouchsafe::Registration::new(id).secret("s");
        let http: Http = wire.http();
        assert_eq!(Client::new(provider(), registration, &http).unwrap_err().code(), "client_id", "{id}");
    }
}

#[tokio::test]
async fn the_scopes_go_along_with_the_code_where_they_are_wanted() {
    let more = "scopes = [\"a\", \"b\"]\nscope_separator = \",\"\n[token]\nscope = true\nnames = { scope = \"rights\" }";
    let asked = |scope: &str| {
        format!(
            "POST https://acme.example/token\naccept: application/json\n\
             content-type: application/x-www-form-urlencoded\n\n\
             grant_type=authorization_code&code=code-1&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback\
             {scope}&client_id=my-client&client_secret=my-client-secret"
        )
    };
    assert_eq!(request(more).await, asked("&rights=a%2Cb"));
    assert_eq!(request("[token]\nscope = true").await, asked(""), "there is none");

    // Those of the login, not the provider's own.
    let (client, wire) = answered(more, token());
    let login = client.login().scope("c").await.unwrap();
    let query = format!("code=code-1&state={}", crate::wire::param(&login.url, "state").unwrap());
    client.finish(login.pending, arrived(&query)).await.unwrap();
    assert!(letter(&wire.seen()[0]).contains("&rights=c&client_id="), "{}", letter(&wire.seen()[0]));

    let (client, wire) = answered("scopes = [\"a\"]\n[token]\nscope = true", token());
    let code = client.manual().authorization_code("code-1", crate::scenario::REDIRECT_URI);
    code.extra("scope", "c").await.unwrap();
    assert_eq!(wire.only(), asked("&scope=c"));
}
