//! A request to the sandbox, and the session of its browser: a cookie, and who is signed in.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use url::Url;

use super::shared::Shared;
use crate::state::{AuthorizationRequest, Session, SignedIn};
use crate::wire::{Incoming, random_token, sha256_hex};

/// A request to the sandbox.
pub(crate) struct Visit {
    pub(crate) shared: Arc<Shared>,
    pub(crate) incoming: Incoming,
}

impl FromRequest<Arc<Shared>> for Visit {
    type Rejection = StatusCode;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, StatusCode> {
        Ok(Self { shared: Arc::clone(shared), incoming: Incoming::read(request).await? })
    }
}

/// The name of the browser's session, if the sandbox knows it.
pub(super) fn find(shared: &Shared, incoming: &Incoming) -> Option<String> {
    // Other programs on this host may set cookies with any bytes. Only ASCII white space separates them.
    let fields = incoming.headers.get_all(COOKIE).iter();
    let pairs = fields.flat_map(|value| value.as_bytes().split(|b| *b == b';'));
    let pairs = pairs.filter_map(|pair| str::from_utf8(pair.trim_ascii()).ok()?.split_once('='));
    let mut names = pairs.filter(|(name, _)| *name == shared.cookie_name).map(|(_, value)| value);
    names.find(|name| shared.store().sessions.get(name).is_some()).map(str::to_owned)
}

/// The browser's session, or a new one.
pub(super) fn find_or_start(shared: &Shared, incoming: &Incoming) -> String {
    find(shared, incoming).unwrap_or_else(|| {
        let name = random_token("");
        shared.store().sessions.insert(name.clone(), Session::default());
        name
    })
}

/// Sets the cookie, or removes it if the name is empty. `SameSite=Lax`: a redirect from another site leads here and must
/// carry the cookie.
pub(super) fn remember(shared: &Shared, session: &str, mut response: Response) -> Response {
    let age = if session.is_empty() { "; Max-Age=0" } else { "" };
    let cookie = format!("{}={session}; Path=/; HttpOnly; SameSite=Lax{age}", shared.cookie_name);
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    if shared.own.definition.check_session_iframe.is_some() {
        let signed_in = shared.store().sessions.get(session).and_then(|session| session.signed_in.clone());
        // A script of the frame reads it.
        let cookie = match signed_in {
            Some(signed_in) => {
                format!("{}={}; Path=/; SameSite=Lax", state_cookie(shared), browser_state(&signed_in))
            }
            None => format!("{}=; Path=/; SameSite=Lax; Max-Age=0", state_cookie(shared)),
        };
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }
    response
}

/// The name of the cookie with the state of the browser.
pub(super) fn state_cookie(shared: &Shared) -> String {
    format!("{}_state", shared.cookie_name)
}

/// The state of the browser: another one for each session of the user (OpenID Connect Session Management 1.0 section 3.2).
fn browser_state(signed_in: &SignedIn) -> String {
    sha256_hex(&format!("state {}", signed_in.sid))
}

/// The `session_state` of an authorization response, if the provider has a frame (section 4).
pub(super) fn state_for(request: &AuthorizationRequest, signed_in: &SignedIn) -> Option<String> {
    request.part.definition.check_session_iframe.as_ref()?;
    let origin = Url::parse(&request.redirect_uri).ok()?.origin().ascii_serialization();
    let salt = random_token("");
    let client_id = &request.client_id;
    let hash = sha256_hex(&format!("{client_id} {origin} {} {salt}", browser_state(signed_in)));
    Some(format!("{hash}.{salt}"))
}
