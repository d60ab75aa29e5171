//! An issuer whose access tokens an API accepts, and how the API validates them.
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use vouchsafe_providers::EndpointName;

use super::cache::Cache;
use crate::authenticator::{Auth, Authenticator};
use crate::call::{Deadline, Sender};
use crate::endpoint::Endpoint;
use crate::error::{Check, ConfigProblem, Error, Malformed, Operation};
use crate::jose::access_token::{self, Expected};
use crate::jose::introspection;
use crate::jose::jwk::Reading;
use crate::jose::jwt::Issuer;
use crate::protocol::introspection::{Introspected, IntrospectionRequest, check as checked};
use crate::protocol::metadata::{self, Metadata, WellKnown};
use crate::protocol::quirks::UNCHANGED;
use crate::provider::keys::Keys;
use crate::provider::live::{LiveOptions, fetch_metadata};
use crate::registration::Registration;
use crate::secret::{Noted, Secret, fingerprint};
use crate::shared::{Asker, Shared};
use crate::text::json::Value;
use crate::text::legible::legible;
use crate::text::redact::printable;
use crate::transport::{BoxFuture, Http};

/// An issuer whose access tokens an API accepts.
///
/// ```
/// use vouchsafe::{AccessTokenIssuer, Registration};
///
/// // Its access tokens are JWTs, verified with its keys.
/// let one = AccessTokenIssuer::jwt("https://id.example.com");
/// // It is asked about each access token.
/// let registration = Registration::new("my-api").secret("the secret of the API at this issuer");
/// let another = AccessTokenIssuer::introspection("https://other.example.com", registration);
/// # let _ = (one, another);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct AccessTokenIssuer {
    name: String,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Jwt { is_untyped: bool },
    Introspection(Box<Registration>),
}

impl AccessTokenIssuer {
    /// An issuer whose access tokens are JWTs (RFC 9068). Its metadata and keys are fetched at first use. Its name is compared with
    /// `iss` character by character.
    pub fn jwt(issuer: impl Into<String>) -> Self {
        Self { name: issuer.into(), kind: Kind::Jwt { is_untyped: false } }
    }

    /// An issuer that is asked about each access token (RFC 7662). The registration is the entry of the API at this issuer, with a
    /// client secret. If it has [`Registration::signed_introspection`], the issuer has to sign its responses (RFC 9701).
    pub fn introspection(issuer: impl Into<String>, registration: Registration) -> Self {
        Self { name: issuer.into(), kind: Kind::Introspection(Box::new(registration)) }
    }

    /// Accepts JWTs of the type `JWT` or without a type too, and JWTs that lack claims which RFC 9068 requires. Some issuers, such as
    /// Keycloak and Microsoft, issue such access tokens. It has no effect on introspection.
    ///
    /// # Security
    /// The other JWTs of the issuer look the same, such as ID tokens. They differ by their audience, which is a client, and by
    /// claims that only they have. So do not use the client id of an application as an audience of the API.
    pub fn untyped_tokens(mut self) -> Self {
        if let Kind::Jwt { is_untyped } = &mut self.kind {
            *is_untyped = true;
        }
        self
    }
}

/// An issuer in use.
pub(super) struct Live {
    pub(super) name: String,
    well_known: WellKnown,
    http: Http,
    metadata: Shared<Arc<Metadata>>,
    how: How,
}

enum How {
    Keys {
        keys: Keys,
        is_untyped: bool,
    },
    Introspection {
        registration: Box<Registration>,
        authenticator: Box<Authenticator>,
        cache: Cache,
        keys: Keys,
    },
}

