//! JSON Web Keys (RFC 7517): a provider's public keys, parsed once.
use std::sync::OnceLock;

use aws_lc_rs::signature::{ParsedPublicKey, RsaPublicKeyComponents};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::algorithm::{Algorithm, Family};
use crate::json::Json;

/// A provider's keys, those that can verify signatures. Keys of unknown types and broken keys are left out: one odd
/// key does not take the others with it (RFC 7517 section 5).
#[derive(Default)]
pub(crate) struct KeySet {
    keys: Vec<Key>,
}

/// Why no key verified a signature.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum NoKey {
    /// None has that id and suits that algorithm.
    Unknown,
    /// The one that fits is too weak.
    Weak,
    /// The signature is none of theirs.
    Wrong,
}

struct Key {
    kid: Option<String>,
    /// The algorithm that the key is bound to, if it is (RFC 7517 section 4.4).
    bound: Option<Algorithm>,
    material: Material,
    /// Parsed for each algorithm at its first use.
    parsed: [OnceLock<Option<ParsedPublicKey>>; ALGORITHMS],
}

enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8>, weak: bool },
    Ec { curve: Algorithm, point: Vec<u8> },
    Ed25519 { x: Vec<u8>, weak: bool },
}

impl KeySet {
    /// Reads so many keys of a set at most. None where it is no key set at all.
    pub(crate) fn read(document: &Json, most: usize) -> Option<Self> {
        let keys = document.value().get("keys")?.as_array()?;
        Some(Self { keys: keys.iter().filter_map(Key::read).take(most).collect() })
    }

    pub(crate) fn verify(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), NoKey> {
        // RFC 7515 §4.1.4: the id is a hint among the provider's own keys. Without one, every key that suits is tried.
        let suits =
            |key: &&Key| kid.is_none_or(|kid| key.kid.as_deref() == Some(kid)) && key.suits(algorithm);
        let mut reason = NoKey::Unknown;
        for key in self.keys.iter().filter(suits) {
            if key.is_weak() {
                reason = NoKey::Weak;
                continue;
            }
            let Some(parsed) = key.parsed(algorithm) else {
                continue;
            };
            if parsed.verify_sig(message, signature).is_ok() {
                return Ok(());
            }
            reason = NoKey::Wrong;
        }
        Err(reason)
    }
}

impl Key {
    fn read(jwk: &Value) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        // RFC 7517 §4.2 and §4.3: a key that is for something else verifies nothing.
        if jwk.get("use").is_some_and(|u| u != "sig") {
            return None;
        }
        if let Some(operations) = jwk.get("key_ops") {
            operations.as_array()?.iter().find(|o| *o == "verify")?;
        }
        let bound = match jwk.get("alg") {
            None => None,
            Some(alg) => Some(Algorithm::from_name(alg.as_str()?)?),
        };
        let kid = match jwk.get("kid") {
            None => None,
            Some(kid) => Some(kid.as_str()?.to_owned()),
        };
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
        let material = match (text("kty")?, text("crv")) {
            ("RSA", _) => Material::rsa(bytes("n")?, bytes("e")?)?,
            ("EC", Some(curve)) => {
                let (curve, size) = match curve {
                    "P-256" => (Algorithm::Es256, 32),
                    "P-384" => (Algorithm::Es384, 48),
                    "P-521" => (Algorithm::Es512, 66),
                    _ => return None,
                };
                let (x, y) = (bytes("x")?, bytes("y")?);
                // RFC 7518 §6.2.1.2: coordinates have the full size of the field.
                if [x.len(), y.len()] != [size; 2] {
                    return None;
                }
                // SEC 1 §2.3.3: 4 stands for an uncompressed point.
                Material::Ec { curve, point: [&[4][..], &x, &y].concat() }
            }
            ("OKP", Some("Ed25519")) => {
                let x = bytes("x").filter(|x| x.len() == 32)?;
                let mut y = x.clone();
                // RFC 8032 §5.1.2: the last bit is the sign of the other coordinate.
                y[31] &= 0x7f;
                let weak = SMALL_ORDER.contains(&URL_SAFE_NO_PAD.encode(y).as_str());
                Material::Ed25519 { x, weak }
            }
            _ => return None,
        };
        let key = Self { kid, bound, material, parsed: Default::default() };
        // A broken key is found now, not when it is needed; RSA is the same for all its algorithms.
        let sample = match &key.material {
            Material::Rsa { .. } => bound.unwrap_or(Algorithm::Rs256),
            Material::Ec { curve, .. } => *curve,
            Material::Ed25519 { .. } => Algorithm::EdDsa,
        };
        (key.is_weak() || (key.suits(sample) && key.parsed(sample).is_some())).then_some(key)
    }

    /// One algorithm family a key: the type of the key decides what it may verify, not the header of a JWT.
    fn suits(&self, algorithm: Algorithm) -> bool {
        if self.bound.is_some_and(|bound| bound != algorithm) {
            return false;
        }
        match (&self.material, algorithm.family()) {
            (Material::Rsa { .. }, Family::Rsa(_)) | (Material::Ed25519 { .. }, Family::Ed(_)) => true,
            (Material::Ec { curve, .. }, Family::Ec(_)) => *curve == algorithm,
            _ => false,
        }
    }

    fn is_weak(&self) -> bool {
        matches!(self.material, Material::Rsa { weak: true, .. } | Material::Ed25519 { weak: true, .. })
    }

    fn parsed(&self, algorithm: Algorithm) -> Option<&ParsedPublicKey> {
        let parse = || match (&self.material, algorithm.family()) {
            (Material::Rsa { n, e, .. }, Family::Rsa(parameters)) => {
                RsaPublicKeyComponents { n: &n[..], e: &e[..] }.to_parsed_public_key(parameters).ok()
            }
            (Material::Ec { point, .. }, Family::Ec(parameters)) => {
                ParsedPublicKey::new(parameters, point).ok()
            }
            (Material::Ed25519 { x, .. }, Family::Ed(parameters)) => ParsedPublicKey::new(parameters, x).ok(),
            _ => None,
        };
        self.parsed[algorithm as usize].get_or_init(parse).as_ref()
    }
}

