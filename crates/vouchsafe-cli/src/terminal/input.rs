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

    /// Whether lines are read.
    pub(crate) fn is_open(&self) -> bool {
        self.0.is_some()
    }

    /// The next line. Behind the last one, this never returns.
    pub(crate) async fn line(&mut self) -> String {
        if let Some(lines) = &mut self.0
            && let Ok(Some(line)) = lines.next_line().await
        {
            return line;
        }
        self.0 = None;
        pending().await
    }
}

/// More than anybody pastes.
const MAX_INPUT: u64 = 1024 * 1024;
