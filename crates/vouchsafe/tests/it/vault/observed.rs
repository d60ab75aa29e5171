//! Traces and metrics: a run of everything that can happen gives the names of the guide and no others, and no secret.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use tokio::task::yield_now;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use vouchsafe::Vault;
use vouchsafe::vault::{MemoryStore, TokenStore};

use super::provider::{Expire, Instead, Rotating};

/// The names of labels or fields, by kind and name.
type Names = BTreeMap<(String, String), BTreeSet<String>>;

/// Collects all names, and all values as text.
#[derive(Clone, Default)]
struct Observer(Arc<Mutex<(Names, Vec<String>)>>);

impl Observer {
    fn note(&self, kind: &str, name: &str, fields: impl IntoIterator<Item = (String, String)>) {
        let (names, values) = &mut *self.0.lock().unwrap();
        let known = names.entry((kind.to_owned(), name.to_owned())).or_default();
        for (field, value) in fields {
            values.push(format!("{name} {field}={value}"));
            known.insert(field);
        }
    }

    fn metric(&self, kind: &str, key: &Key) {
        let labels = key.labels().map(|label| (label.key().to_owned(), label.value().to_owned()));
        self.note(kind, key.name(), labels);
    }
}

impl Recorder for Observer {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.metric("counter", key);
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.metric("gauge", key);
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.metric("histogram", key);
        Histogram::noop()
    }
}

#[derive(Default)]
struct Fields(Vec<(String, String)>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push((field.name().to_owned(), format!("{value:?}")));
    }
}

impl Subscriber for Observer {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("vouchsafe")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.note("span", span.metadata().name(), []);
        Id::from_u64(1)
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let at = fields.0.iter().position(|(name, _)| name == "message").unwrap();
        let (_, message) = fields.0.remove(at);
        let level = event.metadata().level().as_str().to_lowercase();
        self.note(&format!("`tracing`, {level}"), &message, fields.0);
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// The words of a cell that are set as code.
fn code(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}

/// What the table of the guide says.
fn documented() -> Names {
    let guide = include_str!("../../../src/docs/keeping_tokens_fresh.md");
    let (_, table) = guide.split_once("| name | kind | labels or fields |\n| --- | --- | --- |\n").unwrap();
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    let rows = rows.map(|row| row.split('|').skip(1).map(str::trim).collect::<Vec<_>>());
    rows.flat_map(|row| {
        // `ok` is a value.
        let fields: BTreeSet<_> = code(row[2]).filter(|word| word != "ok").collect();
        code(row[0]).map(move |name| ((row[1].to_owned(), name), fields.clone())).collect::<Vec<_>>()
    })
    .collect()
}

async fn others() {
    for _ in 0..500 {
        yield_now().await;
    }
}

/// A login is saved, refreshed, waited for, deleted under the hands of those who wait, and refused, and another one is ended.
async fn run() {
    let (provider, store) = (Rotating::new(), Arc::<MemoryStore>::default());
    let client = provider.client();
    let process = || Vault::danger_plain_text(store.clone()).client(client.clone());
    let expired = || async {
        process().connect("alice", provider.tokens(&client, Expire::Since(5))).await.unwrap();
    };
    let ask = || {
        let vault = process();
        tokio::spawn(async move { vault.token("alice", "acme").await.map(drop) })
    };

    expired().await;
    provider.close();
    let asking = [ask(), ask()];
    others().await;
    provider.open();
    for task in asking {
        task.await.unwrap().unwrap();
    }
    process().disconnect("alice", "acme").await.unwrap();

    expired().await;
    provider.close();
    provider.instead([Instead::Unreachable]);
    let asking = [ask(), ask()];
    others().await;
    store.delete("alice/acme", None).await.unwrap();
    others().await;
    provider.open();
    for task in asking {
        task.await.unwrap().unwrap_err();
    }

    expired().await;
    provider.end_grant();
    assert!(ask().await.unwrap().unwrap_err().needs_login());
}

#[test]
fn traces_and_metrics_have_the_names_of_the_guide_and_show_no_secret_and_no_user() {
    let observer = Observer::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // While there is one subscriber alone, tracing asks the thread that meets an event first, and remembers the answer for all: threads
    // of other tests have no subscriber.
    let _second = tracing::Dispatch::new(observer.clone());
    tracing::callsite::rebuild_interest_cache();
    metrics::with_local_recorder(&observer, || {
        tracing::subscriber::with_default(observer.clone(), || runtime.block_on(run()));
    });
    let (names, values) = &*observer.0.lock().unwrap();
    let values = values.join("\n");
    assert_eq!(*names, documented(), "{values}");
    for outcome in ["ok", "connect", "unknown_login", "invalid_grant"] {
        assert!(
            values.contains(&format!("vouchsafe_refreshes_total outcome={outcome}\n")),
            "{outcome}: {values}"
        );
    }
    for private in ["access-", "refresh-", "alice", crate::scenario::CLIENT_SECRET] {
        assert!(!values.contains(private), "{private}: {values}");
    }
}
