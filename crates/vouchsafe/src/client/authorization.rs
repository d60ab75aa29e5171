//! Authorization requests that do not go to the provider as plain parameters: pushed, or signed.
use std::time::SystemTime;

use aws_lc_rs::rand::SystemRandom;
use vouchsafe_providers::EndpointName;

use super::ongoing::Ongoing;
use super::strength::{Object, request_key};
use crate::endpoint::Endpoint;
use crate::error::{Check, ConfigProblem, Error, Feature, Operation};
use crate::jose::algorithm::Allowed;
use crate::jose::encryption_key::EncryptionKey;
use crate::jose::jwe::{self, Encryption};
use crate::jose::jwk::KeySet;
use crate::jose::jwt;
use crate::protocol::authorization::response::AuthorizationResponse;
use crate::protocol::jarm;
use crate::protocol::pushed_request::PushedRequest;
use crate::protocol::request_object;
use crate::provider::Server;
use crate::secret::Secret;
use crate::shared::Asker;
use crate::signing::{identifier, unsigned};
use crate::text::form;
use crate::text::legible::legible;

/// A request object that the application serves, so that the provider can fetch it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServedRequest {
    /// The URL (`request_uri`). It is below the one that was given to
    /// [`ClientBuilder::serve_requests_at`](crate::ClientBuilder::serve_requests_at).
    pub uri: String,
    /// The text to serve there until the login ends, with the content type `application/oauth-authz-req+jwt`.
    pub object: Secret,
}

/// An authorization request, ready for the browser.
pub(crate) struct Protected {
    pub(crate) url: String,
    pub(crate) served: Option<ServedRequest>,
}

impl Server {
    /// Whether requests are pushed because the provider requires it.
    fn requires_pushed(&self) -> bool {
        self.metadata.as_ref().is_some_and(|metadata| metadata.requires_pushed)
    }

    fn requires_signed(&self) -> bool {
        self.metadata.as_ref().is_some_and(|metadata| metadata.requires_signed)
    }

    /// A list of algorithms in the metadata.
    fn announced(&self, name: &str) -> Option<Vec<String>> {
        self.metadata.as_ref()?.texts(name)
    }

    /// The keys of this server.
    fn keys_for(&self, purpose: &str) -> Result<&Endpoint, Error> {
        let jwks_uri = self.metadata.as_ref().and_then(|metadata| metadata.jwks_uri.as_ref());
        jwks_uri.ok_or_else(|| {
            let detail = format!("{purpose} need the keys of the provider, and its metadata has no jwks_uri");
            Error::unsupported(Operation::Authorization, Feature::Keys, detail)
        })
    }
}

impl crate::client::Client {
    /// Whether authorization requests are pushed to this server.
    pub(crate) fn pushes_requests(&self, server: &Server) -> bool {
        self.inner.strength.pushes || server.requires_pushed()
    }

    /// Whether authorization responses of this server have to name the issuer (RFC 9207).
    pub(crate) fn names_issuer(&self, server: &Server) -> bool {
        self.inner.strength.profile.is_some()
            || server.metadata.as_ref().is_some_and(|metadata| metadata.iss_in_response)
    }

    /// Whether authorization requests go to this server otherwise than in the URL.
    pub(crate) fn protects_requests(&self, server: &Server) -> bool {
        let strength = &self.inner.strength;
        strength.object.is_some() || self.pushes_requests(server) || server.requires_signed()
    }

    /// The response mode of logins, if it is not the one that they ask for.
    pub(crate) fn signed_response_mode(&self, mode: Option<&str>) -> Option<&'static str> {
        self.inner.strength.signed_responses.then(|| jarm::signed_mode(mode))
    }
}

