//! Client authentication by an attestation.

use serde_json::{Value, json};
use vouchsafe_sandbox::{ClientConfig, Sandbox};

use crate::scenario::{Reply, Scenario};
use crate::signer::{Key, now, said, unique};

const ID: &str = "wallet";

struct Wallet {
    scenario: Scenario,
    attester: Key,
    instance: Key,
}

impl Wallet {
    async fn new() -> Self {
        let attester = Key::new("ES256");
        let client = ClientConfig::public(ID).attester_jwks(attester.jwks());
        let scenario = Scenario::with(Sandbox::builder().client(client)).await;
        Self { scenario, attester, instance: Key::new("ES256") }
    }

    fn claims(&self) -> (Value, Value) {
        let attestation = json!({ "iss": "https://attester.example", "sub": ID, "exp": now() + 600, "cnf": { "jwk": self.instance.bare() } });
        let proof = json!({ "aud": self.scenario.sandbox.issuer(), "iat": now(), "jti": unique() });
        (attestation, proof)
    }

    async fn send(&self, attestation: &str, proof: &str) -> Reply {
        let headers = [("OAuth-Client-Attestation", attestation), ("OAuth-Client-Attestation-PoP", proof)];
        let form = [("token", "x"), ("client_id", ID)];
        self.scenario.send("POST", "/introspect", &headers, Some(&form)).await
    }
}

fn sign(key: &Key, typ: &str, claims: &Value) -> String {
    let mut header = key.header();
    header["typ"] = typ.into();
    key.sign(&header, claims)
}

const TYPE: &str = "oauth-client-attestation+jwt";
const PROOF: &str = "oauth-client-attestation-pop+jwt";

#[tokio::test]
async fn attested_instance_authenticates_again_and_again_with_new_proofs() {
    let wallet = Wallet::new().await;
    let (attestation, proof) = wallet.claims();
    let attestation = sign(&wallet.attester, TYPE, &attestation);
    let proof = sign(&wallet.instance, PROOF, &proof);
    let good = wallet.send(&attestation, &proof).await;
    assert_eq!(good.status, 200, "{}", good.body);
    let replayed = wallet.send(&attestation, &proof).await;
    assert!(replayed.status == 401 && said(&replayed).contains("used before"), "{}", replayed.body);
    let another = sign(&wallet.instance, PROOF, &wallet.claims().1);
    assert_eq!(wallet.send(&attestation, &another).await.status, 200);
    let metadata = wallet.scenario.get("/.well-known/openid-configuration").await.json();
    let methods = metadata["token_endpoint_auth_methods_supported"].as_array().unwrap();
    assert!(methods.contains(&json!("attest_jwt_client_auth")));
}

#[tokio::test]
async fn each_mistake_in_an_attestation_or_its_proof_is_named() {
    let wallet = Wallet::new().await;
    for (in_proof, name, value, named) in [
        (false, "sub", json!("other"), "sub is not"),
        (false, "exp", json!(now() - 1), "expired"),
        (false, "nbf", json!(now() + 120), "future"),
        (false, "cnf", json!({}), "cnf has no jwk"),
        (false, "cnf", json!({ "jwk": Key::new("ES256").bare() }), "signature"),
        (true, "aud", json!("https://elsewhere.example"), "aud is not"),
        (true, "aud", json!([wallet.scenario.sandbox.issuer()]), "aud is not"),
        (true, "iss", json!("other"), "iss is not"),
        (true, "iat", json!(now() - 3600), "iat is not close"),
        (true, "jti", json!(""), "jti is missing"),
    ] {
        let (mut attestation, mut proof) = wallet.claims();
        let changed = if in_proof { &mut proof } else { &mut attestation };
        changed[name] = value;
        let attestation = sign(&wallet.attester, TYPE, &attestation);
        let reply = wallet.send(&attestation, &sign(&wallet.instance, PROOF, &proof)).await;
        assert!(reply.status == 401 && said(&reply).contains(named), "{named}: {}", reply.body);
    }
    let (attestation, proof) = wallet.claims();
    let forged = sign(&wallet.instance, TYPE, &attestation);
    let good = sign(&wallet.instance, PROOF, &proof);
    assert_eq!(wallet.send(&forged, &good).await.status, 401);
    let untyped = sign(&wallet.attester, "JWT", &attestation);
    assert!(said(&wallet.send(&untyped, &good).await).contains("typ"));
    let attestation = sign(&wallet.attester, TYPE, &attestation);
    assert!(said(&wallet.send(&attestation, &sign(&wallet.instance, "JWT", &proof)).await).contains("typ"));
    let form = [("token", "x"), ("client_id", ID)];
    let alone = [("OAuth-Client-Attestation", attestation.as_str())];
    wallet
        .scenario
        .send("POST", "/introspect", &alone, Some(&form))
        .await
        .assert_error(400, "invalid_request");
    wallet.scenario.post_bare("/introspect", &form).await.assert_error(401, "invalid_client");
}
