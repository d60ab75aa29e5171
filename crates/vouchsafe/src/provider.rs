//! A provider: a definition, the values of its parameters, and what the application sets by hand.
use std::collections::BTreeMap;
use std::sync::Arc;

use vouchsafe_providers::{ClientAuth, Definition, EndpointName};

use crate::endpoint::PlainHosts;
use crate::error::{ConfigProblem, Error, UnsupportedError};
use crate::protocol::metadata::Metadata;
use crate::provider::live::fetch_metadata;
use crate::text::json::Value;
use crate::text::redact::printable;
use crate::transport::Http;

pub(crate) mod keys;
pub(crate) mod live;
mod needs;
mod server;
mod template;

pub(crate) use server::Server;

/// An authorization server: its endpoints and its quirks.
///
/// Take one from the catalogue, an OpenID Provider by its issuer, or any other by its endpoints:
///
/// ```
/// use vouchsafe::{Provider, providers};
///
/// let github = providers::github();
/// let company = Provider::openid("https://id.example.com").name("company");
/// let acme = Provider::oauth2("acme")
///     .authorization_endpoint("https://acme.example/authorize")
///     .token_endpoint("https://acme.example/token")
///     .userinfo_endpoint("https://acme.example/me");
/// ```
///
/// [`Client::new`](crate::Client::new) checks it, and says what is missing or wrong.
#[derive(Clone, Debug)]
#[must_use]
pub struct Provider {
    definition: Arc<Definition>,
    /// The name given by [`Provider::name`].
    name: Option<String>,
    values: BTreeMap<String, String>,
    response_issuer: Option<String>,
    /// The endpoints that the application set.
    by_hand: Vec<EndpointName>,
    /// The application set the URL of the metadata document.
    knows_document: bool,
    /// Why the definition cannot be used.
    mistake: Option<String>,
    pub(crate) metadata: Option<Arc<Metadata>>,
    /// The hosts that `http` may be used for.
    plain: PlainHosts,
}

impl Provider {
    /// An OAuth 2 provider that you describe yourself. It has no endpoints yet.
    #[doc(alias = "OAuth2")]
    pub fn oauth2(name: impl Into<String>) -> Self {
        let mut provider = Self::known("oauth2");
        let definition = provider.edit();
        definition.slug = name.into();
        definition.display_name.clone_from(&definition.slug);
        definition.params.clear();
        for name in EndpointName::ALL {
            *definition.endpoint_mut(*name) = None;
        }
        provider
    }

    /// An OpenID Provider by its issuer. Its metadata is fetched at first use and kept. It is looked for at each place where the
    /// standards put it, until one has it. The URL of the metadata document is accepted as well; then only this URL is tried.
    ///
    /// Its name is `openid`: if you use several, tell them apart by [`Provider::name`].
    ///
    /// Sources: OpenID Connect Discovery 1.0 section 4, RFC 8414 section 3.
    #[doc(alias = "OpenID")]
    pub fn openid(issuer: impl Into<String>) -> Self {
        Self::known("openid").param("issuer", issuer)
    }

    /// Like [`Provider::openid`], but fetches the metadata now.
    ///
    /// # Errors
    /// [`Error::Config`] if the issuer is not a URL, and every error that a fetch can have.
    pub async fn discover(issuer: impl Into<String>, http: &Http) -> Result<Self, Error> {
        Self::openid(issuer).fetch_metadata(http).await
    }

    /// The same provider with its metadata, fetched now. A provider that is described by its endpoints has none.
    ///
    /// # Errors
    /// As [`Provider::discover`].
    pub async fn fetch_metadata(self, http: &Http) -> Result<Self, Error> {
        let mut provider = self.reached_by(http);
        // Metadata does not depend on the client.
        let server = provider.server("client")?;
        if let Some(well_known) = &server.discovery {
            provider.metadata = Some(fetch_metadata(well_known, None, http).await?);
        }
        Ok(provider)
    }

    /// A provider of the catalogue, by its slug.
    ///
    /// # Errors
    /// [`Error::Config`] if the catalogue has no provider of that slug.
    pub fn named(slug: impl Into<String>) -> Result<Self, Error> {
        let slug = slug.into();
        // The catalogue's definitions were checked when they were parsed.
        vouchsafe_providers::get(&slug).map(|definition| Self::new(definition, None)).ok_or_else(|| {
            let near = vouchsafe_providers::similar(&slug, vouchsafe_providers::slugs());
            let advice = match near.is_empty() {
                true => "docs/providers.md lists all, and Provider::openid takes the issuer of any other"
                    .to_owned(),
                false => format!("did you mean {}?", near.join(" or ")),
            };
            let detail = format!("the catalogue has no provider named {}: {advice}", printable(&slug, 60));
            Error::config(ConfigProblem::UnknownProvider, detail)
        })
    }