impl Live {
    pub(super) fn new(
        issuer: AccessTokenIssuer,
        http: &Http,
        options: LiveOptions,
        cached: Duration,
    ) -> Result<Self, Error> {
        let AccessTokenIssuer { name, kind } = issuer;
        let found = Endpoint::parse_for(&name, &http.plain)
            .and_then(|_| metadata::well_known(&name, &http.plain))
            .map_err(|e| {
                let detail = format!("the issuer {} {e}", printable(&name, 100));
                Error::config(ConfigProblem::Issuer, detail)
            })?;
        let well_known = WellKnown { is_for_resource: true, ..found };
        let how = match kind {
            Kind::Jwt { is_untyped } => {
                let reading = Reading { most: options.max_keys, heeds_issuer: false };
                How::Keys { keys: Keys::new(http, options.keys, reading), is_untyped }
            }
            Kind::Introspection(registration) => {
                registration.check()?;
                let authenticator = Authenticator::new(&registration, None)?;
                if !authenticator.is_confidential() {
                    // RFC 7662 §2.1: the endpoint must require authorization.
                    let detail = "introspection needs an API that authenticates: set Registration::secret with the secret that the issuer \
                                  gave to the API";
                    return Err(Error::config(ConfigProblem::ClientSecret, detail));
                }
                let reading = Reading { most: options.max_keys, heeds_issuer: false };
                let keys = Keys::new(http, options.keys, reading);
                let cache = Cache::new(cached);
                How::Introspection { registration, authenticator: Box::new(authenticator), cache, keys }
            }
        };
        let metadata = Shared::new(None, http, options.metadata);
        Ok(Self { name, well_known, http: http.clone(), metadata, how })
    }

    pub(super) fn introspects(&self) -> bool {
        matches!(self.how, How::Introspection { .. })
    }

    /// The claims of a valid access token.
    pub(super) async fn claims(
        &self,
        token: &str,
        audiences: &[String],
        skew: Duration,
        deadline: Deadline,
    ) -> Result<Value, Error> {
        match &self.how {
            How::Keys { keys, is_untyped } => {
                let metadata = self.metadata(deadline).await?;
                let jwks_uri = metadata.jwks_uri.as_ref().ok_or_else(|| {
                    lacking("jwks_uri", "AccessTokenIssuer::introspection, if the issuer has it")
                })?;
                let expected = Expected { issuer: &self.name, audiences, is_untyped: *is_untyped, skew };
                let now = SystemTime::now();
                let verify = |keys: &_| access_token::verify(token, keys, &expected, now);
                keys.verify(jwks_uri, (Operation::AccessToken, Asker::Anybody, None), deadline, verify).await
            }
            How::Introspection { registration, authenticator, cache, keys } => {
                let token = Secret::new(token);
                let id = fingerprint(&token);
                if let Some(facts) = cache.get(&id) {
                    return Ok(facts);
                }
                let metadata = self.metadata(deadline).await?;
                let endpoint = metadata.endpoints.get(EndpointName::Introspection).ok_or_else(|| {
                    lacking("introspection_endpoint", "AccessTokenIssuer::jwt, if its access tokens are JWTs")
                })?;
                let method = match registration.client_auth {
                    Some(method) => method,
                    None => {
                        let offered = introspection_auth_methods(&metadata);
                        authenticator.credentials.choose(Operation::Introspection, offered.as_deref())?
                    }
                };
                let noted = Noted::knowing([token.expose()]);
                let sender = Sender {
                    http: &self.http,
                    deadline,
                    noted: &noted,
                    binding: None,
                    certificate: registration.certificate.as_ref(),
                };
                let is_signed = registration.signs_introspection;
                let request = IntrospectionRequest { token: &token, error_codes: &UNCHANGED, is_signed };
                let auth = Auth {
                    client: authenticator,
                    method,
                    audience: registration.assertion_audience.as_deref().unwrap_or(&self.name),
                    algorithms: metadata.auth_algorithms(method),
                    challenges: metadata.endpoints.get(EndpointName::Challenge),
                };
                let response = sender.send(endpoint, Some(auth), &request).await;
                let response = response.map_err(|error| noted.hidden(|secrets| error.without(secrets)))?;
                let facts = match response {
                    Introspected::Facts(facts) => facts,
                    Introspected::Jwt(jwt) => {
                        let instead =
                            "an issuer that publishes its keys, or no Registration::signed_introspection";
                        let jwks_uri =
                            metadata.jwks_uri.as_ref().ok_or_else(|| lacking("jwks_uri", instead))?;
                        let expected = introspection::Expected {
                            issuer: Issuer { name: &self.name, aliases: &[], template: None },
                            client_id: &registration.client_id,
                            encrypted: registration.encrypted_anyhow(),
                            skew,
                        };
                        let verify =
                            |keys: &_| introspection::verify(&jwt, keys, &expected, SystemTime::now());
                        let asking = (Operation::Introspection, Asker::Provider, None);
                        checked(keys.verify(jwks_uri, asking, deadline, verify).await?)?
                    }
                };
                let left = self.check(&facts, audiences, skew)?;
                cache.put(id, &facts, left);
                Ok(facts)
            }
        }
    }

