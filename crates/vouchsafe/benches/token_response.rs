//! A token response, from bytes to `Tokens`. The limit: serde_json into borrowed fields, nothing checked, nothing kept.
//!
//! The ratio depends on the processor: with 1.3 times the instructions of the limit it was 1.5 on an Intel Sapphire Rapids, and is
//! 1.6 to 1.8 on an AMD EPYC. Compare it with that of another crate in the same run.
use std::hint::black_box;

use common::{client, ratio, token_answer};
use criterion::{Criterion, criterion_group, criterion_main};
use serde::Deserialize;

mod common;

#[derive(Deserialize)]
#[expect(dead_code, reason = "what is read is what is measured")]
struct Borrowed<'a> {
    access_token: &'a str,
    token_type: &'a str,
    expires_in: Option<u64>,
    refresh_token: Option<&'a str>,
    id_token: Option<&'a str>,
    scope: Option<&'a str>,
}

fn bench(criterion: &mut Criterion) {
    let client = client(String::new());
    let answer = token_answer();
    let ours = || {
        black_box(client.manual().read_token_response(black_box(answer.as_bytes())).unwrap());
    };
    let limit = || {
        black_box(serde_json::from_slice::<Borrowed<'_>>(black_box(answer.as_bytes())).unwrap());
    };
    let mut group = criterion.benchmark_group("token answer");
    group.bench_function("limit: serde_json, borrowed", |b| b.iter(limit));
    group.bench_function("vouchsafe: read_token_response()", |b| b.iter(ours));
    group.finish();
    ratio("token answer", 1.5, limit, ours);
}

criterion_group!(benches, bench);
criterion_main!(benches);
