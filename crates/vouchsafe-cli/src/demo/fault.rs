//! A fault of the sandbox: the step that it spoils, the refusal that it has to meet, and the login that had it.
use std::sync::Arc;

use vouchsafe_sandbox::{Endpoint, Fault, Place, Step as At};

use super::offers::Offer;
use super::record::Refusal;
use super::view::Walk;

/// A login with a fault, and how it ended.
pub(super) struct Attack {
    pub(super) fault: Fault,
    pub(super) offer: Arc<Offer>,
    pub(super) walk: Walk,
    pub(super) ending: Ending,
}

pub(super) enum Ending {
    Refused(Refusal),
    /// Everything succeeded. The warnings say which values were left out.
    Accepted(Vec<String>),
    /// The provider showed a page of its own, so that the browser did not come back.
    NeverBack(String),
}

/// The step at which a client refuses a fault, and the code. The application itself refuses a logout token that comes twice.
pub(super) fn must(fault: &Fault) -> Option<(&'static str, &'static str)> {
    match fault.refusal() {
        _ if *fault == Fault::REPEATED_LOGOUT_ID => Some((At::Logout.name(), "replay")),
        refusal => refusal.map(|refusal| (refusal.step.name(), refusal.code)),
    }
}

/// Whether only a client that asks for a recent sign-in notices the fault.
pub(super) fn concerns_age(fault: &Fault) -> bool {
    fault.description().ends_with("if max_age was sent")
}

/// What a client has to do for a fault to reach it.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Setting {
    PushedRequests,
    SignedResponses,
    BoundTokens,
}

/// The setting without which a client does not meet the fault.
pub(super) fn setting(fault: &Fault) -> Option<Setting> {
    match fault.place() {
        _ if fault.endpoint() == Some(Endpoint::PushedRequest) => Some(Setting::PushedRequests),
        Place::SignedResponse => Some(Setting::SignedResponses),
        Place::Dpop => Some(Setting::BoundTokens),
        _ => None,
    }
}

/// The step after which a fault shows.
pub(super) fn step(fault: &Fault) -> At {
    match (fault.refusal(), fault.place(), fault.endpoint()) {
        (Some(refusal), ..) => refusal.step,
        (None, Place::LogoutToken, _) => At::Logout,
        (None, _, Some(Endpoint::Revocation)) => At::Revocation,
        (None, ..) if fault.name().starts_with("refreshed-") => At::Refresh,
        (None, ..) => At::Login,
    }
}

/// The step of the diagram that a fault spoils.
pub(super) fn group(fault: &Fault) -> &'static str {
    match (step(fault), fault.place(), fault.endpoint()) {
        (At::Refresh, ..) => "Refresh",
        (At::Logout, ..) => "Back-channel logout",
        (_, Place::IdToken, _) => "ID token",
        (_, _, None) => "Authorization response",
        (_, _, Some(Endpoint::Metadata)) => "Discovery",
        (_, _, Some(Endpoint::Keys)) => "Keys",
        (_, _, Some(Endpoint::UserInfo)) => "Profile",
        (_, _, Some(Endpoint::Revocation)) => "Revocation",
        (_, _, Some(at)) if at.name() == "par" => "Authorization request",
        (_, _, Some(_)) => "Token request",
    }
}

/// The groups in the order of the steps.
pub(super) const GROUPS: [&str; 10] = [
    "Discovery",
    "Authorization request",
    "Authorization response",
    "Token request",
    "ID token",
    "Keys",
    "Profile",
    "Refresh",
    "Revocation",
    "Back-channel logout",
];
