//! A whole login at a site, in processor time of the site: `/login`, the token request, the ID token, the session in a cookie, the
//! tokens in memory. The limit: the same cryptography and the same token request by hyper, and nothing else.
use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
};
use axum::body::Body;
use axum::http::header::{COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::{Router, routing::get};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use common::{CLIENT_ID, CLIENT_SECRET, base64url, cpu_ratio};
use criterion::{Criterion, criterion_group, criterion_main};
use futures_util::future::join_all;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::client::legacy::Client as Hyper;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;
use url::form_urlencoded::Serializer;
use url::{Url, form_urlencoded};
use vouchsafe::seal::KeyRing;
use vouchsafe::{Client, Http, Provider, Registration};
use vouchsafe_axum::{Site, User};

#[path = "../../vouchsafe/benches/common/mod.rs"]
mod common;

const SITE: &str = "https://app.example.com";
const CALLBACK: &str = "https://app.example.com/callback/a";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// A provider on a thread of its own. A code of it is the nonce of its login.
struct Op {
    issuer: String,
    key: RsaKeyPair,
}

impl Op {
    fn serve() -> Arc<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let issuer = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let op = Arc::new(Self { issuer, key: RsaKeyPair::generate(KeySize::Rsa2048).unwrap() });
        let serving = op.clone();
        thread::spawn(move || {
            runtime().block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    stream.set_nodelay(true).unwrap();
                    let op = serving.clone();
                    let service = service_fn(move |request| {
                        let op = op.clone();
                        async move { Ok::<_, Infallible>(op.respond(request).await) }
                    });
                    let connection = hyper::server::conn::http1::Builder::new();
                    tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
                }
            });
        });
        op
    }

    async fn respond(&self, request: Request<Incoming>) -> axum::http::Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        let form = request.into_body().collect().await.unwrap().to_bytes();
        let answer = match &*path {
            "/token" => {
                let code = form_urlencoded::parse(&form).find(|(name, _)| name == "code").unwrap().1;
                self.tokens(&code)
            }
            "/keys" => {
                // In DER, the modulus of a key of this size is behind nine bytes.
                let modulus = &self.key.public_key().as_ref()[9..265];
                json!({ "keys": [{ "kty": "RSA", "kid": "1", "n": base64url(modulus), "e": "AQAB" }] })
            }
            _ => json!({
                "issuer": self.issuer,
                "authorization_endpoint": format!("{}/authorize", self.issuer),
                "token_endpoint": format!("{}/token", self.issuer),
                "jwks_uri": format!("{}/keys", self.issuer),
                "id_token_signing_alg_values_supported": ["RS256"],
            }),
        };
        let json = axum::http::Response::builder().header("content-type", "application/json");
        json.body(Full::new(answer.to_string().into())).unwrap()
    }

    fn tokens(&self, nonce: &str) -> Value {
        json!({
            "access_token": base64url([0x5a; 216]), "token_type": "Bearer", "expires_in": 3600,
            "refresh_token": base64url([0xa5; 48]), "scope": "openid profile email",
            "id_token": self.id_token(nonce),
        })
    }

    fn id_token(&self, nonce: &str) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let claims = json!({
            "iss": self.issuer, "sub": "248289761001-7f3a", "aud": CLIENT_ID, "exp": now + 86400, "iat": now,
            "auth_time": now - 5, "nonce": nonce, "sid": "e1b2c3d4-0f9a-4a51",
            "name": "Jane Doe", "email": "jane@example.org", "email_verified": true,
        });
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": "1" });
        let message = format!("{}.{}", base64url(header.to_string()), base64url(claims.to_string()));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
        format!("{message}.{}", base64url(&signature))
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// The site.
fn site(op: &Op) -> Router {
    let registration = Registration::new(CLIENT_ID).secret(CLIENT_SECRET);
    let http = Http::builder().no_proxy().build().unwrap();
    let client = Client::new(Provider::openid(&op.issuer), registration, &http).unwrap();
    let site = Site::builder(SITE, KeyRing::generate().unwrap()).provider_named("a", client).build().unwrap();
    let home = |user: User| async move { user.account().to_owned() };
    Router::new().route("/", get(home)).layer(Site(site))
}

