//! The demands of the FAPI 2.0 Security Profile on requests, for a sandbox that behaves so. Each refusal names its section.

use super::Call;
use super::request::Form;
use crate::jose::FAPI;
use crate::state::{AuthorizationRequest, Binding, ChallengeMethod};
use crate::wire::{OAuthError, Params, ensure, error, invalid_client, invalid_request};

/// The methods of client authentication that the profile allows.
pub(super) const METHODS: [&str; 3] = ["private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"];

/// A client assertion, a proof or a request object by this algorithm.
pub(super) fn algorithm(call: &Call<'_>, alg: &str) -> Result<(), String> {
    let other = format!("{PROFILE} 5.4.1: {alg} is not one of PS256, ES256 and EdDSA");
    ensure(!is_on(call) || FAPI.contains(&alg), other)
}

/// Client authentication by this method.
pub(super) fn method(call: &Call<'_>, method: &str) -> Result<(), OAuthError> {
    let other =
        format!("{PROFILE} 5.3.2.1: the client must authenticate by private_key_jwt or a certificate");
    ensure(!is_on(call) || METHODS.contains(&method), invalid_client(other))
}

/// A request for tokens that are bound to this.
pub(super) fn sender(call: &Call<'_>, sender: Option<&Binding>) -> Result<(), OAuthError> {
    let description =
        format!("{PROFILE} 5.3.2.1: access tokens are bound to a key (DPoP) or to a certificate");
    ensure(!is_on(call) || sender.is_some(), error("invalid_dpop_proof", description))
}

/// A pushed authorization request.
pub(super) fn pushed(
    call: &Call<'_>,
    form: &Form<'_>,
    request: &AuthorizationRequest,
) -> Result<(), OAuthError> {
    if !is_on(call) {
        return Ok(());
    }
    let invalid = |text: &str| invalid_request(format!("{PROFILE} {text}"));
    let has_pkce = request.challenge.as_ref().is_some_and(|found| found.method == ChallengeMethod::S256);
    ensure(has_pkce, invalid("5.3.2.2: the request must use PKCE with S256"))?;
    ensure(form.get("redirect_uri").is_some(), invalid("5.3.2.2: redirect_uri is missing"))?;
    let must_sign = call.shared.settings.demands.must_sign_responses;
    let unsigned = "FAPI 2.0 Message Signing section 5.4.2: response_mode must be jwt";
    ensure(!must_sign || request.is_jwt, invalid_request(unsigned))
}

/// The query of an authorization request whose parameters were pushed.
pub(super) fn query(call: &Call<'_>, params: &Params) -> Result<(), OAuthError> {
    let more = params.names().find(|name| !["client_id", "request_uri"].contains(name));
    let description = "RFC 9126 section 4: the query has more than client_id and request_uri";
    ensure(!is_on(call) || more.is_none(), invalid_request(description))
}

fn is_on(call: &Call<'_>) -> bool {
    call.part.is_own && call.shared.settings.demands.is_fapi
}

const PROFILE: &str = "FAPI 2.0 Security Profile section";
