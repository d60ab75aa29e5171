//! A provider with its parameters filled in, and with what its metadata adds.
use std::borrow::Cow;
use std::sync::Arc;

use http::HeaderMap;
use vouchsafe_providers::{Definition, EndpointName};

use crate::endpoint::Endpoint;
use crate::endpoints::{Endpoints, in_words};
use crate::error::{ConfigProblem, Error, Feature, Malformed, Operation, Warning};
use crate::protocol::authorization::prepared::{LoginRequest, Prepared};
use crate::protocol::authorization::request::AuthorizationRequest;
use crate::protocol::authorization::response::IssuerRule;
use crate::protocol::metadata::{self, Metadata, WellKnown};
use crate::protocol::userinfo::ProfileRequest;
use crate::provenance::Provenance;
use crate::secret::same;
use crate::text::json::Value;

/// A provider with its parameters filled in. [`Provider::server`](super::Provider::server) makes it; what discovery finds is
/// added by [`Server::discovered`], and only then are the endpoints for a login certain to be there.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// The definition with its parameters filled in. For endpoints and scopes, ask the server instead.
    pub(crate) definition: Arc<Definition>,
    /// The endpoints of the definition, and of the metadata where the definition has none.
    pub(crate) endpoints: Endpoints,
    pub(crate) long_lived: Option<Endpoint>,
    /// Where a user's e-mails are listed, if not in the profile: a template with members of the profile.
    pub(crate) emails: Option<String>,
    /// The headers of requests to the token endpoint.
    pub(crate) token_headers: HeaderMap,
    pub(crate) profile: ProfileRequest,
    /// The userinfo endpoint is elsewhere, and only a definition says that it knows the issuer's users.
    pub(crate) profile_is_elsewhere: bool,
    pub(crate) discovery: Option<WellKnown>,
    /// The server in tokens and logins. Until the metadata is there, the issuer is the one that it is asked for by.
    pub(crate) provenance: Arc<Provenance>,
    /// The issuer that authorization responses name, if it is not `issuer`.
    pub(super) response_issuer: Option<String>,
    /// What makes it an OpenID Provider.
    pub(crate) openid: Option<OpenId>,
    /// The issuer, of an OpenID Provider and of a plain authorization server with metadata.
    pub(crate) issuer: Option<String>,
    /// The template of issuers of ID tokens, if the metadata does not name one issuer.
    pub(crate) issuer_template: Option<String>,
    pub(crate) iss_in_response: bool,
    pub(crate) scopes: Vec<String>,
    /// What all logins have in common, if the registration has a redirect URI.
    pub(super) login: Option<Prepared>,
    pub(super) refreshes: bool,
    pub(crate) token_auth_methods: Option<Vec<String>>,
    pub(crate) revocation_auth_methods: Option<Vec<String>>,
    /// The metadata document, if there is one.
    pub(crate) metadata: Option<Value>,
    /// What the metadata has and this library cannot use.
    pub(crate) warnings: Vec<Warning>,
}

#[derive(Clone, Debug)]
pub(crate) struct OpenId {
    pub(crate) jwks_uri: Endpoint,
    pub(crate) algorithms: Option<Vec<String>>,
    /// Those of signed UserInfo.
    pub(crate) userinfo_algorithms: Option<Vec<String>>,
}

impl Server {
    /// The same server, ready for logins. The definition comes first; metadata fills in what it leaves open.
    pub(crate) fn discovered(
        &self,
        metadata: Option<&Metadata>,
        redirect_uri: Option<&str>,
    ) -> Result<Self, Error> {
        let mut server = self.clone();
        if let Some(metadata) = metadata {
            server.add(metadata)?;
        }
        for name in [EndpointName::Authorization, EndpointName::Token] {
            server.endpoint(name)?;
        }
        if let Some(redirect_uri) = redirect_uri {
            let request = Arc::new(server.login_of(redirect_uri.into(), Vec::new(), &[]));
            let parameters = server.authorization_request(&request.redirect_uri, &server.scopes, &[]);
            let prepared =
                Prepared::new(request.clone(), &parameters, server.endpoint(EndpointName::Authorization)?);
            server.login = Some(prepared);
        }
        Ok(server)
    }

