//! Keys of every kind, and JWTs that say what a test wants them to say.
use std::sync::OnceLock;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey, PublicKeyComponents,
};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
    RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

pub(crate) const ALGORITHMS: [&str; 10] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];

struct Forge {
    rsa: RsaKeyPair,
    /// A key that is in no key set unless a test puts it there.
    stranger: RsaKeyPair,
    p256: EcdsaKeyPair,
    p384: EcdsaKeyPair,
    p521: EcdsaKeyPair,
    ed25519: Ed25519KeyPair,
}

/// Made once: an RSA key takes a noticeable part of a second.
fn forge() -> &'static Forge {
    static FORGE: OnceLock<Forge> = OnceLock::new();
    FORGE.get_or_init(|| Forge {
        rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
        stranger: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
        p256: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
        p384: EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap(),
        p521: EcdsaKeyPair::generate(&ECDSA_P521_SHA512_FIXED_SIGNING).unwrap(),
        ed25519: Ed25519KeyPair::generate().unwrap(),
    })
}

/// The id of the key that signs by that algorithm.
pub(crate) fn key_for(alg: &str) -> &'static str {
    match alg {
        "ES256" => "p256",
        "ES384" => "p384",
        "ES512" => "p521",
        "EdDSA" | "Ed25519" => "ed25519",
        _ => "rsa",
    }
}

/// The public key of that id: `rsa`, `stranger`, `p256`, `p384`, `p521` or `ed25519`.
pub(crate) fn jwk(kid: &str) -> Value {
    let forge = forge();
    let ec = |curve: &str, key: &EcdsaKeyPair| {
        // SEC 1 §2.3.3: 4, then both coordinates at full length.
        let (x, y) = key.public_key().as_ref()[1..].split_at(key.public_key().as_ref().len() / 2);
        json!({"kty": "EC", "kid": kid, "crv": curve, "x": base64(x), "y": base64(y)})
    };
    let rsa = |key: &RsaKeyPair| {
        let public = key.public_key();
        let n = base64(public.modulus().big_endian_without_leading_zero());
        let e = base64(public.exponent().big_endian_without_leading_zero());
        json!({"kty": "RSA", "kid": kid, "n": n, "e": e})
    };
    match kid {
        "rsa" => rsa(&forge.rsa),
        "stranger" => rsa(&forge.stranger),
        "p256" => ec("P-256", &forge.p256),
        "p384" => ec("P-384", &forge.p384),
        "p521" => ec("P-521", &forge.p521),
        "ed25519" => {
            let x = base64(forge.ed25519.public_key().as_ref());
            json!({"kty": "OKP", "kid": kid, "crv": "Ed25519", "x": x})
        }
        _ => panic!("no key {kid}"),
    }
}

/// One key of every kind.
pub(crate) fn jwks() -> Value {
    let keys = ["rsa", "p256", "p384", "p521", "ed25519"].map(jwk);
    json!({ "keys": keys })
}

/// A JWT with that header and payload, signed as `alg` asks with the key of that id.
pub(crate) fn jwt(alg: &str, kid: &str, header: &Value, payload: &str) -> String {
    let input = format!("{}.{}", base64(header.to_string()), base64(payload));
    let signature = sign(alg, kid, input.as_bytes());
    format!("{input}.{}", base64(signature))
}

/// The same JWT with an HMAC in place of its signature.
pub(crate) fn with_hmac(jwt: &str, algorithm: aws_lc_rs::hmac::Algorithm, secret: &[u8]) -> String {
    let (signed, _) = jwt.rsplit_once('.').unwrap();
    let key = aws_lc_rs::hmac::Key::new(algorithm, secret);
    format!("{signed}.{}", base64(aws_lc_rs::hmac::sign(&key, signed.as_bytes())))
}

fn sign(alg: &str, kid: &str, input: &[u8]) -> Vec<u8> {
    let forge = forge();
    let rsa = |encoding: &'static dyn RsaEncoding| {
        let key = if kid == "stranger" { &forge.stranger } else { &forge.rsa };
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(encoding, &SystemRandom::new(), input, &mut signature).unwrap();
        signature
    };
    let ec = |key: &EcdsaKeyPair| key.sign(&SystemRandom::new(), input).unwrap().as_ref().to_vec();
    match alg {
        "RS256" => rsa(&RSA_PKCS1_SHA256),
        "RS384" => rsa(&RSA_PKCS1_SHA384),
        "RS512" => rsa(&RSA_PKCS1_SHA512),
        "PS256" => rsa(&RSA_PSS_SHA256),
        "PS384" => rsa(&RSA_PSS_SHA384),
        "PS512" => rsa(&RSA_PSS_SHA512),
        "ES256" => ec(&forge.p256),
        "ES384" => ec(&forge.p384),
        "ES512" => ec(&forge.p521),
        "EdDSA" | "Ed25519" => forge.ed25519.sign(input).as_ref().to_vec(),
        "none" => Vec::new(),
        _ => panic!("no algorithm {alg}"),
    }
}

/// A JWT encrypted for that public key: by RSA-OAEP-256, or for a key on a curve by an ECDH-ES that nobody can decrypt, and
/// A256GCM. The header has these members besides the usual, or in their place.
pub(crate) fn encrypted(jwt: &str, recipient: &Value, header: &Value) -> String {
    let is_rsa = recipient["kty"] == "RSA";
    let mut all =
        json!({"alg": if is_rsa { "RSA-OAEP-256" } else { "ECDH-ES" }, "enc": "A256GCM", "cty": "JWT"});
    for (name, value) in header.as_object().unwrap() {
        all[name] = value.clone();
    }
    let mut key = [0; 32];
    aws_lc_rs::rand::fill(&mut key).unwrap();
    let wrapped = if is_rsa {
        let number = |name: &str| URL_SAFE_NO_PAD.decode(recipient[name].as_str().unwrap()).unwrap();
        let public: PublicEncryptingKey =
            PublicKeyComponents { n: number("n"), e: number("e") }.try_into().unwrap();
        let public = OaepPublicEncryptingKey::new(public).unwrap();
        let mut wrapped = vec![0; public.ciphertext_size()];
        public.encrypt(&OAEP_SHA256_MGF1SHA256, &key, &mut wrapped, None).unwrap();
        wrapped
    } else {
        Vec::new()
    };
    let header = base64(all.to_string());
    let (iv, mut text) = ([7; 12], jwt.as_bytes().to_vec());
    let sealing = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).unwrap());
    let nonce = Nonce::assume_unique_for_key(iv);
    let tag = sealing.seal_in_place_separate_tag(nonce, Aad::from(header.as_bytes()), &mut text).unwrap();
    format!("{header}.{}.{}.{}.{}", base64(wrapped), base64(iv), base64(text), base64(tag))
}

/// The left half of the algorithm's hash: `at_hash` and `c_hash` (OpenID Connect Core section 3.1.3.6).
pub(crate) fn half_hash(alg: &str, text: &str) -> String {
    let algorithm = match &alg[2..] {
        "256" => &digest::SHA256,
        "384" => &digest::SHA384,
        _ => &digest::SHA512,
    };
    let hash = digest::digest(algorithm, text.as_bytes());
    base64(&hash.as_ref()[..hash.as_ref().len() / 2])
}

pub(crate) fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
