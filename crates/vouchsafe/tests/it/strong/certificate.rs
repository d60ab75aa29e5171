//! TLS client certificates (RFC 8705), with a server that asks for one.
use std::sync::{Arc, Mutex};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::{
    self, DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme, crypto,
};
use vouchsafe::{Client, ClientAuth, ClientCertificate, Http, Provider, Registration};

use crate::scenario::{ISSUER, REDIRECT_URI, Scenario, public, web};
use crate::wire::field;

/// Asks for a certificate, and takes any or none. The handshake proves that the client has its key.
#[derive(Debug)]
struct AnyCertificate(Arc<crypto::CryptoProvider>);

impl ClientCertVerifier for AnyCertificate {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        crypto::verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        crypto::verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// A request, and the certificate that was presented with it.
type Seen = (String, Option<Vec<u8>>);

/// A token endpoint on TLS that notes the request and the certificate of each.
struct Server {
    port: u16,
    authority: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    async fn start() -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let provider = Arc::new(crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(Arc::new(AnyCertificate(provider)))
            .with_single_cert(
                vec![cert.der().clone()],
                PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap(),
            )
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen: Arc<Mutex<Vec<_>>> = Arc::default();
        let noted = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, noted) = (acceptor.clone(), noted.clone());
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let presented = stream.get_ref().1.peer_certificates().map(|chain| chain[0].to_vec());
                    let mut request = vec![0; 16 * 1024];
                    let read = stream.read(&mut request).await.unwrap_or(0);
                    noted
                        .lock()
                        .unwrap()
                        .push((String::from_utf8_lossy(&request[..read]).into_owned(), presented));
                    let body = r#"{"access_token":"a","token_type":"Bearer","sub":"1"}"#;
                    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
                    let _ = stream
                        .write_all(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes())
                        .await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        Self { port, authority: cert.pem(), seen }
    }

    fn client(&self, registration: Registration) -> Client {
        let http = Http::builder().no_proxy().certificate_authority(self.authority.clone()).build().unwrap();
        let base = format!("https://localhost:{}", self.port);
        let provider = Provider::oauth2("acme")
            .authorization_endpoint(format!("{base}/authorize"))
            .token_endpoint(format!("{base}/token"))
            .userinfo_endpoint(format!("{base}/me"));
        Client::new(provider, registration, &http).unwrap()
    }
}

pub(super) fn certificate() -> ClientCertificate {
    with_bytes().0
}

/// A certificate of a client, and its bytes.
fn with_bytes() -> (ClientCertificate, Vec<u8>) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["my-client".to_owned()]).unwrap();
    let pem = format!("{}{}", cert.pem(), signing_key.serialize_pem());
    (ClientCertificate::from_pem(pem).unwrap(), cert.der().to_vec())
}

/// A certificate of a client in PEM, and the same with its key.
pub(super) fn with_pem() -> (String, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["my-client".to_owned()]).unwrap();
    (cert.pem(), format!("{}{}", cert.pem(), signing_key.serialize_pem()))
}

#[tokio::test]
async fn the_certificate_is_presented_by_its_client_and_by_no_other() {
    let server = Server::start().await;
    let (certificate, der) = with_bytes();
    let registration = public().certificate(certificate).client_auth(ClientAuth::SelfSignedTlsClientAuth);
    let client = server.client(registration);
    let tokens = client.manual().authorization_code("c", REDIRECT_URI).await.unwrap();
    client.profile(&tokens).await.unwrap();
    let seen = std::mem::take(&mut *server.seen.lock().unwrap());
    assert_eq!(seen.len(), 2);
    for (_, presented) in &seen {
        assert_eq!(presented.as_ref(), Some(&der), "RFC 8705 §3: also with the token");
    }
    // Section 2: the client id says which certificate to expect.
    assert!(seen[0].0.contains("client_id=my-client") && !seen[0].0.contains("client_assertion"));

    server.client(web()).manual().authorization_code("c", REDIRECT_URI).await.unwrap();
    let seen = std::mem::take(&mut *server.seen.lock().unwrap());
    assert_eq!(seen[0].1, None);
}

