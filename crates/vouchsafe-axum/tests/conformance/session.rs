//! Session management in a browser, with a provider that has a frame: it tells the truth about the session.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use axum::extract::{Query, State};
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use vouchsafe::{Secret, SigningKey};
use vouchsafe_sandbox::{ClientConfig, Sandbox};

use crate::chromium::in_browser;
use crate::{Party, free_url, with_issuer};

struct Provider {
    issuer: String,
    pem: Secret,
    nonce: Mutex<String>,
    /// The messages to the frame, and whether the session has ended.
    seen: Mutex<(Vec<String>, bool)>,
}

type Shared = State<Arc<Provider>>;
type Params = Query<BTreeMap<String, String>>;

impl Provider {
    async fn start() -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let pem = SigningKey::generate_pem("ES256").unwrap();
        let provider = Arc::new(Self { issuer, pem, nonce: Mutex::default(), seen: Mutex::default() });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route(
                "/jwks",
                get(async |State(provider): Shared| Json(json!({"keys": [provider.key().public_jwk()]}))),
            )
            .route("/frame", get(async || Html(FRAME)))
            .route("/status", get(status))
            .route("/end", get(end))
            .with_state(Arc::clone(&provider));
        tokio::spawn(async move { axum::serve(listener, router).await });
        provider
    }

    fn key(&self) -> SigningKey {
        SigningKey::from_pem(self.pem.clone()).unwrap()
    }
}

async fn metadata(State(provider): Shared) -> Json<Value> {
    let at = |path: &str| format!("{}{path}", provider.issuer);
    Json(json!({
        "issuer": provider.issuer, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
        "jwks_uri": at("/jwks"), "check_session_iframe": at("/frame"), "end_session_endpoint": at("/end"),
        "response_types_supported": ["code"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    }))
}

async fn authorize(State(provider): Shared, Query(asked): Params) -> Redirect {
    provider.nonce.lock().unwrap().clone_from(&asked["nonce"]);
    Redirect::to(&format!(
        "{}?code=c&state={}&session_state=hash.salt",
        asked["redirect_uri"], asked["state"]
    ))
}

async fn token(State(provider): Shared) -> Json<Value> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({
        "iss": provider.issuer, "sub": "alice", "aud": "rp 1", "iat": now, "exp": now + 300,
        "nonce": *provider.nonce.lock().unwrap(),
    });
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(json!({"alg": "ES256"})), part(claims));
    let body: String = provider.pem.expose().lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(body).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).unwrap();
    let signature = pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    let id_token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()));
    Json(json!({"access_token": "a", "token_type": "Bearer", "expires_in": 300, "id_token": id_token}))
}

async fn status(State(provider): Shared, Query(asked): Params) -> &'static str {
    let mut seen = provider.seen.lock().unwrap();
    seen.0.push(asked["message"].clone());
    if seen.1 { "changed" } else { "unchanged" }
}

async fn end(State(provider): Shared, Query(asked): Params) -> Redirect {
    provider.seen.lock().unwrap().1 = true;
    Redirect::to(&asked["post_logout_redirect_uri"])
}

const FRAME: &str = r"<!doctype html><script>
addEventListener('message', async event => {
  const response = await fetch('/status?message=' + encodeURIComponent(event.data));
  event.source.postMessage(await response.text(), event.origin);
});
</script>";

#[tokio::test]
async fn the_frame_is_asked_before_and_after_the_logout() {
    let provider = Provider::start().await;
    let asked = Arc::clone(&provider);
    let program = async move {
        let url = free_url();
        let more = json!({
            "module": "oidcc-client-test-session-management", "scopes": ["openid"], "client": {
                "client_id": "rp 1", "client_secret": "secret", "post_logout_redirect_uri": format!("{url}/bye"),
            },
        });
        (Party::start(with_issuer(url.clone(), &asked.issuer, "logout", more)).await, url)
    };
    in_browser(program, async move |browser, party: &mut Party| {
        party.ready().await;
        for script in [Value::Null, json!(true), Value::Null, json!(true)] {
            let line = party.line().await;
            assert_eq!((&line["event"], &line["script"]), (&json!("browse"), &script), "{line}");
            browser.client.goto(line["url"].as_str().unwrap()).await.unwrap();
        }
        assert_eq!(party.line().await, Value::Null);
        assert_eq!(party.process.wait().await.unwrap().code(), Some(0));
        let (messages, is_over) = &*provider.seen.lock().unwrap();
        assert!(*is_over && messages.len() >= 2, "{messages:?}");
        assert!(messages.iter().all(|message| message == "rp 1 hash.salt"), "{messages:?}");
    })
    .await;
}

#[tokio::test]
async fn a_provider_that_computes_the_state_tells_the_same() {
    let url = free_url();
    let secret = "a secret of the rp that is long enough";
    // An identifier with a space, as the suite gives out.
    let client = ClientConfig::confidential("rp 1", secret)
        .redirect_uri(format!("{url}/callback"))
        .post_logout_redirect_uri(format!("{url}/bye"));
    let sandbox = Sandbox::builder().client(client).session_management().start().await.unwrap();
    let issuer = sandbox.issuer().to_owned();
    let program = async move {
        let more = json!({
            "module": "oidcc-client-test-session-management", "scopes": ["openid"], "client": {
                "client_id": "rp 1", "client_secret": secret, "post_logout_redirect_uri": format!("{url}/bye"),
            },
        });
        (Party::start(with_issuer(url.clone(), &issuer, "logout", more)).await, url)
    };
    in_browser(program, async move |browser, party: &mut Party| {
        let _sandbox = &sandbox;
        party.ready().await;
        let login = party.browse().await;
        browser.client.goto(&login).await.unwrap();
        browser.click_at("//button[@name='user'][@value='alice']").await;
        browser.click("Allow").await;
        browser.sees("You are signed in.").await;
        // `unchanged`, the sign-out, and `changed`.
        for _ in 0..3 {
            let line = party.line().await;
            assert_eq!(line["event"], "browse", "{line}");
            browser.client.goto(line["url"].as_str().unwrap()).await.unwrap();
        }
        assert_eq!(party.line().await, Value::Null);
        assert_eq!(party.process.wait().await.unwrap().code(), Some(0));
    })
    .await;
}
