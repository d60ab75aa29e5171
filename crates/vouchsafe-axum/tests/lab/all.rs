//! The tests of the lab, for each framework that has one.
mod answers;
mod attacks;
#[cfg(unix)]
pub(crate) mod away;
#[path = "../../../vouchsafe-cli/tests/browser/axe.rs"]
#[allow(dead_code, reason = "the pages are the same in each framework: one looks at them")]
pub(crate) mod axe;
mod browser;
// The driver is that of the demo.
#[path = "../../../vouchsafe-cli/tests/browser/chromium.rs"]
#[allow(dead_code, reason = "the demo needs more of it")]
pub(crate) mod chromium;
pub(crate) mod lab;
mod linking;
mod logout;
mod session_frame;
mod sessions;
mod sign_in;
mod step_up;
mod tokens;
pub(crate) mod walks;
