//! The facts of the catalogue, by slug.
use std::sync::{Arc, OnceLock};

use crate::registration::RegistrationFacts;

/// What is known of the registration with that provider, if the catalogue has it. It is parsed once per process.
pub fn registration(slug: &str) -> Option<Arc<RegistrationFacts>> {
    let at = INDEX.binary_search_by_key(&slug, |(slug, _)| slug).ok()?;
    READ[at].get_or_init(|| RegistrationFacts::from_toml(INDEX[at].1).ok().map(Arc::new)).clone()
}

static INDEX: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/registration.rs"));
static READ: [OnceLock<Option<Arc<RegistrationFacts>>>; INDEX.len()] =
    [const { OnceLock::new() }; INDEX.len()];
