//! How a client authenticates.
use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use crate::error::{ConfigProblem, Error};
use crate::secret::Secret;
use crate::signing::SigningKey;

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
    /// The key for assertions that the client signs itself.
    Key(SigningKey),
    /// Assertions of somebody else.
    Assertion(Assertions),
    /// Attestations of the key of this instance.
    Attestation(Attestation),
}

/// The attestations of a key, and the key.
#[derive(Clone, Debug)]
pub(crate) struct Attestation {
    pub(crate) source: Assertions,
    pub(crate) key: SigningKey,
}

/// Gives the assertions of a workload: JWTs that its platform issues and renews.
///
/// [`Credential::assertion_file`] and [`Credential::assertion_variable`] are ready-made. A closure can be one, too:
/// [`Credential::assertion_from`].
pub trait AssertionSource: Send + Sync {
    /// The assertion to send now.
    ///
    /// # Errors
    /// There is none. The call that needs it fails with this error.
    fn assertion(&self) -> Pin<Box<dyn Future<Output = Result<Secret, Error>> + Send + '_>>;
}

/// A source of assertions, shared by all clones of a credential.
#[derive(Clone)]
pub(crate) struct Assertions(pub(crate) Arc<dyn AssertionSource>);

impl fmt::Debug for Assertions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Assertions(…)")
    }
}

impl Credential {
    /// A client secret.
    ///
    /// It is sent as the definition of the provider or its metadata says, or as [`Registration::client_auth`] says: in HTTP Basic, in
    /// the body, or not at all but as the key of a JWT (`client_secret_jwt`).
    ///
    /// [`Registration::client_auth`]: crate::Registration::client_auth
    pub fn secret(secret: impl Into<Secret>) -> Self {
        Self(Kind::Secret(secret.into()))
    }

    /// A private key: the client authenticates by a JWT that is signed anew for each request (`private_key_jwt`, RFC 7523 section 2.2,
    /// OpenID Connect Core section 9). It is valid for one minute and used once, and its audience is the issuer alone.
    ///
    /// ```no_run
    /// use vouchsafe::{Credential, Registration, SigningKey};
    ///
    /// # fn f() -> Result<(), Box<dyn std::error::Error>> {
    /// let key = SigningKey::from_pem(std::fs::read_to_string("client.pem")?)?.key_id("2026-01");
    /// let registration = Registration::new("my-client").credential(Credential::private_key(key));
    /// # Ok(()) }
    /// ```
    pub fn private_key(key: SigningKey) -> Self {
        Self(Kind::Key(key))
    }

    /// The assertion in a file, such as the token that Kubernetes projects into a pod, a SPIFFE JWT-SVID, or the file that
    /// `AZURE_FEDERATED_TOKEN_FILE` names. The platform replaces it from time to time, so it is read for each request.
    pub fn assertion_file(path: impl Into<PathBuf>) -> Self {
        Self::assertion_from(AssertionFile(path.into()))
    }

    /// The assertion in an environment variable, which is read for each request.
    pub fn assertion_variable(name: impl Into<String>) -> Self {
        Self::assertion_from(AssertionVariable(name.into()))
    }

    /// Assertions of a source of your own, such as [`GithubActions`](crate::GithubActions).
    pub fn assertion_from(source: impl AssertionSource + 'static) -> Self {
        Self(Kind::Assertion(Assertions(Arc::new(source))))
    }

    /// The attestation of this instance of the client: a JWT in which an attester, such as the backend of an app, vouches for the key of the
    /// instance (`attest_jwt_client_auth`, draft-ietf-oauth-attestation-based-client-auth). Each request carries it, with a proof that is
    /// signed anew with the key. A challenge of the provider is fetched or repeated where the provider asks for one.
    ///
    /// An attestation that is expired, or for another client or another key, is an [`Error::Config`](crate::Error::Config) of the
    /// call that would send it.
    ///
    /// ```no_run
    /// use vouchsafe::{Credential, Registration, SigningKey};
    ///
    /// # fn f(attestation: String, pem: vouchsafe::Secret) -> Result<(), vouchsafe::Error> {
    /// let key = SigningKey::from_pem(pem)?; // or a Signer in the hardware of the device
    /// let registration = Registration::new("my-wallet").credential(Credential::attestation(attestation, key));
    /// # Ok(()) }
    /// ```
    pub fn attestation(jwt: impl Into<Secret>, key: SigningKey) -> Self {
        Self::attestation_from(Fixed(jwt.into()), key)
    }

