//! Claims that other issuers vouch for (OpenID Connect Core section 5.6.2), fetched and verified.
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;

use crate::call::{Deadline, Sender};
use crate::client::Client;
use crate::client::ongoing::Ongoing;
use crate::endpoint::Endpoint;
use crate::error::{ConfigProblem, Error, LeftOut, Malformed, Operation, Warning};
use crate::identity::Identity;
use crate::jose::jwk::Reading;
use crate::jose::jws::named_issuer_of;
use crate::jose::jwt::{self, Issuer, Rules};
use crate::protocol::claim_sources::{self, ClaimsRequest, Place, Source, check_trusted};
use crate::protocol::metadata::{WellKnown, well_known};
use crate::protocol::userinfo::check_subject;
use crate::provider::keys::Keys;
use crate::provider::live::{LiveOptions, fetch_metadata};
use crate::secret::Noted;
use crate::shared::Asker;
use crate::text::json::Value;
use crate::text::legible::legible;
use crate::transport::Http;

/// How claims of other issuers are fetched, and whose claims are accepted: see [`Client::sourced_claims`].
#[derive(Clone, Debug)]
#[must_use]
pub struct ClaimSources {
    http: Http,
    issuers: Vec<String>,
}

impl ClaimSources {
    /// Fetches claims, and the keys of their issuers, by that transport. The provider chooses where these requests go, so the
    /// transport has to refuse private addresses: make it with
    /// [`HttpBuilder::public_addresses_only`](crate::http::HttpBuilder::public_addresses_only). Each source has 5 seconds, and each
    /// response at most 256 KiB.
    ///
    /// # Errors
    /// [`Error::Config`] if the transport does not refuse private addresses.
    pub fn new(http: &Http) -> Result<Self, Error> {
        if http.is_public_only() {
            return Ok(Self::danger_any_address(http));
        }
        let detail = "ClaimSources::new needs a transport that refuses private addresses, because the provider chooses where its \
                      requests go: use HttpBuilder::public_addresses_only";
        Err(Error::config(ConfigProblem::HttpClient, detail))
    }

    /// The same by a transport that may connect to any address: for tests on this machine, and for a transport of your own that
    /// refuses private addresses itself.
    ///
    /// # Security
    /// Whoever controls a profile can make your server send GET requests to any host that it reaches, also inside your network.
    pub fn danger_any_address(http: &Http) -> Self {
        Self { http: http.clone().within(SOURCE_TIME).max_body(SOURCE_BODY), issuers: Vec::new() }
    }

    /// Accepts only claims of this issuer, and of others that are named so. Without any, each issuer is accepted that the provider
    /// refers to: then look at [`SourcedClaim::issuer`] before you rely on a claim.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuers.push(issuer.into());
        self
    }
}

/// The claims of other issuers about a user. From [`Client::sourced_claims`].
#[derive(Clone, Debug, Default)]
pub struct SourcedClaims {
    claims: Vec<SourcedClaim>,
    warnings: Vec<Warning>,
}

impl SourcedClaims {
    /// A claim by its name.
    pub fn get(&self, name: &str) -> Option<&SourcedClaim> {
        self.claims.iter().find(|claim| claim.name == name)
    }

    /// All claims.
    pub fn iter(&self) -> impl Iterator<Item = &SourcedClaim> {
        self.claims.iter()
    }

