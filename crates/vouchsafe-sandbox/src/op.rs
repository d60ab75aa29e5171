//! The provider: one engine, a file for each endpoint. It plays the [`Part`] that a request is for.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use vouchsafe_providers::ClientAuth;

use crate::config::ClientConfig;
use crate::fault::{Endpoint, Exchange, TOLD};
use crate::pages::Problem;
use crate::part::{ClientParams, Part, Role, labelled, succeed};
use crate::wire::{Incoming, OAuthError, Params, json};

mod authorization;
mod authorization_response;
mod device;
mod end_session;
pub(crate) mod interaction;
mod introspection;
mod issue;
pub(crate) mod jwks;
mod metadata;
mod revocation;
mod session;
pub(crate) mod shared;
mod token;
pub(crate) mod user_code;
mod userinfo;

pub(crate) use end_session::confirm;
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
}

impl Call<'_> {
    /// The client of the request, which must authenticate by this method.
    fn authenticate(
        &self,
        method: Option<ClientAuth>,
        given: ClientParams<'_>,
    ) -> Result<&ClientConfig, OAuthError> {
        self.part.authenticate(&self.incoming, method, given, &self.marks, self.shared.now())
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

impl Reply {
    fn document(&mut self) -> Option<&mut Value> {
        match self {
            Self::Document(document) | Self::Tokens { members: document, .. } => Some(document),
            Self::Done => None,
        }
    }
}

/// Every endpoint of every part.
pub(crate) async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(part) = shared.part_at(uri.path()) else {
        return nothing_here(&uri).into_response();
    };
    let query = Params::from_query(&uri);
    let known: Vec<_> = part.at(uri.path()).collect();
    let complete: Vec<_> =
        known.iter().filter(|(_, template, _)| template.missing(&query).is_none()).collect();
    let Some((_, template, marks)) = complete.first().copied().or(known.first()) else {
        return nothing_here(&uri).into_response();
    };
    if marks.get("client_id").is_some_and(|id| part.client(id).is_none()) {
        return nothing_here(&uri).into_response();
    }
    if let Some(name) = template.missing(&query) {
        let description = format!("parameter {name} of the endpoint's own query is missing");
        return OAuthError::invalid_request(description).into_response();
    }
    let roles: Vec<_> = complete.iter().map(|(role, ..)| *role).collect();
    let incoming = Incoming { method, headers, query, body };
    let username = shared.username_of(&incoming.candidates());
    let call = Call { shared: &shared, part: &part, marks: marks.clone(), incoming, username };
    match roles[0] {
        Role::Authorization => authorization::answer(&call),
        Role::EndSession => end_session::answer(&call),
        _ if revocation::is_meant(&call, &roles) => exchange(&call, Role::Revocation, &roles).await,
        role => exchange(&call, role, &roles).await,
    }
}

/// The metadata at the path of RFC 8414 section 3.1.
pub(crate) async fn metadata(
    state: State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path().trim_start_matches("/.well-known/oauth-authorization-server").trim_end_matches('/');
    match format!("{path}/.well-known/openid-configuration").parse() {
        Ok(uri) => answer(state, method, uri, headers, body).await,
        Err(_) => nothing_here(&uri).into_response(),
    }
}

