//! How long what is good for, where an application wants it otherwise.
use std::time::Duration;

use serde_json::json;
use vouchsafe::{Client, Error, Tokens};

use crate::scenario::{Scenario, now};

const OPENID: &str = "/.well-known/openid-configuration";

async fn log_in(scenario: &Scenario, client: &Client) -> Result<Tokens, Error> {
    let login = client.login().await?;
    let query = scenario.callback(&login.url);
    client.finish(login.pending, &query).await
}

#[tokio::test]
async fn a_providers_clock_may_be_off_by_as_much_as_is_said() {
    let minute = |n: u64| Duration::from_secs(60 * n);
    let expired = |seconds: u64| Scenario::openid().claim("exp", json!(now() - seconds));
    let early = |seconds: u64| Scenario::openid().claim("iat", json!(now() + seconds));
    for (scenario, skew, expected) in [
        (expired(20), None, "ok"),
        (expired(60), None, "expired"),
        (expired(60), Some(minute(2)), "ok"),
        (expired(5), Some(Duration::ZERO), "expired"),
        (early(60), None, "not_yet_valid"),
        (early(60), Some(minute(2)), "ok"),
        // Beyond five minutes no wish is heard.
        (expired(280), Some(Duration::MAX), "ok"),
        (expired(320), Some(Duration::MAX), "expired"),
    ] {
        let client = scenario.built(|client| match skew {
            Some(skew) => client.clock_skew(skew),
            None => client,
        });
        let outcome = log_in(&scenario, &client).await;
        assert_eq!(outcome.as_ref().map_or_else(Error::code, |_| "ok"), expected, "{skew:?}");
    }
}

#[tokio::test]
async fn metadata_and_keys_are_fetched_anew_as_often_as_is_said() {
    let scenario = Scenario::openid();
    let client = scenario.built(|client| client.metadata_age(Duration::ZERO).keys_age(Duration::ZERO));
    log_in(&scenario, &client).await.unwrap();
    let (metadata, keys) = (scenario.wire.seen_at(OPENID).len(), scenario.wire.seen_at("/jwks").len());
    log_in(&scenario, &client).await.unwrap();
    assert!(scenario.wire.seen_at(OPENID).len() > metadata && scenario.wire.seen_at("/jwks").len() > keys);

    let longest = Duration::MAX;
    let client = scenario.built(|client| client.metadata_age(longest).keys_age(longest).cool_down(longest));
    log_in(&scenario, &client).await.unwrap();
    let seen = scenario.wire.seen_at(OPENID).len() + scenario.wire.seen_at("/jwks").len();
    log_in(&scenario, &client).await.unwrap();
    assert_eq!(scenario.wire.seen_at(OPENID).len() + scenario.wire.seen_at("/jwks").len(), seen);
}

#[tokio::test]
async fn tokens_of_unknown_keys_bring_about_as_many_fetches_as_is_said() {
    for (pause, fetches) in [(None, 3), (Some(Duration::ZERO), 6), (Some(Duration::MAX), 3)] {
        let scenario = Scenario::openid().header("kid", json!("unknown"));
        let client = scenario.built(|client| match pause {
            Some(pause) => client.cool_down(pause),
            None => client,
        });
        for _ in 0..5 {
            assert_eq!(log_in(&scenario, &client).await.unwrap_err().code(), "unknown_key");
        }
        assert_eq!(scenario.wire.seen_at("/jwks").len(), fetches, "{pause:?}");
    }
}

#[tokio::test]
async fn so_many_keys_are_looked_at_as_is_said() {
    // The key that signs is the last of them.
    let many = || {
        let scenario = Scenario::openid();
        let another = json!({"kty": "OKP", "crv": "Ed25519", "kid": "another",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        let mut keys = vec![another; 500];
        keys.extend(scenario.op().jwks["keys"].as_array().unwrap().clone());
        scenario.with(|op| op.jwks = json!({ "keys": keys }))
    };
    assert_eq!(many().verdict().await, "unknown_key");
    let scenario = many();
    assert!(log_in(&scenario, &scenario.built(|client| client.max_keys(501))).await.is_ok());
}
