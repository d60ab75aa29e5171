//! Everything that differs between operating systems, a file for each concern. The halves for Unix and for Windows stand side by
//! side there.
mod browser;
mod clipboard;
mod interrupt;
pub(crate) mod keyring;
mod pipe;
mod private;
mod terminal;

pub(crate) use self::browser::{open_browser, open_browser_if_asked};
pub(crate) use self::clipboard::{Copied, copy};
pub(crate) use self::interrupt::Interrupt;
pub(crate) use self::keyring::{Keyring, Keyrings, Request};
pub(crate) use self::pipe::is_closed_pipe;
pub(crate) use self::private::{check_private_file, data_folder, make_private_file, make_private_folder};
pub(crate) use self::terminal::{hidden, is_dumb, is_foreground};
