//! Making a resource server: its issuers, audiences and limits.
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use serde_json::Map;
use url::{Position, Url};

use super::issuer::{AccessTokenIssuer, Live};
use super::nonces::Nonces;
use super::once::Once;
use super::{Inner, ResourceServer};
use crate::endpoint::Endpoint;
use crate::error::{ConfigProblem, Error};
use crate::jose::algorithm::Algorithm;
use crate::protocol::protected_resource::{ProtectedResource, metadata_url};
use crate::provider::live::{LiveOptions, MAX_CLOCK_SKEW};
use crate::secret::Secret;
use crate::text::json::Value;
use crate::text::redact::printable;
use crate::transport::Http;

/// A resource server that is being made. From [`ResourceServer::builder`].
#[derive(Clone, Debug)]
#[must_use = "a resource server is made by build"]
pub struct ResourceServerBuilder {
    resource: String,
    public_url: Option<String>,
    issuers: Vec<AccessTokenIssuer>,
    audiences: Vec<String>,
    scopes: Vec<String>,
    others: Map<String, Value>,
    requires_dpop: bool,
    demands_nonces: bool,
    nonce_key: Option<Secret>,
    certificate_header: Option<HeaderName>,
    most_proofs: usize,
    introspection_age: Duration,
    live: LiveOptions,
    call_timeout: Option<Duration>,
}

impl ResourceServerBuilder {
    pub(super) fn new(resource: String) -> Self {
        Self {
            resource,
            public_url: None,
            issuers: Vec::new(),
            audiences: Vec::new(),
            scopes: Vec::new(),
            others: Map::new(),
            requires_dpop: false,
            demands_nonces: false,
            nonce_key: None,
            certificate_header: None,
            most_proofs: MAX_PROOFS,
            introspection_age: INTROSPECTION_AGE,
            live: LiveOptions::default(),
            call_timeout: None,
        }
    }

    /// Accepts the access tokens of this issuer. There must be at least one issuer, and at most one with
    /// [introspection](AccessTokenIssuer::introspection).
    pub fn issuer(mut self, issuer: AccessTokenIssuer) -> Self {
        self.issuers.push(issuer);
        self
    }

