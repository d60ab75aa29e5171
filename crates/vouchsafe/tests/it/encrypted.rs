//! ID tokens, logout tokens and UserInfo that the provider encrypts for the client (OpenID Connect Core sections 10.2 and 16.14).
use serde_json::{Value, json};
use vouchsafe::error::{Check, ConfigProblem};
use vouchsafe::http::Response;
use vouchsafe::{Client, DecryptionKey, Error, Http, Provider, Registration, Tokens};
use vouchsafe_sandbox::{ClientConfig, Fault, Sandbox};

use crate::forge;
use crate::scenario::{CLIENT_ID, Scenario, web};

const ALG: &str = "RSA-OAEP-256";
const ENC: &str = "A256GCM";
const REDIRECT: &str = "http://127.0.0.1:9/callback";
const SECRET: &str = "a secret that is long enough for any hash: 64 bytes and some more";

/// Keys with their private halves, as JWK and PEM.
fn vectors() -> Vec<Value> {
    serde_json::from_str(include_str!("../../src/jose/jwe/vectors.json")).unwrap()
}

/// An RSA key, or one on P-256.
fn jwk(kind: &str) -> Value {
    let is = |vector: &Value| {
        vector["jwk"]["kty"] == kind && vector["jwk"]["crv"] != "P-384" && vector["jwk"]["crv"] != "P-521"
    };
    vectors().iter().find(|vector| is(vector)).unwrap()["jwk"].clone()
}

fn key(kind: &str) -> DecryptionKey {
    DecryptionKey::from_jwk(jwk(kind).to_string()).unwrap()
}

fn public(kind: &str) -> Value {
    let mut jwk = jwk(kind);
    let private = ["d", "p", "q", "dp", "dq", "qi"];
    jwk.as_object_mut().unwrap().retain(|name, _| !private.contains(&name.as_str()));
    jwk
}

/// A registration whose ID tokens are encrypted.
fn registered() -> Registration {
    web().decryption_key(key("RSA")).id_token_encryption(ALG, ENC)
}

/// A scenario whose ID tokens are encrypted with that key of [`forge`].
fn encrypting(registration: Registration, kind: &'static str) -> Scenario {
    let key = public(kind);
    Scenario::openid()
        .registration(registration)
        .tampered(move |jwt| forge::encrypted(&jwt, &key, &json!({})))
}

/// A sandbox that encrypts for its client, and that client.
async fn encrypting_sandbox(alg: &str, enc: &str) -> (Sandbox, Client) {
    let kind = if alg.starts_with("RSA") { "RSA" } else { "EC" };
    let config = ClientConfig::confidential("app", SECRET)
        .encryption_key(public(kind))
        .id_token_encryption(alg, enc)
        .userinfo_encryption(alg, enc);
    let sandbox = Sandbox::builder().client(config).start().await.unwrap();
    let registration = Registration::new("app")
        .secret(SECRET)
        .redirect_uri(REDIRECT)
        .decryption_key(key(kind))
        .id_token_encryption(alg, enc)
        .userinfo_encryption(alg, enc);
    let client =
        Client::new(Provider::openid(sandbox.issuer()), registration, &Http::new().unwrap()).unwrap();
    (sandbox, client)
}

async fn log_in(sandbox: &Sandbox, client: &Client) -> Result<Tokens, Error> {
    let login = client.login().await?;
    let callback = sandbox.person("alice").allow(&login.url).await.unwrap();
    client.finish(login.pending, &callback).await
}

#[tokio::test]
async fn a_login_with_encrypted_tokens_goes_to_its_end() {
    for (alg, enc) in [
        ("RSA-OAEP-256", "A128CBC-HS256"),
        ("ECDH-ES", "A256GCM"),
        ("ECDH-ES+A128KW", "A128GCM"),
        ("ECDH-ES+A256KW", "A256CBC-HS512"),
    ] {
        let (sandbox, client) = encrypting_sandbox(alg, enc).await;
        let tokens = log_in(&sandbox, &client).await.unwrap();
        // Core §3.1.2.1 and RP-Initiated Logout §2: the hint is the signed token inside.
        assert_eq!(tokens.id_token().unwrap().expose().split('.').count(), 3, "{alg}");
        let url = client.logout_url().tokens(&tokens).await.unwrap().unwrap();
        assert!(url.contains(tokens.id_token().unwrap().expose()));
        let identity = client.identity(&tokens).await.unwrap();
        assert_eq!(identity.verified_email(), Some("alice@example.com"), "{alg} {enc}");
        assert!(identity.warnings().is_empty());
        let stored: Tokens = serde_json::from_str(&serde_json::to_string(&tokens).unwrap()).unwrap();
        let fresh = client.refresh(&stored).await.unwrap();
        assert!(fresh.warnings().is_empty(), "{:?}", fresh.warnings());
        assert_ne!(fresh.id_token().unwrap().expose(), tokens.id_token().unwrap().expose());
        // Back-Channel Logout §2.6, step 1.
        let logout = sandbox.logout_token("app", "alice").unwrap();
        assert_eq!(logout.split('.').count(), 5);
        assert_eq!(client.logout_token(&logout).await.unwrap().sid(), fresh.id_token().unwrap().sid());
    }
}

