//! The clients of an application.
use vouchsafe::Client;
use vouchsafe::seal::KeyRing;

/// The layer that gives [`StartLogin`](crate::StartLogin) and [`LoggedIn`](crate::LoggedIn) their clients, and sets
/// and removes the login cookies. Cheap to clone.
///
/// With several providers, give each its own redirect URI. A response is accepted only at the redirect URI of its login, so
/// that no provider receives the code of another (the mix-up attack, RFC 9700 section 4.4.2). A login does not start if
/// responses for another client may arrive at its redirect URI.
///
/// ```no_run
/// # fn f(google: vouchsafe::Client, github: vouchsafe::Client, secret: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
/// use vouchsafe::seal::KeyRing;
/// use vouchsafe_axum::Logins;
///
/// let logins = Logins::new(google, KeyRing::new(secret)?).with("github", github).retry_at("/sign-in");
/// let app: axum::Router = axum::Router::new().layer(logins);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Logins(pub(crate) vouchsafe_web::Logins);

impl Logins {
    /// Logins at one provider, named by its slug. The ring seals the login cookies.
    ///
    /// The ring of [`KeyRing::generate`] lives as long as the program: when it restarts, logins that are under way have to
    /// start again. Use [`KeyRing::new`] with a secret if that is a problem, or if several instances share the logins. To
    /// replace the secret, keep the old one in the ring with [`KeyRing::previous`] for as long as a login may take.
    pub fn new(client: Client, keys: KeyRing) -> Self {
        Self(vouchsafe_web::Logins::new(client, keys))
    }

    /// Adds a client under the name that [`StartLogin::client`](crate::StartLogin::client) takes. Replaces a client of the
    /// same name.
    #[must_use]
    pub fn with(self, name: impl Into<String>, client: Client) -> Self {
        Self(self.0.with(name, client))
    }

    /// Names a redirect URI of a client besides the one in its registration, for logins that set it with
    /// [`Login::redirect_uri`](vouchsafe::Login::redirect_uri). With several providers such a login does not start
    /// otherwise, so that no two providers share a redirect URI.
    ///
    /// Name it also if it differs from another redirect URI in the host alone. Responses at such redirect URIs are told apart
    /// by the host of the request. A proxy in front of the application has to pass on the `Host` of the browser; if it does
    /// not, these logins are refused when they return.
    #[must_use]
    pub fn redirect_uri(self, client: impl Into<String>, uri: impl Into<String>) -> Self {
        Self(self.0.redirect_uri(client, uri))
    }

    /// The path that a proxy in front of the application removes: `/shop`, if it turns `/shop/callback` into `/callback`.
    /// Responses are compared with the redirect URI as the browser knows it.
    #[must_use]
    pub fn behind(self, prefix: impl AsRef<str>) -> Self {
        Self(self.0.behind(prefix))
    }

    /// The path where people choose how to sign in; the page after a failure links to it. Defaults to `/`.
    #[must_use]
    pub fn retry_at(self, path: impl Into<String>) -> Self {
        Self(self.0.retry_at(path))
    }

    /// The client of that name, for example to refresh or revoke the tokens of [`LoggedIn`](crate::LoggedIn).
    pub fn client(&self, name: &str) -> Option<&Client> {
        self.0.client(name)
    }
}