    /// The claims that were left out, and the reasons.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}

/// A claim about a user, and the issuer that has signed it.
#[derive(Clone, Debug, PartialEq)]
pub struct SourcedClaim {
    name: String,
    value: Value,
    issuer: String,
}

impl SourcedClaim {
    /// The name of the claim.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its value.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The issuer that vouches for it, and whose key has signed it.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }
}

impl Client {
    /// Returns the claims that the profile leaves to other issuers (`_claim_names`): aggregated claims, which came with the profile
    /// as a JWT, and distributed claims, which are fetched from the source with the source's own access token. Each JWT is verified
    /// with the keys of its own issuer, whose metadata is fetched for this.
    ///
    /// These claims never take the place of the provider's own: a claim that the profile has itself is left out here, and so is `sub`. A
    /// source that fails is left out too, with a [warning](SourcedClaims::warnings). The profile alone says who the user is.
    ///
    /// ```no_run
    /// # #[cfg(feature = "transport")]
    /// # async fn f(client: vouchsafe::Client, tokens: vouchsafe::Tokens) -> Result<(), vouchsafe::Error> {
    /// use vouchsafe::{ClaimSources, Http};
    ///
    /// let http = Http::builder().public_addresses_only().build()?;
    /// let sources = ClaimSources::new(&http)?.issuer("https://bank.example.com");
    /// let identity = client.identity(&tokens).await?;
    /// let claims = client.sourced_claims(&identity, &sources).await;
    /// if let Some(score) = claims.get("credit_score") {
    ///     println!("{} says {}", score.issuer(), score.value());
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// Source: OpenID Connect Core 1.0 section 5.6.2.
    #[doc(alias = "aggregated_claims")]
    #[doc(alias = "distributed_claims")]
    pub async fn sourced_claims(&self, identity: &Identity, sources: &ClaimSources) -> SourcedClaims {
        let call = self.begin();
        let (found, warnings) = claim_sources::sources(identity.profile(), &sources.http.plain);
        let fetched = found.iter().map(|source| call.claims_of_source(source, identity.subject(), sources));
        let fetched = join_all(fetched).await;
        let mut all = SourcedClaims { claims: Vec::new(), warnings };
        for (source, outcome) in found.iter().zip(fetched) {
            match outcome {
                Ok((issuer, claims)) => {
                    all.claims.extend(claims.into_iter().map(|(name, value)| SourcedClaim {
                        name,
                        value,
                        issuer: issuer.clone(),
                    }));
                }
                Err(error) => {
                    let error = error.adding(&format!("; the source is {}", legible(&source.name)));
                    all.warnings.push(Warning::caused_by(LeftOut::Claims, call.hidden(error)));
                }
            }
        }
        all
    }
}

impl Ongoing<'_> {
    /// The claims of one source, and the issuer that has signed them.
    async fn claims_of_source(
        &self,
        source: &Source,
        subject: &str,
        sources: &ClaimSources,
    ) -> Result<(String, Vec<(String, Value)>), Error> {
        let (operation, http) = (Operation::ClaimSource, &sources.http);
        let deadline = Deadline::after(Some(SOURCE_TIME));
        let jwt = match &source.at {
            Place::Inside(jwt) => jwt.clone(),
            Place::Elsewhere(endpoint, token) => {
                let noted = Noted::default();
                // Neither a proof nor the certificate of this client is for a stranger.
                let (binding, certificate) = (None, None);
                let sender = Sender { http, deadline, noted: &noted, binding, certificate };
                let sent = sender.send(endpoint, None, &ClaimsRequest { token: token.as_ref() }).await;
                sent.map_err(|error| noted.hidden(|secrets| error.without(secrets)))?
            }
        };
        let (client_id, skew) = (self.client.client_id(), self.client.inner.live.options.clock_skew);
        let named = named_issuer_of(&jwt);
        let (issuer, claims) = match named.filter(|issuer| !self.client.is_issuer(issuer)) {
            // The provider itself has signed them: its keys are known.
            None => {
                let server = self.server().await?;
                let openid = server.keys_of(operation)?;
                let rules = Rules::of_claims(None, client_id, skew);
                let claims = self.claims_of(openid, &jwt, &rules, (operation, Asker::Provider)).await?;
                // Here, and only here, the subject of the JWT is one of the provider's.
                if claims.get("sub").is_some() {
                    check_subject(&claims, subject)?;
                }
                (self.client.issuer(), claims)
            }
            Some(issuer) => {
                check_trusted(&issuer, &sources.issuers)?;
                let found = well_known(&issuer, &http.plain).map_err(|e| {
                    let detail = format!("the issuer of the claims, {}, {e}", legible(&issuer));
                    Error::response(operation, Malformed::InvalidField, detail)
                })?;
                let found = WellKnown { is_for_resource: true, ..found };
                let place = || found.documents.first().map(Endpoint::uri).cloned().unwrap_or_default();
                let fetching = fetch_metadata(&found, None, http);
                let metadata = deadline.wait(http, (Operation::Discovery, place), fetching).await??;
                let jwks_uri = metadata.jwks_uri.as_ref().ok_or_else(|| {
                    let detail =
                        "the metadata of the issuer of the claims has no jwks_uri, so nothing verifies them";
                    Error::response(operation, Malformed::Metadata, detail)
                })?;
                let options = LiveOptions::default();
                let reading = Reading { most: options.max_keys, heeds_issuer: false };
                let keys = Keys::new(http, options.keys, reading);
                let expected = Issuer { name: &issuer, aliases: &[], template: None };
                let rules = Rules::of_claims(Some(expected), client_id, skew);
                let verify = |keys: &_| jwt::claims(&jwt, keys, &rules, SystemTime::now());
                let claims =
                    keys.verify(jwks_uri, (operation, Asker::Anybody, None), deadline, verify).await?;
                (issuer, claims)
            }
        };
        Ok((issuer, claim_sources::pick(claims, &source.claims)?))
    }
}

/// A login waits for the slowest source.
const SOURCE_TIME: Duration = Duration::from_secs(5);
/// More than claims, metadata or keys need.
const SOURCE_BODY: usize = 256 * 1024;
