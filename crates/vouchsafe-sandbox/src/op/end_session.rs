//! The logout endpoint, OpenID Connect RP-Initiated Logout section 2.

use std::slice;

use axum::response::{IntoResponse, Redirect, Response};

use super::Call;
use super::logout_token::{front_channel, notify};
use super::session::{self, Visit};
use super::shared::Shared;
use crate::config::{User, accepts};
use crate::pages::{self, Problem};
use crate::part::Part;
use crate::state::{IssuedIdToken, Logout};
use crate::wire::{Params, ensure, random_token, with_query};

/// The button on the page that asks for confirmation.
pub(crate) async fn confirm(Visit { shared, incoming }: Visit) -> Result<Response, Problem> {
    let form = incoming.form().unwrap_or_default();
    let logout = shared.store().logouts.remove(form.get("logout").unwrap_or_default());
    let session = session::find(&shared, &incoming);
    match logout.filter(|logout| Some(&logout.session) == session.as_ref()) {
        Some(logout) => Ok(sign_out(&shared, &logout.session, logout.return_to).await),
        None => Err(problem("The page was used already, or belongs to another browser.")),
    }
}

/// The logout endpoint, by GET or by POST. It ends the browser's session at the sandbox.
pub(super) async fn respond(call: &Call<'_>) -> Result<Response, Problem> {
    let (shared, part) = (call.shared, call.part);
    let params = call.incoming.params().ok_or_else(|| problem("The logout request is not a form."))?;
    params.check_duplicates().map_err(|error| problem(&format!("In the request, {}.", error.description)))?;
    let refused = problem("This provider accepts no id_token_hint: send client_id alone.");
    ensure(part.definition.id_token_hint || params.get("id_token_hint").is_none(), refused)?;
    let hint = call.id_token_hint(&params).map_err(|text| problem(&format!("The {text}.")))?;
    let return_to = read_return_to(part, &params, hint.as_ref())?;
    let Some(session) = session::find(shared, &call.incoming) else {
        return Ok(done(return_to));
    };
    let signed_in = shared.store().sessions.get(&session).and_then(|session| session.signed_in.clone());
    let Some(signed_in) = signed_in else { return Ok(done(return_to)) };
    if hint.is_some_and(|hint| hint.username == signed_in.username) {
        return Ok(sign_out(shared, &session, return_to).await);
    }
    // Section 2: without a hint that names the signed-in user, ask. Any site can link to this endpoint.
    let id = random_token("");
    shared.store().logouts.insert(id.clone(), Logout { session, return_to });
    let user = shared.user(&signed_in.username);
    Ok(pages::logout(&id, &user.map_or(signed_in.username.clone(), User::display_name)))
}

fn read_return_to(
    part: &Part,
    params: &Params,
    hint: Option<&IssuedIdToken>,
) -> Result<Option<String>, Problem> {
    let Some(uri) = params.get("post_logout_redirect_uri") else { return Ok(None) };
    let (given, hinted) = (params.get("client_id"), hint.map(|hint| hint.client_id.as_str()));
    let differs = problem("The client_id differs from the client that the id_token_hint was issued to.");
    ensure(given.is_none() || hinted.is_none() || given == hinted, differs)?;
    let nobody = || problem("A post_logout_redirect_uri needs a client_id or an id_token_hint.");
    let client_id = given.or(hinted).ok_or_else(nobody)?;
    let problem = |text: &str| problem(text).detail("client_id", client_id);
    let client = part.client(client_id).ok_or_else(|| problem("This client_id is not registered."))?;
    let foreign = problem("This post_logout_redirect_uri is not registered for the client.");
    let foreign = foreign.detail("post_logout_redirect_uri", uri);
    ensure(accepts(&client.post_logout_redirect_uris, uri), foreign)?;
    let state = params.get("state").map(|state| ("state".to_owned(), state.to_owned()));
    Ok(Some(state.map_or(uri.to_owned(), |state| with_query(uri, &[state]))))
}

/// Ends the session, and tells the clients that took part in it: those of the back channel first, then those of the front channel
/// by a page with frames.
async fn sign_out(shared: &Shared, session: &str, return_to: Option<String>) -> Response {
    let ended = shared.store().sessions.remove(session).and_then(|session| session.signed_in);
    let frames = match &ended {
        Some(signed_in) => {
            let frames = front_channel(shared, signed_in);
            notify(shared, slice::from_ref(signed_in)).await;
            frames
        }
        None => Vec::new(),
    };
    let response = if frames.is_empty() { done(return_to) } else { pages::signed_out(&frames, return_to) };
    session::remember(shared, "", response)
}

fn done(return_to: Option<String>) -> Response {
    match return_to {
        Some(uri) => Redirect::to(&uri).into_response(),
        None => pages::signed_out(&[], None),
    }
}

fn problem(text: &str) -> Problem {
    Problem::bad_request("The logout request is not valid", text)
}
