//! Faults in the authorization response, which the browser carries.

use super::Strike::{Callback, Code, Denial};
use super::{ELSEWHERE, faults};
use crate::state::AuthorizationRequest;
use crate::wire::{random_token, sha256_base64url};

faults! { Callback:
    WRONG_ISSUER: "the response names another provider as its issuer (iss, RFC 9207)",
        security "issuer_mismatch", Callback(|params| set(params, "iss", ELSEWHERE));
    MISSING_ISSUER: "the response has no iss, though the metadata announces it",
        security "missing_issuer", Callback(|params| remove(params, "iss"));
    FOREIGN_CODE: "the code belongs to an attacker’s login and was injected",
        provider "invalid_grant", Code(of_another_login);
    FOREIGN_STATE: "the response has the state of another login: login CSRF",
        security "state_mismatch", Callback(|params| set(params, "state", &random_token("")));
    MISSING_STATE: "the response has no state", security "state_mismatch", Callback(|params| remove(params, "state"));
    OVERSIZED_STATE: "the state is 100 KiB longer than the state that was sent",
        malformed "invalid_field", Callback(|params| lengthen(params, "state"));
    OVERSIZED_CODE: "the code is 100 KiB long",
        malformed "invalid_field", Callback(|params| lengthen(params, "code"));
    DUPLICATE_CODE: "the response has two codes",
        security "duplicate_parameter", Callback(|params| double(params, "code", "another-code"));
    DUPLICATE_STATE: "the response has the right state and another one",
        security "duplicate_parameter", Callback(|params| double(params, "state", "another-state"));
    DUPLICATE_ISSUER: "the response has two issuers, the right one first",
        security "duplicate_parameter", Callback(|params| double(params, "iss", ELSEWHERE));
    MISSING_CODE: "the response has neither a code nor an error",
        malformed "missing_field", Callback(|params| remove(params, "code"));
    ERROR_AND_CODE: "the response has both an error and a code",
        provider "server_error", Callback(|params| set(params, "error", "server_error"));
    MISSING_SESSION_STATE: "the response has no session_state, though the provider has a frame for session management",
        lawful, Callback(|params| remove(params, "session_state"));
    ANOTHER_SESSION_STATE: "the session_state is that of another session: the frame always says that the session has changed",
        lawful, Callback(|params| replace(params, "session_state", "0.another-salt"));
    MALFORMED_SESSION_STATE: "the session_state has no salt: the frame of the provider answers with an error",
        lawful, Callback(|params| replace(params, "session_state", "no-salt"));
    OVERSIZED_SESSION_STATE: "the session_state is 100 KiB long",
        lawful, Callback(|params| lengthen(params, "session_state"));
    PUSHED_REQUEST_DEMANDED: "the provider asks for a pushed authorization request, which the metadata does not say",
        provider "invalid_request", Callback(demand_pushed);
    DENIED_CONSENT: "the user denies the request, whatever button they press", provider "access_denied", Denial;
    ESCAPES_IN_RESPONSE: "the description of the error has control characters for terminals",
        provider "server_error", Callback(|params| fail(params, super::token::ESCAPES));
    HTML_IN_RESPONSE: "the description of the error is HTML with a script",
        provider "server_error", Callback(|params| fail(params, super::token::HTML));
}

/// The code is bound to another challenge and another nonce.
fn of_another_login(request: &mut AuthorizationRequest) {
    if let Some(challenge) = &mut request.challenge {
        challenge.value = sha256_base64url(&random_token(""));
    }
    request.nonce = request.nonce.take().map(|_| random_token(""));
}

fn demand_pushed(params: &mut Vec<(String, String)>) {
    remove(params, "code");
    set(params, "error", "invalid_request");
    set(params, "error_description", "Pushed Authorization Request is only allowed.");
}

fn remove(params: &mut Vec<(String, String)>, name: &str) {
    params.retain(|(known, _)| known != name);
}

fn set(params: &mut Vec<(String, String)>, name: &str, value: &str) {
    remove(params, name);
    params.push((name.to_owned(), value.to_owned()));
}

/// Gives a parameter another value, if it is there.
fn replace(params: &mut Vec<(String, String)>, name: &str, value: &str) {
    if params.iter().any(|(known, _)| known == name) {
        set(params, name, value);
    }
}

/// Adds another value, and makes sure that there are two.
fn double(params: &mut Vec<(String, String)>, name: &str, value: &str) {
    if !params.iter().any(|(known, _)| known == name) {
        params.push((name.to_owned(), value.to_owned()));
    }
    params.push((name.to_owned(), value.to_owned()));
}

fn lengthen(params: &mut [(String, String)], name: &str) {
    for (_, value) in params.iter_mut().filter(|(known, _)| known == name) {
        value.push_str(&"x".repeat(OVERSIZE));
    }
}

fn fail(params: &mut Vec<(String, String)>, description: &str) {
    remove(params, "code");
    set(params, "error", "server_error");
    set(params, "error_description", description);
}

const OVERSIZE: usize = 100 * 1024;
