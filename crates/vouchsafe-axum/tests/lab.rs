//! The lab as a program of its own: what people, scripts, providers and attackers get from it.
#[path = "lab/all.rs"]
mod all;
// The pages, which are the same in each framework.
#[path = "lab/accessible.rs"]
mod accessible;
// The pages of logins without a site.
#[path = "lab/bare.rs"]
mod bare;

/// The example that is tested.
const LAB: &str = "lab_axum";
