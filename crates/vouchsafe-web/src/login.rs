//! One login: from the click to the identity, with its state in a sealed cookie.
//!
//! From the ground up, each file knows only those before it: `visit`, `return_to`, `cookie`, `place`, `rejection`, `logins`,
//! `context`, `stored`, `once`, `start` and `finish`.
pub(crate) mod context;
pub(crate) mod cookie;
pub(crate) mod finish;
pub(crate) mod logins;
pub(crate) mod once;
pub(crate) mod place;
pub(crate) mod rejection;
pub(crate) mod return_to;
pub(crate) mod start;
pub(crate) mod stored;
pub(crate) mod visit;
