//! A line on standard error that shows that something is still going on.
use std::io::{self, Write};
use std::time::Duration;

use crate::terminal::style::{SOFT, paint};

/// The line. It is erased when it is dropped.
#[derive(Debug)]
pub(crate) struct Progress(pub(super) String);

impl Progress {
    /// Shows the line with the time that has passed.
    pub(crate) fn show(&self, elapsed: Duration) {
        let seconds = elapsed.as_secs();
        self.erase();
        let line = format!("{} {}:{:02}", self.0, seconds / 60, seconds % 60);
        let _ = write!(anstream::stderr(), "{}", paint(&line, SOFT));
    }

    /// Makes room for another line.
    pub(crate) fn erase(&self) {
        // Standard error is a terminal here, with or without colour.
        let _ = write!(io::stderr(), "\r\x1b[2K");
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.erase();
    }
}
