//! Lines that a person types or pastes while the command waits for something else.
use std::future::pending;
use std::io::{self, IsTerminal};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines, Stdin, Take};

use crate::system::is_foreground;

/// Standard input, read line by line.
pub(crate) struct Input(Option<Lines<BufReader<Take<Stdin>>>>);

impl Input {
    /// Reads the terminal. With `any`, it reads a pipe or a file as well.
    pub(crate) fn new(any: bool) -> Self {
        let reads = if io::stdin().is_terminal() { is_foreground() } else { any };
        Self(reads.then(|| BufReader::new(tokio::io::stdin().take(MAX_INPUT)).lines()))
    }

    /// Reads nothing.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// Whether lines are read.
    pub(crate) fn is_open(&self) -> bool {
        self.0.is_some()
    }

    /// The next line, or `None` behind the last one.
    pub(crate) async fn next(&mut self) -> Option<String> {
        let line = self.0.as_mut()?.next_line().await.ok().flatten();
        if line.is_none() {
            self.0 = None;
        }
        line
    }

    /// The next line. Behind the last one, this never returns.
    pub(crate) async fn line(&mut self) -> String {
        match self.next().await {
            Some(line) => line,
            None => pending().await,
        }
    }
}

/// More than anybody pastes.
const MAX_INPUT: u64 = 1024 * 1024;
