//! The settings that make a client stronger than the usual login, and the profiles that set several at once.
use crate::authenticator::Authenticator;
use crate::endpoint::{Endpoint, PlainHosts};
use crate::error::{ConfigProblem, Error};
use crate::jose::algorithm::FAPI;
use crate::registration::Registration;
use crate::signing::SigningKey;

/// A security profile: one setting that turns on all that it requires, and refuses all that it forbids.
///
/// ```no_run
/// # fn f(key: vouchsafe::SigningKey, dpop: vouchsafe::SigningKey, http: &vouchsafe::Http) -> Result<(), vouchsafe::Error> {
/// use vouchsafe::{Client, Credential, Profile, Provider, Registration};
///
/// let registration = Registration::new("my-client")
///     .credential(Credential::private_key(key))
///     .dpop(dpop)
///     .redirect_uri("https://app.example.com/callback");
/// let client = Client::builder(Provider::openid("https://bank.example"), registration)
///     .profile(Profile::Fapi2Security)
///     .build(http)?;
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Profile {
    /// FAPI 2.0 Security Profile: pushed authorization requests, clients that authenticate with a key or a certificate, tokens that are
    /// bound to a key or a certificate, `iss` in each authorization response, and only the algorithms PS256, ES256 and EdDSA.
    Fapi2Security,
    /// FAPI 2.0 Message Signing: the same, and authorization requests and responses are signed.
    Fapi2MessageSigning,
}

/// How authorization requests go to the provider.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strength {
    pub(crate) profile: Option<Profile>,
    /// They are pushed (RFC 9126), also where the provider does not require it.
    pub(crate) pushes: bool,
    /// They are request objects (RFC 9101).
    pub(crate) object: Option<Object>,
    /// Request objects are encrypted for the provider.
    pub(crate) encrypts: bool,
    /// The responses have to be signed (JARM).
    pub(crate) signed_responses: bool,
}

/// How a request object is made and sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object {
    /// The application serves it below this URL; else it is in the request itself.
    pub(crate) served_at: Option<String>,
    /// Nobody signs it (`none`). Only for objects that the application serves.
    pub(crate) is_unsigned: bool,
}

impl Strength {
    /// The settings with those of the profile.
    ///
    /// # Errors
    /// The registration lacks a thing that the profile or a setting requires, or has one that it forbids.
    pub(crate) fn complete(
        mut self,
        registration: &Registration,
        authenticator: &Authenticator,
    ) -> Result<Self, Error> {
        if let Some(profile) = self.profile {
            self.pushes = true;
            if profile == Profile::Fapi2MessageSigning {
                self.object.get_or_insert_with(Object::default);
                self.signed_responses = true;
            }
            check_fapi(registration, authenticator)?;
        }
        let Some(object) = &self.object else { return Ok(self) };
        if let Some(base) = &object.served_at {
            Endpoint::parse_for(base, &PlainHosts::default()).map_err(|error| {
                let detail =
                    format!("the URL for authorization requests (ClientBuilder::serve_requests_at) {error}");
                Error::config(ConfigProblem::InvalidUrl, detail)
            })?;
        }
        let needs_key = !object.is_unsigned;
        if needs_key && request_key(registration, authenticator).is_none() {
            let detail = "signed authorization requests need a key: set Credential::private_key, or Registration::request_key";
            return Err(Error::config(ConfigProblem::SigningKey, detail));
        }
        if object.is_unsigned && (object.served_at.is_none() || self.profile.is_some()) {
            let detail = "a request object without a signature is safe only where the application serves it itself over https: set \
                          ClientBuilder::serve_requests_at, or sign it";
            return Err(Error::config(ConfigProblem::SigningKey, detail));
        }
        // RFC 9101 §6.1: an encrypted request object contains a signed one.
        if object.is_unsigned && (self.encrypts || registration.encryption_of_requests().is_some()) {
            let detail = "a request object is signed before it is encrypted: leave ClientBuilder::unsigned_requests out, or the encryption";
            return Err(Error::config(ConfigProblem::Encryption, detail));
        }
        Ok(self)
    }
}

/// FAPI 2.0 Security Profile section 5.3.3: what a client has to be.
fn check_fapi(registration: &Registration, authenticator: &Authenticator) -> Result<(), Error> {
    let refuse = |problem, detail: &'static str| Err(Error::config(problem, detail));
    let means = authenticator.credentials.means;
    if !means.signs && !means.has_certificate {
        return refuse(
            ConfigProblem::ClientAuth,
            "FAPI 2.0 accepts only clients that authenticate with a private key or a TLS certificate: set Credential::private_key or \
             Registration::certificate",
        );
    }
    if registration.client_auth.is_some_and(|method| {
        method != vouchsafe_providers::ClientAuth::PrivateKeyJwt && !method.is_certificate()
    }) {
        return refuse(
            ConfigProblem::ClientAuth,
            "FAPI 2.0 accepts only private_key_jwt, tls_client_auth and self_signed_tls_client_auth: leave Registration::client_auth out, or set \
             one of these",
        );
    }
    if registration.dpop_key.is_none() && !means.has_certificate {
        return refuse(
            ConfigProblem::SigningKey,
            "FAPI 2.0 requires tokens that are bound to the client: set Registration::dpop or Registration::certificate",
        );
    }
    let keys = [authenticator.key(), registration.dpop_key.as_ref(), registration.request_key.as_ref()];
    for key in keys.into_iter().flatten() {
        if !key.algorithms().iter().any(|name| FAPI.contains(name)) {
            return refuse(
                ConfigProblem::SigningKey,
                "FAPI 2.0 accepts only keys for PS256, ES256 and EdDSA: use such a key, and for an RSA key leave SigningKey::algorithm out",
            );
        }
    }
    Ok(())
}

/// The key that signs request objects: its own, or the one by which the client authenticates.
pub(crate) fn request_key<'a>(
    registration: &'a Registration,
    authenticator: &'a Authenticator,
) -> Option<&'a SigningKey> {
    registration.request_key.as_ref().or_else(|| authenticator.key())
}
