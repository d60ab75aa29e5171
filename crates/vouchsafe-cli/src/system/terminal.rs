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
