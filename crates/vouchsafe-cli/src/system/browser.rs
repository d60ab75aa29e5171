//! Opens a browser: the one that the variable `BROWSER` names, or else the system's.
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use tokio::task::{JoinHandle, spawn_blocking};

/// Opens a browser on a thread of its own: starting one takes time, and a text browser returns only when it is closed.
/// The result is the reason if no browser could be opened.
pub(crate) fn open_browser(url: String) -> JoinHandle<Option<String>> {
    spawn_blocking(move || {
        let named = std::env::var_os("BROWSER").unwrap_or_default();
        let named = named.to_string_lossy();
        let named: Vec<_> = named.split(SEPARATOR).filter_map(|line| Line::read(line, &url)).collect();
        if named.is_empty() || named.iter().any(|line| TEXT_BROWSERS.contains(&line.name())) {
            return open_system_browser(&url).err();
        }
        let mut why = None;
        for line in named {
            match line.run() {
                Ok(()) => return None,
                Err(reason) => why = Some(reason),
            }
        }
        why
    })
}

/// Opens the system's browser from a process of its own. Browsers inherit the environment, and this one's holds secrets.
fn open_system_browser(url: &str) -> Result<(), String> {
    let own = std::env::current_exe().map_err(|e| format!("the path of this program is unknown: {e}"))?;
    // A text browser needs the terminal: standard input and output are inherited.
    match clean(Command::new(own).args([OPEN, url])).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err("the system has no browser that can be started".to_owned()),
        Err(e) => Err(format!("this program could not start itself: {e}")),
    }
}

/// Opens the system's browser and returns the exit code, if [`open_browser`] started this process for that.
pub(crate) fn open_browser_if_asked() -> Option<ExitCode> {
    let mut args = std::env::args_os().skip(1);
    let (Some(word), Some(url), None) = (args.next(), args.next(), args.next()) else { return None };
    let url = url.to_str().filter(|_| word == OPEN)?;
    Some(if webbrowser::open(url).is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The same command without this program's own environment variables, which may hold the client secret. Browsers pass
/// their environment on to other programs.
pub(super) fn clean(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().to_ascii_uppercase().starts_with("VOUCHSAFE_") {
            command.env_remove(name);
        }
    }
    command
}

/// A command line of `BROWSER`: a path, or words. The URL replaces `%s`, or else is the last argument.
struct Line {
    program: String,
    arguments: Vec<String>,
}

impl Line {
    fn read(line: &str, url: &str) -> Option<Self> {
        let words: Vec<_> =
            if Path::new(line).is_file() { vec![line] } else { line.split_whitespace().collect() };
        let (program, words) = words.split_first()?;
        let mut arguments: Vec<String> = words.iter().map(|word| word.replace("%s", url)).collect();
        if !words.iter().any(|word| word.contains("%s")) {
            arguments.push(url.to_owned());
        }
        Some(Self { program: (*program).to_owned(), arguments })
    }

    fn name(&self) -> &str {
        self.program.rsplit(std::path::is_separator).next().unwrap_or_default()
    }

    fn run(&self) -> Result<(), String> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        clean(&mut command);
        alone(&mut command);
        let name = self.name();
        match command.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("{name} ended with {status}")),
            Err(e) => Err(format!("{name} could not be started: {e}")),
        }
    }
}

/// Ctrl-C must stop this program only, and not a browser with all its tabs.
#[cfg(unix)]
fn alone(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(windows)]
fn alone(command: &mut Command) {
    std::os::windows::process::CommandExt::creation_flags(command, CREATE_NEW_PROCESS_GROUP);
}

/// The new process gets no Ctrl-C of this console.
#[cfg(windows)]
const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;

/// The argument with which this program starts itself to open a browser. It is not for users.
const OPEN: &str = "open-this-in-a-browser";
/// Separates browsers: the next one is tried if the one before it fails.
#[cfg(unix)]
const SEPARATOR: char = ':';
#[cfg(windows)]
const SEPARATOR: char = ';';
/// Browsers that take over the terminal.
const TEXT_BROWSERS: [&str; 8] =
    ["lynx", "w3m", "links", "links2", "elinks", "browsh", "www-browser", "carbonyl"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_browser_is_the_last_part_of_its_path() {
        #[cfg(unix)]
        let (path, name) = ("/usr/bin/lynx", "lynx");
        #[cfg(windows)]
        let (path, name) = ("C:\\Browsers\\firefox.exe", "firefox.exe");
        assert_eq!(Line::read(path, "http://u").unwrap().name(), name);
    }

    #[test]
    fn one_browser_after_another_is_tried() {
        let missing = Path::new("no").join("such").join("browser");
        let line = Line::read(missing.to_str().unwrap(), "http://u").unwrap();
        assert!(line.run().unwrap_err().starts_with("browser could not be started: "));
        assert_eq!(format!("a{SEPARATOR}b").split(SEPARATOR).count(), 2);
        // A drive of Windows is not a separator.
        assert_eq!("C:\\a".split(SEPARATOR).count(), if cfg!(windows) { 1 } else { 2 });
    }

    #[test]
    fn the_url_replaces_the_placeholder_or_is_the_last_argument() {
        let arguments = |line: &str| Line::read(line, "http://u").map(|l| (l.program, l.arguments));
        assert_eq!(arguments("/a/firefox"), Some(("/a/firefox".into(), vec!["http://u".into()])));
        assert_eq!(
            arguments("chrome --app=%s -x"),
            Some(("chrome".into(), vec!["--app=http://u".into(), "-x".into()]))
        );
        assert_eq!(arguments("  "), None);
    }
}
