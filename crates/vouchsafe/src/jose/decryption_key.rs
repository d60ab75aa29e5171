//! A private key that decrypts JWTs which a provider encrypts for this client.
use std::sync::Arc;

use aws_lc_rs::agreement::PrivateKey;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::{
    KeyPair, KeyPairComponents, OaepPrivateDecryptingKey, PrivateDecryptingKey, PublicKeyComponents,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use zeroize::Zeroizing;

use super::jwe::agreement::Curve;
use super::jwe::management::KeyManagement;
use crate::error::{ConfigProblem, Error};
use crate::secret::{Secret, opaque};
use crate::text::json::{self, Scalar, Value};

/// A private key for ID tokens, UserInfo and other responses that the provider encrypts for your client.
///
/// Register its public half at the provider (`jwks` or `jwks_uri`, with `use` `enc`), and give the key to
/// [`Registration::decryption_key`](crate::Registration::decryption_key). It is an RSA key of at least 2048 bits (RSA-OAEP-256),
/// or a key on P-256, P-384, P-521 or X25519 (ECDH-ES, ECDH-ES+A128KW, ECDH-ES+A256KW). It is never printed, and wiped when it is
/// dropped.
///
/// To replace a key, register the new one, give both to the registration, and remove the old one when the provider does not use it
/// any more.
///
/// ```no_run
/// use vouchsafe::{DecryptionKey, Registration};
///
/// # fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let key = DecryptionKey::from_pem(std::fs::read_to_string("decryption-key.pem")?)?.key_id("2026-11");
/// let registration = Registration::new("my-client-id")
///     .secret("my-client-secret")
///     .decryption_key(key)
///     .id_token_encryption("RSA-OAEP-256", "A256GCM");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct DecryptionKey {
    kid: Option<String>,
    /// The only algorithm of the key, if it names one (RFC 7517 section 4.4).
    only: Option<KeyManagement>,
    pub(super) material: Arc<Material>,
}

pub(super) enum Material {
    Rsa(OaepPrivateDecryptingKey),
    Agreement(Curve, PrivateKey),
}

impl DecryptionKey {
    /// Reads a private key in PEM: PKCS#8, or the older forms of an RSA or EC key.
    ///
    /// # Errors
    /// [`Error::Config`]: the text is not such a key. The error contains nothing of the key.
    pub fn from_pem(pem: impl Into<Secret>) -> Result<Self, Error> {
        let pem = pem.into();
        let key = PrivateKeyDer::from_pem_slice(pem.expose().trim().as_bytes()).map(Zeroizing::new);
        let key = key.map_err(|_| {
            wrong(
                "is not a private key in PEM: give the whole text with its line breaks, from -----BEGIN PRIVATE KEY----- to \
                 -----END PRIVATE KEY-----",
            )
        })?;
        let material = match &*key {
            PrivateKeyDer::Pkcs8(key) => Material::from_pkcs8(key.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(key) => {
                KeyPair::from_der(key.secret_pkcs1_der()).ok().and_then(|pair| Material::rsa(&pair))
            }
            PrivateKeyDer::Sec1(key) => Material::on_a_curve(key.secret_sec1_der()),
            _ => None,
        };
        let material = material.ok_or_else(|| wrong(KINDS))?;
        Ok(Self { kid: None, only: None, material: Arc::new(material) })
    }

    /// Reads a private key as JWK (RFC 7517), with its `kid` and `alg`. An RSA key needs all members of RFC 7518 section 6.3.2 up
    /// to `qi`.
    ///
    /// # Errors
    /// [`Error::Config`]: the text is not such a key, or the key is for another purpose (`use`, `key_ops`, `alg`). The error contains
    /// nothing of the key.
    pub fn from_jwk(jwk: impl Into<Secret>) -> Result<Self, Error> {
        let jwk = jwk.into();
        let (values, _) =
            json::pick(jwk.expose(), &MEMBERS).map_err(|_| wrong("is not a JWK, which is a JSON object"))?;
        let jwk = Jwk(values);
        let is_for_this = match jwk.get("key_ops") {
            None => true,
            Some(Scalar::Texts(names)) => names.iter().any(|name| OPERATIONS.contains(&&**name)),
            Some(_) => false,
        };
        if !is_for_this || (jwk.get("use").is_some() && jwk.text("use") != Some("enc")) {
            return Err(wrong(
                "is not for decryption: its use must be enc or absent, and its key_ops must have unwrapKey, decrypt, deriveKey \
                 or deriveBits, or be absent",
            ));
        }
        let material = match (jwk.text("kty"), jwk.text("crv").and_then(Curve::from_name)) {
            (Some("RSA"), _) => {
                let components = KeyPairComponents {
                    public_key: PublicKeyComponents { n: jwk.number("n")?, e: jwk.number("e")? },
                    d: jwk.number("d")?,
                    p: jwk.number("p")?,
                    q: jwk.number("q")?,
                    dP: jwk.number("dp")?,
                    dQ: jwk.number("dq")?,
                    qInv: jwk.number("qi")?,
                };
                KeyPair::from_components(&components).ok().and_then(|pair| Material::rsa(&pair))
            }
            (Some("EC" | "OKP"), Some(curve)) => {
                let public = ["kty", "crv", "x", "y"].map(|name| (name.to_owned(), jwk.text(name).into()));
                Material::agreement(
                    curve,
                    &jwk.bytes("d")?,
                    Some(&Value::Object(public.into_iter().collect())),
                )
            }
            _ => return Err(wrong(KINDS)),
        };
        let material = material
            .ok_or_else(|| wrong("has numbers that do not belong together: give the JWK as it was made"))?;
        let only = match (jwk.get("alg"), jwk.text("alg").and_then(KeyManagement::from_name)) {
            (None, _) => None,
            (Some(_), Some(alg)) if material.suits(alg) => Some(alg),
            _ => {
                let names: Vec<_> = KeyManagement::names().collect();
                return Err(wrong(&format!(
                    "has an alg that does not fit it: these are supported: {}",
                    names.join(", ")
                )));
            }
        };
        Ok(Self { kid: jwk.text("kid").map(str::to_owned), only, material: Arc::new(material) })
    }

    /// The id of the key (`kid`), as it is registered. A JWT that names another key is not decrypted with this one. A key without an id
    /// is tried with every JWT.
    #[must_use]
    pub fn key_id(mut self, kid: impl Into<String>) -> Self {
        self.kid = Some(kid.into());
        self
    }

    /// Whether it may decrypt what names that key and that algorithm.
    pub(super) fn suits(&self, kid: Option<&str>, alg: KeyManagement) -> bool {
        let is_named = kid.is_none_or(|kid| self.kid.as_deref().is_none_or(|own| own == kid));
        is_named && self.does(alg)
    }

    pub(crate) fn does(&self, alg: KeyManagement) -> bool {
        self.material.suits(alg) && self.only.is_none_or(|only| only == alg)
    }
}

opaque!(DecryptionKey);

impl Material {
    fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let rsa = PrivateDecryptingKey::from_pkcs8(der).ok().and_then(|key| Self::oaep(key).ok());
        // RFC 8410 §7: the form of an X25519 key has one length, and the key is at its end.
        let x25519 = || {
            der.strip_prefix(&X25519_PREFIX[..])
                .and_then(|key| Self::agreement(Curve::from_name("X25519")?, key, None))
        };
        rsa.or_else(|| Self::on_a_curve(der)).or_else(x25519)
    }

