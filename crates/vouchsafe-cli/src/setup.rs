//! The library's three nouns from the arguments of a command: provider, registration, HTTP.
pub(crate) mod provider;
