//! The command as it is run: the real binary, the sandbox, and a hand-made browser.
mod apple;
mod failures;
mod faults;
mod hostile;
mod inspect;
mod listener;
mod login;
mod marked;
mod others;
mod support;
