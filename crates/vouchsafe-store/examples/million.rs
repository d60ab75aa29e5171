//! Many logins in each store: saves, loads and refreshes per second, disk and memory per login.
//!
//! `cargo run --release -p vouchsafe-store --all-features --example million -- 1000000`
//!
//! Without a number, 10,000 logins. After the number, the names of stores: `sqlite postgres redis`. PostgreSQL and Redis are started
//! where they are installed, and wait for the disk with each write, as SQLite does. Disk space includes their logs.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use vouchsafe::vault::{Expected, Lease, LeaseRequest, Save, Saved, TokenStore};

#[path = "../tests/it/database.rs"]
mod database;
#[path = "../tests/it/folder.rs"]
mod folder;
#[path = "../tests/it/servers.rs"]
mod servers;

use self::folder::Folder;
use self::servers::Server;

/// A sealed record of an access token, a refresh token and an ID token.
const RECORD: usize = 2000;
/// How many tasks work at once.
const TASKS: usize = 32;
/// Loads and refreshes are measured with so many at most.
const MOST_LOADS: usize = 100_000;
const MOST_REFRESHES: usize = 10_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let logins: usize = arguments.next().map_or(Ok(10_000), |number| number.parse())?;
    let names: Vec<String> = arguments.collect();
    let is_asked = |name: &str| names.is_empty() || names.iter().any(|asked| asked == name);

    println!("{logins} logins of {RECORD} bytes, {TASKS} tasks at once");
    println!("store        saves/s    loads/s  refreshes/s  disk/login  memory/login");
    if is_asked("sqlite") {
        let folder = Folder::new();
        let url = format!("sqlite:{}", folder.join("tokens.db").display());
        measure("sqlite", &url, folder.path(), std::process::id(), logins).await?;
    }
    if let Some(server) = is_asked("postgres").then(|| Server::postgres(&[])).flatten() {
        let url = server.database("million").await;
        measure("postgres", &url, server.folder.path(), server.child.id(), logins).await?;
    }
    let options = ["--appendonly", "yes", "--appendfsync", "always"];
    if let Some(server) = is_asked("redis").then(|| Server::redis(&options)).flatten() {
        measure("redis", &server.redis_url(), server.folder.path(), server.child.id(), logins).await?;
    }
    Ok(())
}

async fn measure(
    name: &str,
    url: &str,
    folder: &Path,
    process: u32,
    logins: usize,
) -> Result<(), Box<dyn std::error::Error>> {
    let store = vouchsafe_store::open(url).await?;
    let (disk, memory) = (size(folder), resident(process));
    let saves = rate(&store, logins, async |store, n| {
        saved(store.save(Save::new(&key(n), &data(n), Expected::Absent)).await.unwrap());
    });
    let saves = saves.await;
    let of_one = |before: u64, after: u64| after.saturating_sub(before) / logins as u64;
    let (disk, memory) = (of_one(disk, size(folder)), of_one(memory, resident(process)));
    let loads = rate(&store, logins.min(MOST_LOADS), async move |store, n| {
        let key = key(scattered(n, logins));
        assert!(store.load(&key).await.unwrap().is_some());
    });
    let loads = loads.await;
    let refreshes = rate(&store, logins.min(MOST_REFRESHES), async move |store, n| {
        let key = key(scattered(n, logins));
        let lease = store.lease(&key, LeaseRequest::new(Duration::from_secs(15))).await.unwrap();
        let Lease::Granted { fence, record } = lease else { panic!("{key}: {lease:?}") };
        let begun = Save::new(&key, record.data.expose(), Expected::Version(record.version));
        saved(store.save(begun.under_lease(fence, 2 * RECORD)).await.unwrap());
        saved(
            store
                .save(Save::new(&key, &data(n + logins), Expected::Any).under_lease(fence, 0))
                .await
                .unwrap(),
        );
    });
    let refreshes = refreshes.await;
    println!("{name:<9} {saves:>10.0} {loads:>10.0} {refreshes:>12.0} {disk:>11} {memory:>13}");
    Ok(())
}

/// How many calls a second.
async fn rate<F>(store: &Arc<dyn TokenStore>, count: usize, call: F) -> f64
where
    F: AsyncFn(Arc<dyn TokenStore>, usize) + Clone + Send + Sync + 'static,
{
    let begin = Instant::now();
    let next = Arc::new(AtomicUsize::new(0));
    let local = tokio::task::LocalSet::new();
    for _ in 0..TASKS {
        let (store, next, call) = (store.clone(), next.clone(), call.clone());
        local.spawn_local(async move {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= count {
                    return;
                }
                call(store.clone(), n).await;
            }
        });
    }
    local.await;
    count as f64 / begin.elapsed().as_secs_f64()
}

fn key(n: usize) -> String {
    format!("user {n:07}/github")
}

/// A text that no database can make shorter, as a sealed one is.
fn data(n: usize) -> String {
    let mut state = n as u64 | 1 << 40;
    let letter = |_| {
        // Xorshift: https://doi.org/10.18637/jss.v008.i14
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'!' + (state % 90) as u8)
    };
    (0..RECORD).map(letter).collect()
}

/// A login somewhere in the store; another one for each number.
fn scattered(n: usize, logins: usize) -> usize {
    n * 7_919 % logins
}

fn saved(saved: Saved) {
    assert!(matches!(saved, Saved::Version(_)));
}

/// The size of all files in a folder.
fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => size(&entry.path()),
            Ok(found) => found.len(),
            Err(_) => 0,
        })
        .sum()
}

/// The memory of a process in bytes; 0 where it is not known.
fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or_default() * 1024
}
