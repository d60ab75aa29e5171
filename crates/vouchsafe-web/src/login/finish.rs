//! The end of a login.
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{Method, Uri};
use vouchsafe::error::Operation;
use vouchsafe::{AuthorizationResponse, Identity, Tokens};

use crate::login::context::RequestContext;
use crate::login::cookie::{self, Cookie, SameSite};
use crate::login::once::Turn;
use crate::login::rejection::LoginRejection;
use crate::login::stored::StoredLogin;
use crate::login::visit;

/// Somebody who has just signed in.
///
/// It reads the query of a GET request, or the form of a POST request, which providers such as Apple use.
///
/// A response is accepted only at the redirect URI of its login: at the same path and, if the redirect URI has a query, with
/// the same query. Elsewhere it belongs to no login, and nothing is sent to the provider. If a proxy removes a part of the
/// path, set [`Logins::behind`](crate::Logins::behind). A `HEAD` request or a prefetch does not finish a login.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LoggedIn {
    /// The name of the client: the provider's slug, or the name given to [`Logins::with`](crate::Logins::with).
    /// [`Logins::client`](crate::Logins::client) gives the client, to refresh or revoke the tokens.
    pub client_name: String,
    /// Who signed in.
    pub identity: Identity,
    /// The tokens from the provider.
    pub tokens: Tokens,
    /// The path to send the browser to: the one given to [`StartLogin::return_to`](crate::StartLogin::return_to), or `/`. It
    /// never leads to another site.
    pub return_to: String,
    /// The text given to [`Login::data`](vouchsafe::Login::data).
    pub data: Option<String>,
}

/// A login of this browser, and the name of its cookie.
type OpenLogin = (StoredLogin, String);

impl LoggedIn {
    /// Finishes the login to which a request belongs. `uri` is that of the request as it came to the application, before a router
    /// removed a part of its path. `form` receives the body of the request, at most [`MAX_FORM`] bytes within [`FORM_TIME`], and
    /// is `None` if that fails. It is awaited only if the browser has a login that the request may finish.
    ///
    /// # Errors
    /// The response was refused, or the provider failed: see [`LoginRejection::fault`].
    pub async fn receive(
        parts: &Parts,
        uri: &Uri,
        form: impl Future<Output = Option<Vec<u8>>>,
    ) -> Result<Self, LoginRejection> {
        let context = RequestContext::of(parts)?;
        received(&context, parts, uri, form).await.map_err(|rejection| context.rejected(rejection))
    }
}

async fn received(
    context: &RequestContext,
    parts: &Parts,
    uri: &Uri,
    form: impl Future<Output = Option<Vec<u8>>>,
) -> Result<LoggedIn, LoginRejection> {
    // First of all: without a login that it may finish, no form is worth waiting for.
    let opened = open_logins(context, parts)?;
    let url = context.logins.arrival(uri);
    let response = AuthorizationResponse::at(&*url);
    if parts.method != Method::POST {
        return finish(context, opened, response, SameSite::Lax).await;
    }
    let content_type =
        parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(LoginRejection::malformed(
            "the body posted to the redirect URI is not a form (application/x-www-form-urlencoded)",
        ));
    }
    let Some(form) = form.await else {
        return Err(LoginRejection::malformed(
            "the form posted to the redirect URI is longer than 64 KiB, or did not arrive completely",
        ));
    };
    // Browsers encode such bytes. Where one does not, they matter only in a parameter that is read.
    finish(context, opened, response.form(&*String::from_utf8_lossy(&form)), SameSite::None).await
}

/// The logins that a request can finish; there is at least one.
fn open_logins(context: &RequestContext, parts: &Parts) -> Result<Vec<OpenLogin>, LoginRejection> {
    if !visit::may_finish(parts) {
        return Err(LoginRejection::no_visit());
    }
    let logins = &context.logins;
    let cookies = Cookie::all(&parts.headers).into_iter();
    let opened = cookies.filter_map(|cookie| Some((StoredLogin::open(&cookie, logins)?, cookie.name)));
    let opened: Vec<_> =
        opened.filter(|(login, _)| logins.is_at_host(login.pending.redirect_uri(), parts)).collect();
    if opened.is_empty() { Err(LoginRejection::stale()) } else { Ok(opened) }
}

/// Finishes the login to which a response belongs.
async fn finish(
    context: &RequestContext,
    opened: Vec<OpenLogin>,
    response: AuthorizationResponse<'_>,
    same_site: SameSite,
) -> Result<LoggedIn, LoginRejection> {
    // A response that belongs to no login of this browser is forged or stale, and ends no login. RFC 9700 §4.4.2.2: the same
    // holds for a response that came to another redirect URI.
    let found = opened.into_iter().find(|(login, _)| login.pending.matches(response.clone()));
    let Some((login, cookie)) = found else {
        return Err(LoginRejection::stale());
    };
    // The code is spent, however this ends.
    context.add_cookie(cookie::remove(&cookie, same_site));

    let return_to = login.return_to.clone().unwrap_or_else(|| "/".to_owned());
    let is_silent = login.is_silent;
    let finished = finish_found(context, login, return_to.clone(), response).await;
    finished.map_err(|rejection| rejection.of_login(&return_to, is_silent))
}

async fn finish_found(
    context: &RequestContext,
    login: StoredLogin,
    return_to: String,
    response: AuthorizationResponse<'_>,
) -> Result<LoggedIn, LoginRejection> {
    let id = login.id().ok_or_else(LoginRejection::stale)?;
    let StoredLogin { client: client_name, pending, .. } = login;
    let Some((_, client)) = context.logins.find(Some(&client_name)) else {
        return Err(LoginRejection::unknown_client());
    };
    context.logins.check_redirect_uri(&client_name, client, pending.redirect_uri())?;
    let data = pending.data().map(str::to_owned);
    let turn = match Turn::take(id, pending.expires_at()) {
        Turn::Mine(turn) => turn,
        Turn::Others => return Err(LoginRejection::repeated()),
        Turn::Over => return Err(LoginRejection::spent()),
    };
    let tokens = match client.finish(pending, response).await {
        Ok(tokens) => tokens,
        Err(error) => {
            // The response itself was refused, and its code was not sent.
            if error.operation() == Operation::Authorization {
                turn.give_back();
            }
            return Err(error.into());
        }
    };
    match client.identity(&tokens).await {
        Ok(identity) => Ok(LoggedIn { client_name, identity, tokens, return_to, data }),
        Err(error) => Err(LoginRejection::without_identity(error, tokens)),
    }
}

/// The longest form that is read, in bytes.
pub const MAX_FORM: usize = 64 * 1024;
/// How long a browser may take to send it.
pub const FORM_TIME: Duration = Duration::from_secs(30);
