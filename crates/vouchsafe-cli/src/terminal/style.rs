//! How pieces of text look in a terminal, in the output and in the help alike.
use anstyle::{AnsiColor, Style};
use clap::builder::Styles;

/// Text in a style. The stream it is written to takes the style out where colour is not wanted.
pub(crate) fn paint(text: &str, style: Style) -> String {
    format!("{style}{text}{style:#}")
}

pub(crate) const STRONG: Style = Style::new().bold();
pub(crate) const SOFT: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const CAUTION: Style = AnsiColor::Yellow.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const LINK: Style = AnsiColor::Cyan.on_default();

pub(crate) const HELP: Styles = Styles::plain()
    .header(STRONG)
    .usage(STRONG)
    .literal(LINK)
    .placeholder(SOFT)
    .error(BAD)
    .valid(GOOD)
    .invalid(CAUTION);
