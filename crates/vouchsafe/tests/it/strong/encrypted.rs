//! Encrypted request objects (RFC 9101 section 6.1) and encrypted authorization responses (JARM section 2.2).
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use vouchsafe::error::ConfigProblem;
use vouchsafe::{
    Client, ClientBuilder, ClientMetadata, Credential, DecryptionKey, Error, Http, Provider, Registration,
    SigningKey,
};
use vouchsafe_sandbox::{ClientConfig, Fault, Sandbox, SandboxBuilder};

use super::key;
use crate::forge;
use crate::scenario::{CLIENT_ID, CODE, ISSUER, Scenario, arrived, now, public, web};
use crate::wire::param;

const REDIRECT_URI: &str = "http://127.0.0.1:9/callback";

/// A private key, as JWK: RSA, or on P-256.
fn jwk(kind: &str) -> Value {
    let vectors: Vec<Value> =
        serde_json::from_str(include_str!("../../../src/jose/jwe/vectors.json")).unwrap();
    let is = |vector: &&Value| {
        vector["jwk"]["kty"] == kind && vector["jwk"]["crv"] != "P-384" && vector["jwk"]["crv"] != "P-521"
    };
    vectors.iter().find(is).unwrap()["jwk"].clone()
}

/// Its public half, for encryption.
fn public_jwk(kind: &str) -> Value {
    let mut jwk = jwk(kind);
    let private = ["d", "p", "q", "dp", "dq", "qi"];
    jwk.as_object_mut().unwrap().retain(|name, _| !private.contains(&name.as_str()));
    jwk["use"] = json!("enc");
    jwk
}

fn http() -> Http {
    Http::builder().no_proxy().build().unwrap()
}

/// A sandbox that decrypts, and a client that encrypts for it.
async fn encrypting(
    set: fn(SandboxBuilder) -> SandboxBuilder,
    encryption: Option<(&str, &str)>,
    build: impl FnOnce(ClientBuilder) -> ClientBuilder,
    config: impl FnOnce(ClientConfig) -> ClientConfig,
) -> (Sandbox, Client) {
    let own = key("ES256").key_id("1");
    let mut client = config(ClientConfig::public("bank").jwks(own.public_jwk()));
    let mut registration =
        Registration::new("bank").redirect_uri(REDIRECT_URI).credential(Credential::private_key(own));
    if let Some((alg, enc)) = encryption {
        client = client.request_object_encryption(alg, enc);
        registration = registration.request_object_encryption(alg, enc);
    }
    let sandbox = set(Sandbox::builder().client(client).encrypted_request_objects()).start().await.unwrap();
    let builder = Client::builder(Provider::openid(sandbox.issuer()), registration);
    (sandbox, build(builder).build(&http()).unwrap())
}

async fn log_in(sandbox: &Sandbox, client: &Client) -> Result<(), Error> {
    let login = client.login().await?;
    let callback = sandbox.person("alice").allow(&login.url).await.unwrap();
    assert!(client.matches(&login.pending, &callback));
    client.finish(login.pending, &callback).await.map(drop)
}

#[tokio::test]
async fn an_encrypted_request_is_read_by_the_provider_alone() {
    // RFC 9101 §6.1: signed, and then encrypted.
    for (alg, enc) in [("RSA-OAEP-256", "A256GCM"), ("ECDH-ES", "A128CBC-HS256"), ("ECDH-ES", "A128GCM")] {
        let (sandbox, client) =
            encrypting(|b| b, Some((alg, enc)), ClientBuilder::signed_requests, |c| c).await;
        let login = client.login().await.unwrap();
        let object = param(&login.url, "request").unwrap();
        let header = URL_SAFE_NO_PAD.decode(object.split('.').next().unwrap()).unwrap();
        let header: Value = serde_json::from_slice(&header).unwrap();
        assert_eq!(
            (&header["alg"], &header["enc"], &header["cty"]),
            (&json!(alg), &json!(enc), &json!("JWT"))
        );
        assert_eq!(object.split('.').count(), 5);
        let known = sandbox.person("alice").allow(&login.url).await.unwrap();
        client.finish(login.pending, &known).await.unwrap();
    }
}

