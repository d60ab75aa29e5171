//! The browser that is opened for a login: the one that `BROWSER` names, else the system's own.
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use tokio::task::{JoinHandle, spawn_blocking};

/// Opens the browser, and says why where that fails. Starting one may take its time, and one for text terminals does
/// not come back before it ends.
pub(crate) fn open(url: String) -> JoinHandle<Option<String>> {
    spawn_blocking(move || {
        let named = std::env::var("BROWSER").unwrap_or_default();
        let named: Vec<_> = named.split(SEPARATOR).filter_map(|line| Line::read(line, &url)).collect();
        if named.is_empty() || named.iter().any(Line::needs_the_terminal) {
            return open_system_s(&url).err();
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

/// Opens the system's browser in a process of its own: what finds it hands its environment on, and ours holds secrets.
fn open_system_s(url: &str) -> Result<(), String> {
    let own = std::env::current_exe().map_err(|e| format!("this program does not find itself: {e}"))?;
    // A browser for text terminals needs the terminal, so nothing of it is taken away.
    match clean(Command::new(own).args([OPEN, url])).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err("this system names no browser that can be started".to_owned()),
        Err(e) => Err(format!("this program cannot be started once more: {e}")),
    }
}

/// What this program does where it was started to open a browser and for nothing else.
pub(crate) fn opened() -> Option<ExitCode> {
    let mut args = std::env::args_os().skip(1);
    let (Some(word), Some(url), None) = (args.next(), args.next(), args.next()) else { return None };
    let url = url.to_str().filter(|_| word == OPEN)?;
    Some(if webbrowser::open(url).is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The same command, without what this program is told by its environment: it is none of a browser's business, and
/// browsers pass their environment on to much.
fn clean(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        let own = name.to_string_lossy().to_ascii_uppercase().starts_with("VOUCHSAFE_");
        if own {
            command.env_remove(name);
        }
    }
    command
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
        clean(&mut command);
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

/// The word that this program tells itself to open a browser by; no user of the command line needs it.
const OPEN: &str = "open-this-in-a-browser";
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
