//! The keys that sign for a client: here, or in a key management service.
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
};
use aws_lc_rs::{encoding::AsDer, rsa};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Map;

use crate::error::{ConfigProblem, Error, HttpErrorKind, Operation, TransportError};
use crate::jose::algorithm::Algorithm;
use crate::jose::jwk::thumbprint;
use crate::jose::private_key::PrivateKey;
use crate::secret::Secret;
use crate::text::json::{self, Value};
use crate::text::redact::printable;

/// A private key that signs JWTs: to authenticate a client, to bind its tokens to it, or to sign its authorization requests.
///
/// It is never printed. Cheap to clone.
///
/// ```
/// use vouchsafe::SigningKey;
///
/// # fn main() -> Result<(), vouchsafe::Error> {
/// # let pem = SigningKey::generate_pem("ES256")?;
/// let key = SigningKey::from_pem(pem)?.key_id("2026-01");
/// println!("register this key: {}", key.public_jwk());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct SigningKey {
    place: Place,
    /// The only algorithm, if it is set.
    algorithm: Option<Algorithm>,
    key_id: Option<String>,
}

#[derive(Clone)]
enum Place {
    Here(Arc<PrivateKey>),
    Elsewhere { signer: Arc<dyn Signer>, public: Value },
}

/// Signs with a key that does not leave its place, such as a key management service or a hardware module.
///
/// ```
/// use vouchsafe::http::{BoxFuture, TransportError};
/// use vouchsafe::{Signer, SigningKey};
///
/// struct Kms;
///
/// impl Signer for Kms {
///     fn sign<'a>(&'a self, message: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, TransportError>> {
///         Box::pin(async move { todo!("ask the service to sign {} bytes", message.len()) })
///     }
/// }
///
/// # fn main() -> Result<(), vouchsafe::Error> {
/// let public = r#"{"kty":"EC","crv":"P-256","kid":"1","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
/// let key = SigningKey::elsewhere("ES256", public, Kms)?;
/// # Ok(()) }
/// ```
pub trait Signer: Send + Sync {
    /// Signs a message by the algorithm of the key. The signature has the form of RFC 7518: for ECDSA, two numbers of the same
    /// length one after the other (section 3.4), not DER.
    ///
    /// # Errors
    /// The key could not be used. The call that needed the signature fails, and can be tried again.
    fn sign<'a>(
        &'a self,
        message: &'a [u8],
    ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, TransportError>> + Send + 'a>>;
}

impl SigningKey {
    /// Reads a private key in PEM: PKCS#8, PKCS#1 (`BEGIN RSA PRIVATE KEY`) or SEC 1 (`BEGIN EC PRIVATE KEY`).
    ///
    /// # Errors
    /// [`Error::Config`] if it is not a private RSA key of 2048 to 8192 bits, a key on P-256, P-384 or P-521, or an Ed25519 key.
    pub fn from_pem(pem: impl Into<Secret>) -> Result<Self, Error> {
        let pem = pem.into();
        Ok(Self::here(PrivateKey::from_pem(pem.expose()).map_err(unusable)?))
    }

    /// Reads a private key as JSON Web Key (RFC 7517). Its `kid` and its `alg` count, if it has them.
    ///
    /// # Errors
    /// [`Error::Config`] if it is not a private key of a kind that [`SigningKey::from_pem`] reads.
    pub fn from_jwk(jwk: impl Into<Secret>) -> Result<Self, Error> {
        let text = jwk.into();
        let jwk = json::parse(text.expose().as_bytes())
            .map_err(|_| unusable("the JWK is not JSON: give one JSON object with the members of the key"))?;
        if jwk.get("keys").is_some() {
            return Err(unusable("the text is a set of keys: give one key of it"));
        }
        let key = Self::here(PrivateKey::from_jwk(&jwk).map_err(unusable)?);
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let key = match text("kid") {
            Some(kid) => key.key_id(kid),
            None => key,
        };
        text("alg").map_or(Ok(key.clone()), |name| key.algorithm(name))
    }