#[tokio::test]
async fn the_provider_s_metadata_and_keys_choose_the_encryption() {
    let (sandbox, client) = encrypting(|b| b, None, ClientBuilder::encrypted_requests, |c| c).await;
    log_in(&sandbox, &client).await.unwrap();
    let request = &sandbox.requests_to("/authorize")[0];
    assert_eq!(request.query_value("request").unwrap().split('.').count(), 5);
    // It is not asked for, and the client is not registered for it.
    let (sandbox, client) = encrypting(|b| b, None, ClientBuilder::signed_requests, |c| c).await;
    log_in(&sandbox, &client).await.unwrap();
    assert_eq!(sandbox.requests_to("/authorize")[0].query_value("request").unwrap().split('.').count(), 3);
}

#[tokio::test]
async fn an_encrypted_request_can_be_pushed() {
    let registered = Some(("ECDH-ES", "A256GCM"));
    let both = |b: ClientBuilder| b.pushed_requests().signed_requests();
    let (sandbox, client) = encrypting(|b| b, registered, both, |c| c).await;
    log_in(&sandbox, &client).await.unwrap();
    let pushed = &sandbox.requests_to("/par")[0];
    assert_eq!(pushed.form_value("request").unwrap().split('.').count(), 5);
    // A client that signs only because the provider requires it encrypts too.
    let required = SandboxBuilder::require_signed_request_object;
    let (sandbox, client) = encrypting(required, registered, |b| b, |c| c).await;
    log_in(&sandbox, &client).await.unwrap();
}

#[tokio::test]
async fn an_encrypted_request_can_be_served() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/requests/", listener.local_addr().unwrap());
    let served = Arc::new(Mutex::new(String::new()));
    let text = served.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let body = text.lock().unwrap().clone();
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.write_all((head + &body).as_bytes()).await;
        }
    });
    let registered = Some(("RSA-OAEP-256", "A128GCM"));
    let place = base.clone();
    let (sandbox, client) =
        encrypting(|b| b, registered, |b| b.serve_requests_at(place), |c| c.request_uri(base)).await;
    let login = client.login().await.unwrap();
    let object = login.request_object.unwrap().object;
    assert_eq!(object.expose().split('.').count(), 5);
    *served.lock().unwrap() = object.expose().to_owned();
    let callback = sandbox.person("alice").allow(&login.url).await.unwrap();
    client.finish(login.pending, &callback).await.unwrap();
}

/// A login that has to encrypt, at a provider with these keys and these members of its metadata.
async fn refusal(keys: Value, metadata: &[(&str, Value)], encryption: Option<[&str; 2]>) -> Option<Error> {
    let mut registration = public().credential(Credential::private_key(key("ES256")));
    if let Some([alg, enc]) = encryption {
        registration = registration.request_object_encryption(alg, enc);
    }
    let scenario = Scenario::openid().registration(registration).with(|op| {
        op.jwks = json!({ "keys": keys });
        for (name, value) in metadata {
            op.metadata[name] = value.clone();
        }
    });
    scenario.built(ClientBuilder::encrypted_requests).login().await.err()
}

