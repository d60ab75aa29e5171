//! The command `vouchsafe`: sign in, look at tokens and try providers from a terminal.
#![forbid(unsafe_code)]

mod args;
mod browser;
mod catalogue;
mod demo;
mod discover;
mod failure;
mod inspect;
mod interrupt;
mod listener;
mod login;
mod output;
mod page;
mod sandbox;
mod shell;
mod target;
mod text;

use std::process::ExitCode;

use crate::args::{Args, Command};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output::Output;

fn main() -> ExitCode {
    if let Some(code) = browser::opened() {
        return code;
    }
    let args = match args::parse() {
        Ok(args) => args,
        Err(code) => return code,
    };
    let mut output = Output::new(&args.output);
    let outcome = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => {
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

async fn run(args: Args, output: &mut Output) -> Result<(), Failure> {
    let mut interrupt = Interrupt::new()?;
    match args.command {
        Command::Providers { slug } => catalogue::run(slug.as_deref(), output),
        Command::Discover(args) => interrupt.or(discover::run(&args, output)).await,
        Command::Inspect(args) => interrupt.or(inspect::run(&args, output)).await,
        Command::Completions { shell } => shell::completions(shell, output),
        Command::Man => shell::man(output),
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
