//! A request to the sandbox, and the session of its browser: a cookie, and who is signed in.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use super::shared::Shared;
use crate::state::Session;
use crate::wire::{Incoming, random_token};

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
    response
}
