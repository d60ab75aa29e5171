//! The commands, one a file.
pub(crate) mod application;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod discover;
pub(crate) mod inspect;
pub(crate) mod list;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod man;
pub(crate) mod providers;
pub(crate) mod request;
pub(crate) mod sandbox;
pub(crate) mod setup;
pub(crate) mod token;
pub(crate) mod whoami;
