//! What every token store has to do, as checks that a store of your own can be run against.
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::store::{Change, Expected, Lease, LeaseRequest, Save, Saved, TokenStore};

/// Checks a store. The keys of all records that it makes begin with `prefix`; nothing else in the store is touched, and nothing
/// stays behind. `wait` waits for a time, such as `|time| Box::pin(tokio::time::sleep(time))`.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use vouchsafe::vault::{MemoryStore, contract};
///
/// let store = Arc::new(MemoryStore::new());
/// contract::check(store, "contract/", |time| Box::pin(tokio::time::sleep(time))).await;
/// # });
/// ```
///
/// # Panics
/// The store breaks a rule of [`TokenStore`]. The message says which.
pub async fn check(
    store: Arc<dyn TokenStore>,
    prefix: &str,
    wait: impl Fn(Duration) -> super::BoxFuture<'static, ()>,
) {
    let check = Check { store: &*store, prefix };
    check.records().await;
    check.versions().await;
    check.changes().await;
    check.several().await;
    check.any_text().await;
    check.lists().await;
    check.leases().await;
    check.fences().await;
    check.races().await;
    check.takes_over(wait).await;
    for (key, _) in check.store.list(prefix, None, usize::MAX >> 1).await.expect("the store lists") {
        check.store.delete(&key, None).await.expect("the store deletes");
    }
}

struct Check<'s> {
    store: &'s dyn TokenStore,
    prefix: &'s str,
}

