//! `vouchsafe demo`: runs the playground on this machine until it is stopped.
use serde_json::json;

use crate::demo;
use crate::failure::Failure;
use crate::system::Interrupt;
use crate::terminal::{Event, LINK, Output, paint};

pub(crate) async fn run(port: u16, output: &mut Output, interrupt: &mut Interrupt) -> Result<(), Failure> {
    let ready = |url: &str| {
        output.event(&Event::Listening(json!({"url": url})));
        output.say(format!("The demo is running. Open {} in a browser.", paint(url, LINK)));
        output.tell("Press Ctrl-C to stop it.");
    };
    tokio::select! {
        biased;
        _ = interrupt.wait() => Ok(()),
        served = demo::serve(port, ready) => served.map_err(|e| Failure::port("127.0.0.1", port, &e, "--port")),
    }
}
