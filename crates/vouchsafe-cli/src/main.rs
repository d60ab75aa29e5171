//! The command `vouchsafe`: sign in, look at tokens and try providers from a terminal.
#![forbid(unsafe_code)]

mod args;
mod commands;
mod demo;
mod failure;
mod loopback;
mod setup;
mod terminal;
mod text;

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::args::{Args, Command};
use crate::commands::{completions, discover, inspect, login, providers, sandbox};
use crate::failure::Failure;
use crate::terminal::interrupt::Interrupt;
use crate::terminal::output::Output;

fn main() -> ExitCode {
    if let Some(code) = loopback::browser::opened() {
        return code;
    }
    let args = match args::parse() {
        Ok(args) => args,
        Err(code) => return code,
    };
    let mut output = Output::new(&args.output);
    let outcome = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => {
            keep_time(runtime.handle().clone());
            let outcome = runtime.block_on(run(args, &mut output));
            // A text browser, or a read of the terminal, may still block a thread: nothing waits for it.
            runtime.shutdown_background();
            outcome
        }
        Err(e) => Err(Failure::local("runtime", format!("This program cannot start its threads: {e}."))),
    };
    let outcome = outcome.and_then(|()| output.finish());
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            failure.exit_code()
        }
    }
}

/// A server that never stops talking keeps the thread busy that was to look at the clock, and no other takes its place
/// unless it is woken. This wakes one, so that a timeout and a signal have their time.
fn keep_time(runtime: Handle) {
    thread::spawn(move || {
        loop {
            thread::sleep(TICK);
            runtime.spawn(async {});
        }
    });
}

async fn run(args: Args, output: &mut Output) -> Result<(), Failure> {
    let mut interrupt = Interrupt::new()?;
    match args.command {
        Command::Providers { slug } => providers::run(slug.as_deref(), output),
        Command::Discover(args) => interrupt.or(discover::run(&args, output)).await,
        Command::Inspect(args) => interrupt.or(inspect::run(&args, output)).await,
        Command::Completions { shell } => completions::completions(shell, output),
        Command::Man => completions::man(output),
        // When these are interrupted there is something left to do.
        Command::Login(args) => login::run(&args, output, &mut interrupt).await,
        Command::Sandbox(args) if args.list_faults => {
            sandbox::list_faults(output);
            Ok(())
        }
        Command::Sandbox(args) => sandbox::run(&args, output, &mut interrupt).await,
        Command::Demo { port } => sandbox::demo(port, output, &mut interrupt).await,
    }
}

const TICK: Duration = Duration::from_millis(250);