impl Check<'_> {
    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    async fn save(&self, save: Save<'_>) -> Saved {
        self.store.save(save).await.expect("the store saves")
    }

    async fn saved(&self, key: &str, data: &str) -> u64 {
        version(self.save(Save::new(key, data, Expected::Any)).await)
    }

    async fn data(&self, key: &str) -> Option<String> {
        let record = self.store.load(key).await.expect("the store loads");
        record.map(|record| record.data.expose().to_owned())
    }

    async fn lease(&self, key: &str, ask: LeaseRequest) -> Lease {
        self.store.lease(key, ask).await.expect("the store gives leases")
    }

    async fn fence(&self, key: &str) -> u64 {
        match self.lease(key, LeaseRequest::new(LONG)).await {
            Lease::Granted { fence, .. } => fence,
            other => panic!("a free lease was not granted: {other:?}"),
        }
    }

    async fn records(&self) {
        let key = self.key("record");
        assert_eq!(self.data(&key).await, None, "a new key has no record");
        assert!(
            !self.store.delete(&key, None).await.expect("the store deletes"),
            "nothing was there to delete"
        );
        let first = version(self.save(Save::new(&key, "first", Expected::Absent)).await);
        let record = self.store.load(&key).await.expect("the store loads").expect("the record is there");
        assert_eq!((record.version, record.data.expose()), (first, "first"));
        let absent = self.save(Save::new(&key, "second", Expected::Absent)).await;
        assert_eq!(absent, Saved::Conflict, "the record was there already");
        let second = version(self.save(Save::new(&key, "second", Expected::Version(first))).await);
        assert!(second > first, "versions grow");
        let old = self.save(Save::new(&key, "third", Expected::Version(first))).await;
        assert_eq!(old, Saved::Conflict, "the version was an old one");
        assert_eq!(self.data(&key).await.as_deref(), Some("second"));
        assert!(
            !self.store.delete(&key, Some(first)).await.expect("the store deletes"),
            "an old version is kept"
        );
        assert!(self.store.delete(&key, Some(second)).await.expect("the store deletes"));
        assert_eq!(self.data(&key).await, None);
        let gone = self.save(Save::new(&key, "third", Expected::Version(second))).await;
        assert_eq!(gone, Saved::Conflict, "a deleted record has no version");
    }

    async fn versions(&self) {
        let key = self.key("versions");
        let first = self.saved(&key, "a").await;
        self.store.delete(&key, None).await.expect("the store deletes");
        let second = self.saved(&key, "b").await;
        assert!(second > first, "a record that was deleted and made again has a new version");
        let fence = self.fence(&key).await;
        assert!(fence > second, "versions and fencing numbers come from one counter");
    }

    async fn any_text(&self) {
        let long = "x".repeat(1 << 20);
        for (name, data) in
            [("empty", ""), ("ключ ☃ % _ \\ ' \" * ? [", "\u{1F511} \\ ' \" \n"), ("long", &long)]
        {
            let key = self.key(name);
            self.saved(&key, data).await;
            assert_eq!(self.data(&key).await.as_deref(), Some(data), "{name}");
        }
        let key = self.key("case");
        self.saved(&key, "lower").await;
        assert_eq!(self.data(&self.key("CASE")).await, None, "keys are compared byte by byte");
    }

    async fn lists(&self) {
        let names = ["list/B", "list/a", "list/a%", "list/a/1", "list/b_", "list/ä"];
        for name in names.iter().rev() {
            self.saved(&self.key(name), name).await;
        }
        self.saved(&self.key("lisu"), "beyond").await;
        self.saved(&self.key("list"), "before").await;
        let listed = async |prefix: &str, after: Option<&str>, limit| {
            let after = after.map(|after| self.key(after));
            let found =
                self.store.list(&self.key(prefix), after.as_deref(), limit).await.expect("the store lists");
            found
                .into_iter()
                .map(|(key, record)| {
                    assert_eq!(key, self.key(record.data.expose()), "the record of the key");
                    record.data.expose().to_owned()
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(listed("list/", None, 100).await, names, "the order is that of the bytes");
        assert_eq!(listed("list/", None, 2).await, names[..2]);
        assert_eq!(listed("list/", Some("list/a"), 2).await, names[2..4]);
        assert_eq!(listed("list/", Some("list/ä"), 2).await, [""; 0]);
        assert_eq!(listed("list/a%", None, 100).await, ["list/a%"], "no character stands for others");
        assert_eq!(listed("list/b_", None, 100).await, ["list/b_"]);
    }

    async fn changes(&self) {
        let [kept, replaced, deleted, new] =
            ["kept", "replaced", "deleted", "new"].map(|name| self.key(name));
        let [first, _, _] =
            [self.saved(&kept, "a").await, self.saved(&replaced, "a").await, self.saved(&deleted, "a").await];
        let save = |key, expected| Change::Save(Save::new(key, "b", expected));
        let changes = vec![
            save(&kept, Expected::Absent),
            save(&replaced, Expected::Any),
            Change::Delete { key: &deleted, version: None },
            Change::Delete { key: &deleted, version: None },
            save(&new, Expected::Absent),
            save(&new, Expected::Absent),
            Change::Delete { key: &kept, version: Some(first + 1) },
        ];
        let made = self.store.change(changes).await.expect("the store makes several changes");
        let expected = [false, true, true, false, true, false, false];
        assert_eq!(made, expected, "each change sees those before it, and keeps none of the others back");
        let mut data = Vec::new();
        for key in [&kept, &replaced, &deleted, &new] {
            data.push(self.data(key).await);
        }
        let expected = [Some("a"), Some("b"), None, Some("b")].map(|data| data.map(str::to_owned));
        assert_eq!(data, expected);
        assert!(self.store.change(Vec::new()).await.expect("no change is no error").is_empty());
    }

    async fn several(&self) {
        let names: Vec<_> = (0..1200).map(|number| self.key(&format!("several/{number}"))).collect();
        for name in names.iter().step_by(400) {
            self.saved(name, name).await;
        }
        let mut keys: Vec<_> = names.iter().rev().map(String::as_str).collect();
        // The same key twice.
        keys.push(&names[400]);
        let records = self.store.load_all(keys.clone()).await.expect("the store loads several records");
        assert_eq!(records.len(), keys.len(), "one response for each key");
        for (key, record) in keys.iter().zip(&records) {
            let own = self.store.load(key).await.expect("the store loads");
            assert_eq!(record, &own, "the record of the key");
        }
        assert!(self.store.load_all(Vec::new()).await.expect("no key is no error").is_empty());
        let version = self.saved(&names[0], "a").await;
        let delete = |key, version| Change::Delete { key, version };
        let mut changes = vec![delete(&*names[0], Some(version + 1)), delete(&names[0], Some(version))];
        changes.extend(names.iter().map(|name| delete(name, None)));
        let made = self.store.change(changes).await.expect("the store deletes several records");
        let deleted: Vec<_> = made.iter().enumerate().filter(|(_, made)| **made).map(|(at, _)| at).collect();
        assert_eq!(deleted, [1, 402, 802], "each delete sees those before it");
    }

    async fn leases(&self) {
        let key = self.key("lease");
        assert_eq!(self.lease(&key, LeaseRequest::new(LONG)).await, Lease::Absent, "there is no record");
        let version = self.saved(&key, "a").await;
        let Lease::Granted { fence, record } = self.lease(&key, LeaseRequest::new(LONG)).await else {
            panic!("a free lease was not granted");
        };
        assert_eq!((record.version, record.data.expose()), (version, "a"), "the lease brings the record");
        assert_eq!(self.lease(&key, LeaseRequest::new(LONG)).await, Lease::Busy { fence });
        self.store.release(&key, fence + 1).await.expect("a lease that is over is no error");
        assert_eq!(self.lease(&key, LeaseRequest::new(LONG)).await, Lease::Busy { fence }, "another number");
        self.store.release(&key, fence).await.expect("the store ends leases");
        let second = self.fence(&key).await;
        assert!(second > fence, "fencing numbers grow");
        self.store.release(&key, fence).await.expect("a lease that is over is no error");
        assert_eq!(self.lease(&key, LeaseRequest::new(LONG)).await, Lease::Busy { fence: second });
        self.store.delete(&key, None).await.expect("the store deletes");
        self.saved(&key, "b").await;
        assert!(self.fence(&key).await > second, "a deletion ends the lease");
    }

    async fn fences(&self) {
        let key = self.key("fence");
        let first = self.saved(&key, "a").await;
        let old = self.fence(&key).await;
        self.store.release(&key, old).await.expect("the store ends leases");
        let save = |data, expected, fence, room| Save::new(&key, data, expected).under_lease(fence, room);
        let over = self.save(save("b", Expected::Version(first), old, 0)).await;
        assert_eq!(over, Saved::Conflict, "the lease is over");
        let fence = self.fence(&key).await;
        assert_eq!(self.save(save("b", Expected::Any, old, 0)).await, Saved::Conflict, "an old lease");
        let begun = version(self.save(save("b", Expected::Version(first), fence, 10_000)).await);
        assert_eq!(self.lease(&key, LeaseRequest::new(LONG)).await, Lease::Busy { fence }, "it goes on");
        version(self.save(save("c", Expected::Version(begun), fence, 0)).await);
        let next = self.fence(&key).await;
        assert!(next > fence, "a save without room ends the lease");
        self.saved(&key, "d").await;
        assert_eq!(
            self.save(save("e", Expected::Any, next, 0)).await,
            Saved::Conflict,
            "a save without a lease ends the lease"
        );
        assert_eq!(self.data(&key).await.as_deref(), Some("d"));
    }

    async fn races(&self) {
        let key = self.key("race");
        let first = self.saved(&key, "begin").await;
        let leases = join_all((0..20).map(|_| self.lease(&key, LeaseRequest::new(LONG)))).await;
        let granted = leases.iter().filter(|lease| matches!(lease, Lease::Granted { .. })).count();
        assert_eq!(granted, 1, "one of those who ask at once has the lease");
        let names: Vec<_> = (0..20).map(|n| n.to_string()).collect();
        let saves = names.iter().map(|name| self.save(Save::new(&key, name, Expected::Version(first))));
        let saves = join_all(saves).await;
        let won: Vec<_> = names.iter().zip(saves).filter(|(_, saved)| *saved != Saved::Conflict).collect();
        assert_eq!(won.len(), 1, "one of those who save at once wins");
        assert_eq!(self.data(&key).await.as_ref(), Some(won[0].0));
    }

    async fn takes_over(&self, wait: impl Fn(Duration) -> super::BoxFuture<'static, ()>) {
        let key = self.key("crashed");
        self.saved(&key, "a").await;
        let short = LeaseRequest::new(SHORT);
        let Lease::Granted { fence: crashed, .. } = self.lease(&key, short).await else {
            panic!("a free lease was not granted");
        };
        assert_eq!(self.lease(&key, short).await, Lease::Busy { fence: crashed });
        wait(SHORT * 2).await;
        let Lease::Granted { fence, .. } = self.lease(&key, short.seen_out(Some(crashed))).await else {
            panic!("a lease that was seen out was not granted");
        };
        let late = self.save(Save::new(&key, "b", Expected::Any).under_lease(crashed, 0)).await;
        assert_eq!(late, Saved::Conflict, "a process that stood still changes nothing");
        let other = self.lease(&key, LeaseRequest::new(LONG).seen_out(Some(crashed))).await;
        assert!(
            matches!(other, Lease::Busy { fence: busy } if busy == fence),
            "a lease that somebody else has seen out is not the current one: {other:?}"
        );
    }
}

fn version(saved: Saved) -> u64 {
    match saved {
        Saved::Version(version) => version,
        Saved::Conflict => panic!("a save in the expected state was refused"),
    }
}

const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(300);
