//! The end of a login.
use std::borrow::Cow;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{Method, Uri};
use vouchsafe::error::Operation;
use vouchsafe::seal::KeyRing;
use vouchsafe::{AuthorizationResponse, Client, Identity, Tokens};

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
pub(crate) type OpenLogin = (StoredLogin, String);

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
    let logins = &context.logins;
    // First of all: without a login that it may finish, no form is worth waiting for.
    let mut opened = open_logins(parts, &logins.inner.keys)?;
    opened.retain(|(login, _)| logins.is_at_host(login.pending.redirect_uri(), parts));
    if opened.is_empty() {
        return Err(LoginRejection::stale());
    }
    let url = logins.arrival(uri);
    let (response, same_site) = response(parts, url, form).await?;
    let client = |name: &str| logins.find(Some(name)).map(|(_, client)| client);
    let (login, cookie) = belonging(opened, &response, client)?;
    // The code is spent, however this ends.
    context.add_cookie(cookie::remove(&cookie, same_site));

    let return_to = login.return_to.clone().unwrap_or_else(|| "/".to_owned());
    let is_silent = login.is_silent;
    let finished = finish(context, login, return_to.clone(), response).await;
    finished.map_err(|rejection| rejection.of_login(&return_to, is_silent))
}

/// The logins of this browser that a request could finish.
pub(crate) fn open_logins(parts: &Parts, keys: &KeyRing) -> Result<Vec<OpenLogin>, LoginRejection> {
    if !visit::may_finish(parts) {
        return Err(LoginRejection::no_visit());
    }
    let cookies = Cookie::all(&parts.headers).into_iter();
    Ok(cookies.filter_map(|cookie| Some((StoredLogin::open(&cookie, keys)?, cookie.name))).collect())
}

/// The response that a request brings to `url`, and the kind of cookies that came along with it.
pub(crate) async fn response<'a>(
    parts: &Parts,
    url: impl Into<Cow<'a, str>>,
    form: impl Future<Output = Option<Vec<u8>>>,
) -> Result<(AuthorizationResponse<'a>, SameSite), LoginRejection> {
    let response = AuthorizationResponse::at(url);
    if parts.method != Method::POST {
        return Ok((response, SameSite::Lax));
    }
    if !is_form(parts) {
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
    Ok((response.form(String::from_utf8_lossy(&form).into_owned()), SameSite::None))
}

/// Whether the body of a request is a form.
pub(crate) fn is_form(parts: &Parts) -> bool {
    let content_type =
        parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// The login to which a response belongs, and the name of its cookie. Only its client can read a response that is encrypted.
pub(crate) fn belonging<'c>(
    opened: Vec<OpenLogin>,
    response: &AuthorizationResponse<'_>,
    client: impl Fn(&str) -> Option<&'c Client>,
) -> Result<OpenLogin, LoginRejection> {
    // A response that belongs to no login of this browser is forged or stale, and ends no login. RFC 9700 §4.4.2.2: the same
    // holds for a response that came to another redirect URI.
    let is_its = |(login, _): &OpenLogin| match client(&login.client) {
        Some(client) => client.matches(&login.pending, response),
        None => login.pending.matches(response),
    };
    let found = opened.into_iter().find(is_its);
    found.ok_or_else(LoginRejection::stale)
}

async fn finish(
    context: &RequestContext,
    login: StoredLogin,
    return_to: String,
    response: AuthorizationResponse<'_>,
) -> Result<LoggedIn, LoginRejection> {
    let Some((_, client)) = context.logins.find(Some(&login.client)) else {
        return Err(LoginRejection::unknown_client());
    };
    context.logins.check_redirect_uri(&login.client, client, login.pending.redirect_uri())?;
    let (client_name, data) = (login.client.clone(), login.pending.data().map(str::to_owned));
    let (identity, tokens) = redeem(client, login, response).await?;
    Ok(LoggedIn { client_name, identity, tokens, return_to, data })
}

/// Sends the code of a login, once, and asks who signed in.
pub(crate) async fn redeem(
    client: &Client,
    login: StoredLogin,
    response: AuthorizationResponse<'_>,
) -> Result<(Identity, Tokens), LoginRejection> {
    let tokens = exchange(client, login, response).await?;
    match client.identity(&tokens).await {
        Ok(identity) => Ok((identity, tokens)),
        Err(error) => Err(LoginRejection::without_identity(error, tokens)),
    }
}

/// Sends the code of a login, once.
pub(crate) async fn exchange(
    client: &Client,
    login: StoredLogin,
    response: AuthorizationResponse<'_>,
) -> Result<Tokens, LoginRejection> {
    let id = login.id.ok_or_else(LoginRejection::stale)?;
    let turn = match Turn::take(id, login.pending.expires_at()) {
        Turn::Mine(turn) => turn,
        Turn::Others => return Err(LoginRejection::repeated()),
        Turn::Over => return Err(LoginRejection::spent()),
    };
    client.finish(login.pending, response).await.map_err(|error| {
        // The response itself was refused, and its code was not sent.
        if error.operation() == Operation::Authorization {
            turn.give_back();
        }
        error.into()
    })
}

/// The longest form that is read, in bytes.
pub const MAX_FORM: usize = 64 * 1024;
/// How long a browser may take to send it.
pub const FORM_TIME: Duration = Duration::from_secs(30);
