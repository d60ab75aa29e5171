//! The extractor that finishes a login.
use std::ops::Deref;

use axum::body::to_bytes;
use axum::extract::{FromRequest, OriginalUri, Request};
use tokio::time::timeout;
use vouchsafe_web::{FORM_TIME, MAX_FORM};

use crate::rejection::LoginRejection;

/// Somebody who has just signed in: the extractor for the handler at the redirect URI. Its fields are those of
/// [`vouchsafe_web::LoggedIn`].
///
/// It finishes the login: use it only in that handler, and keep the identity in your own session.
///
/// It reads the query of a GET request, or the form of a POST request, which providers such as Apple use. Route both methods,
/// or the one that your provider uses, to the handler. It may read the body, so it is the last argument of the handler.
///
/// A response is accepted only at the redirect URI of its login: at the same path and, if the redirect URI has a query, with
/// the same query. Elsewhere it belongs to no login, and nothing is sent to the provider. If a proxy removes a part of the
/// path, set [`Logins::behind`](crate::Logins::behind). A `HEAD` request or a prefetch does not finish a login.
///
/// ```no_run
/// use vouchsafe_axum::LoggedIn;
///
/// async fn callback(user: LoggedIn) -> String {
///     format!("Hello {}", user.identity.name().unwrap_or("you"))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct LoggedIn(pub vouchsafe_web::LoggedIn);

impl Deref for LoggedIn {
    type Target = vouchsafe_web::LoggedIn;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<S: Send + Sync> FromRequest<S> for LoggedIn {
    type Rejection = LoginRejection;

    async fn from_request(request: Request, _: &S) -> Result<Self, LoginRejection> {
        let (parts, body) = request.into_parts();
        // A nested router removes its own part of the path.
        let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |OriginalUri(uri)| uri);
        let form = async { Some(timeout(FORM_TIME, to_bytes(body, MAX_FORM)).await.ok()?.ok()?.into()) };
        Ok(Self(vouchsafe_web::LoggedIn::receive(&parts, uri, form).await?))
    }
}
