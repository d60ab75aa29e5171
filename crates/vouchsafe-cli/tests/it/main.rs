//! The command as users run it: the real binary, the sandbox, and a browser made by hand.
mod acted;
mod apple;
mod attestation;
mod backchannel;
mod checked;
mod commands;
mod device;
mod elsewhere;
mod failures;
mod faults;
#[cfg(unix)]
#[path = "../../../vouchsafe-store/tests/it/folder.rs"]
mod folder;
mod hostile;
mod inspect;
mod listener;
mod login;
mod saved;
mod secrets;
#[cfg(unix)]
#[path = "../../../vouchsafe-store/tests/it/servers.rs"]
mod servers;
mod settings;
mod setup;
mod support;
#[cfg(target_os = "linux")]
mod terminal;
mod tls;
mod waiting;
