//! Client authentication by a signed assertion: `private_key_jwt` and `client_secret_jwt`.

use std::time::Duration;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use vouchsafe_sandbox::{ClientConfig, Sandbox};

use crate::scenario::{Scenario, basic};
use crate::signer::{ASSERTION_TYPE, Key, assertion_claims, by_secret, now, said, signed, unique};

const ID: &str = "bank";

async fn bank(key: &Key) -> Scenario {
    Scenario::with(Sandbox::builder().client(ClientConfig::public(ID).jwks(key.jwks()))).await
}

/// The status and the description at the introspection endpoint, for a client that authenticates so.
async fn authenticate(scenario: &Scenario, assertion: &str, more: &[(&str, &str)]) -> (u16, String) {
    let form = [
        &[("token", "x"), ("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion)][..],
        more,
    ];
    let reply = scenario.post_bare("/introspect", &form.concat()).await;
    let said = if reply.status == 200 { String::new() } else { said(&reply) };
    (reply.status, said)
}

#[tokio::test]
async fn every_algorithm_signs_an_assertion_rfc7518_3_1() {
    for alg in ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"] {
        let key = Key::new(alg);
        let scenario = bank(&key).await;
        let assertion = key.assertion(&scenario.sandbox, ID, |_| ());
        assert_eq!(authenticate(&scenario, &assertion, &[]).await.0, 200, "{alg}");
    }
}

#[tokio::test]
async fn assertion_authenticates_at_every_endpoint_where_a_client_does() {
    let key = Key::new("ES256");
    let scenario = bank(&key).await;
    let code = scenario.code(&[("client_id", ID)]).await;
    let tokens = scenario.post_signed(&key, ID, "/token", &Scenario::redemption(&code)).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    let token = tokens.json()["access_token"].as_str().unwrap().to_owned();
    for (path, status) in [("/introspect", 200), ("/revoke", 200), ("/par", 400)] {
        let reply = scenario.post_signed(&key, ID, path, &[("token", &token)]).await;
        assert_eq!(reply.status, status, "{path}: {}", reply.body);
        let bare = scenario.post_bare(path, &[("token", &token), ("client_id", ID)]).await;
        bare.assert_error(401, "invalid_client");
        assert!(said(&bare).contains("client assertion"), "{}", bare.body);
    }
}

#[tokio::test]
async fn each_wrong_claim_is_refused_and_named_rfc7523_3() {
    let key = Key::new("ES256");
    let scenario = bank(&key).await;
    let issuer = scenario.sandbox.issuer().to_owned();
    let token_endpoint = format!("{issuer}/token");
    for (name, value, named) in [
        ("iss", json!("other"), "iss and sub differ"),
        ("iss", Value::Null, "iss is missing"),
        ("sub", json!("sandbox-client"), "iss and sub differ"),
        ("aud", json!("https://elsewhere.example"), "aud is another text"),
        ("aud", Value::Null, "aud is missing"),
        ("aud", json!([issuer]), "aud is a list"),
        ("aud", json!(token_endpoint), "aud is another text"),
        ("exp", Value::Null, "exp is not a time"),
        ("exp", json!(now() - 1), "expired"),
        ("exp", json!(now() + 3600), "ahead"),
        ("iat", json!(now() + 120), "iat is in the future"),
        ("nbf", json!(now() + 120), "nbf is in the future"),
        ("jti", json!(""), "jti is missing"),
        ("jti", json!(7), "jti is missing"),
    ] {
        let assertion = key.assertion(&scenario.sandbox, ID, |claims| claims[name] = value.clone());
        let (status, said) = authenticate(&scenario, &assertion, &[]).await;
        assert_eq!(status, 401, "{name}: {value}");
        assert!(said.contains(named), "{name}: {said}");
    }
    let without = key.assertion(&scenario.sandbox, ID, |claims| {
        claims.as_object_mut().unwrap().remove("exp");
    });
    assert!(authenticate(&scenario, &without, &[]).await.1.contains("exp is missing"));
}

#[tokio::test]
async fn assertion_is_good_once_rfc7523_3() {
    let key = Key::new("ES256");
    let scenario = bank(&key).await;
    let assertion = key.assertion(&scenario.sandbox, ID, |_| ());
    assert_eq!(authenticate(&scenario, &assertion, &[]).await.0, 200);
    let (status, said) = authenticate(&scenario, &assertion, &[]).await;
    assert!(status == 401 && said.contains("jti was used before"), "{said}");
    // The clock that lets tokens expire is not that of the client.
    scenario.sandbox.advance_clock(Duration::from_secs(3600));
    let later = key.assertion(&scenario.sandbox, ID, |_| ());
    assert_eq!(authenticate(&scenario, &later, &[]).await.0, 200);
}

#[tokio::test]
async fn wrong_key_algorithm_or_type_is_refused() {
    let (key, other) = (Key::new("ES256"), Key::new("ES256"));
    let scenario = bank(&key).await;
    let claims = || assertion_claims(&scenario.sandbox, ID);
    let named_after = |header: Value, by: &Key| by.sign(&header, &claims());
    let with = |name: &str, value: Value| {
        let mut header = key.header();
        header[name] = value;
        header
    };
    for (assertion, named) in [
        (other.assertion(&scenario.sandbox, ID, |_| ()), "kid names none"),
        (named_after(key.header(), &other), "signature is not by"),
        (named_after(with("alg", json!("RS256")), &key), "no registered key is one for its algorithm"),
        (named_after(with("crit", json!(["x"])), &key), "crit"),
        (named_after(with("typ", json!("at+jwt")), &key), "typ is neither"),
        (signed(&json!({ "alg": "none" }), &claims(), |_| vec![]), "no registered key"),
        (by_secret("HS256", &unique().repeat(2), &claims()), "the client has no secret"),
        (key.assertion(&scenario.sandbox, "nobody", |_| ()), "no registered client"),
        ("not-a-jwt".to_owned(), "three parts"),
    ] {
        let (status, said) = authenticate(&scenario, &assertion, &[]).await;
        assert!(status == 401 && said.contains(named), "{named}: {said}");
    }
    for typ in ["JWT", "client-authentication+jwt", "application/client-authentication+jwt"] {
        let good = key.sign(&with("typ", json!(typ)), &claims());
        assert_eq!(authenticate(&scenario, &good, &[]).await.0, 200, "{typ}");
    }
}

#[tokio::test]
async fn client_authenticates_by_one_method_and_names_no_other_client_rfc6749_2_3() {
    let key = Key::new("ES256");
    let scenario = bank(&key).await;
    let assertion = || key.assertion(&scenario.sandbox, ID, |_| ());
    let (status, said) = authenticate(&scenario, &assertion(), &[("client_secret", "secret")]).await;
    assert!(status == 400 && said.contains("twice"), "{said}");
    let (status, said) = authenticate(&scenario, &assertion(), &[("client_id", "sandbox-client")]).await;
    assert!(status == 401 && said.contains("not the client_id"), "{said}");
    let form =
        [("token", "x"), ("client_assertion_type", ASSERTION_TYPE), ("client_assertion", &assertion())];
    let header = basic(scenario.sandbox.client_id(), scenario.sandbox.client_secret());
    let both = scenario.send("POST", "/introspect", &[("authorization", &header)], Some(&form)).await;
    both.assert_error(400, "invalid_request");
    let untyped = [("token", "x"), ("client_assertion", &assertion())];
    scenario.post_bare("/introspect", &untyped).await.assert_error(401, "invalid_client");
    let alone = [("token", "x"), ("client_assertion_type", ASSERTION_TYPE)];
    scenario.post_bare("/introspect", &alone).await.assert_error(400, "invalid_request");
}

#[tokio::test]
async fn old_audiences_are_accepted_where_the_setting_says_so() {
    let key = Key::new("ES256");
    let one = ClientConfig::public(ID).jwks(key.jwks()).accept_old_audiences();
    let all = ClientConfig::public(ID).jwks(key.jwks());
    for builder in [Sandbox::builder().client(one), Sandbox::builder().client(all).accept_old_audiences()] {
        let scenario = Scenario::with(builder).await;
        let issuer = scenario.sandbox.issuer();
        for aud in [
            json!([issuer, "https://elsewhere.example"]),
            json!(format!("{issuer}/token")),
            json!(format!("{issuer}/introspect")),
            json!(issuer),
        ] {
            let assertion = key.assertion(&scenario.sandbox, ID, |claims| claims["aud"] = aud.clone());
            assert_eq!(authenticate(&scenario, &assertion, &[]).await.0, 200, "{aud}");
        }
        for aud in [json!(["https://elsewhere.example"]), json!("https://elsewhere.example")] {
            let assertion = key.assertion(&scenario.sandbox, ID, |claims| claims["aud"] = aud.clone());
            assert_eq!(authenticate(&scenario, &assertion, &[]).await.0, 401, "{aud}");
        }
    }
}

#[tokio::test]
async fn client_secret_signs_an_assertion_if_it_is_long_enough_rfc7518_3_2() {
    let secret = unique().repeat(3);
    let client = ClientConfig::confidential(ID, &secret);
    let scenario = Scenario::with(Sandbox::builder().client(client)).await;
    let claims = || assertion_claims(&scenario.sandbox, ID);
    for alg in ["HS256", "HS384", "HS512"] {
        let good = by_secret(alg, &secret, &claims());
        assert_eq!(authenticate(&scenario, &good, &[]).await.0, 200, "{alg}");
        let forged = by_secret(
            alg,
            "another secret that is long enough for every hash function here, really",
            &claims(),
        );
        let (status, said) = authenticate(&scenario, &forged, &[]).await;
        assert!(status == 401 && said.contains("not by the client secret"), "{said}");
    }
    let sandbox = &scenario.sandbox;
    let short = by_secret("HS512", sandbox.client_secret(), &assertion_claims(sandbox, sandbox.client_id()));
    let (status, said) = authenticate(&scenario, &short, &[]).await;
    assert!(status == 401 && said.contains("shorter than the hash"), "{said}");
}

#[tokio::test]
async fn registered_method_is_the_only_one() {
    let key = Key::new("ES256");
    let secret = unique().repeat(2);
    let client = ClientConfig::confidential(ID, &secret).jwks(key.jwks());
    let client = client.token_endpoint_auth_method("private_key_jwt");
    let scenario = Scenario::with(Sandbox::builder().client(client)).await;
    let good = key.assertion(&scenario.sandbox, ID, |_| ());
    assert_eq!(authenticate(&scenario, &good, &[]).await.0, 200);
    let by_hmac = by_secret("HS256", &secret, &assertion_claims(&scenario.sandbox, ID));
    let (status, said) = authenticate(&scenario, &by_hmac, &[]).await;
    assert!(status == 401 && said.contains("registered for private_key_jwt"), "{said}");
    let header = basic(ID, &secret);
    let by_header =
        scenario.send("POST", "/introspect", &[("authorization", &header)], Some(&[("token", "x")])).await;
    by_header.assert_error(401, "invalid_client");
    let by_body = [("token", "x"), ("client_id", ID), ("client_secret", secret.as_str())];
    scenario.post_bare("/introspect", &by_body).await.assert_error(401, "invalid_client");
}

#[tokio::test]
async fn key_is_registered_as_pem_too() {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let pem =
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der.as_ref()));
    let client = ClientConfig::public(ID).public_key_pem(&pem);
    let scenario = Scenario::with(Sandbox::builder().client(client)).await;
    let sign =
        |input: &[u8]| pair.sign(&aws_lc_rs::rand::SystemRandom::new(), input).unwrap().as_ref().to_vec();
    let assertion =
        signed(&json!({ "alg": "ES256", "kid": "any" }), &assertion_claims(&scenario.sandbox, ID), sign);
    assert_eq!(authenticate(&scenario, &assertion, &[]).await.0, 200);
}

