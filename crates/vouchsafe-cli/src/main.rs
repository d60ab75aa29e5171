//! The command `vouchsafe`.
#![forbid(unsafe_code)]

mod demo;

fn main() {}
