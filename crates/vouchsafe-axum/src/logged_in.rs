use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, Method};
use tokio::time::timeout;
use vouchsafe::{AuthorizationResponse, Identity, Tokens};

use crate::web::cookie::{Cookie, Way};
use crate::web::logins::{Kept, Trip};
use crate::web::rejection::LoginRejection;
use crate::web::visit;

/// Somebody who has just signed in: the extractor for the handler at the redirect URI.
///
/// It finishes the login, so take it in that one handler, and keep in a session of your own who it was.
///
/// It reads the query of a GET, and the form of a POST, which is how providers such as Apple answer: route both to the
/// handler, or the one that your provider uses. As it may read the body, it is the last of the handler's arguments.
///
/// A response counts only at the redirect URI where its login was to return: at the same path, with the same query, if the
/// redirect URI has one. At any other it belongs to no login, and nothing is sent to the provider. Behind a proxy that
/// takes off a part of the path, say so with [`Logins::behind`](crate::Logins::behind). A `HEAD` request and a browser that
/// looks ahead (a prefetch) finish nothing.
///
/// ```no_run
/// use vouchsafe_axum::LoggedIn;
///
/// async fn callback(user: LoggedIn) -> String {
///     format!("Hello {}", user.identity.name().unwrap_or("you"))
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LoggedIn {
    /// The name of the client that they signed in with: the provider's slug, or the name given to
    /// [`Logins::and`](crate::Logins::and).
    pub client: String,
    /// Who signed in.
    pub identity: Identity,
    /// What the provider gave.
    pub tokens: Tokens,
    /// Where to send the browser now: the path given to [`StartLogin::return_to`](crate::StartLogin::return_to), or
    /// `/`. It never leads to another site.
    pub return_to: String,
    /// What was put in with [`Login::data`](vouchsafe::Login::data).
    pub data: Option<String>,
}

impl<S: Send + Sync> FromRequest<S> for LoggedIn {
    type Rejection = LoginRejection;

    async fn from_request(request: Request, _: &S) -> Result<Self, LoginRejection> {
        let (parts, body) = request.into_parts();
        let trip = Trip::of(&parts)?;
        arrive(&trip, &parts, body).await.map_err(|rejection| rejection.told(Some(&trip.logins)))
    }
}

async fn arrive(trip: &Trip, parts: &Parts, body: Body) -> Result<LoggedIn, LoginRejection> {
    if !visit::may_finish(parts) {
        return Err(LoginRejection::no_visit());
    }
    let cookies = Cookie::all(&parts.headers).into_iter();
    let logins = cookies.filter_map(|cookie| Some((trip.open(&cookie)?, cookie.name)));
    let logins: Vec<_> =
        logins.filter(|(kept, _)| trip.logins.is_at_host(kept.pending.redirect_uri(), parts)).collect();
    // Nobody's form is worth waiting for unless a login may be finished by it.
    if logins.is_empty() {
        return Err(LoginRejection::stale());
    }
    let url = trip.logins.arrival(parts);
    let response = AuthorizationResponse::at(&*url);
    if parts.method == Method::POST {
        let form = form(&parts.headers, body).await?;
        finish(trip, logins, response.form(&*form), Way::Form).await
    } else {
        finish(trip, logins, response, Way::Query).await
    }
}

/// The form in a body, as long as it is one and no longer than a response may be.
async fn form(headers: &HeaderMap, body: Body) -> Result<String, LoginRejection> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(LoginRejection::no_form());
    }
    let body = match timeout(FORM_TIME, to_bytes(body, MAX_FORM)).await {
        Ok(Ok(body)) => body,
        _ => return Err(LoginRejection::no_whole_form()),
    };
    String::from_utf8(body.into()).map_err(|_| LoginRejection::no_form())
}

async fn finish(
    trip: &Trip,
    logins: Vec<(Kept, String)>,
    response: AuthorizationResponse<'_>,
    way: Way,
) -> Result<LoggedIn, LoginRejection> {
    // A response that belongs to none of this browser's logins is forged or stale, and ends none of them. RFC 9700
    // §4.4.2.2: neither does one that came to another redirect URI than that of its login.
    let found = logins.into_iter().find(|(kept, _)| kept.pending.matches(response.clone()));
    let Some((Kept { client: name, return_to, pending }, cookie)) = found else {
        return Err(LoginRejection::stale());
    };
    // However it ends, it ended: the code is spent.
    trip.remove(&cookie, way);

    let Some((_, client)) = trip.logins.client(Some(&name)) else {
        return Err(LoginRejection::unknown_client());
    };
    trip.logins.check_redirect_uri(&name, client, pending.redirect_uri())?;
    let data = pending.data().map(str::to_owned);
    let tokens = client.finish(pending, response).await?;
    let identity = client.identity(&tokens).await?;
    let return_to = return_to.unwrap_or_else(|| "/".to_owned());
    Ok(LoggedIn { client: name, identity, tokens, return_to, data })
}

/// The longest form that is read, in bytes.
const MAX_FORM: usize = 64 * 1024;
/// How long a browser may take to send it.
const FORM_TIME: Duration = Duration::from_secs(30);
