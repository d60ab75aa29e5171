//! A token source: what a valid token costs, and how many requests many tasks cause that find it expired or cannot refresh it.
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use common::report;
use tokio::runtime::{Builder, Runtime};
use vouchsafe::http::Tokio;
use vouchsafe::vault::GivenToken;
use vouchsafe::{Error, Provider, TokenSource};

mod common;

const ROUNDS: usize = 15;
const CALLS: u64 = 400_000;

fn main() {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    valid(&runtime);
    expired(&runtime);
}

/// The wall time of a call, with that many tasks that ask in turn; the median of some rounds.
fn time(runtime: &Runtime, tasks: u64, source: Option<&TokenSource>) -> f64 {
    let once = || {
        let begin = Instant::now();
        runtime.block_on(async {
            let asking: Vec<_> =
                (0..tasks).map(|_| tokio::spawn(ask(source.cloned(), CALLS / tasks))).collect();
            for task in asking {
                task.await.unwrap();
            }
        });
        begin.elapsed().as_nanos() as f64 / CALLS as f64
    };
    let mut rounds: Vec<f64> = (0..ROUNDS).map(|_| once()).collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

/// The limit is a token that never changes, and the clock: what no source can do without.
async fn ask(source: Option<TokenSource>, calls: u64) {
    static END: AtomicU64 = AtomicU64::new(u64::MAX);
    for _ in 0..calls {
        match &source {
            Some(source) => drop(black_box(source.token().await.unwrap())),
            None => assert!(END.load(Ordering::Acquire) > black_box(clock())),
        }
    }
}

fn clock() -> u64 {
    #[cfg(target_os = "linux")]
    return rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse).tv_sec as u64;
    #[cfg(not(target_os = "linux"))]
    return SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
}

fn valid(runtime: &Runtime) {
    let source = TokenSource::from_fn(Arc::new(Tokio), || async {
        Ok(GivenToken::new("a".repeat(900)).expires_at(SystemTime::now() + Duration::from_secs(3600)))
    });
    runtime.block_on(source.token()).unwrap();
    for (tasks, target) in [(1, 15.0), (8, 8.0)] {
        let (limit, ours) = (time(runtime, tasks, None), time(runtime, tasks, Some(&source)));
        let verdict = if ours <= target { "within" } else { "beyond" };
        report(&format!(
            "valid token, {tasks} task(s): {ours:.1} ns a call, limit {limit:.1} ns; {verdict} the target of {target} ns"
        ));
    }
}

fn expired(runtime: &Runtime) {
    for (tasks, fails) in [(10_000, false), (1000, true)] {
        let calls = Arc::new(AtomicU32::new(0));
        let counted = calls.clone();
        let source = TokenSource::from_fn(Arc::new(Tokio), move || {
            counted.fetch_add(1, Ordering::Relaxed);
            async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                if fails { Err(failure()) } else { Ok(GivenToken::new("fresh")) }
            }
        });
        let begin = Instant::now();
        let ok = runtime.block_on(async {
            let asking = |source: TokenSource| async move { source.token().await.is_ok() };
            let asking: Vec<_> = (0..tasks).map(|_| tokio::spawn(asking(source.clone()))).collect();
            let mut ok = 0;
            for task in asking {
                ok += u32::from(task.await.unwrap());
            }
            ok
        });
        let (time, calls) = (begin.elapsed().as_millis(), calls.load(Ordering::Relaxed));
        let what = if fails { "a failing refresh" } else { "an expired token" };
        report(&format!(
            "{tasks} tasks at {what}: {calls} request(s) of 50 ms, {time} ms until the last one knows, {ok} have a token"
        ));
    }
}

fn failure() -> Error {
    Provider::named("no such provider").unwrap_err()
}
