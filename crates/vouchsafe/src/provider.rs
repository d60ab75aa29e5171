use std::collections::BTreeMap;
use std::sync::Arc;

use vouchsafe_providers::{ClientAuth, Definition};

use crate::error::{ConfigProblem, Error};
use crate::protocol::metadata::Metadata;
use crate::provider::live::fetch_metadata;
use crate::text::json::Value;
use crate::transport::Http;

mod blueprint;
pub(crate) mod live;
mod server;

pub(crate) use blueprint::Blueprint;
pub(crate) use server::{OpenId, Server};

/// An authorization server: where its endpoints are, and what its quirks are.
///
/// One from the catalogue, an OpenID Provider by its issuer, or any other by its endpoints:
///
/// ```
/// use vouchsafe::{Provider, providers};
///
/// let github = providers::github();
/// let company = Provider::openid("https://id.example.com");
/// let acme = Provider::oauth2("acme")
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
    /// The token endpoint was given by [`Provider::token_endpoint`], and not by a definition.
    by_hand: bool,
    /// The same of [`Provider::userinfo_endpoint`].
    profile_by_hand: bool,
    /// What the definition says and must not.
    mistake: Option<String>,
    metadata: Option<Arc<Metadata>>,
}

impl Provider {
    /// An OAuth 2 service by hand. It has no endpoints yet.
    #[doc(alias = "OAuth2")]
    pub fn oauth2(name: impl Into<String>) -> Self {
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
        // Nothing in the metadata depends on who asks for it.
        let blueprint = provider.blueprint("client")?;
        if let Some(well_known) = &blueprint.discovery {
            provider.metadata = Some(Arc::new(fetch_metadata(well_known, None, http).await?));
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
            let shown = crate::text::redact::printable(&slug, 60);
            Error::config(
                ConfigProblem::UnknownProvider,
                format!("the catalogue has no provider named {shown}"),
            )
        })
    }

    /// A definition of your own, as TOML.
    ///
    /// # Security
    /// A definition has to be trusted like code. Whoever writes it gets the codes, the tokens and the client secret that go
    /// through it, and says who signs in: see [`Definition`]'s documentation before you take one from a stranger.
    ///
    /// # Errors
    /// [`Error::Config`] with the line and the field that is wrong.
    pub fn from_definition(toml: impl Into<String>) -> Result<Self, Error> {
        Definition::from_toml(&toml.into())
            .map(Self::from)
            .map_err(|e| Error::config(ConfigProblem::Definition, e.to_string()))
    }

    /// Fills in a parameter that the definition asks for, such as a tenant or a host.
    #[must_use]
    pub fn param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.values.insert(name.into(), value.into());
        self
    }

    /// The issuer of an OAuth 2 service that has one: what its authorization responses name as `iss` (RFC 9207). Without
    /// it, a response that names any is refused.
    ///
    /// It is what [`Identity::issuer`](crate::Identity::issuer) gives. Set it where one host serves many tenants, or
    /// where the token endpoint may move: the issuer is a part of the key that accounts are known by.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.definition.issuer = Some(issuer.into());
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
        // What a definition says of the users of its own server says nothing of those of another.
        self.definition.identity.issuer = None;
        self.by_hand = true;
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
    pub fn supports_refresh(mut self, supported: bool) -> Self {
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
        self.profile_by_hand = true;
        self
    }

    /// Where the profile says who the user is: one JSON Pointer (RFC 6901), such as `/id`, to a member that is unique at
    /// the provider and that no user can change or give away. Without it, `/sub`, `/id` and `/user_id` are looked at, and
    /// where several are there they must agree.
    #[must_use]
    pub fn subject(mut self, pointer: impl Into<String>) -> Self {
        self.definition.identity.subject = vec![pointer.into()];
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
        self.definition.client_auth = Some(method);
        self
    }

    /// How they authenticate at the revocation endpoint, where it differs.
    #[must_use]
    #[doc(alias = "revocation_endpoint_auth_method")]
    pub fn revocation_auth(mut self, method: ClientAuth) -> Self {
        self.definition.revocation_auth = Some(method);
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
    pub fn metadata(&self) -> Option<&Value> {
        self.metadata.as_deref().map(|m| &m.raw)
    }

    pub(crate) fn known_metadata(&self) -> Option<&Metadata> {
        self.metadata.as_deref()
    }
}

/// A definition however it was made. What it must not say ([`Definition::check`]) is told by
/// [`Client::new`](crate::Client::new).
impl From<Definition> for Provider {
    fn from(definition: Definition) -> Self {
        let mistake = definition.check().err().map(|e| e.to_string());
        Self {
            definition,
            values: BTreeMap::new(),
            by_hand: false,
            profile_by_hand: false,
            mistake,
            metadata: None,
        }
    }
}

/// The definitions that this library stands on are in the catalogue, as a test there shows.
fn known(slug: &str) -> Definition {
    vouchsafe_providers::get(slug).unwrap_or_else(|| Definition::empty(slug))
}
