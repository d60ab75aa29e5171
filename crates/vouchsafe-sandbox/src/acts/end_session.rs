use axum::http::Method;
use axum::response::{IntoResponse, Response};

use super::Call;
use crate::routes::end_session;
use crate::wire::Params;

/// Where a session is ended, OpenID Connect RP-Initiated Logout §2. It is the browser's session at the sandbox.
pub(super) fn answer(call: &Call<'_>) -> Response {
    let params = match call.method {
        Method::POST => Params::from_body(&call.headers, &call.body)
            .ok_or_else(|| end_session::problem("The logout request is not a form.")),
        _ => Ok(call.query.clone()),
    };
    params
        .and_then(|params| end_session::answer(call.shared, &call.headers, &params, Some(&call.act.client)))
        .unwrap_or_else(IntoResponse::into_response)
}
