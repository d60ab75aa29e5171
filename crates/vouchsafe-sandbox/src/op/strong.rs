//! The metadata of strong clients, and the demands on one.

use serde_json::{Map, Value, json};

use super::shared::Shared;
use super::{Call, fapi};
use crate::jose::{ASYMMETRIC, FAPI, SYMMETRIC};
use crate::wire::Recipient;

impl Call<'_> {
    /// Whether this client's authorization requests must be pushed.
    pub(super) fn must_push(&self, client_id: &str) -> bool {
        let client = self.part.client(client_id).filter(|_| self.part.is_own);
        client.is_some_and(|client| client.strong.must_push || self.shared.settings.demands.must_push)
    }

    /// Whether this client's authorization requests must be signed.
    pub(super) fn must_sign(&self, client_id: &str) -> bool {
        let client = self.part.client(client_id).filter(|_| self.part.is_own);
        client.is_some_and(|client| client.strong.must_sign || self.shared.settings.demands.must_sign)
    }

    /// FAPI 2.0 Security Profile section 5.3.2.1: refresh tokens do not rotate.
    pub(super) fn keeps_refresh_tokens(&self) -> bool {
        self.part.is_own && self.shared.settings.demands.is_fapi
    }
}

/// Members of the sandbox's own metadata.
pub(super) fn metadata(shared: &Shared) -> Map<String, Value> {
    let demands = &shared.settings.demands;
    let mut methods = vec![
        "client_secret_basic",
        "client_secret_post",
        "none",
        "client_secret_jwt",
        "attest_jwt_client_auth",
    ];
    methods.extend(&fapi::METHODS[..if shared.mtls_origin.is_some() { 3 } else { 1 }]);
    let (mut algs, mut assertion_algs) = (ASYMMETRIC.to_vec(), [&ASYMMETRIC[..], &SYMMETRIC].concat());
    if demands.is_fapi {
        methods.retain(|method| fapi::METHODS.contains(method));
        (algs, assertion_algs) = (FAPI.to_vec(), FAPI.to_vec());
    }
    let confidential: Vec<_> = methods.iter().filter(|method| **method != "none").collect();
    let mut members = json!({
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": assertion_algs,
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": assertion_algs,
        "introspection_endpoint_auth_methods_supported": confidential,
        "introspection_endpoint_auth_signing_alg_values_supported": assertion_algs,
        "dpop_signing_alg_values_supported": algs,
        "response_modes_supported": ["query", "form_post", "jwt", "query.jwt", "form_post.jwt"],
        "authorization_signing_alg_values_supported": algs,
        "require_pushed_authorization_requests": demands.must_push,
        "require_signed_request_object": demands.must_sign,
        "request_parameter_supported": true,
        "request_uri_parameter_supported": true,
        "require_request_uri_registration": true,
        "authorization_details_types_supported": demands.details_types,
        "claims_parameter_supported": true,
    });
    // RFC 9101 section 6.2: `none` is for clients that are registered for it.
    let with_none: Vec<_> = algs.iter().copied().chain((!demands.is_fapi).then_some("none")).collect();
    members["request_object_signing_alg_values_supported"] = json!(with_none);
    if demands.is_fapi {
        members["id_token_signing_alg_values_supported"] = json!(FAPI);
        members["code_challenge_methods_supported"] = json!(["S256"]);
    }
    for kind in ["id_token", "userinfo", "authorization"] {
        members[format!("{kind}_encryption_alg_values_supported")] = json!(Recipient::ALGS);
        members[format!("{kind}_encryption_enc_values_supported")] = json!(Recipient::ENCS);
    }
    members["client_attestation_signing_alg_values_supported"] = json!(algs);
    members["client_attestation_pop_signing_alg_values_supported"] = json!(algs);
    if demands.challenges {
        members["challenge_endpoint"] = format!("{}/challenge", shared.issuer).into();
    }
    if demands.decrypts {
        members["request_object_encryption_alg_values_supported"] = json!(["RSA-OAEP-256", "ECDH-ES"]);
        members["request_object_encryption_enc_values_supported"] =
            json!(["A128GCM", "A256GCM", "A128CBC-HS256"]);
    }
    if let Some(origin) = &shared.mtls_origin {
        members["tls_client_certificate_bound_access_tokens"] = true.into();
        members["mtls_endpoint_aliases"] = json!({
            "token_endpoint": format!("{origin}/token"),
            "pushed_authorization_request_endpoint": format!("{origin}/par"),
            "userinfo_endpoint": format!("{origin}/userinfo"),
            "revocation_endpoint": format!("{origin}/revoke"),
            "introspection_endpoint": format!("{origin}/introspect"),
        });
    }
    members.as_object().cloned().unwrap_or_default()
}
