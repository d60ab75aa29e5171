//! Encryption for a client, RFC 7516: with the public key that it has registered.

use std::io;

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use aws_lc_rs::cipher::{self, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use aws_lc_rs::key_wrap::{AES_128, AES_256, AesKek, KeyWrap as _};
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::rsa::{
    OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey, PublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::base64url as encode;

/// How something is encrypted for a client.
#[derive(Clone, Debug)]
pub(crate) struct Recipient {
    /// The public key, as JWK: RSA, or on P-256.
    pub(crate) jwk: Value,
    pub(crate) alg: String,
    pub(crate) enc: String,
}

impl Recipient {
    pub(crate) const ALGS: [&'static str; 4] =
        ["RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW"];
    pub(crate) const ENCS: [&'static str; 4] = ["A128GCM", "A256GCM", "A128CBC-HS256", "A256CBC-HS512"];

    /// Tries the encryption, so that a wrong registration is noticed at the start.
    pub(crate) fn check(&self) -> io::Result<()> {
        let message = || {
            format!(
                "`{}` with `{}` does not fit the encryption key: {:?} with {:?} are known, for keys that are RSA or on P-256",
                self.alg,
                self.enc,
                Self::ALGS,
                Self::ENCS
            )
        };
        self.encrypt("").map(drop).map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, message()))
    }

    /// The compact serialisation of RFC 7516 section 7.1.
    pub(crate) fn encrypt(&self, jwt: &str) -> Result<String, Unspecified> {
        let mut header = json!({ "alg": self.alg, "enc": self.enc, "cty": "JWT" });
        if self.jwk["kid"].is_string() {
            header["kid"] = self.jwk["kid"].clone();
        }
        let length = match self.enc.as_str() {
            "A128GCM" => 16,
            "A256GCM" | "A128CBC-HS256" => 32,
            "A256CBC-HS512" => 64,
            _ => return Err(Unspecified),
        };
        let mut key = vec![0; length];
        rand::fill(&mut key)?;
        let wrapped = match self.alg.as_str() {
            "RSA-OAEP-256" => {
                let components = PublicKeyComponents { n: self.member("n")?, e: self.member("e")? };
                let public: PublicEncryptingKey = components.try_into()?;
                let public = OaepPublicEncryptingKey::new(public)?;
                let mut wrapped = vec![0; public.ciphertext_size()];
                public.encrypt(&OAEP_SHA256_MGF1SHA256, &key, &mut wrapped, None)?;
                wrapped
            }
            "ECDH-ES" => {
                key = self.agree(&self.enc, length, &mut header)?;
                Vec::new()
            }
            "ECDH-ES+A128KW" | "ECDH-ES+A256KW" => {
                let (cipher, length) = if self.alg.contains("128") { (&AES_128, 16) } else { (&AES_256, 32) };
                let agreed = self.agree(&self.alg, length, &mut header)?;
                let mut wrapped = vec![0; key.len() + 8];
                AesKek::new(cipher, &agreed)?.wrap(&key, &mut wrapped)?;
                wrapped
            }
            _ => return Err(Unspecified),
        };
        let header = encode(header.to_string().as_bytes());
        let [iv, text, tag] = self.seal(&key, &header, jwt.as_bytes())?;
        Ok([header, encode(&wrapped), encode(&iv), encode(&text), encode(&tag)].join("."))
    }

    /// Agrees on a key, RFC 7518 section 4.6. The public half of the new key goes into the header.
    fn agree(&self, algorithm: &str, length: usize, header: &mut Value) -> Result<Vec<u8>, Unspecified> {
        let own = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new())?;
        let public = own.compute_public_key()?;
        let (x, y) = public.as_ref()[1..].split_at(32);
        header["epk"] = json!({ "kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y) });
        let point = [vec![4], self.member("x")?, self.member("y")?].concat();
        agree_ephemeral(own, UnparsedPublicKey::new(&ECDH_P256, point), Unspecified, |secret| {
            let number = |number: usize| (number as u32).to_be_bytes();
            let mut key = Vec::new();
            for round in 1..=length.div_ceil(32) {
                // Section 4.6.2: no party names, so both have the length zero.
                let length = number(length * 8);
                let parts: [&[u8]; 7] = [
                    &number(round),
                    secret,
                    &number(algorithm.len()),
                    algorithm.as_bytes(),
                    &number(0),
                    &number(0),
                    &length,
                ];
                key.extend(digest(&SHA256, &parts.concat()).as_ref());
            }
            key.truncate(length);
            Ok(key)
        })
    }

    fn seal(&self, key: &[u8], header: &str, plain: &[u8]) -> Result<[Vec<u8>; 3], Unspecified> {
        let mut text = plain.to_vec();
        if self.enc.ends_with("GCM") {
            let algorithm = if key.len() == 16 { &AES_128_GCM } else { &AES_256_GCM };
            let mut iv = [0; NONCE_LEN];
            rand::fill(&mut iv)?;
            let key = LessSafeKey::new(UnboundKey::new(algorithm, key)?);
            let nonce = Nonce::assume_unique_for_key(iv);
            let tag = key.seal_in_place_separate_tag(nonce, Aad::from(header.as_bytes()), &mut text)?;
            return Ok([iv.to_vec(), text, tag.as_ref().to_vec()]);
        }
        // RFC 7518 section 5.2.2.1.
        let (mac_key, key) = key.split_at(key.len() / 2);
        let (algorithm, mac) = match key.len() {
            16 => (&cipher::AES_128, hmac::HMAC_SHA256),
            _ => (&cipher::AES_256, hmac::HMAC_SHA512),
        };
        let mut iv = [0; 16];
        rand::fill(&mut iv)?;
        let key = PaddedBlockEncryptingKey::cbc_pkcs7(UnboundCipherKey::new(algorithm, key)?)?;
        key.less_safe_encrypt(&mut text, EncryptionContext::Iv128(iv.into()))?;
        let bits = (header.len() as u64 * 8).to_be_bytes();
        let whole = [header.as_bytes(), &iv, &text, &bits].concat();
        let tag = hmac::sign(&hmac::Key::new(mac, mac_key), &whole);
        let half = tag.as_ref()[..tag.as_ref().len() / 2].to_vec();
        Ok([iv.to_vec(), text, half])
    }

    fn member(&self, name: &str) -> Result<Vec<u8>, Unspecified> {
        let text = self.jwk[name].as_str().ok_or(Unspecified)?;
        URL_SAFE_NO_PAD.decode(text).map_err(|_| Unspecified)
    }
}
