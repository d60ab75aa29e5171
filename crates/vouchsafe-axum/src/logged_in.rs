//! The extractor that finishes a login.
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, OriginalUri, Request};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, Method};
use tokio::time::timeout;
use vouchsafe::AuthorizationResponse;

use crate::web::context::RequestContext;
use crate::web::cookie::SameSite;
use crate::web::finish::{LoggedIn, finish, open_logins};
use crate::web::rejection::LoginRejection;

impl<S: Send + Sync> FromRequest<S> for LoggedIn {
    type Rejection = LoginRejection;

    async fn from_request(request: Request, _: &S) -> Result<Self, LoginRejection> {
        let (parts, body) = request.into_parts();
        let context = RequestContext::of(&parts)?;
        read(&context, &parts, body).await.map_err(|rejection| context.rejected(rejection))
    }
}

async fn read(context: &RequestContext, parts: &Parts, body: Body) -> Result<LoggedIn, LoginRejection> {
    // First of all: without a login that it may finish, no form is worth waiting for.
    let opened = open_logins(context, parts)?;
    // A nested router removes its own part of the path.
    let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |OriginalUri(uri)| uri);
    let url = context.logins.arrival(uri);
    let response = AuthorizationResponse::at(&*url);
    if parts.method == Method::POST {
        let form = form(&parts.headers, body).await?;
        finish(context, opened, response.form(&*form), SameSite::None).await
    } else {
        finish(context, opened, response, SameSite::Lax).await
    }
}

/// The form in a body, if it is one and no longer than a response may be.
async fn form(headers: &HeaderMap, body: Body) -> Result<String, LoginRejection> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(LoginRejection::malformed(
            "the body posted to the redirect URI is not a form (application/x-www-form-urlencoded)",
        ));
    }
    let Ok(Ok(body)) = timeout(FORM_TIME, to_bytes(body, MAX_FORM)).await else {
        return Err(LoginRejection::malformed(
            "the form posted to the redirect URI is longer than 64 KiB, or did not arrive completely",
        ));
    };
    // Browsers encode such bytes. Where one does not, they matter only in a parameter that is read.
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// The longest form that is read, in bytes.
const MAX_FORM: usize = 64 * 1024;
/// How long a browser may take to send it.
const FORM_TIME: Duration = Duration::from_secs(30);
