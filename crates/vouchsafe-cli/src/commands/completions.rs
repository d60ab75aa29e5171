//! `vouchsafe completions` and `vouchsafe man`: what a shell and a manual want to know of the command line.
use std::io;

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::args::Args;
use crate::failure::Failure;
use crate::terminal::output::Output;

pub(crate) fn completions(shell: Shell, output: &mut Output) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), NAME, &mut script);
    print(&script, output)
}

/// The page of the command, and behind it one for each of its commands.
pub(crate) fn man(output: &mut Output) -> Result<(), Failure> {
    let mut command = Args::command();
    command.build();
    let pages = || -> io::Result<Vec<u8>> {
        let mut pages = Vec::new();
        Man::new(command.clone()).render(&mut pages)?;
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            let name = format!("{NAME}-{}", sub.get_name());
            Man::new(sub.clone().display_name(&name)).title(name).render(&mut pages)?;
        }
        Ok(pages)
    };
    let pages = pages().map_err(|e| Failure::local("output", format!("The manual cannot be made: {e}")))?;
    print(&pages, output)
}

fn print(text: &[u8], output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        return Err(Failure::usage("usage", "This has no JSON form: leave --json out"));
    }
    output.raw(text);
    Ok(())
}

const NAME: &str = "vouchsafe";
