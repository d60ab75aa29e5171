//! Dynamic client registration, RFC 7591 and OpenID Connect Registration 1.0, and its management, RFC 7592.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use url::Url;

use super::Call;
use super::session::Visit;
use super::shared::Shared;
use crate::config::ClientConfig;
use crate::part::RegisteredClient;
use crate::state::SigningAlg;
use crate::wire::{
    Incoming, OAuthError, ensure, error, invalid_request, json as json_response, random_token,
};

/// The registration endpoint, RFC 7591 section 3.
pub(super) fn respond(call: &Call<'_>) -> Result<Value, OAuthError> {
    if let Some(known) = &call.shared.settings.initial_access_token {
        let given = token(&call.incoming);
        let is_known = verify_slices_are_equal(given.as_bytes(), known.as_bytes()).is_ok();
        ensure(is_known, error("invalid_token", "the initial access token is missing or wrong"))?;
    }
    let metadata = metadata(&call.incoming)?;
    // Section 2 of RFC 6749 lets an id have spaces, colons and percent signs, which clients have to encode.
    let id = format!("client {}: 100%", &random_token("")[..12]);
    let names = (random_token(""), random_token("sandbox-registration-"));
    let client = RegisteredClient::new(client(id, None, &metadata)?, names, call.shared.now(), metadata);
    let added = call.part.registered.add(client).ok_or_else(no_room)?;
    Ok(information(added, &call.shared.issuer))
}

/// The client configuration endpoint, RFC 7592 section 2.
pub(crate) async fn manage(Visit { shared, incoming }: Visit) -> Response {
    match managed(&shared, &incoming) {
        Ok(Some(document)) => unstored(json_response(StatusCode::OK, &document)),
        Ok(None) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => error.into_response(),
    }
}

fn managed(shared: &Shared, incoming: &Incoming) -> Result<Option<Value>, OAuthError> {
    let registered = &shared.own.registered;
    let key = incoming.path.rsplit('/').next().unwrap_or_default();
    let given = token(incoming);
    let is_right = |client: &&RegisteredClient| {
        verify_slices_are_equal(given.as_bytes(), client.token.as_bytes()).is_ok()
    };
    let found = registered.find(|client| client.key == key).filter(is_right);
    // Section 2: nobody learns whether there is such a client.
    let wrong = "the registration access token is missing, wrong, or of a client that is gone";
    let found = found.ok_or_else(|| error("invalid_token", wrong))?;
    if incoming.method == Method::GET {
        return Ok(Some(information(found, &shared.issuer)));
    }
    if incoming.method == Method::DELETE {
        found.remove();
        return Ok(None);
    }
    // Section 2.2.
    let mut metadata = metadata(incoming)?;
    let id = metadata.remove("client_id").unwrap_or_default();
    ensure(id == *found.client.id, invalid_request("client_id is missing or another one"))?;
    let secret = metadata.remove("client_secret");
    let is_own = secret.is_none_or(|secret| secret.as_str() == found.client.secret.as_deref());
    ensure(is_own, invalid_request("client_secret is not the one of this client"))?;
    for name in SET_HERE {
        ensure(!metadata.contains_key(name), invalid_request(format!("{name} must not be in an update")))?;
    }
    let client = client(found.client.id.clone(), found.client.secret.clone(), &metadata)?;
    let names = (found.key.clone(), random_token("sandbox-registration-"));
    let client = RegisteredClient::new(client, names, found.issued_at, metadata);
    let added = registered.add(client).ok_or_else(no_room)?;
    found.remove();
    Ok(Some(information(added, &shared.issuer)))
}

fn no_room() -> OAuthError {
    error("server_error", "the sandbox has no room for more clients")
}

/// Section 2.2 of RFC 7592: the members that only the provider sets.
const SET_HERE: [&str; 4] = [
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
];