    fn add(&mut self, metadata: &Metadata) -> Result<(), Error> {
        let malformed = |detail: String| Error::response(Operation::Discovery, Malformed::Metadata, detail);
        self.endpoints = std::mem::take(&mut self.endpoints).or(&metadata.endpoints);
        // What a definition may not put into an endpoint's query, metadata may not either.
        let mut found = Definition::clone(&self.definition);
        for name in EndpointName::ALL {
            *found.endpoint_mut(*name) = self.endpoints.get(*name).map(|e| e.as_str().to_owned());
        }
        found
            .check_requests()
            .map_err(|e| malformed(format!("the metadata names an endpoint that cannot be used: {e}")))?;

        if metadata.is_openid {
            let jwks_uri = metadata.jwks_uri.clone().ok_or_else(|| {
                malformed(
                    "the metadata of an OpenID Provider must have a jwks_uri to verify ID tokens with"
                        .to_owned(),
                )
            })?;
            self.openid = Some(OpenId {
                jwks_uri,
                algorithms: metadata.id_token_algs.clone(),
                userinfo_algorithms: metadata.userinfo_algs.clone(),
            });
        } else {
            let offered = metadata.scopes.as_deref().unwrap_or_default();
            self.scopes.retain(|scope| offered.contains(scope));
        }
        // OpenID Connect Discovery §3: an absent list says nothing of refresh tokens.
        let offers = |grants: &Vec<String>| grants.iter().any(|grant| grant == "refresh_token");
        self.refreshes &= metadata.grant_types.as_ref().is_none_or(offers);
        self.provenance = Arc::new(Provenance {
            issuer: metadata.issuer.clone(),
            provider: self.provenance.provider.clone(),
            client_id: self.provenance.client_id.clone(),
        });
        if metadata::is_open(&metadata.issuer) {
            self.issuer_template.clone_from(&self.definition.issuer_template);
        }
        self.issuer = Some(metadata.issuer.clone());
        self.iss_in_response = metadata.iss_in_response;
        self.token_auth_methods.clone_from(&metadata.token_auth_methods);
        self.revocation_auth_methods.clone_from(&metadata.revocation_auth_methods);
        self.metadata = Some(metadata.raw.clone());
        self.warnings.clone_from(&metadata.warnings);
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
            let detail = format!("the provider has no {}", in_words(name));
            match name {
                EndpointName::Refresh => {
                    let detail = "the provider does not refresh tokens";
                    Error::unsupported(Operation::Refresh, Feature::Refresh, detail)
                }
                EndpointName::Revocation => {
                    Error::unsupported(Operation::Revocation, Feature::Revocation, detail)
                }
                EndpointName::Userinfo => Error::unsupported(Operation::Profile, Feature::Profile, detail),
                _ => Error::config(ConfigProblem::MissingEndpoint, detail),
            }
        })
    }

    /// The request of a login with those scopes and parameters, and the URL up to what belongs to that login alone. Without
    /// scopes, the usual ones are requested; without a redirect URI, the registration's is used.
    pub(crate) fn login_request(
        &self,
        redirect_uri: Option<&str>,
        scopes: Vec<String>,
        params: &[(Cow<'_, str>, Cow<'_, str>)],
    ) -> Result<(Arc<LoginRequest>, String), Error> {
        let prepared = self.login.as_ref().filter(|_| redirect_uri.is_none());
        if let Some(prepared) = prepared.filter(|_| scopes.is_empty() && params.is_empty()) {
            return Ok((prepared.request.clone(), prepared.usual_prefix()));
        }
        let redirect_uri = match (redirect_uri, prepared) {
            (Some(uri), _) => uri.into(),
            (None, Some(prepared)) => prepared.request.redirect_uri.clone(),
            (None, None) => {
                let detail = "there is no redirect URI: set it in the registration or for this login";
                return Err(Error::config(ConfigProblem::RedirectUri, detail));
            }
        };
        let are_usual = scopes.is_empty() || scopes == self.scopes;
        let request = self.login_of(redirect_uri, if are_usual { Vec::new() } else { scopes }, params);
        let scopes = if are_usual { &self.scopes } else { &request.scopes };
        let parameters = self.authorization_request(&request.redirect_uri, scopes, params);
        let endpoint = self.endpoint(EndpointName::Authorization)?;
        let url = match prepared {
            Some(prepared) => prepared.prefix(&parameters, are_usual, endpoint),
            None => parameters.prefix(endpoint),
        };
        Ok((Arc::new(request), url))
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

    /// An authorization request of this client.
    pub(crate) fn authorization_request<'a>(
        &'a self,
        redirect_uri: &'a str,
        scopes: &'a [String],
        params: &'a [(Cow<'a, str>, Cow<'a, str>)],
    ) -> AuthorizationRequest<'a> {
        AuthorizationRequest {
            client_id: &self.provenance.client_id,
            redirect_uri,
            scopes,
            scope_separator: &self.definition.scope_separator,
            params,
            quirks: &self.definition.authorization,
        }
    }

    /// Whether this provider has that issuer.
    pub(crate) fn is_issuer(&self, issuer: &str) -> bool {
        match (&self.issuer_template, &self.issuer) {
            (Some(template), _) => metadata::fits(template, issuer),
            (None, Some(expected)) => same(issuer, expected),
            (None, None) => false,
        }
    }

    /// Which issuer an authorization response may name, and whether it must. `is_ours` is [`Server::is_response_issuer`].
    pub(crate) fn issuer_rule<'s>(&self, is_ours: &'s (dyn Fn(&str) -> bool + Sync)) -> IssuerRule<'s> {
        let is_known = self.response_issuer.is_some() || self.issuer.is_some();
        IssuerRule { is_known, is_announced: self.iss_in_response, is_ours }
    }

    /// Whether authorization responses of this provider may name that issuer. Without a known issuer they may name none:
    /// RFC 9207 §2.4.
    pub(crate) fn is_response_issuer(&self, issuer: &str) -> bool {
        match &self.response_issuer {
            Some(expected) => same(issuer, expected),
            None => self.is_issuer(issuer),
        }
    }

    pub(crate) fn keys_of(&self, operation: Operation) -> Result<&OpenId, Error> {
        self.openid.as_ref().ok_or_else(|| {
            let detail = "the provider publishes no keys, because it is not an OpenID Provider";
            Error::unsupported(operation, Feature::Keys, detail)
        })
    }
}
