use std::collections::BTreeMap;
use std::sync::Arc;

use vouchsafe_providers::{
    AuthMethod, Definition, EmailList, IdentityManners, Kind, Pkce, Rule, TokenManners,
};

use crate::client::fetch_metadata;
use crate::endpoint::{Endpoint, NotAnEndpoint};
use crate::error::{Error, Fault, Feature, Operation};
use crate::http::Http;
use crate::json::Json;
use crate::login::LoginRequest;
use crate::protocol::metadata::{self, Metadata, WellKnown};
use crate::registration::ClientAuth;

/// An authorization server: where its endpoints are, and what its manners are.
///
/// One from the catalogue, an OpenID Provider by its issuer, or any other by its endpoints:
///
/// ```
/// use vouchsafe::{Provider, providers};
///
/// let github = providers::github();
/// let company = Provider::openid("https://id.example.com");
/// let acme = Provider::new("acme")
///     .authorization_endpoint("https://acme.example/authorize")
///     .token_endpoint("https://acme.example/token")
///     .userinfo_endpoint("https://acme.example/me");
/// ```
///
/// What is missing or wrong is told by [`Client::new`](crate::Client::new).
#[derive(Clone, Debug)]
pub struct Provider {
    definition: Definition,
    values: BTreeMap<String, String>,
    metadata: Option<Arc<Metadata>>,
}

impl Provider {
    /// An OAuth 2 service by hand. It has no endpoints yet.
    #[doc(alias = "OAuth2")]
    pub fn new(name: impl Into<String>) -> Self {
        let mut provider = Self::from(known("oauth2"));
        let definition = &mut provider.definition;
        definition.slug = name.into();
        definition.display_name.clone_from(&definition.slug);
        definition.params.clear();
        definition.authorization_endpoint = None;
        definition.token_endpoint = None;
        definition.refresh_endpoint = None;
        definition.revocation_endpoint = None;
        definition.userinfo_endpoint = None;
        provider
    }

    /// An OpenID Provider by its issuer. Its metadata is fetched at first use and kept; the URL of the metadata
    /// document will do as well.
    ///
    /// Sources: OpenID Connect Discovery 1.0 section 4, RFC 8414 section 3.
    #[doc(alias = "OpenID")]
    pub fn openid(issuer: impl Into<String>) -> Self {
        Self::from(known("openid")).param("issuer", issuer)
    }

    /// The same, with the metadata fetched now.
    ///
    /// # Errors
    /// [`Error::Config`] for an issuer that is no URL, and whatever a fetch can fail with.
    pub async fn discover(issuer: impl Into<String>, http: &Http) -> Result<Self, Error> {
        let mut provider = Self::openid(issuer);
        let blueprint = provider.blueprint()?;
        if let Some(well_known) = &blueprint.discovery {
            provider.metadata = Some(Arc::new(fetch_metadata(well_known, http).await?));
        }
        Ok(provider)
    }

    /// A provider of the catalogue, by its slug.
    ///
    /// # Errors
    /// [`Error::Config`] if the catalogue has none of that name.
    pub fn named(slug: impl Into<String>) -> Result<Self, Error> {
        let slug = slug.into();
        vouchsafe_providers::get(&slug).map(Self::from).ok_or_else(|| {
            let shown = crate::error::printable(&slug, 60);
            Error::config("unknown_provider", format!("the catalogue has no provider named {shown}"))
        })
    }

    /// A definition of your own, as TOML.
    ///
    /// # Errors
    /// [`Error::Config`] with the line and the field that is wrong.
    pub fn from_definition(toml: impl Into<String>) -> Result<Self, Error> {
        Definition::from_toml(&toml.into())
            .map(Self::from)
            .map_err(|e| Error::config("definition", e.to_string()))
    }

