//! The provider: one engine, a file for each endpoint. It acts as the [`Part`] that a request is for.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::fault::{Endpoint, Stages, TOLD};
use crate::pages::{self, Problem};
use crate::part::{Part, Role};
use crate::state::IssuedIdToken;
use crate::wire::{Incoming, OAuthError, Params, ensure, error, invalid_request, json, sha256_base64url};

mod attestation;
mod authorization;
mod authorization_response;
mod backchannel;
pub(crate) mod claims;
mod client;
mod client_assertion;
mod details;
mod device;
mod end_session;
mod exchange;
mod fapi;
pub(crate) mod interaction;
mod introspection;
mod issue;
mod logout_token;
pub(crate) mod metadata;
mod pushed;
mod registration;
mod request;
mod request_object;
mod resource;
mod response;
mod revocation;
mod secrets;
mod sender;
mod session;
pub(crate) mod shared;
mod signed_response;
mod strong;
mod token;
pub(crate) mod user_code;
mod userinfo;
mod web_finger;

pub(crate) use backchannel::decide;
pub(crate) use end_session::confirm;
pub use logout_token::LogoutNotice;
pub(crate) use logout_token::{logout_token, notify};
pub(crate) use registration::manage;
use response::{labelled, succeed};
use sender::Proven;
use session::Visit;
use shared::Shared;

/// A request to an endpoint of a part.
struct Call<'a> {
    shared: &'a Shared,
    part: &'a Arc<Part>,
    /// The values that the path has for the definition's marks.
    marks: BTreeMap<String, String>,
    incoming: Incoming,
    /// The user of the code or token in the request.
    username: Option<String>,
    proven: Proven,
}

impl Call<'_> {
    /// The ID token that the request gives as a hint.
    fn id_token_hint(&self, params: &Params) -> Result<Option<IssuedIdToken>, &'static str> {
        let Some(hint) = params.get("id_token_hint") else { return Ok(None) };
        let issued = self.shared.store().id_tokens.get(&sha256_base64url(hint)).cloned();
        let issued = issued.filter(|issued| self.part.client(&issued.client_id).is_some());
        issued.map(Some).ok_or("id_token_hint is not an ID token of this provider")
    }
}

/// The content of a response, before the definition gives it names and a shape.
enum Reply {
    Document(Value),
    Tokens {
        members: Value,
        /// Members beside the tokens.
        beside: Value,
        for_code: bool,
    },
    Done,
}

/// Every endpoint of every part.
pub(crate) async fn respond(Visit { shared, incoming }: Visit) -> Result<Response, Problem> {
    let nothing_here = || nothing_here(&incoming.path);
    let part = shared.part_at(&incoming.path).ok_or_else(nothing_here)?;
    let (complete, others): (Vec<_>, Vec<_>) =
        part.at(&incoming.path).partition(|(_, template, _)| template.missing(&incoming.query).is_none());
    let found = complete.first().or(others.first());
    let (_, template, marks) = found.ok_or_else(nothing_here)?;
    ensure(marks.get("client_id").is_none_or(|id| part.client(id).is_some()), nothing_here())?;
    if let Some(name) = template.missing(&incoming.query) {
        let description = format!("parameter {name} of the endpoint's own query is missing");
        return Ok(invalid_request(description).into_response());
    }
    if incoming.tls.as_ref().is_some_and(|tls| tls.certificate.is_none()) {
        let description = "this endpoint is for clients that show a certificate (RFC 8705 section 5)";
        return Ok(invalid_request(description).into_response());
    }
    let roles: Vec<_> = complete.iter().map(|(role, ..)| *role).collect();
    let username = shared.username_of(&incoming.candidates());
    let call = Call {
        shared: &shared,
        part: &part,
        marks: marks.clone(),
        incoming,
        username,
        proven: Proven::default(),
    };
    call.note_request();
    match roles[0] {
        Role::Authorization => authorization::respond(&call).await,
        Role::EndSession => end_session::respond(&call).await,
        Role::CheckSession => Ok(pages::session(&session::state_cookie(&shared))),
        _ if revocation::is_meant(&call, &roles) => {
            Ok(call.with_nonce(serve(&call, Role::Revocation, &roles).await))
        }
        role => Ok(call.with_nonce(serve(&call, role, &roles).await)),
    }
}

/// The metadata at the path of RFC 8414 section 3.1.
pub(crate) async fn metadata_of_rfc8414(mut visit: Visit) -> Result<Response, Problem> {
    let path = visit.incoming.path.trim_start_matches("/.well-known/oauth-authorization-server");
    visit.incoming.path = format!("{}/.well-known/openid-configuration", path.trim_end_matches('/'));
    respond(visit).await
}