/// An exchange with a client, and the stages at which faults apply.
async fn exchange(call: &Call<'_>, role: Role, roles: &[Role]) -> Response {
    let faults = match role {
        Role::Token | Role::Refresh | Role::LongLived => Some(Endpoint::Token),
        Role::Revocation => Some(Endpoint::Revocation),
        Role::UserInfo => Some(Endpoint::UserInfo),
        Role::Metadata => Some(Endpoint::Metadata),
        Role::Keys => Some(Endpoint::Keys),
        _ => None,
    };
    let Some(at) = faults else {
        return shaped(call, role, reply(call, role, roles));
    };
    let faults = Exchange { faults: &call.shared.faults, at, username: call.username.as_deref() };
    if let Some(instead) = faults.request(&call.incoming).await {
        return instead;
    }
    if faults.rotates_keys() && call.shared.rotate_keys().await.is_err() {
        let error = OAuthError::new("server_error", "no new keys could be generated");
        return faults.bytes(call.part.token_refusal(&call.incoming, &error)).await;
    }
    if let Some(code) = faults.refusal() {
        let error = OAuthError::invalid_request(TOLD);
        return faults.bytes(call.part.token_refusal_as(&call.incoming, &code, &error)).await;
    }
    let mut reply = reply(call, role, roles);
    // The faults of UserInfo change standard claims. Other profiles have other members.
    if let Ok(document) = &mut reply
        && let Some(document) = document.document()
        && (role != Role::UserInfo || call.part.is_openid())
    {
        faults.members(document);
    }
    faults.bytes(shaped(call, role, reply)).await
}

fn reply(call: &Call<'_>, role: Role, roles: &[Role]) -> Result<Reply, OAuthError> {
    match role {
        Role::Revocation => revocation::answer(call).map(|()| Reply::Done),
        Role::Introspection => introspection::answer(call).map(Reply::Document),
        Role::Device => device::answer(call).map(Reply::Document),
        Role::UserInfo => userinfo::answer(call).map(Reply::Document),
        Role::Emails => userinfo::emails(call).map(Reply::Document),
        Role::Metadata => metadata::answer(call).map(Reply::Document),
        Role::Keys => Ok(Reply::Document(jwks::answer(call))),
        _ => token::answer(call, roles),
    }
}

/// The response, in the shape that the definition has for it.
fn shaped(call: &Call<'_>, role: Role, reply: Result<Reply, OAuthError>) -> Response {
    let (part, incoming, definition) = (call.part, &call.incoming, &call.part.definition);
    let userinfo = &definition.userinfo;
    match (role, reply) {
        (_, Ok(Reply::Tokens { members, beside, for_code })) => {
            part.token_response(incoming, members, &beside, for_code)
        }
        (Role::Revocation, Ok(_)) => match definition.revocation.failure.as_ref() {
            Some(failure) => {
                let mut body = serde_json::json!({});
                succeed(&mut body, Some(failure));
                json(StatusCode::OK, &body)
            }
            None => StatusCode::OK.into_response(),
        },
        (_, Ok(Reply::Done)) => StatusCode::OK.into_response(),
        (Role::Metadata | Role::Keys, Ok(Reply::Document(document))) => {
            ([("content-type", "application/json")], document.to_string()).into_response()
        }
        (Role::Device, Ok(Reply::Document(document))) => part.encoded(incoming, StatusCode::OK, &document),
        (Role::UserInfo, Ok(Reply::Document(claims))) if userinfo.signed => {
            userinfo::signed(call, claims).unwrap_or_else(IntoResponse::into_response)
        }
        (Role::UserInfo, Ok(Reply::Document(mut document))) => {
            succeed(&mut document, userinfo.failure.as_ref());
            labelled(json(StatusCode::OK, &document), &userinfo.content_types)
        }
        (_, Ok(Reply::Document(document))) => json(StatusCode::OK, &document),
        (Role::Revocation, Err(error)) => part.refused(definition.revocation.failure.as_ref(), error),
        (Role::UserInfo, Err(error)) => part.resource_refusal(userinfo.failure.as_ref(), error),
        (Role::Emails, Err(error)) => part.resource_refusal(None, error),
        (Role::Introspection | Role::Metadata | Role::Keys, Err(error)) => error.into_response(),
        (_, Err(error)) => part.token_refusal(incoming, &error),
    }
}

fn nothing_here(uri: &Uri) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "This provider has no such page",
        "The sandbox plays the providers of the catalogue, each at the addresses in its definition.",
    )
    .detail("Path", uri.path())
}
