//! A file of variables, such as `.env`: its other lines stay as they are, and only its user can read it.
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::system;

/// The file before it is written.
pub(super) struct DotEnv {
    /// The path that the person gave, to show.
    shown: String,
    path: PathBuf,
    text: String,
}

impl DotEnv {
    /// Reads the file, if there is one.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let shown = path.display().to_string();
        let failed = |why: String| {
            Failure::local("file", format!("The file {shown} could not be read: {why}")).advise(OUT)
        };
        // A link leads to the file that is replaced.
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let text = match File::open(&real) {
            Err(e) if e.kind() == ErrorKind::NotFound => String::new(),
            Err(e) => return Err(failed(e.to_string())),
            // A device has no end.
            Ok(file) if !file.metadata().is_ok_and(|about| about.is_file()) => {
                return Err(failed("it is no ordinary file".to_owned()));
            }
            Ok(file) => std::io::read_to_string(file).map_err(|e| failed(e.to_string()))?,
        };
        Ok(Self { shown, path: real, text })
    }

    pub(super) fn path(&self) -> &str {
        &self.shown
    }

    /// The value of a variable. If the file sets it more than once, the last one counts.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        self.text.lines().rev().find_map(|line| Some(unquoted(assigned(line, name)?)))
    }

    /// Sets a variable, in its place or behind the last line.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        let ending = if self.text.contains("\r\n") { "\r\n" } else { "\n" };
        let value = quoted(value);
        let mut is_set = false;
        let mut text = String::with_capacity(self.text.len() + name.len() + value.len() + 2);
        for line in self.text.split_inclusive('\n') {
            if assigned(line, name).is_none() {
                text.push_str(line);
                continue;
            }
            is_set = true;
            let (left, _) = line.split_once('=').unwrap_or((line, ""));
            text.push_str(&format!("{left}={value}{}", &line[line.trim_end_matches(['\r', '\n']).len()..]));
        }
        if !is_set {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push_str(ending);
            }
            text.push_str(&format!("{name}={value}{ending}"));
        }
        self.text = text;
    }

    /// Writes the file whole, or leaves it as it was.
    pub(super) fn save(&self) -> Result<(), Failure> {
        self.replace(&self.text, true)
    }

    /// Whether the file could be written, before a person has typed anything.
    pub(super) fn check(&self) -> Result<(), Failure> {
        self.replace("", false)
    }

    fn replace(&self, text: &str, for_good: bool) -> Result<(), Failure> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let beside = self.path.with_file_name(format!("{name}.{}.new", std::process::id()));
        let write = || {
            let mut file = system::make_private_file(&beside)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            if for_good { fs::rename(&beside, &self.path) } else { Ok(()) }
        };
        let written = write();
        // After a rename, there is nothing left to delete.
        let _ = fs::remove_file(&beside);
        written.map_err(|e| {
            let message = format!("The file {} could not be written: {e}. It was left as it was", self.shown);
            Failure::local("file", message).advise(OUT)
        })
    }
}

const OUT: &str = "Choose another file with --out FILE.";

/// The text behind `NAME=` or `export NAME=`.
fn assigned<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let line = line.trim();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (left, right) = line.split_once('=')?;
    (left.trim() == name).then(|| right.trim())
}

/// A value as shells and their like read it.
fn unquoted(text: &str) -> String {
    for quote in ['\'', '"'] {
        if let Some((inner, _)) = text.strip_prefix(quote).and_then(|rest| rest.rsplit_once(quote)) {
            let escaped = |c: char| format!("\\{c}");
            let plain = |text: String, c: char| text.replace(&escaped(c), &c.to_string());
            return if quote == '"' {
                ['"', '$', '`', '\\'].into_iter().fold(inner.to_owned(), plain)
            } else {
                inner.to_owned()
            };
        }
    }
    text.split(" #").next().unwrap_or_default().trim_end().to_owned()
}

fn quoted(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@~+,%=".contains(c);
    if value.chars().all(is_plain) {
        return value.to_owned();
    }
    if !value.contains('\'') {
        return format!("'{value}'");
    }
    let escape = |text: String, c: char| text.replace(c, &format!("\\{c}"));
    format!("\"{}\"", ['\\', '"', '$', '`'].into_iter().fold(value.to_owned(), escape))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> DotEnv {
        DotEnv { shown: String::new(), path: PathBuf::new(), text: text.to_owned() }
    }

    #[test]
    fn other_lines_stay_as_they_are() {
        for (before, after) in [
            ("", "A=1\n"),
            ("# mine\nB=2", "# mine\nB=2\nA=1\n"),
            ("B=2\r\n\r\n", "B=2\r\n\r\nA=1\r\n"),
            ("A=\nB=2\n", "A=1\nB=2\n"),
            ("export A='old' # why\nAA=3\n", "export A=1\nAA=3\n"),
            ("#A=0\n A = 0\nA=x", "#A=0\n A =1\nA=1"),
        ] {
            let mut file = with(before);
            file.set("A", "1");
            assert_eq!(file.text, after, "{before:?}");
            assert_eq!(file.value("A").as_deref(), Some("1"));
        }
    }

    #[test]
    fn a_value_is_read_as_it_was_written() {
        for value in ["plain-1.apps", "a b#c", "it's $5 \"now\" \\ `ls`", "ends with \\", "q~8Q~x", "'"] {
            let mut file = with("");
            file.set("A", value);
            assert_eq!(file.value("A").as_deref(), Some(value), "{}", file.text);
        }
        assert_eq!(with("A=b # c\n").value("A").as_deref(), Some("b"));
        assert_eq!(with("A=1\nA=2\n").value("A").as_deref(), Some("2"));
        assert_eq!(with("B=1\n").value("A"), None);
    }
}