    /// Fills in a parameter that the definition asks for, such as a tenant or a host.
    #[must_use]
    pub fn param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.values.insert(name.into(), value.into());
        self
    }

    /// The authorization endpoint. Parameters in its query are kept.
    #[must_use]
    pub fn authorization_endpoint(mut self, url: impl Into<String>) -> Self {
        self.definition.authorization_endpoint = Some(url.into());
        self
    }

    /// The token endpoint.
    #[must_use]
    pub fn token_endpoint(mut self, url: impl Into<String>) -> Self {
        self.definition.token_endpoint = Some(url.into());
        self
    }

    /// Where tokens are refreshed, if not at the token endpoint.
    #[must_use]
    pub fn refresh_endpoint(mut self, url: impl Into<String>) -> Self {
        self.definition.refresh_endpoint = Some(url.into());
        self
    }

    /// Whether tokens can be refreshed; they can unless this or the metadata says that they cannot.
    #[must_use]
    pub fn refresh(mut self, supported: bool) -> Self {
        self.definition.refresh = supported;
        self
    }

    /// The revocation endpoint (RFC 7009).
    #[must_use]
    pub fn revocation_endpoint(mut self, url: impl Into<String>) -> Self {
        self.definition.revocation_endpoint = Some(url.into());
        self
    }

    /// Where the profile is.
    #[must_use]
    pub fn userinfo_endpoint(mut self, url: impl Into<String>) -> Self {
        self.definition.userinfo_endpoint = Some(url.into());
        self
    }

    /// The scopes to ask for where a login names none.
    #[must_use]
    #[doc(alias = "base_scopes")]
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.definition.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// How clients with a secret authenticate at the token endpoint.
    #[must_use]
    #[doc(alias = "token_endpoint_auth_method")]
    pub fn client_auth(mut self, method: ClientAuth) -> Self {
        self.definition.client_auth = Some(method.into());
        self
    }

    /// How they authenticate at the revocation endpoint, where it differs.
    #[must_use]
    #[doc(alias = "revocation_endpoint_auth_method")]
    pub fn revocation_auth(mut self, method: ClientAuth) -> Self {
        self.definition.revocation_auth = Some(method.into());
        self
    }

    /// The name in URLs and commands.
    pub fn slug(&self) -> &str {
        &self.definition.slug
    }

    /// The name that people know.
    pub fn display_name(&self) -> &str {
        &self.definition.display_name
    }

    /// The metadata document, if it was fetched by [`Provider::discover`].
    pub fn metadata(&self) -> Option<&Json> {
        self.metadata.as_deref().map(|m| &m.raw)
    }

    pub(crate) fn known_metadata(&self) -> Option<&Metadata> {
        self.metadata.as_deref()
    }

    /// The definition with its parameters filled in and checked.
    pub(crate) fn blueprint(&self) -> Result<Blueprint, Error> {
        let definition = &self.definition;
        for name in self.values.keys() {
            if !definition.params.contains_key(name) {
                let known: Vec<_> = definition.params.keys().map(String::as_str).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let shown = crate::error::printable(name, 60);
                let detail = format!("{} has no parameter {shown}; it has: {known}", self.slug());
                return Err(Error::config("invalid_param", detail));
            }
        }
        let issuer = self.fill(definition.issuer.as_deref())?;
        let discovery = match (&issuer, definition.kind) {
            (Some(issuer), Kind::Openid) => {
                Some(metadata::well_known(issuer).map_err(|e| wrong_url("issuer", issuer, &e))?)
            }
            (None, Kind::Openid) => {
                let detail = format!("{} is an OpenID Provider without an issuer", self.slug());
                return Err(Error::config("issuer", detail));
            }
            _ => None,
        };
        let endpoint = |name: &str, template: &Option<String>| -> Result<Option<Endpoint>, Error> {
            let Some(url) = self.fill(template.as_deref())? else {
                return Ok(None);
            };
            Endpoint::parse(&url).map(Some).map_err(|e| wrong_url(name, &url, &e))
        };
        let blueprint = Blueprint {
            slug: definition.slug.clone(),
            issuer_aliases: definition.issuer_aliases.clone(),
            discovery,
            authorization: endpoint("authorization endpoint", &definition.authorization_endpoint)?,
            token: endpoint("token endpoint", &definition.token_endpoint)?,
            refresh: endpoint("refresh endpoint", &definition.refresh_endpoint)?,
            revocation: endpoint("revocation endpoint", &definition.revocation_endpoint)?,
            userinfo: endpoint("userinfo endpoint", &definition.userinfo_endpoint)?,
            emails: match &definition.identity.emails {
                Some(list) => endpoint("e-mail endpoint", &list.endpoint)?.map(|e| (e, list.clone())),
                None => None,
            },
            can_refresh: definition.refresh,
            scopes: definition.scopes.clone(),
            scope_separator: definition.scope_separator.clone(),
            client_auth: definition.client_auth.map(Into::into),
            revocation_auth: definition.revocation_auth.map(Into::into),
            pkce: definition.pkce != Pkce::Unsupported,
            params: definition.authorization.params.clone().into_iter().collect(),
            token_manners: definition.token.clone(),
            identity: definition.identity.clone(),
        };
        if blueprint.discovery.is_none() {
            for (name, endpoint) in [("authorization", &blueprint.authorization), ("token", &blueprint.token)]
            {
                if endpoint.is_none() {
                    let detail = format!("{} has no {name} endpoint", self.slug());
                    return Err(Error::config("missing_endpoint", detail));
                }
            }
        }
        Ok(blueprint)
    }

    /// Puts the parameters' values in. None if an optional one that is not given is mentioned.
    fn fill(&self, template: Option<&str>) -> Result<Option<String>, Error> {
        let Some(template) = template else { return Ok(None) };
        let mut filled = template.to_owned();
        for (name, param) in &self.definition.params {
            let mark = format!("{{{name}}}");
            if !template.contains(&mark) {
                continue;
            }
            let Some(value) = self.values.get(name).or(param.default.as_ref()) else {
                if param.optional {
                    return Ok(None);
                }
                let detail = format!("{} needs the parameter {name}: {}", self.slug(), param.rule.describe());
                return Err(Error::config("invalid_param", detail));
            };
            if !obeys(param.rule, value) {
                let shown = crate::error::printable(value, 60);
                let detail =
                    format!("the parameter {name} is {shown}, and must be {}", param.rule.describe());
                return Err(Error::config("invalid_param", detail));
            }
            filled = filled.replace(&mark, value);
        }
        Ok(Some(filled))
    }
}

