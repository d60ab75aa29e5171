//! The person at the terminal: questions and answers. Questions are on standard error, so that standard output stays free.
use std::io::Write;

use crate::failure::Failure;
use crate::system;
use crate::terminal::{Input, Output, STRONG, paint};

/// The person at the terminal, if there is one. A script is never asked.
pub(super) struct Person {
    input: Input,
}

impl Person {
    pub(super) fn new(may_ask: bool) -> Self {
        Self { input: if may_ask { Input::new(false) } else { Input::none() } }
    }

    /// Whether somebody can be asked.
    pub(super) fn is_there(&self) -> bool {
        self.input.is_open()
    }

    /// Asks for a line. An empty one means the default.
    pub(super) async fn ask(
        &mut self,
        what: &Question<'_>,
        hint: &str,
        default: Option<&str>,
    ) -> Result<String, Failure> {
        let shown = default.map(|default| format!(" [{default}]")).unwrap_or_default();
        prompt(&format!("{}{hint}{shown}", capital(what.label)));
        let line = self.input.next().await.ok_or_else(|| what.missing())?;
        let line = line.trim();
        Ok(if line.is_empty() { default.unwrap_or_default() } else { line }.to_owned())
    }

    /// Asks for a secret, which the terminal does not show.
    pub(super) async fn ask_secret(&mut self, what: &Question<'_>, hint: &str) -> Result<String, Failure> {
        let ask = || prompt(&format!("{}{hint}", capital(what.label)));
        let line = system::hidden(ask, self.input.next()).await;
        // The line break that was typed was not shown either.
        let _ = writeln!(anstream::stderr());
        Ok(line.ok_or_else(|| what.missing())?.trim().to_owned())
    }

    /// Asks a question of yes or no. Without an answer, it is no.
    pub(super) async fn confirm(&mut self, question: &str) -> bool {
        prompt(&format!("{question} [y/N]"));
        let line = self.input.next().await.unwrap_or_default();
        matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes")
    }

    /// Whether a value is used although there is a doubt: a person decides, and a script gets a warning.
    pub(super) async fn accepts(&mut self, what: &Question<'_>, doubt: &str, output: &mut Output) -> bool {
        if !self.is_there() {
            output.warn(what.of, &format!("The {} {doubt}", what.label));
            return true;
        }
        output.hint(&format!("The {} {doubt}.", what.label));
        self.confirm("Use it anyway?").await
    }
}

/// A value that is asked for.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    /// The field of the facts, and the code of errors and warnings.
    pub(super) of: &'static str,
    /// What is asked for, in a sentence.
    pub(super) label: &'a str,
    /// How a script gives it.
    pub(super) option: &'a str,
}

impl Question<'_> {
    pub(super) fn missing(&self) -> Failure {
        self.wrong("is missing").advise(&format!("Give it with {}.", self.option))
    }

    pub(super) fn wrong(&self, why: &str) -> Failure {
        Failure::usage(self.of, format!("The {} {why}", self.label))
    }
}

fn prompt(question: &str) {
    let mut stderr = anstream::stderr();
    let _ = write!(stderr, "{}: ", paint(question, STRONG));
    let _ = stderr.flush();
}

/// With a capital letter at the beginning.
fn capital(label: &str) -> String {
    let mut chars = label.chars();
    chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect()
}
