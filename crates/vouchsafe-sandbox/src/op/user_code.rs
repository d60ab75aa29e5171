//! The pages at which people enter the code that a device shows, RFC 8628 section 3.3.

use axum::response::Response;

use super::interaction;
use super::session::Visit;
use crate::pages;

/// The page with the field for the code.
pub(crate) async fn show(Visit { incoming, .. }: Visit) -> Response {
    pages::device(incoming.query.get("user_code").unwrap_or_default(), false)
}

/// A code was entered: if it is good, this browser decides on it as on any authorization request.
pub(crate) async fn enter(Visit { shared, incoming }: Visit) -> Response {
    let form = incoming.form().unwrap_or_default();
    let typed = form.get("user_code").unwrap_or_default();
    // Section 6.1: in any case, with or without the hyphen.
    let code: String = typed.to_uppercase().chars().filter(char::is_ascii_alphabetic).collect();
    let store = shared.store();
    let device = store.user_codes.get(&code).and_then(|device_code| store.devices.get(device_code));
    let device =
        device.filter(|device| device.expires_at > shared.now() && device.decision.is_none()).cloned();
    drop(store);
    match device {
        Some(device) => interaction::begin(&shared, &incoming, device.request),
        None => pages::device(typed, true),
    }
}
