//! Parts of several tests.
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;

use vouchsafe::error::StoreError;
use vouchsafe::vault::{Expected, Lease, LeaseRequest, Save, Saved, TokenStore, contract};

/// Runs one test of this file in a process of its own, with a text for it.
pub(crate) fn process(test: &str, text: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([test, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env("VOUCHSAFE_STORE_TEST", text);
    command
}

/// The text for this process.
pub(crate) fn text() -> String {
    std::env::var("VOUCHSAFE_STORE_TEST").expect("another test runs this one")
}

pub(crate) fn all_succeed(children: Vec<Child>) {
    for mut child in children {
        assert!(child.wait().unwrap().success(), "a process failed: its output is above");
    }
}

pub(crate) async fn keeps_the_contract(store: Arc<dyn TokenStore>) {
    contract::check(store, "contract/", |time| Box::pin(tokio::time::sleep(time))).await;
}

pub(crate) async fn version(store: &dyn TokenStore, save: Save<'_>) -> u64 {
    match store.save(save).await.unwrap() {
        Saved::Version(version) => version,
        Saved::Conflict => panic!("a conflict"),
    }
}

/// Adds one to the number in a record so many times, each time under a lease, among others that do the same.
pub(crate) async fn count_up(store: &dyn TokenStore, key: &str, times: usize) {
    for _ in 0..times {
        let (fence, record) = loop {
            match store.lease(key, LeaseRequest::new(Duration::from_secs(3600))).await.unwrap() {
                Lease::Granted { fence, record } => break (fence, record),
                Lease::Busy { .. } => tokio::time::sleep(Duration::from_millis(1)).await,
                Lease::Absent => panic!("the record is gone"),
            }
        };
        let next = (record.data.expose().parse::<u64>().unwrap() + 1).to_string();
        // Only the lease keeps the others out.
        let begun = Save::new(key, record.data.expose(), Expected::Any).under_lease(fence, 100);
        version(store, begun).await;
        version(store, Save::new(key, &next, Expected::Any).under_lease(fence, 0)).await;
    }
}

/// Eight threads, each with a store of its own, race for one lease. No turn is lost or taken twice.
pub(crate) fn eight_threads_race<S: TokenStore>(
    open: impl AsyncFn() -> Result<S, StoreError> + Copy + Send + Sync,
) {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let run = || {
        runtime().block_on(async {
            let store = open().await.unwrap();
            count_up(&store, "race", TURNS).await;
        });
    };
    runtime().block_on(async {
        let store = open().await.unwrap();
        version(&store, Save::new("race", "0", Expected::Any)).await;
    });
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(run);
        }
    });
    runtime().block_on(async {
        let record = open().await.unwrap().load("race").await.unwrap().unwrap();
        assert_eq!(record.data.expose(), (8 * TURNS).to_string());
    });
}

const TURNS: usize = 10;
