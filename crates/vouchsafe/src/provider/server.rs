//! A provider with its parameters filled in, and with what its metadata adds.
use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderMap;
use vouchsafe_providers::{Definition, EndpointName};

use crate::endpoint::{Endpoint, check_redirect_uri};
use crate::endpoints::{Endpoints, in_words};
use crate::error::{ConfigProblem, Error, Feature, Malformed, Operation, UnsupportedError};
use crate::protocol::authorization::prepared::Prepared;
use crate::protocol::authorization::request::{AuthorizationRequest, LoginRequest};
use crate::protocol::authorization::response::Expected;
use crate::protocol::metadata::{self, KnownIssuer, Metadata, OpenId, WellKnown};
use crate::protocol::userinfo::ProfileRequest;
use crate::provenance::Provenance;
use crate::provider::needs::{self, unmet};
use crate::registration::Registration;
use crate::secret::Secret;

/// A provider with its parameters filled in, made by [`Provider::server`](super::Provider::server). [`Server::discovered`] adds
/// the metadata and checks that the endpoints for a login are there.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// The definition with its parameters filled in. For endpoints and scopes, use the fields of the server instead.
    pub(crate) definition: Arc<Definition>,
    /// The endpoints of the definition, and of the metadata where the definition has none.
    pub(crate) endpoints: Endpoints,
    pub(crate) long_lived: Option<Endpoint>,
    /// The headers of requests to the token endpoint.
    pub(crate) token_headers: HeaderMap,
    pub(crate) profile: ProfileRequest,
    /// The userinfo endpoint is at another host than the issuer, and only a definition says that both have the same users.
    pub(crate) profile_is_elsewhere: bool,
    pub(crate) discovery: Option<WellKnown>,
    /// The origin of tokens and logins of this server. Until the metadata is known, the issuer is the requested one.
    pub(crate) provenance: Arc<Provenance>,
    /// The issuer that authorization responses name, if it is not `issuer`.
    pub(super) response_issuer: Option<String>,
    /// Its keys, if it is an OpenID Provider.
    pub(crate) openid: Option<OpenId>,
    /// The issuer, of an OpenID Provider and of a plain authorization server with metadata.
    pub(crate) issuer: Option<String>,
    /// The template of issuers of ID tokens, if the metadata does not name one issuer.
    pub(crate) issuer_template: Option<String>,
    pub(crate) scopes: Vec<String>,
    /// The usual login, if the registration has a redirect URI.
    pub(super) login: Option<Arc<Prepared>>,
    /// The same for redirect URIs that logins have set themselves: those that were used last.
    pub(super) others: Arc<Mutex<Vec<Arc<Prepared>>>>,
    pub(super) refreshes: bool,
    /// The parameters that its URLs are made of, in words, if it has any.
    pub(crate) parameters: String,
    /// The requirements of its metadata that no login here can meet.
    pub(super) unmet: Vec<UnsupportedError>,
    pub(crate) metadata: Option<Arc<Metadata>>,
}

impl Server {
    /// The same server, ready for logins. The definition comes first; metadata fills in what it leaves open.
    pub(crate) fn discovered(
        &self,
        metadata: Option<Arc<Metadata>>,
        registration: &Registration,
    ) -> Result<Self, Error> {
        let redirect_uri = registration.redirect_uri.as_deref();
        let mut server = self.clone();
        if let Some(metadata) = metadata {
            server.add(metadata, registration)?;
        }
        for name in [EndpointName::Authorization, EndpointName::Token] {
            server.endpoint(name)?;
        }
        server.login = redirect_uri.map(|uri| server.prepare(uri)).transpose()?;
        server.others = Arc::default();
        Ok(server)
    }

    /// The usual login with this redirect URI.
    fn prepare(&self, redirect_uri: &str) -> Result<Arc<Prepared>, Error> {
        let login = Arc::new(self.login_of(redirect_uri.into(), Vec::new(), &[]));
        let usual = self.authorization_request(&login, &[]);
        let endpoint = self.endpoint(EndpointName::Authorization)?;
        Ok(Arc::new(Prepared::new(login.clone(), &usual, endpoint)))
    }