    /// A definition of your own, in TOML.
    ///
    /// # Security
    /// Trust a definition like code. Its author decides where codes, tokens and the client secret are sent, and which server
    /// says who signs in. Read the documentation of [`Definition`] before you accept one from a stranger.
    ///
    /// # Errors
    /// [`Error::Config`] with the line, the field and the reason.
    pub fn from_definition(toml: impl Into<String>) -> Result<Self, Error> {
        Definition::from_toml(&toml.into())
            .map(|definition| Self::new(Arc::new(definition), None))
            .map_err(|e| Error::config(ConfigProblem::Definition, e.to_string()))
    }

    /// The same provider, with `http` for the hosts for which that transport allows it.
    pub(crate) fn reached_by(mut self, http: &Http) -> Self {
        self.plain = http.plain.clone();
        self
    }

    fn new(definition: Arc<Definition>, mistake: Option<String>) -> Self {
        Self {
            definition,
            name: None,
            values: BTreeMap::new(),
            response_issuer: None,
            by_hand: Vec::new(),
            knows_document: false,
            mistake,
            metadata: None,
            plain: PlainHosts::default(),
        }
    }

    /// Definitions that this library builds on. A test shows that the catalogue has them.
    fn known(slug: &str) -> Self {
        Self::new(vouchsafe_providers::get(slug).unwrap_or_else(|| Definition::empty(slug).into()), None)
    }

    fn edit(&mut self) -> &mut Definition {
        Arc::make_mut(&mut self.definition)
    }

