//! Asking the provider about a token (RFC 7662, RFC 9701).
use std::time::SystemTime;

use vouchsafe_providers::EndpointName;

use crate::client::Client;
use crate::client::ongoing::Ongoing;
use crate::error::{Error, Feature, Operation};
use crate::jose::introspection::{self, Expected};
use crate::protocol::introspection::{Introspected, IntrospectionRequest, check};
use crate::shared::Asker;
use crate::text::json::Value;
use crate::tokens::Tokens;

impl Client {
    /// Asks the provider about the access token (RFC 7662 section 2). In the response, `active` says whether the token is valid;
    /// the other members are those that the provider gives. Most providers want a client with a secret. With
    /// [`Registration::signed_introspection`](crate::Registration::signed_introspection), the response has to be signed (RFC 9701).
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the provider has no introspection, [`Error::Response`] if the response has no `active`, or is not signed
    /// although it has to be; [`Error::Validation`] if a signed response fails a check.
    pub async fn introspect(&self, tokens: &Tokens) -> Result<Value, Error> {
        let call = self.begin_for(tokens);
        call.end(call.introspect(tokens).await)
    }
}

impl Ongoing<'_> {
    async fn introspect(&self, tokens: &Tokens) -> Result<Value, Error> {
        let server = self.server_of(tokens, Operation::Introspection).await?;
        let endpoint = server.endpoint(EndpointName::Introspection)?;
        let error_codes = &server.definition.token.error_codes;
        let live = &self.client.inner.live;
        let is_signed = live.registration.signs_introspection;
        let request = IntrospectionRequest { token: tokens.bearer(), error_codes, is_signed };
        match self.ask(&server, endpoint, &request).await? {
            Introspected::Facts(facts) => Ok(facts),
            Introspected::Jwt(jwt) => {
                let operation = Operation::Introspection;
                let metadata = server.metadata.as_deref();
                let jwks_uri = metadata.and_then(|metadata| metadata.jwks_uri.as_ref()).ok_or_else(|| {
                    let detail = "the response is signed, and the metadata of the provider has no jwks_uri with the keys that verify it";
                    Error::unsupported(operation, Feature::Keys, detail)
                })?;
                let expected = Expected {
                    issuer: live.issuer_of(&server),
                    client_id: self.client.client_id(),
                    encrypted: live.registration.encrypted_anyhow(),
                    skew: live.options.clock_skew,
                };
                let verify = |keys: &_| introspection::verify(&jwt, keys, &expected, SystemTime::now());
                let asking = (operation, Asker::Provider, None);
                check(live.keys.verify(jwks_uri, asking, self.deadline, verify).await?)
            }
        }
    }
}
