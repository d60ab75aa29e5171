use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::config::ClientConfig;
use crate::fault::{self, Asked, Endpoint, TOLD};
use crate::routes::authorize::{AuthorizationRequest, Challenge};
use crate::routes::client_auth::ClientRequest;
use crate::sandbox::Shared;
use crate::state::keys::SigningAlg;
use crate::state::store::{AccessToken, Grant, IssuedIdToken, RefreshToken, Store};
use crate::wire::Params;
use crate::wire::Scopes;
use crate::wire::{OAuthError, json};
use crate::wire::{random_token, sha256_base64url};

/// The token endpoint, RFC 6749 §3.2.
pub(crate) async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let params = Params::from_body(&headers, &body);
    let username = params.and_then(|params| shared.username_of(params.values()));
    let asked = Asked { headers: &headers, body: &body };
    let answer = async {
        redeem(&shared, &asked, username.as_deref()).await.unwrap_or_else(IntoResponse::into_response)
    };
    fault::exchange(&shared, Endpoint::Token, username.as_deref(), &asked, answer).await
}

async fn redeem(shared: &Shared, asked: &Asked<'_>, username: Option<&str>) -> Result<Response, OAuthError> {
    let request = ClientRequest::read(shared, asked.headers, asked.body)?;
    shared.maybe_rotate(username).await?;
    if let Some(code) = shared.faults.refusal() {
        return Ok(json(StatusCode::BAD_REQUEST, &json!({ "error": code, "error_description": TOLD })));
    }
    let body = match request.required("grant_type")? {
        "authorization_code" => authorization_code(shared, &request)?,
        "refresh_token" => refresh_token(shared, &request)?,
        _ => {
            let known = "the sandbox knows the grant types authorization_code and refresh_token";
            return Err(OAuthError::new("unsupported_grant_type", known));
        }
    };
    Ok(json(StatusCode::OK, &body))
}

/// RFC 6749 §4.1.3.
fn authorization_code(shared: &Shared, request: &ClientRequest<'_>) -> Result<Value, OAuthError> {
    let given = request.required("code")?;
    let mut store = shared.store();
    let code = store.codes.get(given).cloned().ok_or_else(|| invalid_grant("the code is unknown"))?;
    if code.request.client_id != request.client.id {
        return Err(invalid_grant("the code was issued to another client"));
    }
    if let Some(grant) = &code.redeemed {
        // RFC 6749 §4.1.2: one of the two who came with it is a thief, and there is no telling which.
        store.revoke_grant(grant);
        return Err(invalid_grant("the code was used before, so its tokens are revoked"));
    }
    if code.expires_at <= shared.now() {
        return Err(invalid_grant("the code has expired"));
    }
    check_redirect_uri(&code.request, request.params.get("redirect_uri"))?;
    check_verifier(code.request.challenge.as_ref(), request.params.get("code_verifier"))?;

    let id = random_token("");
    let scopes = code.request.scopes.clone();
    let grant = Grant {
        client_id: request.client.id.clone(),
        signed_in: code.signed_in,
        scopes: scopes.clone(),
        acr: code.request.acr.clone(),
        revoked: false,
        issuer: None,
        forwarded: Vec::new(),
        email_unverified: false,
    };
    store.grants.insert(id.clone(), grant.clone());
    if let Some(code) = store.codes.get_mut(given) {
        code.redeemed = Some(id.clone());
    }
    let issuance = Issuance {
        shared,
        client: request.client,
        grant: &grant,
        grant_id: &id,
        scopes: &scopes,
        nonce: code.request.nonce.as_deref(),
        is_refreshed: false,
    };
    issuance.issue(&mut store)
}

/// RFC 6749 §6, with rotation as in RFC 9700 §4.14.2.
fn refresh_token(shared: &Shared, request: &ClientRequest<'_>) -> Result<Value, OAuthError> {
    let given = request.required("refresh_token")?;
    let mut store = shared.store();
    let refresh = store
        .refresh_tokens
        .get(given)
        .cloned()
        .ok_or_else(|| invalid_grant("the refresh token is unknown"))?;
    let grant =
        store.grants.get(&refresh.grant).cloned().ok_or_else(|| invalid_grant("the grant is forgotten"))?;
    if grant.client_id != request.client.id {
        return Err(invalid_grant("the refresh token was issued to another client"));
    }
    if refresh.used {
        store.revoke_grant(&refresh.grant);
        return Err(invalid_grant("the refresh token was used before, so all that came of it is revoked"));
    }
    if shared.refuses_refresh(&grant.signed_in.username) {
        return Err(invalid_grant("the refresh token was used before, so all that came of it is revoked"));
    }
    if grant.revoked {
        return Err(invalid_grant("the refresh token is revoked"));
    }
    if refresh.expires_at <= shared.now() {
        return Err(invalid_grant("the refresh token has expired"));
    }
    let scopes = match request.params.get("scope") {
        Some(text) => Scopes::parse(text).filter(|scopes| grant.scopes.covers(scopes)).ok_or_else(|| {
            OAuthError::new("invalid_scope", "the scope asks for more than the user has granted")
        })?,
        None => grant.scopes.clone(),
    };
    if let Some(refresh) = store.refresh_tokens.get_mut(given) {
        refresh.used = true;
    }
    let issuance = Issuance {
        shared,
        client: request.client,
        grant: &grant,
        grant_id: &refresh.grant,
        scopes: &scopes,
        // OpenID Connect Core §12.2: a refreshed ID token should have no nonce.
        nonce: None,
        is_refreshed: true,
    };
    issuance.issue(&mut store)
}

