//! Client authentication by a key, by the secret as a key, and by an assertion of the platform.
use std::fs;
use std::io::Write;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use vouchsafe::error::Remedy;
use vouchsafe::http::{BoxFuture, TransportError};
use vouchsafe::{Client, ClientAuth, Credential, Error, Provider, Registration, Secret, Signer, SigningKey};

use super::{key, opened};
use crate::scenario::{CLIENT_ID, ISSUER, REDIRECT_URI, Scenario, acme, now, public};
use crate::wire::{self, Wire, field, header};

fn signing(key: &SigningKey) -> Registration {
    public().credential(Credential::private_key(key.clone()))
}

/// Header and claims of the assertion in the last token request.
fn asserted(scenario: &Scenario, key: &SigningKey) -> (Value, Value) {
    let seen = scenario.wire.seen_at("/token");
    let request = seen.last().unwrap();
    assert_eq!(
        field(request, "client_assertion_type").as_deref(),
        Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
    );
    assert!(field(request, "client_secret").is_none() && header(request, "authorization").is_none());
    assert_eq!(field(request, "client_id").as_deref(), Some(CLIENT_ID));
    opened(&field(request, "client_assertion").unwrap(), key)
}

#[tokio::test]
async fn an_assertion_is_signed_for_each_request_and_for_the_issuer_alone() {
    // RFC 7521 §4.2, §8.2; RFC 7523 §2.2; Core §9.
    // RFC 7523 §3; RFC 7523bis §4 (a draft): the issuer as the only audience, as one text.
    for algorithm in ["ES256", "ES384", "EdDSA", "RS256", "PS256"] {
        let key = key(algorithm).key_id("2026-01");
        let scenario = Scenario::openid().registration(signing(&key));
        scenario.log_in().await.unwrap();
        let (header, claims) = asserted(&scenario, &key);
        assert_eq!(header, json!({"alg": algorithm, "kid": "2026-01", "typ": "JWT"}));
        assert_eq!((&claims["iss"], &claims["sub"]), (&json!(CLIENT_ID), &json!(CLIENT_ID)));
        assert_eq!(claims["aud"], json!(ISSUER));
        let (issued, ends) = (claims["iat"].as_u64().unwrap(), claims["exp"].as_u64().unwrap());
        assert!(now() - issued < 60 && ends - issued == 60);
        scenario.log_in().await.unwrap();
        assert_ne!(asserted(&scenario, &key).1["jti"], claims["jti"], "RFC 7523 §3: it is used once");
    }
}

#[tokio::test]
async fn the_algorithm_is_one_that_the_provider_accepts() {
    // RFC 8414 §2.
    let rsa = SigningKey::from_pem(SigningKey::generate_pem("RS256").unwrap()).unwrap();
    let accepting = |list: Value| {
        Scenario::openid()
            .registration(signing(&rsa))
            .metadata("token_endpoint_auth_signing_alg_values_supported", list)
    };
    for (list, chosen) in
        [(json!(["PS256", "ES256"]), "PS256"), (json!(["ES256", "RS384"]), "RS384"), (json!(7), "RS256")]
    {
        let scenario = accepting(list);
        scenario.log_in().await.unwrap();
        assert_eq!(asserted_alg(&scenario), chosen);
    }
    let error = accepting(json!(["ES256"])).log_in().await.unwrap_err();
    assert_eq!(error.code(), "signing_key");
    assert!(error.to_string().contains("accepts only ES256"), "{error}");
}

