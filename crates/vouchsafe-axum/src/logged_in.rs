use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, Method};
use tokio::time::timeout;
use vouchsafe::{Identity, Tokens};

use crate::cookie::{Cookie, Way};
use crate::logins::{Kept, Trip};
use crate::rejection::LoginRejection;

/// Somebody who has just signed in: the extractor for the handler at the redirect URI.
///
/// It finishes the login, so take it in that one handler, and keep in a session of your own who it was.
///
/// It reads the query of a GET, and the form of a POST, which is how providers such as Apple answer: route both to the
/// handler, or the one that your provider uses. As it may read the body, it is the last of the handler's arguments.
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
        let result = match parts.method {
            Method::POST => match form(&parts.headers, body).await {
                Ok(form) => finish(&trip, &parts, &form, Way::Form).await,
                Err(rejection) => Err(rejection),
            },
            _ => finish(&trip, &parts, parts.uri.query().unwrap_or_default(), Way::Query).await,
        };
        result.map_err(|rejection| rejection.retry_at(&trip.logins))
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

async fn finish(trip: &Trip, parts: &Parts, query: &str, way: Way) -> Result<LoggedIn, LoginRejection> {
    let mut cookies = Cookie::all(&parts.headers).into_iter().filter_map(|c| Some((trip.open(&c)?, c.name)));
    // A response that belongs to none of this browser's logins is forged or stale, and ends none of them.
    let Some((Kept { client, return_to, pending }, name)) =
        cookies.find(|(kept, _)| kept.pending.matches(query))
    else {
        return Err(LoginRejection::stale());
    };
    // However it ends, it ended: the code is spent.
    trip.remove(&name, way);

    let data = pending.data().map(str::to_owned);
    let Some((_, provider)) = trip.logins.client(Some(&client)) else {
        return Err(LoginRejection::unknown_client());
    };
    let tokens = provider.finish(pending, query).await?;
    let identity = provider.identity(&tokens).await?;
    let return_to = return_to.unwrap_or_else(|| "/".to_owned());
    Ok(LoggedIn { client, identity, tokens, return_to, data })
}

/// The longest form that is read, in bytes.
const MAX_FORM: usize = 64 * 1024;
/// How long a browser may take to send it.
const FORM_TIME: Duration = Duration::from_secs(30);