    /// A key in PKCS#8 or in the form of SEC 1, on the curve that it names.
    fn on_a_curve(der: &[u8]) -> Option<Self> {
        let key = |curve: Curve| PrivateKey::from_private_key_der(curve.algorithm(), der).ok();
        Curve::all().find_map(|curve| Some(Self::Agreement(curve, key(curve)?)))
    }

    fn rsa(pair: &KeyPair) -> Option<Self> {
        let der = pair.as_der().ok()?;
        Self::oaep(PrivateDecryptingKey::from_pkcs8(der.as_ref()).ok()?).ok()
    }

    fn oaep(key: PrivateDecryptingKey) -> Result<Self, Unspecified> {
        OaepPrivateDecryptingKey::new(key).map(Self::Rsa)
    }

    /// A key from its number, and its public half if that is known: both must belong together.
    fn agreement(curve: Curve, key: &[u8], public: Option<&Value>) -> Option<Self> {
        let key = PrivateKey::from_private_key(curve.algorithm(), key).ok()?;
        if let Some(public) = public {
            let own = key.compute_public_key().ok()?;
            curve.point(public).filter(|point| point == own.as_ref())?;
        }
        Some(Self::Agreement(curve, key))
    }

    fn suits(&self, alg: KeyManagement) -> bool {
        matches!(self, Self::Rsa(_)) == (alg == KeyManagement::RsaOaep256)
    }
}

/// The members of a JWK that matter, as they are in its text.
struct Jwk<'t>([Option<Scalar<'t>>; MEMBERS.len()]);

impl Jwk<'_> {
    fn get(&self, name: &str) -> Option<&Scalar<'_>> {
        let at = MEMBERS.iter().position(|known| *known == name)?;
        self.0[at].as_ref()
    }

    fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Scalar::Text(text) => Some(text),
            _ => None,
        }
    }

    fn bytes(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
        let bytes = self.text(name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        bytes.map(Zeroizing::new).ok_or_else(|| {
            wrong(&format!(
                "has no usable member {name}, which must be base64url: give the whole private key"
            ))
        })
    }

    /// A number without leading zeros.
    fn number(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
        let bytes = self.bytes(name)?;
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        Ok(Zeroizing::new(bytes[zeros..].to_vec()))
    }
}

fn wrong(why: &str) -> Error {
    Error::config(ConfigProblem::DecryptionKey, format!("the decryption key {why}"))
}

const KINDS: &str = "is not supported: it must be a private RSA key of 2048 bits or more, or a private key on P-256, P-384, P-521 or X25519";
const MEMBERS: [&str; 16] =
    ["kty", "crv", "x", "y", "d", "n", "e", "p", "q", "dp", "dq", "qi", "kid", "alg", "use", "key_ops"];
/// RFC 7517 §4.3: the operations that such a key is for.
const OPERATIONS: [&str; 4] = ["unwrapKey", "decrypt", "deriveKey", "deriveBits"];
const X25519_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x04, 0x22, 0x04, 0x20];