/// The response to a client's request, and the stages at which faults change it.
async fn serve(call: &Call<'_>, role: Role, roles: &[Role]) -> Response {
    let at = match role {
        Role::Token | Role::Refresh | Role::LongLived => Endpoint::Token,
        Role::Revocation => Endpoint::Revocation,
        Role::UserInfo => Endpoint::UserInfo,
        Role::Pushed => Endpoint::PushedRequest,
        Role::Metadata => Endpoint::Metadata,
        Role::Keys => Endpoint::Keys,
        Role::Device => Endpoint::Device,
        Role::Registration => Endpoint::Registration,
        Role::WebFinger => Endpoint::WebFinger,
        Role::Introspection => Endpoint::Introspection,
        Role::Backchannel => Endpoint::Backchannel,
        _ => return shaped(call, role, reply(call, role, roles)),
    };
    let faults = Stages { faults: &call.shared.faults, at, username: call.username.as_deref() };
    if let Some(instead) = faults.request(&call.incoming).await {
        return instead;
    }
    if faults.rotates_keys() && call.shared.rotate_keys().await.is_err() {
        let error = error("server_error", "no new keys could be generated");
        return faults.bytes(call.token_refusal(&error)).await;
    }
    if let Some(code) = faults.refusal() {
        let error = invalid_request(TOLD);
        return faults.bytes(call.token_refusal_as(&code, &error)).await;
    }
    let mut reply = reply(call, role, roles);
    // The faults of UserInfo change standard claims. Other profiles have other members.
    if let Ok(Reply::Document(document) | Reply::Tokens { members: document, .. }) = &mut reply
        && (role != Role::UserInfo || call.part.is_openid())
    {
        faults.members(document);
    }
    faults.bytes(shaped(call, role, reply)).await
}

fn reply(call: &Call<'_>, role: Role, roles: &[Role]) -> Result<Reply, OAuthError> {
    let document = match role {
        Role::Revocation => return revocation::respond(call).map(|()| Reply::Done),
        Role::Introspection => introspection::respond(call),
        Role::Device => device::respond(call),
        Role::Pushed => pushed::respond(call),
        Role::Resource => resource::respond(call),
        Role::Registration => registration::respond(call),
        Role::WebFinger => web_finger::respond(call),
        Role::Backchannel => backchannel::respond(call),
        Role::Challenge => attestation::challenge(call),
        Role::UserInfo => userinfo::respond(call),
        Role::Emails => userinfo::emails(call),
        Role::Metadata => metadata::respond(call),
        Role::Keys => Ok(metadata::keys(call)),
        _ => return token::respond(call, roles),
    };
    document.map(Reply::Document)
}

/// The response, in the shape that the definition has for it.
fn shaped(call: &Call<'_>, role: Role, reply: Result<Reply, OAuthError>) -> Response {
    call.note_reply(&reply);
    let definition = &call.part.definition;
    let (userinfo, revocation) = (&definition.userinfo, definition.revocation.failure.as_ref());
    match (role, reply) {
        (_, Ok(Reply::Tokens { members, beside, for_code })) => {
            call.token_response(members, &beside, for_code)
        }
        (_, Ok(Reply::Done)) if revocation.is_none() => StatusCode::OK.into_response(),
        (_, Ok(Reply::Done)) => {
            let mut body = Value::Object(Default::default());
            succeed(&mut body, revocation);
            json(StatusCode::OK, &body)
        }
        (Role::Metadata | Role::Keys, Ok(Reply::Document(document))) => {
            ([("content-type", "application/json")], document.to_string()).into_response()
        }
        (Role::WebFinger, Ok(Reply::Document(document))) => web_finger::document(&document),
        (Role::Registration, Ok(Reply::Document(document))) => {
            registration::unstored(json(StatusCode::CREATED, &document))
        }
        (Role::Device, Ok(Reply::Document(document))) => call.encoded(StatusCode::OK, &document),
        (Role::UserInfo, Ok(Reply::Document(claims))) if userinfo::is_signed(call) => {
            userinfo::signed(call, claims).into_response()
        }
        (Role::UserInfo, Ok(Reply::Document(mut document))) => {
            succeed(&mut document, userinfo.failure.as_ref());
            labelled(json(StatusCode::OK, &document), &userinfo.content_types)
        }
        (Role::Pushed, Ok(Reply::Document(document))) => json(StatusCode::CREATED, &document),
        (Role::Introspection, Ok(Reply::Document(facts))) if introspection::is_signed(call) => {
            introspection::signed(call, facts).into_response()
        }
        (_, Ok(Reply::Document(document))) => json(StatusCode::OK, &document),
        (Role::Revocation, Err(error)) => call.refused(revocation, error),
        (Role::UserInfo, Err(error)) => call.resource_refusal(userinfo.failure.as_ref(), error),
        (Role::Emails | Role::Resource, Err(error)) => call.resource_refusal(None, error),
        (
            Role::Introspection | Role::Metadata | Role::Keys | Role::Registration | Role::WebFinger,
            Err(error),
        ) => error.into_response(),
        (_, Err(error)) => call.token_refusal(&error),
    }
}

fn nothing_here(path: &str) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "This provider has no such page",
        "The sandbox acts as the providers of the catalogue. Each has the paths that its definition names.",
    )
    .detail("Path", path)
}
