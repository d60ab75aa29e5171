//! The browser that is opened for a login: the one that `BROWSER` names, else the system's own.
use std::path::Path;
use std::process::{Command, Stdio};

use tokio::task::{JoinHandle, spawn_blocking};

/// Opens the browser, and says why where that fails. Starting one may take its time, and one for text terminals does
/// not come back before it ends.
pub(crate) fn open(url: String) -> JoinHandle<Option<String>> {
    spawn_blocking(move || {
        let named = std::env::var("BROWSER").unwrap_or_default();
        let named: Vec<_> = named.split(SEPARATOR).filter_map(|line| Line::read(line, &url)).collect();
        if named.is_empty() || named.iter().any(Line::needs_the_terminal) {
            return webbrowser::open(&url).err().map(|e| e.to_string());
        }
        let mut why = None;
        for line in named {
            why = line.run().err();
            if why.is_none() {
                break;
            }
        }
        why
    })
}

/// A command line of `BROWSER`: a path, or words, with the URL where `%s` stands, or at the end.
struct Line {
    program: String,
    arguments: Vec<String>,
}

impl Line {
    fn read(line: &str, url: &str) -> Option<Self> {
        if Path::new(line).is_file() {
            return Some(Self { program: line.to_owned(), arguments: vec![url.to_owned()] });
        }
        let mut words = line.split_whitespace();
        let program = words.next()?.to_owned();
        let mut arguments: Vec<String> = words.map(|word| word.replace("%s", url)).collect();
        if !line.contains("%s") {
            arguments.push(url.to_owned());
        }
        Some(Self { program, arguments })
    }

    fn name(&self) -> &str {
        self.program.rsplit('/').next().unwrap_or_default()
    }

    fn needs_the_terminal(&self) -> bool {
        TEXT_BROWSERS.contains(&self.name())
    }

    fn run(&self) -> Result<(), String> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // It is none of the browser's business, and browsers pass their environment on to much.
        command.env_remove("VOUCHSAFE_CLIENT_SECRET");
        // Ctrl-C is meant for this program: it must not end a browser with all its tabs.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let name = self.name();
        match command.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("{name} ended with {status}")),
            Err(e) => Err(format!("{name} cannot be started: {e}")),
        }
    }
}

/// What stands between two browsers: the second is for when the first fails.
const SEPARATOR: char = if cfg!(windows) { ';' } else { ':' };
/// Browsers that need the terminal for themselves.
const TEXT_BROWSERS: [&str; 8] =
    ["lynx", "w3m", "links", "links2", "elinks", "browsh", "www-browser", "carbonyl"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_stands_where_it_is_wanted() {
        let arguments = |line: &str| Line::read(line, "http://u").map(|l| (l.program, l.arguments));
        assert_eq!(arguments("/a/firefox"), Some(("/a/firefox".into(), vec!["http://u".into()])));
        assert_eq!(
            arguments("chrome --app=%s -x"),
            Some(("chrome".into(), vec!["--app=http://u".into(), "-x".into()]))
        );
        assert_eq!(arguments("  "), None);
    }
}