#[tokio::test]
async fn key_that_cannot_be_read_stops_the_start() {
    let private = json!({ "kty": "OKP", "crv": "Ed25519", "x": "AA", "d": "AA" });
    for client in [
        ClientConfig::public(ID).jwks(private),
        ClientConfig::public(ID).jwks(json!({ "keys": [{ "kty": "oct", "k": "AA" }] })),
        ClientConfig::public(ID).public_key_pem("nonsense"),
        ClientConfig::public(ID).certificate("nonsense"),
    ] {
        let error = Sandbox::builder().client(client).start().await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("client `bank`"), "{error}");
    }
}

#[tokio::test]
async fn methods_and_algorithms_are_announced() {
    let scenario = Scenario::new().await;
    let metadata = scenario.get("/.well-known/openid-configuration").await.json();
    let has = |name: &str, value: &str| metadata[name].as_array().unwrap().contains(&json!(value));
    for method in ["client_secret_basic", "client_secret_jwt", "private_key_jwt", "none"] {
        assert!(has("token_endpoint_auth_methods_supported", method), "{method}");
    }
    assert!(!has("token_endpoint_auth_methods_supported", "tls_client_auth"));
    assert!(!has("introspection_endpoint_auth_methods_supported", "none"));
    for alg in ["PS256", "ES256", "EdDSA", "HS256"] {
        assert!(has("token_endpoint_auth_signing_alg_values_supported", alg), "{alg}");
    }
    assert!(!has("token_endpoint_auth_signing_alg_values_supported", "none"));
}