#[tokio::test]
async fn each_fault_of_the_encryption_is_refused() {
    for (fault, code) in [
        (Fault::NOT_ENCRYPTED, "not_encrypted"),
        (Fault::ENCRYPTED_FOR_ANOTHER_KEY, "decryption"),
        (Fault::ANOTHER_CONTENT_ENCRYPTION, "algorithm"),
        (Fault::ENCRYPTED_AND_FORGED, "signature"),
    ] {
        let (sandbox, client) = encrypting_sandbox(ALG, ENC).await;
        let tokens = log_in(&sandbox, &client).await.unwrap();
        sandbox.fault(fault);
        assert_eq!(log_in(&sandbox, &client).await.unwrap_err().code(), code, "{fault:?}");
        // UserInfo of another encryption is refused as well, and not left out.
        let error = client.identity(&tokens).await.unwrap_err();
        assert_eq!(error.code(), code, "{fault:?}");
        assert!(matches!(error, Error::Validation(_)));
    }
}

#[tokio::test]
async fn an_id_token_that_is_registered_to_be_encrypted_must_be() {
    // Core §3.1.3.7.
    assert_eq!(encrypting(registered(), "RSA").verdict().await, "ok");
    assert_eq!(Scenario::openid().registration(registered()).verdict().await, "not_encrypted");
    // By another algorithm than the registered one.
    let other = web().decryption_key(key("RSA")).id_token_encryption(ALG, "A128GCM");
    assert_eq!(encrypting(other, "RSA").verdict().await, "algorithm");
    // For another key.
    let other = web().decryption_key(key("EC")).decryption_key(other_rsa()).id_token_encryption(ALG, ENC);
    assert_eq!(encrypting(other, "RSA").verdict().await, "decryption");
}