impl Material {
    fn rsa(n: Vec<u8>, e: Vec<u8>) -> Option<Self> {
        // RFC 7518 §6.3.1.1 forbids leading zeros, and some providers have them all the same.
        let trim = |bytes: Vec<u8>| bytes.into_iter().skip_while(|b| *b == 0).collect::<Vec<u8>>();
        let (n, e) = (trim(n), trim(e));
        let bits = n.len() * 8 - n.first()?.leading_zeros() as usize;
        if bits > MAX_RSA_BITS || e.len() > MAX_EXPONENT {
            return None;
        }
        // RFC 7518 §3.3: 2048 bits or more. An exponent of 1 makes every text its own signature; an even one is none.
        let weak = bits < MIN_RSA_BITS || e.is_empty() || e == [1] || e.last().is_some_and(|b| b % 2 == 0);
        Some(Self::Rsa { n, e, weak })
    }
}

const ALGORITHMS: usize = Algorithm::EdDsa as usize + 1;
/// The points of Ed25519 whose order divides 8, and the other ways to write them: by such a key everybody can sign.
const SMALL_ORDER: [&str; 7] = [
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "7P_______________________________________38",
    "7f_______________________________________38",
    "7v_______________________________________38",
    "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU",
    "xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o",
];
const MIN_RSA_BITS: usize = 2048;
/// The largest modulus that the crypto library takes; larger ones cost more than they protect.
const MAX_RSA_BITS: usize = 8192;
/// The longest public exponent, in bytes; nearly all have three.
const MAX_EXPONENT: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(keys: Value) -> KeySet {
        KeySet::read(&Json::from(json!({ "keys": keys })), 100).unwrap()
    }

    fn rsa(bytes: usize, e: &[u8]) -> Value {
        let encode = |b: &[u8]| URL_SAFE_NO_PAD.encode(b);
        json!({"kty": "RSA", "kid": "r", "n": encode(&vec![0xff; bytes]), "e": encode(e)})
    }

    #[test]
    fn odd_and_broken_keys_leave_the_others_alone() {
        let good = json!({"kty": "OKP", "crv": "Ed25519", "kid": "good",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        let set = read(json!([
            7, {}, {"kty": "oct", "k": "AAAA"}, {"kty": "AKP", "alg": "ML-DSA-44"},
            {"kty": "OKP", "crv": "X25519", "x": "AAAA"}, {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
            {"kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode([1; 32]), "y": URL_SAFE_NO_PAD.encode([1; 32])},
            {"kty": "RSA", "n": "!", "e": "AQAB"}, good,
        ]));
        assert_eq!(set.keys.len(), 1);
        assert_eq!(set.keys[0].kid.as_deref(), Some("good"));
        assert!(KeySet::read(&Json::from(json!({})), 100).is_none());
    }

    #[test]
    fn keys_for_something_else_verify_nothing() {
        let with = |name: &str, value: Value| {
            let mut key = rsa(256, &[1, 0, 1]);
            key[name] = value;
            read(json!([key])).keys.len()
        };
        assert_eq!(with("use", json!("sig")), 1);
        assert_eq!(with("use", json!("enc")), 0);
        assert_eq!(with("key_ops", json!(["verify"])), 1);
        assert_eq!(with("key_ops", json!(["encrypt"])), 0);
        assert_eq!(with("alg", json!("PS256")), 1);
        assert_eq!(with("alg", json!("ES256")), 0);
        assert_eq!(with("alg", json!("RSA-OAEP")), 0);
        for name in ["use", "key_ops", "alg", "kid"] {
            assert_eq!(with(name, json!(7)), 0, "{name}");
            assert_eq!(with(name, json!(null)), 0, "{name}");
        }
    }

    #[test]
    fn ed25519_keys_of_small_order_are_weak() {
        for (point, sign) in SMALL_ORDER.iter().flat_map(|point| [(point, 0), (point, 0x80)]) {
            let mut x = URL_SAFE_NO_PAD.decode(point).unwrap();
            x[31] |= sign;
            let key = json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(x)});
            let set = read(json!([key]));
            assert_eq!(set.verify(None, Algorithm::EdDsa, b"m", &[0; 64]), Err(NoKey::Weak), "{point}");
        }
    }

    #[test]
    fn keys_of_other_uses_do_not_crowd_out_those_that_verify() {
        let mut keys = vec![json!({"kty": "oct", "k": "AAAA"}); 200];
        keys.push(rsa(256, &[1, 0, 1]));
        assert_eq!(read(json!(keys)).keys.len(), 1);
    }

    #[test]
    fn weak_keys_are_known_as_such() {
        let verdict = |key: Value| read(json!([key])).verify(Some("r"), Algorithm::Rs256, b"m", b"s");
        assert_eq!(verdict(rsa(256, &[1, 0, 1])), Err(NoKey::Wrong));
        assert_eq!(verdict(rsa(128, &[1, 0, 1])), Err(NoKey::Weak));
        assert_eq!(verdict(rsa(256, &[1])), Err(NoKey::Weak));
        assert_eq!(verdict(rsa(256, &[4])), Err(NoKey::Weak));
        assert_eq!(verdict(rsa(2048, &[1, 0, 1])), Err(NoKey::Unknown));
    }

    #[test]
    fn rsa_keys_have_2048_to_8192_bits_and_a_short_exponent() {
        let verdict = |first: u8, rest: usize, e: &[u8]| {
            let mut key = rsa(0, e);
            key["n"] = json!(URL_SAFE_NO_PAD.encode([vec![first], vec![0xff; rest]].concat()));
            read(json!([key])).verify(Some("r"), Algorithm::Rs256, b"m", b"s").unwrap_err()
        };
        let common = &[1, 0, 1];
        assert_eq!(verdict(0x7f, 255, common), NoKey::Weak);
        assert_eq!(verdict(0x80, 255, common), NoKey::Wrong);
        assert_eq!(verdict(0xff, 1023, common), NoKey::Wrong);
        assert_eq!(verdict(0x01, 1024, common), NoKey::Unknown);
        assert_eq!(verdict(0xff, 255, &[1; 8]), NoKey::Wrong);
        assert_eq!(verdict(0xff, 255, &[1; 9]), NoKey::Unknown);
    }

    #[test]
    fn each_coordinate_has_the_full_size_of_the_field() {
        // The base point of P-256 (SEC 2 section 2.4.2).
        let point = [
            0x6b17d1f2e12c4247f8bce6e563a440f2_u128,
            0x77037d812deb33a0f4a13945d898c296,
            0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e16,
            0x2bce33576b315ececbb6406837bf51f5,
        ]
        .map(u128::to_be_bytes)
        .concat();
        for (split, usable) in [(32, 1), (31, 0), (33, 0), (0, 0), (64, 0)] {
            let (x, y) = point.split_at(split);
            let [x, y] = [x, y].map(|c| URL_SAFE_NO_PAD.encode(c));
            let set = read(json!([{"kty": "EC", "crv": "P-256", "x": x, "y": y}]));
            assert_eq!(set.keys.len(), usable, "{split}");
        }
    }
}
