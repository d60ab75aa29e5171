//! The demo: a web app that signs people in at the sandbox and shows every step.
use std::io;

/// Serves the demo on a port of 127.0.0.1, a free one for 0, until it fails. Says the URL to open once it can be.
#[expect(clippy::unused_async, reason = "the demo is a server")]
pub(crate) async fn serve(_port: u16, _on_ready: impl FnOnce(&str)) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "the demo is not part of this build"))
}
