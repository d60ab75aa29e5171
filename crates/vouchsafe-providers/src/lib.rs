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

pub use definition::{
    AuthMethod, AuthorizationManners, CallbackManners, Definition, DefinitionError, EmailList, Encoding,
    Failure, IdentityManners, Kind, LongLived, OptionalParam, Param, Pkce, ProfileSource, RefreshManners,
    RevocationManners, Rule, TokenManners, UserInfoManners,
};

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

static INDEX: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/index.rs"));