impl From<Definition> for Provider {
    fn from(definition: Definition) -> Self {
        Self { definition, values: BTreeMap::new(), metadata: None }
    }
}

/// A provider that is ready, but for what discovery may add.
#[derive(Debug)]
pub(crate) struct Blueprint {
    pub(crate) slug: String,
    pub(crate) issuer_aliases: Vec<String>,
    pub(crate) discovery: Option<WellKnown>,
    pub(crate) authorization: Option<Endpoint>,
    pub(crate) token: Option<Endpoint>,
    pub(crate) refresh: Option<Endpoint>,
    pub(crate) revocation: Option<Endpoint>,
    pub(crate) userinfo: Option<Endpoint>,
    pub(crate) emails: Option<(Endpoint, EmailList)>,
    pub(crate) can_refresh: bool,
    pub(crate) scopes: Vec<String>,
    pub(crate) scope_separator: String,
    pub(crate) client_auth: Option<ClientAuth>,
    pub(crate) revocation_auth: Option<ClientAuth>,
    pub(crate) pkce: bool,
    pub(crate) params: Vec<(String, String)>,
    pub(crate) token_manners: TokenManners,
    pub(crate) identity: IdentityManners,
}

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
    /// The issuer, of an OpenID Provider and of a plain authorization server with metadata.
    pub(crate) issuer: Option<String>,
    pub(crate) iss_in_response: bool,
    pub(crate) scopes: Vec<String>,
    /// The request of logins that ask for nothing in particular, where the registration has a redirect URI.
    pub(crate) usual_request: Option<Arc<LoginRequest>>,
    pub(crate) token_auth_methods: Option<Vec<String>>,
    pub(crate) revocation_auth_methods: Option<Vec<String>>,
    /// What discovery found, if there was any.
    pub(crate) metadata: Option<Json>,
}

#[derive(Debug)]
pub(crate) struct OpenId {
    pub(crate) jwks_uri: Endpoint,
    pub(crate) algorithms: Option<Vec<String>>,
}

