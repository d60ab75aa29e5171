//! Strong clients: keys, bound tokens, pushed and signed requests.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::ClientConfig;
use crate::jose::PublicKey;
use crate::wire::{base64url, sha256};

/// How the sandbox demands nonces in DPoP proofs, RFC 9449 sections 8 and 9.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum DpopNonces {
    /// No nonces.
    #[default]
    Off,
    /// Every proof needs a nonce. One nonce is good for the token endpoint and the PAR endpoint, another one for UserInfo and the
    /// protected resource. Each is good for five minutes, and every response gives a current one.
    Required,
    /// Every response gives another nonce, and each endpoint accepts only the nonce that its own refusal gave, once: the token
    /// endpoint, the PAR endpoint, UserInfo and the protected resource each respond `use_dpop_nonce` once to every request, also if
    /// the request has the nonce of the response before.
    Changing,
}

/// The strong part of a client's registration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strong {
    keys: Vec<Result<PublicKey, String>>,
    attesters: Vec<Result<PublicKey, String>>,
    pub(crate) auth_method: Option<String>,
    pub(crate) takes_old_audiences: bool,
    pub(crate) is_dpop_bound: bool,
    pub(crate) is_certificate_bound: bool,
    pub(crate) must_push: bool,
    pub(crate) must_sign: bool,
    pub(crate) request_object_alg: Option<String>,
    /// `alg` and `enc`, each if it is registered.
    pub(crate) request_object_encryption: [Option<String>; 2],
    pub(crate) request_uris: Vec<String>,
    /// The `x5t#S256` of the certificate.
    certificate: Option<Result<String, String>>,
    pub(crate) subject_dn: Option<String>,
}

impl Strong {
    /// The mistakes in keys and certificates, which are found when the sandbox starts.
    pub(super) fn check(&self) -> Result<(), String> {
        let mistakes = self.keys.iter().chain(&self.attesters).filter_map(|key| key.as_ref().err());
        let mistakes = mistakes.chain(self.certificate.iter().filter_map(|found| found.as_ref().err()));
        mistakes.map(|mistake| Err(mistake.clone())).next().unwrap_or(Ok(()))
    }

    pub(crate) fn keys(&self) -> Vec<PublicKey> {
        self.keys.iter().flatten().cloned().collect()
    }

    pub(crate) fn attesters(&self) -> Vec<PublicKey> {
        self.attesters.iter().flatten().cloned().collect()
    }

    pub(crate) fn certificate(&self) -> Option<&str> {
        self.certificate.as_ref()?.as_deref().ok()
    }
}

/// Registrations of strong clients. A client with keys or a certificate is confidential, with or without a secret.
impl ClientConfig {
    /// Registers the public keys by which the client signs client assertions and request objects: a JSON Web Key Set, or one key.
    ///
    /// ```
    /// # use serde_json::json;
    /// use vouchsafe_sandbox::ClientConfig;
    ///
    /// let key = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    /// let bank = ClientConfig::public("bank").jwks(json!({ "keys": [key] }));
    /// # let _ = bank;
    /// ```
    pub fn jwks(mut self, jwks: Value) -> Self {
        self.strong.keys.extend(keys_of(jwks));
        self
    }

    /// Registers the public keys of the attester that vouches for instances of the client
    /// (`attest_jwt_client_auth`, draft-ietf-oauth-attestation-based-client-auth): a JSON Web Key Set, or one key.
    pub fn attester_jwks(mut self, jwks: Value) -> Self {
        self.strong.attesters.extend(keys_of(jwks));
        self
    }

    /// Registers a public key in PEM (`BEGIN PUBLIC KEY`): RSA, P-256, P-384, P-521 or Ed25519. It has no key id.
    pub fn public_key_pem(mut self, pem: impl AsRef<str>) -> Self {
        self.strong.keys.push(PublicKey::from_pem(pem.as_ref()));
        self
    }

    /// The only method by which the client may authenticate, such as `private_key_jwt`. Without it, every method for which the client
    /// has a secret, a key or a certificate will do.
    pub fn token_endpoint_auth_method(mut self, method: impl Into<String>) -> Self {
        self.strong.auth_method = Some(method.into());
        self
    }

    /// Accepts client assertions whose audience is a list, the token endpoint or the endpoint of the request, as RFC 7523 section 3
    /// allowed. By default the audience is the issuer as one text.
    pub fn accept_old_audiences(mut self) -> Self {
        self.strong.takes_old_audiences = true;
        self
    }

    /// The client gets DPoP-bound access tokens only (`dpop_bound_access_tokens`, RFC 9449 section 5.2).
    pub fn dpop_bound_access_tokens(mut self) -> Self {
        self.strong.is_dpop_bound = true;
        self
    }