#[tokio::test]
async fn aliases_are_for_those_who_present_a_certificate() {
    // RFC 8705 §5; FAPI 2.0 §5.3.3.1.
    let aliases = json!({
        "token_endpoint": "https://mtls.op.example/token", "userinfo_endpoint": "https://mtls.op.example/userinfo",
        "authorization_endpoint": "https://mtls.op.example/authorize",
    });
    let host_of = async |registration: Registration, path: &str| {
        let scenario =
            Scenario::openid().registration(registration).metadata("mtls_endpoint_aliases", aliases.clone());
        let login = scenario.started().await;
        assert!(login.url.starts_with("https://op.example/authorize"), "the browser has no certificate");
        let outcome = scenario.log_in().await;
        if let Ok(tokens) = outcome {
            scenario.client().profile(&tokens).await.unwrap();
        }
        let seen = scenario.wire.seen_at(path);
        let request = seen.last().unwrap();
        let presents = request.extensions().get::<ClientCertificate>().is_some();
        (request.uri().host().unwrap().to_owned(), presents)
    };
    let certificate = certificate();
    assert_eq!(host_of(web(), "/token").await, ("op.example".to_owned(), false));
    for path in ["/token", "/userinfo"] {
        assert_eq!(
            host_of(public().certificate(certificate.clone()), path).await,
            ("mtls.op.example".to_owned(), true)
        );
        assert_eq!(
            host_of(web().certificate(certificate.clone()), path).await,
            ("mtls.op.example".to_owned(), true)
        );
    }
    // The keys are public.
    assert_eq!(host_of(public().certificate(certificate), "/jwks").await, ("op.example".to_owned(), false));
}

#[tokio::test]
async fn a_broken_alias_harms_nobody_and_an_insecure_one_is_refused() {
    let with = |aliases| Scenario::openid().metadata("mtls_endpoint_aliases", aliases);
    for aliases in [json!(null), json!([]), json!({"token_endpoint": 7}), json!("x")] {
        assert_eq!(with(aliases).verdict().await, "ok");
    }
    let insecure = json!({"token_endpoint": "http://mtls.op.example/token"});
    assert_eq!(with(insecure).verdict().await, "insecure_url");
}

#[test]
fn a_certificate_needs_its_key() {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["my-client".to_owned()]).unwrap();
    let (cert, key) = (cert.pem(), signing_key.serialize_pem());
    for (pem, words) in [
        (String::new(), "BEGIN CERTIFICATE"),
        (key.clone(), "BEGIN CERTIFICATE"),
        (cert.clone(), "one private key"),
        (format!("{cert}{key}{key}"), "one private key"),
    ] {
        let error = ClientCertificate::from_pem(pem).unwrap_err();
        assert_eq!(error.code(), "client_certificate");
        assert!(error.to_string().contains(words), "{error}");
    }
    let certificate = ClientCertificate::from_pem(format!("{key}{cert}")).unwrap();
    assert_eq!(certificate.thumbprint().len(), 43);
    let shown = format!("{certificate:?}");
    assert!(shown.contains(certificate.thumbprint()) && !shown.contains("PRIVATE"), "{shown}");
}

#[tokio::test]
async fn a_certificate_alone_is_the_client_s_credential() {
    // RFC 8705 §2.
    let scenario = |methods| {
        Scenario::openid()
            .registration(public().certificate(certificate()))
            .metadata("token_endpoint_auth_methods_supported", methods)
    };
    let accepted = scenario(json!(["self_signed_tls_client_auth"]));
    accepted.log_in().await.unwrap();
    let seen = accepted.wire.seen_at("/token");
    assert!(field(&seen[0], "client_secret").is_none() && field(&seen[0], "client_id").is_some());
    let error = scenario(json!(["client_secret_basic"])).log_in().await.unwrap_err();
    assert_eq!(error.code(), "client_auth_not_supported");
    assert!(Provider::discover(ISSUER, &accepted.wire.http()).await.unwrap().unmet_needs().is_empty());
}
