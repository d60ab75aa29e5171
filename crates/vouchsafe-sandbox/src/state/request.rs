//! A valid authorization request. The sandbox keeps it until the user has decided and the code is redeemed.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::part::Part;
use crate::wire::{Scopes, sha256_base64url, sha256_hex};

/// A valid authorization request.
#[derive(Clone)]
pub(crate) struct AuthorizationRequest {
    /// The provider that the sandbox acts as in this login.
    pub(crate) part: Arc<Part>,
    /// The values of the marks in the authorization URL.
    pub(crate) marks: BTreeMap<String, String>,
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    /// Left out, as RFC 6749 section 3.1.2.3 allows when the client has registered only one.
    pub(crate) redirect_uri_omitted: bool,
    /// The browser posts the response as a form, OAuth 2.0 Form Post Response Mode. Otherwise it is in the query.
    pub(crate) is_form_post: bool,
    /// The response is a signed JWT, JWT Secured Authorization Response Mode.
    pub(crate) is_jwt: bool,
    pub(crate) scopes: Scopes,
    /// It has the parameters without which this provider gives no refresh token.
    pub(crate) is_lasting: bool,
    pub(crate) state: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) challenge: Option<Challenge>,
    pub(crate) max_age: Option<u64>,
    /// The values of `prompt`, OpenID Connect Core section 3.1.2.1.
    pub(crate) prompt: Vec<String>,
    pub(crate) login_hint: Option<String>,
    /// The user that the `id_token_hint` names; only this user may sign in.
    pub(crate) only_user: Option<String>,
    /// The first of the `acr_values`: the sandbox grants every one.
    pub(crate) acr: String,
    /// Parameters of the authorization response that the token request repeats.
    pub(crate) forward: Vec<(String, String)>,
    /// The device code of the device that waits for this decision; no browser is redirected then.
    pub(crate) device: Option<String>,
    /// The thumbprint of the only key that may redeem the code, RFC 9449 section 10.
    pub(crate) jkt: Option<String>,
    /// RFC 8707 section 2.1.
    pub(crate) resources: Vec<String>,
    /// The authorization details, RFC 9396 section 2.
    pub(crate) details: Option<Value>,
    /// The parameter `claims`, OpenID Connect Core section 5.5.
    pub(crate) claims: Value,
}

impl AuthorizationRequest {
    /// A request of this client that asks for nothing yet.
    pub(crate) fn new(part: Arc<Part>, marks: BTreeMap<String, String>, client_id: String) -> Self {
        Self {
            part,
            marks,
            client_id,
            redirect_uri: String::new(),
            redirect_uri_omitted: false,
            is_form_post: false,
            is_jwt: false,
            scopes: Scopes::default(),
            is_lasting: true,
            state: None,
            nonce: None,
            challenge: None,
            max_age: None,
            prompt: Vec::new(),
            login_hint: None,
            only_user: None,
            acr: NO_ACR.to_owned(),
            forward: Vec::new(),
            device: None,
            jkt: None,
            resources: Vec::new(),
            details: None,
            claims: Value::Null,
        }
    }

    pub(crate) fn prompts(&self, value: &str) -> bool {
        self.prompt.iter().any(|known| known == value)
    }

    /// The name of this client in a session's consents.
    pub(crate) fn consent_key(&self) -> String {
        format!("{} {}", self.client_id, self.part.base)
    }
}

/// A code challenge, RFC 7636 section 4.3.
#[derive(Clone)]
pub(crate) struct Challenge {
    pub(crate) value: String,
    pub(crate) method: ChallengeMethod,
}

/// How a code challenge is made of its verifier.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum ChallengeMethod {
    Plain,
    S256,
    /// As S256, but in hexadecimal. This is no standard, but some providers have it.
    Hex,
}

impl ChallengeMethod {
    pub(crate) fn of(self, verifier: &str) -> String {
        match self {
            Self::Plain => verifier.to_owned(),
            Self::S256 => sha256_base64url(verifier),
            Self::Hex => sha256_hex(verifier),
        }
    }
}

/// OpenID Connect Core section 2: an authentication that reaches no level of assurance.
pub(crate) const NO_ACR: &str = "0";
