//! Guides for the work that a client leaves to its application.

/// How to recognise a user who signs in again, and how to link several providers to one account.
#[doc = include_str!("docs/linking_accounts.md")]
pub mod linking_accounts {}

/// Valid tokens at any moment, on one machine or on several: what is guaranteed, and by which mechanism.
#[doc = include_str!("docs/keeping_tokens_fresh.md")]
pub mod keeping_tokens_fresh {}

/// All limits of time, size and number, their defaults, and the settings that change them.
#[doc = include_str!("docs/limits.md")]
pub mod limits {}
