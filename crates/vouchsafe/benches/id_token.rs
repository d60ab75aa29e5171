//! An ID token, from its text to believed claims. The limit: the crypto crate's bare verification with a parsed key.
use std::hint::black_box;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
};
use common::{CLIENT_ID, ISSUER, NONCE, base64url, client, ratio, ready};
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};

mod common;

struct Signed {
    alg: &'static str,
    target: f64,
    token: String,
    key: ParsedPublicKey,
    jwk: Value,
}

fn message(alg: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let header = json!({"alg": alg, "typ": "JWT", "kid": alg});
    let claims = json!({
        "iss": ISSUER, "sub": "248289761001-7f3a", "aud": CLIENT_ID, "exp": now + 86400, "iat": now,
        "auth_time": now - 5, "nonce": NONCE, "sid": "e1b2c3d4-0f9a-4a51", "at_hash": "77QmUPtjPfzWtF2AnpK9RQ",
        "name": "Jane Doe", "email": "jane@example.org", "email_verified": true, "preferred_username": "jane",
    });
    format!("{}.{}", base64url(header.to_string()), base64url(claims.to_string()))
}

fn signed() -> [Signed; 3] {
    let rng = SystemRandom::new();
    let with = |message: String, signature: &[u8]| format!("{message}.{}", base64url(signature));

    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let rs256 = message("RS256");
    let mut signature = vec![0; rsa.public_modulus_len()];
    rsa.sign(&RSA_PKCS1_SHA256, &rng, rs256.as_bytes(), &mut signature).unwrap();
    let modulus = rsa.public_key().modulus().big_endian_without_leading_zero();
    let rs256 = Signed {
        alg: "RS256",
        target: 1.10,
        token: with(rs256, &signature),
        key: ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, rsa.public_key()).unwrap(),
        jwk: json!({"kty": "RSA", "kid": "RS256", "n": base64url(modulus), "e": "AQAB"}),
    };

    let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let es256 = message("ES256");
    let signature = ec.sign(&rng, es256.as_bytes()).unwrap();
    let point = ec.public_key().as_ref();
    let es256 = Signed {
        alg: "ES256",
        target: 1.05,
        token: with(es256, signature.as_ref()),
        key: ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).unwrap(),
        jwk: json!({"kty": "EC", "crv": "P-256", "kid": "ES256",
            "x": base64url(&point[1..33]), "y": base64url(&point[33..])}),
    };

    let ed = Ed25519KeyPair::generate().unwrap();
    let eddsa = message("EdDSA");
    let signature = ed.sign(eddsa.as_bytes());
    let eddsa = Signed {
        alg: "EdDSA",
        target: 1.05,
        token: with(eddsa, signature.as_ref()),
        key: ParsedPublicKey::new(&ED25519, ed.public_key()).unwrap(),
        jwk: json!({"kty": "OKP", "crv": "Ed25519", "kid": "EdDSA", "x": base64url(ed.public_key())}),
    };
    [rs256, es256, eddsa]
}

fn bench(criterion: &mut Criterion) {
    let signed = signed();
    let keys: Vec<_> = signed.iter().map(|s| s.jwk.clone()).collect();
    let client = client(json!({ "keys": keys }).to_string());
    for Signed { alg, target, token, key, .. } in &signed {
        let (message, signature) = token.rsplit_once('.').unwrap();
        let signature = {
            use base64::Engine;
            base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(signature).unwrap()
        };
        let limit = || key.verify_sig(black_box(message.as_bytes()), &signature).unwrap();
        let ours = || {
            let verified = client.manual().verify_id_token(black_box(token), Some(NONCE));
            black_box(ready(verified).unwrap());
        };
        let mut group = criterion.benchmark_group(format!("ID token, {alg}"));
        group.bench_function("limit: bare verification", |b| b.iter(limit));
        group.bench_function("vouchsafe: verify_id_token()", |b| b.iter(ours));
        group.finish();
        ratio(&format!("ID token, {alg}"), *target, limit, ours);
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
