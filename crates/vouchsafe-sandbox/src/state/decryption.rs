//! The keys for request objects that are encrypted to the sandbox, RFC 7516 and RFC 7518 sections 4 and 5.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::cipher::{AES_128, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey, PublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::wire::{base64url, ensure, sha256};

/// One key of each kind.
pub(crate) struct Decryption {
    rsa: OaepPrivateDecryptingKey,
    ec: PrivateKey,
    jwks: [Value; 2],
}

impl Decryption {
    pub(crate) fn generate() -> Result<Self, Unspecified> {
        let rsa = PrivateDecryptingKey::generate(KeySize::Rsa2048)?;
        let der = AsDer::<PublicKeyX509Der<'_>>::as_der(&rsa.public_key())?;
        let public = PublicKey::from_der(der.as_ref())?;
        let number = |bytes: &[u8]| base64url(bytes);
        let (n, e) = (public.modulus(), public.exponent());
        let (n, e) = (n.big_endian_without_leading_zero(), e.big_endian_without_leading_zero());
        let ec = PrivateKey::generate(&ECDH_P256)?;
        let point = ec.compute_public_key()?;
        // SEC 1 section 2.3.3.
        let (x, y) = point.as_ref()[1..].split_at(32);
        let jwks = [
            json!({ "kty": "RSA", "n": number(n), "e": number(e), "use": "enc", "alg": "RSA-OAEP-256", "kid": "sandbox-enc-rsa" }),
            json!({ "kty": "EC", "crv": "P-256", "x": number(x), "y": number(y), "use": "enc", "alg": "ECDH-ES", "kid": "sandbox-enc-ec" }),
        ];
        Ok(Self { rsa: OaepPrivateDecryptingKey::new(rsa)?, ec, jwks })
    }

    /// The public keys.
    pub(crate) fn jwks(&self) -> &[Value] {
        &self.jwks
    }

    /// The text inside, which is a JWT again.
    pub(crate) fn open(&self, jwe: &str, registered: [Option<&str>; 2]) -> Result<String, String> {
        let parts: Vec<_> = jwe.split('.').collect();
        let [protected, key, iv, ciphertext, tag] = parts[..] else {
            return Err("it does not have the five parts of an encrypted JWT".to_owned());
        };
        let bytes =
            |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| "a part of it is not base64url".to_owned());
        let header: Value = serde_json::from_slice(&bytes(protected)?).unwrap_or_default();
        let (alg, enc) =
            (header["alg"].as_str().unwrap_or_default(), header["enc"].as_str().unwrap_or_default());
        for (name, registered) in [alg, enc].into_iter().zip(registered) {
            let other =
                format!("it is encrypted by {name}, and the client is registered for another algorithm");
            ensure(registered.is_none_or(|registered| registered == name), other)?;
        }
        ensure(header.get("zip").is_none(), "it is compressed (zip)".to_owned())?;
        let length = match enc {
            "A128GCM" => 16,
            "A256GCM" | "A128CBC-HS256" => 32,
            _ => return Err(format!("enc {enc:?} is not A128GCM, A256GCM or A128CBC-HS256")),
        };
        let encrypted_key = bytes(key)?;
        let wrong = |_: Unspecified| "it is not encrypted to a key of the sandbox".to_owned();
        let key = match alg {
            "RSA-OAEP-256" => self.unwrapped(&encrypted_key).map_err(wrong)?,
            "ECDH-ES" => {
                ensure(encrypted_key.is_empty(), "its key is not empty beside ECDH-ES".to_owned())?;
                self.agreed(&header, enc, length)?
            }
            _ => return Err(format!("alg {alg:?} is neither RSA-OAEP-256 nor ECDH-ES")),
        };
        ensure(key.len() == length, "its key does not have the length for enc".to_owned())?;
        let (iv, ciphertext, tag) = (bytes(iv)?, bytes(ciphertext)?, bytes(tag)?);
        let opened = match enc {
            "A128CBC-HS256" => by_cbc(&key, protected, &iv, ciphertext, &tag),
            _ => by_gcm(&key, protected, &iv, ciphertext, &tag),
        };
        let opened = opened.map_err(|_| "it cannot be decrypted".to_owned())?;
        String::from_utf8(opened).map_err(|_| "the text inside is not UTF-8".to_owned())
    }

    /// Section 4.3.
    fn unwrapped(&self, encrypted: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let mut room = vec![0; self.rsa.min_output_size()];
        Ok(self.rsa.decrypt(&OAEP_SHA256_MGF1SHA256, encrypted, &mut room, None)?.to_vec())
    }

    /// Section 4.6, and the Concat KDF of section 4.6.2 in one round.
    fn agreed(&self, header: &Value, enc: &str, length: usize) -> Result<Vec<u8>, String> {
        let invalid = || "epk is not a key on P-256".to_owned();
        let coordinate = |name: &str| {
            let text = header["epk"][name].as_str().ok_or_else(invalid)?;
            URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == 32).ok_or_else(invalid)
        };
        let point = [vec![4], coordinate("x")?, coordinate("y")?].concat();
        let party = |name: &str| {
            let text = header[name].as_str().unwrap_or_default();
            let bytes = URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
            [&(bytes.len() as u32).to_be_bytes()[..], &bytes].concat()
        };
        let name = [&(enc.len() as u32).to_be_bytes()[..], enc.as_bytes()].concat();
        let bits = (length as u32 * 8).to_be_bytes();
        let info = [name, party("apu"), party("apv"), bits.to_vec()].concat();
        agree(&self.ec, UnparsedPublicKey::new(&ECDH_P256, point), invalid(), |secret| {
            let hash = sha256(&[&1_u32.to_be_bytes()[..], secret, &info].concat());
            Ok(hash[..length].to_vec())
        })
    }
}

/// Section 5.3.
fn by_gcm(key: &[u8], protected: &str, iv: &[u8], text: Vec<u8>, tag: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let algorithm = if key.len() == 16 { &AES_128_GCM } else { &AES_256_GCM };
    let key = LessSafeKey::new(UnboundKey::new(algorithm, key)?);
    let mut sealed = [&text[..], tag].concat();
    let opened = key.open_in_place(
        Nonce::try_assume_unique_for_key(iv)?,
        Aad::from(protected.as_bytes()),
        &mut sealed,
    )?;
    Ok(opened.to_vec())
}

/// Section 5.2.
fn by_cbc(
    key: &[u8],
    protected: &str,
    iv: &[u8],
    mut text: Vec<u8>,
    tag: &[u8],
) -> Result<Vec<u8>, Unspecified> {
    let (mac_key, key) = key.split_at(16);
    let bits = (protected.len() as u64 * 8).to_be_bytes();
    let authenticated = [protected.as_bytes(), iv, &text, &bits].concat();
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, mac_key), &authenticated);
    let is_right = aws_lc_rs::constant_time::verify_slices_are_equal(&mac.as_ref()[..16], tag);
    is_right?;
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_128, key)?)?;
    let iv: [u8; 16] = iv.try_into().map_err(|_| Unspecified)?;
    let opened = key.decrypt(&mut text, DecryptionContext::Iv128(FixedLength::from(iv)))?;
    Ok(opened.to_vec())
}