    /// Another name for this provider: for [`Provider::slug`], [`Provider::display_name`] and everything that a client makes.
    ///
    /// Tokens and pending logins are bound to the name, so keep it. The keys of accounts do not depend on it.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets a parameter of the definition, such as a tenant or a host.
    pub fn param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.values.insert(name.into(), value.into());
        self
    }

    /// The issuer of an OAuth 2 provider that has one. Its authorization responses may name it as `iss` (RFC 9207).
    ///
    /// [`Identity::issuer`](crate::Identity::issuer) returns it, so it is a part of the key of every account. Set it before
    /// the first account is made: if one host serves many tenants, or if the token endpoint may move. To only accept an `iss`
    /// in responses, use [`Provider::response_issuer`], which keeps the keys of accounts.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.edit().issuer = Some(issuer.into());
        self
    }

    /// The issuer that authorization responses name as `iss` (RFC 9207), if it is not known otherwise or differs from the
    /// issuer. Responses with another `iss` are refused.
    ///
    /// Without a known issuer, every response with an `iss` is refused. If a provider begins to send one, set it here: the
    /// keys of accounts do not change.
    ///
    /// ```
    /// # use vouchsafe::providers;
    /// let discord = providers::discord().response_issuer("https://discord.com");
    /// ```
    pub fn response_issuer(mut self, issuer: impl Into<String>) -> Self {
        self.response_issuer = Some(issuer.into());
        self
    }

    /// The URL of the metadata document, if the provider is reached by another name than its issuer: by the name of a
    /// container, or through a proxy. Only this URL is tried. The document must still name the issuer exactly.
    ///
    /// A document that is not at the issuer's host is trusted like the issuer itself. Its endpoints may be at any host. Use
    /// [`Http::danger_allow_http`] if this URL is not `https`. Then `http` is also allowed for the endpoints at such hosts,
    /// although the issuer is `https`.
    ///
    /// ```
    /// # use vouchsafe::Provider;
    /// let company = Provider::openid("https://id.example.com/realms/main")
    ///     .discovery("https://keycloak.internal:8443/realms/main/.well-known/openid-configuration");
    /// ```
    pub fn discovery(mut self, url: impl Into<String>) -> Self {
        self.edit().discovery = Some(url.into());
        self.knows_document = true;
        self
    }

    /// Sets an endpoint by its name.
    ///
    /// ```
    /// # use vouchsafe::{EndpointName, Provider};
    /// let acme = Provider::oauth2("acme").endpoint(EndpointName::EndSession, "https://acme.example/logout");
    /// ```
    pub fn endpoint(mut self, name: EndpointName, url: impl Into<String>) -> Self {
        *self.edit().endpoint_mut(name) = Some(url.into());
        if name == EndpointName::Token {
            // The definition's users are those of its own server, not of another one.
            self.edit().identity.issuer = None;
        }
        self.by_hand.push(name);
        self
    }

    /// The authorization endpoint. Parameters in its query are kept.
    pub fn authorization_endpoint(self, url: impl Into<String>) -> Self {
        self.endpoint(EndpointName::Authorization, url)
    }

    /// The token endpoint.
    pub fn token_endpoint(self, url: impl Into<String>) -> Self {
        self.endpoint(EndpointName::Token, url)
    }

    /// The endpoint for refreshing tokens, if it is not the token endpoint.
    pub fn refresh_endpoint(self, url: impl Into<String>) -> Self {
        self.endpoint(EndpointName::Refresh, url)
    }

    /// The revocation endpoint (RFC 7009).
    pub fn revocation_endpoint(self, url: impl Into<String>) -> Self {
        self.endpoint(EndpointName::Revocation, url)
    }

    /// The introspection endpoint (RFC 7662).
    pub fn introspection_endpoint(self, url: impl Into<String>) -> Self {
        self.endpoint(EndpointName::Introspection, url)
    }

    /// The device authorization endpoint (RFC 8628).
    pub fn device_authorization_endpoint(self, url: impl Into<String>) -> Self {
        self.endpoint(EndpointName::DeviceAuthorization, url)
    }

    /// The backchannel authentication endpoint (OpenID Connect CIBA Core 1.0).
    pub fn backchannel_authentication_endpoint(self, url: impl Into<String>) -> Self {
        self.endpoint(EndpointName::BackchannelAuthentication, url)
    }

    /// The endpoint that gives challenges for the proofs of attestations (draft-ietf-oauth-attestation-based-client-auth section 6.1).
    pub fn challenge_endpoint(self, url: impl Into<String>) -> Self {
        self.endpoint(EndpointName::Challenge, url)
    }

    /// The endpoint where programs register clients (RFC 7591).
    pub fn registration_endpoint(self, url: impl Into<String>) -> Self {
        self.endpoint(EndpointName::Registration, url)
    }

    /// The endpoint that returns the user's profile.
    pub fn userinfo_endpoint(self, url: impl Into<String>) -> Self {
        self.endpoint(EndpointName::Userinfo, url)
    }

    /// Sends the access token to the UserInfo endpoint in the body of a POST (RFC 6750 section 2.2), and not in the header
    /// `Authorization`, for a provider that expects it there.
    pub fn userinfo_token_in_body(mut self) -> Self {
        self.edit().userinfo.token = "body:access_token".to_owned();
        self
    }

    /// Whether the provider refreshes tokens. It does, unless this or its metadata says otherwise.
    pub fn supports_refresh(mut self, supported: bool) -> Self {
        self.edit().refresh = supported;
        self
    }

    /// The user's identifier in the profile: a JSON Pointer (RFC 6901), such as `/id`, to a member that is unique at the
    /// provider, and that no user can change or give away. By default `/sub`, `/id` and `/user_id` are read; if there are
    /// several, they must be equal.
    pub fn subject(mut self, pointer: impl Into<String>) -> Self {
        self.edit().identity.subject = vec![pointer.into()];
        self
    }

    /// The member of the profile that says whether the user's e-mail is verified: a JSON Pointer (RFC 6901), such as
    /// `/email_verified`. Without it, [`Identity::email_verified`](crate::Identity::email_verified) is unknown at providers
    /// that you describe yourself.
    ///
    /// # Security
    /// Set it only if the provider's documentation says that `true` means that the user has proved to own the address. Some
    /// providers always send `true`, or let administrators set it; then anybody could sign in with another's address.
    pub fn email_verified(mut self, pointer: impl Into<String>) -> Self {
        self.edit().identity.email_verified = vec![pointer.into()];
        self
    }

    /// The scopes to request if a login names none.
    #[doc(alias = "base_scopes")]
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.edit().scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// How clients with a secret authenticate at the token endpoint.
    #[doc(alias = "token_endpoint_auth_method")]
    pub fn client_auth(mut self, method: ClientAuth) -> Self {
        self.edit().client_auth = Some(method);
        self
    }

    /// How clients authenticate at the revocation endpoint, if it differs.
    #[doc(alias = "revocation_endpoint_auth_method")]
    pub fn revocation_auth(mut self, method: ClientAuth) -> Self {
        self.edit().revocation_auth = Some(method);
        self
    }

    /// The name in URLs and commands.
    pub fn slug(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.definition.slug)
    }

    /// The name to show to people.
    pub fn display_name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.definition.display_name)
    }

    /// The definition with the values that were set by methods of the provider. Parameters are not filled in.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// The requirements in the provider's metadata that this library cannot meet. With one of them, a login does not start:
    /// [`Client::login`](crate::Client::login) returns the same error. The list is empty if the metadata was not fetched by
    /// [`Provider::discover`] or [`Provider::fetch_metadata`].
    ///
    /// The registration of a client can require more. The metadata does not say that.
    pub fn unmet_needs(&self) -> Vec<UnsupportedError> {
        self.metadata.as_deref().map_or_else(Vec::new, |metadata| needs::all(&self.definition, metadata))
    }

    /// The metadata document, if it was fetched by [`Provider::discover`] or [`Provider::fetch_metadata`].
    pub fn metadata(&self) -> Option<&Value> {
        self.metadata.as_deref().map(|m| &m.raw)
    }
}

/// A definition from any source. [`Client::new`](crate::Client::new) reports mistakes that [`Definition::check`] finds.
impl<D: Into<Arc<Definition>>> From<D> for Provider {
    fn from(definition: D) -> Self {
        let definition = definition.into();
        let mistake = definition.check().err().map(|e| e.to_string());
        Self::new(definition, mistake)
    }
}