#[tokio::test]
async fn a_provider_without_a_key_for_encryption_gets_no_login() {
    let signing = forge::jwk("rsa");
    let of = |name: &str, value: Value| {
        let mut key = public_jwk("RSA");
        key[name] = value;
        key
    };
    let mut bare = public_jwk("RSA");
    bare.as_object_mut().unwrap().remove("use");
    let mut weak = public_jwk("RSA");
    weak["e"] = json!("AQ");
    let rsa = Some(["RSA-OAEP-256", "A256GCM"]);
    assert!(refusal(json!([signing, public_jwk("RSA")]), &[], rsa).await.is_none());
    for (name, keys) in [
        ("no key", json!([])),
        ("a key for signatures", json!([of("use", json!("sig"))])),
        ("a key without a purpose", json!([bare])),
        ("a key for another algorithm", json!([of("alg", json!("RSA-OAEP"))])),
        ("a key for another algorithm of its own", json!([of("alg", json!("ECDH-ES"))])),
        ("a key for other operations", json!([of("key_ops", json!(["verify"]))])),
        ("a key of another type", json!([public_jwk("EC")])),
    ] {
        let error = refusal(keys, &[], rsa).await.unwrap();
        assert_eq!(error.code(), "encrypted_request_not_supported", "{name}: {error}");
        assert!(error.to_string().contains("RSA-OAEP-256"), "{error}");
    }
    // With the exponent 1, encryption hides nothing.
    assert_eq!(refusal(json!([weak]), &[], rsa).await.unwrap().code(), "jwks");
    let algs = "request_object_encryption_alg_values_supported";
    let encs = "request_object_encryption_enc_values_supported";
    for (name, value) in [(algs, json!(["ECDH-ES"])), (encs, json!(["A128GCM"])), (algs, json!([]))] {
        let error = refusal(json!([public_jwk("RSA")]), &[(name, value)], rsa).await.unwrap();
        assert_eq!(error.code(), "encrypted_request_not_supported", "{error}");
        assert!(error.to_string().contains("Registration::request_object_encryption"), "{error}");
    }
    // Algorithms that only the provider knows.
    let foreign = [(algs, json!(["RSA1_5"]))];
    let error = refusal(json!([public_jwk("RSA")]), &foreign, None).await.unwrap();
    assert_eq!(error.code(), "encrypted_request_not_supported", "{error}");
    assert!(refusal(json!([public_jwk("EC")]), &[], None).await.is_none());
}

#[tokio::test]
async fn a_key_for_encryption_that_came_later_is_found() {
    let registration = public().credential(Credential::private_key(key("ES256")));
    let scenario = Scenario::openid().registration(registration);
    let client = scenario.built(|b| b.encrypted_requests().cool_down(std::time::Duration::ZERO));
    assert!(client.login().await.is_err());
    scenario.op().jwks = json!({ "keys": [public_jwk("EC")] });
    assert!(param(&client.login().await.unwrap().url, "request").is_some());
    // And it verifies no signature.
    let mut both = forge::jwk("rsa");
    both["use"] = json!("enc");
    let scenario = Scenario::openid().with(|op| op.jwks = json!({ "keys": [both] }));
    assert_eq!(scenario.log_in().await.unwrap_err().code(), "unknown_key");
}

#[test]
fn an_encryption_that_cannot_work_is_refused_when_the_client_is_made() {
    let signing = |registration: Registration| registration.credential(Credential::private_key(key("ES256")));
    let problem = |registration: Registration, set: fn(ClientBuilder) -> ClientBuilder| {
        let builder = set(Client::builder(Provider::openid(ISSUER), registration));
        match builder.build(&http()).err() {
            Some(Error::Config(error)) => Some(error.problem()),
            None => None,
            Some(error) => panic!("{error}"),
        }
    };
    let encrypted = ClientBuilder::encrypted_requests;
    assert_eq!(problem(signing(public()), encrypted), None);
    assert_eq!(problem(web(), encrypted), Some(ConfigProblem::SigningKey));
    let unknown = signing(public()).request_object_encryption("RSA1_5", "A256GCM");
    assert_eq!(problem(unknown, encrypted), Some(ConfigProblem::Encryption));
    // RFC 9101 §6.1: signed first.
    let unsigned: fn(ClientBuilder) -> ClientBuilder =
        |b| b.serve_requests_at("https://app.example/r").unsigned_requests().encrypted_requests();
    assert_eq!(problem(signing(public()), unsigned), Some(ConfigProblem::Encryption));
    let signed = ClientBuilder::signed_responses;
    let response = |r: Registration| r.authorization_response_encryption("RSA-OAEP-256", "A256GCM");
    assert_eq!(problem(response(public()), signed), Some(ConfigProblem::DecryptionKey));
    let with_key = response(public().decryption_key(decryption_key("RSA")));
    assert_eq!(problem(with_key, signed), None);
}