/// What a token response is made of.
struct Issuance<'a> {
    shared: &'a Shared,
    client: &'a ClientConfig,
    grant: &'a Grant,
    grant_id: &'a str,
    scopes: &'a Scopes,
    nonce: Option<&'a str>,
    is_refreshed: bool,
}

impl Issuance<'_> {
    /// RFC 6749 §5.1. There is a refresh token in each answer, whether `offline_access` was asked for or not.
    fn issue(&self, store: &mut Store) -> Result<Value, OAuthError> {
        let now = self.shared.now();
        let access_token = random_token("sandbox-at-");
        let refresh_token = random_token("sandbox-rt-");
        let lifetime = self.shared.access_token_lifetime;
        let mut body = json!({
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": lifetime,
            "refresh_token": refresh_token,
            "scope": self.scopes.to_string(),
        });
        if self.scopes.contains("openid") {
            let vouched = self.email_verified(store);
            let id_token = self.id_token(&access_token, now, vouched)?;
            let issued = IssuedIdToken {
                client_id: self.client.id.clone(),
                username: self.grant.signed_in.username.clone(),
            };
            store.id_tokens.insert(sha256_base64url(&id_token), issued);
            body["id_token"] = id_token.into();
        }
        let access = AccessToken {
            grant: self.grant_id.to_owned(),
            scopes: self.scopes.clone(),
            issued_at: now,
            expires_at: now.saturating_add(lifetime),
        };
        let refresh = RefreshToken {
            grant: self.grant_id.to_owned(),
            issued_at: now,
            expires_at: now.saturating_add(REFRESH_TOKEN_LIFETIME),
            used: false,
        };
        store.access_tokens.insert(access_token, access);
        store.refresh_tokens.insert(refresh_token, refresh);
        if let Value::Object(members) = &mut body {
            self.shared.spoil_members(members, &self.grant.signed_in.username);
        }
        Ok(body)
    }

    fn email_verified(&self, store: &mut Store) -> bool {
        let user = self.shared.user(&self.grant.signed_in.username);
        user.is_some_and(|user| self.shared.email_verified(store, user, self.grant_id))
    }

    /// OpenID Connect Core §2.
    fn id_token(&self, access_token: &str, now: u64, email_verified: bool) -> Result<String, OAuthError> {
        let alg =
            self.client.signing_alg.as_deref().and_then(SigningAlg::parse).unwrap_or(self.shared.signing_alg);
        let user = self
            .shared
            .user(&self.grant.signed_in.username)
            .ok_or_else(|| invalid_grant("the user of this grant is gone"))?;
        let mut claims = user.claims(self.scopes);
        if user.email_verified() && !email_verified && claims.contains_key("email_verified") {
            claims.insert("email_verified".into(), false.into());
        }
        claims.insert("iss".into(), self.shared.issuer.clone().into());
        claims.insert("aud".into(), self.client.id.clone().into());
        claims.insert("iat".into(), now.into());
        claims.insert("exp".into(), now.saturating_add(ID_TOKEN_LIFETIME).into());
        claims.insert("auth_time".into(), self.grant.signed_in.auth_time.into());
        claims.insert("acr".into(), self.grant.acr.clone().into());
        // RFC 8176 §2: `user` is a test of presence, and a click is no more than that.
        claims.insert("amr".into(), json!(["user"]));
        claims.insert("at_hash".into(), alg.half_hash(access_token).into());
        claims.remove("nonce");
        if let Some(nonce) = self.nonce {
            claims.insert("nonce".into(), nonce.into());
        }
        self.shared.sign_id_token(claims, alg, user.username(), self.is_refreshed)
    }
}

const ID_TOKEN_LIFETIME: u64 = 3600;
const REFRESH_TOKEN_LIFETIME: u64 = 30 * 24 * 3600;

fn check_redirect_uri(request: &AuthorizationRequest, given: Option<&str>) -> Result<(), OAuthError> {
    match given {
        Some(given) if given == request.redirect_uri => Ok(()),
        Some(_) => Err(invalid_grant("redirect_uri differs from the one in the authorization request")),
        None if request.redirect_uri_omitted => Ok(()),
        None => Err(OAuthError::invalid_request(
            "redirect_uri was in the authorization request and is missing here",
        )),
    }
}

/// RFC 7636 §4.6.
pub(crate) fn check_verifier(
    challenge: Option<&Challenge>,
    verifier: Option<&str>,
) -> Result<(), OAuthError> {
    match (challenge, verifier) {
        (None, None) => Ok(()),
        (Some(_), None) => Err(invalid_grant("the code has a code challenge, and code_verifier is missing")),
        // RFC 9700 §2.1.1: else somebody could have stripped the challenge from the authorization request.
        (None, Some(_)) => Err(invalid_grant("there is a code_verifier, but the code has no code challenge")),
        (Some(challenge), Some(verifier)) => {
            let computed = challenge.method.of(verifier);
            verify_slices_are_equal(computed.as_bytes(), challenge.value.as_bytes())
                .map_err(|_| invalid_grant("code_verifier does not match the code challenge"))
        }
    }
}

fn invalid_grant(description: &str) -> OAuthError {
    OAuthError::new("invalid_grant", description)
}
