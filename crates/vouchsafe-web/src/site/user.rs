//! Somebody who is signed in, and what the site can do for them.
use std::fmt;
use std::ops::Deref;

use vouchsafe::ValidToken;

use crate::accounts::account::AccountIdentity;
use crate::session::record::Session;
use crate::site::failure::Failure;
use crate::site::fault::Fault;
use crate::site::visit::Visit;

/// Somebody who is signed in: a [`Session`], with its tokens and the identities of its account.
#[derive(Clone)]
pub struct User {
    session: Session,
    visit: Visit,
}

impl User {
    pub(crate) fn new(session: Session, visit: Visit) -> Self {
        Self { session, visit }
    }

    /// A valid access token of this session at a provider where the person signed in or that they linked. It is refreshed where
    /// needed.
    ///
    /// # Errors
    /// There is no token, the provider refuses the refresh, so that the person has to sign in again, or it cannot be reached.
    pub async fn token(&self, provider: &str) -> Result<ValidToken, Failure> {
        self.valid_token(provider).await.map_err(|failure| self.visit.failed(failure))
    }

    async fn valid_token(&self, provider: &str) -> Result<ValidToken, Failure> {
        let none = || Failure::not_found("no_token", "this session has no token at a provider of that name");
        let site = self.visit.site();
        let client = site.find(provider).await?.ok_or_else(none)?;
        let (vault, user) = (site.vault(provider, client), self.session.tokens_of());
        if vault.stored_tokens(user, provider).await?.is_none() {
            return Err(none());
        }
        vault.token(user, provider).await.map_err(|error| {
            if error.needs_login() {
                let detail = format!("the provider refuses to refresh the tokens of this session: {error}");
                let failure = Failure::new(Fault::SignedOut, detail);
                let place = site.path("/sign-in");
                return failure.member("login_url", &*place).going_on(place);
            }
            Failure::from(error)
        })
    }

    /// The identities of the account.
    ///
    /// # Errors
    /// The accounts cannot be read.
    pub async fn identities(&self) -> Result<Vec<AccountIdentity>, Failure> {
        let accounts = &self.visit.site().inner.accounts;
        let identities = accounts.identities(self.session.account()).await;
        identities.map_err(|error| self.visit.failed(error.into()))
    }

    /// A hidden frame for the end of a page's HTML, which watches the session at the provider (OpenID Connect Session Management 1.0).
    /// Empty if the provider has no such frame.
    ///
    /// If the person signs out at the provider, or somebody else signs in there, the session here ends, and the page is loaded again.
    /// Before that, the page gets an event `vouchsafe:session` whose `detail` is `ended`. A script of the page that calls
    /// `preventDefault` decides for itself:
    ///
    /// ```html
    /// <script>
    /// addEventListener('vouchsafe:session', event => {
    ///   if (event.detail === 'ended') { event.preventDefault(); location.assign('/signed-out'); }
    /// });
    /// </script>
    /// ```
    ///
    /// A Content-Security-Policy of the page needs `frame-src 'self'`. A browser that keeps a provider's cookies from frames cannot
    /// tell: there, the session lasts until it ends otherwise.
    pub fn session_frame(&self) -> String {
        match self.session.session_state() {
            Some(_) => {
                let path = self.visit.site().path("/session/frame");
                format!("<iframe src=\"{path}\" title=\"Session\" hidden></iframe>")
            }
            None => String::new(),
        }
    }

    /// The session alone.
    pub fn into_session(self) -> Session {
        self.session
    }
}

impl Visit {
    /// The person who is signed in.
    ///
    /// # Errors
    /// As [`Visit::session`].
    pub async fn user(&self) -> Result<Option<User>, Failure> {
        let session = self.session().await?;
        Ok(session.map(|session| User::new(session, self.clone())))
    }
}

impl Deref for User {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("provider", &self.session.provider()).finish_non_exhaustive()
    }
}
