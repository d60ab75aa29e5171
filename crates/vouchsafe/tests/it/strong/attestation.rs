//! Client authentication by an attestation (draft-ietf-oauth-attestation-based-client-auth).
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use vouchsafe::error::Remedy;
use vouchsafe::http::{BoxFuture, Request, Response};
use vouchsafe::{
    AssertionSource, Client, ClientAuth, Credential, Error, Http, Provider, Registration, Secret, SigningKey,
    Tokens,
};
use vouchsafe_sandbox::{ClientConfig, DpopNonces, Sandbox, SandboxBuilder};

use super::{key, opened};
use crate::forge;
use crate::scenario::{CLIENT_ID, ISSUER, Scenario, now, public};
use crate::wire::{self, field, header};

const REDIRECT_URI: &str = "http://127.0.0.1:9/callback";

/// An attestation for that client and that key, by the attester whose key is `p256` in [`forge`], with these claims in place of the
/// usual.
fn attestation(client: &str, key: &SigningKey, more: Value) -> String {
    let mut claims = json!({"sub": client, "exp": now() + 600, "cnf": {"jwk": key.public_jwk()}});
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let header = json!({"alg": "ES256", "typ": "oauth-client-attestation+jwt"});
    forge::jwt("ES256", "p256", &header, &claims.to_string())
}

/// A sandbox that trusts the attester, and a client with that credential.
async fn wallet(
    set: impl FnOnce(SandboxBuilder) -> SandboxBuilder,
    credential: Credential,
    more: impl FnOnce(Registration) -> Registration,
) -> (Sandbox, Client) {
    let config = ClientConfig::public("wallet").attester_jwks(json!({"keys": [forge::jwk("p256")]}));
    let sandbox = set(Sandbox::builder().client(config)).start().await.unwrap();
    let registration = more(Registration::new("wallet").redirect_uri(REDIRECT_URI).credential(credential));
    let http = Http::builder().no_proxy().build().unwrap();
    let client = Client::new(Provider::openid(sandbox.issuer()), registration, &http).unwrap();
    (sandbox, client)
}

async fn log_in(sandbox: &Sandbox, client: &Client) -> Result<Tokens, Error> {
    let login = client.login().await?;
    let callback = sandbox.person("alice").allow(&login.url).await.unwrap();
    client.finish(login.pending, &callback).await
}

#[tokio::test]
async fn an_attested_client_walks_through_the_sandbox() {
    for algorithm in ["ES256", "EdDSA", "PS256"] {
        let own = key(algorithm);
        let credential = Credential::attestation(attestation("wallet", &own, json!({})), own);
        let (sandbox, client) = wallet(|b| b, credential, |r| r).await;
        let tokens = log_in(&sandbox, &client).await.unwrap();
        let tokens = client.refresh(&tokens).await.unwrap();
        assert_eq!(client.introspect(&tokens).await.unwrap()["active"], json!(true));
        client.revoke(&tokens).await.unwrap();
    }
}

#[tokio::test]
async fn a_challenge_is_fetched_once_and_then_comes_with_each_response() {
    let own = key("ES256");
    let credential = Credential::attestation(attestation("wallet", &own, json!({})), own);
    let (sandbox, client) =
        wallet(|b| b.attestation_challenges().require_pushed_authorization_requests(), credential, |r| r)
            .await;
    let tokens = log_in(&sandbox, &client).await.unwrap();
    let tokens = client.refresh(&tokens).await.unwrap();
    client.revoke(&tokens).await.unwrap();
    log_in(&sandbox, &client).await.unwrap();
    // Section 6.1, section 6.2.
    assert_eq!(sandbox.requests_to("/challenge").len(), 1);
    assert_eq!(sandbox.requests_to("/token").len(), 3);
    assert_eq!(sandbox.requests_to("/par").len(), 2);
}

#[tokio::test]
async fn a_challenge_and_a_nonce_are_each_repeated_once() {
    let own = key("ES256");
    let credential = Credential::attestation(attestation("wallet", &own, json!({})), own);
    let dpop = key("ES256");
    let (sandbox, client) = wallet(
        |b| b.attestation_challenges().dpop_nonces(DpopNonces::Changing),
        credential,
        |r| r.dpop(dpop),
    )
    .await;
    let tokens = log_in(&sandbox, &client).await.unwrap();
    client.refresh(&tokens).await.unwrap();
}

/// A provider that is asked with an attestation, and responds like this.
fn attested(credential: Credential) -> Scenario {
    Scenario::openid().registration(public().credential(credential)).metadata(
        "token_endpoint_auth_methods_supported",
        json!(["private_key_jwt", "attest_jwt_client_auth"]),
    )
}