fn decryption_key(kind: &str) -> DecryptionKey {
    DecryptionKey::from_jwk(jwk(kind).to_string()).unwrap()
}

/// A client whose responses are encrypted, and its sandbox.
async fn reading(alg: &str, enc: &str) -> (Sandbox, Client) {
    let kind = if alg.starts_with("RSA") { "RSA" } else { "EC" };
    let config = ClientConfig::confidential("app", "a secret")
        .encryption_key(public_jwk(kind))
        .authorization_response_encryption(alg, enc);
    let sandbox = Sandbox::builder().client(config).start().await.unwrap();
    let registration = Registration::new("app")
        .secret("a secret")
        .redirect_uri(REDIRECT_URI)
        .decryption_key(decryption_key(kind))
        .authorization_response_encryption(alg, enc);
    let builder = Client::builder(Provider::openid(sandbox.issuer()), registration).signed_responses();
    (sandbox, builder.build(&http()).unwrap())
}

#[tokio::test]
async fn an_encrypted_response_ends_the_login_that_it_belongs_to() {
    for (alg, enc) in [("RSA-OAEP-256", "A256GCM"), ("ECDH-ES+A128KW", "A128CBC-HS256")] {
        let (sandbox, client) = reading(alg, enc).await;
        let (login, other) = (client.login().await.unwrap(), client.login().await.unwrap());
        let callback = sandbox.person("alice").allow(&login.url).await.unwrap();
        assert_eq!(param(&callback, "response").unwrap().split('.').count(), 5);
        assert!(client.matches(&login.pending, &callback));
        assert!(!client.matches(&other.pending, &callback), "it is the response of another login");
        assert!(!login.pending.matches(&callback), "only the client can read it");
        client.finish(login.pending, &callback).await.unwrap();
    }
}

