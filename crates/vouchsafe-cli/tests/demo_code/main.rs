//! The programs and tests that the demo shows: all of them compile, and the tests run. A test of `demo/code.rs` compares them with
//! the demo's.
#![allow(dead_code, clippy::print_stdout)]

mod program_apple;
mod program_google;
mod program_oauth2;
mod program_okta;
mod program_own;
mod test_age;
mod test_apple;
mod test_fault;
mod test_google;
mod test_logout;
mod test_oauth2;
mod test_openid;
mod test_refresh;
