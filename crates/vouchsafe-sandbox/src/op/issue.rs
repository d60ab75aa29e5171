//! Tokens for a grant, RFC 6749 section 5.1, with the quirks of the definition.

use serde_json::{Map, Value, json};
use vouchsafe_providers::{Expiry, ProfileSource};

use super::{Call, Reply, details};
use crate::config::{ClientConfig, User};
use crate::part::profile;
use crate::state::{Binding, Grant, IssuedIdToken, Jwt, NO_ACR, Token};
use crate::wire::{OAuthError, Scopes, error, invalid_grant, random_token, sha256_base64url};

/// The issue of tokens for a grant.
pub(super) struct Issuance<'a> {
    pub(super) call: &'a Call<'a>,
    pub(super) grant: &'a Grant,
    pub(super) scopes: &'a Scopes,
    pub(super) is_refreshed: bool,
}

impl Issuance<'_> {
    /// Every token response has a refresh token, if the provider has them, its tokens expire, and the request had what the
    /// definition says that a refresh token needs.
    pub(super) fn reply(&self, for_code: bool) -> Result<Reply, OAuthError> {
        let (shared, part, definition) = (self.call.shared, self.call.part, &self.call.part.definition);
        let quirks = &definition.token;
        let user = shared.user(&self.grant.signed_in.username);
        let user = user.ok_or_else(|| invalid_grant("the user of this grant is gone"))?;
        let lifetime = shared.settings.access_token_lifetime;
        let terms = self.terms()?;
        let access_token = match definition.userinfo.source {
            ProfileSource::AccessToken => self.jwt(user, None)?.0,
            _ => match shared.settings.audience.as_ref().filter(|_| part.is_own) {
                Some(audience) => self.access_token(user, audience, &terms)?,
                None => random_token("sandbox-at-"),
            },
        };
        let mut members = json!({ "access_token": access_token });
        if !quirks.token_type_absent {
            members["token_type"] = Binding::token_type(terms.binding.as_ref()).into();
        }
        if let Some(details) = &terms.details {
            members["authorization_details"] = details.clone();
        }
        let is_endless = quirks.expires_in_zero_is_never || !part.expires();
        if quirks.expires_in_zero_is_never {
            members["expires_in"] = 0.into();
        } else if !is_endless && quirks.expiry != Expiry::Untold {
            let unit = if quirks.expires_in_milliseconds { 1000 } else { 1 };
            members["expires_in"] = lifetime.saturating_mul(unit).into();
        }
        let scopes: Vec<_> = self.scopes.iter().collect();
        if let (Some(separator), false) = (quirks.scope_separators.chars().last(), scopes.is_empty()) {
            members["scope"] = scopes.join(&separator.to_string()).into();
        }
        let wants_id_token =
            self.scopes.contains("openid") || !definition.scopes.iter().any(|scope| scope == "openid");
        if part.has_id_token() && (wants_id_token || !part.is_openid()) {
            let (signed, id_token) = self.jwt(user, Some(&access_token))?;
            let (client_id, username) = (self.grant.request.client_id.clone(), user.username().to_owned());
            let issued = IssuedIdToken { client_id, username };
            let mut store = shared.store();
            store.id_tokens.insert(sha256_base64url(&signed), issued);
            if part.is_own {
                store.take_part(&self.grant.request.client_id, &self.grant.signed_in);
            }
            drop(store);
            members["id_token"] = id_token.into();
        }
        if self.has_refresh_token() {
            let refresh_token = random_token("sandbox-rt-");
            members["refresh_token"] = refresh_token.clone().into();
            let is_public = part.client(&self.grant.request.client_id).is_some_and(ClientConfig::is_public);
            let binding = terms.binding.clone().filter(|_| is_public && part.is_own);
            let terms = Terms { binding, ..terms.clone() };
            self.keep(refresh_token, &self.grant.request.scopes, (REFRESH_TOKEN_LIFETIME, true), terms);
        }
        let kept_for = if is_endless { u64::MAX } else { lifetime };
        self.keep(access_token, self.scopes, (kept_for, false), terms);
        let profile = || profile::document(part, user, self.scopes, self.grant.vouches_for(user));
        let beside = part.beside_tokens(profile, &profile::subject_text(part, user));
        Ok(Reply::Tokens { members, beside, for_code })
    }

    fn has_refresh_token(&self) -> bool {
        let (definition, request) = (&self.call.part.definition, &self.grant.request);
        let quirks = &definition.refreshing;
        let has_scope = |scope: &String| request.scopes.contains(scope);
        let has_none = quirks.access_token
            || (self.is_refreshed && (quirks.keeps_token || self.call.keeps_refresh_tokens()));
        definition.refresh
            && self.call.part.expires()
            && !has_none
            && request.is_lasting
            && (quirks.needs_scope.is_empty() || quirks.needs_scope.iter().any(has_scope))
    }

    /// The bindings and the purposes of the tokens.
    fn terms(&self) -> Result<Terms, OAuthError> {
        let call = self.call;
        let client = call.part.client(&self.grant.request.client_id).filter(|_| call.part.is_own);
        let Some(client) = client else { return Ok(Terms::default()) };
        Ok(Terms {
            binding: call.sender(client)?.cloned(),
            audience: details::granted_resources(call, &self.grant.request)?,
            details: details::granted_details(call, &self.grant.request)?,
        })
    }

    fn keep(&self, token: String, scopes: &Scopes, (lifetime, is_refresh): (u64, bool), terms: Terms) {
        let Terms { binding, audience, details } = terms;
        let issued_at = self.call.shared.now();
        let (grant, scopes, expires_at) =
            (self.grant.id.clone(), scopes.clone(), issued_at.saturating_add(lifetime));
        let kept = Token {
            grant,
            scopes,
            issued_at,
            expires_at,
            is_refresh,
            is_used: false,
            binding,
            audience,
            details,
        };
        self.call.shared.store().tokens.insert(token, kept);
    }

    /// An access token for an API, RFC 9068 section 2.
    fn access_token(&self, user: &User, audience: &str, terms: &Terms) -> Result<String, OAuthError> {
        let (shared, part, grant) = (self.call.shared, self.call.part, self.grant);
        let (keys, now) = (shared.keys(), shared.now());
        let alg = shared.alg_for(part, &grant.request.client_id);
        let mut jwt = Jwt::new(&keys, alg, now, &shared.issuer);
        jwt.header.insert("typ".to_owned(), "at+jwt".into());
        let aud = match &terms.audience[..] {
            [] => json!(audience),
            [one] => json!(one),
            several => json!(several),
        };
        for (name, value) in [
            ("iss", json!(grant.issuer())),
            ("sub", json!(profile::claim_sub(part, user))),
            ("aud", aud),
            ("exp", json!(now.saturating_add(shared.settings.access_token_lifetime))),
            ("iat", json!(now)),
            ("jti", json!(random_token(""))),
            ("client_id", json!(grant.request.client_id)),
            ("scope", json!(self.scopes.to_string())),
            ("auth_time", json!(grant.signed_in.auth_time)),
            ("acr", json!(grant.request.acr)),
        ] {
            jwt.claim(name, value);
        }
        // RFC 9449 section 6.1, RFC 8705 section 3.1 and RFC 9396 section 9.1.
        if let Some(binding) = &terms.binding {
            jwt.claim("cnf", binding.confirmation());
        }
        if let Some(details) = &terms.details {
            jwt.claim("authorization_details", details.clone());
        }
        jwt.sign().map_err(|_| error("server_error", "the access token could not be signed"))
    }

    /// The ID token of an access token, OpenID Connect Core section 2; or an access token that has the same claims. Signed,
    /// and as it is sent.
    fn jwt(&self, user: &User, access_token: Option<&str>) -> Result<(String, String), OAuthError> {
        let (shared, part, grant) = (self.call.shared, self.call.part, self.grant);
        let (request, issuer) = (&grant.request, grant.issuer());
        let alg = shared.alg_for(part, &request.client_id);
        let now = shared.now();
        let mut claims = match profile::document(part, user, self.scopes, grant.vouches_for(user)) {
            // A provider that signs the profile gives it there only.
            Value::Object(members) if !part.definition.userinfo.signed => members,
            _ => Map::new(),
        };
        let lifetime = access_token.map_or(shared.settings.access_token_lifetime, |_| ID_TOKEN_LIFETIME);
        if part.is_own && access_token.is_some() {
            details::add_claims(&mut claims, &request.claims["id_token"], user, grant.vouches_for(user));
        }
        // The issuer is checked against its template with these claims in it.
        claims.extend(part.issuer_claims(&issuer).into_iter().map(|(name, value)| (name, value.into())));
        let mut claim = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        // OpenID Connect Core section 2: the subject is text, also where it is a number in the profile.
        claim("sub", profile::claim_sub(part, user).into());
        claim("iss", issuer.into());
        claim("aud", request.client_id.clone().into());
        claim("iat", now.into());
        claim("exp", now.saturating_add(lifetime).into());
        claim("auth_time", grant.signed_in.auth_time.into());
        if part.is_own || request.acr != NO_ACR {
            claim("acr", request.acr.clone().into());
        }
        if part.is_own {
            // RFC 8176 section 2: `user` is a test of presence, and a click proves no more.
            claim("amr", json!(["user"]));
            claim("sid", grant.signed_in.sid.clone().into());
        }
        match access_token {
            Some(access_token) => claim("at_hash", alg.half_hash(access_token).into()),
            // Access tokens differ, even within a second.
            None => claim("jti", random_token("").into()),
        };
        claims.remove("nonce");
        // OpenID Connect Core section 12.2: a refreshed ID token should have no nonce.
        if let Some(nonce) = request.nonce.clone().filter(|_| part.definition.nonce && !self.is_refreshed) {
            claims.insert("nonce".to_owned(), nonce.into());
        }
        let keys = shared.keys();
        let mut jwt = Jwt::new(&keys, alg, now, &shared.issuer);
        jwt.claims = claims;
        let client = part.client(&request.client_id);
        jwt.secret = client.and_then(|client| client.secret.clone());
        jwt.recipient =
            client.and_then(|client| client.encrypted.id_token()).filter(|_| access_token.is_some());
        shared.faults.change_token(&mut jwt, user.username(), self.is_refreshed);
        let signed = jwt.sign().map_err(|_| error("server_error", "the token could not be signed"))?;
        let sent = jwt.encrypted(signed.clone());
        Ok((signed, sent.map_err(|_| error("server_error", "the token could not be encrypted"))?))
    }
}

/// The binding and the purposes of tokens.
#[derive(Clone, Default)]
struct Terms {
    binding: Option<Binding>,
    audience: Vec<String>,
    details: Option<Value>,
}

const ID_TOKEN_LIFETIME: u64 = 3600;
const REFRESH_TOKEN_LIFETIME: u64 = 30 * 24 * 3600;