fn asserted_alg(scenario: &Scenario) -> String {
    let seen = scenario.wire.seen_at("/token");
    let jwt = field(seen.last().unwrap(), "client_assertion").unwrap();
    let header = URL_SAFE_NO_PAD.decode(jwt.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<Value>(&header).unwrap()["alg"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn another_audience_is_sent_only_if_it_is_set() {
    // RFC 7523 §3 allows the URL of the token endpoint, which some servers demand.
    let key = key("ES256");
    let scenario =
        Scenario::openid().registration(signing(&key).assertion_audience("https://op.example/token"));
    scenario.log_in().await.unwrap();
    assert_eq!(asserted(&scenario, &key).1["aud"], json!("https://op.example/token"));

    // A provider without an issuer: there is nothing else.
    let wire = Wire::always(wire::json(200, json!({"access_token": "a", "token_type": "Bearer"})));
    let client = Client::new(acme(), signing(&key), &wire.http()).unwrap();
    client.manual().authorization_code("c", REDIRECT_URI).await.unwrap();
    let jwt = field(wire.seen().last().unwrap(), "client_assertion").unwrap();
    assert_eq!(opened(&jwt, &key).1["aud"], json!("https://acme.example/token"));
}

#[tokio::test]
async fn a_long_secret_can_be_a_key_and_a_short_one_cannot() {
    // OpenID Connect Core §9, RFC 7518 §3.2.
    let secret = "a secret of more than thirty-two bytes";
    let by_secret = |secret: &str| public().secret(secret).client_auth(ClientAuth::ClientSecretJwt);
    let scenario = Scenario::openid().registration(by_secret(secret));
    scenario.log_in().await.unwrap();
    let seen = scenario.wire.seen_at("/token");
    let request = seen.last().unwrap();
    assert!(!String::from_utf8_lossy(request.body()).contains("more+than"), "the secret stays here");
    let jwt = field(request, "client_assertion").unwrap();
    let (signed, tag) = jwt.rsplit_once('.').unwrap();
    let hmac_key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::verify(&hmac_key, signed.as_bytes(), &URL_SAFE_NO_PAD.decode(tag).unwrap()).unwrap();
    let claims = URL_SAFE_NO_PAD.decode(signed.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    for (name, value) in [("iss", CLIENT_ID), ("sub", CLIENT_ID), ("aud", ISSUER)] {
        assert_eq!(claims[name], json!(value), "{name}");
    }
    assert!(claims["jti"].is_string() && claims["exp"].as_u64().unwrap() > now());

    let error = Scenario::openid().registration(by_secret("short")).log_in().await.unwrap_err();
    assert_eq!(error.code(), "client_secret");
    assert!(
        error.to_string().contains("at least 32 bytes") && !error.to_string().contains("short"),
        "{error}"
    );

    // It is chosen where the provider offers nothing that sends the secret.
    let only = json!(["client_secret_jwt", "private_key_jwt"]);
    let scenario = Scenario::openid()
        .registration(public().secret(secret))
        .metadata("token_endpoint_auth_methods_supported", only);
    scenario.log_in().await.unwrap();
    assert!(field(scenario.wire.seen_at("/token").last().unwrap(), "client_assertion").is_some());
}

#[tokio::test]
async fn a_key_is_not_used_where_the_provider_takes_only_secrets() {
    let scenario = Scenario::openid()
        .registration(signing(&key("ES256")))
        .metadata("token_endpoint_auth_methods_supported", json!(["client_secret_basic"]));
    let error = scenario.log_in().await.unwrap_err();
    assert_eq!(error.code(), "client_auth_not_supported", "{error}");
    assert!(error.to_string().contains("private_key_jwt"), "{error}");
    assert!(scenario.wire.seen_at("/token").is_empty());
}

#[tokio::test]
async fn a_refused_key_is_told_as_a_key() {
    let refused = wire::json(
        401,
        json!({"error": "invalid_client", "error_description": "client assertion is invalid"}),
    );
    let scenario = Scenario::openid().registration(signing(&key("ES256"))).at("/token", refused);
    let Error::Server(error) = scenario.log_in().await.unwrap_err() else { panic!() };
    assert_eq!(error.remedy(), Some(Remedy::CheckKey));
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn the_assertion_of_a_platform_is_read_for_each_request() {
    let path = std::env::temp_dir().join(format!("vouchsafe-assertion-{}", std::process::id()));
    let jwt = |n: u8| format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode([n; 8]));
    let registration = public().credential(Credential::assertion_file(&path));
    let scenario = Scenario::openid().registration(registration);
    for n in [1, 2] {
        fs::write(&path, jwt(n) + "\n").unwrap();
        scenario.log_in().await.unwrap();
        assert_eq!(field(scenario.wire.seen_at("/token").last().unwrap(), "client_assertion"), Some(jwt(n)));
    }
    fs::write(&path, "not a JWT").unwrap();
    let error = scenario.log_in().await.unwrap_err();
    assert_eq!(error.code(), "assertion");
    assert!(
        error.to_string().contains("one signed JWT") && !error.to_string().contains("not a JWT"),
        "{error}"
    );
    fs::remove_file(&path).unwrap();
    let error = scenario.log_in().await.unwrap_err();
    assert!(error.code() == "assertion" && error.to_string().contains("cannot be read"), "{error}");
}

/// A key in another place, which may be out of reach.
struct Elsewhere(bool);

impl Signer for Elsewhere {
    fn sign<'a>(&'a self, message: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, TransportError>> {
        Box::pin(async move {
            if self.0 {
                return Err(TransportError::new(vouchsafe::error::HttpErrorKind::Timeout));
            }
            // Any signature will do: the forged provider does not look at it.
            Ok(message[..8].to_vec())
        })
    }
}

#[tokio::test]
async fn a_key_that_stays_elsewhere_signs_through_its_service() {
    let public_jwk = key("ES256").key_id("hsm").public_jwk().to_string();
    let elsewhere = |fails| SigningKey::elsewhere("ES256", &public_jwk, Elsewhere(fails)).unwrap();
    let scenario = Scenario::openid().registration(signing(&elsewhere(false)));
    scenario.log_in().await.unwrap();
    let jwt = field(scenario.wire.seen_at("/token").last().unwrap(), "client_assertion").unwrap();
    let (signed, signature) = jwt.rsplit_once('.').unwrap();
    assert_eq!(URL_SAFE_NO_PAD.decode(signature).unwrap(), &signed.as_bytes()[..8]);

    let error = Scenario::openid().registration(signing(&elsewhere(true))).log_in().await.unwrap_err();
    assert!(error.code() == "connect" && error.to_string().contains("the signer of this key"), "{error}");
    assert!(SigningKey::elsewhere("HS256", &public_jwk, Elsewhere(false)).is_err());
    assert!(SigningKey::elsewhere("ES256", "{}", Elsewhere(false)).is_err());
}

#[test]
fn keys_are_read_in_every_usual_form_and_nothing_else_is() {
    let refused = |outcome: Result<SigningKey, Error>, words: &str| {
        let error = outcome.unwrap_err();
        assert_eq!(error.code(), "signing_key");
        assert!(error.to_string().contains(words), "{error}");
    };
    for algorithm in ["ES256", "ES384", "EdDSA", "RS256"] {
        let pem = SigningKey::generate_pem(algorithm).unwrap();
        let key = SigningKey::from_pem(pem.clone()).unwrap();
        assert!(!format!("{key:?}").contains("PRIVATE"));
        refused(SigningKey::from_pem(pem.expose().replace('\n', "\\n")), "backslashes");
        refused(SigningKey::from_pem(&pem.expose()[..80]), "PEM");
        refused(SigningKey::from_jwk(key.public_jwk().to_string()), "public key");
    }
    // RFC 7515 appendix A.3 and RFC 8037 appendix A.
    let jwks = [
        r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#,
        r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"k","alg":"EdDSA"}"#,
    ];
    for jwk in jwks {
        let key = SigningKey::from_jwk(jwk).unwrap();
        let (given, public): (Value, Value) = (serde_json::from_str(jwk).unwrap(), key.public_jwk());
        for name in ["kty", "crv", "x", "kid"] {
            assert_eq!(public.get(name), given.get(name));
        }
        assert!(public.get("d").is_none());
        let mut broken = given.clone();
        broken["x"] = json!("AAAA");
        refused(SigningKey::from_jwk(broken.to_string()), "do not belong together");
    }
    // RFC 8037 appendix A.3 has the thumbprint.
    let ed = SigningKey::from_jwk(jwks[1]).unwrap();
    assert_eq!(ed.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    refused(ed.algorithm("ES256"), "not by ES256");
    refused(SigningKey::from_jwk("{"), "not JSON");
    refused(SigningKey::from_jwk(r#"{"keys":[]}"#), "set of keys");
    refused(SigningKey::from_jwk(r#"{"kty":"oct","k":"AAAA","d":"x"}"#), "must be an RSA key");
    refused(SigningKey::from_jwk(r#"{"kty":"RSA","n":"AQAB","e":"AQAB","d":"AQAB"}"#), "not a whole RSA key");
    refused(SigningKey::generate_pem("HS256").map(|_: Secret| unreachable!()), "can be made for");
    refused(
        SigningKey::from_pem(
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----",
        ),
        "password",
    );
}

#[tokio::test]
async fn a_provider_that_was_discovered_without_a_registration_needs_nothing_that_a_key_can_do() {
    let scenario =
        Scenario::openid().metadata("token_endpoint_auth_methods_supported", json!(["private_key_jwt"]));
    let provider = Provider::discover(ISSUER, &scenario.wire.http()).await.unwrap();
    assert!(provider.unmet_needs().is_empty());
}

/// Runs only as a process of its own, with the variables of a job.
#[tokio::test]
async fn the_job_of_a_workflow() {
    if std::env::var_os("ACTIONS_ID_TOKEN_REQUEST_TOKEN").is_none() {
        return;
    }
    let http = vouchsafe::Http::builder().no_proxy().build().unwrap();
    let job = vouchsafe::GithubActions::new(&http, "https://op.example");
    let registration = public().credential(Credential::assertion_from(job));
    let scenario = Scenario::openid().registration(registration);
    let outcome = scenario.log_in().await.map(drop).map_err(|error| format!("{error} {error:?}"));
    let sent = scenario.wire.seen_at("/token").last().and_then(|request| field(request, "client_assertion"));
    // Read by the test that started this process.
    let _ = writeln!(std::io::stdout(), "outcome: {outcome:?} {sent:?}");
}

/// What the job says if its platform answers so, and the request that it sent.
async fn run_job(answer: &'static str) -> (String, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/token?api-version=2", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 8192];
        let read = stream.read(&mut request).await.unwrap();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
        let _ = stream
            .write_all(format!("{head}content-length: {}\r\n\r\n{answer}", answer.len()).as_bytes())
            .await;
        String::from_utf8_lossy(&request[..read]).into_owned()
    });
    let job = tokio::task::spawn_blocking(move || {
        std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", "strong::client_keys::the_job_of_a_workflow"])
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", url)
            .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "runner-hush")
            .output()
            .unwrap()
    });
    let output = String::from_utf8_lossy(&job.await.unwrap().stdout).into_owned();
    (output, served.await.unwrap())
}

#[tokio::test]
async fn the_token_of_a_job_is_requested_for_the_provider() {
    let (output, request) = run_job(r#"{"value":"e30.e30.c2ln","count":1}"#).await;
    assert!(output.contains(r#"outcome: Ok(()) Some("e30.e30.c2ln")"#), "{output}");
    let line = "GET /token?api-version=2&audience=https%3A%2F%2Fop.example HTTP/1.1";
    assert!(request.starts_with(line) && request.contains("authorization: bearer runner-hush"), "{request}");
    for answer in ["{}", r#"{"value":"hush runner-hush"}"#, "<html>"] {
        let (output, _) = run_job(answer).await;
        assert!(output.contains("outcome: Err") && output.contains("None"), "{output}");
        assert!(!output.contains("runner-hush"), "{output}");
    }
}

#[tokio::test]
async fn a_definition_can_say_that_the_audience_is_the_token_endpoint() {
    let definition = |more: &str| {
        let text = format!(
            "slug = \"op\"\ndisplay_name = \"Op\"\nkind = \"openid\"\nissuer = \"{ISSUER}\"\nscopes = [\"openid\"]\n{more}"
        );
        Provider::from_definition(text).unwrap()
    };
    let by_endpoint = "assertion_audience = \"token_endpoint\"";
    let key = key("ES256");
    let audience = |provider: Provider, registration: Registration, endpoint: &str| {
        let endpoint = endpoint.to_owned();
        let key = key.clone();
        async move {
            let scenario = Scenario::openid()
                .provider(provider)
                .registration(registration)
                .metadata("token_endpoint", json!(endpoint));
            scenario.log_in().await.unwrap();
            asserted(&scenario, &key).1["aud"].as_str().unwrap().to_owned()
        }
    };
    let own = "https://op.example/token";
    let plain = || signing(&key);
    assert_eq!(audience(definition(""), plain(), own).await, ISSUER);
    assert_eq!(audience(definition(by_endpoint), plain(), own).await, own);
    // An assertion for another server is not made, whatever the metadata names.
    assert_eq!(audience(definition(by_endpoint), plain(), "https://other.example/token").await, ISSUER);
    let chosen = plain().assertion_audience("https://op.example/par");
    assert_eq!(audience(definition(by_endpoint), chosen, own).await, "https://op.example/par");
}
