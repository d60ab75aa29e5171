//! The faults of a login in which secrets are looked for.
use std::time::Duration;

use vouchsafe_sandbox::Fault;

/// No fault, and the faults that end a login, each with the time after which a request is given up.
pub(crate) fn faults() -> impl Iterator<Item = (Option<Fault>, Duration)> {
    let slow = (Some(Fault::slow(Duration::from_secs(60))), Duration::from_millis(200));
    let others = [
        None,
        Some(Fault::TOO_MANY_REQUESTS),
        Some(Fault::SERVER_ERROR),
        Some(Fault::HTML),
        Some(Fault::CUT_BODY),
        Some(Fault::WRONG_ISSUER),
        Some(Fault::WRONG_ID_TOKEN_ISSUER),
        Some(Fault::WRONG_NONCE),
        Some(Fault::EXPIRED_ID_TOKEN),
        Some(Fault::DENIED_CONSENT),
    ];
    others.into_iter().map(|fault| (fault, Duration::from_secs(30))).chain([slow])
}
