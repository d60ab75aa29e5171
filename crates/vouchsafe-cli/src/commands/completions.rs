//! `vouchsafe completions`: scripts that complete the command line in a shell.
use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Args;
use crate::failure::Failure;
use crate::terminal::Output;

pub(crate) fn run(shell: Shell, output: &mut Output) -> Result<(), Failure> {
    let mut command = Args::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    output.file(&script)
}
