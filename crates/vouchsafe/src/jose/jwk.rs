//! JSON Web Keys (RFC 7517): a provider's public keys, parsed once.
use std::borrow::Cow;
use std::sync::OnceLock;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ParsedPublicKey, RsaPublicKeyComponents};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::algorithm::{Algorithm, Family};
use super::encryption_key::EncryptionKey;
use super::jwe::management::KeyManagement;
use crate::endpoint::is_segment;
use crate::error::Check;
use crate::text::json::Value;
use crate::text::redact::printable;
use crate::text::template::only_mark;

/// The keys of a provider that can verify signatures, and those by which something can be encrypted for it. Broken keys and keys of unknown types are left out, and the others
/// stay usable (RFC 7517 section 5).
#[derive(Default)]
pub(crate) struct KeySet {
    keys: Vec<Key>,
    /// The keys for encryption. They verify nothing.
    for_encryption: Vec<EncryptionKey>,
    /// The ids of keys that cannot verify anything, each with the reason.
    skipped: Vec<(Option<String>, Cow<'static, str>)>,
}

/// How a key set is read.
#[derive(Clone, Copy)]
pub(crate) struct Reading {
    /// The most keys to keep.
    pub(crate) most: usize,
    /// Whether a key names its issuer, because many issuers share one key set.
    pub(crate) heeds_issuer: bool,
}

/// A signature, and how to find its key.
#[derive(Clone, Copy)]
pub(crate) struct Signed<'a> {
    pub(crate) kid: Option<&'a str>,
    pub(crate) algorithm: Algorithm,
    /// The issuer that the token names, if the key set is shared.
    pub(crate) issuer: Option<&'a str>,
    pub(crate) message: &'a [u8],
    pub(crate) signature: &'a [u8],
}

struct Key {
    kid: Option<String>,
    /// The only algorithm of the key, if it names one (RFC 7517 section 4.4).
    bound: Option<Algorithm>,
    /// The only issuer of the key, if it names one. A placeholder in it stands for many.
    issuer: Option<String>,
    material: Material,
    is_weak: bool,
    /// The key parsed for each algorithm, at its first use.
    parsed: [OnceLock<Option<ParsedPublicKey>>; Algorithm::COUNT],
}

enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// A point on a curve, or a key of ML-DSA. Each curve, and each set of parameters, has one algorithm.
    Point(Algorithm, Vec<u8>),
}

impl KeySet {
    /// Reads a set. `None` if the document is not a key set.
    ///
    /// No key is parsed before a signature needs it, so that the cost of a set depends on the keys that are tried.
    pub(crate) fn read(document: &Value, reading: Reading) -> Option<Self> {
        let keys = document.get("keys")?.as_array()?;
        let mut set = Self::default();
        for jwk in keys {
            if let Some(key) = EncryptionKey::read(jwk).filter(|_| set.for_encryption.len() < reading.most) {
                set.for_encryption.push(key);
            }
            match Key::read(jwk, reading.heeds_issuer) {
                Ok(key) => set.keys.push(key),
                Err(reason) if set.skipped.len() < reading.most => {
                    let kid = jwk.get("kid").and_then(Value::as_str);
                    set.skipped.push((kid.map(str::to_owned), reason));
                }
                Err(_) => {}
            }
            if set.keys.len() == reading.most {
                break;
            }
        }
        Some(set)
    }

