//! The terminal: output, its style, and a line of progress.
mod event;
mod fit;
mod input;
mod output;
mod progress;
mod qr;
mod style;

pub(crate) use self::event::{DeviceCode, Event, Identified, Login, Saved, Token, Who};
pub(crate) use self::input::Input;
pub(crate) use self::output::{Output, OutputArgs};
pub(crate) use self::qr::qr_code;
pub(crate) use self::style::{BAD, CAUTION, GOOD, HELP, LINK, SOFT, STRONG, paint};
