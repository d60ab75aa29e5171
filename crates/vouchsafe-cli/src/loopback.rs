//! The browser's way back from the provider: the listener on the redirect URI, and its pages.
mod listener;
mod page;
mod pasted;

pub(crate) use self::listener::{Callback, Listener, Place};
pub(crate) use self::page::Page;
pub(crate) use self::pasted::pasted;
