//! An authorization URL with fresh state, nonce and code verifier. The limit: the same by hand, in one allocation.
use std::hint::black_box;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::{CLIENT_ID, ISSUER, REDIRECT_URI, client, ratio, ready};
use criterion::{Criterion, criterion_group, criterion_main};
use url::form_urlencoded::byte_serialize;
use vouchsafe::Login;

mod common;

/// What has to be kept comes back beside the URL.
struct ByHand {
    _url: String,
    _kept: [[u8; 43]; 3],
}

/// With those scopes, and one more parameter.
fn by_hand(scopes: &str, more: Option<(&str, &str)>) -> ByHand {
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
    url.push_str("&scope=");
    url.extend(byte_serialize(scopes.as_bytes()));
    if let Some((name, value)) = more {
        url.push('&');
        url.push_str(name);
        url.push('=');
        url.extend(byte_serialize(value.as_bytes()));
    }
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
    let start = |login: Login<'_>| {
        let _ = black_box(ready(login.into_future()).unwrap());
    };
    let login = || start(client.login());
    let scopes = || start(client.login().scopes(SCOPES));
    let hint = || start(client.login().login_hint(HINT));
    let limit = || {
        black_box(by_hand("openid profile email", None));
    };
    let limit_of_scopes = || {
        black_box(by_hand(&SCOPES.join(" "), None));
    };
    let limit_of_hint = || {
        black_box(by_hand("openid profile email", Some(("login_hint", HINT))));
    };
    let mut group = criterion.benchmark_group("authorization URL");
    group.bench_function("limit: by hand", |b| b.iter(limit));
    group.bench_function("vouchsafe: login()", |b| b.iter(login));
    group.bench_function("vouchsafe: login().scopes(…)", |b| b.iter(scopes));
    group.bench_function("vouchsafe: login().login_hint(…)", |b| b.iter(hint));
    group.finish();
    ratio("authorization URL", 0.95, limit, login);
    ratio("authorization URL, scopes", 1.25, limit_of_scopes, scopes);
    ratio("authorization URL, login_hint", 1.25, limit_of_hint, hint);
}

const SCOPES: [&str; 3] = ["openid", "email", "calendar"];
const HINT: &str = "jane.doe@example.com";

criterion_group!(benches, bench);
criterion_main!(benches);
