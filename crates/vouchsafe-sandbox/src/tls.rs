//! A second listener, with TLS, at which clients may show a certificate, RFC 8705.

use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::crypto::{
    WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::{DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme};
use tokio_rustls::server::TlsStream;

use crate::wire::Tls;

/// A listener on a free port of 127.0.0.1, before it accepts.
pub(crate) struct TlsListener {
    listener: TcpListener,
    config: Arc<ServerConfig>,
    /// The certificate of the authority that has signed that of the listener, in PEM.
    pub(crate) authority: String,
    pub(crate) origin: String,
}

impl TlsListener {
    pub(crate) async fn bind() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let origin = format!("https://127.0.0.1:{}", listener.local_addr()?.port());
        let (authority, config) = certified().map_err(io::Error::other)?;
        Ok(Self { listener, config: Arc::new(config), authority, origin })
    }

    /// Accepts from now on. Each handshake has its own task, so that a slow one delays no other.
    pub(crate) fn accept(self) -> Connections {
        let (sender, ready) = mpsc::channel(WAITING);
        let address = self.listener.local_addr();
        let acceptor = TlsAcceptor::from(self.config);
        let listener = self.listener;
        let accepting = tokio::spawn(async move {
            while !sender.is_closed() {
                let Ok((stream, _)) = listener.accept().await else {
                    tokio::time::sleep(PAUSE).await;
                    continue;
                };
                let (acceptor, sender) = (acceptor.clone(), sender.clone());
                tokio::spawn(async move {
                    if let Ok(Ok(stream)) = timeout(PATIENCE, acceptor.accept(stream)).await {
                        let _ = sender.send(stream).await;
                    }
                });
            }
        });
        Connections { ready, address: address.map(drop), accepting }
    }
}

/// The connections whose handshake has succeeded.
pub(crate) struct Connections {
    ready: mpsc::Receiver<TlsStream<TcpStream>>,
    address: io::Result<()>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Listener for Connections {
    type Io = TlsStream<TcpStream>;
    type Addr = Tls;

    async fn accept(&mut self) -> (Self::Io, Tls) {
        match self.ready.recv().await {
            Some(stream) => {
                let (_, connection) = stream.get_ref();
                let certificate = connection.peer_certificates().and_then(<[_]>::first);
                let certificate = certificate.map(|certificate| certificate.to_vec());
                (stream, Tls { certificate })
            }
            // The task that accepts has ended, and the runtime with it.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Tls> {
        match &self.address {
            Ok(()) => Ok(Tls { certificate: None }),
            Err(error) => Err(error.kind().into()),
        }
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Connected<IncomingStream<'_, Connections>> for Tls {
    fn connect_info(stream: IncomingStream<'_, Connections>) -> Self {
        stream.remote_addr().clone()
    }
}

/// A new authority, and a certificate for this machine by it.
fn certified() -> Result<(String, ServerConfig), Box<dyn std::error::Error + Send + Sync>> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate()?;
    let root = authority.self_signed(&authority_key)?;
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(["localhost", "127.0.0.1"].map(str::to_owned).to_vec())?;
    params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    let certificate = params.signed_by(&key, &Issuer::new(authority, authority_key))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = AnyCertificate(provider.signature_verification_algorithms);
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )?;
    Ok((root.pem(), config))
}

/// Accepts every certificate whose key the client proves to have, and clients without one. The endpoints compare it with the
/// registration.
struct AnyCertificate(WebPkiSupportedAlgorithms);

impl ClientCertVerifier for AnyCertificate {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }
}

impl fmt::Debug for AnyCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyCertificate")
    }
}

const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(100);
const WAITING: usize = 16;
