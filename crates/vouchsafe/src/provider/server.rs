use std::borrow::Cow;
use std::sync::Arc;

use vouchsafe_providers::Definition;

use super::Blueprint;
use crate::endpoint::Endpoint;
use crate::error::{ConfigProblem, Error, Feature, Malformed, Operation};
use crate::protocol::authorization::prepared::LoginRequest;
use crate::protocol::authorization::request::AuthorizationRequest;
use crate::protocol::authorization::response::IssuerRule;
use crate::protocol::metadata::{self, Metadata};
use crate::provenance::Provenance;
use crate::secret::same;
use crate::text::json::Value;

/// A provider with nothing left to be found out.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) authorization: Endpoint,
    pub(crate) token: Endpoint,
    pub(crate) refresh: Option<Endpoint>,
    pub(crate) revocation: Option<Endpoint>,
    pub(crate) userinfo: Option<Endpoint>,
    /// What makes it an OpenID Provider.
    pub(crate) openid: Option<OpenId>,
    /// What tokens and logins of this server are known by.
    pub(crate) provenance: Arc<Provenance>,
    /// The issuer, of an OpenID Provider and of a plain authorization server with metadata.
    pub(crate) issuer: Option<String>,
    /// What issuers of ID tokens look like, where the metadata names none.
    pub(crate) issuer_template: Option<String>,
    pub(crate) iss_in_response: bool,
    pub(crate) scopes: Vec<String>,
    /// The request of logins that ask for nothing in particular, where the registration has a redirect URI.
    pub(crate) usual_request: Option<Arc<LoginRequest>>,
    pub(crate) token_auth_methods: Option<Vec<String>>,
    pub(crate) revocation_auth_methods: Option<Vec<String>>,
    /// What discovery found, if there was any.
    pub(crate) metadata: Option<Value>,
}

#[derive(Debug)]
pub(crate) struct OpenId {
    pub(crate) jwks_uri: Endpoint,
    pub(crate) algorithms: Option<Vec<String>>,
    /// Those of signed UserInfo.
    pub(crate) userinfo_algorithms: Option<Vec<String>>,
}

impl Server {
    /// What is asked for here with those scopes and parameters.
    pub(crate) fn login_request(
        &self,
        blueprint: &Blueprint,
        redirect_uri: &str,
        scopes: &[String],
        mut params: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    ) -> LoginRequest {
        let Definition { scope_separator, authorization, .. } = &blueprint.definition;
        for (name, value) in &authorization.params {
            if !params.iter().any(|(known, _)| known == name) {
                params.push((name.clone().into(), value.clone().into()));
            }
        }
        let response_mode = params.iter().find(|(name, _)| name == "response_mode");
        let response_mode = response_mode.map(|(_, mode)| mode.to_string());
        let client_id = &*self.provenance.client_id;
        let (params, names, order) = (&params, &authorization.names, &authorization.order);
        let request =
            AuthorizationRequest { client_id, redirect_uri, scopes, scope_separator, params, names, order };
        LoginRequest {
            provenance: self.provenance.clone(),
            redirect_uri: redirect_uri.to_owned(),
            wants_id_token: self.openid.is_some() && scopes.iter().any(|s| s == "openid"),
            scopes: scopes.to_vec(),
            are_usual: scopes == self.scopes,
            response_mode,
            url: request.begin(&self.authorization),
        }
    }

