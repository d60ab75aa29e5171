//! The command `vouchsafe`.
#![forbid(unsafe_code)]

mod demo;

use std::io::Write;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    demo::serve(0, |url| {
        let _ = writeln!(std::io::stdout(), "{{\"event\":\"listening\",\"url\":\"{url}\"}}");
    })
    .await
}