/// Section 3.2.1: the response has a secret.
pub(super) fn unstored(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The access token of the request, RFC 6750 section 2.1; empty if there is none.
fn token(incoming: &Incoming) -> &str {
    let field = incoming.header("authorization").unwrap_or_default();
    field.strip_prefix("Bearer ").unwrap_or_default()
}

fn metadata(incoming: &Incoming) -> Result<Map<String, Value>, OAuthError> {
    let is_json = incoming.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
    let members = serde_json::from_slice(&incoming.body).ok().filter(|_| is_json);
    let Some(Value::Object(members)) = members else {
        return Err(invalid_request("the metadata must be sent as a JSON object"));
    };
    Ok(members)
}

/// The client that this metadata describes, section 2.
fn client(
    id: String,
    secret: Option<String>,
    metadata: &Map<String, Value>,
) -> Result<ClientConfig, OAuthError> {
    let wrong = |what: &str| error("invalid_client_metadata", what);
    let texts = |name: &str| match metadata.get(name) {
        None => Ok(Vec::new()),
        Some(Value::Array(values)) => {
            let texts = values.iter().map(|value| value.as_str().map(str::to_owned));
            texts.collect::<Option<Vec<_>>>().ok_or_else(|| wrong(&format!("{name} must be a list of texts")))
        }
        Some(_) => Err(wrong(&format!("{name} must be a list of texts"))),
    };
    let text = |name: &str| metadata.get(name).and_then(Value::as_str);
    let redirect_uris = texts("redirect_uris")?;
    let grants = texts("grant_types")?;
    let redirects = grants.is_empty() || grants.iter().any(|grant| grant == "authorization_code");
    ensure(
        !redirects || !redirect_uris.is_empty(),
        error("invalid_redirect_uri", "a client of the authorization code grant needs redirect_uris"),
    )?;
    for uri in redirect_uris.iter().chain(&texts("post_logout_redirect_uris")?) {
        let fits = Url::parse(uri).is_ok_and(|url| url.fragment().is_none());
        ensure(fits, error("invalid_redirect_uri", "a redirect URI is a URL without a fragment"))?;
    }
    ensure(
        !(metadata.contains_key("jwks") && metadata.contains_key("jwks_uri")),
        wrong("jwks and jwks_uri must not both be there"),
    )?;
    if let Some(alg) = text("id_token_signed_response_alg") {
        ensure(SigningAlg::parse(alg).is_ok(), wrong("id_token_signed_response_alg is not supported"))?;
    }
    let method = text("token_endpoint_auth_method").unwrap_or("client_secret_basic");
    let client = match method {
        "client_secret_basic" | "client_secret_post" => {
            ClientConfig::confidential(id, secret.unwrap_or_else(|| random_token("sandbox-secret-")))
        }
        "none" => ClientConfig::public(id),
        _ => return Err(wrong("token_endpoint_auth_method is not supported")),
    };
    let client = redirect_uris.into_iter().fold(client, ClientConfig::redirect_uri);
    let after = texts("post_logout_redirect_uris")?;
    let client = after.into_iter().fold(client, ClientConfig::post_logout_redirect_uri);
    let client =
        text("backchannel_logout_uri").into_iter().fold(client, ClientConfig::backchannel_logout_uri);
    let client =
        text("frontchannel_logout_uri").into_iter().fold(client, ClientConfig::frontchannel_logout_uri);
    let client = with_keys(client, metadata);
    let encryption = |name: &str| {
        let alg = text(&format!("{name}_alg"))?;
        Some((alg, text(&format!("{name}_enc")).unwrap_or("A128CBC-HS256")))
    };
    type Set<'a> = fn(ClientConfig, &'a str, &'a str) -> ClientConfig;
    let encryptions: [(&str, Set<'_>); 4] = [
        ("id_token_encrypted_response", ClientConfig::id_token_encryption),
        ("userinfo_encrypted_response", ClientConfig::userinfo_encryption),
        ("authorization_encrypted_response", ClientConfig::authorization_response_encryption),
        ("request_object_encryption", ClientConfig::request_object_encryption),
    ];
    let client = encryptions.into_iter().fold(client, |client, (name, set)| match encryption(name) {
        Some((alg, enc)) => set(client, alg, enc),
        None => client,
    });
    let client = texts("request_uris")?.into_iter().fold(client, ClientConfig::request_uri);
    let alg = text("request_object_signing_alg");
    let client = alg.into_iter().fold(client, ClientConfig::request_object_signing_alg);
    client.check().map_err(|error| wrong(&error.to_string()))?;
    for recipient in client.encrypted.all() {
        recipient.check().map_err(|error| wrong(&error.to_string()))?;
    }
    Ok(text("id_token_signed_response_alg").into_iter().fold(client, ClientConfig::signing_alg))
}

/// The client with the keys of its metadata: those that verify what it signs, and the one to encrypt for it.
fn with_keys(client: ClientConfig, metadata: &Map<String, Value>) -> ClientConfig {
    let keys = metadata.get("jwks").and_then(|set| set["keys"].as_array()).cloned().unwrap_or_default();
    let (own, others): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| key["use"] == "enc");
    let client = own.into_iter().take(1).fold(client, ClientConfig::encryption_key);
    if others.is_empty() { client } else { client.jwks(json!({ "keys": others })) }
}

/// The client information response, RFC 7591 section 3.2.1 and RFC 7592 section 3.
fn information(registered: &RegisteredClient, issuer: &str) -> Value {
    let mut document = Value::Object(registered.metadata.clone());
    for (name, default) in [
        ("token_endpoint_auth_method", json!("client_secret_basic")),
        ("grant_types", json!(["authorization_code"])),
        ("response_types", json!(["code"])),
    ] {
        if document.get(name).is_none() {
            document[name] = default;
        }
    }
    document["client_id"] = registered.client.id.clone().into();
    document["client_id_issued_at"] = registered.issued_at.into();
    if let Some(secret) = &registered.client.secret {
        document["client_secret"] = secret.clone().into();
        document["client_secret_expires_at"] = 0.into();
    }
    document["registration_access_token"] = registered.token.clone().into();
    document["registration_client_uri"] = format!("{issuer}/register/{}", registered.key).into();
    document
}
