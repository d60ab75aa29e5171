//! The commands, one a file.
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod discover;
pub(crate) mod inspect;
pub(crate) mod login;
pub(crate) mod man;
pub(crate) mod providers;
pub(crate) mod sandbox;
