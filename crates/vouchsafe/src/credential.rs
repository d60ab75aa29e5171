//! How a client authenticates.
use crate::error::{ConfigProblem, Error};
use crate::secret::Secret;

/// How a confidential client authenticates (RFC 6749 section 2.3).
#[derive(Clone, Debug)]
pub struct Credential(pub(crate) Kind);

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Secret(Secret),
    /// The key for client secrets that are JWTs, signed anew for each request: PKCS#8 on P-256.
    AppleKey {
        team_id: String,
        key_id: String,
        pem: Secret,
    },
}

impl Credential {
    /// A client secret.
    pub fn secret(secret: impl Into<Secret>) -> Self {
        Self(Kind::Secret(secret.into()))
    }

    /// A key for Sign in with Apple. The client secret is a JWT that is signed anew for each request: by ES256, valid for five
    /// minutes, sent as `client_secret_post`. Nothing has to be renewed.
    ///
    /// `team_id` is the ID of your team of developers, `key_id` that of the key, and `pem` the whole text of the `.p8` file
    /// that Apple gives for it. The client id is your Services ID, or in an app its bundle ID. Apple documents this under
    /// [Creating a client secret].
    ///
    /// ```no_run
    /// use vouchsafe::{Client, Credential, Http, Registration, providers};
    ///
    /// # #[cfg(feature = "transport")]
    /// # fn f() -> Result<(), Box<dyn std::error::Error>> {
    /// let key = std::fs::read_to_string("AuthKey_ABC123DEFG.p8")?;
    /// let registration = Registration::new("com.example.web")
    ///     .credential(Credential::apple_key("DEF123GHIJ", "ABC123DEFG", key))
    ///     .redirect_uri("https://app.example.com/callback");
    /// let client = Client::new(providers::apple(), registration, &Http::new()?)?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The key is read by [`Client::new`](crate::Client::new): a text that is not a PKCS#8 key on P-256 in PEM, or an empty
    /// ID, is an [`Error::Config`](crate::Error::Config).
    ///
    /// [Creating a client secret]: https://developer.apple.com/documentation/accountorganizationaldatasharing/creating-a-client-secret
    pub fn apple_key(team_id: impl Into<String>, key_id: impl Into<String>, pem: impl Into<Secret>) -> Self {
        Self(Kind::AppleKey { team_id: team_id.into(), key_id: key_id.into(), pem: pem.into() })
    }

    /// The client secret, where it is one and the same in each request.
    pub(crate) fn lasting_secret(&self) -> Option<&Secret> {
        match &self.0 {
            Kind::Secret(secret) => Some(secret),
            Kind::AppleKey { .. } => None,
        }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        match &self.0 {
            Kind::Secret(secret) if secret.expose().is_empty() => {
                let detail = "the client secret is empty: give the secret from the provider, or for a public client \
                              leave out Registration::secret";
                Err(Error::config(ConfigProblem::ClientSecret, detail))
            }
            Kind::Secret(_) => Ok(()),
            Kind::AppleKey { team_id, key_id, .. } => {
                let ids = [("team id", team_id), ("key id", key_id)];
                let Some((name, _)) = ids.iter().find(|(_, id)| id.trim().is_empty()) else { return Ok(()) };
                let detail = format!("the {name} for the key is empty: Apple shows it beside the key");
                Err(Error::config(ConfigProblem::AppleKey, detail))
            }
        }
    }
}
