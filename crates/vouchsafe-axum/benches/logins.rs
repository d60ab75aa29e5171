//! A whole login at a site, in processor time of the site: a browser opens `/login` over loopback and brings the response to
//! `/callback`; the site requests the tokens, verifies the ID token, begins a session in a cookie and keeps the tokens in memory.
//!
//! The limit: an axum server with the same two routes, which does the same cryptography, the same token request by hyper, and
//! nothing else. It keeps no tokens and checks nothing but the signature. Both are visited by the same browser on another thread,
//! and the provider is on a third: their time counts for nobody. The second line compares with the cryptography and the token
//! request alone, without the server that the browser needs.
//!
//! The target is missed: 1.9 to 2.1 times the limit on an AMD EPYC. The limit has 484,000 instructions a login (292,000 of them
//! are those of the signature), the site 742,000. Those between the two run once in each login, so that a processor waits for
//! their code and memory: in a simulated cache of 32 kB, 7,300 lines of code more are fetched for each login, and no function has
//! more than 3 % of them. The number of people at once, the allocator and the kind of link-time optimisation change little.
use std::convert::Infallible;
use std::future::ready;
use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
};
use axum::body::Body;
use axum::http::header::{COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, Request, StatusCode, Uri};
use axum::serve::ListenerExt;
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
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};
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

/// Serves an application on the thread of this runtime. Its address.
fn serve(runtime: &Runtime, app: Router) -> SocketAddr {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    runtime.spawn(axum::serve(listener, app).into_future());
    address
}

/// Browsers on a thread of their own, behind what ends TLS for the site.
struct Browsers {
    visits: mpsc::UnboundedSender<(SocketAddr, oneshot::Sender<()>)>,
}

impl Browsers {
    fn start() -> Self {
        let (visits, mut coming) = mpsc::unbounded_channel::<(SocketAddr, oneshot::Sender<()>)>();
        thread::spawn(move || {
            runtime().block_on(async move {
                let hyper = hyper();
                while let Some((site, done)) = coming.recv().await {
                    join_all((0..AT_ONCE).map(|_| sign_in(&hyper, site))).await;
                    done.send(()).unwrap();
                }
            });
        });
        Self { visits }
    }

    /// People sign in at a site, all at once.
    async fn sign_in(&self, site: SocketAddr) {
        let (done, are_in) = oneshot::channel();
        self.visits.send((site, done)).unwrap();
        are_in.await.unwrap();
    }
}

fn hyper() -> Hyper<HttpConnector, Full<Bytes>> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Hyper::builder(TokioExecutor::new()).build(connector)
}

/// A person signs in, and the browser keeps the cookie of the session.
async fn sign_in(hyper: &Hyper<HttpConnector, Full<Bytes>>, site: SocketAddr) {
    let page = |path: &str, cookie: Option<&str>| {
        let request = Request::get(format!("http://{site}{path}"))
            .header("host", "app.example.com")
            .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
            .header("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
            .header("sec-fetch-dest", "document")
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-site", if cookie.is_some() { "cross-site" } else { "same-origin" });
        let request = cookie.into_iter().fold(request, |request, cookie| request.header(COOKIE, cookie));
        let request = request.body(Full::default()).unwrap();
        async {
            let (parts, body) = hyper.request(request).await.unwrap().into_parts();
            body.collect().await.unwrap();
            assert_eq!(parts.status, StatusCode::SEE_OTHER);
            parts.headers
        }
    };
    let cookie = |headers: &HeaderMap| {
        let cookies = headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap());
        let set = cookies.filter(|cookie| !cookie.contains("Max-Age=0"));
        set.map(|cookie| cookie.split(';').next().unwrap().to_owned()).next().unwrap()
    };
    let headers = page("/login/a?return_to=/inbox", None).await;
    let url = Url::parse(headers[LOCATION].to_str().unwrap()).unwrap();
    let value = |name: &str| url.query_pairs().find(|(known, _)| known == name).unwrap().1.into_owned();
    let callback = format!("/callback/a?code={}&state={}", value("nonce"), value("state"));
    let headers = page(&callback, Some(&cookie(&headers))).await;
    assert!(cookie(&headers).contains("session"));
}

/// What no implementation can leave out.
struct Least {
    hyper: Hyper<HttpConnector, Full<Bytes>>,
    authorize: String,
    token: hyper::Uri,
    seal: LessSafeKey,
    names: hmac::Key,
    account: String,
    key: ParsedPublicKey,
}

