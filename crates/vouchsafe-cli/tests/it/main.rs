//! The command as it is run: the real binary, the sandbox, and a hand-made browser.
mod failures;
mod faults;
mod inspect;
mod listener;
mod login;
mod others;
mod support;
