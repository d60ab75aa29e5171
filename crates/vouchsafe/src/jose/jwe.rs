//! Compact JSON Web Encryption (RFC 7516): decryption of JWTs for this client, and encryption of request objects for a provider.
//!
//! There is no RSA1_5, no OAEP with SHA-1 and no password (`PBES2`), and compressed content (`zip`) is refused: a small JWT could
//! become a very large one.
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::{
    OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey, PublicKeyComponents,
};
// The caller passes the source of randomness.
use aws_lc_rs::rand as random;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use zeroize::Zeroizing;

use self::agreement::{Context, Curve, agree, agree_once, unwrap, wrap};
use self::content::Sealed;
use super::decryption_key::{DecryptionKey, Material};
use super::encryption_key::EncryptionKey;
use super::jwk::KeySet;
use super::jws::{decode, decode_text, malformed, refused, unreadable};
use crate::error::{Check, Error, Malformed, Operation};
use crate::secret::Secret;
use crate::text::json::{self, Value};
use crate::text::legible::legible;

pub(crate) mod agreement;
mod content;
pub(crate) mod management;

use content::ContentEncryption;
use management::KeyManagement;

/// Both algorithms of an encryption: `alg` and `enc`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Encryption {
    pub(crate) alg: KeyManagement,
    pub(crate) enc: ContentEncryption,
}

impl Encryption {
    /// `None` if an algorithm is not supported.
    pub(crate) fn from_names(alg: &str, enc: &str) -> Option<Self> {
        Some(Self { alg: KeyManagement::from_name(alg)?, enc: ContentEncryption::from_name(enc)? })
    }

    /// The supported algorithms, for a message.
    pub(crate) fn in_words() -> String {
        let algs: Vec<_> = KeyManagement::names().collect();
        let encs: Vec<_> = ContentEncryption::names().collect();
        format!("{} with {}", algs.join(", "), encs.join(", "))
    }

    /// The encryption for somebody who has these keys, and accepts these algorithms. `None` if there is none in common.
    ///
    /// OpenID Connect Registration section 2: without a list, `enc` is `A128CBC-HS256`.
    pub(crate) fn among(
        algs: Option<&[String]>,
        encs: Option<&[String]>,
        keys: &KeySet,
    ) -> Option<(Self, EncryptionKey)> {
        let is_named = |list: Option<&[String]>, name: &str| list.is_none_or(|l| l.iter().any(|n| n == name));
        let enc = match encs {
            Some(_) => ContentEncryption::names().find(|name| is_named(encs, name))?,
            None => DEFAULT_ENC,
        };
        let mut named = KeyManagement::names().filter(|name| is_named(algs, name));
        named.find_map(|alg| {
            let encryption = Self::from_names(alg, enc)?;
            Some((encryption, keys.encryption_key(encryption.alg)?.clone()))
        })
    }

    /// What an agreed key depends on.
    fn context<'a>(self, apu: &'a [u8], apv: &'a [u8]) -> Context<'a> {
        let (algorithm, length) = match self.alg {
            KeyManagement::EcdhEsWrapped(length) => (self.alg.name(), length),
            _ => (self.enc.name(), self.enc.key_len()),
        };
        Context { algorithm, apu, apv, length }
    }
}

/// How JWTs of one kind for this client are encrypted.
#[derive(Clone, Copy)]
pub(crate) struct Encrypted<'a> {
    pub(crate) keys: &'a [DecryptionKey],
    /// The registered encryption. Without one, a JWT may be encrypted by any supported algorithms, or be plain.
    pub(crate) registered: Option<Encryption>,
}

impl Encrypted<'_> {
    /// Nothing is decrypted.
    pub(crate) const NEVER: Encrypted<'static> = Encrypted { keys: &[], registered: None };

    /// Decrypts a JWT. `None` if it is not encrypted, and need not be.
    ///
    /// # Errors
    /// [`Error::Validation`]: it must be encrypted and is not, or by other algorithms; or no key decrypts it.
    pub(crate) fn open(self, token: &str) -> Result<Option<Secret>, Error> {
        let is_encrypted = token.bytes().filter(|byte| *byte == b'.').count() == 4;
        match self.registered {
            Some(Encryption { alg, enc }) if !is_encrypted => {
                let detail = format!(
                    "the JWT must be encrypted by {} and {}, as this client is registered, and it is not encrypted: let the \
                     provider encrypt it, or change the registration",
                    alg.name(),
                    enc.name()
                );
                Err(refused(Check::NotEncrypted, detail))
            }
            // Without a key, the reader of a JWS says what to do.
            None if !is_encrypted || self.keys.is_empty() => Ok(None),
            registered => decrypt(token, self.keys, registered).map(Some),
        }
    }
}

