//! How the client authenticates in each request.
use vouchsafe_providers::{AssertionAudience, ClientAuth, EndpointName};

use crate::authenticator::Auth;
use crate::client::Client;
use crate::endpoint::Endpoint;
use crate::error::{ConfigProblem, Error, Operation};
use crate::provider::Server;

impl Client {
    /// The method of the registration, else the method of the definition, else one that the metadata offers.
    pub(crate) fn token_auth(&self, server: &Server, operation: Operation) -> Result<ClientAuth, Error> {
        if let Some(method) = self.inner.live.registration.client_auth {
            return Ok(method);
        }
        if self.inner.authenticator.signs_secrets() {
            return Ok(ClientAuth::ClientSecretPost);
        }
        let definition = &self.template().definition;
        if definition.signed_client_secret && self.inner.authenticator.credentials.secret().is_none() {
            let detail = format!(
                "{} authenticates each client by a secret that is signed with a key, and this registration has none: set \
                 Registration::credential with Credential::apple_key",
                definition.display_name
            );
            return Err(Error::config(ConfigProblem::AppleKey, detail));
        }
        match definition.client_auth {
            Some(method) if self.inner.authenticator.credentials.secret().is_some() => Ok(method),
            _ => {
                let offered = server.metadata.as_ref().and_then(|m| m.token_auth_methods.as_deref());
                self.inner.authenticator.credentials.choose(operation, offered)
            }
        }
    }

    /// The method of the registration or the definition for revocation alone.
    pub(crate) fn own_revocation_auth(&self) -> Option<ClientAuth> {
        let registered = self.inner.live.registration.revocation_auth;
        // The definition speaks of clients with a secret.
        let has_secret = self.inner.authenticator.credentials.secret().is_some();
        registered.or(self.template().definition.revocation_auth.filter(|_| has_secret || !self.is_strong()))
    }

    /// Whether the client authenticates with a key, an assertion, an attestation or a certificate.
    fn is_strong(&self) -> bool {
        let means = self.inner.authenticator.credentials.means;
        means.signs || means.has_certificate || means.is_attested
    }

    pub(crate) fn revocation_auth(&self, server: &Server) -> Result<ClientAuth, Error> {
        if let Some(method) = self.own_revocation_auth() {
            return Ok(method);
        }
        match server.metadata.as_ref().and_then(|m| m.revocation_auth_methods.as_deref()) {
            Some(methods)
                if self.inner.live.registration.client_auth.is_none()
                    && !self.inner.authenticator.signs_secrets() =>
            {
                self.inner.authenticator.credentials.choose(Operation::Revocation, Some(methods))
            }
            _ => self.token_auth(server, Operation::Revocation),
        }
    }

    /// How the client authenticates at that server, by that method.
    pub(crate) fn auth<'a>(&'a self, server: &'a Server, method: ClientAuth) -> Auth<'a> {
        let registration = &self.inner.live.registration;
        let token_endpoint =
            || server.endpoint(EndpointName::Token).map(Endpoint::as_str).unwrap_or_default();
        // The issuer alone: an assertion for one server must be worth nothing at another (draft-ietf-oauth-rfc7523bis).
        let issuer = server.issuer.as_deref().filter(|_| server.issuer_template.is_none());
        // Otherwise the metadata of one server could name the token endpoint of another, and collect assertions for it.
        let wants_endpoint = server.definition.assertion_audience == AssertionAudience::TokenEndpoint
            && issuer.is_some_and(|issuer| is_at(issuer, token_endpoint()));
        let issuer = issuer.filter(|_| !wants_endpoint);
        Auth {
            client: &self.inner.authenticator,
            method,
            audience: registration.assertion_audience.as_deref().or(issuer).unwrap_or_else(token_endpoint),
            algorithms: server.metadata.as_ref().and_then(|m| m.auth_algorithms(method)),
            challenges: server.endpoints.get(EndpointName::Challenge),
        }
    }
}

/// Whether two URLs have the same origin.
fn is_at(url: &str, other: &str) -> bool {
    let origin = |url: &str| url::Url::parse(url).map(|url| url.origin());
    origin(url).is_ok_and(|own| own.is_tuple() && origin(other) == Ok(own))
}
