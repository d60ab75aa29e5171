//! An authorization URL with fresh state, nonce and code verifier. The limit: the same by hand, in one allocation.
use std::hint::black_box;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::{CLIENT_ID, ISSUER, REDIRECT_URI, client, ratio, ready};
use criterion::{Criterion, criterion_group, criterion_main};
use url::form_urlencoded::byte_serialize;

mod common;

/// What has to be kept comes back beside the URL.
struct ByHand {
    _url: String,
    _kept: [[u8; 43]; 3],
}

fn by_hand() -> ByHand {
    let mut raw = [0; 96];
    getrandom::fill(&mut raw).unwrap();
    let text = |bytes: &[u8]| {
        let mut text = [0; 43];
        URL_SAFE_NO_PAD.encode_slice(bytes, &mut text).unwrap();
        text
    };
    let kept = [text(&raw[..32]), text(&raw[32..64]), text(&raw[64..])];
    let challenge = text(digest(&SHA256, &kept[2]).as_ref());
    let mut url = String::with_capacity(512);
    url.push_str(ISSUER);
    url.push_str("/protocol/openid-connect/auth?response_type=code&client_id=");
    url.extend(byte_serialize(CLIENT_ID.as_bytes()));
    url.push_str("&redirect_uri=");
    url.extend(byte_serialize(REDIRECT_URI.as_bytes()));
    url.push_str("&scope=openid+profile+email");
    for (name, value) in [("&state=", &kept[0]), ("&nonce=", &kept[1]), ("&code_challenge=", &challenge)] {
        url.push_str(name);
        url.push_str(std::str::from_utf8(value).unwrap());
    }
    url.push_str("&code_challenge_method=S256");
    ByHand { _url: url, _kept: kept }
}

fn bench(criterion: &mut Criterion) {
    let client = client(String::new());
    ready(client.metadata()).unwrap();
    let login = || {
        let _ = black_box(ready(client.login().into_future()).unwrap());
    };
    let limit = || {
        black_box(by_hand());
    };
    let mut group = criterion.benchmark_group("authorization URL");
    group.bench_function("limit: by hand", |b| b.iter(limit));
    group.bench_function("vouchsafe: login()", |b| b.iter(login));
    group.finish();
    ratio("authorization URL", 1.0, limit, login);
}

criterion_group!(benches, bench);
criterion_main!(benches);
