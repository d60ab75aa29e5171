//! A sandbox that behaves as FAPI 2.0 requires.

use serde_json::{Map, Value, json};
use vouchsafe_sandbox::{ClientConfig, PersonError, Sandbox, SandboxBuilder};

use crate::scenario::{Reply, Scenario, jose_header, query_value};
use crate::signer::{ASSERTION_TYPE, Key, borrowed, hash, now, proof_claims, said};

const ID: &str = "bank";

struct Bank {
    scenario: Scenario,
    key: Key,
}

impl Bank {
    async fn new(change: fn(SandboxBuilder) -> SandboxBuilder) -> Self {
        let key = Key::new("ES256");
        let client =
            ClientConfig::confidential(ID, "a secret that is long enough for HS256").jwks(key.jwks());
        let builder = Sandbox::builder().client(client);
        Self { scenario: Scenario::with(change(builder)).await, key }
    }

    async fn push(&self, more: &[(&str, &str)]) -> Reply {
        let form = self.scenario.request_of(ID, more);
        self.scenario.post_signed(&self.key, ID, "/par", &borrowed(&form)).await
    }

    async fn code(&self) -> String {
        let pushed = self.push(&[]).await;
        assert_eq!(pushed.status, 201, "{}", pushed.body);
        self.scenario.code_at(&self.url(&pushed)).await
    }

    fn url(&self, pushed: &Reply) -> String {
        let uri = pushed.json()["request_uri"].as_str().unwrap().to_owned();
        self.scenario.referring_url(ID, "request_uri", &uri)
    }

    async fn token(&self, form: &[(&str, &str)]) -> Reply {
        let proof = self.key.proof(&proof_claims(&self.scenario, "POST", "/token"));
        self.scenario.post_proven(&self.key, ID, "/token", form, Some(&proof)).await
    }
}

#[tokio::test]
async fn whole_login_works_as_the_profile_says() {
    let bank = Bank::new(SandboxBuilder::fapi2).await;
    let tokens = bank.token(&Scenario::redemption(&bank.code().await)).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    let tokens = tokens.json();
    assert_eq!(
        (&tokens["token_type"], jose_header(&tokens["id_token"])["alg"].as_str()),
        (&json!("DPoP"), Some("PS256"))
    );
    let token = tokens["access_token"].as_str().unwrap();
    let mut claims = proof_claims(&bank.scenario, "GET", "/resource");
    claims["ath"] = hash(token).into();
    let (authorization, proof) = (format!("DPoP {token}"), bank.key.proof(&claims));
    let headers = [("authorization", authorization.as_str()), ("dpop", &proof)];
    assert_eq!(bank.scenario.send("GET", "/resource", &headers, None).await.status, 200);
    // 5.3.2.1: no rotation.
    for _ in 0..2 {
        let form =
            [("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"].as_str().unwrap())];
        let refreshed = bank.token(&form).await;
        assert_eq!((refreshed.status, refreshed.json().get("refresh_token")), (200, None));
    }
}

#[tokio::test]
async fn plain_request_is_refused_5_3_2_2() {
    let bank = Bank::new(SandboxBuilder::fapi2).await;
    let plain = bank.scenario.authorization_url(&[("client_id", ID)]);
    let refused = bank.scenario.person().allow(&plain).await.unwrap_err();
    assert!(matches!(refused, PersonError::Refused { status: 400, .. }), "{refused:?}");
    let pushed = bank.push(&[]).await;
    let more = format!("{}&scope=openid", bank.url(&pushed));
    assert!(bank.scenario.person().allow(&more).await.is_err());
}

#[tokio::test]
async fn each_refusal_names_its_section() {
    let bank = Bank::new(SandboxBuilder::fapi2).await;
    for (params, named) in [
        (&[("code_challenge", ""), ("code_challenge_method", "")][..], "5.3.2.2"),
        (&[("code_challenge_method", "plain")], "5.3.2.2"),
    ] {
        let reply = bank.push(params).await;
        assert!(reply.status == 400 && said(&reply).contains(named), "{}", reply.body);
    }
    // Client authentication.
    let form = bank.scenario.request_of(ID, &[("client_secret", "a secret that is long enough for HS256")]);
    let by_secret = bank.scenario.post_bare("/par", &borrowed(&form)).await;
    assert!(by_secret.status == 401 && said(&by_secret).contains("5.3.2.1"), "{}", by_secret.body);
    let form = bank.scenario.request_of(bank.scenario.sandbox.public_client_id(), &[]);
    let public = bank.scenario.post_bare("/par", &borrowed(&form)).await;
    assert!(public.status == 401 && said(&public).contains("5.3.2.1"), "{}", public.body);
    // Tokens that are not bound.
    let code = bank.code().await;
    let unbound = bank.scenario.post_signed(&bank.key, ID, "/token", &Scenario::redemption(&code)).await;
    unbound.assert_error(400, "invalid_dpop_proof");
    assert!(said(&unbound).contains("5.3.2.1"), "{}", unbound.body);
    // Old audiences, even if the setting allows them.
    let old = Bank::new(|builder| builder.accept_old_audiences().fapi2()).await;
    let assertion =
        old.key.assertion(&old.scenario.sandbox, ID, |claims| claims["aud"] = json!([claims["aud"]]));
    let form = [("token", "x"), ("client_assertion_type", ASSERTION_TYPE), ("client_assertion", &assertion)];
    old.scenario.post_bare("/introspect", &form).await.assert_error(401, "invalid_client");
}

