//! How token answers are read.
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use vouchsafe::http::Response;
use vouchsafe::{Error, Tokens};

use super::{answered, exchange};
use crate::scenario::{Held, arrived};
use crate::wire::{answer, json};

async fn tokens(more: &str, response: Response) -> Result<Tokens, Error> {
    exchange(&answered(more, response).0).await
}

async fn code(more: &str, response: Response) -> String {
    tokens(more, response).await.unwrap_err().code().to_owned()
}

/// An answer with those members besides a token.
fn with(more: Value) -> Response {
    let mut body = json!({"access_token": "at", "token_type": "Bearer"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json(200, body)
}

/// In how many seconds a token expires.
fn lifetime(tokens: &Tokens) -> Option<u64> {
    let at = tokens.expires_at()?;
    Some(at.duration_since(SystemTime::now() - Duration::from_secs(1)).unwrap().as_secs())
}

#[tokio::test]
async fn the_members_are_where_the_definition_says() {
    let body = json!({
        "ok": true, "refresh_token": "not-this-one", "error": null, "team": {"id": "T1"},
        "data": {"user": {"accessToken": "at", "token_type": "Bearer", "expire": 60, "open_id": "o"}},
    });
    let more = "[token]\nresponse = [\"/data/user\"]\nresponse_names = { access_token = \"accessToken\", expires_in = \"expire\" }";
    let tokens = tokens(more, json(200, body)).await.unwrap();
    assert_eq!(tokens.access_token().expose(), "at");
    assert_eq!(lifetime(&tokens), Some(60));
    assert!(tokens.refresh_token().is_none(), "what stands beside is no part of the token");
    assert_eq!(tokens.extra("open_id").unwrap().as_str(), Some("o"));
    assert_eq!(tokens.extra("team").unwrap()["id"].as_str(), Some("T1"));
    assert_eq!(code(more, json(200, json!({"data": {}}))).await, "missing_field");
    assert_eq!(code(more, json(200, json!({"data": {"user": {}}}))).await, "missing_field");
    assert_eq!(code(more, json(200, json!({"error": "invalid_grant"}))).await, "invalid_grant");
    assert_eq!(
        code(more, json(200, json!({"data": {"user": {"error": "invalid_grant"}}}))).await,
        "invalid_grant"
    );
}

#[tokio::test]
async fn a_response_that_is_wrapped_now_and_then_is_read_either_way() {
    let more = "[token]\nresponse = [\"/data/0\", \"\"]";
    let token = json!({"access_token": "at", "token_type": "Bearer", "user_id": 7});
    for body in [
        json!({"data": [token]}),
        token.clone(),
        json!({"data": [], "access_token": "at", "token_type": "Bearer", "user_id": 7}),
    ] {
        let tokens = tokens(more, json(200, body)).await.unwrap();
        assert_eq!(
            (tokens.access_token().expose(), tokens.extra("user_id").unwrap().as_i64()),
            ("at", Some(7))
        );
    }
    // The token of the first place counts, and nothing of the other is a part of it.
    let both = json!({"data": [token], "access_token": "other", "refresh_token": "other"});
    let tokens = tokens(more, json(200, both)).await.unwrap();
    assert_eq!((tokens.access_token().expose(), tokens.refresh_token()), ("at", None));
    assert_eq!(code(more, json(200, json!({"data": [{}]}))).await, "missing_field");
    assert_eq!(code(more, json(200, json!([token]))).await, "missing_field");
    let more = "[token]\nresponse = [\"/a\", \"/b\"]";
    assert_eq!(code(more, json(200, json!({"b": [token]}))).await, "missing_field");
}

#[tokio::test]
async fn a_form_is_read_where_responses_may_be_forms() {
    let more = "[token]\nform_response = true";
    let form = "access_token=a%2Bt&scope=a%2Cb&token_type=bearer&expires_in=60";
    for kind in ["application/x-www-form-urlencoded; charset=utf-8", "text/plain"] {
        let tokens = tokens(more, answer(200, kind, form)).await.unwrap();
        assert_eq!(tokens.access_token().expose(), "a+t");
        assert_eq!(lifetime(&tokens), Some(60));
    }
    assert!(tokens(more, with(json!({}))).await.is_ok(), "and JSON is still read");
    assert!(
        tokens(more, answer(200, "text/plain", r#"{"access_token":"a","token_type":"bearer"}"#))
            .await
            .is_ok()
    );
    for (kind, body, expected) in [
        ("text/html", form, "content_type"),
        ("text/plain", "access_token=a&access_token=b&token_type=bearer", "json"),
        ("text/plain", "access_token", "json"),
        ("text/plain", "", "json"),
        ("text/plain", "access_token=%zz&token_type=bearer", "json"),
        ("text/plain", "access_token=a%0d%0ab&token_type=bearer", "invalid_field"),
        ("text/plain", "error=invalid_grant&access_token=a", "invalid_grant"),
        ("application/json", form, "json"),
    ] {
        assert_eq!(code(more, answer(200, kind, body)).await, expected, "{body}");
    }
    assert_eq!(code(more, answer(400, "text/plain", "error=invalid_grant")).await, "invalid_grant");
    assert_eq!(code("", answer(200, "application/x-www-form-urlencoded", form)).await, "content_type");
}

#[test]
fn a_response_from_elsewhere_is_a_form_where_responses_may_be_forms() {
    let read = |more: &str, body: &str| {
        let (client, wire) = answered(more, json(500, json!({})));
        let read = client.manual().read_token_response(body);
        assert!(wire.seen().is_empty());
        read.map(|tokens| tokens.access_token().expose().to_owned()).map_err(|e| e.code().to_owned())
    };
    let (forms, form) = ("[token]\nform_response = true", "access_token=a%2Bt&token_type=bearer");
    assert_eq!(read(forms, form).as_deref(), Ok("a+t"));
    let object = " {\"access_token\":\"a+t\",\"token_type\":\"bearer\"}";
    for more in ["", forms] {
        assert_eq!(read(more, object).as_deref(), Ok("a+t"));
    }
    assert_eq!(read("", form).unwrap_err(), "json");
}

#[tokio::test]
async fn json_under_another_name_is_read_where_the_definition_says_so() {
    let body = r#"{"access_token":"a","token_type":"Bearer"}"#;
    let more = "[token]\ncontent_types = [\"text/plain\", \"text/javascript\"]";
    for kind in ["text/plain;charset=UTF-8", "TEXT/JavaScript"] {
        assert!(tokens(more, answer(200, kind, body)).await.is_ok());
    }
    assert_eq!(code(more, answer(200, "text/html", body)).await, "content_type");
}

#[tokio::test]
async fn lifetimes_are_counted_as_the_provider_counts() {
    let more = "[token]\nexpires_in_milliseconds = true\nexpires_in_zero_is_never = true";
    for (expires_in, expected) in [(json!(60_000), Some(60)), (json!("60000"), Some(60)), (json!(0), None)] {
        let tokens = tokens(more, with(json!({"expires_in": expires_in}))).await.unwrap();
        assert_eq!(lifetime(&tokens), expected);
    }
    assert!(tokens("", with(json!({"expires_in": 0}))).await.unwrap().is_expired());
}

#[tokio::test]
async fn an_expiry_may_be_written_out() {
    let tokens_with = |at: &'static str| tokens("", with(json!({"expires_at": at})));
    let at = tokens_with("2006-03-16T23:18:38Z").await.unwrap().expires_at().unwrap();
    assert_eq!(at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs(), 1_142_551_118);
    for wrong in ["soon", "2006-03-16", "2006-13-16T23:18:38Z"] {
        let tokens = tokens_with(wrong).await.unwrap();
        assert_eq!((tokens.expires_at(), tokens.warnings()[0].code()), (None, "expires_in"), "{wrong}");
    }
}

#[tokio::test]
async fn scopes_may_be_a_list() {
    for more in ["", "[token]\nscope_separators = \",\""] {
        let tokens = tokens(more, with(json!({"scope": ["read:user", "email"]}))).await.unwrap();
        assert_eq!(tokens.scopes().collect::<Vec<_>>(), ["read:user", "email"]);
    }
    for wrong in [json!([1]), json!({}), json!(7), json!([["a"]])] {
        assert_eq!(code("", with(json!({"scope": wrong}))).await, "invalid_field");
    }
}

#[tokio::test]
async fn a_type_of_its_own_is_a_bearer_token_where_the_definition_says_so() {
    let more = "[token]\ntoken_type_absent = true";
    for kind in [json!(null), json!("user"), json!("Bearer"), json!("access_token")] {
        assert!(tokens(more, with(json!({"token_type": kind}))).await.is_ok());
        assert_eq!(tokens("", with(json!({"token_type": kind}))).await.is_ok(), kind == "Bearer");
    }
    for kind in ["DPoP", "dpop", "mac"] {
        assert_eq!(code(more, with(json!({"token_type": kind}))).await, "token_type");
    }
}

#[tokio::test]
async fn a_failure_in_the_provider_s_words_is_one() {
    let more = "[token]\nerror_codes = { \"40029\" = \"invalid_grant\" }\n\
        [token.failure]\ncode = \"/errcode\"\nsuccess = [\"0\", \"true\"]\ndescription = \"/errmsg\"";
    let error = tokens(more, with(json!({"errcode": 40029, "errmsg": "invalid code"}))).await.unwrap_err();
    assert_eq!((error.code(), error.status()), ("invalid_grant", Some(200)));
    assert!(error.needs_login() && error.to_string().ends_with(": invalid code"), "{error}");
    for fine in [
        json!({}),
        json!({"errcode": 0}),
        json!({"errcode": "0"}),
        json!({"errcode": true}),
        json!({"errcode": null}),
    ] {
        assert!(tokens(more, with(fine.clone())).await.is_ok(), "{fine}");
    }
    for (odd, expected) in [(json!(-1), "-1"), (json!({}), "unknown_error"), (json!(false), "false")] {
        assert_eq!(code(more, with(json!({"errcode": odd}))).await, expected);
    }
    let error = tokens(more, json(403, json!({"errcode": 7, "errmsg": "no code-1 here"}))).await.unwrap_err();
    assert_eq!((error.code(), error.status()), ("7", Some(403)));
    assert!(!error.to_string().contains("code-1"), "{error}");
}

#[tokio::test]
async fn the_provider_s_codes_are_put_in_the_rfcs_words() {
    let more = "[token]\nerror_codes = { bad_refresh_token = \"invalid_grant\", user_cancelled = \"access_denied\" }";
    let (client, _) = answered(more, json(200, json!({"error": "bad_refresh_token"})));
    let error =
        client.refresh(&client.held(json!({"access_token": "a", "refresh_token": "r"}))).await.unwrap_err();
    assert!(error.code() == "invalid_grant" && error.needs_login());

    let login = client.login().await.unwrap();
    let state = crate::wire::param(&login.url, "state").unwrap();
    let query = format!("error=user_cancelled&state={state}");
    assert!(client.finish(login.pending, arrived(&query)).await.unwrap_err().is_denied());
}

#[tokio::test]
async fn scopes_that_are_asked_for_with_commas_are_granted_with_commas() {
    for (more, granted, expected) in [
        ("scope_separator = \",\"", "read,write", &["read", "write"][..]),
        ("scope_separator = \",\"", "read write", &["read", "write"]),
        ("scope_separator = \",\"", "read, write", &["read", "write"]),
        ("scope_separator = \";\"", "read;write", &["read", "write"]),
        ("", "read,write", &["read,write"]),
    ] {
        let answer = json!({"access_token": "at", "token_type": "Bearer", "scope": granted});
        let tokens = tokens(more, json(200, answer)).await.unwrap();
        assert_eq!(tokens.scopes().collect::<Vec<_>>(), expected, "{more} {granted}");
    }
}

#[tokio::test]
async fn an_id_token_alone_is_told_with_what_brings_an_access_token() {
    let error =
        tokens("", json(200, json!({"id_token": "a.b.c", "token_type": "Bearer"}))).await.unwrap_err();
    assert_eq!(error.code(), "missing_field");
    let message = error.to_string();
    assert!(message.contains("has an ID token, but no access_token: request a scope of an API"), "{message}");
}