    /// The attestation in a file, which is read for each request: attestations are short-lived, and somebody replaces them. Otherwise as
    /// [`Credential::attestation`].
    pub fn attestation_file(path: impl Into<PathBuf>, key: SigningKey) -> Self {
        Self::attestation_from(AssertionFile(path.into()), key)
    }

    /// Attestations of a source of your own, for example one that asks the attester for a new one before the old one expires. Otherwise
    /// as [`Credential::attestation`].
    pub fn attestation_from(source: impl AssertionSource + 'static, key: SigningKey) -> Self {
        Self(Kind::Attestation(Attestation { source: Assertions(Arc::new(source)), key }))
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
            Kind::AppleKey { .. } | Kind::Key(_) | Kind::Assertion(_) | Kind::Attestation(_) => None,
        }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        match &self.0 {
            Kind::Secret(secret) if secret.expose().is_empty() => {
                let detail = "the client secret is empty: give the secret from the provider, or for a public client \
                              leave out Registration::secret";
                Err(Error::config(ConfigProblem::ClientSecret, detail))
            }
            Kind::Secret(_) | Kind::Key(_) | Kind::Assertion(_) | Kind::Attestation(_) => Ok(()),
            Kind::AppleKey { team_id, key_id, .. } => {
                let ids = [("team id", team_id), ("key id", key_id)];
                let Some((name, _)) = ids.iter().find(|(_, id)| id.trim().is_empty()) else { return Ok(()) };
                let detail = format!("the {name} for the key is empty: Apple shows it beside the key");
                Err(Error::config(ConfigProblem::AppleKey, detail))
            }
        }
    }
}

struct Fixed(Secret);

impl AssertionSource for Fixed {
    fn assertion(&self) -> Pin<Box<dyn Future<Output = Result<Secret, Error>> + Send + '_>> {
        Box::pin(std::future::ready(one_jwt(&self.0, "the text of the attestation")))
    }
}

struct AssertionFile(PathBuf);

impl AssertionSource for AssertionFile {
    fn assertion(&self) -> Pin<Box<dyn Future<Output = Result<Secret, Error>> + Send + '_>> {
        let path = self.0.display();
        // A small local file: it is read faster than a task is moved to another thread.
        let read = std::fs::read_to_string(&self.0).map(Secret::new).map_err(|error| {
            let detail = format!("the assertion of the client cannot be read from {path}: {error}");
            Error::config(ConfigProblem::Assertion, detail)
        });
        let assertion = read.and_then(|text| one_jwt(&text, &format!("the file {path}")));
        Box::pin(std::future::ready(assertion))
    }
}

struct AssertionVariable(String);

impl AssertionSource for AssertionVariable {
    fn assertion(&self) -> Pin<Box<dyn Future<Output = Result<Secret, Error>> + Send + '_>> {
        let name = &self.0;
        let read = std::env::var(name).map(Secret::new).map_err(|_| {
            let detail = format!(
                "the environment variable {name} must hold the assertion of the client, and it is not set"
            );
            Error::config(ConfigProblem::Assertion, detail)
        });
        let assertion = read.and_then(|text| one_jwt(&text, &format!("the environment variable {name}")));
        Box::pin(std::future::ready(assertion))
    }
}

/// The JWT in a text, which may end with a line break.
pub(crate) fn one_jwt(text: &Secret, place: &str) -> Result<Secret, Error> {
    let jwt = text.expose().trim();
    let is_plain = jwt.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if is_plain && jwt.split('.').filter(|part| !part.is_empty()).count() == 3 {
        return Ok(Secret::new(jwt));
    }
    let detail = format!(
        "{place} must hold one signed JWT, and it does not: check where the platform puts the client's assertion"
    );
    Err(Error::config(ConfigProblem::Assertion, detail))
}