#[tokio::test]
async fn each_fault_of_an_encrypted_response_is_refused_before_the_code_is_sent() {
    // JARM §2.4 (1).
    for (fault, code) in [
        (Fault::JARM_NOT_ENCRYPTED, "not_encrypted"),
        (Fault::JARM_FOR_ANOTHER_KEY, "decryption"),
        (Fault::JARM_ANOTHER_ENCRYPTION, "algorithm"),
        (Fault::JARM_ENCRYPTED_UNSIGNED, "algorithm"),
        (Fault::JARM_ENCRYPTED_AND_FORGED, "signature"),
    ] {
        let (sandbox, client) = reading("RSA-OAEP-256", "A256GCM").await;
        sandbox.fault(fault);
        let login = client.login().await.unwrap();
        let callback = sandbox.person("alice").allow(&login.url).await.unwrap();
        let error = client.finish(login.pending, &callback).await.unwrap_err();
        assert_eq!((error.code(), fault.refusal().unwrap().code), (code, code), "{fault:?}: {error}");
        assert_eq!(error.operation(), vouchsafe::error::Operation::Authorization);
        assert!(sandbox.requests_to("/token").is_empty(), "{fault:?}");
        // The next login is a good one.
        sandbox.clear_faults();
        log_in(&sandbox, &client).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_inside_an_encrypted_response_is_a_signed_one() {
    // JARM §2.2.
    let state = |url: &str| param(url, "state").unwrap();
    let claims = |url: &str| json!({"iss": ISSUER, "aud": CLIENT_ID, "exp": now() + 300, "code": CODE, "state": state(url)});
    let signed = |claims: &Value| {
        forge::jwt("RS256", "rsa", &json!({"alg": "RS256", "kid": "rsa"}), &claims.to_string())
    };
    let recipient = public_jwk("RSA");
    let sealed = |text: &str| forge::encrypted(text, &recipient, &json!({}));
    let registration = web().decryption_key(decryption_key("RSA"));
    // Without a registered encryption, both are accepted.
    for is_encrypted in [false, true] {
        let scenario = Scenario::openid().registration(registration.clone());
        let client = scenario.built(ClientBuilder::signed_responses);
        let login = client.login().await.unwrap();
        scenario.callback(&login.url);
        let jwt = signed(&claims(&login.url));
        let jwt = if is_encrypted { sealed(&jwt) } else { jwt };
        client.finish(login.pending, arrived(&format!("response={jwt}"))).await.unwrap();
    }
    // A secret of nobody's: everybody can encrypt.
    let twice = |url: &str| sealed(&sealed(&signed(&claims(url))));
    let bare = |url: &str| sealed(&claims(url).to_string());
    let another_state = |url: &str| {
        let mut claims = claims(url);
        claims["state"] = json!("another");
        sealed(&signed(&claims))
    };
    type Make<'m> = &'m dyn Fn(&str) -> String;
    for (make, code) in [
        (&twice as Make<'_>, "encrypted_jwt"),
        (&bare as Make<'_>, "jwt"),
        (&another_state as Make<'_>, "state_mismatch"),
    ] {
        let scenario = Scenario::openid().registration(registration.clone());
        let client = scenario.built(ClientBuilder::signed_responses);
        let login = client.login().await.unwrap();
        let came = arrived(&format!("response={}", make(&login.url)));
        let error = client.finish(login.pending, came).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(scenario.wire.seen_at("/token").is_empty());
    }
}

#[tokio::test]
async fn a_client_is_registered_with_its_encryption() {
    let sandbox = Sandbox::builder().encrypted_request_objects().start().await.unwrap();
    let own: SigningKey = key("ES256").key_id("1");
    let mut jwk = public_jwk("EC");
    jwk["kid"] = json!("enc-1");
    let metadata = ClientMetadata::new()
        .redirect_uri(REDIRECT_URI)
        .jwks(json!({ "keys": [own.public_jwk(), jwk] }))
        .request_object_signing_alg("ES256")
        .request_object_encryption("ECDH-ES", "A128GCM")
        .authorization_signed_response_alg("RS256")
        .authorization_response_encryption("ECDH-ES+A256KW", "A256GCM")
        .id_token_encryption("ECDH-ES", "A128CBC-HS256")
        .userinfo_encryption("ECDH-ES", "A256GCM");
    let provider = Provider::openid(sandbox.issuer());
    let registered = provider.register(metadata, &http()).await.unwrap();
    for (name, value) in [
        ("request_object_encryption_alg", "ECDH-ES"),
        ("request_object_encryption_enc", "A128GCM"),
        ("authorization_encrypted_response_alg", "ECDH-ES+A256KW"),
        ("id_token_encrypted_response_enc", "A128CBC-HS256"),
        ("userinfo_encrypted_response_alg", "ECDH-ES"),
    ] {
        assert_eq!(registered.get(name), Some(&json!(value)), "{name}");
    }
    // The registration says it all but the private keys.
    let lacking = Client::new(provider.clone(), registered.registration(), &http()).err().unwrap();
    assert_eq!(lacking.code(), "decryption_key");
    let registration =
        registered.registration().request_key(own).decryption_key(decryption_key("EC").key_id("enc-1"));
    let builder = Client::builder(provider, registration).signed_requests().signed_responses();
    let client = builder.build(&http()).unwrap();
    let login = client.login().await.unwrap();
    assert_eq!(param(&login.url, "request").unwrap().split('.').count(), 5);
    let callback = sandbox.person("alice").allow(&login.url).await.unwrap();
    assert_eq!(param(&callback, "response").unwrap().split('.').count(), 5);
    let tokens = client.finish(login.pending, &callback).await.unwrap();
    assert_eq!(client.identity(&tokens).await.unwrap().issuer(), sandbox.issuer());
}
