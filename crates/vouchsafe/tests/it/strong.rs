//! Strong clients: keys, bound tokens, pushed and signed requests, signed responses, certificates, profiles.
use aws_lc_rs::signature::{self, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use vouchsafe::SigningKey;

mod attestation;
mod certificate;
mod client_keys;
mod dpop;
mod encrypted;
mod fapi;
mod requests;
mod responses;
mod walks;

/// A new key for that algorithm.
fn key(algorithm: &str) -> SigningKey {
    SigningKey::from_pem(SigningKey::generate_pem(algorithm).unwrap()).unwrap().algorithm(algorithm).unwrap()
}

/// Header and claims of a JWT whose signature is that of the key.
fn opened(jwt: &str, key: &SigningKey) -> (Value, Value) {
    let (signed, signature) = jwt.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let parse =
        |part: &str| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap() };
    let (header, claims) = (parse(header), parse(claims));
    let jwk = key.public_jwk();
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let point = || [vec![4], bytes("x"), bytes("y")].concat();
    let verified = match header["alg"].as_str().unwrap() {
        "ES256" => UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point())
            .verify(signed.as_bytes(), &signature),
        "ES384" => UnparsedPublicKey::new(&signature::ECDSA_P384_SHA384_FIXED, point())
            .verify(signed.as_bytes(), &signature),
        "EdDSA" => {
            UnparsedPublicKey::new(&signature::ED25519, bytes("x")).verify(signed.as_bytes(), &signature)
        }
        name @ ("RS256" | "PS256") => {
            let public = signature::RsaPublicKeyComponents { n: bytes("n"), e: bytes("e") };
            let parameters = match name {
                "RS256" => &signature::RSA_PKCS1_2048_8192_SHA256,
                _ => &signature::RSA_PSS_2048_8192_SHA256,
            };
            public.verify(parameters, signed.as_bytes(), &signature)
        }
        other => panic!("no test for {other}"),
    };
    verified.unwrap();
    (header, claims)
}