/// Another RSA key, which is the second one.
fn other_rsa() -> DecryptionKey {
    let vectors = vectors();
    let other = vectors.iter().filter(|vector| vector["jwk"]["kty"] == "RSA").nth(1).unwrap();
    DecryptionKey::from_pem(other["pem"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn without_a_registered_encryption_a_key_alone_decrypts_and_plain_tokens_stay_welcome() {
    let keys = || web().decryption_key(other_rsa()).decryption_key(key("RSA"));
    assert_eq!(encrypting(keys(), "RSA").verdict().await, "ok");
    assert_eq!(Scenario::openid().registration(keys()).verdict().await, "ok");
    // Without a key, the message says what to set.
    let error = encrypting(web(), "RSA").log_in().await.unwrap_err();
    assert_eq!(error.code(), "encrypted_jwt");
    assert!(error.to_string().contains("Registration::decryption_key"), "{error}");
}

#[tokio::test]
async fn the_token_inside_is_verified_as_ever() {
    // Core §2: it is signed, then encrypted.
    let with = |claim: &'static str, value: Value| encrypting(registered(), "RSA").claim(claim, value);
    assert_eq!(with("iss", json!("https://evil.example")).verdict().await, "issuer_mismatch");
    assert_eq!(with("aud", json!("another")).verdict().await, "audience");
    assert_eq!(with("nonce", json!("another")).verdict().await, "nonce_mismatch");
    let forged = encrypting(registered(), "RSA").with(|op| {
        op.header["kid"] = json!("rsa");
        op.key = "stranger".to_owned();
    });
    assert_eq!(forged.verdict().await, "signature");
    let unsigned = encrypting(registered(), "RSA").with(|op| op.alg = "none".to_owned());
    assert_eq!(unsigned.verdict().await, "algorithm");
    // Encrypted twice.
    let twice = Scenario::openid().registration(registered()).tampered(|jwt| {
        let once = forge::encrypted(&jwt, &public("RSA"), &json!({}));
        forge::encrypted(&once, &public("RSA"), &json!({}))
    });
    assert_eq!(twice.verdict().await, "encrypted_jwt");
}

#[tokio::test]
async fn the_key_is_found_by_its_id() {
    let named = |own: &str, theirs: Value| {
        let key = public("RSA");
        let header = json!({ "kid": theirs });
        let registration = web().decryption_key(self::key("RSA").key_id(own)).id_token_encryption(ALG, ENC);
        Scenario::openid()
            .registration(registration)
            .tampered(move |jwt| forge::encrypted(&jwt, &key, &header))
    };
    assert_eq!(named("a", json!("a")).verdict().await, "ok");
    assert_eq!(named("a", json!("b")).verdict().await, "decryption");
    assert_eq!(named("a", json!(7)).verdict().await, "jwt");
}

#[tokio::test]
async fn userinfo_that_is_registered_to_be_encrypted_must_be() {
    let registration = || web().decryption_key(key("RSA")).userinfo_encryption(ALG, ENC);
    let answered = |content_type: &str, body: String| {
        let response = Response::new(body.into_bytes());
        let (mut parts, body) = response.into_parts();
        parts.headers.insert("content-type", content_type.parse().unwrap());
        Response::from_parts(parts, body)
    };
    let verdict = |registration: Registration, response: Response| async {
        let scenario = Scenario::openid().registration(registration).at("/userinfo", response);
        let tokens = scenario.log_in().await.unwrap();
        match scenario.client().profile(&tokens).await {
            Ok(profile) => profile["mark"].to_string(),
            Err(error) => error.code().to_owned(),
        }
    };
    let claims =
        json!({"sub": "subject-1", "mark": 7, "aud": CLIENT_ID, "iss": crate::scenario::ISSUER}).to_string();
    let signed = forge::jwt("RS256", "rsa", &json!({"alg": "RS256", "kid": "rsa"}), &claims);
    let encrypted = |text: &str| forge::encrypted(text, &public("RSA"), &json!({}));
    assert_eq!(verdict(registration(), answered("application/jwt", encrypted(&signed))).await, "7");
    // Core §5.3.2: it may be encrypted without a signature.
    assert_eq!(verdict(registration(), answered("application/jwt", encrypted(&claims))).await, "7");
    assert_eq!(verdict(registration(), answered("application/jwt", signed.clone())).await, "not_encrypted");
    assert_eq!(verdict(registration(), answered("application/json", claims.clone())).await, "not_encrypted");
    assert_eq!(verdict(registration(), answered("application/jwt", encrypted("{"))).await, "json");
    let other = || web().decryption_key(key("RSA")).userinfo_encryption(ALG, "A128GCM");
    assert_eq!(verdict(other(), answered("application/jwt", encrypted(&signed))).await, "algorithm");
    // Without a registered encryption, both are read.
    let keys = || web().decryption_key(key("RSA"));
    assert_eq!(verdict(keys(), answered("application/jwt", encrypted(&signed))).await, "7");
    assert_eq!(verdict(keys(), answered("application/json", claims)).await, "7");
    // Another user.
    let foreign = encrypted(&json!({"sub": "another"}).to_string());
    assert_eq!(verdict(registration(), answered("application/jwt", foreign)).await, "subject_mismatch");
}

#[tokio::test]
async fn a_refreshed_id_token_is_encrypted_too() {
    let scenario = encrypting(registered(), "RSA");
    let tokens = scenario.log_in().await.unwrap();
    assert!(scenario.client().refresh(&tokens).await.unwrap().warnings().is_empty());
    let scenario = scenario.tampered(|jwt| jwt);
    let fresh = scenario.client().refresh(&tokens).await.unwrap();
    assert_eq!(fresh.warnings()[0].error().unwrap().code(), "not_encrypted");
    assert_eq!(fresh.id_token().unwrap().expose(), tokens.id_token().unwrap().expose());
}

#[test]
fn a_wrong_encryption_in_the_registration_is_told() {
    let problem = |registration: Registration| {
        let http = crate::wire::Wire::always(crate::wire::json(500, json!({}))).http();
        match Client::new(Provider::openid("https://op.example"), registration, &http) {
            Err(Error::Config(e)) => Some((e.problem(), e.to_string())),
            Err(e) => panic!("{e}"),
            Ok(_) => None,
        }
    };
    assert_eq!(problem(registered()), None);
    for (alg, enc) in [("RSA1_5", ENC), ("RSA-OAEP", ENC), ("dir", ENC), (ALG, "A128CBC"), ("", "")] {
        let (problem, message) = problem(registered().id_token_encryption(alg, enc)).unwrap();
        assert_eq!(problem, ConfigProblem::Encryption, "{alg} {enc}");
        assert!(message.contains("RSA-OAEP-256"), "{message}");
    }
    // No key for it.
    for registration in [
        web().id_token_encryption(ALG, ENC),
        web().decryption_key(key("EC")).userinfo_encryption(ALG, ENC),
        web().decryption_key(key("RSA")).id_token_encryption("ECDH-ES", ENC),
    ] {
        assert_eq!(problem(registration).unwrap().0, ConfigProblem::DecryptionKey);
    }
    let debug = format!("{:?}", registered());
    assert!(!debug.contains(jwk("RSA")["d"].as_str().unwrap()), "{debug}");
}

#[tokio::test]
async fn an_error_of_an_encrypted_token_shows_neither_token_nor_key() {
    let scenario = encrypting(registered(), "EC");
    let Err(Error::Validation(error)) = scenario.log_in().await else { panic!("refused") };
    assert_eq!(error.check(), Check::Algorithm);
    assert!(!error.to_string().contains("ey"), "{error}");
}
