//! `vouchsafe man`: one manual page for the command and all of its commands.
use std::io::{self, Write};

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::args::Args;
use crate::failure::Failure;
use crate::terminal::Output;

pub(crate) fn run(output: &mut Output) -> Result<(), Failure> {
    let page =
        page().map_err(|e| Failure::local("output", format!("The manual could not be generated: {e}")))?;
    output.file(&page)
}

fn page() -> io::Result<Vec<u8>> {
    let mut command = Args::command();
    command.build();
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        section(&command, sub, &mut page)?;
    }
    // Every command takes these, so that they are described once.
    man.render_options_section(&mut page)?;
    page.extend(examples(&man)?.into_bytes());
    man.render_version_section(&mut page)?;
    Ok(page)
}

/// The section of one command, with the sections that a page of its own would have as parts.
fn section(command: &Command, sub: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    let name = format!("{} {}", command.get_name(), sub.get_name());
    let is_common = |id: &clap::Id| command.get_arguments().any(|arg| arg.get_id() == id) || id == "help";
    let own = sub
        .clone()
        .bin_name(&name)
        .mut_args(|arg| if is_common(arg.get_id()) { arg.hide(true) } else { arg });
    let man = Man::new(own);
    let mut parts = Vec::new();
    man.render_synopsis_section(&mut parts)?;
    man.render_description_section(&mut parts)?;
    man.render_options_section(&mut parts)?;
    let parts = String::from_utf8(parts).map_err(io::Error::other)? + &examples(&man)?;
    writeln!(page, ".SH {}", name.to_uppercase())?;
    write!(page, "{}", parts.replace(".SH ", ".SS "))
}

/// The text after the options, with its lines as they are: they are commands.
fn examples(man: &Man) -> io::Result<String> {
    let mut extra = Vec::new();
    man.render_extra_section(&mut extra)?;
    let extra = String::from_utf8(extra).map_err(io::Error::other)?;
    Ok(extra.replace(".SH EXTRA\nExamples:\n", ".SH EXAMPLES\n.nf\n") + ".fi\n")
}
