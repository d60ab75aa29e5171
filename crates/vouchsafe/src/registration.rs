use crate::error::Error;
use crate::secret::Secret;

/// Who you are at a provider: what it gave you, and what you told it, when you registered your application.
///
/// ```
/// use vouchsafe::Registration;
///
/// let web = Registration::new("my-client-id")
///     .secret("my-client-secret")
///     .redirect_uri("https://app.example.com/callback");
/// ```
#[derive(Clone, Debug)]
pub struct Registration {
    pub(crate) client_id: String,
    pub(crate) secret: Option<Secret>,
    pub(crate) redirect_uri: Option<String>,
    pub(crate) client_auth: Option<ClientAuth>,
    pub(crate) revocation_auth: Option<ClientAuth>,
}

impl Registration {
    /// A public client of that id: one without a secret, such as a program on its user's own machine.
    pub fn new(client_id: impl Into<String>) -> Self {
        let client_id = client_id.into();
        Self { client_id, secret: None, redirect_uri: None, client_auth: None, revocation_auth: None }
    }

    /// Makes it a confidential client.
    #[must_use]
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secret = Some(Secret::new(secret));
        self
    }

    /// Where the browser returns to, exactly as registered.
    #[must_use]
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uri = Some(uri.into());
        self
    }

    /// How the client authenticates at the token endpoint, where the provider's definition or metadata does not know
    /// better.
    #[must_use]
    pub fn client_auth(mut self, method: ClientAuth) -> Self {
        self.client_auth = Some(method);
        self
    }

    /// The same for the revocation endpoint, where it differs.
    #[must_use]
    pub fn revocation_auth(mut self, method: ClientAuth) -> Self {
        self.revocation_auth = Some(method);
        self
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.client_id.is_empty() {
            return Err(Error::config("client_id", "the client id is empty"));
        }
        if self.secret.as_ref().is_some_and(|s| s.expose().is_empty()) {
            return Err(Error::config(
                "client_secret",
                "the client secret is empty; a public client has none at all",
            ));
        }
        let needs_secret = |m: ClientAuth| !matches!(m, ClientAuth::None);
        let methods = [self.client_auth, self.revocation_auth];
        if self.secret.is_none() && methods.into_iter().flatten().any(needs_secret) {
            let detail = "client_secret_basic and client_secret_post need a client secret, and there is none";
            return Err(Error::config("client_secret", detail));
        }
        Ok(())
    }
}

/// How a client authenticates at a provider's endpoints (RFC 6749 section 2.3, OpenID Connect Core section 9).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ClientAuth {
    /// Not at all: the client id alone, as public clients do.
    None,
    /// HTTP Basic.
    ClientSecretBasic,
    /// Id and secret in the body.
    ClientSecretPost,
}

impl ClientAuth {
    /// The registered name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
        }
    }
}

impl From<vouchsafe_providers::AuthMethod> for ClientAuth {
    fn from(method: vouchsafe_providers::AuthMethod) -> Self {
        use vouchsafe_providers::AuthMethod;
        match method {
            AuthMethod::None => Self::None,
            AuthMethod::ClientSecretBasic => Self::ClientSecretBasic,
            AuthMethod::ClientSecretPost => Self::ClientSecretPost,
        }
    }
}
