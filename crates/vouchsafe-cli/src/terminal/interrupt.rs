//! SIGINT and SIGTERM: the signals with which a person or a supervisor stops the program.
use std::future::poll_fn;
use std::io;
use std::task::Poll;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(windows)]
use tokio::signal::windows::{CtrlC as Signal, ctrl_c};

use crate::failure::Failure;

/// Waits for a signal to stop. As long as this value exists, the signals do not end the process by themselves.
pub(crate) struct Interrupt(Vec<Signal>);

impl Interrupt {
    pub(crate) fn new() -> Result<Self, Failure> {
        let failed = |e| Failure::local("signal", format!("The command could not listen for signals: {e}"));
        listen().map(Self).map_err(failed)
    }

    /// Returns when the program should stop.
    pub(crate) async fn wait(&mut self) {
        poll_fn(|context| {
            let stops = self.0.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
            if stops { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// The outcome of the work, or a failure if the program should stop before it is done.
    pub(crate) async fn or<T>(
        &mut self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            biased;
            () = self.wait() => Err(Failure::interrupted()),
            outcome = work => outcome,
        }
    }
}

#[cfg(unix)]
fn listen() -> io::Result<Vec<Signal>> {
    [SignalKind::interrupt(), SignalKind::terminate()].into_iter().map(signal).collect()
}

#[cfg(windows)]
fn listen() -> io::Result<Vec<Signal>> {
    ctrl_c().map(|signal| vec![signal])
}
