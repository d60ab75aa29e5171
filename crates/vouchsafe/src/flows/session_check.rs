//! The question whether a session at the provider is the same as at the login (OpenID Connect Session Management 1.0 section 3).
use std::fmt;

use url::Url;
use vouchsafe_providers::EndpointName;

use crate::client::Client;
use crate::error::Error;
use crate::tokens::Tokens;

impl Client {
    /// How a page of yours asks the provider's frame whether the session of a login is unchanged. The state is the one that came with
    /// the login: [`Tokens::session_state`]. `None` if the provider has no such frame.
    ///
    /// `vouchsafe-web` has the page, and does what follows if the session has changed.
    ///
    /// ```no_run
    /// # async fn f(client: vouchsafe::Client, tokens: vouchsafe::Tokens) -> Result<(), vouchsafe::Error> {
    /// if let Some(state) = tokens.session_state()
    ///     && let Some(check) = client.session_check(state).await?
    /// {
    ///     // A hidden frame shows check.frame_url(). A script posts check.message() to it, for check.origin() alone.
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The metadata of the provider cannot be had.
    #[doc(alias = "check_session_iframe")]
    pub async fn session_check(&self, session_state: &str) -> Result<Option<SessionCheck>, Error> {
        let call = self.begin();
        let server = call.end(call.server().await)?;
        let Some(frame) = server.endpoints.get(EndpointName::CheckSession) else { return Ok(None) };
        let origin_of = |url: &str| Url::parse(url).ok().map(|url| url.origin().ascii_serialization());
        let Some(origin) = origin_of(frame.as_str()) else { return Ok(None) };
        let authorization = server.endpoints.get(EndpointName::Authorization);
        Ok(Some(SessionCheck {
            frame_url: frame.as_str().to_owned(),
            authorization_origin: authorization.and_then(|url| origin_of(url.as_str())),
            origin,
            message: format!("{} {session_state}", self.client_id()),
        }))
    }
}

impl Tokens {
    /// The state of the user's session at the provider, for [`Client::session_check`]. It comes with a login at a provider that has a
    /// frame for session management.
    pub fn session_state(&self) -> Option<&str> {
        self.callback_value("session_state")?.as_str()
    }
}

/// How a page asks the provider's frame whether a session is unchanged (OpenID Connect Session Management 1.0 section 3.1).
///
/// The frame answers `unchanged`, `changed` or `error`. At `changed`, ask for a login with `prompt=none` and the
/// [ID token](crate::Login::id_token_hint) in another hidden frame: the session goes on if the same user is signed in. At `error`, stop.
///
/// # Security
/// Post the message to [`origin`](Self::origin) alone, and believe an answer only if its `origin` is this one and its `source` is the
/// window of the frame.
#[derive(Clone, Eq, PartialEq)]
pub struct SessionCheck {
    frame_url: String,
    authorization_origin: Option<String>,
    origin: String,
    message: String,
}

impl SessionCheck {
    /// The URL of the provider's frame (`check_session_iframe`).
    pub fn frame_url(&self) -> &str {
        &self.frame_url
    }

    /// The origin of the frame: the target of the message, and the origin of the answer.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The origin of the authorization endpoint, which a page must let into a frame to ask with `prompt=none`.
    pub fn authorization_origin(&self) -> Option<&str> {
        self.authorization_origin.as_deref()
    }

    /// The message to post: the client id, a space, and the state of the session.
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// The state of a session belongs to one browser.
impl fmt::Debug for SessionCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionCheck").field("frame_url", &self.frame_url).finish_non_exhaustive()
    }
}