    /// Accepts access tokens for this audience, in place of the resource identifier: some issuers have their own names for APIs. Can be
    /// set several times.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// The URL at which clients reach the API, if it is not the origin of the resource identifier: for example behind a proxy that
    /// removes a prefix of the path.
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.public_url = Some(url.into());
        self
    }

    /// The scopes that the metadata names (`scopes_supported`).
    pub fn scopes_supported<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes.extend(scopes.into_iter().map(Into::into));
        self
    }

    /// Another member of the metadata, such as `resource_name` or `resource_documentation`.
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.others.insert(name.into(), value.into());
        self
    }

    /// Accepts only access tokens that are bound to a key by DPoP (RFC 9449). A bound token is never accepted without a proof of its
    /// key, whether this is set or not.
    pub fn require_dpop(mut self) -> Self {
        self.requires_dpop = true;
        self
    }

    /// Demands a nonce of this API in each DPoP proof (RFC 9449 section 9): a proof cannot be made long before it is used. A proof without
    /// one is refused with `use_dpop_nonce`, and the client sends the request once more. A nonce is accepted for one to two minutes.
    ///
    /// The response to each request has to give the current nonce, in the header `DPoP-Nonce`:
    /// [`ResourceServer::dpop_nonce`], and [`Refusal::dpop_nonce`](crate::Refusal::dpop_nonce). `vouchsafe_axum::Protected` does it.
    ///
    /// The nonces are those of this process. If the API runs in several processes, set [`Self::dpop_nonce_key`] too.
    pub fn require_dpop_nonces(mut self) -> Self {
        self.demands_nonces = true;
        self
    }

    /// The key from which the nonces follow, so that all processes of an API accept the nonces of each other. It has at least 32 random
    /// bytes. It turns [`Self::require_dpop_nonces`] on.
    pub fn dpop_nonce_key(mut self, key: impl Into<Secret>) -> Self {
        self.nonce_key = Some(key.into());
        self.require_dpop_nonces()
    }

    /// The header in which a proxy that ends TLS gives the certificate of the client, such as `client-cert` (RFC 9440), in a form that
    /// [`PeerCertificate::from_header`](crate::PeerCertificate::from_header) reads. Access tokens that are bound to a certificate need it (RFC
    /// 8705 section 3).
    ///
    /// # Security
    /// Set it only if all requests come through a proxy that removes this header from the requests of clients. Otherwise anybody can claim
    /// to have the certificate of somebody else, which is no secret.
    pub fn certificate_header(mut self, name: HeaderName) -> Self {
        self.certificate_header = Some(name);
        self
    }

    /// How many DPoP proofs are remembered, each for about a minute; 200000 unless it is set. If there is no room for another one, the
    /// request is refused with the status 503.
    ///
    /// # Security
    /// The memory is that of this process. If an API runs in several processes, a proof can be used once in each of them.
    pub fn most_proofs(mut self, most: usize) -> Self {
        self.most_proofs = most;
        self
    }

    /// How long the response of an introspection endpoint is used; 30 seconds unless it is set, and never more than 5 minutes or longer
    /// than the token is valid. A token that was revoked stays accepted for up to this long.
    pub fn introspection_age(mut self, age: Duration) -> Self {
        self.introspection_age = age.min(MAX_INTROSPECTION_AGE);
        self
    }

    /// The tolerance for the clocks of issuers and clients, as
    /// [`ClientBuilder::clock_skew`](crate::ClientBuilder::clock_skew).
    pub fn clock_skew(mut self, skew: Duration) -> Self {
        self.live.clock_skew = skew.min(MAX_CLOCK_SKEW);
        self
    }

    /// How long keys are used before they are fetched again, as [`ClientBuilder::keys_age`](crate::ClientBuilder::keys_age).
    pub fn keys_age(mut self, age: Duration) -> Self {
        self.live.set_keys_age(age);
        self
    }

    /// The minimum time between two fetches of the keys, as [`ClientBuilder::cool_down`](crate::ClientBuilder::cool_down).
    pub fn cool_down(mut self, pause: Duration) -> Self {
        self.live.set_cool_down(pause);
        self
    }

    /// A limit on the time that [`ResourceServer::check`] waits for an issuer. Without one, each request to an issuer has the time of
    /// [`Http::timeout`].
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = Some(timeout);
        self
    }

    /// Makes the resource server. Nothing is fetched yet.
    ///
    /// # Errors
    /// [`Error::Config`] says what is missing or wrong.
    pub fn build(self, http: &Http) -> Result<ResourceServer, Error> {
        let parse = |text: &str| {
            let url = Endpoint::parse_for(text, &http.plain).map_err(|e| e.to_string());
            url.and_then(|url| Url::parse(url.as_str()).map_err(|e| e.to_string())).map_err(|why| {
                let detail = format!("the URL of the API, {}, {why}", printable(text, 100));
                Error::config(ConfigProblem::Resource, detail)
            })
        };
        let resource = parse(&self.resource)?;
        let public_url = match &self.public_url {
            Some(url) => parse(url)?.as_str().trim_end_matches('/').to_owned(),
            None => resource[..Position::BeforePath].to_owned(),
        };
        let issuers = self.issuers.into_iter();
        let issuers = issuers.map(|issuer| Live::new(issuer, http, self.live, self.introspection_age));
        let issuers = issuers.collect::<Result<Vec<_>, _>>()?;
        let names: Vec<_> = issuers.iter().map(|issuer| issuer.name.as_str()).collect();
        check_issuers(&issuers, &names)?;
        let described = ProtectedResource {
            resource: &self.resource,
            issuers: names,
            scopes: &self.scopes,
            requires_dpop: self.requires_dpop,
            others: &self.others,
        };
        let document = described.document();
        if self.nonce_key.as_ref().is_some_and(|key| key.expose().len() < MIN_NONCE_KEY) {
            let detail = "the key of the DPoP nonces (ResourceServerBuilder::dpop_nonce_key) must have at least 32 bytes: give a random one";
            return Err(Error::config(ConfigProblem::InvalidOption, detail));
        }
        let nonces = self.demands_nonces.then(|| Nonces::new(self.nonce_key.as_ref())).transpose()?;
        let audiences = if self.audiences.is_empty() { vec![self.resource.clone()] } else { self.audiences };
        Ok(ResourceServer {
            inner: Arc::new(Inner {
                metadata_url: metadata_url(&resource),
                resource: self.resource,
                public_url,
                document,
                issuers,
                audiences,
                requires_dpop: self.requires_dpop,
                nonces,
                certificate_header: self.certificate_header,
                algorithms: Algorithm::names().collect::<Vec<_>>().join(" "),
                used_proofs: Once::new(self.most_proofs),
                skew: self.live.clock_skew,
                call_timeout: self.call_timeout,
            }),
            certificate: None,
        })
    }
}

fn check_issuers(issuers: &[Live], names: &[&str]) -> Result<(), Error> {
    let is_again = |at: usize| names[..at].contains(&names[at]);
    let detail = if issuers.is_empty() {
        "the API trusts no issuer: name one with ResourceServerBuilder::issuer"
    } else if (0..names.len()).any(is_again) {
        "an issuer of the API is named twice: name each one once"
    } else if issuers.iter().filter(|issuer| issuer.introspects()).count() > 1 {
        "the API asks two issuers about access tokens, and an opaque token does not say to which of them it belongs; no issuer may see the \
         tokens of another: make a ResourceServer for each of the two, at different paths"
    } else {
        return Ok(());
    };
    Err(Error::config(ConfigProblem::Issuer, detail))
}

/// How many DPoP proofs are remembered: enough for 2000 requests a second. Each takes about 100 bytes.
const MAX_PROOFS: usize = 200_000;
/// The shortest key of nonces, in bytes: the length of the hash.
const MIN_NONCE_KEY: usize = 32;
/// How long a response of an introspection endpoint is used.
const INTROSPECTION_AGE: Duration = Duration::from_secs(30);
/// With a longer time, a revocation would have no effect for too long.
const MAX_INTROSPECTION_AGE: Duration = Duration::from_secs(5 * 60);
