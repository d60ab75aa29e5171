//! `vouchsafe man`: the manual page of the command, followed by a page for each of its commands.
use std::io;

use clap::CommandFactory;
use clap_mangen::Man;

use crate::args::Args;
use crate::failure::Failure;
use crate::terminal::Output;

pub(crate) fn run(output: &mut Output) -> Result<(), Failure> {
    let pages =
        pages().map_err(|e| Failure::local("output", format!("The manual could not be generated: {e}")))?;
    output.file(&pages)
}

fn pages() -> io::Result<Vec<u8>> {
    let mut command = Args::command();
    command.build();
    let mut pages = Vec::new();
    Man::new(command.clone()).render(&mut pages)?;
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        let name = format!("{}-{}", command.get_name(), sub.get_name());
        Man::new(sub.clone().display_name(&name)).title(name).render(&mut pages)?;
    }
    Ok(pages)
}
