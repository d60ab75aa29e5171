//! The lab as a program of its own: what people, scripts, providers and attackers get from it. The tests are those of the lab for
//! axum.
#[path = "../../vouchsafe-axum/tests/lab/all.rs"]
mod all;

/// The example that is tested.
const LAB: &str = "lab_actix";
