//! The browser's way out and back: the listener of the redirect URI, its pages, and the browser itself.
pub(crate) mod browser;
pub(crate) mod listener;
pub(crate) mod page;
