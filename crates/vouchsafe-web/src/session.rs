//! Who is signed in: sessions in a sealed cookie, or in a store.
//!
//! From the ground up, each file knows only those before it: `error`, `cookie`, `device`, `new`, `record`, `store` and
//! `sessions`.
pub(crate) mod cookie;
pub(crate) mod device;
pub(crate) mod error;
pub(crate) mod new;
pub(crate) mod record;
pub(crate) mod sessions;
pub(crate) mod store;
#[cfg(test)]
pub(crate) mod tests;