impl Ongoing<'_> {
    /// Signs and pushes a request, as far as the client is set so or the provider requires it.
    pub(crate) async fn protected(&self, server: &Server, url: &str) -> Result<Protected, Error> {
        let strength = &self.client.inner.strength;
        let endpoint = server.endpoint(EndpointName::Authorization)?;
        let (_, query) = url.split_once('?').unwrap_or((url, ""));
        let query = query.split('#').next().unwrap_or_default();
        let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).collect();
        // Parameters in the endpoint's own query stay in the URL.
        let own = endpoint.uri().query().unwrap_or_default();
        let own: Vec<_> = url::form_urlencoded::parse(own.as_bytes()).collect();
        let params = pairs.iter().skip(own.len()).map(|(name, value)| (&**name, &**value));
        let params: Vec<(&str, &str)> = params.filter(|(name, _)| *name != "client_id").collect();
        let client_id = self.client.client_id();

        let required = Object::default();
        let object = strength.object.as_ref().or(server.requires_signed().then_some(&required));
        let pushes = self.client.pushes_requests(server);
        let (sent, served) = match object {
            None => {
                (params.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect(), None)
            }
            Some(object) => {
                let jwt = self.request_object(server, &params, object).await?;
                let mut sent = Vec::new();
                if !pushes {
                    // OpenID Connect Core §6.1: these are parameters of a valid OAuth 2 request besides.
                    let plain = params.iter().filter(|(name, _)| matches!(*name, "response_type" | "scope"));
                    sent.extend(plain.map(|(name, value)| ((*name).to_owned(), Secret::new(*value))));
                }
                match object.served_at.as_deref().filter(|_| !pushes) {
                    Some(base) => {
                        let uri = format!("{}/{}", base.trim_end_matches('/'), identifier()?);
                        sent.push(("request_uri".to_owned(), Secret::new(uri.as_str())));
                        (sent, Some(ServedRequest { uri, object: jwt }))
                    }
                    None => {
                        sent.push(("request".to_owned(), jwt));
                        (sent, None)
                    }
                }
            }
        };
        let begin = |endpoint: &Endpoint| {
            let mut url = endpoint.as_str().to_owned();
            let separator = if url.contains('?') { '&' } else { '?' };
            url.push(separator);
            url.push_str("client_id=");
            form::escape(&mut url, client_id);
            url
        };
        let mut url = begin(endpoint);
        if pushes {
            let reference = self.push(server, &sent).await?;
            form::add(&mut url, "request_uri", &reference);
        } else {
            for (name, value) in &sent {
                form::add(&mut url, name, value.expose());
            }
        }
        Ok(Protected { url, served })
    }

    /// Pushes the parameters of a request (RFC 9126 section 2.1). Returns the reference.
    async fn push(&self, server: &Server, params: &[(String, Secret)]) -> Result<String, Error> {
        let endpoint = server.endpoint(EndpointName::PushedAuthorizationRequest)?;
        let call = PushedRequest {
            params: params.iter().map(|(name, value)| (&**name, value.expose())).collect(),
            client_id: self.client.client_id(),
            error_codes: &server.definition.token.error_codes,
            binds: true,
        };
        self.ask(server, endpoint, &call).await
    }

    /// The request as a JWT (RFC 9101 section 4).
    async fn request_object(
        &self,
        server: &Server,
        params: &[(&str, &str)],
        object: &Object,
    ) -> Result<Secret, Error> {
        let inner = &self.client.inner;
        let audience = server.issuer.as_deref().unwrap_or_else(|| {
            server.endpoint(EndpointName::Authorization).map(Endpoint::as_str).unwrap_or_default()
        });
        let ids = (self.client.client_id(), audience);
        let claims = request_object::claims(params.iter().copied(), ids, (identifier()?, SystemTime::now()));
        if object.is_unsigned {
            return Ok(Secret::new(unsigned(&request_object::unsigned_header(), &claims) + "."));
        }
        let key = request_key(&inner.live.registration, &inner.authenticator).ok_or_else(|| {
            let detail = "the provider requires signed authorization requests, which need a key: set Credential::private_key, or \
                          Registration::request_key";
            Error::config(ConfigProblem::SigningKey, detail)
        })?;
        let accepted = server.announced("request_object_signing_alg_values_supported");
        let algorithm = key.algorithm_among(accepted.as_deref())?;
        let signed = key.sign(algorithm, request_object::header(), &claims, Operation::Authorization).await?;
        if !inner.strength.encrypts && inner.live.registration.encryption_of_requests().is_none() {
            return Ok(signed);
        }
        let (encryption, recipient) = self.encryption(server).await?;
        let sealed = jwe::encrypt(signed.expose(), &recipient, encryption, &SystemRandom::new());
        sealed.map(Secret::new).map_err(|error| error.of(Operation::Authorization))
    }

    /// How request objects are encrypted for the provider: as the client is registered, else as the provider's metadata says.
    async fn encryption(&self, server: &Server) -> Result<(Encryption, EncryptionKey), Error> {
        let live = &self.client.inner.live;
        let jwks_uri = server.keys_for("encrypted authorization requests")?;
        let [mut algs, mut encs] = ["alg", "enc"]
            .map(|kind| server.announced(&format!("request_object_encryption_{kind}_values_supported")));
        let lacks =
            |detail: String| Error::unsupported(Operation::Authorization, Feature::EncryptedRequest, detail);
        if let Some([alg, enc]) = live.registration.encryption_of_requests() {
            for (own, accepted) in [(alg, &mut algs), (enc, &mut encs)] {
                if let Some(accepted) = accepted.as_ref().filter(|accepted| !accepted.contains(own)) {
                    return Err(lacks(format!(
                        "the provider does not accept request objects that are encrypted by {own}, only by {}: change \
                         Registration::request_object_encryption",
                        legible(&accepted.join(", "))
                    )));
                }
                *accepted = Some(vec![own.clone()]);
            }
        }
        // An unknown key leads to a new fetch: the provider may have begun to encrypt a moment ago.
        let pick = |keys: &KeySet| {
            let detail = "no key of the provider is for encryption by an algorithm that both sides know";
            Encryption::among(algs.as_deref(), encs.as_deref(), keys)
                .ok_or_else(|| Error::validation(Operation::Authorization, Check::UnknownKey, detail))
        };
        let asking = (Operation::Authorization, Asker::Anybody, None);
        match live.keys.verify(jwks_uri, asking, self.deadline, pick).await {
            Err(Error::Validation(_)) => {
                let in_words = |list: &Option<Vec<String>>| {
                    list.as_ref().map_or("any".to_owned(), |list| legible(&list.join(", ")))
                };
                Err(lacks(format!(
                    "the provider's key set has no key by which a request object can be encrypted (use enc), for the algorithms {} with \
                     {}: let the provider publish one, choose other algorithms (Registration::request_object_encryption), or leave the \
                     encryption out",
                    in_words(&algs),
                    in_words(&encs)
                )))
            }
            found => found,
        }
    }

    /// The response in a signed response, verified (JARM section 2.4). `response` is as it came.
    pub(crate) async fn opened<'r>(
        &self,
        server: &Server,
        response: AuthorizationResponse<'r>,
    ) -> Result<AuthorizationResponse<'r>, Error> {
        let jwt = jarm::jwt_of(response.params())?;
        let live = &self.client.inner.live;
        // JARM §2.2: it may be encrypted around the signature, which is verified in any case.
        let inner = live.registration.encrypted_responses().open(&jwt);
        let inner = inner.map_err(|error| error.of(Operation::Authorization))?;
        let jwt = inner.as_ref().map_or(&*jwt, Secret::expose);
        let jwks_uri = server.keys_for("signed authorization responses")?;
        let announced = server.announced("authorization_signing_alg_values_supported");
        let algorithms = match self.client.inner.strength.profile {
            Some(_) => Allowed::Fapi(announced.as_deref()),
            None => Allowed::announced(announced.as_deref()),
        };
        let rules =
            jarm::rules(live.issuer_of(server), self.client.client_id(), algorithms, live.options.clock_skew);
        let now = SystemTime::now();
        let verify = |keys: &_| jwt::claims(jwt, keys, &rules, now);
        let asking = (Operation::Authorization, Asker::Anybody, None);
        let claims = live.keys.verify(jwks_uri, asking, self.deadline, verify).await?;
        Ok(response.form(jarm::parameters(&claims)))
    }
}