    /// The usual login with this redirect URI, or with that of the registration.
    fn prepared(&self, redirect_uri: Option<&str>) -> Result<Arc<Prepared>, Error> {
        let Some(uri) = redirect_uri else {
            return self.login.clone().ok_or_else(|| {
                let detail = "there is no redirect URI: set it in the registration or for this login";
                Error::config(ConfigProblem::RedirectUri, detail)
            });
        };
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = self.login.iter().chain(&*others);
        if let Some(known) = known.find(|known| *known.request.redirect_uri == *uri) {
            return Ok(known.clone());
        }
        check_redirect_uri(uri)?;
        let prepared = self.prepare(uri)?;
        if others.len() == MOST_OTHERS {
            others.remove(0);
        }
        others.push(prepared.clone());
        Ok(prepared)
    }

    fn add(&mut self, metadata: Arc<Metadata>, registration: &Registration) -> Result<(), Error> {
        if registration.certificate.is_some() {
            let mut aliases = metadata.mtls_endpoints.clone();
            // Only the browser goes there, without the certificate.
            aliases.remove(EndpointName::Authorization);
            aliases.remove(EndpointName::EndSession);
            if registration.dpop_key.is_some() {
                // Tokens that are bound to a key are not for an endpoint that compares certificates.
                aliases.remove(EndpointName::Userinfo);
            }
            self.endpoints = std::mem::take(&mut self.endpoints).or(&aliases);
        }
        self.endpoints = std::mem::take(&mut self.endpoints).or(&metadata.endpoints);
        // The rules for the queries of endpoints are those for definitions.
        let mut found = Definition::clone(&self.definition);
        for name in EndpointName::ALL {
            *found.endpoint_mut(*name) = self.endpoints.get(*name).map(|e| e.as_str().to_owned());
        }
        found.check_requests().map_err(|e| {
            let detail = format!(
                "the metadata names an endpoint that cannot be used, and the provider has to correct it: {e}"
            );
            Error::response(Operation::Discovery, Malformed::Metadata, detail)
        })?;
        self.openid.clone_from(&metadata.openid);
        // Checked here and not while the document is read: then the next place would be tried, and there the same server could
        // pass for a plain authorization server.
        if metadata.is_openid && self.openid.is_none() {
            let detail = "the metadata has no jwks_uri: an OpenID Provider needs one, so that ID tokens can be verified, and has to add it";
            return Err(Error::response(Operation::Discovery, Malformed::Metadata, detail));
        }
        if self.openid.is_none() {
            let offered = metadata.scopes.as_deref().unwrap_or_default();
            self.scopes.retain(|scope| offered.contains(scope));
        }
        // OpenID Connect Discovery §3: an absent list says nothing about refresh tokens.
        let offers = |grants: &Vec<String>| grants.iter().any(|grant| grant == "refresh_token");
        self.refreshes &= metadata.grant_types.as_ref().is_none_or(offers);
        let issuer = metadata.issuer.clone();
        self.provenance = Arc::new(Provenance { issuer, ..Provenance::clone(&self.provenance) });
        if metadata::is_open(&metadata.issuer) {
            self.issuer_template.clone_from(&self.definition.issuer_template);
        }
        self.issuer = Some(metadata.issuer.clone());
        self.unmet = unmet(&self.definition, &metadata);
        self.metadata = Some(metadata);
        Ok(())
    }

    /// An endpoint. Tokens are refreshed at the token endpoint, unless there is another for that.
    pub(crate) fn endpoint(&self, name: EndpointName) -> Result<&Endpoint, Error> {
        let found = match name {
            EndpointName::Refresh if !self.refreshes => None,
            EndpointName::Refresh => {
                self.endpoints.get(name).or_else(|| self.endpoints.get(EndpointName::Token))
            }
            _ => self.endpoints.get(name),
        };
        found.ok_or_else(|| {
            let (operation, feature) = match name {
                EndpointName::Refresh => {
                    let detail = "the provider does not refresh tokens: send the user to sign in again when the \
                                  access token has expired";
                    return Error::unsupported(Operation::Refresh, Feature::Refresh, detail);
                }
                EndpointName::Revocation => (Operation::Revocation, Feature::Revocation),
                EndpointName::Introspection => (Operation::Introspection, Feature::Introspection),
                EndpointName::Userinfo => (Operation::Profile, Feature::Profile),
                EndpointName::BackchannelAuthentication => {
                    (Operation::BackchannelAuthentication, Feature::Backchannel)
                }
                EndpointName::Registration => (Operation::Registration, Feature::Registration),
                EndpointName::DeviceAuthorization => (Operation::DeviceAuthorization, Feature::Device),
                _ => {
                    let detail = format!("{} has no {}: set it with Provider::{}", self.provenance.provider, in_words(name), name.as_str());
                    return Error::config(ConfigProblem::MissingEndpoint, detail);
                }
            };
            Error::unsupported(operation, feature, format!("the provider has no {}: if it has one after all, set it \
                                                            with Provider::{}", in_words(name), name.as_str()))
        })
    }