/// A person signs in, and the browser keeps the cookie of the session.
async fn sign_in(site: &Router) {
    let page = |path: &str, cookie: &str| {
        let request =
            Request::get(path).header("host", "app.example.com").header("sec-fetch-mode", "navigate");
        let request = request.header(COOKIE, cookie).body(Body::empty()).unwrap();
        async { site.clone().oneshot(request).await.unwrap() }
    };
    let cookie = |headers: &HeaderMap| {
        let cookies = headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap());
        let set = cookies.filter(|cookie| !cookie.contains("Max-Age=0"));
        set.map(|cookie| cookie.split(';').next().unwrap().to_owned()).next().unwrap()
    };
    let response = page("/login/a?return_to=/inbox", "").await;
    let url = Url::parse(response.headers()[LOCATION].to_str().unwrap()).unwrap();
    let value = |name: &str| url.query_pairs().find(|(known, _)| known == name).unwrap().1.into_owned();
    let callback = format!("/callback/a?code={}&state={}", value("nonce"), value("state"));
    let response = page(&callback, &cookie(response.headers())).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert!(cookie(response.headers()).contains("session"));
}

/// What no implementation can leave out.
struct Least {
    hyper: Hyper<HttpConnector, Full<Bytes>>,
    token: hyper::Uri,
    seal: LessSafeKey,
    key: ParsedPublicKey,
}

impl Least {
    fn new(op: &Op) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self {
            hyper: Hyper::builder(TokioExecutor::new()).build(connector),
            token: format!("{}/token", op.issuer).parse().unwrap(),
            seal: LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, &[7; 32]).unwrap()),
            key: ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, op.key.public_key()).unwrap(),
        }
    }

    fn sealed(&self, bytes: usize) -> String {
        let mut nonce = [0; 12];
        aws_lc_rs::rand::fill(&mut nonce).unwrap();
        let mut text = vec![b'x'; bytes];
        self.seal
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from("purpose"), &mut text)
            .unwrap();
        text.extend_from_slice(&nonce);
        URL_SAFE_NO_PAD.encode(text)
    }

    fn opened(&self, sealed: &str) -> Vec<u8> {
        let mut bytes = URL_SAFE_NO_PAD.decode(sealed).unwrap();
        let nonce = bytes.split_off(bytes.len() - 12);
        let nonce = Nonce::try_assume_unique_for_key(&nonce).unwrap();
        self.seal.open_in_place(nonce, Aad::from("purpose"), &mut bytes).unwrap().to_vec()
    }

    async fn sign_in(&self) {
        // State, nonce and code verifier, kept in a sealed cookie.
        let mut random = [0; 96];
        aws_lc_rs::rand::fill(&mut random).unwrap();
        black_box(digest(&SHA256, &random));
        let login = self.sealed(LOGIN);
        // The callback.
        black_box(self.opened(&login));
        let mut form = Serializer::new(String::with_capacity(256));
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", "n-0S6_WzA2MjX9b3tq1RzD4w")
            .append_pair("code_verifier", VERIFIER)
            .append_pair("redirect_uri", CALLBACK);
        let basic = STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}"));
        let request = Request::post(self.token.clone())
            .header("authorization", format!("Basic {basic}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Full::new(Bytes::from(form.finish())))
            .unwrap();
        let answer =
            self.hyper.request(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let (message, signature) = answer["id_token"].as_str().unwrap().rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        self.key.verify_sig(message.as_bytes(), &signature).unwrap();
        // The session goes to the browser, the tokens to the store. The account is looked up there.
        black_box((self.sealed(SESSION), self.sealed(TOKENS)));
        black_box(self.opened(&self.sealed(ACCOUNT)));
    }
}

fn bench(_: &mut Criterion) {
    let runtime = runtime();
    let op = Op::serve();
    let (site, least) = (site(&op), Least::new(&op));
    let ours = || runtime.block_on(join_all((0..AT_ONCE).map(|_| sign_in(&site))));
    let limit = || runtime.block_on(join_all((0..AT_ONCE).map(|_| least.sign_in())));
    // 0.8 times the logins per second of the limit.
    cpu_ratio("logins, 64 at once, site CPU", 1.25, || drop(limit()), || drop(ours()));
}

const AT_ONCE: usize = 64;
/// About the bytes that are sealed for each.
const LOGIN: usize = 600;
const SESSION: usize = 500;
const TOKENS: usize = 1_200;
const ACCOUNT: usize = 100;

criterion_group!(benches, bench);
criterion_main!(benches);
