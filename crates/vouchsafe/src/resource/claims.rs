//! The facts about an access token that was accepted.
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::text::json::Value;
use crate::text::moment::LATEST;

/// A validated access token: its claims, or the response of the introspection endpoint.
#[derive(Clone)]
pub struct AccessTokenClaims {
    issuer: String,
    claims: Value,
}

impl AccessTokenClaims {
    pub(super) fn new(issuer: &str, claims: Value) -> Self {
        Self { issuer: issuer.to_owned(), claims }
    }

    /// The issuer of the token: one of those that the API trusts.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The user, or the client if it acts for itself (`sub`). It is unique at this issuer.
    pub fn subject(&self) -> Option<&str> {
        self.text("sub")
    }

    /// The client that the token was issued to (`client_id`, at some issuers `azp`).
    pub fn client_id(&self) -> Option<&str> {
        self.text("client_id").or_else(|| self.text("azp"))
    }

    /// The scopes of the token (`scope`, at some issuers `scp`).
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        let claim = self.claim("scope").or_else(|| self.claim("scp"));
        let many = claim.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let text = claim.and_then(Value::as_str).unwrap_or_default();
        text.split(' ').filter(|scope| !scope.is_empty()).chain(many)
    }

    /// Whether the token has this scope.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes().any(|own| own == scope)
    }

    /// When the token expires (`exp`). An introspection endpoint may leave it out.
    pub fn expires_at(&self) -> Option<SystemTime> {
        let seconds = self.claim("exp")?.as_f64().filter(|seconds| (0.0..=LATEST).contains(seconds))?;
        UNIX_EPOCH.checked_add(Duration::from_secs_f64(seconds))
    }

    /// The thumbprint of the key that the token is bound to (`cnf.jkt`, RFC 9449 section 6.1). The sender of the request has proven
    /// that it has this key.
    pub fn key_thumbprint(&self) -> Option<&str> {
        self.claim("cnf")?.get("jkt")?.as_str()
    }

    /// The thumbprint of the certificate that the token is bound to (`cnf.x5t#S256`, RFC 8705 section 3.1). The client of the request has
    /// presented this certificate.
    pub fn certificate_thumbprint(&self) -> Option<&str> {
        self.claim("cnf")?.get("x5t#S256")?.as_str()
    }

    /// All claims, as an object.
    pub fn claims(&self) -> &Value {
        &self.claims
    }

    /// One claim by its name.
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.claims.get(name)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.claim(name)?.as_str()
    }
}

// The claims are personal data.
impl fmt::Debug for AccessTokenClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessTokenClaims").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
