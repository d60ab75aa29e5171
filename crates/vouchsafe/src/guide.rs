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

/// An API that validates the access tokens of its clients: by keys or by introspection, with scopes and DPoP.
#[doc = include_str!("docs/protecting_an_api.md")]
pub mod protecting_an_api {}

/// A program that registers itself at a provider: by WebFinger and dynamic registration, once.
#[doc = include_str!("docs/registering_a_client.md")]
pub mod registering_a_client {}

/// Where the roles and groups of a user are: in the profile, or in the claims of the access token.
#[doc = include_str!("docs/roles_and_groups.md")]
pub mod roles_and_groups {}

/// A login on a device without a browser: when to use it, how to show the code, and how to wait.
#[doc = include_str!("docs/signing_in_on_a_device.md")]
pub mod signing_in_on_a_device {}

/// How a session ends: here, at the provider, or because the provider says so.
#[doc = include_str!("docs/signing_out.md")]
pub mod signing_out {}

/// A login without a browser (CIBA): when to use it, how to name the user, and how to wait.
#[doc = include_str!("docs/signing_in_without_a_browser.md")]
pub mod signing_in_without_a_browser {}

/// Clients with keys and certificates, bound tokens, pushed and signed requests, signed responses, and FAPI 2.0.
#[doc = include_str!("docs/strong_clients.md")]
pub mod strong_clients {}

/// What to do when a call fails: refresh, sign in again, or correct the configuration.
#[doc = include_str!("docs/when_a_call_fails.md")]
pub mod when_a_call_fails {}