impl Least {
    fn new(op: &Op) -> Arc<Self> {
        let mut least = Self {
            hyper: hyper(),
            authorize: format!("{}/authorize", op.issuer),
            token: format!("{}/token", op.issuer).parse().unwrap(),
            seal: LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, &[7; 32]).unwrap()),
            names: hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]),
            account: String::new(),
            key: ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, op.key.public_key()).unwrap(),
        };
        least.account = least.sealed(ACCOUNT);
        Arc::new(least)
    }

    /// The routes that the browser needs, and nothing else.
    fn site(self: &Arc<Self>) -> Router {
        let (starting, least) = (self.clone(), self.clone());
        let leave = |url: &str, cookie: &str| {
            let response = axum::http::Response::builder().status(StatusCode::SEE_OTHER);
            let response = response.header(LOCATION, url).header(SET_COOKIE, cookie);
            response.body(Body::empty()).unwrap()
        };
        let login = move || {
            let ([state, nonce, challenge], sealed) = starting.start();
            let (url, place) = (&starting.authorize, form_urlencoded::byte_serialize(CALLBACK.as_bytes()));
            let place: String = place.collect();
            let url = format!(
                "{url}?response_type=code&client_id={CLIENT_ID}&redirect_uri={place}&scope=openid&state={state}\
                 &nonce={nonce}&code_challenge={challenge}&code_challenge_method=S256"
            );
            let cookie = format!("login={sealed}; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure");
            ready(leave(&url, &cookie))
        };
        let callback = move |uri: Uri, headers: HeaderMap| {
            let least = least.clone();
            async move {
                let query = form_urlencoded::parse(uri.query().unwrap().as_bytes());
                let code = query.filter(|(name, _)| name == "code").map(|(_, code)| code).next().unwrap();
                let login = headers[COOKIE].to_str().unwrap().strip_prefix("login=").unwrap();
                let sealed = least.finish(login, &code).await;
                let cookie =
                    format!("session={sealed}; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure");
                leave("/inbox", &cookie)
            }
        };
        Router::new().route("/login/a", get(login)).route("/callback/a", get(callback))
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

    /// State, nonce and code challenge, and the cookie that keeps them.
    fn start(&self) -> ([String; 3], String) {
        let mut random = [0; 96];
        aws_lc_rs::rand::fill(&mut random).unwrap();
        let verifier = base64url(&random[..32]);
        let challenge = base64url(digest(&SHA256, verifier.as_bytes()));
        ([base64url(&random[32..64]), base64url(&random[64..]), challenge], self.sealed(LOGIN))
    }

    /// The cookie of the session.
    async fn finish(&self, login: &str, code: &str) -> String {
        // The code is sent once: something has to know this login again.
        black_box(digest(&SHA256, &self.opened(login)));
        let form = Serializer::new(String::with_capacity(256))
            .append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("code_verifier", VERIFIER)
            .append_pair("redirect_uri", CALLBACK)
            .finish();
        let basic = STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}"));
        let request = Request::post(self.token.clone())
            .header("authorization", format!("Basic {basic}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Full::new(Bytes::from(form)))
            .unwrap();
        let response =
            self.hyper.request(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
        let Tokens { id_token } = serde_json::from_slice(&response).unwrap();
        let (message, signature) = id_token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        self.key.verify_sig(message.as_bytes(), &signature).unwrap();
        // The account is found under a name that shows nothing. The tokens go to the store, the session to the browser.
        black_box((hmac::sign(&self.names, &[7; 64]), self.opened(&self.account)));
        black_box(self.sealed(TOKENS));
        self.sealed(SESSION)
    }
}

#[derive(Deserialize)]
struct Tokens<'t> {
    id_token: &'t str,
}

fn bench(_: &mut Criterion) {
    let runtime = runtime();
    let (op, browsers) = (Op::serve(), Browsers::start());
    let least = Least::new(&op);
    let sites = [site(&op), least.site()].map(|app| serve(&runtime, app));
    let [ours, limit] = sites.map(|site| {
        let (runtime, browsers) = (&runtime, &browsers);
        move || runtime.block_on(browsers.sign_in(site))
    });
    let alone = || {
        let one = async || {
            let ([_, nonce, _], login) = least.start();
            black_box(least.finish(&login, &nonce).await);
        };
        runtime.block_on(join_all((0..AT_ONCE).map(|_| one())));
    };
    // 0.8 times the logins per second of the limit.
    cpu_ratio("logins, 64 at once, site CPU", 1.25, &limit, &ours);
    cpu_ratio("the same, limit without its server", 1.25, &alone, &ours);
}

const AT_ONCE: usize = 64;
/// The bytes that are sealed for each.
const LOGIN: usize = 600;
const SESSION: usize = 500;
const TOKENS: usize = 1_200;
const ACCOUNT: usize = 100;

criterion_group!(benches, bench);
criterion_main!(benches);
