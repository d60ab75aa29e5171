//! The encryption of the content of a JWE: AES-GCM, and AES-CBC with HMAC (RFC 7518 sections 5.2 and 5.3).
use aws_lc_rs::aead::{self, AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, UnboundKey};
use aws_lc_rs::cipher::{
    self, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey,
    UnboundCipherKey,
};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac::{self, HMAC_SHA256, HMAC_SHA512};
use aws_lc_rs::iv::FixedLength;
// The caller passes the source of randomness.
use aws_lc_rs::rand as random;

/// An algorithm for the content: a row of the table. Each of them notices a changed content.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ContentEncryption(usize);

/// The parts of an encrypted content.
pub(super) struct Sealed<'a> {
    pub(super) iv: &'a [u8],
    pub(super) text: &'a [u8],
    pub(super) tag: &'a [u8],
}

enum Cipher {
    Gcm(&'static aead::Algorithm),
    /// The key consists of a half for the MAC and a half for the cipher.
    CbcHmac(&'static cipher::Algorithm, hmac::Algorithm),
}

impl ContentEncryption {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().position(|(known, ..)| *known == name).map(Self)
    }

    /// The names of all.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        TABLE.iter().map(|(name, ..)| *name)
    }

    pub(crate) fn name(self) -> &'static str {
        TABLE[self.0].0
    }

    /// The length of the key, in bytes.
    pub(super) fn key_len(self) -> usize {
        TABLE[self.0].1
    }

    fn cipher(self) -> &'static Cipher {
        &TABLE[self.0].2
    }

    /// Decrypts. The header is authenticated with the content. The error does not say what is wrong.
    pub(super) fn open(self, key: &[u8], header: &str, sealed: &Sealed<'_>) -> Result<Vec<u8>, Unspecified> {
        let Sealed { iv, text, tag } = *sealed;
        match self.cipher() {
            Cipher::Gcm(algorithm) => {
                // RFC 7518 §5.3: the initialization vector has 96 bits and the tag 128.
                let nonce = aead::Nonce::try_assume_unique_for_key(iv)?;
                if tag.len() != algorithm.tag_len() {
                    return Err(Unspecified);
                }
                let mut bytes = [text, tag].concat();
                let key = LessSafeKey::new(UnboundKey::new(algorithm, key)?);
                let length = key.open_in_place(nonce, Aad::from(header), &mut bytes)?.len();
                bytes.truncate(length);
                Ok(bytes)
            }
            Cipher::CbcHmac(algorithm, mac) => {
                let (mac_key, key) = key.split_at_checked(key.len() / 2).ok_or(Unspecified)?;
                let iv = FixedLength::try_from(iv)?;
                // RFC 7518 §5.2.2.2: nothing is decrypted before the tag is verified, so padding tells nothing.
                verify_slices_are_equal(&tag_of(*mac, mac_key, header, iv.as_ref(), text), tag)?;
                let key = PaddedBlockDecryptingKey::cbc_pkcs7(UnboundCipherKey::new(algorithm, key)?)?;
                let mut bytes = text.to_vec();
                let length = key.decrypt(&mut bytes, DecryptionContext::Iv128(iv))?.len();
                bytes.truncate(length);
                Ok(bytes)
            }
        }
    }

    /// Encrypts. Returns the initialization vector, the text and the tag.
    pub(super) fn seal(
        self,
        key: &[u8],
        header: &str,
        plain: &[u8],
        rng: &dyn random::SecureRandom,
    ) -> Result<[Vec<u8>; 3], Unspecified> {
        match self.cipher() {
            Cipher::Gcm(algorithm) => {
                let mut iv = vec![0; aead::NONCE_LEN];
                rng.fill(&mut iv)?;
                let nonce = aead::Nonce::try_assume_unique_for_key(&iv)?;
                let key = LessSafeKey::new(UnboundKey::new(algorithm, key)?);
                let mut text = plain.to_vec();
                let tag = key.seal_in_place_separate_tag(nonce, Aad::from(header), &mut text)?;
                Ok([iv, text, tag.as_ref().to_vec()])
            }
            Cipher::CbcHmac(algorithm, mac) => {
                let (mac_key, key) = key.split_at_checked(key.len() / 2).ok_or(Unspecified)?;
                let mut iv = [0; 16];
                rng.fill(&mut iv)?;
                let mut text = plain.to_vec();
                let key = PaddedBlockEncryptingKey::cbc_pkcs7(UnboundCipherKey::new(algorithm, key)?)?;
                key.less_safe_encrypt(&mut text, EncryptionContext::Iv128(iv.into()))?;
                let tag = tag_of(*mac, mac_key, header, &iv, &text);
                Ok([iv.to_vec(), text, tag])
            }
        }
    }
}

/// RFC 7518 §5.2.2.1, steps 4 and 5: the first half of the HMAC over header, initialization vector, text, and the length of the
/// header in bits.
fn tag_of(mac: hmac::Algorithm, key: &[u8], header: &str, iv: &[u8], text: &[u8]) -> Vec<u8> {
    let mut context = hmac::Context::with_key(&hmac::Key::new(mac, key));
    let bits = (header.len() as u64) * 8;
    for part in [header.as_bytes(), iv, text, &bits.to_be_bytes()] {
        context.update(part);
    }
    let tag = context.sign();
    tag.as_ref()[..tag.as_ref().len() / 2].to_vec()
}

/// The name, the length of the key in bytes, and the cipher.
static TABLE: [(&str, usize, Cipher); 4] = [
    ("A128GCM", 16, Cipher::Gcm(&AES_128_GCM)),
    ("A256GCM", 32, Cipher::Gcm(&AES_256_GCM)),
    ("A128CBC-HS256", 32, Cipher::CbcHmac(&cipher::AES_128, HMAC_SHA256)),
    ("A256CBC-HS512", 64, Cipher::CbcHmac(&cipher::AES_256, HMAC_SHA512)),
];
