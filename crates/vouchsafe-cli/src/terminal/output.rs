//! What is said: to a program as JSON lines, to a person as text.
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::args::{Color, OutputArgs};
use crate::failure::Failure;
use crate::text;

/// Where a run says what it has to say.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
    quiet: bool,
    verbose: bool,
    /// Colour on standard output, and on standard error.
    color: [bool; 2],
    /// Why standard output could not be written to, if it could not.
    broken: Option<io::Error>,
}

/// A line of the machine output.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event<'a> {
    AuthorizationUrl {
        url: &'a str,
    },
    Login {
        provider: &'a str,
        token: Token<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        claims: Option<vouchsafe::Json>,
        #[serde(skip_serializing_if = "Option::is_none")]
        identity: Option<Who<'a>>,
    },
    Provider {
        slug: &'a str,
        #[serde(flatten)]
        more: Value,
    },
    Metadata {
        issuer: &'a str,
        metadata: &'a vouchsafe::Json,
        offers: Vec<&'static str>,
        missing: Vec<&'static str>,
        r#unsafe: Vec<&'static str>,
    },
    Jwt {
        header: &'a vouchsafe::Json,
        #[serde(skip_serializing_if = "Option::is_none")]
        claims: Option<&'a vouchsafe::Json>,
        verified: bool,
    },
    Listening {
        url: &'a str,
    },
    Fault {
        name: &'a str,
        place: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        endpoint: Option<&'a str>,
        description: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        step: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        kind: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<&'a str>,
    },
    Warning {
        code: &'a str,
        message: &'a str,
    },
    Error {
        kind: &'a str,
        code: &'a str,
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
    },
}

/// The tokens of a login.
#[derive(Debug, Serialize)]
pub(crate) struct Token<'a> {
    pub(crate) access_token: &'a str,
    pub(crate) token_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) scope: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id_token: Option<&'a str>,
}

/// Who signed in.
#[derive(Debug, Serialize)]
pub(crate) struct Who<'a> {
    pub(crate) subject: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<&'a str>,
    /// `null` where the provider does not say.
    pub(crate) email_verified: Option<bool>,
}

/// How a piece of text looks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Style {
    Strong,
    Soft,
    Good,
    Caution,
    Bad,
    Link,
}

impl Style {
    fn code(self) -> &'static str {
        match self {
            Self::Strong => "1",
            Self::Soft => "2",
            Self::Good => "32",
            Self::Caution => "33",
            Self::Bad => "1;31",
            Self::Link => "36",
        }
    }
}

