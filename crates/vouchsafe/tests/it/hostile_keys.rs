//! Key sets that are made to cost time.
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vouchsafe::http::Response;

use crate::forge::{self, base64};
use crate::scenario::{ISSUER, Scenario, now};
use crate::wire::json as json_answer;

/// A worker has others to serve. Without optimisation, reading a megabyte of JSON takes as long as all the rest.
const LITTLE: Duration = Duration::from_millis(if cfg!(debug_assertions) { 200 } else { 50 });
/// Sixteen times as much text: a little more for what does not grow, and far less than its square.
const GROWTH: u32 = 20;
/// How often it is measured, if need be.
const ROUNDS: usize = 30;

/// Bytes that are others for each number, and as random as a key must look.
fn bytes(number: usize, length: usize) -> Vec<u8> {
    let seed = u64::try_from(number).unwrap().wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = |state: &mut u64| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Some((*state >> 33) as u8)
    };
    std::iter::repeat(()).scan(seed, |state, ()| next(state)).take(length).collect()
}

/// The largest RSA key that is read.
fn rsa(number: usize) -> Value {
    let mut n = bytes(number, 1024);
    n[0] |= 0x80;
    n[1023] |= 1;
    json!({"kty": "RSA", "n": base64(n), "e": "AQAB"})
}

/// A point that is on no curve, almost certainly: what finds out is a computation.
fn ec(number: usize) -> Value {
    json!({"kty": "EC", "crv": "P-521", "x": base64(small(number)), "y": base64(small(number + 1_000_000))})
}

/// A coordinate below the order of the field.
fn small(number: usize) -> Vec<u8> {
    let mut coordinate = bytes(number, 66);
    coordinate[0] = 0;
    coordinate
}

/// So much text of such keys.
fn set(size: usize, key: fn(usize) -> Value) -> Value {
    let length = key(0).to_string().len() + 1;
    json!({"keys": (0..size / length).map(key).collect::<Vec<_>>()})
}

/// A JWT that names no key, signed by nobody.
fn jwt(alg: &str, signature: usize) -> String {
    let claims = json!({"iss": ISSUER, "iat": now(), "exp": now() + 300});
    let signed = format!("{}.{}", base64(json!({"alg": alg}).to_string()), base64(claims.to_string()));
    let mut signature = vec![1; signature];
    signature[0] = 0;
    format!("{signed}.{}", base64(signature))
}

/// How long this thread has worked. Where that is not to be had, other tests that run beside this one count as well.
fn worked() -> Duration {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    // What is running is counted up to when it last gave way.
    std::thread::yield_now();
    let spent = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let spent = spent
        .and_then(|text| text.split(' ').next()?.parse().ok())
        .filter(|spent| *spent > 0)
        .map(Duration::from_nanos);
    spent.unwrap_or_else(|| BEGAN.get_or_init(Instant::now).elapsed())
}

/// How long such a JWT takes to be refused: once with fetching the keys, and once with keys that are known.
async fn took(keys: &Response, jwt: &str) -> [Duration; 2] {
    let scenario = Scenario::openid().at("/jwks", keys.clone());
    let client = scenario.built(|client| client.cool_down(Duration::from_secs(3600)));
    client.metadata().await.unwrap();
    let mut took = [Duration::MAX; 2];
    // The first time the set is read twice, as a key may be new.
    for (took, fetches) in took.iter_mut().zip([2, 0]) {
        let asked = scenario.wire.seen_at("/jwks").len();
        let began = worked();
        let error = client.manual().verify_jwt(jwt, None).await.unwrap_err();
        *took = worked() - began;
        assert!(["signature", "unknown_key"].contains(&error.code()), "{error}");
        assert_eq!(scenario.wire.seen_at("/jwks").len() - asked, fetches);
    }
    [took[0] / 2, took[1]]
}

#[tokio::test]
async fn a_key_set_costs_little_whatever_is_in_it() {
    for (name, key, jwt) in [
        ("RSA keys of 8192 bits", rsa as fn(usize) -> Value, jwt("RS256", 1024)),
        ("points on no curve", ec, jwt("ES512", 132)),
    ] {
        let sets = [64_000, 1_000_000].map(|size| json_answer(200, set(size, key)));
        let mut best = [[Duration::MAX; 2]; 2];
        let is_little = |[small, large]: [[Duration; 2]; 2]| {
            let grows = |(small, large): (Duration, Duration)| large < small * GROWTH;
            large.iter().all(|large| *large < LITTLE) && small.into_iter().zip(large).all(grows)
        };
        // The shortest of several: a machine has other things to do.
        for _ in 0..ROUNDS {
            for (best, set) in best.iter_mut().zip(&sets) {
                let took = took(set, &jwt).await;
                *best = [best[0].min(took[0]), best[1].min(took[1])];
            }
            if is_little(best) {
                break;
            }
        }
        assert!(is_little(best), "{name}: {best:?}");
    }
}

#[tokio::test]
async fn a_good_key_among_others_is_found() {
    let mut keys: Vec<_> = (0..15).map(rsa).collect();
    keys.push(forge::jwk("rsa"));
    let scenario =
        Scenario::openid().header("kid", json!("absent")).with(|op| op.jwks = json!({"keys": keys}));
    assert_eq!(scenario.verdict().await, "ok");
    // Sixteen others before it are too many to be tried, and with its id it is found among fifty.
    keys.insert(0, rsa(16));
    let too_many =
        Scenario::openid().header("kid", json!("absent")).with(|op| op.jwks = json!({ "keys": keys }));
    assert_eq!(too_many.verdict().await, "signature");
    // By its id it is found among fifty, and beyond them nothing is looked at.
    let by_id = async |others: usize| {
        let keys: Vec<_> = (0..others).map(rsa).chain([forge::jwk("rsa")]).collect();
        Scenario::openid().with(|op| op.jwks = json!({ "keys": keys })).verdict().await
    };
    assert_eq!(by_id(49).await, "ok");
    assert_eq!(by_id(50).await, "unknown_key");
}
