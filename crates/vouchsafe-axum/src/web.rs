//! Sign-in without a framework: no file in here knows axum.
//!
//! From the ground up, each file knows only those before it: `visit`, `return_to`, `cookie`, `place`, `rejection`, `logins`,
//! `context`, `login`, `once`, `start` and `finish`.
pub(crate) mod context;
pub(crate) mod cookie;
pub(crate) mod finish;
pub(crate) mod login;
pub(crate) mod logins;
pub(crate) mod once;
pub(crate) mod place;
pub(crate) mod rejection;
pub(crate) mod return_to;
pub(crate) mod start;
pub(crate) mod visit;
