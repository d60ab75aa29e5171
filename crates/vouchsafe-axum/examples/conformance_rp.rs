//! The relying party that the conformance suite of the OpenID Foundation tests. It reads one line of JSON from standard input, plays
//! one flow with the provider of that line, and prints lines of JSON: the URLs to open in a browser, and the error that ended the flow.
//!
//! ```text
//! cargo run -p vouchsafe-axum --example conformance-rp < task.json
//! ```
use std::process::ExitCode;

use vouchsafe::Http;

use crate::failure::Failure;
use crate::flow::Flow;
use crate::site::Site;
use crate::task::Task;

#[path = "conformance/failure.rs"]
mod failure;
#[path = "conformance/flow.rs"]
mod flow;
#[path = "conformance/output.rs"]
mod output;
#[path = "conformance/party.rs"]
mod party;
#[path = "conformance/site.rs"]
mod site;
#[path = "conformance/task.rs"]
mod task;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::print(&failure.event());
            failure.exit_code()
        }
    }
}

async fn run() -> Result<(), Failure> {
    let task = Task::read()?;
    let http: Http = task.http()?;
    let (site, visits) = Site::start(&task).await?;
    let outcome = Flow::new(task, http, &site, visits).run().await;
    site.stop().await;
    outcome
}