    /// The request of a login with these scopes and parameters, and its URL up to the parameters of one login. Without scopes,
    /// the usual ones are requested; without a redirect URI, the registration's is used.
    pub(crate) fn login_request(
        &self,
        redirect_uri: Option<&str>,
        scopes: Vec<String>,
        params: &[(Cow<'_, str>, Cow<'_, str>)],
    ) -> Result<(Arc<LoginRequest>, String), Error> {
        let prepared = self.prepared(redirect_uri)?;
        if scopes.is_empty() && params.is_empty() {
            return Ok((prepared.request.clone(), prepared.usual_prefix()));
        }
        let redirect_uri = prepared.request.redirect_uri.clone();
        let are_usual = scopes.is_empty() || scopes == self.scopes;
        let login = self.login_of(redirect_uri, if are_usual { Vec::new() } else { scopes }, params);
        let request = self.authorization_request(&login, params);
        let url = prepared.prefix(&request, self.endpoint(EndpointName::Authorization)?);
        Ok((Arc::new(login), url))
    }

    fn authorization_request<'a>(
        &'a self,
        login: &'a LoginRequest,
        params: &'a [(Cow<'a, str>, Cow<'a, str>)],
    ) -> AuthorizationRequest<'a> {
        let scopes = if login.scopes.is_empty() { &self.scopes } else { &login.scopes };
        AuthorizationRequest { login, scopes, params, definition: &self.definition }
    }

    /// A login with these scopes, or with the usual ones if there are none.
    fn login_of(
        &self,
        redirect_uri: Arc<str>,
        scopes: Vec<String>,
        params: &[(Cow<'_, str>, Cow<'_, str>)],
    ) -> LoginRequest {
        let own = params.iter().find(|(name, _)| name == "response_mode").map(|(_, mode)| mode.to_string());
        let fixed = || self.definition.authorization.params.get("response_mode").cloned();
        let asked = if scopes.is_empty() { &self.scopes } else { &scopes };
        LoginRequest {
            provenance: self.provenance.clone(),
            redirect_uri,
            wants_id_token: self.openid.is_some() && asked.iter().any(|s| s == "openid"),
            response_mode: own.or_else(fixed),
            scopes,
        }
    }

    /// Refuses a login that cannot end well, before the browser opens.
    pub(crate) fn check_needs(
        &self,
        registration: &Registration,
        (sends_s256, wants_id_token): (bool, bool),
    ) -> Result<(), Error> {
        needs::check(&self.unmet, registration, (sends_s256, wants_id_token))
    }

    /// The issuer of this provider, if it is known.
    pub(crate) fn known_issuer(&self) -> Option<KnownIssuer<'_>> {
        let one = self.issuer.as_deref().map(KnownIssuer::One);
        self.issuer_template.as_deref().map(KnownIssuer::OneOf).or(one)
    }

    /// What every authorization response of this provider must be.
    pub(crate) fn expected_response<'e>(
        &'e self,
        redirect_uri: &'e str,
        state: &'e str,
        secret: Option<&'e Secret>,
    ) -> Expected<'e> {
        Expected {
            redirect_uri,
            servers: None,
            state,
            is_expired: false,
            issuer: self.response_issuer.as_deref().map(KnownIssuer::One).or(self.known_issuer()),
            names_issuer: self.metadata.as_ref().is_some_and(|metadata| metadata.iss_in_response),
            quirks: &self.definition.callback,
            error_codes: &self.definition.token.error_codes,
            secret,
        }
    }

    pub(crate) fn keys_of(&self, operation: Operation) -> Result<&OpenId, Error> {
        self.openid.as_ref().ok_or_else(|| {
            let detail = "only an OpenID Provider publishes keys that verify a JWT, and this provider is none: if \
                          it has an issuer, use Provider::openid";
            Error::unsupported(operation, Feature::Keys, detail)
        })
    }
}

/// For how many redirect URIs of logins the beginning of the URL is kept.
const MOST_OTHERS: usize = 16;
