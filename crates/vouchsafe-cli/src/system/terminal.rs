//! The terminal of this process.
use std::ffi::OsStr;

/// Whether the terminal cannot erase a line, such as a shell inside an editor.
pub(crate) fn is_dumb() -> bool {
    is_dumb_by(std::env::var_os("TERM").as_deref())
}

fn is_dumb_by(term: Option<&OsStr>) -> bool {
    term.map_or(WITHOUT_NAME, |term| term.is_empty() || term == "dumb")
}

/// Whether a terminal without a name in `TERM` is dumb. Terminals of Windows have none.
#[cfg(unix)]
const WITHOUT_NAME: bool = true;

#[cfg(windows)]
const WITHOUT_NAME: bool = false;

/// Asks, and waits for a line that the terminal does not show: not even what is typed as soon as the question is there.
#[cfg(unix)]
pub(crate) async fn hidden(ask: impl FnOnce(), line: impl Future<Output = Option<String>>) -> Option<String> {
    let _echo = Echo::off();
    ask();
    line.await
}

/// The terminal's own settings, which come back at the end, also if the command is interrupted.
#[cfg(unix)]
struct Echo(Option<rustix::termios::Termios>);

#[cfg(unix)]
impl Echo {
    fn off() -> Self {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

        let before = tcgetattr(std::io::stdin()).ok();
        if let Some(before) = &before {
            let mut without = before.clone();
            without.local_modes.remove(LocalModes::ECHO);
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &without);
        }
        Self(before)
    }
}

#[cfg(unix)]
impl Drop for Echo {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};

        if let Some(before) = &self.0 {
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, before);
        }
    }
}

#[cfg(windows)]
pub(crate) async fn hidden(ask: impl FnOnce(), line: impl Future<Output = Option<String>>) -> Option<String> {
    ask();
    // The settings of a console can be changed by its functions alone, which this program does not call itself.
    drop(line);
    tokio::task::spawn_blocking(rpassword::read_password).await.ok()?.ok()
}

/// Whether this program may read its terminal. A shell stops a program that reads it in the background.
#[cfg(unix)]
pub(crate) fn is_foreground() -> bool {
    rustix::termios::tcgetpgrp(std::io::stdin()).is_ok_and(|group| group == rustix::process::getpgrp())
}

#[cfg(windows)]
pub(crate) fn is_foreground() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_dumb_by_its_name() {
        assert!(is_dumb_by(Some("dumb".as_ref())) && is_dumb_by(Some("".as_ref())));
        assert!(!is_dumb_by(Some("xterm-256color".as_ref())));
        assert_eq!(is_dumb_by(None), cfg!(unix));
    }
}
