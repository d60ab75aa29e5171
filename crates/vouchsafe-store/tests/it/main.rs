//! The stores, each against the rules of the trait, and against what can go wrong at its place.
#[cfg(feature = "sqlite")]
mod room;
#[cfg(feature = "sqlite")]
mod sqlite;
mod support;