    /// A key that does not leave its place. `public` is its public key as JWK, with the `kid` that the provider knows.
    ///
    /// # Errors
    /// [`Error::Config`] if the algorithm is not an RS, PS or ES algorithm or EdDSA, or `public` is not a public key.
    pub fn elsewhere(algorithm: &str, public: &str, signer: impl Signer + 'static) -> Result<Self, Error> {
        let public = json::parse(public.as_bytes()).ok().filter(|jwk| thumbprint(jwk).is_some());
        let public =
            public.ok_or_else(|| unusable("the public key is not a JWK of the type RSA, EC or OKP"))?;
        if public.get("d").is_some() {
            return Err(unusable("the public key must not contain the private one (d)"));
        }
        let key_id = public.get("kid").and_then(Value::as_str).map(str::to_owned);
        let place = Place::Elsewhere { signer: Arc::new(signer), public };
        Ok(Self { place, algorithm: Some(known(algorithm)?), key_id })
    }

    /// Makes a new private key for `ES256`, `ES384`, `EdDSA`, `RS256` or `PS256`, in PEM (PKCS#8), to be kept where your secrets are.
    ///
    /// # Errors
    /// [`Error::Config`] for another algorithm, or if the machine provides no random numbers.
    pub fn generate_pem(algorithm: &str) -> Result<Secret, Error> {
        let rng = SystemRandom::new();
        let pkcs8 = |curve| EcdsaKeyPair::generate_pkcs8(curve, &rng).map(|der| pem(der.as_ref()));
        match algorithm {
            "ES256" => pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING),
            "ES384" => pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING),
            "EdDSA" | "Ed25519" => Ed25519KeyPair::generate_pkcs8(&rng).map(|der| pem(der.as_ref())),
            "RS256" | "PS256" => rsa::KeyPair::generate(rsa::KeySize::Rsa2048).and_then(|key| {
                Ok(pem(AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&key)?.as_ref()))
            }),
            _ => {
                return Err(unusable("a key can be made for ES256, ES384, EdDSA, RS256 and PS256"));
            }
        }
        .map_err(|_| unusable("no key could be made: check that this machine provides random numbers"))
    }

    /// Sets the only algorithm by which the key signs. Without it, a key on a curve signs by the algorithm of its curve, and an RSA key
    /// by the first of RS256, PS256, RS384, PS384, RS512 and PS512 that the provider accepts.
    ///
    /// # Errors
    /// [`Error::Config`] if the key cannot sign by this algorithm.
    pub fn algorithm(mut self, name: &str) -> Result<Self, Error> {
        let algorithm = known(name)?;
        if let Place::Here(key) = &self.place
            && !key.algorithms().contains(&algorithm.name())
        {
            let detail = format!(
                "the key signs by {}, not by {}: choose one of these, or another key",
                key.algorithms().join(", "),
                algorithm.name()
            );
            return Err(Error::config(ConfigProblem::SigningKey, detail));
        }
        self.algorithm = Some(algorithm);
        Ok(self)
    }

    /// Sets the id by which the provider finds the key among those that are registered (`kid`).
    #[must_use]
    pub fn key_id(mut self, id: impl Into<String>) -> Self {
        self.key_id = Some(id.into());
        self
    }

    /// The public key as a JWK, to be registered at the provider.
    pub fn public_jwk(&self) -> Value {
        let mut jwk = self.public();
        if let (Some(members), Some(id)) = (jwk.as_object_mut(), &self.key_id) {
            members.insert("kid".to_owned(), id.as_str().into());
        }
        jwk
    }

    /// The thumbprint of the public key (RFC 7638), with SHA-256.
    pub fn thumbprint(&self) -> String {
        thumbprint(&self.public()).unwrap_or_default()
    }

    /// The same key; an RSA key without an algorithm of its own signs by PS256 alone (FAPI 2.0 Security Profile section 5.4.1).
    pub(crate) fn for_fapi(mut self) -> Self {
        if self.algorithms().contains(&"PS256") {
            self.algorithm = Algorithm::from_name("PS256");
        }
        self
    }

    fn here(key: PrivateKey) -> Self {
        Self { place: Place::Here(Arc::new(key)), algorithm: None, key_id: None }
    }

    /// The public key with the members that make it up.
    pub(crate) fn public(&self) -> Value {
        match &self.place {
            Place::Here(key) => key.public_jwk(),
            Place::Elsewhere { public, .. } => {
                let names = ["kty", "crv", "x", "y", "n", "e"];
                let members =
                    names.iter().filter_map(|name| Some(((*name).to_owned(), public.get(*name)?.clone())));
                Value::Object(members.collect())
            }
        }
    }

    /// The names of the algorithms by which it can sign, the usual one first.
    pub(crate) fn algorithms(&self) -> Vec<&'static str> {
        match (self.algorithm, &self.place) {
            (Some(only), _) => vec![only.name()],
            (None, Place::Here(key)) => key.algorithms().to_vec(),
            (None, Place::Elsewhere { .. }) => Vec::new(),
        }
    }

    /// The first algorithm that the other side accepts, as far as it says so.
    pub(crate) fn algorithm_among(&self, accepted: Option<&[String]>) -> Result<Algorithm, Error> {
        let own = self.algorithms();
        let is_accepted = |name: &&&str| {
            accepted.is_none_or(|list| {
                list.iter().any(|other| Algorithm::from_name(other) == Algorithm::from_name(name))
            })
        };
        let found = own.iter().find(is_accepted).and_then(|name| Algorithm::from_name(name));
        found.ok_or_else(|| {
            let detail = format!(
                "the key signs by {}, and the provider accepts only {}: use a key for one of these",
                own.join(", "),
                printable(&accepted.unwrap_or_default().join(", "), 100)
            );
            Error::config(ConfigProblem::SigningKey, detail)
        })
    }

    /// A JWT with these claims (RFC 7515 section 7.1). `header` has the members beside `alg` and `kid`.
    pub(crate) async fn sign(
        &self,
        algorithm: Algorithm,
        mut header: Map<String, Value>,
        claims: &Value,
        operation: Operation,
    ) -> Result<Secret, Error> {
        header.insert("alg".to_owned(), algorithm.name().into());
        // RFC 9449 §4.2: a DPoP proof has its key in the header, and no id is needed.
        if let Some(id) = self.key_id.as_ref().filter(|_| !header.contains_key("jwk")) {
            header.insert("kid".to_owned(), id.as_str().into());
        }
        let mut jwt = unsigned(&Value::Object(header), claims);
        let signature = match &self.place {
            Place::Here(key) => key.sign(algorithm, jwt.as_bytes(), &SystemRandom::new()).ok_or_else(|| {
                unusable("the key could not sign: check the key, and that this machine provides random numbers")
            })?,
            Place::Elsewhere { signer, .. } => signer
                .sign(jwt.as_bytes())
                .await
                // Whatever it was: nothing was sent to the provider, so the call can be tried again.
                .map_err(|error| signer_failed(operation, TransportError::new(HttpErrorKind::Connect).caused_by(Box::new(error))))?,
        };
        if signature.is_empty() {
            return Err(signer_failed(operation, TransportError::new(HttpErrorKind::Interrupted)));
        }
        jwt.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut jwt);
        Ok(Secret::new(jwt))
    }
}

