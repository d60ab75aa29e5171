//! What is logged, by whatever is in the tree and at every level.
use std::fmt::{Debug, Write as _};
use std::sync::{Mutex, MutexGuard, OnceLock};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

static HEARD: Mutex<String> = Mutex::new(String::new());

/// Listens from now on to all that this process logs.
pub(crate) fn listen() {
    static LISTENING: OnceLock<()> = OnceLock::new();
    LISTENING.get_or_init(|| {
        log::set_logger(&Log).expect("no other test listens");
        log::set_max_level(log::LevelFilter::Trace);
        tracing::subscriber::set_global_default(Spans).expect("no other test listens");
    });
}

/// All that was logged so far.
pub(crate) fn heard() -> MutexGuard<'static, String> {
    HEARD.lock().unwrap_or_else(|e| e.into_inner())
}

struct Log;

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let _ = writeln!(heard(), "{} {} {}", record.level(), record.target(), record.args());
    }

    fn flush(&self) {}
}

struct Spans;

struct Fields;

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = writeln!(heard(), "{field} {value:?}");
    }
}

impl Subscriber for Spans {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let _ = writeln!(heard(), "{}", span.metadata().name());
        span.record(&mut Fields);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Fields);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Fields);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