/// The header of a JWE, as far as it matters.
struct Header {
    encryption: Encryption,
    kid: Option<String>,
    epk: Option<Value>,
    apu: Vec<u8>,
    apv: Vec<u8>,
}

impl Header {
    fn read(part: &str, registered: Option<Encryption>) -> Result<Self, Error> {
        if part.len() > MAX_HEADER {
            return Err(malformed(
                "the header of the encrypted JWT is longer than any: pass the JWT as it was received",
            ));
        }
        let header = json::parse(decode_text(part)?.as_bytes()).map_err(|e| unreadable("header", &e))?;
        // RFC 7516 §4.1.13: an extension that is critical and not supported voids the JWT. None is supported here.
        if header.get("crit").is_some() {
            let detail = "the encrypted JWT's header requires extensions (crit), and none of them is supported: let the provider leave them out";
            return Err(refused(Check::CriticalHeader, detail));
        }
        if header.get("zip").is_some() {
            let detail = "the encrypted JWT is compressed (zip), which is not accepted: let the provider leave the compression out";
            return Err(refused(Check::Algorithm, detail));
        }
        let text = |name: &str| match header.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(&**text)),
            Some(_) => Err(malformed(format!(
                "the {name} in the encrypted JWT's header must be text, and it is not"
            ))),
        };
        // RFC 7519 §5.2: the content is a JWT.
        if let Some(kind) = text("cty")?.filter(|kind| !kind.eq_ignore_ascii_case("JWT")) {
            let detail =
                format!("the encrypted JWT must contain a JWT (cty), and it contains {}", legible(kind));
            return Err(refused(Check::TokenType, detail));
        }
        let encryption = Self::encryption(text("alg")?, text("enc")?, registered)?;
        let bytes = |name: &str| text(name)?.map_or_else(|| Ok(Vec::new()), decode);
        Ok(Self {
            encryption,
            kid: text("kid")?.map(str::to_owned),
            epk: header.get("epk").cloned(),
            apu: bytes("apu")?,
            apv: bytes("apv")?,
        })
    }

    /// RFC 8725 §3.1: the algorithms are those that the registration names; the header only picks among those that it allows.
    fn encryption(
        alg: Option<&str>,
        enc: Option<&str>,
        registered: Option<Encryption>,
    ) -> Result<Encryption, Error> {
        let (Some(alg_name), Some(enc_name)) = (alg, enc) else {
            return Err(malformed(
                "the encrypted JWT's header must name its algorithms in alg and enc: the provider has to add them",
            ));
        };
        let named = Encryption::from_names(alg_name, enc_name);
        let found = format!("the JWT is encrypted by {} and {}", legible(alg_name), legible(enc_name));
        match (named, registered) {
            (Some(named), None) => Ok(named),
            (Some(named), Some(own)) if named == own => Ok(named),
            (_, Some(own)) => {
                let (alg, enc) = (own.alg.name(), own.enc.name());
                let detail = format!(
                    "{found}, and this client is registered for {alg} and {enc}: change the registration, here or at the provider"
                );
                Err(refused(Check::Algorithm, detail))
            }
            (None, None) => {
                let detail = format!(
                    "{found}, and accepted are {}: choose two of these for this client at the provider",
                    Encryption::in_words()
                );
                Err(refused(Check::Algorithm, detail))
            }
        }
    }

    /// The key of the content, by a key of this client.
    fn content_key(&self, key: &Material, encrypted: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        let content_key = match key {
            Material::Rsa(key) => {
                let mut plain = Zeroizing::new(vec![0; key.min_output_size()]);
                let length = key.decrypt(&OAEP_SHA256_MGF1SHA256, encrypted, &mut plain, None)?.len();
                Zeroizing::new(plain[..length].to_vec())
            }
            Material::Agreement(curve, key) => {
                // A key on another curve, or a point that is on none, agrees on nothing.
                let point = self.epk.as_ref().and_then(|epk| curve.point(epk)).ok_or(Unspecified)?;
                let agreed = agree(key, &point, &self.encryption.context(&self.apu, &self.apv))?;
                match self.encryption.alg {
                    KeyManagement::EcdhEsWrapped(_) => unwrap(encrypted, &agreed)?,
                    // RFC 7516 §5.2, step 10: nothing is transported.
                    _ if encrypted.is_empty() => agreed,
                    _ => return Err(Unspecified),
                }
            }
        };
        if content_key.len() == self.encryption.enc.key_len() { Ok(content_key) } else { Err(Unspecified) }
    }
}

