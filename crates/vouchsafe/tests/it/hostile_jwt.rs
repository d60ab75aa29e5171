//! ID tokens of an attacker, and of a provider that is off: types, ids, members twice, times that nobody meant.
use serde_json::{Value, json};

use crate::scenario::{CLIENT_ID, Scenario, now, web};

#[tokio::test]
async fn a_jwt_that_is_explicitly_something_else_is_no_id_token() {
    // RFC 8725 section 3.11; RFC 9068 section 2.1 for access tokens.
    for kind in ["at+jwt", "application/at+jwt", "AT+JWT", "logout+jwt", "dpop+jwt"] {
        assert_eq!(Scenario::openid().header("typ", json!(kind)).verdict().await, "token_type", "{kind}");
    }
    for kind in ["JWT", "jwt", "application/jwt", "absent", ""] {
        assert_eq!(Scenario::openid().header("typ", json!(kind)).verdict().await, "ok", "{kind}");
    }
    for kind in [json!(7), json!(null), json!(["JWT"])] {
        assert_eq!(Scenario::openid().header("typ", kind.clone()).verdict().await, "jwt", "{kind}");
    }
}

#[tokio::test]
async fn an_access_token_may_be_verified_as_what_it_is() {
    let scenario = Scenario::openid().header("typ", json!("at+jwt"));
    let jwt = scenario.op().id_token();
    let verified = scenario.client().manual().verify_jwt(&jwt, Some(CLIENT_ID)).await.unwrap();
    assert_eq!(verified["aud"].as_str(), Some(CLIENT_ID));
}

#[tokio::test]
async fn a_key_id_of_null_is_no_missing_one() {
    assert_eq!(Scenario::openid().header("kid", Value::Null).verdict().await, "jwt");
}

#[tokio::test]
async fn a_member_that_stands_twice_is_found_wherever_it_is() {
    let with = |more: &'static str| {
        Scenario::openid().with(|op| {
            op.payload = Box::new(move |claims| {
                format!("{},{more}}}", claims.strip_suffix('}').expect("claims are an object"))
            });
        })
    };
    assert_eq!(with(r#""address":{"a":1,"b":2}"#).verdict().await, "ok");
    for more in
        [r#""address":{"a":1,"a":2}"#, r#""x":[{"y":{"a":1,"\u0061":2}}]"#, r#""x":"\ud800""#, r#""x":1e999"#]
    {
        assert_eq!(with(more).verdict().await, "jwt", "{more}");
    }
}

#[tokio::test]
async fn a_header_with_a_nested_member_twice_is_refused() {
    let scenario = Scenario::openid().tampered(|jwt| {
        let (_, rest) = jwt.split_once('.').unwrap();
        let header = r#"{"alg":"RS256","kid":"rsa","jwk":{"kty":"RSA","kty":"EC"}}"#;
        format!("{}.{rest}", crate::forge::base64(header))
    });
    assert_eq!(scenario.verdict().await, "jwt");
}

#[tokio::test]
async fn times_that_nobody_meant_are_refused() {
    // RFC 7519 §2: a NumericDate.
    for (claim, value) in [
        ("exp", json!((now() + 300) * 1000)),
        ("exp", json!(1e300)),
        ("iat", json!(-1)),
        ("iat", json!(-0.5)),
    ] {
        let verdict = Scenario::openid().claim(claim, value.clone()).verdict().await;
        assert_eq!(verdict, "invalid_field", "{claim} {value}");
    }
    assert_eq!(Scenario::openid().claim("exp", json!(-1)).verdict().await, "expired");
    assert_eq!(Scenario::openid().claim("iat", json!(0)).verdict().await, "ok");
}

#[tokio::test]
async fn a_subject_holds_no_control_characters() {
    for subject in ["admin\0", "a\nb", "\u{1b}[31m", "a\u{85}"] {
        assert_eq!(Scenario::openid().claim("sub", json!(subject)).verdict().await, "invalid_field");
    }
}

#[tokio::test]
async fn the_same_audience_twice_is_one_audience() {
    let scenario = Scenario::openid().claim("aud", json!([CLIENT_ID, CLIENT_ID]));
    assert_eq!(scenario.verdict().await, "ok");
    let scenario = Scenario::openid().claim("aud", json!([CLIENT_ID, "another"]));
    assert_eq!(scenario.verdict().await, "authorized_party");
}

#[tokio::test]
async fn other_audiences_are_accepted_if_azp_names_the_client_or_each_is_trusted() {
    // Core §3.1.3.7, steps 3 to 5.
    let trusting = || web().trusted_audience("my-api").trusted_audience("other-api");
    let issued = |aud: Value| Scenario::openid().registration(trusting()).claim("aud", aud);
    assert_eq!(issued(json!([CLIENT_ID, "my-api"])).verdict().await, "ok");
    assert_eq!(issued(json!(["other-api", "my-api", CLIENT_ID])).verdict().await, "ok");
    assert_eq!(issued(json!([CLIENT_ID, "my-api", "x"])).verdict().await, "authorized_party");
    // The client itself has to be one of the audiences, and azp says more than any list.
    assert_eq!(issued(json!(["my-api"])).verdict().await, "audience");
    let scenario = issued(json!([CLIENT_ID, "my-api"])).claim("azp", json!("my-api"));
    assert_eq!(scenario.verdict().await, "authorized_party");
    let scenario = issued(json!([CLIENT_ID, "x"])).claim("azp", json!(CLIENT_ID));
    assert_eq!(scenario.verdict().await, "ok");
    // The message names the audience, and accuses nobody.
    let error = issued(json!([CLIENT_ID, "my-api", "x"])).log_in().await.unwrap_err().to_string();
    assert!(error.contains("several audiences") && error.contains("audience x,"), "{error}");
    assert!(error.contains("trusted_audience") && !error.contains("another client"), "{error}");
}
