//! The authorization response, RFC 6749 section 4.1.2.

use axum::response::{IntoResponse, Redirect, Response};

use super::shared::Shared;
use super::{session, signed_response};
use crate::pages::{self, Problem};
use crate::part::{Part, profile};
use crate::state::{AuthorizationRequest, Decision, SignedIn};
use crate::wire::{OAuthError, printable, random_token, with_query};

/// The response that carries a code.
pub(super) fn with_code(
    shared: &Shared,
    request: &AuthorizationRequest,
    signed_in: &SignedIn,
    code: &str,
) -> Response {
    let (part, callback) = (&request.part, &request.part.definition.callback);
    let suffix = callback.code_suffix.as_deref().unwrap_or_default();
    let mut params = vec![("code".to_owned(), format!("{code}{suffix}"))];
    params.extend(request.state.iter().map(|state| ("state".to_owned(), state.clone())));
    params.extend(request.forward.iter().filter(|(name, _)| name != "state").cloned());
    for (name, value) in &callback.expect {
        params.extend(part.fill(value, &request.marks).map(|value| (name.clone(), value)));
    }
    params.extend(introduction(shared, request, &signed_in.username));
    params.extend(session::state_for(request, signed_in).map(|state| ("session_state".to_owned(), state)));
    if let Some(name) = &callback.hmac {
        params.push(("timestamp".to_owned(), shared.now().to_string()));
        params.push((name.clone(), part.hmac(&signed_text(&params))));
    }
    respond(shared, request, params, Some(&signed_in.username))
}

/// The response that carries an error. A device learns it from the token endpoint.
pub(super) fn with_error(shared: &Shared, request: &AuthorizationRequest, error: &OAuthError) -> Response {
    if let Some(device_code) = &request.device {
        return device_decided(shared, device_code, Decision::Denied);
    }
    let description = printable(&error.description);
    let mut params = vec![("error".to_owned(), error.code.to_owned())];
    params.push(("error_description".to_owned(), description));
    params.extend(request.state.iter().map(|state| ("state".to_owned(), state.clone())));
    respond(shared, request, params, None)
}

/// The response to a device: it learns the decision at its next poll.
pub(super) fn device_decided(shared: &Shared, device_code: &str, decision: Decision) -> Response {
    let allowed = matches!(decision, Decision::Allowed(_));
    match shared.store().devices.get_mut(device_code) {
        Some(device) if device.decision.is_none() => device.decision = Some(decision),
        _ => return pages::device("", true),
    }
    pages::device_decided(allowed)
}

/// Parameters of the response that the token request repeats. It repeats the code in any case.
pub(super) fn forwarded(part: &Part, state: Option<&str>) -> Vec<(String, String)> {
    let value = |name: &str| match name {
        "state" => state.map(str::to_owned),
        _ => Some(random_token(&format!("sandbox-{name}-"))),
    };
    let names = part.definition.callback.forward.iter().filter(|name| *name != "code");
    names.filter_map(|name| Some((name.clone(), value(name)?))).collect()
}

/// The profile in the first response for a user, if the provider sends one.
fn introduction(shared: &Shared, request: &AuthorizationRequest, username: &str) -> Option<(String, String)> {
    let part = &request.part;
    let name = part.definition.callback.profile.clone()?;
    let profile = profile::introduction(part, shared.user(username)?, &request.scopes)?;
    let who = format!("{} {username}", part.definition.slug);
    let mut store = shared.store();
    if store.introduced.get(&who).is_some() {
        return None;
    }
    store.introduced.insert(who, ());
    Some((name, profile.to_string()))
}

/// Sends the browser to the redirect URI, which stays exactly as it was sent.
fn respond(
    shared: &Shared,
    request: &AuthorizationRequest,
    mut params: Vec<(String, String)>,
    username: Option<&str>,
) -> Response {
    // RFC 9207 section 2: errors name the issuer, too.
    if request.part.names_issuer() {
        params.push(("iss".to_owned(), request.part.token_issuer(&request.marks)));
    }
    shared.faults.change_callback(&mut params, username);
    if request.is_jwt {
        params = signed_response::wrap(shared, request, params, username);
    }
    let url = with_query(&request.redirect_uri, &params);
    if request.is_form_post {
        return pages::form_post(&request.redirect_uri, &params, url);
    }
    // RFC 9700 section 4.12: 303, so that no browser sends the form of our page again.
    Redirect::to(&url).into_response()
}

/// The text that the HMAC of a response authenticates: the parameters, sorted, as `name=value` joined by `&`. In names and
/// values `%` and `&` are escaped, in names also `=`, as Shopify documents.
fn signed_text(params: &[(String, String)]) -> String {
    let escaped = |text: &str, unfit: &[char]| -> String {
        let escape = |c| if unfit.contains(&c) { format!("%{:02X}", u32::from(c)) } else { c.to_string() };
        text.chars().map(escape).collect()
    };
    let pair = |(name, value): &(String, String)| {
        format!("{}={}", escaped(name, &['%', '&', '=']), escaped(value, &['%', '&']))
    };
    let mut pairs: Vec<_> = params.iter().map(pair).collect();
    pairs.sort();
    pairs.join("&")
}

/// The page with which many providers refuse a redirect URI or a client, whether the request has such a mistake or not.
pub(super) fn never_returns(request: &AuthorizationRequest) -> Problem {
    let advice = "The sandbox shows this page on purpose (fault never-returns): many providers show one like it if the \
                  redirect URI or the client is not registered exactly so. You have not been redirected.";
    Problem::bad_request("Invalid parameter: redirect_uri", advice)
        .detail("client_id", &request.client_id)
        .detail("redirect_uri", &request.redirect_uri)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::hmac;

    use super::*;
    use crate::wire::hex;

    fn sign(params: &[(String, String)], secret: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        hex(hmac::sign(&key, signed_text(params).as_bytes()).as_ref())
    }

    #[test]
    fn callback_is_signed_as_shopify_documents() {
        let params = [
            ("code", "0907a61c0c8d55e99db179b68161bc00"),
            ("timestamp", "1795430400"),
            ("host", "Y2FtZWxpYXJkLm15c2hvcGlmeS5jb20vYWRtaW4"),
            ("state", "0.6784241404160823"),
            ("shop", "cameliard.myshopify.com"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let expected = "968fce4ed9ca0c4cd8742a575bfeb4d7c417a149de4b06c1e731b7ad86b2e66f";
        assert_eq!(sign(&params, "hush-sample-secret"), expected);
    }

    #[test]
    fn a_parameter_does_not_swallow_its_neighbour() {
        let params = |params: &[(&str, &str)]| -> Vec<(String, String)> {
            params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"secret");
        let tag = |message: &str| hex(hmac::sign(&key, message.as_bytes()).as_ref());
        assert_eq!(sign(&params(&[("shop", "b=c"), ("code", "a")]), "secret"), tag("code=a&shop=b=c"));
        assert_eq!(sign(&params(&[("c&o=d%e", "a&shop=b%")]), "secret"), tag("c%26o%3Dd%25e=a%26shop=b%25"));
    }
}
