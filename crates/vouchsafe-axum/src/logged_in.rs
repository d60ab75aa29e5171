use axum::extract::FromRequestParts;
use http::request::Parts;
use vouchsafe::{Identity, Tokens};

use crate::cookie::Cookie;
use crate::logins::{Kept, Trip};
use crate::rejection::LoginRejection;

/// Somebody who has just signed in: the extractor for the handler at the redirect URI.
///
/// It finishes the login, so take it in that one handler, and keep in a session of your own who it was.
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

impl<S: Send + Sync> FromRequestParts<S> for LoggedIn {
    type Rejection = LoginRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, LoginRejection> {
        let trip = Trip::of(parts)?;
        let result = finish(&trip, parts).await;
        result.map_err(|rejection| rejection.retry_at(&trip.logins))
    }
}

async fn finish(trip: &Trip, parts: &Parts) -> Result<LoggedIn, LoginRejection> {
    let query = parts.uri.query().unwrap_or_default();
    let mut cookies = Cookie::all(&parts.headers).into_iter().filter_map(|c| Some((trip.open(&c)?, c.name)));
    // A response that belongs to none of this browser's logins is forged or stale, and ends none of them.
    let Some((Kept { client, return_to, pending }, name)) =
        cookies.find(|(kept, _)| kept.pending.matches(query))
    else {
        return Err(LoginRejection::stale());
    };
    // However it ends, it ended: the code is spent.
    trip.remove(&name);

    let data = pending.data().map(str::to_owned);
    let Some((_, provider)) = trip.logins.client(Some(&client)) else {
        return Err(LoginRejection::unknown_client());
    };
    let tokens = provider.finish(pending, query).await?;
    let identity = provider.identity(&tokens).await?;
    let return_to = return_to.unwrap_or_else(|| "/".to_owned());
    Ok(LoggedIn { client, identity, tokens, return_to, data })
}
