//! The terminal: output, and signals to stop.
pub(crate) mod interrupt;
pub(crate) mod output;
