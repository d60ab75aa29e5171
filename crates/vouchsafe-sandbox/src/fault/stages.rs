//! The stages at which faults apply. Every request of a client passes them in this order:
//!
//! 1. request: the response is late, or another one takes its place, or the keys are replaced;
//! 2. grant: the browser does not return, the user denies, the code belongs to another login, the e-mail address is not verified, the refresh is refused;
//! 3. token: a JWT is changed before it is signed;
//! 4. members: the JSON of the response, or the parameters of the authorization response, are changed;
//! 5. bytes: the body and its content type are changed.

use std::mem::discriminant;

use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;
use tokio::time::sleep;

use super::{Carrier, Endpoint, Fault, Faults, Place, Strike};
use crate::state::{AuthorizationRequest, Jwt};
use crate::wire::Incoming;

/// The stages of a request to an endpoint that has faults.
#[derive(Clone, Copy)]
pub(crate) struct Stages<'a> {
    pub(crate) faults: &'a Faults,
    pub(crate) at: Endpoint,
    pub(crate) username: Option<&'a str>,
}

impl Faults {
    /// The stage of the grant: whether this strike, which changes nothing by itself, is dealt to the user.
    pub(crate) fn deals(&self, event: Strike, username: Option<&str>) -> bool {
        let is = |strike: &Strike| discriminant(strike) == discriminant(&event);
        !self.strike(username, 1, |_, strike| is(strike).then_some(())).is_empty()
    }

    /// The same: changes the request that the code is bound to.
    pub(crate) fn change_code(&self, request: &mut AuthorizationRequest, username: &str) {
        self.strike(Some(username), usize::MAX, |_, strike| {
            let Strike::Code(change) = strike else { return None };
            change(request);
            Some(())
        });
    }

    /// The stage of the token.
    pub(crate) fn change_token(&self, jwt: &mut Jwt<'_>, username: &str, is_refreshed: bool) {
        use Place::{Claims, EncryptedResponse, Introspection, LogoutToken, SignedResponse};
        let is_meant = |place| {
            !matches!(place, LogoutToken | SignedResponse | EncryptedResponse | Claims | Introspection)
        };
        self.change_jwt(jwt, username, is_refreshed, is_meant);
        self.expect_keys(username);
    }

    /// The same, for a logout token.
    pub(crate) fn change_logout_token(&self, jwt: &mut Jwt<'_>, username: &str) {
        self.change_jwt(jwt, username, false, |place| place == Place::LogoutToken);
    }

    /// The same, for a signed authorization response.
    pub(crate) fn change_signed_response(&self, jwt: &mut Jwt<'_>, username: Option<&str>) {
        self.change_jwt(jwt, username.unwrap_or_default(), false, |place| place == Place::SignedResponse);
    }

    /// The same, for one that is encrypted around the signature.
    pub(crate) fn change_encrypted_response(&self, jwt: &mut Jwt<'_>, username: Option<&str>) {
        if jwt.recipient.is_some() {
            self.change_jwt(jwt, username.unwrap_or_default(), false, |place| {
                place == Place::EncryptedResponse
            });
        }
    }

    /// The same, for claims that another provider refers to. They belong to no user here.
    pub(crate) fn change_claims(&self, jwt: &mut Jwt<'_>) {
        self.change_jwt(jwt, "", false, |place| place == Place::Claims);
    }

    /// The same, for a signed introspection response.
    pub(crate) fn change_introspection(&self, jwt: &mut Jwt<'_>, username: Option<&str>) {
        self.change_jwt(jwt, username.unwrap_or_default(), false, |place| place == Place::Introspection);
    }

    /// The same, for signed UserInfo.
    pub(crate) fn change_userinfo(&self, jwt: &mut Jwt<'_>, username: Option<&str>) {
        if let Some(username) = username {
            self.change_jwt(jwt, username, false, |place| place == Place::Encryption);
        }
    }

    fn change_jwt(&self, jwt: &mut Jwt<'_>, username: &str, is_refreshed: bool, is_meant: fn(Place) -> bool) {
        self.strike(Some(username), usize::MAX, |fault, strike| {
            if !is_meant(fault.place()) {
                return None;
            }
            match strike {
                Strike::IdToken(change) => change(jwt),
                Strike::Refreshed(change) if is_refreshed => change(jwt),
                Strike::Claim(name, value) => jwt.claim(name, value()),
                Strike::InClaim(name, change) => jwt.claims.get_mut(*name).into_iter().for_each(change),
                Strike::NoClaim(name) => drop(jwt.claims.remove(*name)),
                Strike::Header(name, value) => drop(jwt.header.insert((*name).to_owned(), value())),
                Strike::NoHeader(name) => drop(jwt.header.remove(*name)),
                Strike::Sealed(alg, seal) => jwt.sign_by(*alg, *seal),
                Strike::Spelled(spell) => jwt.spell = *spell,
                _ => return None,
            }
            Some(())
        });
    }

