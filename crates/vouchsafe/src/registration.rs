//! A registration: an application's entry at a provider.
use vouchsafe_providers::ClientAuth;

use crate::credential::Credential;
use crate::error::{ConfigProblem, Error};
use crate::secret::Secret;

/// Your application's entry at a provider: the client id and credential that it gave you, and the redirect URI that you
/// registered.
///
/// ```
/// use vouchsafe::Registration;
///
/// let web = Registration::new("my-client-id")
///     .secret("my-client-secret")
///     .redirect_uri("https://app.example.com/callback");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Registration {
    pub(crate) client_id: String,
    pub(crate) credential: Option<Credential>,
    pub(crate) redirect_uri: Option<String>,
    pub(crate) client_auth: Option<ClientAuth>,
    pub(crate) revocation_auth: Option<ClientAuth>,
    pub(crate) trusted_audiences: Vec<String>,
}

impl Registration {
    /// A public client of that id: one without a secret, such as a program on its user's own machine.
    pub fn new(client_id: impl Into<String>) -> Self {
        Self {
            client_id: client_id.into(),
            credential: None,
            redirect_uri: None,
            client_auth: None,
            revocation_auth: None,
            trusted_audiences: Vec::new(),
        }
    }

    /// Makes it a confidential client with a client secret: short for [`Registration::credential`] with
    /// [`Credential::secret`].
    pub fn secret(self, secret: impl Into<Secret>) -> Self {
        self.credential(Credential::secret(secret))
    }

    /// Makes it a confidential client that authenticates with this credential, such as a signing key.
    pub fn credential(mut self, credential: Credential) -> Self {
        self.credential = Some(credential);
        self
    }

    /// Where the browser returns to, exactly as registered.
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uri = Some(uri.into());
        self
    }

    /// Overrides how the client authenticates at the token endpoint. Otherwise the provider's definition says how, or its
    /// metadata.
    pub fn client_auth(mut self, method: ClientAuth) -> Self {
        self.client_auth = Some(method);
        self
    }

    /// The same for the revocation endpoint, where it differs.
    pub fn revocation_auth(mut self, method: ClientAuth) -> Self {
        self.revocation_auth = Some(method);
        self
    }

    /// Trusts one more audience that ID tokens may name beside this client (`aud`), such as an API of your own. An ID token for
    /// several audiences is accepted if its `azp` names this client, or if it has no `azp` and every other audience is one of
    /// these (OpenID Connect Core section 3.1.3.7).
    pub fn trusted_audience(mut self, audience: impl Into<String>) -> Self {
        self.trusted_audiences.push(audience.into());
        self
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.client_id.is_empty() {
            return Err(Error::config(
                ConfigProblem::ClientId,
                "the client id is empty: give Registration::new the id from the provider",
            ));
        }
        self.credential.as_ref().map(Credential::check).transpose()?;
        let needs_secret = |m: ClientAuth| !matches!(m, ClientAuth::None);
        let methods = [self.client_auth, self.revocation_auth];
        if self.credential.is_none() && methods.into_iter().flatten().any(needs_secret) {
            let detail = "client_secret_basic and client_secret_post need a client secret, and there is none: set Registration::secret, or \
                          ClientAuth::None";
            return Err(Error::config(ConfigProblem::ClientSecret, detail));
        }
        Ok(())
    }
}
