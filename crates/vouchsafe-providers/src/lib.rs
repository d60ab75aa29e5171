//! The catalogue of vouchsafe: the endpoints and quirks of each provider, as data.
//!
//! ```
//! let github = vouchsafe_providers::get("github").expect("it is in the catalogue");
//! assert_eq!(github.display_name, "GitHub");
//! assert!(vouchsafe_providers::slugs().any(|slug| slug == "google"));
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

use std::sync::{Arc, OnceLock};

mod check;
mod definition;
mod endpoints;
mod locate;
mod mistake;
mod owned;
mod quirks;
mod read;
#[cfg(feature = "registration")]
mod registered;
#[cfg(feature = "registration")]
mod registration;
mod similar;
mod subject;
mod template;
#[cfg(feature = "registration")]
mod values;

pub use definition::{AssertionAudience, ClientAuth, Definition, Kind, Param, Pkce, Rule};
pub use endpoints::EndpointName;
pub use mistake::DefinitionError;
pub use quirks::{
    AuthorizationQuirks, CallbackQuirks, EmailAuthority, EmailList, Encoding, ErrorShape, Expiry,
    IdentityQuirks, LongLived, OptionalParam, ProfileSource, RefreshQuirks, RevocationQuirks, TokenQuirks,
    UserInfoQuirks,
};
#[cfg(feature = "registration")]
pub use registered::registration;
#[cfg(feature = "registration")]
pub use registration::{
    AccessFacts, ErrorFacts, RedirectFacts, RefreshFacts, RegistrationFacts, ScopeFacts, SecretFacts,
    variable_prefix,
};
pub use similar::similar;
pub use template::is_at_or_below;
#[cfg(feature = "registration")]
pub use values::ValueFacts;

/// The definition with that slug, if the catalogue has it. It is parsed once per process.
pub fn get(slug: &str) -> Option<Arc<Definition>> {
    let at = INDEX.binary_search_by_key(&slug, |(slug, _)| slug).ok()?;
    READ[at].get_or_init(|| Definition::from_toml(INDEX[at].1).ok().map(Arc::new)).clone()
}

/// Every definition of the catalogue, sorted by slug.
pub fn all() -> impl Iterator<Item = Arc<Definition>> {
    slugs().filter_map(get)
}

/// The slugs of the catalogue, sorted.
pub fn slugs() -> impl Iterator<Item = &'static str> {
    INDEX.iter().map(|(slug, _)| *slug)
}

/// The provider's mark for a button, as an SVG of one colour. `None` if the catalogue has no mark with a licence that allows
/// copies: see `marks/README.md`. Your style sets the colour by `fill`. For other providers, use [`NEUTRAL_MARK`].
///
/// A mark remains its owner's trademark. Many providers have rules for the look of a sign-in button.
pub fn mark(slug: &str) -> Option<&'static str> {
    let at = MARKS.binary_search_by_key(&slug, |(slug, _)| slug).ok()?;
    Some(MARKS[at].1)
}

/// A mark for providers without one of their own: a key.
pub const NEUTRAL_MARK: &str = concat!(
    r#"<svg role="img" viewBox="0 0 24 24" xmlns="http://www.w3.org/2000/svg"><title>Sign in</title>"#,
    r#"<path d="M15 2a7 7 0 0 0-6.7 9L2 17.3V22h5v-3h3v-3h2.2l.8-.8A7 7 0 1 0 15 2zm2 7a2 2 0 1 1 0-4 2 2 0 0 1 0 4z"/></svg>"#
);

static MARKS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/marks.rs"));

static INDEX: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/index.rs"));

/// The definitions that were parsed so far, in the order of the index.
static READ: [OnceLock<Option<Arc<Definition>>>; INDEX.len()] = [const { OnceLock::new() }; INDEX.len()];

/// The examples of the README are tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
