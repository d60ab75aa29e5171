//! A code for tokens over loopback, one at a time and 64 at once, in processor time of the client. The limit: hyper, posting
//! the same form.
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::{CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, cpu_ratio, token_answer};
use criterion::{Criterion, criterion_group, criterion_main};
use futures_util::future::join_all;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client as Hyper;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig, crypto::aws_lc_rs};
use url::form_urlencoded::Serializer;
use vouchsafe::{Client, Http, Provider, Registration};

mod common;

const CODE: &str = "SplxlOBeZQQYbYS6WxSbIA-0f9a4a51e1b2c3d4";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// A token endpoint that answers always the same, on a thread of its own. Its port.
fn serve(tls: Option<TlsAcceptor>) -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = Bytes::from(token_answer());
    thread::spawn(move || {
        runtime().block_on(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let (answer, tls) = (answer.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => answer_on(tls.accept(stream).await.unwrap(), answer).await,
                        None => answer_on(stream, answer).await,
                    }
                });
            }
        });
    });
    port
}

async fn answer_on(stream: impl AsyncRead + AsyncWrite + Unpin, answer: Bytes) {
    let service = service_fn(move |request: http::Request<Incoming>| {
        let answer = answer.clone();
        async move {
            let _ = request.into_body().collect().await;
            let json = http::Response::builder().header("content-type", "application/json");
            Ok::<_, Infallible>(json.body(Full::new(answer)).unwrap())
        }
    });
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A certificate for `localhost` that is its own authority, in PEM; the server's side, and a client that trusts it alone.
fn certified() -> (String, TlsAcceptor, ClientConfig) {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let server = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (certificate.pem(), TlsAcceptor::from(Arc::new(server)), client)
}

fn bench(criterion: &mut Criterion) {
    let runtime = runtime();
    let (authority, tls, config) = certified();
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.enforce_http(false);
    let connector = HttpsConnector::from((connector, config));
    let hyper: Hyper<_, Full<Bytes>> = Hyper::builder(TokioExecutor::new()).build(connector);
    let http = Http::builder().no_proxy().certificate_authority(authority).build().unwrap();
    let mut group = criterion.benchmark_group("code exchange");

    for (scheme, port) in [("http", serve(None)), ("https", serve(Some(tls)))] {
        let url = format!("{scheme}://localhost:{port}/token");
        let uri: http::Uri = url.parse().unwrap();
        let (hyper, uri) = (&hyper, &uri);
        let limit = || async move {
            let mut form = Serializer::new(String::with_capacity(256));
            form.append_pair("grant_type", "authorization_code")
                .append_pair("code", CODE)
                .append_pair("code_verifier", VERIFIER)
                .append_pair("redirect_uri", REDIRECT_URI);
            let basic = STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}"));
            let request = http::Request::post(uri.clone())
                .header("authorization", format!("Basic {basic}"))
                .header("content-type", "application/x-www-form-urlencoded")
                .header("accept", "application/json")
                .body(Full::new(Bytes::from(form.finish())))
                .unwrap();
            let answer =
                hyper.request(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
            assert!(answer.len() > 1000);
        };
        let provider = Provider::oauth2("bench")
            .authorization_endpoint("https://a.example/authorize")
            .token_endpoint(&url);
        let registration = Registration::new(CLIENT_ID).secret(CLIENT_SECRET).redirect_uri(REDIRECT_URI);
        let client = Client::new(provider, registration, &http).unwrap();
        let client = &client;
        let ours = || async move {
            let exchange = client.manual().authorization_code(CODE, REDIRECT_URI).code_verifier(VERIFIER);
            assert!(exchange.await.unwrap().refresh_token().is_some());
        };

        group.bench_function(format!("limit: hyper, {scheme}"), |b| b.iter(|| runtime.block_on(limit())));
        group.bench_function(format!("vouchsafe, {scheme}"), |b| b.iter(|| runtime.block_on(ours())));
        let ratio = |at_once: usize, target| {
            let what = format!("code exchange, {scheme}, {at_once} at once, client CPU");
            let (limit, ours) = (&limit, &ours);
            cpu_ratio(&what, target, || times(&runtime, at_once, limit), || times(&runtime, at_once, ours));
        };
        ratio(1, 1.15);
        ratio(64, 1.30);
    }
    group.finish();
}

/// So many of them, beside each other.
fn times<F: Future>(runtime: &Runtime, at_once: usize, call: impl Fn() -> F) {
    runtime.block_on(join_all((0..at_once).map(|_| call())));
}

criterion_group!(benches, bench);
criterion_main!(benches);
