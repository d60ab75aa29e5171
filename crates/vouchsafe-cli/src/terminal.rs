//! The terminal: output, its style, a line of progress, and signals to stop.
mod event;
mod fit;
mod input;
mod interrupt;
mod output;
mod progress;
mod style;

pub(crate) use self::event::{Event, Login, Token, Who};
pub(crate) use self::input::Input;
pub(crate) use self::interrupt::Interrupt;
pub(crate) use self::output::{Output, OutputArgs, is_dumb};
pub(crate) use self::style::{BAD, CAUTION, GOOD, HELP, LINK, SOFT, STRONG, paint};
