//! The output in a terminal: its width, and terminals that cannot erase.
use std::process::Stdio;

use tokio::process::Command;

use crate::support::{Cli, sandbox, soon};

/// Runs the command in a terminal of that width and kind, and returns everything that it shows.
async fn shown(columns: u16, term: &str, args: &str) -> String {
    shown_with(&[], columns, term, args).await
}

async fn shown_with(variables: &[(&str, &str)], columns: u16, term: &str, args: &str) -> String {
    let line = format!("stty cols {columns} rows 24; exec {} {args}", env!("CARGO_BIN_EXE_vouchsafe"));
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).stdin(Stdio::null()).env("TERM", term);
    for other in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI"] {
        command.env_remove(other);
    }
    command.envs(variables.iter().copied());
    let output = soon(command.output()).await.expect("there is script");
    String::from_utf8(output.stdout).expect("it is text")
}

/// Without styles and other escapes.
fn plain(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let begin = parts.next().unwrap_or_default().to_owned();
    begin + &parts.map(|part| part.split_once(['m', 'K']).map_or("", |(_, rest)| rest)).collect::<String>()
}

#[tokio::test]
async fn the_line_of_progress_stays_one_line_in_a_narrow_terminal() {
    let sandbox = sandbox().await;
    let args = format!(
        "login --issuer {} --client-id {} --no-browser --wait 1.3",
        sandbox.issuer(),
        sandbox.public_client_id()
    );
    for columns in [30, 50, 80] {
        let text = shown(columns, "xterm-256color", &args).await;
        let steps: Vec<_> = text.split("\r\u{1b}[2K").collect();
        let times: Vec<_> = steps.iter().filter(|step| plain(step).starts_with("Waiting for")).collect();
        assert!(times.len() >= 2, "{text:?}");
        for step in times {
            let step = plain(step);
            assert!(!step.contains('\n') && step.chars().count() < usize::from(columns), "{step:?}");
            assert!(step.contains(" 0:0"), "{step:?}");
        }
    }
}

#[tokio::test]
async fn a_dumb_terminal_gets_no_escape_codes() {
    let sandbox = sandbox().await;
    let args = format!(
        "login --issuer {} --client-id {} --no-browser --wait 1.3",
        sandbox.issuer(),
        sandbox.public_client_id()
    );
    let text = shown(80, "dumb", &args).await;
    assert!(text.contains("Waiting for you") && text.contains("--wait"), "{text:?}");
    assert!(!text.contains('\u{1b}'), "{text:?}");
    assert_eq!(text.matches("Waiting for you").count(), 1, "{text:?}");
    for (variables, term, has_styles) in [
        (&[][..], "dumb", false),
        (&[("CI", "true")], "dumb", false),
        (&[("CLICOLOR_FORCE", "1")], "dumb", true),
        (&[], "xterm", true),
        (&[("NO_COLOR", "1")], "xterm", false),
    ] {
        let text = shown_with(variables, 80, term, "providers google").await;
        assert_eq!(text.contains('\u{1b}'), has_styles, "{variables:?} {term}: {text:?}");
    }
}

#[tokio::test]
async fn lists_break_between_words() {
    for args in ["providers", "providers google", "sandbox --list-faults", "login gogle --client-id me"] {
        let pipe = Cli::new(&args.split(' ').collect::<Vec<_>>()).run().await;
        let words: Vec<_> = pipe.lines.iter().flat_map(|line| line.split_whitespace()).collect();
        let errors: Vec<_> = pipe.stderr.split_whitespace().collect();
        let text = plain(&shown(60, "xterm", args).await);
        let told: Vec<_> = text.split_whitespace().collect();
        assert_eq!(told, [words, errors].concat());
        for line in text.lines().map(|line| line.trim_end_matches('\r')) {
            // A word may be wider than the room for it.
            let is_word = line.trim_start().split(' ').filter(|word| !word.is_empty()).count() <= 2;
            assert!(line.chars().count() <= 60 || is_word, "{line:?}");
        }
    }
}

#[tokio::test]
async fn a_code_for_another_device_can_be_scanned_where_there_is_room() {
    let sandbox = sandbox().await;
    let args = format!(
        "login --issuer {} --client-id {} --device --wait 0.3",
        sandbox.issuer(),
        sandbox.public_client_id()
    );
    // Black on white, and light at the border.
    let text = shown(80, "xterm-256color", &args).await;
    let corner = "\u{1b}[30m\u{1b}[107m    █▀▀▀▀▀█ ";
    assert!(text.contains(corner), "{text:?}");
    for (columns, term) in [(30, "xterm-256color"), (80, "dumb")] {
        let text = shown(columns, term, &args).await;
        assert!(!text.contains('█') && text.contains("/device"), "{text:?}");
    }
}
