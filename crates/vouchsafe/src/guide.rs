//! Guides to what a client leaves to its application.

/// How to tell that two sign-ins are the same person, and how not to.
#[doc = include_str!("docs/linking_accounts.md")]
pub mod linking_accounts {}

/// What every wait, body, cache and retry is bounded by, and why.
#[doc = include_str!("docs/limits.md")]
pub mod limits {}
