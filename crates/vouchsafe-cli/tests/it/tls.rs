//! Server certificates that cannot be trusted, and the advice for each.
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::support::Cli;

/// A server with a self-signed certificate of that kind: its issuer, and the file of the certificate.
async fn server(name: &str, change: impl FnOnce(&mut CertificateParams)) -> (String, PathBuf) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    change(&mut params);
    let certificate = params.self_signed(&key).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    let (listener, acceptor) =
        (TcpListener::bind("127.0.0.1:0").await.unwrap(), TlsAcceptor::from(Arc::new(config)));
    let issuer = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // The client hangs up without a request, or gets no response.
            drop(acceptor.accept(stream).await);
        }
    });
    let file = std::env::temp_dir().join(format!("vouchsafe-tls-{name}-{}.pem", std::process::id()));
    std::fs::write(&file, certificate.pem()).unwrap();
    (issuer, file)
}

async fn refused(issuer: &str, more: &[&str], code: &str) -> String {
    let done = Cli::new(&[&["discover", issuer, "--json"], more].concat()).run().await;
    done.assert_failed(5, "network", code)
}

#[tokio::test]
async fn a_self_signed_certificate_of_an_authority_is_told_with_the_way_to_a_right_one() {
    let (issuer, file) =
        server("authority", |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)).await;
    let message = refused(&issuer, &["--ca-file", file.to_str().unwrap()], "tls").await;
    for expected in
        ["marked as a certificate authority", "CA:FALSE", "subjectAltName", "even if you trust it"]
    {
        assert!(message.contains(expected), "{expected}: {message}");
    }
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn a_self_signed_certificate_that_is_not_an_authority_is_trusted_with_ca_file() {
    let (issuer, file) = server("leaf", |params| params.is_ca = IsCa::ExplicitNoCa).await;
    let message = refused(&issuer, &[], "tls").await;
    assert!(message.contains("--ca-file"), "{message}");
    // TLS is fine now. This server has no response.
    refused(&issuer, &["--ca-file", file.to_str().unwrap()], "connect").await;
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn a_certificate_for_another_host_or_another_time_is_told_so() {
    let other = |params: &mut CertificateParams| {
        params.subject_alt_names =
            CertificateParams::new(vec!["other.example".to_owned()]).unwrap().subject_alt_names;
    };
    let old = |params: &mut CertificateParams| params.not_after = rcgen::date_time_ymd(2001, 1, 1);
    let new = |params: &mut CertificateParams| params.not_before = rcgen::date_time_ymd(2999, 1, 1);
    for (name, change, expected) in [
        ("other", &other as &dyn Fn(&mut CertificateParams), "is for another host"),
        ("old", &old, "check the clock"),
        ("new", &new, "check the clock of this machine first"),
    ] {
        let change = |params: &mut CertificateParams| {
            params.is_ca = IsCa::ExplicitNoCa;
            change(params);
        };
        let (issuer, file) = server(name, change).await;
        let message = refused(&issuer, &["--ca-file", file.to_str().unwrap()], "tls").await;
        assert!(message.contains(expected), "{message}");
        assert_eq!(message.contains("--ca-file"), name == "new", "{message}");
        std::fs::remove_file(file).unwrap();
    }
}