    /// The stage of the members, for an authorization response.
    pub(crate) fn change_callback(&self, params: &mut Vec<(String, String)>, username: Option<&str>) {
        self.strike(username, usize::MAX, |_, strike| {
            let Strike::Callback(change) = strike else { return None };
            change(params);
            Some(())
        });
    }

    /// The same, for a signed one.
    pub(crate) fn change_carrier(&self, carrier: Carrier<'_>, username: Option<&str>) {
        let Carrier { params, plain } = carrier;
        self.strike(username, usize::MAX, |_, strike| {
            let Strike::Carried(change) = strike else { return None };
            change(Carrier { params, plain });
            Some(())
        });
    }

    /// The stage of the bytes, for the header fields of a response to a DPoP proof.
    pub(crate) fn change_head(&self, head: &mut HeaderMap, username: Option<&str>) {
        if !head.contains_key("dpop-nonce") && !head.contains_key("www-authenticate") {
            return;
        }
        self.strike(username, usize::MAX, |_, strike| {
            let Strike::Head(change) = strike else { return None };
            change(head);
            Some(())
        });
    }
}

impl Stages<'_> {
    /// The stage of the request: waits if the endpoint is slow. Returns the response that takes the place of its own.
    pub(crate) async fn request(self, incoming: &Incoming) -> Option<Response> {
        let faults = self.faults;
        let delay = faults.strike(self.username, 1, |fault, strike| {
            (matches!(strike, Strike::Delay) && fault.at == self.at).then_some(fault.delay)
        });
        if let [delay] = delay[..] {
            sleep(delay).await;
        }
        let instead = faults.strike(self.username, 1, |fault, strike| match strike {
            Strike::Instead(respond) | Strike::InsteadOnce(respond) if fault.at == self.at => Some(*respond),
            _ => None,
        });
        instead.first().map(|respond| respond(incoming))
    }

    /// The same: whether the keys are replaced now.
    pub(crate) fn rotates_keys(self) -> bool {
        self.at == Endpoint::Token && self.faults.deals(Strike::Rotation, self.username)
    }

    /// The same: the error code with which a token request is refused, even a valid one.
    pub(crate) fn refusal(self) -> Option<String> {
        if self.at == Endpoint::Token { self.faults.refusal() } else { None }
    }

    /// The stage of the members.
    pub(crate) fn members(self, document: &mut Value) {
        self.hits(|strike| {
            match strike {
                Strike::Members(change) => change(document),
                Strike::Set(name, value) => document[*name] = value(),
                Strike::InMember(name, change) => document.get_mut(*name).into_iter().for_each(change),
                Strike::Without(name) => drop(document.as_object_mut()?.remove(*name)),
                _ => return None,
            }
            Some(())
        });
    }

    /// The stage of the bytes.
    pub(crate) async fn bytes(self, response: Response) -> Response {
        let (mut parts, mut body) = response.into_parts();
        self.hits(|strike| {
            let Strike::Label(label) = strike else { return None };
            parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static(label));
            Some(())
        });
        self.hits(|strike| {
            let Strike::Status(status) = strike else { return None };
            parts.status = *status;
            Some(())
        });
        let changes =
            self.hits(|strike| if let Strike::Body(change) = strike { Some(*change) } else { None });
        if !changes.is_empty() {
            let Ok(whole) = to_bytes(body, usize::MAX).await else {
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            };
            let mut whole = whole.to_vec();
            changes.iter().for_each(|change| change(&mut whole));
            parts.headers.remove(CONTENT_LENGTH);
            body = Body::from(whole);
        }
        Response::from_parts(parts, body)
    }

    /// All strikes at this endpoint.
    fn hits<T>(self, mut pick: impl FnMut(&Strike) -> Option<T>) -> Vec<T> {
        let is_here = |fault: &Fault| fault.at == self.at;
        self.faults.strike(
            self.username,
            usize::MAX,
            |fault, strike| if is_here(fault) { pick(strike) } else { None },
        )
    }
}
