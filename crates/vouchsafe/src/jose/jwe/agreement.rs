//! Agreement on a key by ECDH-ES (RFC 7518 section 4.6, RFC 8037 section 3.2), and AES key wrap (section 4.4).
use aws_lc_rs::agreement::{
    self, ECDH_P256, ECDH_P384, ECDH_P521, EphemeralPrivateKey, PrivateKey, UnparsedPublicKey, X25519,
};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::kdf::{SskdfDigestAlgorithmId, get_sskdf_digest_algorithm, sskdf_digest};
use aws_lc_rs::key_wrap::{AES_128, AES_256, AesBlockCipher, AesKek, KeyWrap};
// The caller passes the source of randomness.
use aws_lc_rs::rand as random;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use zeroize::Zeroizing;

use crate::text::json::Value;

/// A curve: a row of the table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Curve(usize);

impl Curve {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().position(|(known, ..)| *known == name).map(Self)
    }

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..TABLE.len()).map(Self)
    }

    pub(crate) fn algorithm(self) -> &'static agreement::Algorithm {
        TABLE[self.0].1
    }

    fn is_okp(self) -> bool {
        TABLE[self.0].0 == "X25519"
    }

    /// The public key in a JWK, as bytes. `None` if it is a key of another kind, or its coordinates do not have the full size.
    pub(crate) fn point(self, jwk: &Value) -> Option<Vec<u8>> {
        let (name, _, size) = TABLE[self.0];
        let text = |name: &str| jwk.get(name)?.as_str();
        let coordinate = |name: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(text(name)?).ok()?;
            (bytes.len() == size).then_some(bytes)
        };
        let kind = if self.is_okp() { "OKP" } else { "EC" };
        if text("crv") != Some(name) || text("kty") != Some(kind) {
            return None;
        }
        let x = coordinate("x")?;
        // SEC 1 §2.3.3: 4 stands for an uncompressed point.
        if self.is_okp() { Some(x) } else { Some([&[4][..], &x, &coordinate("y")?].concat()) }
    }

    fn jwk(self, point: &[u8]) -> Value {
        let name = TABLE[self.0].0;
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        if self.is_okp() {
            return json!({"kty": "OKP", "crv": name, "x": encode(point)});
        }
        let (x, y) = point[1..].split_at(point.len() / 2);
        json!({"kty": "EC", "crv": name, "x": encode(x), "y": encode(y)})
    }
}

/// What the derivation of a key depends on (RFC 7518 section 4.6.2).
pub(super) struct Context<'a> {
    /// The algorithm for which the key is: `enc` if it encrypts the content itself, `alg` if it wraps another key.
    pub(super) algorithm: &'a str,
    pub(super) apu: &'a [u8],
    pub(super) apv: &'a [u8],
    /// The length of the key, in bytes.
    pub(super) length: usize,
}

/// The key that both sides know, for the owner of the private key.
pub(super) fn agree(
    key: &PrivateKey,
    point: &[u8],
    context: &Context<'_>,
) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    let peer = UnparsedPublicKey::new(key.algorithm(), point);
    agreement::agree(key, peer, Unspecified, |secret| derive(secret, context))
}

/// The same for the sender, with a new key. Returns the public half of it too.
pub(super) fn agree_once(
    curve: Curve,
    point: &[u8],
    context: &Context<'_>,
    rng: &dyn random::SecureRandom,
) -> Result<(Zeroizing<Vec<u8>>, Value), Unspecified> {
    let own = EphemeralPrivateKey::generate(curve.algorithm(), rng)?;
    let epk = curve.jwk(own.compute_public_key()?.as_ref());
    let peer = UnparsedPublicKey::new(curve.algorithm(), point);
    let key = agreement::agree_ephemeral(own, peer, Unspecified, |secret| derive(secret, context))?;
    Ok((key, epk))
}

/// The Concat KDF of NIST SP 800-56A with SHA-256, which is the single-step KDF of SP 800-56C.
fn derive(secret: &[u8], context: &Context<'_>) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    let Context { algorithm, apu, apv, length } = *context;
    let mut info = Vec::new();
    for part in [algorithm.as_bytes(), apu, apv] {
        info.extend(u32::try_from(part.len()).map_err(|_| Unspecified)?.to_be_bytes());
        info.extend(part);
    }
    info.extend(u32::try_from(length * 8).map_err(|_| Unspecified)?.to_be_bytes());
    let mut key = Zeroizing::new(vec![0; length]);
    let digest = get_sskdf_digest_algorithm(SskdfDigestAlgorithmId::Sha256).ok_or(Unspecified)?;
    sskdf_digest(digest, secret, &info, &mut key)?;
    Ok(key)
}

/// Wraps a key with another (RFC 3394).
pub(super) fn wrap(key: &[u8], with: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let mut wrapped = vec![0; key.len() + 8];
    AesKek::new(cipher(with)?, with)?.wrap(key, &mut wrapped)?;
    Ok(wrapped)
}

pub(super) fn unwrap(wrapped: &[u8], with: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    let mut key = Zeroizing::new(vec![0; wrapped.len().saturating_sub(8)]);
    AesKek::new(cipher(with)?, with)?.unwrap(wrapped, &mut key)?;
    Ok(key)
}

fn cipher(key: &[u8]) -> Result<&'static AesBlockCipher, Unspecified> {
    match key.len() {
        16 => Ok(&AES_128),
        32 => Ok(&AES_256),
        _ => Err(Unspecified),
    }
}

/// The name, the algorithm, and the length of a coordinate in bytes.
static TABLE: [(&str, &agreement::Algorithm, usize); 4] = [
    ("P-256", &ECDH_P256, 32),
    ("P-384", &ECDH_P384, 48),
    ("P-521", &ECDH_P521, 66),
    ("X25519", &X25519, 32),
];
