//! The command `vouchsafe`.
#![forbid(unsafe_code)]
fn main() {}
