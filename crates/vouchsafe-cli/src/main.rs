//! The command `vouchsafe`: sign in, inspect tokens and try providers from a terminal.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod args;
mod commands;
mod demo;
mod failure;
mod json;
mod loopback;
mod saved;
mod setup;
mod system;
mod terminal;
mod text;

use std::ffi::OsString;
use std::process::ExitCode;

use anstream::ColorChoice;
use clap::{CommandFactory, Parser};
use tokio::runtime::Builder;

use crate::args::{Args, Command};
use crate::commands::{
    application, completions, discover, inspect, list, login, logout, man, providers, request, sandbox,
    token, whoami,
};
use crate::failure::Failure;
use crate::system::Interrupt;
use crate::terminal::{Output, OutputArgs};

fn main() -> ExitCode {
    if let Some(code) = system::open_browser_if_asked() {
        return code;
    }
    let given: Vec<OsString> = std::env::args_os().collect();
    color(&given).write_global();
    let Args { command, output } = match parse(&given) {
        Ok(args) => args,
        Err(code) => return code,
    };
    let mut output = Output::new(output);
    match run(command, &mut output).and_then(|()| output.finish()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            failure.exit_code()
        }
    }
}

/// The value of `--color`. Help and errors of the command line follow it too, so it is needed before clap reads the arguments.
fn color(given: &[OsString]) -> ColorChoice {
    let words: Vec<_> = given.iter().filter_map(|word| word.to_str()).collect();
    let apart = words.windows(2).find(|pair| pair[0] == "--color").map(|pair| pair[1]);
    let is_forced = std::env::var_os("CLICOLOR_FORCE").is_some_and(|value| value != "0");
    match apart.or(words.iter().find_map(|word| word.strip_prefix("--color="))) {
        Some("always") => ColorChoice::Always,
        Some("never") => ColorChoice::Never,
        // In a dumb terminal, `Auto` writes escape codes where the variable CI is set.
        _ if system::is_dumb() && !is_forced => ColorChoice::Never,
        _ => ColorChoice::Auto,
    }
}

/// Reads the command line. Prints help, the version and errors, and returns the exit code for them.
fn parse(given: &[OsString]) -> Result<Args, ExitCode> {
    if given.len() <= 1 {
        // A closed standard output is not an error.
        let _ = Args::command().print_help();
        return Err(ExitCode::SUCCESS);
    }
    Args::try_parse_from(given).map_err(|error| {
        let not_text = Failure::not_text(&error, given);
        let says_more = not_text.is_some();
        let failure = not_text.unwrap_or_else(|| Failure::from(&error));
        let json = given.iter().skip(1).take_while(|word| *word != "--").any(|word| word == "--json");
        // Help and the version are no failures.
        if error.use_stderr() && (json || says_more) {
            Output::new(OutputArgs { json, ..OutputArgs::default() }).failure(&failure);
        } else {
            let _ = error.print();
        }
        if error.use_stderr() { failure.exit_code() } else { ExitCode::SUCCESS }
    })
}

fn run(command: Command, output: &mut Output) -> Result<(), Failure> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let failed =
        |e| Failure::local("runtime", format!("The system did not start this program's threads: {e}"));
    let runtime = runtime.map_err(failed)?;
    let outcome = runtime.block_on(run_command(command, output));
    // A text browser or a read from the terminal may still block a thread. Do not wait for it.
    runtime.shutdown_background();
    outcome
}

async fn run_command(command: Command, output: &mut Output) -> Result<(), Failure> {
    let mut interrupt = Interrupt::new()?;
    match command {
        Command::Providers(args) => interrupt.or(providers::run(&args, output)).await,
        Command::Discover(args) => interrupt.or(discover::run(&args, output)).await,
        Command::Inspect(args) => interrupt.or(inspect::run(&args, output)).await,
        Command::List(args) => interrupt.or(list::run(&args, output)).await,
        Command::Revoke(args) => interrupt.or(logout::revoke(&args, output)).await,
        Command::Logout(args) => interrupt.or(logout::logout(&args, output)).await,
        Command::ClientCredentials(mut args) => {
            setup::make_keys(&mut args.client)?;
            interrupt.or(application::run(&args, output)).await
        }
        Command::Completions { shell } => completions::run(shell, output),
        Command::Man => man::run(output),
        // A refresh under way is finished first.
        Command::Token(args) => token::run(&args, output, &mut interrupt).await,
        Command::Refresh(args) => token::refresh(&args, output, &mut interrupt).await,
        Command::Whoami(args) => whoami::run(&args, output, &mut interrupt).await,
        Command::Profile(args) => whoami::profile(&args, output, &mut interrupt).await,
        Command::Introspect(args) => whoami::introspect(&args, output, &mut interrupt).await,
        Command::Request(args) => request::run(&args, output, &mut interrupt).await,
        // These have to clean up when they are interrupted.
        Command::Login(mut args) => {
            setup::make_keys(&mut args.client)?;
            login::run(&args, output, &mut interrupt).await
        }
        Command::Setup(mut args) => {
            setup::make_keys(&mut args.client)?;
            commands::setup::run(&args, output, &mut interrupt).await
        }
        Command::Sandbox(args) => sandbox::run(&args, output, &mut interrupt).await,
        Command::Demo(place) => commands::demo::run(place.port, output, &mut interrupt).await,
    }
}
