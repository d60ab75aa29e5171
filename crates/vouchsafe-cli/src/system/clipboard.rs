//! The clipboard of the desktop, through the program that it has for that, or through the terminal.
use std::io::{self, IsTerminal, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::browser::clean;
use super::is_dumb;

/// Whether a text came into the clipboard.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Copied {
    Yes,
    /// The terminal was asked to. It does not say whether it did.
    Perhaps,
    No,
}

/// Copies a text.
pub(crate) async fn copy(text: &str) -> Copied {
    let own = text.to_owned();
    let with_program = spawn_blocking(move || programs().into_iter().any(|line| pipe(line, &own)));
    // A program may wait for a display that is gone.
    match timeout(LIMIT, with_program).await {
        Ok(Ok(true)) => Copied::Yes,
        _ if io::stderr().is_terminal() && !is_dumb() => through_terminal(text),
        _ => Copied::No,
    }
}

fn pipe(line: &[&str], text: &str) -> bool {
    let Some((program, arguments)) = line.split_first() else { return false };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut child) = clean(&mut command).spawn() else { return false };
    let written = child.stdin.take().is_some_and(|mut stdin| stdin.write_all(text.as_bytes()).is_ok());
    child.wait().is_ok_and(|status| status.success()) && written
}

/// OSC 52, which many terminals know, also over ssh.
fn through_terminal(text: &str) -> Copied {
    let mut stderr = io::stderr();
    let written = write!(stderr, "\x1b]52;c;{}\x07", STANDARD.encode(text)).and_then(|()| stderr.flush());
    if written.is_ok() { Copied::Perhaps } else { Copied::No }
}

#[cfg(target_os = "macos")]
fn programs() -> Vec<&'static [&'static str]> {
    vec![&["pbcopy"]]
}

#[cfg(windows)]
fn programs() -> Vec<&'static [&'static str]> {
    vec![&["clip.exe"]]
}

#[cfg(not(any(target_os = "macos", windows)))]
fn programs() -> Vec<&'static [&'static str]> {
    let has = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let all: [(bool, &[&str]); 4] = [
        (has("WAYLAND_DISPLAY"), &["wl-copy"]),
        (has("DISPLAY"), &["xclip", "-selection", "clipboard"]),
        (has("DISPLAY"), &["xsel", "--clipboard", "--input"]),
        (has("WSL_DISTRO_NAME"), &["clip.exe"]),
    ];
    all.into_iter().filter_map(|(is, line)| is.then_some(line)).collect()
}

const LIMIT: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_program_gets_the_text_on_its_input() {
        assert!(pipe(&["sh", "-c", "test \"$(cat)\" = text"], "text"));
        assert!(!pipe(&["sh", "-c", "test \"$(cat)\" = text"], "another"));
        assert!(!pipe(&["no-such-program-anywhere"], "text") && !pipe(&[], "text"));
    }

    #[cfg(windows)]
    #[test]
    fn a_program_that_is_missing_is_no_error() {
        assert!(!pipe(&["no-such-program-anywhere"], "text") && !pipe(&[], "text"));
    }
}