    /// The definition says what is where; discovery fills in what it leaves open.
    pub(crate) fn new(
        blueprint: &Blueprint,
        client_id: &str,
        metadata: Option<&Metadata>,
    ) -> Result<Self, Error> {
        let pick = |own: &Option<Endpoint>, found: Option<&Option<Endpoint>>| {
            own.clone().or_else(|| found.cloned().flatten())
        };
        let missing = || {
            Error::config(
                ConfigProblem::MissingEndpoint,
                format!("{} lacks an endpoint", blueprint.definition.slug),
            )
        };
        let authorization = pick(&blueprint.authorization, metadata.map(|m| &m.authorization_endpoint));
        let token = pick(&blueprint.token, metadata.map(|m| &m.token_endpoint));

        // What a definition may not put into an endpoint's query, metadata may not either.
        let mut found = blueprint.definition.clone();
        // Whose users are whose was checked when the provider was made.
        (found.issuer, found.identity.issuer) = (None, None);
        let text = |endpoint: &Option<Endpoint>| endpoint.as_ref().map(|e| e.as_str().to_owned());
        let revocation = pick(&blueprint.revocation, metadata.map(|m| &m.revocation_endpoint));
        let userinfo = pick(&blueprint.userinfo, metadata.map(|m| &m.userinfo_endpoint));
        found.authorization_endpoint = text(&authorization);
        found.token_endpoint = text(&token);
        found.revocation_endpoint = text(&revocation);
        found.userinfo_endpoint = text(&userinfo);
        found.check().map_err(|e| {
            Error::response(
                Operation::Discovery,
                Malformed::Metadata,
                format!("the metadata names an endpoint that cannot be used: {e}"),
            )
        })?;

        let openid = match metadata {
            Some(m) if m.is_openid => match &m.jwks_uri {
                Some(jwks_uri) => Some(OpenId {
                    jwks_uri: jwks_uri.clone(),
                    algorithms: m.id_token_algs.clone(),
                    userinfo_algorithms: m.userinfo_algs.clone(),
                }),
                None => {
                    let detail = "the metadata of an OpenID Provider names no jwks_uri: its ID tokens cannot be verified";
                    return Err(Error::response(Operation::Discovery, Malformed::Metadata, detail));
                }
            },
            _ => None,
        };
        let mut scopes = blueprint.definition.scopes.clone();
        if let (Some(metadata), None) = (metadata, &openid) {
            let offered = metadata.scopes.as_deref().unwrap_or_default();
            scopes.retain(|scope| offered.contains(scope));
        }
        // OpenID Connect Discovery §3: an absent list says nothing of refresh tokens.
        let grants = metadata.and_then(|m| m.grant_types.as_ref());
        let offered = grants.is_none_or(|list| list.iter().any(|grant| grant == "refresh_token"));
        let token = token.ok_or_else(missing)?;
        let refresh = (blueprint.definition.refresh && offered)
            .then(|| blueprint.refresh.clone().unwrap_or_else(|| token.clone()));
        let issuer = metadata.map(|m| m.issuer.clone()).or_else(|| blueprint.definition.issuer.clone());
        Ok(Self {
            authorization: authorization.ok_or_else(missing)?,
            provenance: Arc::new(blueprint.provenance(issuer.as_deref(), client_id)),
            refresh,
            token,
            revocation,
            userinfo,
            openid,
            issuer,
            issuer_template: metadata
                .filter(|m| metadata::is_open(&m.issuer))
                .and_then(|_| blueprint.definition.issuer_template.clone()),
            iss_in_response: metadata.is_some_and(|m| m.iss_in_response),
            scopes,
            usual_request: None,
            token_auth_methods: metadata.and_then(|m| m.token_auth_methods.clone()),
            revocation_auth_methods: metadata.and_then(|m| m.revocation_auth_methods.clone()),
            metadata: metadata.map(|m| m.raw.clone()),
        })
    }

    /// Whether an issuer is that of this provider. Where none is known, none is right: RFC 9207 §2.4.
    pub(crate) fn is_issuer(&self, issuer: &str) -> bool {
        match (&self.issuer_template, &self.issuer) {
            (Some(template), _) => metadata::fits(template, issuer),
            (None, Some(expected)) => same(issuer, expected),
            (None, None) => false,
        }
    }

    /// Which issuer an authorization response may name, and whether it must. `is_ours` is [`Server::is_issuer`].
    pub(crate) fn issuer_rule<'s>(&self, is_ours: &'s (dyn Fn(&str) -> bool + Sync)) -> IssuerRule<'s> {
        IssuerRule { is_known: self.issuer.is_some(), is_announced: self.iss_in_response, is_ours }
    }

    pub(crate) fn refresh_endpoint(&self) -> Result<&Endpoint, Error> {
        self.refresh.as_ref().ok_or_else(|| {
            Error::unsupported(Operation::Refresh, Feature::Refresh, "the provider does not refresh tokens")
        })
    }

    pub(crate) fn revocation_endpoint(&self) -> Result<&Endpoint, Error> {
        self.revocation.as_ref().ok_or_else(|| {
            let detail = "the provider has no revocation endpoint";
            Error::unsupported(Operation::Revocation, Feature::Revocation, detail)
        })
    }

    pub(crate) fn keys_of(&self, operation: Operation) -> Result<&OpenId, Error> {
        self.openid.as_ref().ok_or_else(|| {
            let detail = "the provider publishes no keys: it is no OpenID Provider";
            Error::unsupported(operation, Feature::Keys, detail)
        })
    }

    pub(crate) fn userinfo_endpoint(&self) -> Result<&Endpoint, Error> {
        self.userinfo.as_ref().ok_or_else(|| {
            Error::unsupported(Operation::Profile, Feature::Profile, "the provider has no userinfo endpoint")
        })
    }
}
