//! The output of a run: JSON lines for a program, text for a person.
use std::io::{self, IsTerminal, Write};
use std::pin::pin;
use std::time::Duration;

use clap::{Args, ColorChoice};
use terminal_size::terminal_size_of;
use tokio::time::timeout;

use crate::failure::Failure;
use crate::system::{is_closed_pipe, is_dumb};
use crate::terminal::event::Event;
use crate::terminal::fit::fit;
use crate::terminal::progress::Progress;
use crate::terminal::style::{BAD, CAUTION, SOFT, STRONG, paint};
use crate::text;

/// How much is printed, and how.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Print JSON for programs: one object per line on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print only results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print details of each step on standard error
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// Use colours; auto uses them in a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
}

/// Prints the output of a run.
#[derive(Debug)]
pub(crate) struct Output {
    args: OutputArgs,
    /// The first error from writing to standard output.
    broken: Option<io::Error>,
}

impl Output {
    pub(crate) fn new(args: OutputArgs) -> Self {
        Self { args, broken: None }
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.args.quiet
    }

    pub(crate) fn is_json(&self) -> bool {
        self.args.json
    }

    /// Prints a line for a program, with `--json`.
    pub(crate) fn event(&mut self, event: &Event<'_>) {
        if self.args.json {
            let written = io::stdout().write_all(&event.line());
            self.check(written);
        }
    }

    /// Prints a line for a person.
    pub(crate) fn say(&mut self, line: impl AsRef<str>) {
        let line = line.as_ref();
        self.print(fit(line, indent(line) + 2, terminal_size_of(io::stdout())));
    }

    /// Prints a command for a person to copy. In a narrow terminal, it is broken as shells read it.
    pub(crate) fn command(&mut self, line: &str) {
        let lines = fit(line, indent(line) + 2, terminal_size_of(io::stdout()));
        self.print(lines.replace('\n', " \\\n"));
    }

    /// Prints a line for a program, without `--json`: as it is, however wide the terminal is.
    pub(crate) fn line(&mut self, line: &str) {
        self.print(line.to_owned());
    }

    fn print(&mut self, lines: String) {
        if !self.args.json {
            let written = writeln!(anstream::stdout(), "{lines}");
            self.check(written);
        }
    }

    /// Prints a line for a person, unless the run is quiet.
    pub(crate) fn tell(&mut self, line: impl AsRef<str>) {
        if !self.args.quiet {
            self.say(line);
        }
    }

    /// Prints a section for a person: its title and its lines, or nothing without lines.
    pub(crate) fn section(&mut self, title: &str, lines: impl IntoIterator<Item = String>) {
        for (at, line) in lines.into_iter().enumerate() {
            if at == 0 {
                self.say(format!("\n{}", paint(title, STRONG)));
            }
            self.say(format!("  {line}"));
        }
    }

    /// Prints one fact for a person: a label and its value, which may come from outside. Nothing without a value.
    pub(crate) fn row<'v>(&mut self, label: &str, value: impl Into<Option<&'v str>>) {
        if let Some(value) = value.into() {
            let label = paint(&format!("{label:<14}"), SOFT);
            let line = format!("  {label} {}", text::short(value, 400));
            self.print(fit(&line, 17, terminal_size_of(io::stdout())));
        }
    }

    /// Prints a file as it is, such as a shell script. There is no JSON form of it.
    pub(crate) fn file(&mut self, content: &[u8]) -> Result<(), Failure> {
        if self.args.json {
            return Err(Failure::usage("usage", "This command has no JSON output: leave out --json"));
        }
        let written = io::stdout().write_all(content);
        self.check(written);
        Ok(())
    }

    /// Says that something was left out, without ending the command.
    pub(crate) fn warn(&mut self, code: &str, message: &str) {
        let message = text::sentence(message);
        self.event(&Event::Warning { code, message: &message });
        if !self.args.json {
            log(&format!("{} {message}", paint("warning:", CAUTION)));
        }
    }

    /// Tells the person at the terminal the next thing to do.
    pub(crate) fn hint(&self, message: &str) {
        log(&paint(message, SOFT));
    }

    /// The outcome of requests to a server. If it is slow, the person at the terminal learns what the command waits for.
    pub(crate) async fn patiently<T>(
        &self,
        server: &str,
        limit: Duration,
        work: impl Future<Output = T>,
    ) -> T {
        let mut work = pin!(work);
        if let Ok(outcome) = timeout(PATIENCE, &mut work).await {
            return outcome;
        }
        if !self.args.quiet {
            let (server, limit) = (text::short(server, 120), text::duration(limit));
            self.hint(&format!(
                "Waiting for {server} … (at most {limit} for a request; --timeout changes that)"
            ));
        }
        work.await
    }

    /// Reports a step, with `--verbose`.
    pub(crate) fn detail(&self, message: impl AsRef<str>) {
        if self.args.verbose {
            log(&paint(&text::legible(message.as_ref()), SOFT));
        }
    }

    /// Says why the run failed, as its last words.
    pub(crate) fn failure(&mut self, failure: &Failure) {
        self.event(&Event::Error(failure));
        if !self.args.json {
            log(&format!("{} {}", paint("error:", BAD), failure.message));
        }
    }

    /// Says that the run waits: in a line of progress on standard error, if a person watches it.
    pub(crate) fn progress(&mut self, line: &'static str) -> Progress {
        let watched = !self.args.json && !self.args.quiet && io::stderr().is_terminal() && !is_dumb();
        if !watched {
            self.tell(line);
        }
        Progress(watched.then_some(line))
    }

    /// Reports the first error from writing. A reader that closed its end, such as `head`, is no error.
    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        match self.broken.take() {
            Some(e) if !is_closed_pipe(&e) => {
                Err(Failure::local("output", format!("Standard output could not be written: {e}")))
            }
            _ => Ok(()),
        }
    }

    fn check(&mut self, written: io::Result<()>) {
        if let Err(e) = written.and_then(|()| io::stdout().flush()) {
            self.broken.get_or_insert(e);
        }
    }
}

/// How long a server may take before the command says that it waits.
const PATIENCE: Duration = Duration::from_secs(2);

fn log(line: &str) {
    let line = fit(line, 0, terminal_size_of(io::stderr()));
    // If standard error is closed as well, nobody reads this.
    let _ = writeln!(anstream::stderr(), "{line}");
}

fn indent(line: &str) -> usize {
    let line = line.trim_start_matches('\n');
    line.len() - line.trim_start_matches(' ').len()
}