/// Decrypts (RFC 7516 section 5.2). The errors of all steps that depend on a key are one and the same, and take the same way.
fn decrypt(token: &str, keys: &[DecryptionKey], registered: Option<Encryption>) -> Result<Secret, Error> {
    let mut parts = token.split('.');
    let [header_part, key, iv, text, tag] = std::array::from_fn(|_| parts.next().unwrap_or_default());
    let header = Header::read(header_part, registered)?;
    let (key, iv, text, tag) = (decode(key)?, decode(iv)?, decode(text)?, decode(tag)?);
    let sealed = Sealed { iv: &iv, text: &text, tag: &tag };
    let enc = header.encryption.enc;
    let suits = |own: &&DecryptionKey| own.suits(header.kid.as_deref(), header.encryption.alg);
    for own in keys.iter().filter(suits).take(MAX_TRIES) {
        // RFC 7516 §11.5: a key that cannot be decrypted is replaced, so that the time does not tell it from a wrong content.
        let (content_key, is_good) = match header.content_key(&own.material, &key) {
            Ok(key) => (key, true),
            Err(_) => (Zeroizing::new(vec![0; enc.key_len()]), false),
        };
        let opened = enc.open(&content_key, header_part, &sealed);
        if let (Ok(bytes), true) = (opened, is_good) {
            return String::from_utf8(bytes).map(Secret::new).map_err(|_| not_decrypted());
        }
    }
    Err(not_decrypted())
}

fn not_decrypted() -> Error {
    let detail = "the encrypted JWT could not be decrypted with the decryption keys of this registration: it was changed, or \
                  encrypted for another key; compare the keys with those that are registered at the provider, and their ids \
                  (Registration::decryption_key)";
    refused(Check::Decryption, detail)
}

/// Encrypts a JWT for the owner of a public key (RFC 7516 section 5.1).
///
/// # Errors
/// [`Error::Response`]: the key, which the provider publishes, cannot be used with this algorithm.
pub(crate) fn encrypt(
    jwt: &str,
    recipient: &EncryptionKey,
    encryption: Encryption,
    rng: &dyn random::SecureRandom,
) -> Result<String, Error> {
    let unusable = |_: Unspecified| {
        let name = encryption.alg.name();
        Error::response(
            Operation::Jwt,
            Malformed::Jwks,
            format!(
                "the provider's key for encryption cannot be used with {name}: the provider has to correct it"
            ),
        )
    };
    sealed(jwt, recipient.jwk(), encryption, rng).map_err(unusable)
}

fn sealed(
    jwt: &str,
    recipient: &Value,
    encryption: Encryption,
    rng: &dyn random::SecureRandom,
) -> Result<String, Unspecified> {
    let Encryption { alg, enc } = encryption;
    let mut header = json!({"alg": alg.name(), "enc": enc.name(), "cty": "JWT"});
    if let Some(kid) = recipient.get("kid").and_then(Value::as_str) {
        header["kid"] = kid.into();
    }
    let mut key = Zeroizing::new(vec![0; enc.key_len()]);
    rng.fill(&mut key)?;
    let encrypted_key = match alg {
        KeyManagement::RsaOaep256 => {
            let number = |name: &str| URL_SAFE_NO_PAD.decode(recipient.get(name)?.as_str()?).ok();
            let (n, e) = number("n").zip(number("e")).ok_or(Unspecified)?;
            let public: PublicEncryptingKey = PublicKeyComponents { n, e }.try_into()?;
            let public = OaepPublicEncryptingKey::new(public)?;
            let mut encrypted = vec![0; public.ciphertext_size()];
            public.encrypt(&OAEP_SHA256_MGF1SHA256, &key, &mut encrypted, None)?;
            encrypted
        }
        KeyManagement::EcdhEs | KeyManagement::EcdhEsWrapped(_) => {
            let found = Curve::all().find_map(|curve| Some((curve, curve.point(recipient)?)));
            let (curve, point) = found.ok_or(Unspecified)?;
            let (agreed, epk) = agree_once(curve, &point, &encryption.context(&[], &[]), rng)?;
            header["epk"] = epk;
            if alg == KeyManagement::EcdhEs {
                key = agreed;
                Vec::new()
            } else {
                wrap(&key, &agreed)?
            }
        }
    };
    let header = URL_SAFE_NO_PAD.encode(header.to_string());
    let [iv, text, tag] = enc.seal(&key, &header, jwt.as_bytes(), rng)?;
    let parts = [encrypted_key, iv, text, tag].map(|part| URL_SAFE_NO_PAD.encode(part));
    Ok(format!("{header}.{}", parts.join(".")))
}

/// The longest header, in base64url. A certificate chain in it (`x5c`) has room, and is not read.
const MAX_HEADER: usize = 16 * 1024;
/// The `enc` of a registration that names only an `alg`.
pub(crate) const DEFAULT_ENC: &str = "A128CBC-HS256";
/// How many keys are tried with one JWT.
const MAX_TRIES: usize = 8;

#[cfg(test)]
mod tests;
