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
    clap_complete::generate(shell, &mut command, &name, &mut script);
    if shell == Shell::Fish {
        script.extend(slugs_in_fish(&name).into_bytes());
    }
    output.file(&script)
}

/// The generator completes only options in fish, and no arguments.
fn slugs_in_fish(name: &str) -> String {
    let slugs: Vec<_> = vouchsafe_providers::slugs().collect();
    let line = |command| {
        let condition = format!("__fish_{name}_using_subcommand {command}");
        format!("complete -c {name} -n \"{condition}\" -a \"{}\"\n", slugs.join(" "))
    };
    ["login", "providers"].map(line).concat()
}
