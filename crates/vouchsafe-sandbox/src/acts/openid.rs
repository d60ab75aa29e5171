use std::collections::BTreeMap;

use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use vouchsafe_providers::{Definition, Pkce, ProfileSource};

use super::{Act, Call, profile, rewrite};
use crate::config::User;
use crate::routes::authorize::NO_ACR;
use crate::sandbox::Shared;
use crate::state::keys::SigningAlg;
use crate::state::store::Grant;
use crate::wire::OAuthError;
use crate::wire::random_token;

/// The issuer of a moved definition, with its marks.
pub(super) fn issuer(definition: &Definition) -> Option<String> {
    let of_document = || Some(definition.discovery.as_deref()?.strip_suffix(WELL_KNOWN)?.to_owned());
    definition.issuer.clone().or_else(of_document)
}

/// The metadata document.
pub(super) fn document(act: &Act) -> String {
    let by_issuer = || format!("{}{WELL_KNOWN}", act.issuer.trim_end_matches('/'));
    act.definition.discovery.clone().unwrap_or_else(by_issuer)
}

/// An endpoint of the definition or, where an OpenID Provider leaves it to its metadata, a place of ours.
pub(super) fn endpoint(act: &Act, known: &Option<String>, name: &str) -> Option<String> {
    known.clone().or_else(|| act.is_openid().then(|| own(act, name)))
}

/// Where the definition has its token endpoint written down, what else it lacks does not exist.
pub(super) fn revocation_endpoint(act: &Act) -> Option<String> {
    let known = &act.definition.revocation_endpoint;
    if act.definition.token_endpoint.is_some() { known.clone() } else { endpoint(act, known, "revoke") }
}

pub(super) fn jwks_uri(act: &Act) -> String {
    own(act, "jwks")
}

/// What `iss` is in ID tokens.
pub(super) fn token_issuer(act: &Act, marks: &BTreeMap<String, String>) -> String {
    let template = act.definition.issuer_template.as_ref().unwrap_or(&act.issuer);
    rewrite::fill(template, |name| Some(claim(act, marks, name))).unwrap_or_else(|| template.clone())
}

/// The server metadata, at the moved issuer.
pub(super) fn metadata(call: &Call<'_>) -> Response {
    if call.method != Method::GET {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let (act, definition) = (call.act, &call.act.definition);
    let filled = |url: String| act.fill(&url, &call.marks).unwrap_or(url);
    let auth = match definition.client_auth {
        Some(method) => vec![method.as_str()],
        None => vec!["client_secret_basic", "client_secret_post"],
    };
    let mut metadata = json!({
        "issuer": announced_issuer(call),
        "jwks_uri": filled(jwks_uri(act)),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "grant_types_supported": if definition.refresh { vec!["authorization_code", "refresh_token"] } else { vec!["authorization_code"] },
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": SigningAlg::ALL.map(SigningAlg::name),
        "token_endpoint_auth_methods_supported": auth,
        "scopes_supported": definition.scopes,
    });
    if act.names_issuer() {
        metadata["authorization_response_iss_parameter_supported"] = true.into();
    }
    if definition.userinfo.signed {
        metadata["userinfo_signing_alg_values_supported"] = json!(SigningAlg::ALL.map(SigningAlg::name));
    }
    if matches!(definition.pkce, Pkce::Supported | Pkce::Required) {
        metadata["code_challenge_methods_supported"] = json!(["S256"]);
    }
    let userinfo = endpoint(act, &definition.userinfo_endpoint, "userinfo")
        .filter(|_| definition.userinfo.source == ProfileSource::Userinfo);
    for (name, url) in [
        ("authorization_endpoint", endpoint(act, &definition.authorization_endpoint, "authorize")),
        ("token_endpoint", endpoint(act, &definition.token_endpoint, "token")),
        ("revocation_endpoint", revocation_endpoint(act)),
        ("introspection_endpoint", definition.introspection_endpoint.clone()),
        ("device_authorization_endpoint", definition.device_authorization_endpoint.clone()),
        ("end_session_endpoint", definition.end_session_endpoint.clone()),
        ("userinfo_endpoint", userinfo),
    ] {
        if let Some(url) = url {
            metadata[name] = filled(url).into();
        }
    }
    call.shared.spoil_metadata(&mut metadata);
    ([("content-type", "application/json")], metadata.to_string()).into_response()
}

/// The key set. Where one directory has many issuers, each key says which of them it may sign for.
pub(super) fn keys(call: &Call<'_>) -> Response {
    let mut set = call.shared.key_set();
    if call.act.definition.issuer_template.is_some() {
        let issuer = announced_issuer(call);
        let keys = set.get_mut("keys").and_then(Value::as_array_mut).into_iter().flatten();
        for key in keys.filter_map(Value::as_object_mut) {
            key.insert("issuer".to_owned(), issuer.clone().into());
        }
    }
    ([("content-type", "application/json")], set.to_string()).into_response()
}

/// What an ID token of an act is made of, or an access token that says the same.
pub(super) struct IdToken<'a> {
    pub(super) shared: &'a Shared,
    pub(super) act: &'a Act,
    pub(super) issuer: &'a str,
    pub(super) user: &'a User,
    pub(super) email_verified: bool,
    pub(super) grant: &'a Grant,
    pub(super) nonce: Option<&'a str>,
    /// The access token that comes along; none where this is it.
    pub(super) access_token: Option<&'a str>,
    pub(super) is_refreshed: bool,
}