fn proof(request: &Request, key: &SigningKey) -> (Value, Value) {
    opened(header(request, "oauth-client-attestation-pop").unwrap(), key)
}

#[tokio::test]
async fn a_proof_is_signed_for_each_request_and_for_the_issuer_alone() {
    let own = key("ES256");
    let jwt = attestation(CLIENT_ID, &own, json!({}));
    let scenario = attested(Credential::attestation(format!("{jwt}\n"), own.clone()));
    scenario.log_in().await.unwrap();
    scenario.log_in().await.unwrap();
    let seen = scenario.wire.seen_at("/token");
    let [first, second] = &seen[..] else { panic!("{} requests", seen.len()) };
    assert_eq!(header(first, "oauth-client-attestation"), Some(&*jwt));
    assert_eq!(field(first, "client_id").as_deref(), Some(CLIENT_ID));
    assert!(field(first, "client_assertion").is_none() && header(first, "authorization").is_none());
    // Section 5.1.
    let (head, claims) = proof(first, &own);
    assert_eq!(head, json!({"alg": "ES256", "typ": "oauth-client-attestation-pop+jwt"}));
    assert_eq!(claims["aud"], json!(ISSUER));
    assert!(now() - claims["iat"].as_u64().unwrap() < 60 && claims.get("challenge").is_none());
    assert_ne!(proof(second, &own).1["jti"], claims["jti"]);
    // Nobody who reads a log has either of them.
    assert!(!format!("{first:?}").contains(&jwt));
}

#[tokio::test]
async fn the_challenge_of_a_refusal_is_used_once_and_never_for_ever() {
    let own = key("ES256");
    let jwt = attestation(CLIENT_ID, &own, json!({}));
    let refusal = |challenges: &[&str]| {
        let mut refusal = wire::json(400, json!({"error": "use_attestation_challenge"}));
        for challenge in challenges {
            refusal.headers_mut().append("oauth-client-attestation-challenge", challenge.parse().unwrap());
        }
        refusal
    };
    let sent = |response: Response| {
        let (own, jwt) = (own.clone(), jwt.clone());
        async move {
            let scenario = attested(Credential::attestation(jwt.clone(), own.clone())).at("/token", response);
            let error = scenario.log_in().await.unwrap_err();
            let Error::Server(server) = &error else { panic!("{error}") };
            assert_eq!(server.remedy(), Some(Remedy::CheckAttestation));
            let shown = format!("{error} {error:?}");
            let proofs: Vec<_> = scenario.wire.seen_at("/token").iter().map(|r| proof(r, &own).1).collect();
            assert!(!shown.contains(&jwt));
            (error.code().to_owned(), proofs)
        }
    };
    let (code, proofs) = sent(refusal(&["challenge-1"])).await;
    assert_eq!((&*code, proofs.len()), ("use_attestation_challenge", 2));
    assert_eq!((proofs[0].get("challenge"), &proofs[1]["challenge"]), (None, &json!("challenge-1")));
    assert_ne!(proofs[0]["jti"], proofs[1]["jti"]);
    // A challenge that is none: nothing to send the request again for.
    let long = "c".repeat(2000);
    for challenges in [&[][..], &["a", "b"], &["a b"], &[""], &[&long]] {
        let (_, proofs) = sent(refusal(challenges)).await;
        assert_eq!(proofs.len(), 1, "{challenges:?}");
    }
}

#[tokio::test]
async fn a_challenge_endpoint_gives_a_challenge_or_ends_the_call() {
    let own = key("ES256");
    let with = |response: Response| {
        let credential = Credential::attestation(attestation(CLIENT_ID, &own, json!({})), own.clone());
        attested(credential)
            .metadata("challenge_endpoint", json!("https://op.example/challenge"))
            .at("/challenge", response)
    };
    let scenario = with(wire::json(200, json!({"attestation_challenge": "challenge-7"})));
    scenario.log_in().await.unwrap();
    let request = &scenario.wire.seen_at("/challenge")[0];
    assert_eq!((request.method().as_str(), request.body().len()), ("POST", 0));
    assert!(header(request, "oauth-client-attestation").is_none(), "it proves nothing yet");
    let seen = scenario.wire.seen_at("/token");
    assert_eq!(proof(&seen[0], &own).1["challenge"], json!("challenge-7"));
    for (response, code) in [
        (wire::json(200, json!({})), "missing_field"),
        (wire::json(200, json!({"attestation_challenge": ""})), "invalid_field"),
        (wire::json(200, json!({"attestation_challenge": 7})), "invalid_field"),
        (wire::json(200, json!({"attestation_challenge": "c".repeat(2000)})), "invalid_field"),
        (wire::json(503, json!({})), "http_status"),
    ] {
        let scenario = with(response);
        let error = scenario.log_in().await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(scenario.wire.seen_at("/token").is_empty(), "{code}");
    }
}