#[tokio::test]
async fn only_three_algorithms_sign_5_4_1() {
    for (alg, is_good) in
        [("ES256", true), ("PS256", true), ("EdDSA", true), ("RS256", false), ("ES384", false)]
    {
        let key = Key::new(alg);
        let client = ClientConfig::public(ID).jwks(key.jwks());
        let scenario = Scenario::with(Sandbox::builder().client(client).fapi2()).await;
        let reply = scenario.post_signed(&key, ID, "/introspect", &[("token", "x")]).await;
        assert_eq!(reply.status == 200, is_good, "{alg}: {}", reply.body);
        assert!(is_good || said(&reply).contains("5.4.1"), "{}", reply.body);
    }
    let bank = Bank::new(SandboxBuilder::fapi2).await;
    let code = bank.code().await;
    let proof = Key::new("RS256").proof(&proof_claims(&bank.scenario, "POST", "/token"));
    let reply =
        bank.scenario.post_proven(&bank.key, ID, "/token", &Scenario::redemption(&code), Some(&proof)).await;
    assert!(reply.status == 400 && said(&reply).contains("5.4.1"), "{}", reply.body);
}

#[tokio::test]
async fn metadata_announces_the_profile() {
    let bank = Bank::new(SandboxBuilder::fapi2).await;
    let metadata = bank.scenario.get("/.well-known/openid-configuration").await.json();
    let three = json!(["PS256", "ES256", "EdDSA"]);
    for name in [
        "id_token_signing_alg_values_supported",
        "dpop_signing_alg_values_supported",
        "token_endpoint_auth_signing_alg_values_supported",
        "request_object_signing_alg_values_supported",
    ] {
        assert_eq!(metadata[name], three, "{name}");
    }
    assert_eq!(metadata["token_endpoint_auth_methods_supported"], json!(["private_key_jwt"]));
    assert_eq!(metadata["require_pushed_authorization_requests"], true);
    assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
}

#[tokio::test]
async fn message_signing_wants_signed_requests_and_signed_responses() {
    let bank = Bank::new(SandboxBuilder::fapi2_message_signing).await;
    let unsigned = bank.push(&[("response_mode", "jwt")]).await;
    assert!(unsigned.status == 400 && said(&unsigned).contains("signed request object"), "{}", unsigned.body);
    let claims = |mode: &str| {
        let params = bank.scenario.request_of(ID, &[("response_mode", mode)]);
        let params = params.into_iter().map(|(name, value)| (name, Value::from(value)));
        let mut claims = Value::Object(params.collect::<Map<_, _>>());
        for (name, value) in [("iss", json!(ID)), ("nbf", json!(now())), ("exp", json!(now() + 60))] {
            claims[name] = value;
        }
        claims["aud"] = bank.scenario.sandbox.issuer().into();
        claims
    };
    let push = async |claims: &Value| {
        let object = bank.key.sign(&bank.key.header(), claims);
        bank.scenario.post_signed(&bank.key, ID, "/par", &[("request", &object)]).await
    };
    let plain = push(&claims("query")).await;
    assert!(plain.status == 400 && said(&plain).contains("5.4.2"), "{}", plain.body);
    for (name, named) in [("nbf", "nbf is missing"), ("exp", "exp is missing")] {
        let mut claims = claims("jwt");
        claims.as_object_mut().unwrap().remove(name);
        let reply = push(&claims).await;
        assert!(reply.status == 400 && said(&reply).contains(named), "{}", reply.body);
    }
    let mut long = claims("jwt");
    long["exp"] = json!(now() + 4000);
    assert!(said(&push(&long).await).contains("5.3.1"));
    let pushed = push(&claims("jwt")).await;
    assert_eq!(pushed.status, 201, "{}", pushed.body);
    let callback = bank.scenario.person().allow(&bank.url(&pushed)).await.unwrap();
    assert!(query_value(&callback, "response").is_some(), "{callback}");
}