/// Header and claims of a JWT, as its signature covers them.
pub(crate) fn unsigned(header: &Value, claims: &Value) -> String {
    let mut jwt = String::with_capacity(512);
    URL_SAFE_NO_PAD.encode_string(header.to_string(), &mut jwt);
    jwt.push('.');
    URL_SAFE_NO_PAD.encode_string(claims.to_string(), &mut jwt);
    jwt
}

/// Shows the public key alone.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("public_jwk", &self.public_jwk().to_string())
            .finish_non_exhaustive()
    }
}

fn known(name: &str) -> Result<Algorithm, Error> {
    Algorithm::from_name(name).ok_or_else(|| {
        let names = Algorithm::names().collect::<Vec<_>>().join(", ");
        let detail =
            format!("{} is not an algorithm of signing keys: choose one of {names}", printable(name, 60));
        Error::config(ConfigProblem::SigningKey, detail)
    })
}

fn unusable(detail: &'static str) -> Error {
    Error::config(ConfigProblem::SigningKey, detail)
}

fn signer_failed(operation: Operation, error: TransportError) -> Error {
    Error::http(operation, "the signer of this key".to_owned(), error)
}

/// A PKCS#8 key in PEM (RFC 7468 section 10).
fn pem(der: &[u8]) -> Secret {
    let base64 = Secret::new(STANDARD.encode(der));
    let mut text = String::from("-----BEGIN PRIVATE KEY-----\n");
    for line in base64.expose().as_bytes().chunks(64) {
        text.push_str(std::str::from_utf8(line).unwrap_or_default());
        text.push('\n');
    }
    text.push_str("-----END PRIVATE KEY-----\n");
    Secret::new(text)
}

/// A random identifier of a JWT (`jti`).
pub(crate) fn identifier() -> Result<String, Error> {
    let mut bits = [0; 16];
    aws_lc_rs::rand::fill(&mut bits).map_err(|_| Error::no_random())?;
    Ok(URL_SAFE_NO_PAD.encode(bits))
}
