//! The TLS certificate of a client (RFC 8705).
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use percent_encoding::percent_decode_str;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::{ConfigProblem, Error};
use crate::secret::Secret;

/// A TLS client certificate with its private key: the client authenticates with it, and its tokens are bound to it (RFC 8705).
///
/// The built-in transport presents it. In a request to your own [`HttpClient`](crate::http::HttpClient), it is an extension:
/// `request.extensions().get::<ClientCertificate>()`. Cheap to clone. The key is never printed.
///
/// ```no_run
/// use vouchsafe::{ClientCertificate, Registration};
///
/// # fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let certificate = ClientCertificate::from_pem(std::fs::read_to_string("client-with-key.pem")?)?;
/// let registration = Registration::new("my-client").certificate(certificate);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct ClientCertificate(Arc<Parts>);

struct Parts {
    pem: Secret,
    chain: Vec<CertificateDer<'static>>,
    thumbprint: String,
}

impl ClientCertificate {
    /// Reads the certificate, the authorities above it if there are any, and the private key from one text in PEM.
    ///
    /// # Errors
    /// [`Error::Config`] if the text has no certificate, or not one private key.
    pub fn from_pem(pem: impl Into<Secret>) -> Result<Self, Error> {
        let pem = pem.into();
        let wrong = |detail: &'static str| Error::config(ConfigProblem::ClientCertificate, detail);
        let bytes = pem.expose().as_bytes();
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(|| {
            wrong("the client certificate is missing: give the text with -----BEGIN CERTIFICATE----- and the private key")
        })?;
        if PrivateKeyDer::pem_slice_iter(bytes).filter(Result::is_ok).count() != 1 {
            return Err(wrong(
                "the text of the client certificate must have one private key without a password (-----BEGIN PRIVATE KEY-----), and has none \
                 or several",
            ));
        }
        let thumbprint = thumbprint_of(&chain[0]);
        Ok(Self(Arc::new(Parts { pem, chain, thumbprint })))
    }

    /// The whole text in PEM, with the private key.
    pub fn pem(&self) -> &Secret {
        &self.0.pem
    }

    /// The SHA-256 thumbprint of the certificate (`x5t#S256`, RFC 8705 section 3.1).
    pub fn thumbprint(&self) -> &str {
        &self.0.thumbprint
    }

    /// The certificates, that of the client first, and the key.
    #[cfg(feature = "transport")]
    pub(crate) fn parts(&self) -> Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
        Some((self.0.chain.clone(), PrivateKeyDer::from_pem_slice(self.0.pem.expose().as_bytes()).ok()?))
    }
}

/// The TLS certificate that the client of a request presented, for access tokens that are bound to it (RFC 8705 section 3).
///
/// Give it to [`ResourceServer::with_certificate`](crate::ResourceServer::with_certificate). With `vouchsafe_axum::Protected`, put it
/// into the extensions of the request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PeerCertificate {
    thumbprint: String,
}

impl PeerCertificate {
    /// The certificate in DER, as TLS libraries give it: the first one of the chain.
    pub fn from_der(der: impl AsRef<[u8]>) -> Self {
        Self { thumbprint: thumbprint_of(der.as_ref()) }
    }

    /// The certificate in the header of a proxy that ends TLS: in the form of RFC 9440 (`:MII…:`), in PEM with or without percent-encoding,
    /// or as base64 of DER. `None` if it is not a certificate in one of these forms.
    ///
    /// # Security
    /// Only a proxy may set the header: it has to remove those that clients send.
    pub fn from_header(text: &str) -> Option<Self> {
        let text = text.trim();
        let inner = text.strip_prefix(':').and_then(|text| text.strip_suffix(':'));
        let decoded = percent_decode_str(text).decode_utf8().ok()?;
        let pem =
            decoded.split_once(BEGIN).and_then(|(_, rest)| rest.split_once("-----END")).map(|(pem, _)| pem);
        let base64: String = inner.or(pem).unwrap_or(text).split_ascii_whitespace().collect();
        let der = STANDARD.decode(base64).ok()?;
        // X.690 §8.9: a certificate is a sequence.
        (der.first() == Some(&0x30)).then(|| Self::from_der(der))
    }

    /// The SHA-256 thumbprint (`x5t#S256`, RFC 8705 section 3.1).
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }
}

/// RFC 8705 §3.1, of a certificate in DER.
fn thumbprint_of(der: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, der))
}

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";

/// Shows the thumbprint of the certificate, and nothing of the key.
impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { chain, thumbprint, .. } = &*self.0;
        let mut shown = f.debug_struct("ClientCertificate");
        shown.field("thumbprint", thumbprint).field("certificates", &chain.len()).finish_non_exhaustive()
    }
}
