//! The stages at which faults apply. Every exchange with a client goes through them in this order:
//!
//! 1. request: the response is late, or another one takes its place, or the keys are replaced;
//! 2. grant: the user denies, the code belongs to another login, nobody vouches for the e-mail, no refresh;
//! 3. token: a JWT is changed before it is signed;
//! 4. members: the JSON of the response, or the parameters of the authorization response, are changed;
//! 5. bytes: the body and its content type are changed.

use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;
use tokio::time::sleep;

use super::{Endpoint, Fault, Faults, Strike};
use crate::state::jwt::Jwt;
use crate::state::request::AuthorizationRequest;
use crate::state::store::Grant;
use crate::wire::Incoming;

/// The strikes of one kind that are switched on; at an endpoint, if one is named.
macro_rules! strikes {
    ($faults:expr, $username:expr, $kind:ident) => {
        strikes!($faults, $username, $kind, |_: &Fault| true)
    };
    ($faults:expr, $username:expr, $kind:ident, $is_at:expr) => {
        $faults.hits($username, |fault, strike| match strike {
            Strike::$kind(strike) if $is_at(fault) => Some(*strike),
            _ => None,
        })
    };
}

/// One exchange at an endpoint that has faults.
#[derive(Clone, Copy)]
pub(crate) struct Exchange<'a> {
    faults: &'a Faults,
    at: Endpoint,
    username: Option<&'a str>,
}

impl Faults {
    pub(crate) fn exchange<'a>(&'a self, at: Endpoint, username: Option<&'a str>) -> Exchange<'a> {
        Exchange { faults: self, at, username }
    }

    /// The stage of the grant, for a code: whether the user denies the request.
    pub(crate) fn denies(&self, username: &str) -> bool {
        self.strikes(username, |strike| matches!(strike, Strike::Denial))
    }

    /// The same: changes the request that the code is bound to.
    pub(crate) fn change_code(&self, request: &mut AuthorizationRequest, username: &str) {
        for change in strikes!(self, Some(username), Code) {
            change(request);
        }
    }

    /// The same, for a new grant. The grant keeps the change, so that all responses of a login agree with each other.
    pub(crate) fn change_grant(&self, grant: &mut Grant) {
        let username = &grant.signed_in.username;
        grant.email_unverified = self.strikes(username, |strike| matches!(strike, Strike::UnverifiedEmail));
    }

    /// The same, for a refresh.
    pub(crate) fn refuses_refresh(&self, username: &str) -> bool {
        self.strikes(username, |strike| matches!(strike, Strike::NoRefresh))
    }

    /// The stage of the token.
    pub(crate) fn change_token(&self, jwt: &mut Jwt<'_>, username: &str, is_refreshed: bool) {
        let hits = self.hits(Some(username), |_, strike| match strike {
            Strike::IdToken(change) => Some(*change),
            Strike::Refreshed(change) if is_refreshed => Some(*change),
            _ => None,
        });
        hits.iter().for_each(|change| change(jwt));
        self.expect_keys(username);
    }

    /// The stage of the members, for an authorization response.
    pub(crate) fn change_callback(&self, params: &mut Vec<(String, String)>, username: Option<&str>) {
        for change in strikes!(self, username, Callback) {
            change(params);
        }
    }

    fn strikes(&self, username: &str, is: fn(&Strike) -> bool) -> bool {
        self.hit(Some(username), |_, strike| is(strike).then_some(())).is_some()
    }
}

impl Exchange<'_> {
    /// The stage of the request: waits if the endpoint is slow, and gives the response that takes the place of its own.
    pub(crate) async fn request(self, incoming: &Incoming) -> Option<Response> {
        let delay = self.faults.hit(self.username, |fault, strike| {
            matches!(strike, Strike::Delay).then_some(fault.delay).filter(|_| fault.at == self.at)
        });
        if let Some(delay) = delay {
            sleep(delay).await;
        }
        let instead = self.faults.hit(self.username, |fault, strike| match strike {
            Strike::Instead(respond) | Strike::InsteadOnce(respond) if fault.at == self.at => Some(*respond),
            _ => None,
        });
        Some(instead?(incoming))
    }

    /// The same: whether the keys are replaced now.
    pub(crate) fn rotates_keys(self) -> bool {
        let is = |strike: &Strike| matches!(strike, Strike::Rotation) && self.at == Endpoint::Token;
        self.faults.hit(self.username, |_, strike| is(strike).then_some(())).is_some()
    }

    /// The same: the error code that a token request is refused with, whatever it asks.
    pub(crate) fn refusal(self) -> Option<String> {
        if self.at == Endpoint::Token { self.faults.refusal() } else { None }
    }

    /// The stage of the members.
    pub(crate) fn members(self, document: &mut Value) {
        for change in strikes!(self.faults, self.username, Members, |fault: &Fault| fault.at == self.at) {
            change(document);
        }
    }

    /// The stage of the bytes.
    pub(crate) async fn bytes(self, mut response: Response) -> Response {
        for label in strikes!(self.faults, self.username, Label, |fault: &Fault| fault.at == self.at) {
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(label));
        }
        let changes = strikes!(self.faults, self.username, Body, |fault: &Fault| fault.at == self.at);
        if changes.is_empty() {
            return response;
        }
        let (mut parts, body) = response.into_parts();
        let Ok(body) = to_bytes(body, usize::MAX).await else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        let mut body = body.to_vec();
        changes.iter().for_each(|change| change(&mut body));
        parts.headers.remove(CONTENT_LENGTH);
        Response::from_parts(parts, Body::from(body))
    }
}