impl Output {
    pub(crate) fn new(args: &OutputArgs) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
        let plain = set("NO_COLOR") || std::env::var_os("TERM").is_some_and(|t| t == "dumb");
        let color = |terminal: bool| match args.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !plain,
        };
        Self {
            json: args.json,
            quiet: args.quiet,
            verbose: args.verbose,
            color: [color(io::stdout().is_terminal()), color(io::stderr().is_terminal())],
            broken: None,
        }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Writes a line for a program, if one listens.
    pub(crate) fn event(&mut self, event: &Event<'_>) {
        if !self.json {
            return;
        }
        let mut line = Vec::new();
        // An event is made of text and numbers: there is nothing that JSON cannot hold.
        if event.serialize(&mut serde_json::Serializer::with_formatter(&mut line, Fit)).is_ok() {
            line.push(b'\n');
            self.write(&line);
        }
    }

    /// Writes a line for a person, if one reads.
    pub(crate) fn say(&mut self, line: impl AsRef<str>) {
        if !self.json {
            self.write(format!("{}\n", line.as_ref()).as_bytes());
        }
    }

    /// The same, for what a quiet run leaves out.
    pub(crate) fn tell(&mut self, line: impl AsRef<str>) {
        if !self.quiet {
            self.say(line);
        }
    }

    /// Writes what is for neither, such as a script of a shell, as it is.
    pub(crate) fn raw(&mut self, text: &[u8]) {
        self.write(text);
    }

    /// What was left out without stopping the command.
    pub(crate) fn warn(&mut self, code: &str, message: &str) {
        let message = text::sentence(message);
        self.event(&Event::Warning { code, message: &message });
        if !self.json {
            let label = self.paint_error("warning:", Style::Caution);
            self.log(&format!("{label} {message}"));
        }
    }

    /// What a person who sits there has to know to go on.
    pub(crate) fn hint(&self, message: &str) {
        self.log(&self.paint_error(message, Style::Soft));
    }

    /// What is going on, for those who asked for more.
    pub(crate) fn detail(&self, message: impl AsRef<str>) {
        if self.verbose {
            self.log(&self.paint_error(&text::printable(message.as_ref()), Style::Soft));
        }
    }

    /// The last words of a failed run.
    pub(crate) fn failure(&mut self, failure: &Failure) {
        let Failure { kind, code, message, status } = failure;
        self.event(&Event::Error { kind: kind.as_str(), code, message, status: *status });
        if !self.json {
            let label = self.paint_error("error:", Style::Bad);
            self.log(&format!("{label} {message}"));
        }
    }

    /// A line on standard error that is written over again and again; nothing where nobody watches.
    pub(crate) fn progress(&self, line: &str) -> Option<Progress> {
        let watched = !self.json && !self.quiet && io::stderr().is_terminal();
        watched.then(|| Progress { line: line.to_owned(), color: self.color[1] })
    }

    /// Text in a style, for standard output.
    pub(crate) fn paint(&self, text: &str, style: Style) -> String {
        paint(text, style, self.color[0])
    }

    fn paint_error(&self, text: &str, style: Style) -> String {
        paint(text, style, self.color[1])
    }

    /// Whether what was said could be said. A reader who has gone away is not an error.
    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        match self.broken.take() {
            Some(e) if e.kind() != ErrorKind::BrokenPipe => {
                Err(Failure::local("output", format!("Standard output cannot be written to: {e}.")))
            }
            _ => Ok(()),
        }
    }

    fn write(&mut self, text: &[u8]) {
        let mut stdout = io::stdout().lock();
        if let Err(e) = stdout.write_all(text).and_then(|()| stdout.flush()) {
            self.broken.get_or_insert(e);
        }
    }

    fn log(&self, line: &str) {
        // Where even standard error is closed there is nobody left to tell.
        let _ = writeln!(io::stderr().lock(), "{line}");
    }
}

fn paint(text: &str, style: Style, color: bool) -> String {
    if color { format!("\x1b[{}m{text}\x1b[0m", style.code()) } else { text.to_owned() }
}

/// A line that shows that something is still going on. It is wiped when it is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    line: String,
    color: bool,
}

impl Progress {
    /// Shows the line with the time that has passed.
    pub(crate) fn show(&self, elapsed: Duration) {
        let seconds = elapsed.as_secs();
        let line = format!("{} {}:{:02}", self.line, seconds / 60, seconds % 60);
        let _ = write!(io::stderr().lock(), "\r\x1b[2K{}", paint(&line, Style::Soft, self.color));
    }
}

impl Progress {
    /// Makes room for another line.
    pub(crate) fn wipe(&self) {
        let _ = write!(io::stderr().lock(), "\r\x1b[2K");
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.wipe();
    }
}

/// JSON in which every character that could steer a terminal is escaped.
struct Fit;

impl serde_json::ser::Formatter for Fit {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if !fragment.chars().any(text::is_unfit) {
            return writer.write_all(fragment.as_bytes());
        }
        for c in fragment.chars() {
            let mut buffer = [0; 4];
            if text::is_unfit(c) {
                // RFC 8259 §7: what is beyond the Basic Multilingual Plane is written as two.
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            } else {
                writer.write_all(c.encode_utf8(&mut buffer).as_bytes())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_lines_hold_nothing_that_steers_a_terminal() {
        let mut line = Vec::new();
        let text = "a\u{1b}[31m\u{9b}b\u{202e}c\"é\n\u{e0041}";
        text.serialize(&mut serde_json::Serializer::with_formatter(&mut line, Fit)).unwrap();
        let line = String::from_utf8(line).unwrap();
        assert_eq!(line, "\"a\\u001b[31m\\u009bb\\u202ec\\\"é\\n\\udb40\\udc41\"");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
    }
}