    /// Checks the response of the introspection endpoint (RFC 7662 section 2.2). Returns how long the token is still valid, if that
    /// is known.
    fn check(&self, facts: &Value, audiences: &[String], skew: Duration) -> Result<Option<Duration>, Error> {
        let refuse = |check, detail: String| Err(Error::validation(Operation::AccessToken, check, detail));
        if facts.get("active") != Some(&Value::Bool(true)) {
            return refuse(Check::Expired, "the issuer says that the access token is not active".to_owned());
        }
        // A value of another type is like another text.
        let text = |name: &str| facts.get(name).map(|value| value.as_str().unwrap_or_default());
        if let Some(iss) = text("iss").filter(|iss| *iss != self.name) {
            let (own, other) = (legible(&self.name), legible(iss));
            let detail = format!("the access token must be from {own}, and its iss is {other}");
            return refuse(Check::IssuerMismatch, detail);
        }
        let is_ours = |aud: &Value| audiences.iter().any(|own| aud == own.as_str());
        let is_for_us = match facts.get("aud") {
            // RFC 7662 §2.2: an issuer calls a token active only for an API that it is for.
            None => true,
            Some(Value::Array(list)) => list.iter().any(is_ours),
            Some(aud) => is_ours(aud),
        };
        if !is_for_us {
            let own = legible(&audiences.join(" or "));
            return refuse(
                Check::Audience,
                format!("the access token must be for {own}, and its aud names others"),
            );
        }
        // Some issuers say which kind of token it is.
        let is_bearer = |kind: &str| ["bearer", "dpop"].iter().any(|known| kind.eq_ignore_ascii_case(known));
        if text("token_type").is_some_and(|kind| !is_bearer(kind))
            || text("token_use").is_some_and(|kind| !kind.eq_ignore_ascii_case("access_token"))
        {
            return refuse(Check::TokenType, "the token is not an access token".to_owned());
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let time = |name: &'static str| match facts.get(name) {
            None => Ok(None),
            Some(time) => time.as_f64().map(Some).ok_or_else(|| {
                let detail =
                    format!("the {name} of the response must be a number: the issuer has to correct it");
                Error::response(Operation::Introspection, Malformed::InvalidField, detail)
            }),
        };
        if time("nbf")?.is_some_and(|nbf| nbf > now + skew.as_secs_f64()) {
            return refuse(Check::NotYetValid, "the access token is not valid yet (nbf)".to_owned());
        }
        let left = time("exp")?.map(|exp| exp - now);
        if left.is_some_and(|left| left <= 0.0) {
            return refuse(Check::Expired, "the access token has expired (exp)".to_owned());
        }
        Ok(left.and_then(|left| Duration::try_from_secs_f64(left).ok()))
    }

    async fn metadata(&self, deadline: Deadline) -> Result<Arc<Metadata>, Error> {
        let fetch = || -> BoxFuture<'static, _> {
            let (well_known, http) = (self.well_known.clone(), self.http.clone());
            Box::pin(async move { fetch_metadata(&well_known, None, &http).await })
        };
        let place = || self.well_known.documents.first().map(Endpoint::uri).cloned().unwrap_or_default();
        let fetched = self.metadata.get(fetch);
        let metadata = deadline.wait(&self.http, (Operation::Discovery, place), fetched).await??;
        Ok(Arc::clone(&metadata))
    }
}

fn lacking(name: &str, instead: &str) -> Error {
    let detail = format!("the metadata has no {name}, so access tokens cannot be validated: use {instead}");
    Error::response(Operation::Discovery, Malformed::Metadata, detail)
}

/// The list of its own that introspection has in the metadata (RFC 8414 section 2), or that of the token endpoint.
fn introspection_auth_methods(metadata: &Metadata) -> Option<Vec<String>> {
    let own = metadata.raw.get("introspection_endpoint_auth_methods_supported").and_then(Value::as_array);
    let texts = |list: &Vec<Value>| list.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    own.map(texts).or_else(|| metadata.token_auth_methods.clone())
}