impl IdToken<'_> {
    /// OpenID Connect Core §2, with what the definition's pointers look for.
    pub(super) fn sign(&self) -> Result<String, OAuthError> {
        let (shared, username) = (self.shared, self.user.username());
        let alg = shared.signing_alg;
        let now = shared.now();
        let mut claims = match profile::document(self.act, self.user, &self.grant.scopes, self.email_verified)
        {
            // Who signs the profile gives it there alone.
            Value::Object(members) if !self.act.definition.userinfo.signed => members,
            _ => Map::new(),
        };
        // OpenID Connect Core §2: the subject is text, whatever the profile makes of it.
        claims.insert("sub".into(), profile::claim_sub(self.act, self.user).into());
        claims.insert("iss".into(), self.issuer.into());
        claims.insert("aud".into(), self.act.client.id.clone().into());
        claims.insert("iat".into(), now.into());
        let lifetime = self.access_token.map_or(shared.access_token_lifetime, |_| ID_TOKEN_LIFETIME);
        claims.insert("exp".into(), now.saturating_add(lifetime).into());
        claims.insert("auth_time".into(), self.grant.signed_in.auth_time.into());
        if self.grant.acr != NO_ACR {
            claims.insert("acr".into(), self.grant.acr.clone().into());
        }
        match self.access_token {
            Some(access_token) => claims.insert("at_hash".into(), alg.half_hash(access_token).into()),
            // Each is another, even within a second.
            None => claims.insert("jti".into(), random_token("").into()),
        };
        if let Some(template) = &self.act.definition.issuer_template {
            // The issuer is checked against the template with these very claims in it.
            for (name, value) in marks_of(template, self.issuer) {
                claims.insert(name, value.into());
            }
        }
        if let Some(nonce) = self.nonce.filter(|_| self.act.definition.nonce) {
            claims.insert("nonce".into(), nonce.into());
        }
        shared.sign_id_token(claims, alg, username, self.is_refreshed)
    }
}

const ID_TOKEN_LIFETIME: u64 = 3600;
const WELL_KNOWN: &str = "/.well-known/openid-configuration";
/// Who has a template for an issuer has a directory for many: this is the one that the sandbox's users are in.
const TENANT: &str = "a5f1c9d2-0000-4000-8000-76f0e5a2d001";

/// A place below the issuer that no provider has anything at.
fn own(act: &Act, name: &str) -> String {
    format!("{}/sandbox/{name}", act.issuer.trim_end_matches('/'))
}

/// The issuer as the request has it. Where `iss` depends on the token, the document has a mark in its place, as at
/// Microsoft.
fn announced_issuer(call: &Call<'_>) -> String {
    let act = call.act;
    let concrete = act.fill(&act.issuer, &call.marks).unwrap_or_else(|| act.issuer.clone());
    match &act.definition.issuer_template {
        Some(template) if is_for_all(act, &call.marks) => rewrite::fill(template, |name| match name {
            "tid" => Some("{tenantid}".to_owned()),
            name => Some(call.marks.get(name).cloned().unwrap_or_else(|| format!("{{{name}}}"))),
        })
        .unwrap_or_else(|| template.clone()),
        Some(_) => token_issuer(act, &call.marks),
        None => concrete,
    }
}

/// The tenant that the issuer names by its identifier.
fn tenant(act: &Act, marks: &BTreeMap<String, String>) -> Option<String> {
    asked_tenant(act, marks)
        .filter(|tenant| tenant.len() == 36 && tenant.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-'))
}

/// Words such as `common` stand for all tenants; an identifier and a domain are one's.
fn is_for_all(act: &Act, marks: &BTreeMap<String, String>) -> bool {
    tenant(act, marks).is_none() && asked_tenant(act, marks).is_none_or(|asked| !asked.contains('.'))
}

fn asked_tenant(act: &Act, marks: &BTreeMap<String, String>) -> Option<String> {
    let issuer = act.fill(&act.issuer, marks)?;
    marks_of(act.definition.issuer_template.as_ref()?, &issuer).remove("tid")
}

fn claim(act: &Act, marks: &BTreeMap<String, String>, name: &str) -> String {
    match name {
        "tid" => tenant(act, marks).unwrap_or_else(|| TENANT.to_owned()),
        name => marks
            .get(name)
            .or_else(|| act.params.get(name))
            .cloned()
            .unwrap_or_else(|| format!("sandbox-{name}")),
    }
}

/// What stands for each mark of the template in the issuer that was made of it.
fn marks_of(template: &str, issuer: &str) -> BTreeMap<String, String> {
    rewrite::Template::new(template, "").and_then(|template| template.capture(issuer)).unwrap_or_default()
}