impl Server {
    /// The definition says what is where; discovery fills in what it leaves open.
    pub(crate) fn new(blueprint: &Blueprint, metadata: Option<&Metadata>) -> Result<Self, Error> {
        let pick = |own: &Option<Endpoint>, found: Option<&Option<Endpoint>>| {
            own.clone().or_else(|| found.cloned().flatten())
        };
        let missing = || Error::config("missing_endpoint", format!("{} lacks an endpoint", blueprint.slug));
        let authorization = pick(&blueprint.authorization, metadata.map(|m| &m.authorization_endpoint));
        let token = pick(&blueprint.token, metadata.map(|m| &m.token_endpoint));

        let openid = match metadata {
            Some(m) if m.is_openid => match &m.jwks_uri {
                Some(jwks_uri) => {
                    Some(OpenId { jwks_uri: jwks_uri.clone(), algorithms: m.id_token_algs.clone() })
                }
                None => {
                    let detail = "the metadata of an OpenID Provider names no jwks_uri: its ID tokens cannot be verified";
                    return Err(Error::response(Operation::Discovery, Fault::Metadata, detail));
                }
            },
            _ => None,
        };
        let mut scopes = blueprint.scopes.clone();
        if let (Some(metadata), None) = (metadata, &openid) {
            let offered = metadata.scopes.as_deref().unwrap_or_default();
            scopes.retain(|scope| offered.contains(scope));
        }
        // OpenID Connect Discovery §3: an absent list says nothing of refresh tokens.
        let grants = metadata.and_then(|m| m.grant_types.as_ref());
        let offered = grants.is_none_or(|list| list.iter().any(|grant| grant == "refresh_token"));
        let token = token.ok_or_else(missing)?;
        let refresh = (blueprint.can_refresh && offered)
            .then(|| blueprint.refresh.clone().unwrap_or_else(|| token.clone()));
        Ok(Self {
            authorization: authorization.ok_or_else(missing)?,
            refresh,
            token,
            revocation: pick(&blueprint.revocation, metadata.map(|m| &m.revocation_endpoint)),
            userinfo: pick(&blueprint.userinfo, metadata.map(|m| &m.userinfo_endpoint)),
            openid,
            issuer: metadata.map(|m| m.issuer.clone()),
            iss_in_response: metadata.is_some_and(|m| m.iss_in_response),
            scopes,
            usual_request: None,
            token_auth_methods: metadata.and_then(|m| m.token_auth_methods.clone()),
            revocation_auth_methods: metadata.and_then(|m| m.revocation_auth_methods.clone()),
            metadata: metadata.map(|m| m.raw.clone()),
        })
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

    pub(crate) fn userinfo_endpoint(&self) -> Result<&Endpoint, Error> {
        self.userinfo.as_ref().ok_or_else(|| {
            Error::unsupported(Operation::Profile, Feature::Profile, "the provider has no userinfo endpoint")
        })
    }
}

/// Whether a value is what its parameter's rule asks for.
fn obeys(rule: Rule, value: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    match rule {
        // What is wrong with a URL is told when it is read as an endpoint.
        Rule::Url => true,
        Rule::Label => label(value),
        Rule::Segment => {
            !matches!(value, "" | "." | "..")
                && value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        }
        Rule::Host => {
            let (host, port) = value.split_once(':').unwrap_or((value, "443"));
            host.len() <= 253 && host.split('.').all(label) && port.parse::<u16>().is_ok()
        }
    }
}

fn wrong_url(name: &str, url: &str, why: &NotAnEndpoint) -> Error {
    let code = match why {
        NotAnEndpoint::Insecure => "insecure_url",
        NotAnEndpoint::Invalid(_) => "invalid_url",
    };
    Error::config(code, format!("the {name} {} {why}", crate::error::printable(url, 200)))
}

/// The definitions that this library stands on are in the catalogue, as a test there shows.
fn known(slug: &str) -> Definition {
    vouchsafe_providers::get(slug).unwrap_or_else(|| Definition::empty(slug))
}

impl From<ClientAuth> for AuthMethod {
    fn from(method: ClientAuth) -> Self {
        match method {
            ClientAuth::None => Self::None,
            ClientAuth::ClientSecretBasic => Self::ClientSecretBasic,
            ClientAuth::ClientSecretPost => Self::ClientSecretPost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(rule: &str, url: &str) -> Provider {
        let toml = format!(
            "slug = \"x\"\ndisplay_name = \"X\"\nkind = \"oauth2\"\nauthorization_endpoint = \"{url}\"\n\
             token_endpoint = \"https://x.example/t\"\ndocumentation = \"https://x.example\"\nchecked = \"2026-01-01\"\n\
             [params.p]\nrule = \"{rule}\"\n"
        );
        Provider::from_definition(toml).unwrap()
    }

    #[test]
    fn a_parameter_cannot_move_a_request_elsewhere() {
        let label = provider("label", "https://{p}.x.example/a");
        assert!(label.clone().param("p", "my-shop").blueprint().is_ok());
        for value in ["evil.example/#", "a.b", "a/b", "a@b", "a:1", "-a", "", "a b", "é", "a\n"] {
            let error = label.clone().param("p", value).blueprint().unwrap_err();
            assert_eq!(error.code(), "invalid_param", "{value}");
        }
        let segment = provider("segment", "https://x.example/{p}/a");
        assert!(segment.clone().param("p", "9188040d-6c67.x_y").blueprint().is_ok());
        for value in ["..", ".", "a/b", "a?b", "%2e%2e", ""] {
            assert!(segment.clone().param("p", value).blueprint().is_err(), "{value}");
        }
        let host = provider("host", "https://{p}/a");
        assert!(host.clone().param("p", "id.example.com:8443").blueprint().is_ok());
        for value in ["a.example/x", "u@a.example", "a.example:x", "a..b", ""] {
            assert!(host.clone().param("p", value).blueprint().is_err(), "{value}");
        }
    }

    #[test]
    fn what_is_missing_is_told() {
        let error = provider("label", "https://{p}.x.example/a").blueprint().unwrap_err();
        assert!(error.to_string().contains("needs the parameter p"), "{error}");
        let error = Provider::new("x").param("q", "1").blueprint().unwrap_err();
        assert!(error.to_string().contains("no parameter q"), "{error}");
        assert_eq!(Provider::new("x").blueprint().unwrap_err().code(), "missing_endpoint");
        assert_eq!(Provider::named("nobody").unwrap_err().code(), "unknown_provider");
        assert_eq!(Provider::openid("http://a.example").blueprint().unwrap_err().code(), "insecure_url");
        assert_eq!(Provider::openid("not a url").blueprint().unwrap_err().code(), "invalid_url");
        assert_eq!(Provider::from_definition("slug = 1").unwrap_err().code(), "definition");
    }
}
