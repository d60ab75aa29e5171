//! The browser's way to the provider and back: the browser itself, the listener on the redirect URI, and its pages.
mod browser;
mod listener;
mod page;
mod pasted;

pub(crate) use self::browser::{open_browser, open_browser_if_asked};
pub(crate) use self::listener::{Callback, Listener, Place};
pub(crate) use self::page::Page;
pub(crate) use self::pasted::pasted;
