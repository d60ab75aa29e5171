//! The catalogue: what is known of each provider, as data. No behaviour lives here.
//!
//! ```
//! let github = vouchsafe_providers::get("github").expect("it is in the catalogue");
//! assert_eq!(github.display_name, "GitHub");
//! assert!(vouchsafe_providers::slugs().any(|slug| slug == "google"));
//! ```
#![forbid(unsafe_code)]

mod check;
mod definition;
mod locate;
mod mistake;
mod owned;
mod quirks;
mod read;
mod subject;

pub use definition::{ClientAuth, Definition, Kind, Param, Pkce, Rule};
pub use quirks::{
    AuthorizationQuirks, CallbackQuirks, EmailList, Encoding, ErrorShape, IdentityQuirks, LongLived,
    OptionalParam, ProfileSource, RefreshQuirks, RevocationQuirks, TokenQuirks, UserInfoQuirks,
};
pub use read::DefinitionError;

/// The definition of that slug, if the catalogue has it.
pub fn get(slug: &str) -> Option<Definition> {
    let at = INDEX.binary_search_by_key(&slug, |(slug, _)| slug).ok()?;
    Definition::from_toml(INDEX[at].1).ok()
}

/// Every definition of the catalogue, in the order of their slugs.
pub fn all() -> impl Iterator<Item = Definition> {
    INDEX.iter().filter_map(|(_, text)| Definition::from_toml(text).ok())
}

/// The slugs of the catalogue, in order.
pub fn slugs() -> impl Iterator<Item = &'static str> {
    INDEX.iter().map(|(slug, _)| *slug)
}

/// The provider's mark for a button, as SVG of one colour (`currentColor` applies where your style sets `fill`), if
/// there is one under terms that allow it: see `marks/README.md`. For all others there is [`NEUTRAL_MARK`].
///
/// A mark stays its owner's trademark. Many providers have rules on how a sign-in button may look.
pub fn mark(slug: &str) -> Option<&'static str> {
    let at = MARKS.binary_search_by_key(&slug, |(slug, _)| slug).ok()?;
    Some(MARKS[at].1)
}

/// A mark for providers that have none here: a key.
pub const NEUTRAL_MARK: &str = concat!(
    r#"<svg role="img" viewBox="0 0 24 24" xmlns="http://www.w3.org/2000/svg"><title>Sign in</title>"#,
    r#"<path d="M15 2a7 7 0 0 0-6.7 9L2 17.3V22h5v-3h3v-3h2.2l.8-.8A7 7 0 1 0 15 2zm2 7a2 2 0 1 1 0-4 2 2 0 0 1 0 4z"/></svg>"#
);

static MARKS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/marks.rs"));

static INDEX: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/index.rs"));
