//! A client that signs: its keys, its assertions, its proofs and its request objects, written by hand.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
    RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use vouchsafe_sandbox::Sandbox;

use crate::scenario::{REDIRECT_URI, Reply, Scenario, VERIFIER, query_value};

pub(crate) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A key of a client.
pub(crate) struct Key {
    alg: &'static str,
    kid: String,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Key {
    pub(crate) fn new(alg: &'static str) -> Self {
        let ec = |algorithm| Pair::Ec(EcdsaKeyPair::generate(algorithm).unwrap());
        let pair = match alg {
            "ES256" => ec(&ECDSA_P256_SHA256_FIXED_SIGNING),
            "ES384" => ec(&ECDSA_P384_SHA384_FIXED_SIGNING),
            "ES512" => ec(&ECDSA_P521_SHA512_FIXED_SIGNING),
            "EdDSA" => Pair::Ed25519(Ed25519KeyPair::generate().unwrap()),
            _ => Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()),
        };
        Self { alg, kid: unique(), pair }
    }

    /// The public key without a name.
    pub(crate) fn bare(&self) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match &self.pair {
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                let n = encode(public.modulus().big_endian_without_leading_zero());
                let e = encode(public.exponent().big_endian_without_leading_zero());
                json!({ "kty": "RSA", "n": n, "e": e })
            }
            Pair::Ec(pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let curve = match self.alg {
                    "ES256" => "P-256",
                    "ES384" => "P-384",
                    _ => "P-521",
                };
                json!({ "kty": "EC", "crv": curve, "x": encode(x), "y": encode(y) })
            }
            Pair::Ed25519(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref()) })
            }
        }
    }

    pub(crate) fn jwk(&self) -> Value {
        let mut jwk = self.bare();
        jwk["kid"] = self.kid.as_str().into();
        jwk
    }

    pub(crate) fn jwks(&self) -> Value {
        json!({ "keys": [self.jwk()] })
    }

    /// RFC 7638 section 3, for a key on a curve.
    pub(crate) fn thumbprint(&self) -> String {
        let mut jwk = self.bare();
        jwk.as_object_mut().unwrap().sort_keys();
        hash(&jwk.to_string())
    }

    pub(crate) fn header(&self) -> Value {
        json!({ "alg": self.alg, "kid": self.kid })
    }

    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        signed(header, claims, |input| {
            let rsa = |pair: &RsaKeyPair, encoding: &'static dyn RsaEncoding| {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &SystemRandom::new(), input, &mut signature).unwrap();
                signature
            };
            match (&self.pair, self.alg) {
                (Pair::Rsa(pair), "RS256") => rsa(pair, &RSA_PKCS1_SHA256),
                (Pair::Rsa(pair), "RS384") => rsa(pair, &RSA_PKCS1_SHA384),
                (Pair::Rsa(pair), "RS512") => rsa(pair, &RSA_PKCS1_SHA512),
                (Pair::Rsa(pair), "PS256") => rsa(pair, &RSA_PSS_SHA256),
                (Pair::Rsa(pair), "PS384") => rsa(pair, &RSA_PSS_SHA384),
                (Pair::Rsa(pair), _) => rsa(pair, &RSA_PSS_SHA512),
                (Pair::Ec(pair), _) => pair.sign(&SystemRandom::new(), input).unwrap().as_ref().to_vec(),
                (Pair::Ed25519(pair), _) => pair.sign(input).as_ref().to_vec(),
            }
        })
    }

    /// A client assertion; the change makes it a bad one.
    pub(crate) fn assertion(
        &self,
        sandbox: &Sandbox,
        client_id: &str,
        change: impl FnOnce(&mut Value),
    ) -> String {
        let mut claims = assertion_claims(sandbox, client_id);
        change(&mut claims);
        self.sign(&self.header(), &claims)
    }

    /// A DPoP proof.
    pub(crate) fn proof(&self, claims: &Value) -> String {
        self.sign(&json!({ "typ": "dpop+jwt", "alg": self.alg, "jwk": self.bare() }), claims)
    }
}

pub(crate) fn assertion_claims(sandbox: &Sandbox, client_id: &str) -> Value {
    json!({ "iss": client_id, "sub": client_id, "aud": sandbox.issuer(), "jti": unique(), "iat": now(), "exp": now() + 60 })
}

pub(crate) fn proof_claims(scenario: &Scenario, method: &str, path: &str) -> Value {
    let url = format!("{}{path}", scenario.sandbox.issuer());
    json!({ "htm": method, "htu": url, "iat": now(), "jti": unique() })
}

pub(crate) fn signed(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", encode(header), encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(input.as_bytes()));
    format!("{input}.{signature}")
}

pub(crate) fn by_secret(alg: &str, secret: &str, claims: &Value) -> String {
    let algorithm = match alg {
        "HS256" => hmac::HMAC_SHA256,
        "HS384" => hmac::HMAC_SHA384,
        _ => hmac::HMAC_SHA512,
    };
    signed(&json!({ "alg": alg }), claims, |input| {
        hmac::sign(&hmac::Key::new(algorithm, secret.as_bytes()), input).as_ref().to_vec()
    })
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

pub(crate) fn unique() -> String {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).unwrap();
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()))
}

/// Steps of a client that authenticates by an assertion.
impl Scenario {
    /// A form with a good assertion.
    pub(crate) async fn post_signed(&self, key: &Key, id: &str, path: &str, form: &[(&str, &str)]) -> Reply {
        self.post_proven(key, id, path, form, None).await
    }

    /// The same with a proof.
    pub(crate) async fn post_proven(
        &self,
        key: &Key,
        id: &str,
        path: &str,
        form: &[(&str, &str)],
        proof: Option<&str>,
    ) -> Reply {
        let assertion = key.assertion(&self.sandbox, id, |_| ());
        let mut form = form.to_vec();
        form.extend([("client_assertion_type", ASSERTION_TYPE), ("client_assertion", &assertion)]);
        let headers: Vec<_> = proof.map(|proof| ("dpop", proof)).into_iter().collect();
        self.send("POST", path, &headers, Some(&form)).await
    }

    /// The form that redeems a code.
    pub(crate) fn redemption(code: &str) -> [(&str, &str); 4] {
        [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
        ]
    }

    /// The parameters of an authorization request of this client, for a form.
    pub(crate) fn request_of(&self, id: &str, more: &[(&str, &str)]) -> Vec<(String, String)> {
        let url = self.authorization_url(&[&[("client_id", id)], more].concat());
        let url = url::Url::parse(&url).unwrap();
        url.query_pairs().into_owned().collect()
    }

    /// The URL for a request whose parameters are elsewhere.
    pub(crate) fn referring_url(&self, id: &str, name: &str, value: &str) -> String {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("client_id", id), (name, value)])
            .finish();
        format!("{}/authorize?{query}", self.sandbox.issuer())
    }

    /// A code that alice has allowed at this URL.
    pub(crate) async fn code_at(&self, url: &str) -> String {
        let callback = self.person().allow(url).await.unwrap();
        query_value(&callback, "code").unwrap_or_else(|| panic!("{callback}"))
    }
}

/// The description of an error.
pub(crate) fn said(reply: &Reply) -> String {
    reply.json()["error_description"].as_str().unwrap().to_owned()
}

pub(crate) fn borrowed(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}
