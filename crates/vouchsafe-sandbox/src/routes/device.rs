use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use crate::pages;
use crate::routes::interaction;
use crate::sandbox::Shared;
use crate::state::store::Decision;
use crate::wire::Params;

/// Where somebody types the code that a device shows, RFC 8628 §3.3.
pub(crate) async fn show(uri: Uri) -> Response {
    pages::device(Params::from_query(&uri).get("user_code").unwrap_or_default(), false)
}

/// A code was typed: if it is one, this browser decides on it as on any authorization request.
pub(crate) async fn enter(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let form = Params::from_body(&headers, &body);
    let typed = form.as_ref().and_then(|form| form.get("user_code")).unwrap_or_default();
    // §6.1: however it is written.
    let code: String = typed.to_uppercase().chars().filter(char::is_ascii_alphabetic).collect();
    let store = shared.store();
    let device = store.user_codes.get(&code).and_then(|device_code| store.devices.get(device_code));
    let device =
        device.filter(|device| device.expires_at > shared.now() && device.decision.is_none()).cloned();
    drop(store);
    match device {
        Some(device) => interaction::begin(&shared, &headers, device.request),
        None => pages::device(typed, true),
    }
}

/// What the device is told when it asks next.
pub(crate) fn decide(shared: &Shared, device_code: &str, decision: Decision) -> Response {
    let allowed = matches!(decision, Decision::Allowed(_));
    match shared.store().devices.get_mut(device_code) {
        Some(device) if device.decision.is_none() => device.decision = Some(decision),
        _ => return pages::device("", true),
    }
    pages::device_decided(allowed)
}
