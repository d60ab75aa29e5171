//! The end of a session: at the provider (OpenID Connect RP-Initiated Logout 1.0), and told by the provider (Back-Channel Logout 1.0).
use std::time::SystemTime;

use vouchsafe_providers::EndpointName;

use crate::client::Client;
use crate::client::ongoing::Ongoing;
use crate::error::{Error, Operation};
use crate::jose::logout_token::{self, LogoutToken};
use crate::secret::opaque;
use crate::shared::Asker;
use crate::text::form;
use crate::tokens::Tokens;
use crate::transport::BoxFuture;

impl Client {
    /// The URL at which the user's browser ends the session at the provider. Await it to get the URL, or `None` if the provider has
    /// no such page.
    ///
    /// The tokens stay valid: use [`Client::revoke`] too.
    ///
    /// ```no_run
    /// # async fn f(client: vouchsafe::Client, tokens: vouchsafe::Tokens) -> Result<(), vouchsafe::Error> {
    /// let back = "https://app.example.com/logged-out";
    /// let url = client.logout_url().tokens(&tokens).post_logout_redirect_uri(back).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Security
    /// The URL contains the ID token, so that the provider need not ask the user: keep it out of logs.
    ///
    /// # Errors
    /// The metadata of the provider cannot be had, or the tokens are from another provider.
    #[doc(alias = "end_session")]
    pub fn logout_url(&self) -> LogoutUrl<'_> {
        LogoutUrl { client: self, tokens: None, id_token_hint: None, redirect_uri: None, state: None }
    }

    /// Verifies a logout token that came to your back-channel logout URI as the form parameter `logout_token`, with all checks of
    /// OpenID Connect Back-Channel Logout 1.0 section 2.6: type, algorithm, signature, `iss`, `aud`, `iat`, `exp`, `events`, `sub`
    /// or `sid`, `jti`, and no `nonce`. It must be less than 10 minutes old, whatever its `exp` says.
    ///
    /// # Security
    /// Whether the token was used before is yours to check: remember [`LogoutToken::jti`] for this provider until
    /// [`LogoutToken::remember_until`], and refuse a token whose `jti` is remembered.
    ///
    /// # Errors
    /// [`Error::Validation`] or [`Error::Response`] if the token is not acceptable: the response has the status 400 and the error
    /// `invalid_request`. [`Error::Unsupported`] if the provider publishes no keys. [`Error::Http`] if its keys cannot be fetched.
    #[doc(alias = "backchannel_logout")]
    pub async fn logout_token(&self, token: &str) -> Result<LogoutToken, Error> {
        let call = self.begin_with([token]);
        call.end(call.logout_token(token).await)
    }
}

impl Ongoing<'_> {
    async fn logout_token(&self, token: &str) -> Result<LogoutToken, Error> {
        let operation = Operation::LogoutToken;
        let server = self.server().await?;
        let openid = server.keys_of(operation)?;
        let live = &self.client.inner.live;
        let (expected, now) = (live.expected(&server), SystemTime::now());
        let verify = |keys: &_| logout_token::verify(token, keys, &expected, now);
        let asking = (operation, Asker::Anybody, None);
        live.verify_by(openid, expected.algorithms, asking, self.deadline, verify).await
    }
}

/// A logout request (OpenID Connect RP-Initiated Logout 1.0 section 2). Await it to get the URL.
#[derive(Clone)]
#[must_use = "there is no URL until it is awaited"]
pub struct LogoutUrl<'c> {
    client: &'c Client,
    tokens: Option<&'c Tokens>,
    id_token_hint: Option<&'c str>,
    redirect_uri: Option<String>,
    state: Option<String>,
}

impl<'c> LogoutUrl<'c> {
    /// The tokens of the login. Their ID token tells the provider which session to end (`id_token_hint`). Without it, most
    /// providers ask the user.
    pub fn tokens(mut self, tokens: &'c Tokens) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// The ID token, if you kept it alone. It may have expired.
    pub fn id_token_hint(mut self, id_token: &'c str) -> Self {
        self.id_token_hint = Some(id_token);
        self
    }

    /// The URL to which the provider sends the browser afterwards. It has to be registered there. Without it, the browser stays
    /// at the provider.
    pub fn post_logout_redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uri = Some(uri.into());
        self
    }

    /// A value that comes back with the browser at the `post_logout_redirect_uri`.
    pub fn state(mut self, state: impl Into<String>) -> Self {
        self.state = Some(state.into());
        self
    }

    async fn build(self) -> Result<Option<String>, Error> {
        let call = match self.tokens {
            Some(tokens) => self.client.begin_for(tokens),
            None => self.client.begin_with(self.id_token_hint),
        };
        let server = call.end(match self.tokens {
            Some(tokens) => call.server_of(tokens, Operation::Configuration).await,
            None => call.server().await,
        })?;
        let Ok(endpoint) = server.endpoint(EndpointName::EndSession) else { return Ok(None) };
        let mut url = endpoint.as_str().to_owned() + if endpoint.as_str().contains('?') { "&" } else { "?" };
        url.push_str("client_id=");
        form::escape(&mut url, self.client.client_id());
        let own = self.tokens.and_then(Tokens::id_token).map(|token| token.expose());
        for (name, value) in [
            ("id_token_hint", self.id_token_hint.or(own).filter(|_| server.definition.id_token_hint)),
            ("post_logout_redirect_uri", self.redirect_uri.as_deref()),
            ("state", self.state.as_deref()),
        ] {
            if let Some(value) = value {
                form::add(&mut url, name, value);
            }
        }
        Ok(Some(url))
    }
}

// The hint is a token, and the state is a secret of one browser.
opaque!(LogoutUrl<'_>);

impl<'c> IntoFuture for LogoutUrl<'c> {
    type Output = Result<Option<String>, Error>;
    type IntoFuture = BoxFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.build())
    }
}
