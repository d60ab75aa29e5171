//! Grants without a user in front of a browser, at the sandbox's own provider: client credentials (RFC 6749 section 4.4), token
//! exchange (RFC 8693) and JWT bearer (RFC 7523 section 2.1).

use serde_json::{Value, json};

use super::issue::Issuance;
use super::request::Form;
use super::{Call, Reply};
use crate::config::ClientConfig;
use crate::state::{AuthorizationRequest, Jwt, SignedIn, Token};
use crate::wire::{
    OAuthError, Scopes, ensure, error, invalid_grant, invalid_request, random_token, sha256_base64url,
};

/// Whether a token request is one of these.
pub(super) fn is_meant(call: &Call<'_>, grant_type: Option<&str>) -> bool {
    call.part.is_own && grant_type.is_some_and(|name| GRANT_TYPES.contains(&name))
}

pub(super) fn respond(call: &Call<'_>) -> Result<Reply, OAuthError> {
    let token = &call.part.definition.token;
    let form = Form::read(&call.incoming, token.encoding, &[&token.names])?;
    let client = call.client(&form)?;
    match form.get("grant_type") {
        Some(JWT_BEARER) => jwt_bearer(call, &form, client),
        Some(TOKEN_EXCHANGE) => token_exchange(call, &form, client),
        _ => client_credentials(call, &form, client),
    }
}

fn client_credentials(call: &Call<'_>, form: &Form<'_>, client: &ClientConfig) -> Result<Reply, OAuthError> {
    let public = error("unauthorized_client", "this grant is for clients that authenticate");
    ensure(client.secret.is_some(), public)?;
    let scopes = call.part.scopes(form.get("scope"))?;
    let (now, lifetime) = (call.shared.now(), call.shared.settings.access_token_lifetime);
    let nobody = SignedIn { username: String::new(), auth_time: now, sid: String::new() };
    let mut store = call.shared.store();
    let grant = call.grant(&mut store, request(call, client, &scopes), nobody);
    let access_token = random_token("sandbox-at-");
    let token = Token::access(grant.id, scopes.clone(), now, now.saturating_add(lifetime));
    store.tokens.insert(access_token.clone(), token);
    drop(store);
    let members = json!({
        "access_token": access_token, "token_type": "Bearer", "expires_in": lifetime, "scope": scopes.to_string(),
    });
    Ok(Reply::Tokens { members, beside: Value::Null, for_code: false })
}

/// RFC 8693 section 2.1.
fn token_exchange(call: &Call<'_>, form: &Form<'_>, client: &ClientConfig) -> Result<Reply, OAuthError> {
    let (subject, granted) =
        party(call, form.required("subject_token")?, form.required("subject_token_type")?)?;
    match (form.get("actor_token"), form.get("actor_token_type")) {
        (Some(token), Some(kind)) => drop(party(call, token, kind)?),
        (None, None) => {}
        _ => return Err(invalid_request("actor_token and actor_token_type come together or not at all")),
    }
    let scopes = match form.get("scope") {
        Some(text) => call.part.scopes(Some(text))?,
        None => granted.clone(),
    };
    ensure(granted.covers(&scopes), error("invalid_scope", "scope has more than the subject token"))?;
    match form.get("requested_token_type") {
        None | Some(ACCESS_TOKEN) => issue(call, client, &scopes, subject, Some(ACCESS_TOKEN)),
        Some(JWT) => {
            let now = call.shared.now();
            let expires_in = 300;
            let keys = call.shared.keys();
            let mut jwt =
                Jwt::new(&keys, call.shared.alg_for(call.part, &client.id), now, &call.shared.issuer);
            for (name, value) in [
                ("iss", json!(call.shared.issuer)),
                ("sub", json!(subject.username)),
                ("aud", json!(form.get("audience").unwrap_or(&call.shared.issuer))),
                ("iat", json!(now)),
                ("exp", json!(now + expires_in)),
                ("jti", json!(random_token(""))),
            ] {
                jwt.claim(name, value);
            }
            let jwt = jwt.sign().map_err(|_| error("server_error", "the JWT could not be signed"))?;
            let kept = (subject, scopes, now + expires_in);
            call.shared.store().assertions.insert(sha256_base64url(&jwt), kept);
            // Section 2.2.1: no request can be authorized with it.
            let members = json!({
                "access_token": jwt, "token_type": "N_A", "issued_token_type": JWT, "expires_in": expires_in,
            });
            Ok(Reply::Tokens { members, beside: Value::Null, for_code: false })
        }
        Some(_) => Err(invalid_request("the sandbox issues access tokens and JWTs for other tokens")),
    }
}

/// The user of an access token or ID token of this sandbox, and the scopes of the token.
fn party(call: &Call<'_>, token: &str, kind: &str) -> Result<(SignedIn, Scopes), OAuthError> {
    let store = call.shared.store();
    let now = call.shared.now();
    let invalid = || invalid_request("the token is unknown, expired, revoked or of another type");
    match kind {
        ACCESS_TOKEN => {
            let (token, grant) = store.access_token(call.part, token, now).ok_or_else(invalid)?;
            Ok((grant.signed_in.clone(), token.scopes.clone()))
        }
        ID_TOKEN => {
            let issued = store.id_tokens.get(&sha256_base64url(token)).ok_or_else(invalid)?;
            let signed_in =
                SignedIn { username: issued.username.clone(), auth_time: now, sid: random_token("") };
            Ok((signed_in, call.part.scopes(Some("openid profile email"))?))
        }
        _ => Err(invalid_request("the sandbox takes access tokens and ID tokens")),
    }
}

/// RFC 7523 section 2.1, for the JWTs that a token exchange issued.
fn jwt_bearer(call: &Call<'_>, form: &Form<'_>, client: &ClientConfig) -> Result<Reply, OAuthError> {
    let known = call.shared.store().assertions.get(&sha256_base64url(form.required("assertion")?)).cloned();
    let known = known.filter(|(.., expires_at)| *expires_at > call.shared.now());
    let invalid = "the assertion is not one that this sandbox issued, or it has expired";
    let (subject, granted, _) = known.ok_or_else(|| invalid_grant(invalid))?;
    let scopes = match form.get("scope") {
        Some(text) => call.part.scopes(Some(text))?,
        None => granted.clone(),
    };
    ensure(granted.covers(&scopes), error("invalid_scope", "scope has more than the assertion is for"))?;
    issue(call, client, &scopes, subject, None)
}

fn request(call: &Call<'_>, client: &ClientConfig, scopes: &Scopes) -> AuthorizationRequest {
    let (part, marks) = (call.part.clone(), call.marks.clone());
    let scopes = scopes.clone();
    // There is no refresh token: the token that was exchanged brings another one.
    AuthorizationRequest {
        scopes,
        is_lasting: false,
        ..AuthorizationRequest::new(part, marks, client.id.clone())
    }
}

fn issue(
    call: &Call<'_>,
    client: &ClientConfig,
    scopes: &Scopes,
    subject: SignedIn,
    kind: Option<&str>,
) -> Result<Reply, OAuthError> {
    let mut store = call.shared.store();
    let grant = call.grant(&mut store, request(call, client, scopes), subject);
    drop(store);
    let mut reply = Issuance { call, grant: &grant, scopes, is_refreshed: false }.reply(false)?;
    if let (Reply::Tokens { members, .. }, Some(kind)) = (&mut reply, kind) {
        members["issued_token_type"] = kind.into();
    }
    Ok(reply)
}

const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
pub(super) const GRANT_TYPES: [&str; 3] = ["client_credentials", TOKEN_EXCHANGE, JWT_BEARER];
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
