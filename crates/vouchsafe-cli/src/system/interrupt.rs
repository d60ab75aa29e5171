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
pub(crate) struct Interrupt(Vec<(u8, Signal)>);

impl Interrupt {
    pub(crate) fn new() -> Result<Self, Failure> {
        let failed = |e| Failure::local("signal", format!("The command could not listen for signals: {e}"));
        listen().map(Self).map_err(failed)
    }

    /// Returns when the program should stop, with the number of the signal.
    pub(crate) async fn wait(&mut self) -> u8 {
        poll_fn(|context| {
            let came = |(number, signal): &mut (u8, Signal)| {
                signal.poll_recv(context).is_ready().then_some(Poll::Ready(*number))
            };
            self.0.iter_mut().find_map(came).unwrap_or(Poll::Pending)
        })
        .await
    }

    /// The outcome of the work, or a failure if the program should stop before it is done.
    pub(crate) async fn or<T>(
        &mut self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            biased;
            signal = self.wait() => Err(Failure::interrupted(signal)),
            outcome = work => outcome,
        }
    }
}

#[cfg(unix)]
fn listen() -> io::Result<Vec<(u8, Signal)>> {
    let listen = |number, kind| signal(kind).map(|signal| (number, signal));
    Ok(vec![listen(2, SignalKind::interrupt())?, listen(15, SignalKind::terminate())?])
}

#[cfg(windows)]
fn listen() -> io::Result<Vec<(u8, Signal)>> {
    ctrl_c().map(|signal| vec![(2, signal)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_signals_of_this_system_are_listened_for() {
        let interrupt = Interrupt::new().unwrap();
        let numbers: Vec<u8> = interrupt.0.iter().map(|(number, _)| *number).collect();
        #[cfg(unix)]
        assert_eq!(numbers, [2, 15]);
        #[cfg(windows)]
        assert_eq!(numbers, [2]);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_signal_ends_the_work_before_it_is_done() {
        use rustix::process::{Signal, getpid, kill_process};

        let mut interrupt = Interrupt::new().unwrap();
        kill_process(getpid(), Signal::TERM).unwrap();
        let outcome: Result<(), Failure> = interrupt.or(std::future::pending()).await;
        assert_eq!(outcome.unwrap_err().signal, Some(15));
    }
}