    /// Why no key was tried, as far as the set says it: the key with that id, or without an id any key, cannot be used.
    pub(crate) fn why_unknown(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<String> {
        let is_asked = |known: Option<&str>| kid.is_none() || known == kid;
        let skipped = self.skipped.iter().find(|(known, _)| is_asked(known.as_deref()));
        let reason = skipped.map(|(_, reason)| &**reason).or_else(|| {
            let key = self.keys.iter().find(|key| is_asked(key.kid.as_deref()))?;
            Some(if key.suits(algorithm) {
                "its numbers make no key"
            } else {
                "it is for another algorithm than the one of the JWT"
            })
        })?;
        let name = kid.map_or_else(
            || "a key of the provider".to_owned(),
            |kid| format!("the provider's key {}", printable(kid, 60)),
        );
        Some(format!("{name} cannot be used: {reason}"))
    }

    /// A key by which something can be encrypted for the provider.
    pub(crate) fn encryption_key(&self, alg: KeyManagement) -> Option<&EncryptionKey> {
        self.for_encryption.iter().find(|key| key.suits(alg))
    }

    /// Whether the choice of the key depends on the issuer that a token names.
    pub(crate) fn heeds_issuer(&self) -> bool {
        self.keys.iter().any(|key| key.issuer.is_some())
    }

    /// Verifies a signature. The error is the check that failed: no key matches, or the matching key belongs to another issuer,
    /// is weak, or did not make the signature.
    pub(crate) fn verify(&self, signed: Signed<'_>) -> Result<(), Check> {
        let Signed { kid, algorithm, issuer, message, signature } = signed;
        // RFC 7515 §4.1.4: the id is a hint among the provider's own keys. Without one, every key that suits is tried.
        let suits =
            |key: &&Key| kid.is_none_or(|kid| key.kid.as_deref() == Some(kid)) && key.suits(algorithm);
        let (mut reason, mut tries) = (Check::UnknownKey, 0);
        for key in self.keys.iter().filter(suits) {
            // The reason is that of the key that matches best.
            if !key.is_of(issuer) {
                if reason == Check::UnknownKey {
                    reason = Check::IssuerMismatch;
                }
            } else if key.is_weak {
                reason = Check::WeakKey;
            } else if tries == MAX_TRIES {
                break;
            } else {
                tries += 1;
                match key.parsed(algorithm).map(|parsed| parsed.verify_sig(message, signature)) {
                    None => {}
                    Some(Ok(())) => return Ok(()),
                    Some(Err(_)) => reason = Check::Signature,
                }
            }
        }
        Err(reason)
    }
}

/// The thumbprint of a public key (RFC 7638 section 3): the SHA-256 of its required members. `None` for a key of another type than
/// those of [`KeySet`].
pub(crate) fn thumbprint(jwk: &Value) -> Option<String> {
    let names: &[&str] = match jwk.get("kty")?.as_str()? {
        "RSA" => &["e", "kty", "n"],
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        "AKP" => &["alg", "kty", "pub"],
        _ => return None,
    };
    // Section 3.3: in lexicographic order, without white space. The values that a key can have need no escapes.
    let member = |name: &&str| {
        let value = jwk.get(*name)?.as_str().filter(|value| value.bytes().all(is_plain))?;
        Some(format!("\"{name}\":\"{value}\""))
    };
    let members = names.iter().map(member).collect::<Option<Vec<_>>>()?.join(",");
    Some(URL_SAFE_NO_PAD.encode(digest(&SHA256, format!("{{{members}}}").as_bytes())))
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

impl Key {
    /// The error says why the key verifies nothing.
    fn read(jwk: &Value, heeds_issuer: bool) -> Result<Self, Cow<'static, str>> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        // RFC 7517 §4.2 and §4.3: a key for another use verifies nothing.
        if jwk.get("use").is_some_and(|u| u != "sig") {
            return Err("its use is not sig".into());
        }
        if let Some(operations) = jwk.get("key_ops")
            && !operations.as_array().is_some_and(|operations| operations.iter().any(|o| o == "verify"))
        {
            return Err("its key_ops do not contain verify".into());
        }
        // A value that is not text must not count as absent.
        let optional = |name: &str, wrong: &'static str| match jwk.get(name) {
            None => Ok(None),
            Some(value) => value.as_str().map(Some).ok_or(wrong),
        };
        let bound = match optional("alg", "its alg is not text")? {
            None => None,
            Some(name) => Some(Algorithm::from_name(name).ok_or_else(|| {
                let name = printable(name, 40);
                format!("its alg is not one for signatures of ID tokens that is supported: {name}")
            })?),
        };
        let kid = optional("kid", "its kid is not text")?.map(str::to_owned);
        // Microsoft's keys have it.
        let issuer = optional("issuer", "its issuer is not text").map(|issuer| issuer.map(str::to_owned));
        let issuer = if heeds_issuer { issuer? } else { None };
        let bytes = |name: &str, wrong: &'static str| {
            text(name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()).ok_or(wrong)
        };
        let (material, is_weak) = match (text("kty").unwrap_or_default(), text("crv")) {
            ("RSA", _) => {
                let (n, e) = (bytes("n", "its n is not base64url")?, bytes("e", "its e is not base64url")?);
                Material::rsa(n, e).ok_or("its RSA modulus or exponent is empty or too long")?
            }
            ("EC", Some(curve)) => {
                let (name, size) = match curve {
                    "P-256" => ("ES256", 32),
                    "P-384" => ("ES384", 48),
                    "P-521" => ("ES512", 66),
                    _ => {
                        let curve = printable(curve, 40);
                        return Err(format!("its curve is not P-256, P-384 or P-521, but {curve}").into());
                    }
                };
                let (x, y) = (bytes("x", "its x is not base64url")?, bytes("y", "its y is not base64url")?);
                // RFC 7518 §6.2.1.2: coordinates have the full size of the field.
                if [x.len(), y.len()] != [size; 2] {
                    return Err("its x or y does not have the size of its curve".into());
                }
                let algorithm = Algorithm::from_name(name).ok_or("its curve is not known")?;
                // SEC 1 §2.3.3: 4 stands for an uncompressed point.
                (Material::Point(algorithm, [&[4][..], &x, &y].concat()), false)
            }
            ("OKP", Some("Ed25519")) => {
                let x = bytes("x", "its x is not base64url")?;
                if x.len() != 32 {
                    return Err("its x does not have the size of its curve".into());
                }
                let mut y = x.clone();
                // RFC 8032 §5.1.2: the last bit is the sign of the other coordinate.
                y[31] &= 0x7f;
                let is_weak = SMALL_ORDER.contains(&URL_SAFE_NO_PAD.encode(y).as_str());
                let algorithm = Algorithm::from_name("EdDSA").ok_or("its curve is not known")?;
                (Material::Point(algorithm, x), is_weak)
            }
            // RFC 9964: the algorithm is a part of the key.
            ("AKP", _) => {
                let algorithm = bound.ok_or("it is an AKP key without alg")?;
                let size = match algorithm.name() {
                    "ML-DSA-44" => 1312,
                    "ML-DSA-65" => 1952,
                    "ML-DSA-87" => 2592,
                    _ => return Err("its alg does not fit its type".into()),
                };
                let public = bytes("pub", "its pub is not base64url")?;
                if public.len() != size {
                    return Err("its pub does not have the size of its alg".into());
                }
                (Material::Point(algorithm, public), false)
            }
            (kind, curve) => {
                let kind = [Some(kind), curve].into_iter().flatten().collect::<Vec<_>>().join(" ");
                return Err(
                    format!("its type is not RSA, EC, AKP or Ed25519, but {}", printable(&kind, 40)).into()
                );
            }
        };
        let key = Self { kid, bound, issuer, material, is_weak, parsed: Default::default() };
        // A key whose only algorithm does not fit its type verifies nothing.
        bound
            .is_none_or(|bound| key.suits(bound))
            .then_some(key)
            .ok_or_else(|| "its alg does not fit its type".into())
    }

    /// Whether the key may sign for that issuer. If its own issuer has a placeholder for a path segment, as in
    /// `https://id.example/{tenantid}/v2.0`, any segment fits; everything else is compared letter by letter.
    fn is_of(&self, issuer: Option<&str>) -> bool {
        let Some(own) = &self.issuer else { return true };
        let Some(issuer) = issuer else { return false };
        match only_mark(own) {
            None => issuer == own,
            Some((before, _, after)) => {
                issuer.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)).is_some_and(is_segment)
            }
        }
    }

    /// The type of the key decides which algorithms it may verify, not the header of a JWT.
    fn suits(&self, algorithm: Algorithm) -> bool {
        self.bound.is_none_or(|bound| bound == algorithm)
            && match &self.material {
                Material::Rsa { .. } => matches!(algorithm.family(), Family::Rsa(_)),
                Material::Point(own, _) => *own == algorithm,
            }
    }

    fn parsed(&self, algorithm: Algorithm) -> Option<&ParsedPublicKey> {
        let parse = || match (&self.material, algorithm.family()) {
            (Material::Rsa { n, e }, Family::Rsa(parameters)) => {
                RsaPublicKeyComponents { n: &n[..], e: &e[..] }.to_parsed_public_key(parameters).ok()
            }
            (Material::Point(_, point), Family::Fixed(curve)) => ParsedPublicKey::new(curve, point).ok(),
            _ => None,
        };
        self.parsed[algorithm.row()].get_or_init(parse).as_ref()
    }
}

