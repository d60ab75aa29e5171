use vouchsafe_providers::ClientAuth;

use crate::error::{ConfigProblem, Error};
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
    pub(crate) apple_key: Option<AppleKey>,
    pub(crate) redirect_uri: Option<String>,
    pub(crate) client_auth: Option<ClientAuth>,
    pub(crate) revocation_auth: Option<ClientAuth>,
}

impl Registration {
    /// A public client of that id: one without a secret, such as a program on its user's own machine.
    pub fn new(client_id: impl Into<String>) -> Self {
        let client_id = client_id.into();
        Self {
            client_id,
            secret: None,
            apple_key: None,
            redirect_uri: None,
            client_auth: None,
            revocation_auth: None,
        }
    }

    /// Makes it a confidential client.
    #[must_use]
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secret = Some(Secret::new(secret));
        self
    }

    /// Makes it a confidential client of Apple's, whose secret is a JWT that is signed anew for each request: by ES256,
    /// good for five minutes, sent as `client_secret_post`. Nothing has to be renewed.
    ///
    /// `team_id` is the id of your team of developers, `key_id` that of the key, and `pem` the whole text of the `.p8`
    /// file that Apple gives for it. The client id is your Services ID; in an app, its bundle id. Apple documents this
    /// under [Creating a client secret].
    ///
    /// ```no_run
    /// use vouchsafe::{Client, Http, Registration, providers};
    ///
    /// # #[cfg(feature = "reqwest")]
    /// # fn f() -> Result<(), Box<dyn std::error::Error>> {
    /// let key = std::fs::read_to_string("AuthKey_ABC123DEFG.p8")?;
    /// let registration = Registration::new("com.example.web")
    ///     .apple_key("DEF123GHIJ", "ABC123DEFG", key)
    ///     .redirect_uri("https://app.example.com/callback");
    /// let client = Client::new(providers::apple(), registration, &Http::new()?)?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The key is read by [`Client::new`](crate::Client::new): what is no PKCS#8 key on P-256 in PEM, an empty id, or a
    /// secret besides the key is an [`Error::Config`].
    ///
    /// [Creating a client secret]: https://developer.apple.com/documentation/accountorganizationaldatasharing/creating-a-client-secret
    #[must_use]
    pub fn apple_key(
        mut self,
        team_id: impl Into<String>,
        key_id: impl Into<String>,
        pem: impl Into<Secret>,
    ) -> Self {
        self.apple_key = Some(AppleKey { team_id: team_id.into(), key_id: key_id.into(), pem: pem.into() });
        self.client_auth = Some(ClientAuth::ClientSecretPost);
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
            return Err(Error::config(ConfigProblem::ClientId, "the client id is empty"));
        }
        if self.secret.as_ref().is_some_and(|s| s.expose().is_empty()) {
            return Err(Error::config(
                ConfigProblem::ClientSecret,
                "the client secret is empty; a public client has none at all",
            ));
        }
        if let Some(key) = &self.apple_key {
            let ids = [("team id", &key.team_id), ("key id", &key.key_id)];
            if let Some((name, _)) = ids.iter().find(|(_, id)| id.trim().is_empty()) {
                let detail = format!("the {name} for the key is empty: it is shown beside the key at Apple");
                return Err(Error::config(ConfigProblem::AppleKey, detail));
            }
            if self.secret.is_some() {
                let detail = "there is a client secret besides the key that client secrets are signed with: give one \
                              of them";
                return Err(Error::config(ConfigProblem::AppleKey, detail));
            }
        }
        let needs_secret = |m: ClientAuth| !matches!(m, ClientAuth::None);
        let methods = [self.client_auth, self.revocation_auth];
        let has_secret = self.secret.is_some() || self.apple_key.is_some();
        if !has_secret && methods.into_iter().flatten().any(needs_secret) {
            let detail = "client_secret_basic and client_secret_post need a client secret, and there is none";
            return Err(Error::config(ConfigProblem::ClientSecret, detail));
        }
        Ok(())
    }
}

/// What client secrets are signed with, as it was given.
#[derive(Clone, Debug)]
pub(crate) struct AppleKey {
    pub(crate) team_id: String,
    pub(crate) key_id: String,
    pub(crate) pem: Secret,
}
