//! The requirements in a provider's metadata that no login here can meet.
use std::borrow::Cow;

use vouchsafe_providers::{ClientAuth, Definition, EndpointName, Pkce};

use crate::error::{Error, Feature, Operation, UnsupportedError};
use crate::jose::algorithm::Algorithm;
use crate::protocol::metadata::Metadata;
use crate::registration::Registration;
use crate::text::legible::legible;

/// Refuses a login that cannot end well, before the browser opens.
///
/// # Errors
/// [`Error::Unsupported`] names what the provider requires.
pub(super) fn check(
    unmet: &[UnsupportedError],
    registration: &Registration,
    (sends_s256, wants_id_token): (bool, bool),
) -> Result<(), Error> {
    let matters = |unmet: &&UnsupportedError| match unmet.feature() {
        Feature::CodeChallenge => sends_s256,
        Feature::IdTokenAlgorithm => wants_id_token && registration.id_token_algorithms.is_none(),
        Feature::SignedRequest => !registration.signs_requests(),
        _ => true,
    };
    match unmet.iter().find(matters) {
        Some(unmet) => Err(Error::Unsupported(Box::new(unmet.clone()))),
        None => Ok(()),
    }
}

/// The requirements that do not depend on a registration. If the definition says something itself, it counts more than the metadata.
pub(super) fn unmet(definition: &Definition, metadata: &Metadata) -> Vec<UnsupportedError> {
    let mut unmet = Vec::new();
    let mut need = |feature, detail: Cow<'static, str>| {
        unmet.push(UnsupportedError { operation: Operation::Authorization, feature, detail });
    };
    if metadata.requires_pushed
        && definition.endpoint(EndpointName::PushedAuthorizationRequest).is_none()
        && metadata.endpoints.get(EndpointName::PushedAuthorizationRequest).is_none()
    {
        let detail = "the provider accepts only pushed authorization requests (require_pushed_authorization_requests, RFC 9126), \
                      and its metadata has no pushed_authorization_request_endpoint: the provider has to add it";
        need(Feature::PushedRequest, detail.into());
    }
    if metadata.requires_signed {
        let detail = "the provider accepts only signed request objects (require_signed_request_object, RFC 9101), and this client \
                      has no key for them: set Credential::private_key, or Registration::request_key";
        need(Feature::SignedRequest, detail.into());
    }
    let is_described = definition.endpoint(EndpointName::Authorization).is_some();
    if let Some(types) = lacks(metadata.response_types.as_deref(), |name| name == "code")
        && !is_described
    {
        let detail = format!(
            "this library needs the response type code, and the provider offers only {types} (response_types_supported): let \
             the provider offer the authorization code grant"
        );
        need(Feature::Code, detail.into());
    }
    if let Some(methods) = lacks(metadata.challenge_methods.as_deref(), |name| name == "S256")
        && definition.pkce == Pkce::Supported
    {
        let detail = format!(
            "this library sends the code challenge method S256, and the provider offers only {methods} \
             (code_challenge_methods_supported): let the provider accept S256"
        );
        need(Feature::CodeChallenge, detail.into());
    }
    let algorithms = metadata.openid.as_ref().and_then(|openid| openid.algorithms.as_deref());
    if let Some(names) = lacks(algorithms, |name| Algorithm::from_name(name).is_some())
        && definition.id_token_algorithms.is_empty()
    {
        let detail = format!(
            "ID tokens must be signed by an RS, PS, ES or ML-DSA algorithm or EdDSA, and the provider announces only {names} \
             (id_token_signing_alg_values_supported): choose a signing key for this client at the provider; if \
             the client is registered for another algorithm, set Registration::id_token_algorithms"
        );
        need(Feature::IdTokenAlgorithm, detail.into());
    }
    unmet
}

/// The same, and client authentication that no registration can do here.
pub(super) fn all(definition: &Definition, metadata: &Metadata) -> Vec<UnsupportedError> {
    let mut unmet = unmet(definition, metadata);
    let known: Vec<_> = ClientAuth::ALL.iter().map(|method| method.as_str()).collect();
    let is_known = |name: &str| known.contains(&name);
    if let Some(methods) = lacks(metadata.token_auth_methods.as_deref(), is_known)
        && definition.client_auth.is_none()
    {
        let detail = format!(
            "this library authenticates clients by {}, and the provider accepts only {methods} \
             (token_endpoint_auth_methods_supported): let the provider accept one of these from this client",
            known.join(", ")
        );
        let (operation, feature) = (Operation::Authorization, Feature::ClientAuth);
        unmet.push(UnsupportedError { operation, feature, detail: detail.into() });
    }
    unmet
}

/// The list in words, if it is there and has nothing that is accepted. An empty list says nothing.
fn lacks(list: Option<&[String]>, is_accepted: impl Fn(&str) -> bool) -> Option<String> {
    let list = list.filter(|list| !list.is_empty() && !list.iter().any(|name| is_accepted(name)))?;
    Some(legible(&list.join(", ")))
}