impl Material {
    /// An RSA key, and whether it is weak. `None` if it cannot be used.
    fn rsa(n: Vec<u8>, e: Vec<u8>) -> Option<(Self, bool)> {
        // RFC 7518 §6.3.1.1 forbids leading zeros, but some providers send them.
        let trim = |bytes: Vec<u8>| bytes.into_iter().skip_while(|b| *b == 0).collect::<Vec<u8>>();
        let (n, e) = (trim(n), trim(e));
        let bits = n.len() * 8 - n.first()?.leading_zeros() as usize;
        if bits > MAX_RSA_BITS || e.len() > MAX_EXPONENT {
            return None;
        }
        // RFC 7518 §3.3: 2048 bits or more. With an exponent of 1 every text is its own signature; an even one is invalid.
        let is_weak = bits < MIN_RSA_BITS || e.is_empty() || e == [1] || e.last().is_some_and(|b| b % 2 == 0);
        Some((Self::Rsa { n, e }, is_weak))
    }
}

/// The points of Ed25519 whose order divides 8, in all encodings: with such a key, anybody can sign.
const SMALL_ORDER: [&str; 7] = [
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "7P_______________________________________38",
    "7f_______________________________________38",
    "7v_______________________________________38",
    "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU",
    "xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o",
];
/// How many keys are tried for one signature. Each costs time, and a sender can cause many tries by leaving out the key id.
const MAX_TRIES: usize = 16;
const MIN_RSA_BITS: usize = 2048;
/// The largest modulus that the crypto library accepts.
const MAX_RSA_BITS: usize = 8192;
/// The longest public exponent, in bytes; most have three.
const MAX_EXPONENT: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
    use serde_json::json;

    fn read(keys: Value) -> KeySet {
        KeySet::read(&json!({ "keys": keys }), READING).unwrap()
    }

    const READING: Reading = Reading { most: 100, heeds_issuer: false };

    fn alg(name: &str) -> Algorithm {
        Algorithm::from_name(name).unwrap()
    }

    /// What becomes of a signature that is none.
    fn verdict(set: &KeySet, kid: Option<&str>, algorithm: Algorithm) -> Check {
        set.verify(Signed { kid, algorithm, issuer: None, message: b"m", signature: b"s" }).unwrap_err()
    }

    fn rsa(bytes: usize, e: &[u8]) -> Value {
        let encode = |b: &[u8]| URL_SAFE_NO_PAD.encode(b);
        json!({"kty": "RSA", "kid": "r", "n": encode(&vec![0xff; bytes]), "e": encode(e)})
    }

    #[test]
    fn a_thumbprint_is_that_of_rfc_7638() {
        // RFC 7638 §3.
        // Section 3.1.
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs\
                 tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbIS\
                 D08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let key = json!({"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"});
        assert_eq!(thumbprint(&key).as_deref(), Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"));
        for other in [
            json!({}),
            json!({"kty": "oct", "k": "AA"}),
            json!({"kty": "OKP", "crv": "Ed25519", "x": "a\"b"}),
        ] {
            assert_eq!(thumbprint(&other), None, "{other}");
        }
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
        let kids: Vec<_> = set.keys.iter().map(|key| key.kid.as_deref()).collect();
        assert_eq!(kids, [None, Some("good")]);
        // A point that is on no curve is found when it is tried.
        assert_eq!(verdict(&set, None, alg("ES256")), Check::UnknownKey);
        assert!(KeySet::read(&json!({}), READING).is_none());
    }

    #[test]
    fn the_reason_why_a_key_is_left_out_is_told() {
        let point = URL_SAFE_NO_PAD.encode([1; 32]);
        let set = read(json!([
            {"kid": "broken", "kty": "RSA", "n": "!", "e": "AQAB"}, {"kid": "use", "kty": "RSA", "use": "enc"},
            {"kid": "curve", "kty": "EC", "crv": "secp256k1"}, {"kid": "alg", "kty": "RSA", "alg": "RSA-OAEP"},
            {"kid": "size", "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, {"kid": "kind", "kty": "oct"},
            {"kid": "point", "kty": "EC", "crv": "P-256", "x": point, "y": point}, rsa(256, &[1, 0, 1]),
        ]));
        for (kid, algorithm, reason) in [
            ("broken", "RS256", "its n is not base64url"),
            ("use", "RS256", "its use is not sig"),
            ("curve", "ES256", "its curve is not"),
            ("alg", "RS256", "its alg is not"),
            ("size", "ES256", "the size of its curve"),
            ("kind", "RS256", "its type is not"),
            ("point", "ES256", "its numbers make no key"),
            ("r", "ES256", "it is for another algorithm than the one of the JWT"),
        ] {
            let why = set.why_unknown(Some(kid), alg(algorithm)).unwrap();
            assert!(why.contains(&format!("key {kid} cannot be used")) && why.contains(reason), "{why}");
            assert_eq!(verdict(&set, Some(kid), alg(algorithm)), Check::UnknownKey, "{kid}");
        }
        assert_eq!(set.why_unknown(Some("other"), alg("RS256")), None);
        assert!(set.why_unknown(None, alg("EdDSA")).unwrap().starts_with("a key of the provider cannot"));
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
            assert_eq!(verdict(&set, None, alg("EdDSA")), Check::WeakKey, "{point}");
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
        let of = |key: Value| verdict(&read(json!([key])), Some("r"), alg("RS256"));
        assert_eq!(of(rsa(256, &[1, 0, 1])), Check::Signature);
        assert_eq!(of(rsa(128, &[1, 0, 1])), Check::WeakKey);
        assert_eq!(of(rsa(256, &[1])), Check::WeakKey);
        assert_eq!(of(rsa(256, &[4])), Check::WeakKey);
        assert_eq!(of(rsa(2048, &[1, 0, 1])), Check::UnknownKey);
    }

    #[test]
    fn rsa_keys_have_2048_to_8192_bits_and_a_short_exponent() {
        let of = |first: u8, rest: usize, e: &[u8]| {
            let mut key = rsa(0, e);
            key["n"] = json!(URL_SAFE_NO_PAD.encode([vec![first], vec![0xff; rest]].concat()));
            verdict(&read(json!([key])), Some("r"), alg("RS256"))
        };
        let common = &[1, 0, 1];
        assert_eq!(of(0x7f, 255, common), Check::WeakKey);
        assert_eq!(of(0x80, 255, common), Check::Signature);
        assert_eq!(of(0xff, 1023, common), Check::Signature);
        assert_eq!(of(0x01, 1024, common), Check::UnknownKey);
        assert_eq!(of(0xff, 255, &[1; 8]), Check::Signature);
        assert_eq!(of(0xff, 255, &[1; 9]), Check::UnknownKey);
    }

    #[test]
    fn each_coordinate_has_the_full_size_of_the_field() {
        // RFC 7518 §6.2.1.2.
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

    #[test]
    fn sixteen_keys_are_tried_for_one_signature() {
        let strangers = |count: usize| vec![rsa(256, &[1, 0, 1]); count];
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        let good = json!({"kty": "OKP", "crv": "Ed25519", "x": x});
        let others = || {
            let x = |seed: u8| Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
            (100..).map(move |seed| URL_SAFE_NO_PAD.encode(x(seed).public_key().as_ref()))
        };
        let signature = pair.sign(b"m");
        let verify = |before: usize| {
            let others = others().take(before).map(|x| json!({"kty": "OKP", "crv": "Ed25519", "x": x}));
            // Keys of another kind do not count: they are not tried.
            let keys: Vec<_> = strangers(20).into_iter().chain(others).chain([good.clone()]).collect();
            let signed = Signed {
                kid: None,
                algorithm: alg("EdDSA"),
                issuer: None,
                message: b"m",
                signature: signature.as_ref(),
            };
            read(json!(keys)).verify(signed)
        };
        assert_eq!(verify(15), Ok(()));
        assert_eq!(verify(16), Err(Check::Signature));
    }

    #[test]
    fn a_key_that_names_an_issuer_is_that_issuers() {
        let key = |issuer: Value| {
            let mut key = rsa(256, &[1, 0, 1]);
            key["issuer"] = issuer;
            key
        };
        let of = |issuer: Value, token: Option<&str>| {
            let document = json!({"keys": [key(issuer)]});
            let set = KeySet::read(&document, Reading { most: 1, heeds_issuer: true }).unwrap();
            let signed =
                Signed { kid: None, algorithm: alg("RS256"), issuer: token, message: b"m", signature: b"s" };
            set.verify(signed).unwrap_err()
        };
        let (open, one) = ("https://id.example/{tenantid}/v2.0", "https://id.example/one/v2.0");
        // The key suits, and the signature is looked at.
        for (own, token) in [(open, one), (one, one)] {
            assert_eq!(of(json!(own), Some(token)), Check::Signature, "{own}");
        }
        for (own, token) in [
            (one, Some("https://id.example/two/v2.0")),
            (one, Some("https://id.example/ONE/v2.0")),
            (one, Some(open)),
            (one, None),
            (open, None),
            (open, Some("https://id.example//v2.0")),
            (open, Some("https://id.example/../v2.0")),
            (open, Some("https://id.example/a/b/v2.0")),
            (open, Some("https://evil.example/one/v2.0")),
            (open, Some("https://id.example/one/v1.0")),
            (open, Some("https://id.example/v2.0")),
            ("", Some(one)),
        ] {
            assert_eq!(of(json!(own), token), Check::IssuerMismatch, "{own} {token:?}");
        }
        for wrong in [json!(7), json!(null), json!([one]), json!({})] {
            assert_eq!(of(wrong.clone(), Some(one)), Check::UnknownKey, "{wrong}");
        }
        // Elsewhere the member means nothing.
        assert_eq!(verdict(&read(json!([key(json!(7))])), None, alg("RS256")), Check::Signature);
    }
}
