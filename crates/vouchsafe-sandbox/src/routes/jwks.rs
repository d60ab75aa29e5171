use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::server::Shared;

/// The key set, RFC 7517 §5.
pub(super) async fn show(State(shared): State<Arc<Shared>>) -> Response {
    ([("content-type", "application/json")], shared.keys().jwks().to_string()).into_response()
}
