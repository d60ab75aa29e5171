//! FAPI 2.0: one setting that requires and forbids.
use serde_json::{Value, json};
use vouchsafe::{Client, ClientAuth, Credential, Error, Profile, Provider, Registration, SigningKey};

use super::certificate::certificate;
use super::{key, opened};
use crate::forge;
use crate::scenario::{CLIENT_ID, CODE, ISSUER, Scenario, arrived, now, public, web};
use crate::wire::{self, field, header, param};

/// A provider as FAPI 2.0 wants it.
fn provider() -> Scenario {
    Scenario::openid()
        .alg("PS256")
        .metadata("id_token_signing_alg_values_supported", json!(["PS256", "RS256"]))
        .metadata("pushed_authorization_request_endpoint", json!("https://op.example/par"))
        .metadata("token_endpoint_auth_methods_supported", json!(["private_key_jwt", "tls_client_auth"]))
        .token("token_type", json!("DPoP"))
        .at("/par", wire::json(201, json!({"request_uri": "urn:r", "expires_in": 60})))
}

fn strong(client: &SigningKey, dpop: &SigningKey) -> Registration {
    public().credential(Credential::private_key(client.clone())).dpop(dpop.clone())
}

#[tokio::test]
async fn the_security_profile_turns_everything_on() {
    // FAPI 2.0 §5.3.3.1, §5.3.3.2.
    // An RSA key without an algorithm signs by PS256 alone (section 5.4.1).
    let rsa = SigningKey::from_pem(SigningKey::generate_pem("RS256").unwrap()).unwrap();
    let dpop = key("ES256");
    let scenario = provider().registration(strong(&rsa, &dpop));
    let client = scenario.built(|b| b.profile(Profile::Fapi2Security));
    let login = client.login().await.unwrap();
    let seen = scenario.wire.seen_at("/par");
    let (jose, claims) = opened(&field(&seen[0], "client_assertion").unwrap(), &rsa);
    assert_eq!((&jose["alg"], &claims["aud"]), (&json!("PS256"), &json!(ISSUER)));
    assert!(header(&seen[0], "dpop").is_some());
    for (name, value) in [("response_type", "code"), ("code_challenge_method", "S256")] {
        assert_eq!(field(&seen[0], name).as_deref(), Some(value));
    }
    assert_eq!(param(&login.url, "request_uri").as_deref(), Some("urn:r"));
}

#[tokio::test]
async fn a_response_without_iss_is_refused_even_if_nothing_is_announced() {
    // Section 5.3.3.2: RFC 9207.
    let scenario = provider()
        .metadata("authorization_response_iss_parameter_supported", json!(false))
        .registration(strong(&key("ES256"), &key("ES256")));
    let client = scenario.built(|b| b.profile(Profile::Fapi2Security));
    let login = client.login().await.unwrap();
    let state = field(&scenario.wire.seen_at("/par")[0], "state").unwrap();
    let error =
        client.finish(login.pending, arrived(&format!("code={CODE}&state={state}"))).await.unwrap_err();
    assert_eq!(error.code(), "missing_issuer");
}

/// The verdict on a login whose ID token is signed by that algorithm.
async fn verdict(alg: &str) -> String {
    let scenario = provider().alg(alg).registration(strong(&key("ES256"), &key("ES256")));
    let client = scenario.built(|b| b.profile(Profile::Fapi2Security));
    let login = client.login().await.unwrap();
    let pushed = scenario.wire.seen_at("/par").pop().unwrap();
    let scenario = scenario.with(|op| op.claims["nonce"] = field(&pushed, "nonce").into());
    let state = field(&pushed, "state").unwrap();
    let came = arrived(&format!("code={CODE}&state={state}&iss=https%3A%2F%2Fop.example"));
    let outcome = client.finish(login.pending, came).await;
    drop(scenario);
    outcome.map_or_else(|error| error.code().to_owned(), |_| "ok".to_owned())
}

#[tokio::test]
async fn id_tokens_are_signed_by_its_algorithms_alone() {
    // Section 5.4.1: RS256 is forbidden, even if the provider announces it; ES256 is not announced here.
    assert_eq!(verdict("PS256").await, "ok");
    assert_eq!(verdict("RS256").await, "algorithm");
    assert_eq!(verdict("ES256").await, "algorithm");
    assert_eq!(verdict("none").await, "algorithm");
}

#[test]
fn what_the_profile_forbids_is_refused_when_the_client_is_made() {
    // FAPI 2.0 §5.3.3.1, §5.4.1.
    let http = provider().wire.http();
    let build = |registration: Registration| {
        Client::builder(Provider::openid(ISSUER), registration).profile(Profile::Fapi2Security).build(&http)
    };
    let refused = |registration, code: &str, words: &str| {
        let error: Error = build(registration).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains("FAPI 2.0") && error.to_string().contains(words), "{error}");
    };
    let (es, rs) = (key("ES256"), key("RS256"));
    refused(web().dpop(es.clone()), "client_auth", "private key");
    refused(public().dpop(es.clone()), "client_auth", "private key");
    refused(public().credential(Credential::private_key(es.clone())), "signing_key", "bound");
    refused(strong(&rs, &es), "signing_key", "PS256");
    refused(strong(&es, &rs), "signing_key", "PS256");
    let beside_a_secret = web().certificate(certificate()).client_auth(ClientAuth::ClientSecretBasic);
    refused(beside_a_secret, "client_auth", "private_key_jwt");
    build(strong(&es, &es)).unwrap();
}

#[tokio::test]
async fn message_signing_signs_requests_and_wants_signed_responses() {
    // FAPI 2.0 Message Signing §5.4.2.
    let (client_key, dpop) = (key("ES256"), key("ES256"));
    let scenario = provider().registration(strong(&client_key, &dpop));
    let client = scenario.built(|b| b.profile(Profile::Fapi2MessageSigning));
    let login = client.login().await.unwrap();
    assert_eq!(param(&login.url, "request_uri").as_deref(), Some("urn:r"));
    let pushed = scenario.wire.seen_at("/par").pop().unwrap();
    let (_, claims) = opened(&field(&pushed, "request").unwrap(), &client_key);
    assert_eq!(claims["response_mode"], json!("jwt"));
    let scenario = scenario.with(|op| op.claims["nonce"] = claims["nonce"].clone());
    let response =
        json!({"iss": ISSUER, "aud": CLIENT_ID, "exp": now() + 60, "code": CODE, "state": claims["state"]});
    let jwt = |alg: &str| {
        let header: Value = json!({"alg": alg, "kid": "rsa"});
        forge::jwt(alg, "rsa", &header, &response.to_string())
    };
    // A response that is signed by a forbidden algorithm is none.
    let weak = arrived(&format!("response={}", jwt("RS256")));
    let again = client.login().await.unwrap();
    assert_eq!(client.finish(again.pending, weak).await.unwrap_err().code(), "algorithm");
    client.finish(login.pending, arrived(&format!("response={}", jwt("PS256")))).await.unwrap();
    drop(scenario);
}
