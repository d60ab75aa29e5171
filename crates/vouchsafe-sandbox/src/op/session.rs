//! The browser's session: a cookie, and who is signed in.

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

use super::shared::Shared;
use crate::state::store::Session;
use crate::wire::random_token;

/// The name of the browser's session, if the sandbox knows it.
pub(super) fn find(shared: &Shared, headers: &HeaderMap) -> Option<String> {
    // Other programs on this host may set cookies with any bytes. Only ASCII white space separates them.
    let pairs = headers.get_all(COOKIE).iter().flat_map(|value| value.as_bytes().split(|b| *b == b';'));
    let pairs = pairs.filter_map(|pair| std::str::from_utf8(pair.trim_ascii()).ok()?.split_once('='));
    let mut names = pairs.filter(|(name, _)| *name == shared.cookie_name).map(|(_, value)| value);
    names.find(|name| shared.store().sessions.get(name).is_some()).map(str::to_owned)
}

/// The browser's session, or a new one.
pub(super) fn find_or_start(shared: &Shared, headers: &HeaderMap) -> String {
    find(shared, headers).unwrap_or_else(|| {
        let name = random_token("");
        shared.store().sessions.insert(name.clone(), Session::default());
        name
    })
}

/// `SameSite=Lax`: a redirect from another site leads here and must carry the cookie.
pub(super) fn remember(shared: &Shared, session: &str, mut response: Response) -> Response {
    let cookie = format!("{}={session}; Path=/; HttpOnly; SameSite=Lax", shared.cookie_name);
    set(&mut response, &cookie);
    response
}

pub(super) fn forget(shared: &Shared, mut response: Response) -> Response {
    let cookie = format!("{}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0", shared.cookie_name);
    set(&mut response, &cookie);
    response
}

fn set(response: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(SET_COOKIE, value);
    }
}
