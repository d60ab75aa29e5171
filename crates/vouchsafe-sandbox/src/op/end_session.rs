//! The logout endpoint, OpenID Connect RP-Initiated Logout section 2.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use url::form_urlencoded::Serializer;

use super::shared::Shared;
use super::{Call, session};
use crate::config::User;
use crate::pages::{self, Problem};
use crate::part::Part;
use crate::state::store::{IssuedIdToken, Logout};
use crate::wire::Params;
use crate::wire::{random_token, sha256_base64url};

/// The logout endpoint, by GET or by POST. It ends the browser's session at the sandbox.
pub(super) fn answer(call: &Call<'_>) -> Response {
    let params = match call.incoming.method {
        Method::POST => call.incoming.form().ok_or_else(|| problem("The logout request is not a form.")),
        _ => Ok(call.incoming.query.clone()),
    };
    params.and_then(|params| end(call, &params)).unwrap_or_else(IntoResponse::into_response)
}

/// The button on the page that asks for confirmation.
pub(crate) async fn confirm(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let form = Params::from_body(&headers, &body);
    let id = form.as_ref().and_then(|form| form.get("logout")).unwrap_or_default();
    let logout = shared.store().logouts.remove(id);
    let session = session::find(&shared, &headers);
    match (logout, session) {
        (Some(logout), Some(session)) if logout.session == session => {
            Ok(sign_out(&shared, &session, logout.return_to))
        }
        _ => Err(problem("The page was used already, or belongs to another browser.")),
    }
}

fn end(call: &Call<'_>, params: &Params) -> Result<Response, Problem> {
    let (shared, part) = (call.shared, call.part);
    if let Some(name) = params.duplicate() {
        return Err(problem("A parameter occurs more than once.").detail("Parameter", name));
    }
    let hint = match params.get("id_token_hint") {
        Some(hint) => {
            let issued = shared.store().id_tokens.get(&sha256_base64url(hint)).cloned();
            let issued = issued.filter(|issued| part.client(&issued.client_id).is_some());
            Some(issued.ok_or_else(|| problem("The id_token_hint is not an ID token of this provider."))?)
        }
        None => None,
    };
    let return_to = read_return_to(part, params, hint.as_ref())?;
    let Some(session) = session::find(shared, &call.incoming.headers) else {
        return Ok(done(return_to));
    };
    let username = shared.store().sessions.get(&session).and_then(|session| session.signed_in.clone());
    match (username, hint) {
        (None, _) => Ok(done(return_to)),
        (Some(signed_in), Some(hint)) if hint.username == signed_in.username => {
            Ok(sign_out(shared, &session, return_to))
        }
        // Section 2: without a hint that names the signed-in user, ask. Any site can link to this endpoint.
        (Some(signed_in), _) => {
            let id = random_token("");
            shared.store().logouts.insert(id.clone(), Logout { session, return_to });
            let user = shared.user(&signed_in.username);
            Ok(pages::logout(&id, &user.map_or(signed_in.username.clone(), User::display_name)))
        }
    }
}

fn read_return_to(
    part: &Part,
    params: &Params,
    hint: Option<&IssuedIdToken>,
) -> Result<Option<String>, Problem> {
    let Some(uri) = params.get("post_logout_redirect_uri") else {
        return Ok(None);
    };
    let client_id = match (params.get("client_id"), hint) {
        (Some(id), Some(hint)) if id != hint.client_id => {
            return Err(problem(
                "The client_id differs from the client that the id_token_hint was issued to.",
            ));
        }
        (Some(id), _) => id,
        (None, Some(hint)) => &hint.client_id,
        (None, None) => {
            return Err(problem("A post_logout_redirect_uri needs a client_id or an id_token_hint."));
        }
    };
    let client = part
        .client(client_id)
        .ok_or_else(|| problem("This client_id is not registered.").detail("client_id", client_id))?;
    if !client.accepts_post_logout_redirect_uri(uri) {
        return Err(problem("This post_logout_redirect_uri is not registered for the client.")
            .detail("client_id", client_id)
            .detail("post_logout_redirect_uri", uri));
    }
    let Some(state) = params.get("state") else {
        return Ok(Some(uri.to_owned()));
    };
    let state = Serializer::new(String::new()).append_pair("state", state).finish();
    let separator = if uri.contains('?') { "&" } else { "?" };
    Ok(Some(format!("{uri}{separator}{state}")))
}

fn sign_out(shared: &Shared, session: &str, return_to: Option<String>) -> Response {
    shared.store().sessions.remove(session);
    session::forget(shared, done(return_to))
}

fn done(return_to: Option<String>) -> Response {
    match return_to {
        Some(uri) => Redirect::to(&uri).into_response(),
        None => pages::signed_out(),
    }
}

fn problem(text: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "The logout request is not valid", text)
}
