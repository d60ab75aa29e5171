//! Sign-in for any framework.
pub(crate) mod cookie;
pub(crate) mod logins;
pub(crate) mod place;
pub(crate) mod rejection;
pub(crate) mod visit;