#[tokio::test]
async fn an_attestation_that_cannot_be_accepted_is_not_sent() {
    let own = key("ES256");
    let with = |jwt: String| {
        let own = own.clone();
        async move {
            let scenario = attested(Credential::attestation(jwt, own));
            let error = scenario.log_in().await.unwrap_err();
            assert!(scenario.wire.seen_at("/token").is_empty());
            (error.code().to_owned(), error.to_string())
        }
    };
    for (jwt, word) in [
        (attestation(CLIENT_ID, &own, json!({"exp": now() - 1})), "expired"),
        (attestation("another", &own, json!({})), "another client"),
        (attestation(CLIENT_ID, &key("ES256"), json!({})), "another key"),
        ("no JWT".to_owned(), "one signed JWT"),
        (format!("{}.e30.AA", URL_SAFE_NO_PAD.encode("{}")).replace("e30", "_w"), "not a JWT"),
    ] {
        let (code, text) = with(jwt.clone()).await;
        assert_eq!(code, "assertion", "{text}");
        assert!(text.contains(word) && !text.contains(&jwt), "{text}");
    }
    // The provider says that it does not know the attester.
    let credential = Credential::attestation(attestation(CLIENT_ID, &own, json!({})), own.clone());
    let scenario =
        attested(credential).at("/token", wire::json(401, json!({"error": "invalid_client_attestation"})));
    let error = scenario.log_in().await.unwrap_err();
    assert!(error.to_string().contains("trusts the attester"), "{error}");
}

struct Renewed(Arc<AtomicU32>, SigningKey);

impl AssertionSource for Renewed {
    fn assertion(&self) -> BoxFuture<'_, Result<Secret, Error>> {
        let serial = self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move { Ok(attestation(CLIENT_ID, &self.1, json!({ "serial": serial })).into()) })
    }
}

#[tokio::test]
async fn an_attestation_is_read_again_for_each_request() {
    let own = key("ES256");
    let folder = std::env::temp_dir().join(format!("vouchsafe-attestation-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("attestation.jwt");
    let scenario = attested(Credential::attestation_file(&path, own.clone()));
    assert_eq!(scenario.log_in().await.unwrap_err().code(), "assertion");
    let [first, second] = ["1", "2"].map(|serial| attestation(CLIENT_ID, &own, json!({"serial": serial})));
    for jwt in [&first, &second] {
        fs::write(&path, jwt).unwrap();
        scenario.log_in().await.unwrap();
        let seen = scenario.wire.seen_at("/token");
        assert_eq!(header(seen.last().unwrap(), "oauth-client-attestation"), Some(&**jwt));
    }
    fs::remove_dir_all(folder).unwrap();

    let asked = Arc::new(AtomicU32::new(0));
    let scenario = attested(Credential::attestation_from(Renewed(asked.clone(), own.clone()), own));
    scenario.log_in().await.unwrap();
    scenario.log_in().await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn the_method_is_chosen_where_the_provider_offers_it() {
    let own = key("ES256");
    let credential = || Credential::attestation(attestation(CLIENT_ID, &own, json!({})), own.clone());
    let offering = |methods: Value, registration: Registration| {
        Scenario::openid()
            .registration(registration)
            .metadata("token_endpoint_auth_methods_supported", methods)
    };
    let registration = public().credential(credential());
    let error = offering(json!(["private_key_jwt"]), registration.clone()).log_in().await.unwrap_err();
    assert_eq!(error.code(), "client_auth_not_supported");
    assert!(error.to_string().contains("attest_jwt_client_auth"), "{error}");
    // The registration may say so where the metadata does not.
    let named = registration.client_auth(ClientAuth::AttestJwtClientAuth);
    offering(json!(["private_key_jwt"]), named).log_in().await.unwrap();
    // And it needs an attestation.
    let lacking = public().client_auth(ClientAuth::AttestJwtClientAuth);
    let error =
        Client::new(Provider::openid(ISSUER), lacking, &wire::Wire::always(Response::default()).http());
    assert_eq!(error.err().unwrap().code(), "assertion");
    // The algorithm of the proof is one that the provider accepts.
    let scenario = attested(credential())
        .metadata("client_attestation_pop_signing_alg_values_supported", json!(["EdDSA"]));
    assert_eq!(scenario.log_in().await.unwrap_err().code(), "signing_key");
}
