//! SIGINT and SIGTERM: the signals with which a person or a supervisor stops the program.
use std::io;

use crate::failure::Failure;

/// Waits for a signal to stop. As long as this value exists, the signals do not end the process by themselves.
pub(crate) struct Interrupt {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
}

impl Interrupt {
    pub(crate) fn new() -> Result<Self, Failure> {
        Self::listen()
            .map_err(|e| Failure::local("signal", format!("The command could not listen for signals: {e}")))
    }

    #[cfg(unix)]
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    #[cfg(windows)]
    fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: tokio::signal::windows::ctrl_c()? })
    }

    /// Returns when the program should stop.
    #[cfg(unix)]
    pub(crate) async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(windows)]
    pub(crate) async fn wait(&mut self) {
        self.interrupt.recv().await;
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
