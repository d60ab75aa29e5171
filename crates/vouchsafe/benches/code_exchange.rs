//! A code for tokens over loopback, in processor time of the client. The limit: hyper, posting the same form.
use std::convert::Infallible;
use std::net::SocketAddr;
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::{CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, cpu_ratio, token_answer};
use criterion::{Criterion, criterion_group, criterion_main};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::client::legacy::Client as Hyper;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use url::form_urlencoded::Serializer;
use vouchsafe::{Client, Http, Provider, Registration};

mod common;

const CODE: &str = "SplxlOBeZQQYbYS6WxSbIA-0f9a4a51e1b2c3d4";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// A token endpoint that answers always the same, on a thread of its own.
fn serve() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Bytes::from(token_answer());
    thread::spawn(move || {
        runtime().block_on(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let answer = answer.clone();
                let service = service_fn(move |request: http::Request<Incoming>| {
                    let answer = answer.clone();
                    async move {
                        let _ = request.into_body().collect().await;
                        let json = http::Response::builder().header("content-type", "application/json");
                        Ok::<_, Infallible>(json.body(Full::new(answer)).unwrap())
                    }
                });
                let connection = hyper::server::conn::http1::Builder::new();
                tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
            }
        });
    });
    address
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn bench(criterion: &mut Criterion) {
    let url = format!("http://{}/token", serve());
    let runtime = runtime();

    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let hyper: Hyper<_, Full<Bytes>> = Hyper::builder(TokioExecutor::new()).build(connector);
    let uri: http::Uri = url.parse().unwrap();
    let limit = || {
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
        runtime.block_on(async {
            let answer =
                hyper.request(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
            assert!(answer.len() > 1000);
        });
    };

    let provider =
        Provider::oauth2("bench").authorization_endpoint("https://a.example/authorize").token_endpoint(&url);
    let registration = Registration::new(CLIENT_ID).secret(CLIENT_SECRET).redirect_uri(REDIRECT_URI);
    let client = Client::new(provider, registration, &Http::new().unwrap()).unwrap();
    let ours = || {
        let exchange = client.manual().authorization_code(CODE, REDIRECT_URI).code_verifier(VERIFIER);
        let tokens = runtime.block_on(exchange.into_future()).unwrap();
        assert!(tokens.refresh_token().is_some());
    };

    let mut group = criterion.benchmark_group("code exchange");
    group.bench_function("limit: hyper", |b| b.iter(limit));
    group.bench_function("vouchsafe: authorization_code()", |b| b.iter(ours));
    group.finish();
    cpu_ratio("code exchange, client CPU", 1.25, limit, ours);
}

criterion_group!(benches, bench);
criterion_main!(benches);
