//! A registration: an application's entry at a provider.
use vouchsafe_providers::{ClientAuth, Definition};

use crate::certificate::ClientCertificate;
use crate::credential::{Credential, Kind};
use crate::error::{ConfigProblem, Error};
use crate::jose::algorithm::{Algorithm, are_symmetric};
use crate::jose::decryption_key::DecryptionKey;
use crate::jose::jwe::{Encrypted, Encryption};
use crate::secret::Secret;
use crate::signing::SigningKey;
use crate::text::redact::printable;

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
    pub(crate) id_token_algorithms: Option<Vec<String>>,
    pub(crate) assertion_audience: Option<String>,
    pub(crate) dpop_key: Option<SigningKey>,
    pub(crate) request_key: Option<SigningKey>,
    pub(crate) certificate: Option<ClientCertificate>,
    decryption_keys: Vec<DecryptionKey>,
    /// `alg` and `enc`.
    id_token_encryption: Option<[String; 2]>,
    userinfo_encryption: Option<[String; 2]>,
    authorization_response_encryption: Option<[String; 2]>,
    request_object_encryption: Option<[String; 2]>,
    pub(crate) signs_introspection: bool,
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
            id_token_algorithms: None,
            assertion_audience: None,
            dpop_key: None,
            request_key: None,
            certificate: None,
            decryption_keys: Vec::new(),
            id_token_encryption: None,
            userinfo_encryption: None,
            authorization_response_encryption: None,
            request_object_encryption: None,
            signs_introspection: false,
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

    /// Overrides how the client authenticates at the revocation endpoint, if it differs.
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

    /// The algorithms by which ID tokens for this client may be signed (`id_token_signed_response_alg`), such as `PS256`. The
    /// list replaces the one in the provider's metadata: some providers announce only `RS256`, whatever a client is
    /// registered for. It also replaces the list in the provider's definition. RS, PS, ES and ML-DSA algorithms and EdDSA are
    /// accepted.
    ///
    /// An HMAC with the client secret (`HS256`, `HS384`, `HS512`) is accepted only if this list, or the one in the definition, names
    /// HMACs alone; the metadata cannot allow it. The secret must have as many bytes as the hash: 32, 48 or 64 (RFC 7518 section
    /// 3.2). Everybody who knows the secret can make such ID tokens: prefer another algorithm where the provider offers one.
    ///
    /// ```
    /// # use vouchsafe::Registration;
    /// let web = Registration::new("my-client-id").id_token_algorithms(["PS256"]);
    /// ```
    pub fn id_token_algorithms<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.id_token_algorithms = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Overrides the audience of the assertions by which the client authenticates (`private_key_jwt`, `client_secret_jwt`). It is the
    /// issuer of the provider, or the token endpoint if the provider has none or its definition says so (`assertion_audience`). Set it
    /// only if the provider demands another value.
    pub fn assertion_audience(mut self, audience: impl Into<String>) -> Self {
        self.assertion_audience = Some(audience.into());
        self
    }

    /// Binds the tokens of this client to a key (DPoP, RFC 9449): somebody who steals them cannot use them. The key signs a proof
    /// for each token request, and for each request with such a token.
    ///
    /// A token response with a bearer token is refused then. Keep the key as long as the tokens: a refresh token of a public
    /// client is bound to it, too.
    ///
    /// ```no_run
    /// use vouchsafe::{Registration, SigningKey};
    ///
    /// # fn f(pem: vouchsafe::Secret) -> Result<(), vouchsafe::Error> {
    /// let registration = Registration::new("my-client").dpop(SigningKey::from_pem(pem)?);
    /// # Ok(()) }
    /// ```
    pub fn dpop(mut self, key: SigningKey) -> Self {
        self.dpop_key = Some(key);
        self
    }

    /// Presents a TLS certificate to the provider (RFC 8705). Without a credential, the client authenticates with it; a provider that
    /// binds tokens to certificates binds them to this one.
    ///
    /// The requests go to the endpoints that the provider's metadata has for clients with certificates (`mtls_endpoint_aliases`). With
    /// [`Registration::dpop`], tokens are bound to that key and not to the certificate.
    pub fn certificate(mut self, certificate: ClientCertificate) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// The key that signs authorization requests (RFC 9101), if it is not the one by which the client authenticates. It signs nothing
    /// before [`ClientBuilder::signed_requests`](crate::ClientBuilder::signed_requests) or the provider asks for it.
    pub fn request_key(mut self, key: SigningKey) -> Self {
        self.request_key = Some(key);
        self
    }

    /// The same registration with keys that sign as FAPI 2.0 demands.
    pub(crate) fn for_fapi(mut self) -> Self {
        let strong = |key: Option<SigningKey>| key.map(SigningKey::for_fapi);
        (self.dpop_key, self.request_key) = (strong(self.dpop_key), strong(self.request_key));
        self.credential = self.credential.map(|credential| match credential.0 {
            Kind::Key(key) => Credential::private_key(key.for_fapi()),
            other => Credential(other),
        });
        self
    }

    /// Whether there is a key for request objects.
    pub(crate) fn signs_requests(&self) -> bool {
        let is_key = |credential: &Credential| matches!(credential.0, Kind::Key(_));
        self.request_key.is_some() || self.credential.as_ref().is_some_and(is_key)
    }

    /// Adds a private key that decrypts the ID tokens, the UserInfo and the authorization responses that the provider encrypts for this client. There may be
    /// several, while one takes the place of another.
    pub fn decryption_key(mut self, key: DecryptionKey) -> Self {
        self.decryption_keys.push(key);
        self
    }

    /// How ID tokens for this client are encrypted (`id_token_encrypted_response_alg` and `id_token_encrypted_response_enc`), and
    /// with them logout tokens. One that is not encrypted, or by other algorithms, is refused. Without this, an encrypted ID token is
    /// accepted if a key decrypts it, and so is one that is not encrypted.
    ///
    /// `alg` is `RSA-OAEP-256`, `ECDH-ES`, `ECDH-ES+A128KW` or `ECDH-ES+A256KW`; `enc` is `A128GCM`, `A256GCM`, `A128CBC-HS256` (the
    /// default of a registration without `enc`) or `A256CBC-HS512`. It needs a [`Registration::decryption_key`].
    pub fn id_token_encryption(mut self, alg: impl Into<String>, enc: impl Into<String>) -> Self {
        self.id_token_encryption = Some([alg.into(), enc.into()]);
        self
    }

    /// How UserInfo for this client is encrypted (`userinfo_encrypted_response_alg` and `userinfo_encrypted_response_enc`): as
    /// [`Registration::id_token_encryption`].
    pub fn userinfo_encryption(mut self, alg: impl Into<String>, enc: impl Into<String>) -> Self {
        self.userinfo_encryption = Some([alg.into(), enc.into()]);
        self
    }

    /// How signed authorization responses for this client are encrypted (`authorization_encrypted_response_alg` and
    /// `authorization_encrypted_response_enc`, JARM section 3): as [`Registration::id_token_encryption`]. It asks for nothing by itself:
    /// [`ClientBuilder::signed_responses`](crate::ClientBuilder::signed_responses) does.
    ///
    /// Nobody but the client can read such a response, so [`PendingLogin::matches`](crate::PendingLogin::matches) finds none of them:
    /// use [`Client::matches`](crate::Client::matches).
    pub fn authorization_response_encryption(
        mut self,
        alg: impl Into<String>,
        enc: impl Into<String>,
    ) -> Self {
        self.authorization_response_encryption = Some([alg.into(), enc.into()]);
        self
    }

    /// How request objects of this client are encrypted for the provider (`request_object_encryption_alg` and
    /// `request_object_encryption_enc`, OpenID Connect Registration section 2), after they are signed (RFC 9101 section 6.1). The
    /// algorithms are those of [`Registration::id_token_encryption`]. The key is one of the provider's key set; a login fails with
    /// [`Error::Unsupported`] if there is none.
    ///
    /// It makes no request objects by itself: [`ClientBuilder::signed_requests`](crate::ClientBuilder::signed_requests), the profile or
    /// the provider does.
    pub fn request_object_encryption(mut self, alg: impl Into<String>, enc: impl Into<String>) -> Self {
        self.request_object_encryption = Some([alg.into(), enc.into()]);
        self
    }

    /// Introspection responses have to be signed JWTs (RFC 9701): of this issuer, for this client. The registration at the provider
    /// needs `introspection_signed_response_alg`. It is for APIs that have to prove later what the issuer said. An encrypted response
    /// is decrypted with a [`Registration::decryption_key`].
    pub fn signed_introspection(mut self) -> Self {
        self.signs_introspection = true;
        self
    }

    /// Encrypted or not, by any supported algorithm.
    pub(crate) fn encrypted_anyhow(&self) -> Encrypted<'_> {
        self.encrypted(&None)
    }

    pub(crate) fn encrypted_id_tokens(&self) -> Encrypted<'_> {
        self.encrypted(&self.id_token_encryption)
    }

    pub(crate) fn encrypted_userinfo(&self) -> Encrypted<'_> {
        self.encrypted(&self.userinfo_encryption)
    }

    pub(crate) fn encrypted_responses(&self) -> Encrypted<'_> {
        self.encrypted(&self.authorization_response_encryption)
    }

    /// `alg` and `enc` of request objects.
    pub(crate) fn encryption_of_requests(&self) -> Option<&[String; 2]> {
        self.request_object_encryption.as_ref()
    }

    fn encrypted(&self, names: &Option<[String; 2]>) -> Encrypted<'_> {
        // The names were checked when the client was made.
        let registered = names.as_ref().and_then(|[alg, enc]| Encryption::from_names(alg, enc));
        Encrypted { keys: &self.decryption_keys, registered }
    }

    /// A registered encryption is supported, and a key can decrypt what comes.
    fn check_encryption(&self) -> Result<(), Error> {
        let responses = &self.authorization_response_encryption;
        for (setting, names, comes) in [
            ("Registration::id_token_encryption", &self.id_token_encryption, true),
            ("Registration::userinfo_encryption", &self.userinfo_encryption, true),
            ("Registration::authorization_response_encryption", responses, true),
            ("Registration::request_object_encryption", &self.request_object_encryption, false),
        ] {
            let Some([alg, enc]) = names else { continue };
            let Some(encryption) = Encryption::from_names(alg, enc) else {
                let detail = format!(
                    "{setting} must be one of {}, and it is {} with {}",
                    Encryption::in_words(),
                    printable(alg, 40),
                    printable(enc, 40)
                );
                return Err(Error::config(ConfigProblem::Encryption, detail));
            };
            if comes && !self.decryption_keys.iter().any(|key| key.does(encryption.alg)) {
                let detail =
                    format!("{setting} needs a private key for {alg}: set Registration::decryption_key");
                return Err(Error::config(ConfigProblem::DecryptionKey, detail));
            }
        }
        Ok(())
    }

    /// The algorithms of ID tokens, if the registration or the definition names them.
    pub(crate) fn algorithms<'a>(&'a self, definition: &'a Definition) -> Option<&'a [String]> {
        let own = self.id_token_algorithms.as_deref();
        own.or(Some(&*definition.id_token_algorithms).filter(|names| !names.is_empty()))
    }

    /// The client secret, if it is one and the same in each request.
    pub(crate) fn secret_of_hmac(&self) -> Option<&Secret> {
        self.credential.as_ref().and_then(Credential::lasting_secret)
    }

    fn check_algorithms(&self, names: &[String], setting: &str) -> Result<(), Error> {
        let wrong = |why: String| Err(Error::config(ConfigProblem::IdTokenAlgorithms, why));
        if !are_symmetric(names) {
            let strange = names.iter().find(|name| Algorithm::from_name(name).is_none());
            let why = match strange {
                Some(name) if Algorithm::symmetric(name).is_some() => {
                    format!(
                        "{name} must not be beside another kind: whoever can choose the algorithm could forge the signature"
                    )
                }
                Some(name) => format!("{} is not accepted", printable(name, 60)),
                None if names.is_empty() => "the list is empty".to_owned(),
                None => return Ok(()),
            };
            return wrong(format!(
                "the algorithms of ID tokens ({setting}) must be among {}, or HMACs alone, and {why}",
                Algorithm::names().collect::<Vec<_>>().join(", ")
            ));
        }
        let longest =
            names.iter().filter_map(|name| Algorithm::symmetric(name)).max_by_key(|a| a.shortest_secret());
        let (Some(algorithm), Some(secret)) = (longest, self.secret_of_hmac()) else {
            return wrong(format!(
                "ID tokens that are signed by {} ({setting}) need the client secret, and there is none: set Registration::secret, or \
                 if this client is registered for another algorithm, set Registration::id_token_algorithms",
                names.join(", ")
            ));
        };
        let (shortest, length) = (algorithm.shortest_secret(), secret.expose().len());
        if length < shortest {
            return wrong(format!(
                "the client secret must have at least {shortest} bytes for {} ({setting}, RFC 7518 section 3.2), and has {length}: get \
                 a longer one, or choose another algorithm at the provider",
                algorithm.name()
            ));
        }
        Ok(())
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        self.check_encryption()?;
        if self.client_id.is_empty() {
            return Err(Error::config(
                ConfigProblem::ClientId,
                "the client id is empty: give Registration::new the id from the provider",
            ));
        }
        self.credential.as_ref().map(Credential::check).transpose()?;
        if let Some(names) = &self.id_token_algorithms {
            self.check_algorithms(names, "Registration::id_token_algorithms")?;
        }
        let methods = [self.client_auth, self.revocation_auth];
        methods.into_iter().flatten().try_for_each(|method| self.check_method(method))
    }

    /// Whether the client has what a method needs.
    fn check_method(&self, method: ClientAuth) -> Result<(), Error> {
        let kind = self.credential.as_ref().map(|credential| &credential.0);
        let is_able = match method {
            ClientAuth::ClientSecretBasic | ClientAuth::ClientSecretPost => {
                matches!(kind, Some(Kind::Secret(_) | Kind::AppleKey { .. }))
            }
            ClientAuth::ClientSecretJwt => matches!(kind, Some(Kind::Secret(_))),
            ClientAuth::PrivateKeyJwt => matches!(kind, Some(Kind::Key(_) | Kind::Assertion(_))),
            ClientAuth::AttestJwtClientAuth => matches!(kind, Some(Kind::Attestation(_))),
            ClientAuth::TlsClientAuth | ClientAuth::SelfSignedTlsClientAuth => self.certificate.is_some(),
            _ => true,
        };
        if is_able {
            return Ok(());
        }
        let (problem, need, set) = match method {
            method if method.is_certificate() => {
                (ConfigProblem::ClientCertificate, "a certificate", "Registration::certificate")
            }
            ClientAuth::AttestJwtClientAuth => {
                (ConfigProblem::Assertion, "an attestation and its key", "Credential::attestation")
            }
            ClientAuth::PrivateKeyJwt => {
                (ConfigProblem::SigningKey, "a private key or an assertion", "Credential::private_key")
            }
            _ => (ConfigProblem::ClientSecret, "a client secret", "Registration::secret"),
        };
        let detail = format!(
            "the method {} needs {need}, and there is none: set {set}, or ClientAuth::None",
            method.as_str()
        );
        Err(Error::config(problem, detail))
    }

    /// Whether a client that is registered like this can authenticate at that provider, as far as the definition says it.
    pub(crate) fn check_for(&self, definition: &Definition) -> Result<(), Error> {
        let Definition { display_name: name, signed_client_secret: signed, client_auth, callback, .. } =
            definition;
        let sends = definition.userinfo.sends_secret();
        let proves = callback.hmac.is_some() || definition.userinfo.proof.is_some() || sends;
        let takes_none = self.client_auth.is_none() && *client_auth == Some(ClientAuth::None);
        let (problem, detail) = match self.credential.as_ref().map(|credential| &credential.0) {
            Some(Kind::Secret(secret)) if *signed && !is_jwt(secret.expose()) => (
                ConfigProblem::ClientAuth,
                format!(
                    "{name} accepts no fixed client secret, only one that is a JWT signed with your key: instead of \
                     Registration::secret, set Credential::apple_key with the team id, the key id and the text of the .p8 file"
                ),
            ),
            Some(Kind::Secret(_)) if takes_none && !proves => (
                ConfigProblem::ClientAuth,
                format!(
                    "{name} takes no client secret: clients send their id and PKCE alone. Leave Registration::secret out; if \
                     your registration there does authenticate by its secret, say how with Registration::client_auth"
                ),
            ),
            // Discovery may lead to Apple, too: such a provider does not say what it accepts.
            Some(Kind::AppleKey { .. }) if client_auth.is_some() && !signed => (
                ConfigProblem::ClientAuth,
                format!(
                    "{name} does not accept client secrets that are signed with a key, so Credential::apple_key does not work \
                     there: set Registration::secret with the client secret from {name}"
                ),
            ),
            None if callback.hmac.is_some() => (
                ConfigProblem::ClientSecret,
                format!(
                    "{name} signs its authorization responses with the client secret, and without it they cannot be checked: \
                     set Registration::secret"
                ),
            ),
            None if sends => (
                ConfigProblem::ClientSecret,
                format!(
                    "{name} wants the client secret with each request for the profile, and there is none: set \
                     Registration::secret"
                ),
            ),
            _ if self.id_token_algorithms.is_none() && !definition.id_token_algorithms.is_empty() => {
                let setting = "id_token_algorithms in the definition";
                return self.check_algorithms(&definition.id_token_algorithms, setting);
            }
            _ => return Ok(()),
        };
        Err(Error::config(problem, detail))
    }
}

/// Whether the text has the shape of a signed JWT. Some applications sign Apple's secret elsewhere, for half a year.
fn is_jwt(secret: &str) -> bool {
    secret.starts_with("ey") && secret.split('.').filter(|part| !part.is_empty()).count() == 3
}
