//! The lines of JSON on standard output.
use std::io::Write;

use serde_json::{Value, json};

/// Prints one line. If nobody reads it any more, there is nobody to tell.
pub(crate) fn print(event: &Value) {
    let mut output = std::io::stdout().lock();
    let _ = writeln!(output, "{event}").and_then(|()| output.flush());
}

/// The site listens, and the flow begins.
pub(crate) fn ready() {
    print(&json!({"event": "ready"}));
}

/// A browser has to open this URL.
pub(crate) fn browse(url: &str) {
    print(&json!({"event": "browse", "url": url}));
}

/// A browser has to open this page, and to run its scripts.
pub(crate) fn browse_with_scripts(url: &str) {
    print(&json!({"event": "browse", "url": url, "script": true}));
}
