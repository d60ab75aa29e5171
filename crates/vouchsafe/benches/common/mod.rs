//! What the benches share: the ratio to a limit, taken in interleaved rounds, and the things that are measured.
//!
//! With `ONLY=ours` or `ONLY=limit`, `CALLS` calls of that side run alone, 1000 if it is not set: for a profiler that counts
//! instructions. Two runs tell the instructions of a call, by the difference of their counts. `WHAT` leaves out each measurement
//! whose name does not contain it.
#![allow(dead_code)]
use std::future::Future;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use std::{env, fs};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use vouchsafe::http::{BoxFuture, HttpClient, Limits, Request, Response};
use vouchsafe::{Client, Http, Provider, Registration};

pub(crate) const ISSUER: &str = "https://login.example.org/realms/main";
pub(crate) const CLIENT_ID: &str = "s6BhdRkqt3-vouchsafe-client";
pub(crate) const CLIENT_SECRET: &str = "7Fjfp0ZBr1KtDRbnfVdmIw-secret";
pub(crate) const REDIRECT_URI: &str = "https://app.example.org/oauth2/callback";
pub(crate) const NONCE: &str = "n-0S6_WzA2MjX9b3tq1RzD4w";

/// Prints how many times the limit something takes: the median over rounds in which both are run in turn, so that a
/// busy machine hits both alike.
pub(crate) fn ratio(what: &str, target: f64, limit: impl FnMut(), ours: impl FnMut()) {
    measure(what, target, Duration::from_millis(15), wall_time, limit, ours);
}

/// The same in processor time of this thread, which a server on another thread is no part of.
pub(crate) fn cpu_ratio(what: &str, target: f64, limit: impl FnMut(), ours: impl FnMut()) {
    // The system counts processor time in steps of some milliseconds: the batches are long ones.
    measure(what, target, Duration::from_millis(250), cpu_time, limit, ours);
}

fn measure(
    what: &str,
    target: f64,
    batch: Duration,
    clock: fn() -> u64,
    mut limit: impl FnMut(),
    mut ours: impl FnMut(),
) {
    if env::var("WHAT").is_ok_and(|wanted| !what.contains(&wanted)) {
        return;
    }
    if let Ok(only) = env::var("ONLY") {
        let call: &mut dyn FnMut() = if only == "ours" { &mut ours } else { &mut limit };
        let calls: u64 = env::var("CALLS").map_or(1000, |calls| calls.parse().unwrap());
        let start = clock();
        (0..calls).for_each(|_| call());
        return report(&format!("{what}: {} ns a call, {only} alone", (clock() - start) / calls));
    }
    let calls = calls_in(batch, &mut limit);
    calls_in(batch, &mut ours);
    let time = |call: &mut dyn FnMut()| {
        let start = clock();
        (0..calls).for_each(|_| call());
        (clock() - start) as f64
    };
    let mut ratios: Vec<f64> = (0..ROUNDS)
        .map(|round| {
            if round % 2 == 0 {
                let base = time(&mut limit);
                time(&mut ours) / base
            } else {
                let mine = time(&mut ours);
                mine / time(&mut limit)
            }
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    let median = ratios[ROUNDS / 2];
    let verdict = if median <= target { "within" } else { "beyond" };
    report(&format!("{what:<36} {median:>5.2} x limit   {verdict} the target of {target:.2}"));
}

#[expect(clippy::print_stdout, reason = "the ratios are what a bench is run for")]
pub(crate) fn report(line: &str) {
    println!("{line}");
}

fn calls_in(duration: Duration, call: &mut impl FnMut()) -> u32 {
    let start = Instant::now();
    let mut calls = 0;
    while start.elapsed() < duration || calls < 20 {
        call();
        calls += 1;
    }
    calls
}

fn wall_time() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// Nanoseconds of this thread's processor time; of the clock where the system does not tell.
fn cpu_time() -> u64 {
    let schedstat = fs::read_to_string("/proc/thread-self/schedstat").ok();
    schedstat.and_then(|s| s.split(' ').next()?.parse().ok()).unwrap_or_else(wall_time)
}

const ROUNDS: usize = 31;

/// Runs a future that does not wait.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("the metadata and the keys come from memory: nothing waits"),
    }
}

/// A client whose provider answers from memory.
pub(crate) fn client(keys: String) -> Client {
    let registration = Registration::new(CLIENT_ID).secret(CLIENT_SECRET).redirect_uri(REDIRECT_URI);
    Client::new(Provider::openid(ISSUER), registration, &Http::from(Memory { keys })).unwrap()
}

struct Memory {
    keys: String,
}

impl HttpClient for Memory {
    fn send(
        &self,
        request: Request,
        _: Limits,
    ) -> BoxFuture<'_, Result<Response, vouchsafe::http::TransportError>> {
        let metadata = serde_json::json!({
            "issuer": ISSUER,
            "authorization_endpoint": format!("{ISSUER}/protocol/openid-connect/auth"),
            "token_endpoint": format!("{ISSUER}/token"),
            "jwks_uri": format!("{ISSUER}/keys"),
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "EdDSA"],
        });
        let is_keys = request.uri().path().ends_with("/keys");
        let body = if is_keys { self.keys.clone() } else { metadata.to_string() };
        Box::pin(async move { Ok(Response::new(body.into_bytes())) })
    }
}

pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// 1.2 KB, as an OpenID Provider answers: six members that have a name in the RFCs, three that have none.
pub(crate) fn token_answer() -> String {
    serde_json::json!({
        "access_token": base64url([0x5a; 216]),
        "token_type": "Bearer",
        "expires_in": 3600,
        "refresh_token": base64url([0xa5; 48]),
        "id_token": format!("{}.{}.{}", base64url([7; 48]), base64url([9; 180]), base64url([11; 256])),
        "scope": "openid profile email",
        "refresh_expires_in": 1800,
        "not-before-policy": 0,
        "session_state": "5a0f1f0e-9b7d-4b0a-8a57-0d4b8b6f3c11",
    })
    .to_string()
}
