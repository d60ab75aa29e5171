//! Which account an identity belongs to.
//!
//! From the ground up, each file knows only those before it: `account` and `stored`.
pub(crate) mod account;
pub(crate) mod stored;
#[cfg(test)]
mod tests;
