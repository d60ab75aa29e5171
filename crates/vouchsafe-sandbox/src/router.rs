//! The routes, and the checks that every request passes first.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{any, get, post};

use crate::op::shared::Shared;
use crate::op::{self, claims, interaction, metadata, user_code};
use crate::pages::{self, Problem};
use crate::state::RecordedRequest;

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/.well-known/openid-configuration", get(op::respond))
        .route("/.well-known/oauth-authorization-server", get(op::metadata_of_rfc8414))
        .route("/.well-known/webfinger", get(op::respond))
        .route("/authorize", get(op::respond).post(op::respond))
        .route("/login", get(interaction::show_login).post(interaction::login))
        .route("/consent", get(interaction::show_consent).post(interaction::consent))
        .route("/backchannel", post(op::respond))
        .route("/register", post(op::respond))
        .route("/register/{key}", get(op::manage).put(op::manage).delete(op::manage))
        .route("/device_authorization", post(op::respond))
        .route("/device", get(user_code::show).post(user_code::enter))
        .route("/token", post(op::respond))
        .route("/par", post(op::respond))
        .route("/challenge", post(op::respond))
        .route("/resource", any(op::respond))
        .route("/userinfo", get(op::respond).post(op::respond))
        .route("/jwks", get(op::respond))
        .route("/claims", get(claims::respond))
        .route("/attacker/jwks", get(metadata::attacker))
        .route("/attacker/key.pem", get(metadata::attacker_pem))
        .route("/revoke", post(op::respond))
        .route("/introspect", post(op::respond))
        .route("/end_session", get(op::respond).post(op::respond))
        .route("/session", get(op::respond))
        .route("/end_session/confirm", post(op::confirm))
        .route("/act/{slug}/{*rest}", any(op::respond))
        .route("/.well-known/oauth-authorization-server/act/{slug}/{*rest}", get(op::metadata_of_rfc8414))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(&shared), guard))
        .with_state(shared)
}

const MAX_BODY: usize = 64 * 1024;
const MAX_HEAD: usize = 32 * 1024;

/// Limits the size of requests, and records them.
async fn guard(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Result<Response, Problem> {
    let problem = |status, title: &str, text: &str| Err(Problem::new(status, title, text));
    // Everybody can sign in as anybody here, so no name that leads here by DNS rebinding or through a tunnel is served.
    if !is_for_this_machine(&request) {
        return problem(
            StatusCode::MISDIRECTED_REQUEST,
            "This sandbox serves only this machine",
            "It serves localhost, 127.0.0.1 and [::1] only, so that no other site and no other machine can sign in with it.",
        );
    }
    let (parts, body) = request.into_parts();
    let query = parts.uri.query().map(str::to_owned);
    let path = parts.uri.path().to_owned();
    let field = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let headers: Vec<_> = parts.headers.iter().map(field).collect();
    let head = path.len() + query.as_ref().map_or(0, String::len);
    if headers.iter().fold(head, |sum, (name, value)| sum + name.len() + value.len()) > MAX_HEAD {
        return problem(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "The request is too long",
            "The address and the header fields together are longer than the sandbox accepts.",
        );
    }
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return problem(
            StatusCode::PAYLOAD_TOO_LARGE,
            "The request is too long",
            "The body is longer than the sandbox accepts, or the connection broke off.",
        );
    };
    let method = parts.method.to_string();
    shared.record.push(RecordedRequest { method, path, query, headers, body: body.to_vec() });
    let mut response = next.run(Request::from_parts(parts, Body::from(body))).await;
    // Browsers must not guess another content type.
    response.headers_mut().insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    Ok(response)
}

/// RFC 9112 section 3.2: a request has one `Host`. If its target names a host as well, both are checked.
fn is_for_this_machine(request: &Request) -> bool {
    let mut headers = request.headers().get_all(HOST).iter();
    let (header, another) = (headers.next(), headers.next());
    let named = request.uri().authority().map(|authority| authority.as_str());
    let header_is = header.map(|host| host.to_str().is_ok_and(is_loopback));
    another.is_none() && header_is.or(named.map(|_| true)) == Some(true) && named.is_none_or(is_loopback)
}

fn is_loopback(authority: &str) -> bool {
    let Ok(authority) = authority.parse::<Authority>() else { return false };
    let host = authority.host();
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    // RFC 6761 section 6.3: names below localhost belong to this machine as well.
    let name = host.to_ascii_lowercase();
    !authority.as_str().contains('@')
        && (name == "localhost"
            || name.ends_with(".localhost")
            || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()))
}

async fn home(State(shared): State<Arc<Shared>>) -> Response {
    pages::home(&shared.own, &shared.settings.users)
}

async fn not_found(uri: Uri) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "This page does not exist",
        "The sandbox has no endpoint at this path. Its start page lists the endpoints.",
    )
    .detail("Path", uri.path())
}

async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "This method is not allowed",
        "The endpoint exists, but not for this method. The token, revocation and introspection endpoints take POST.",
    )
    .detail("Request", format!("{method} {}", uri.path()))
}
