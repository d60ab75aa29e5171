//! The command as it is run: the real binary, the sandbox, and a hand-made browser.
mod apple;
mod commands;
mod failures;
mod faults;
mod hostile;
mod inspect;
mod listener;
mod login;
mod secrets;
mod support;
