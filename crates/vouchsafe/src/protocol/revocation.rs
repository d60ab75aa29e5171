//! Token revocation (RFC 7009).
use http::HeaderMap;

use super::answer::{Exchange, post};
use super::client_auth::{Credentials, push};
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::http::{Request, Response};
use crate::json;
use crate::registration::ClientAuth;

pub(crate) fn request(
    endpoint: &Endpoint,
    credentials: &Credentials,
    auth: ClientAuth,
    token: &str,
    hint: Option<&str>,
) -> Request {
    let (mut headers, mut form) = (HeaderMap::new(), String::new());
    push(&mut form, "token", token);
    if let Some(hint) = hint {
        push(&mut form, "token_type_hint", hint);
    }
    credentials.apply(auth, &mut headers, &mut form);
    post(endpoint.uri(), headers, form)
}

/// RFC 7009 §2.2: success is the status alone, and an unknown token is a success.
pub(crate) fn read(exchange: &Exchange<'_>, response: &Response) -> Result<(), Error> {
    if !response.status().is_success() {
        return Err(exchange.refusal(response));
    }
    // Some providers say no with a status of success.
    let said = json::parse(response.body()).ok();
    match said.and_then(|body| exchange.said(body.value(), Some(response.status().as_u16()))) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}
