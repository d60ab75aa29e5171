//! The stores, each against the rules of the trait, and against what can go wrong at its place.
#![allow(clippy::print_stdout, reason = "a test says what it leaves out")]
#[cfg(all(unix, feature = "sqlite"))]
mod crashed;
#[cfg(all(unix, feature = "postgres"))]
mod database;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
mod folder;
mod opening;
#[cfg(all(unix, feature = "postgres"))]
mod postgres;
#[cfg(all(unix, feature = "redis"))]
mod redis;
#[cfg(feature = "sqlite")]
mod room;
#[cfg(all(unix, any(feature = "postgres", feature = "redis")))]
mod servers;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
mod support;