    /// The client's access tokens are bound to its certificate (`tls_client_certificate_bound_access_tokens`, RFC 8705 section 3.4),
    /// unless the request has a DPoP proof.
    pub fn certificate_bound_access_tokens(mut self) -> Self {
        self.strong.is_certificate_bound = true;
        self
    }

    /// The client must push its authorization requests (RFC 9126 section 6).
    pub fn require_pushed_authorization_requests(mut self) -> Self {
        self.strong.must_push = true;
        self
    }

    /// The client must sign its authorization requests (RFC 9101 section 10.5).
    pub fn require_signed_request_object(mut self) -> Self {
        self.strong.must_sign = true;
        self
    }

    /// The only algorithm of its request objects. `none` registers it for unsigned ones. Without it, every algorithm for which the
    /// client has a key will do.
    pub fn request_object_signing_alg(mut self, alg: impl Into<String>) -> Self {
        self.strong.request_object_alg = Some(alg.into());
        self
    }

    /// The only encryption of its request objects (`request_object_encryption_alg` and `request_object_encryption_enc`). One that is not
    /// encrypted is refused then. Without it, one may be encrypted or not.
    pub fn request_object_encryption(mut self, alg: impl Into<String>, enc: impl Into<String>) -> Self {
        self.strong.request_object_encryption = [Some(alg.into()), Some(enc.into())];
        self
    }

    /// Registers a URI from which the sandbox fetches request objects. It is an `http` URI on a loopback address. It is compared
    /// as text, without the port and the fragment. One that ends with a slash stands for all URIs below it; its port counts.
    pub fn request_uri(mut self, uri: impl Into<String>) -> Self {
        self.strong.request_uris.push(uri.into());
        self
    }

    /// Registers the client's certificate in PEM, for `self_signed_tls_client_auth` (RFC 8705 section 2.2).
    pub fn certificate(mut self, pem: impl AsRef<str>) -> Self {
        self.strong.certificate = Some(thumbprint(pem.as_ref()));
        self
    }

    /// Registers the subject of the client's certificate, such as `CN=bank,O=Example`, for `tls_client_auth` (RFC 8705 section 2.1).
    /// The sandbox trusts every authority.
    pub fn tls_client_auth_subject_dn(mut self, subject: impl Into<String>) -> Self {
        self.strong.subject_dn = Some(subject.into());
        self
    }

    /// Whether the client has nothing to authenticate with.
    pub(crate) fn is_public(&self) -> bool {
        let strong = &self.strong;
        self.secret.is_none()
            && strong.keys.is_empty()
            && strong.attesters.is_empty()
            && strong.certificate.is_none()
            && strong.subject_dn.is_none()
    }

    /// The mistakes in its keys and certificate.
    pub(crate) fn check(&self) -> io::Result<()> {
        let named = |mistake| format!("client `{}`: {mistake}", self.id);
        self.strong.check().map_err(|mistake| io::Error::new(io::ErrorKind::InvalidInput, named(mistake)))
    }
}

/// The demands on all clients of the sandbox's own provider.
#[derive(Clone, Debug, Default)]
pub(crate) struct Demands {
    pub(crate) nonces: DpopNonces,
    pub(crate) must_push: bool,
    pub(crate) must_sign: bool,
    pub(crate) must_sign_responses: bool,
    pub(crate) takes_old_audiences: bool,
    pub(crate) is_fapi: bool,
    pub(crate) details_types: Vec<String>,
    /// The resources that tokens may be for. If there are none, all are.
    pub(crate) resources: Vec<String>,
    pub(crate) decrypts: bool,
    /// Proofs of attestations contain a challenge of the sandbox.
    pub(crate) challenges: bool,
}

fn keys_of(jwks: Value) -> Vec<Result<PublicKey, String>> {
    let keys = jwks["keys"].as_array().cloned().unwrap_or_else(|| vec![jwks]);
    keys.iter().map(PublicKey::from_jwk).collect()
}

/// The `x5t#S256` of a certificate, RFC 8705 section 3.1.
fn thumbprint(pem: &str) -> Result<String, String> {
    let (_, rest) =
        pem.split_once("-----BEGIN CERTIFICATE-----").ok_or("there is no certificate in the PEM")?;
    let (body, _) = rest.split_once("-----END").ok_or("the certificate in the PEM has no end")?;
    let body: String = body.split_whitespace().collect();
    let der = STANDARD.decode(body).map_err(|_| "the certificate in the PEM is not base64")?;
    Ok(base64url(&sha256(&der)))
}
