//! Where strangers say where to connect to: nothing but the public internet is spoken to (server-side request forgery).
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::net::TcpListener;
use vouchsafe::error::{Check, Operation};
use vouchsafe::http::{BoxFuture, HttpClient, Limits, Request, Response, TransportError};
use vouchsafe::{Client, Error, Http, Provider};
use vouchsafe_sandbox::Sandbox;

use crate::scenario::{REDIRECT_URI, acme, web};

fn filtered() -> Http {
    Http::builder().no_proxy().public_addresses_only().build().unwrap()
}

/// A port of this machine, and how many connections came there.
async fn listener(address: &str) -> (u16, Arc<AtomicU32>) {
    let listener = TcpListener::bind(address).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let accepted: Arc<AtomicU32> = Arc::default();
    let count = accepted.clone();
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, accepted)
}

async fn exchange(url: &str, http: &Http) -> Error {
    let client = Client::new(acme().token_endpoint(url), web(), http).unwrap();
    client.manual().authorization_code("c", REDIRECT_URI).await.unwrap_err()
}

#[tokio::test]
async fn a_provider_on_this_machine_is_refused_by_address_and_by_name() {
    let sandbox = Sandbox::start().await.unwrap();
    let port = sandbox.issuer().rsplit(':').next().unwrap().to_owned();
    for issuer in [sandbox.issuer().to_owned(), format!("http://localhost:{port}")] {
        let error = Provider::discover(issuer.as_str(), &filtered()).await.unwrap_err();
        let Error::Validation(refusal) = &error else { panic!("{error}") };
        assert_eq!((refusal.check(), error.code()), (Check::AddressRefused, "address_refused"));
        assert_eq!(error.operation(), Operation::Discovery);
        assert!(!error.is_retryable());
        assert_eq!(
            error.to_string(),
            format!(
                "reading the provider's metadata was refused: {issuer} is not at a public address, and this client \
                 connects only to public addresses \
                 (HttpBuilder::public_addresses_only)"
            )
        );
    }
    assert!(Provider::discover(sandbox.issuer(), &Http::new().unwrap()).await.is_ok());
}

#[tokio::test]
async fn no_spelling_of_an_address_arrives() {
    let (port, accepted) = listener("127.0.0.1:0").await;
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "017700000001",
        "0177.0.0.1",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "127。0。0。1",
        "localhost",
        "LOCALHOST",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "0.0.0.0",
        "0",
        "[::]",
        "10.0.0.1",
        "169.254.169.254",
        "0xa9fea9fe",
        "[fd00:ec2::254]",
        "[fe80::1]",
    ] {
        let error = exchange(&format!("https://{host}:{port}/token"), &filtered()).await;
        assert_eq!(error.code(), "address_refused", "{host}: {error}");
    }
    for host in ["127.0.0.1", "2130706433", "0177.0.0.1", "localhost", "[::1]"] {
        assert_eq!(
            exchange(&format!("http://{host}:{port}/token"), &filtered()).await.code(),
            "address_refused"
        );
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 0, "a connection arrived");
    // The same without the filter, to know that one would have been seen.
    let http = Http::builder().no_proxy().build().unwrap();
    let error = exchange(&format!("http://2130706433:{port}/token"), &http).await;
    assert_eq!(error.code(), "interrupted_answer", "{error}");
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
}

#[test]
fn a_proxy_and_the_filter_do_not_go_together() {
    let error = Http::builder().public_addresses_only().proxy("http://127.0.0.1:1").build().unwrap_err();
    assert!(matches!(error, Error::Config(_)));
    assert_eq!(error.code(), "proxy");
    assert!(error.to_string().contains("no_proxy"), "{error}");
    let again = Http::builder().public_addresses_only().proxy("http://127.0.0.1:1").no_proxy();
    assert!(again.build().is_ok(), "the last word counts");
}

#[test]
fn a_proxy_of_the_environment_is_told_of_too() {
    if std::env::var_os("HTTPS_PROXY").is_some_and(|proxy| proxy == IN_CHILD) {
        assert_eq!(Http::builder().public_addresses_only().build().unwrap_err().code(), "proxy");
        assert!(Http::builder().public_addresses_only().no_proxy().build().is_ok());
        return;
    }
    // The environment of this process belongs to the other tests as well.
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "addresses::a_proxy_of_the_environment_is_told_of_too"])
        .env("HTTPS_PROXY", IN_CHILD)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
}

const IN_CHILD: &str = "http://proxy.example:3128";

#[tokio::test]
async fn a_client_of_ones_own_can_refuse_as_well() {
    struct Picky;
    impl HttpClient for Picky {
        fn send(&self, _: Request, _: Limits) -> BoxFuture<'_, Result<Response, TransportError>> {
            assert!(!vouchsafe::http::is_public_address([10, 0, 0, 1].into()));
            Box::pin(std::future::ready(Err(TransportError::address_refused())))
        }
    }
    assert_eq!(exchange("https://acme.example/token", &Http::from(Picky)).await.code(), "address_refused");
}
