//! A line on standard error that shows that something is still going on.
use std::io::{self, Write};
use std::time::Duration;

use terminal_size::{Width, terminal_size_of};

use crate::terminal::style::{SOFT, paint};
use crate::text;

/// The line, if standard error is a terminal and a person watches it. It is erased when it is dropped.
#[derive(Debug)]
pub(crate) struct Progress(pub(super) Option<&'static str>);

impl Progress {
    /// Shows the line with the time that has passed.
    pub(crate) fn show(&self, elapsed: Duration) {
        self.erase();
        if let Some(line) = self.0 {
            let seconds = elapsed.as_secs();
            let time = format!(" {}:{:02}", seconds / 60, seconds % 60);
            // A line that reached the last column would go on in another one, which erasing leaves there.
            let columns =
                terminal_size_of(io::stderr()).map_or(80, |(Width(columns), _)| usize::from(columns));
            let room = columns.saturating_sub(time.len() + 2);
            let line = text::short(line, room) + &time;
            let _ = write!(anstream::stderr(), "{}", paint(&line, SOFT));
        }
    }

    /// Makes room for another line.
    pub(crate) fn erase(&self) {
        if self.0.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.erase();
    }
}
