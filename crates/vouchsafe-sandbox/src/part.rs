//! A provider that the sandbox acts as: its definition, its endpoints, its issuer and its profiles.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_lc_rs::hmac;
use serde_json::Value;
use vouchsafe_providers::{ClientAuth, Definition, EndpointName, Expiry, Kind, Param, ProfileSource, Rule};

use crate::config::ClientConfig;
use crate::wire::{OAuthError, Scopes, error, hex};

mod acted;
mod client_key;
mod issuer;
pub(crate) mod profile;
pub(crate) mod registered;
mod template;

pub use acted::ActedProvider;
pub use client_key::ClientKey;
use registered::Registered;
pub(crate) use registered::RegisteredClient;
pub(crate) use template::{Template, fill};

/// A provider that the sandbox acts as. The sandbox's own provider is the part whose definition has no quirks.
pub(crate) struct Part {
    pub(crate) definition: Definition,
    /// The URL above all its endpoints.
    pub(crate) base: String,
    pub(crate) clients: Vec<ClientConfig>,
    /// The clients that were registered since the sandbox runs. Only the sandbox's own provider has some.
    pub(crate) registered: Registered,
    /// Whether it is the sandbox's own. It does more than a definition can say: several clients, `plain` code challenges,
    /// claims of the users' own.
    pub(crate) is_own: bool,
    /// The key that client secrets are signed with, where the provider takes no other secrets.
    pub(crate) client_key: Option<ClientKey>,
    /// Whether authorization responses have `iss`.
    names_issuer: AtomicBool,
    /// Whether access tokens expire.
    expires: AtomicBool,
    params: BTreeMap<String, String>,
    endpoints: Vec<(Role, Template)>,
    /// The issuer with its marks; for plain OAuth 2 the base.
    issuer: String,
}

impl Part {
    /// The sandbox's own provider: an OpenID Provider without quirks.
    pub(crate) fn own(origin: &str, clients: Vec<ClientConfig>, manages_sessions: bool) -> Self {
        let mut definition = Definition::empty("sandbox");
        "Sandbox".clone_into(&mut definition.display_name);
        definition.kind = Kind::Openid;
        definition.issuer = Some(origin.to_owned());
        definition.introspection_endpoint = Some(format!("{origin}/introspect"));
        definition.end_session_endpoint = Some(format!("{origin}/end_session"));
        definition.check_session_iframe = manages_sessions.then(|| format!("{origin}/session"));
        definition.backchannel_authentication_endpoint = Some(format!("{origin}/backchannel"));
        definition.registration_endpoint = Some(format!("{origin}/register"));
        definition.device_authorization_endpoint = Some(format!("{origin}/device_authorization"));
        definition.scopes = ["openid", "profile", "email", "offline_access"].map(str::to_owned).to_vec();
        definition.identity.subject = vec!["/sub".to_owned()];
        Self::new(origin, origin.to_owned(), definition, clients)
    }

    /// A provider by its definition, at URLs below `/act/`.
    pub(crate) fn acted(definition: &Definition, origin: &str) -> Self {
        let slug = &definition.slug;
        let id = format!("{slug}-client");
        let client = match definition.client_auth {
            Some(ClientAuth::None) if !definition.userinfo.sends_secret() => ClientConfig::public(id),
            _ => ClientConfig::confidential(id, format!("{slug}-secret-for-development-only")),
        };
        let base = format!("{origin}/act/{slug}");
        let moved = template::moved(definition, &base);
        Self::new(origin, base, moved, vec![client])
    }

    fn new(origin: &str, base: String, definition: Definition, clients: Vec<ClientConfig>) -> Self {
        let is_own = base == origin;
        let mut part = Self {
            // Without ID tokens, there is no other reason to know the issuer.
            names_issuer: AtomicBool::new(
                is_own || (definition.kind == Kind::Oauth2 && definition.issuer.is_some()),
            ),
            expires: AtomicBool::new(definition.token.expiry != Expiry::Never),
            client_key: definition.signed_client_secret.then(ClientKey::generate),
            params: template::values(&definition, &base),
            issuer: issuer::issuer(&definition).unwrap_or_else(|| base.clone()),
            definition,
            base,
            clients,
            registered: Registered::default(),
            is_own,
            endpoints: Vec::new(),
        };
        let endpoint = |(role, _, url): (Role, _, String)| Some((role, part.template(&url, origin)?));
        part.endpoints = part.urls().into_iter().filter_map(endpoint).collect();
        part
    }

    /// Every endpoint of the part: its name in the metadata if it has one, and its URL, which may have marks.
    pub(crate) fn urls(&self) -> Vec<(Role, &'static str, String)> {
        let definition = &self.definition;
        let url = |name: EndpointName, own: &str| {
            // Where an OpenID Provider leaves an endpoint to its metadata, the sandbox chooses a place. A definition that
            // names its token endpoint names its revocation endpoint, if there is one.
            let is_left = name != EndpointName::Revocation || definition.token_endpoint.is_none();
            let has_own = self.is_openid() && is_left && !own.is_empty();
            let known = definition.endpoint(name).map(str::to_owned);
            let has_userinfo = definition.userinfo.source == ProfileSource::Userinfo;
            let exists = name != EndpointName::Userinfo || has_userinfo;
            known.or_else(|| has_own.then(|| self.own_endpoint(own))).filter(|_| exists)
        };
        let long_lived = definition.long_lived.as_ref();
        let long_lived = long_lived.map(|quirks| quirks.endpoint.clone());
        let long_lived = long_lived.and_then(|known| known.or_else(|| url(EndpointName::Token, "token")));
        let emails = definition.identity.emails.as_ref().and_then(|emails| emails.endpoint.clone());
        let has_issuer = self.is_openid() || definition.issuer.is_some() || definition.discovery.is_some();
        let standard = ENDPOINTS
            .into_iter()
            .map(|(role, name, own)| (role, name.in_metadata().unwrap_or_default(), url(name, own)));
        let strong = |name: &str| self.is_own.then(|| self.own_endpoint(name));
        let others = [
            (Role::Challenge, "", strong("challenge")),
            (Role::Pushed, "pushed_authorization_request_endpoint", strong("par")),
            (Role::Resource, "", strong("resource")),
            (Role::LongLived, "", long_lived),
            (Role::Emails, "", emails),
            (Role::Metadata, "", has_issuer.then(|| self.document())),
            (Role::WebFinger, "", self.is_own.then(|| format!("{}/.well-known/webfinger", self.base))),
            (Role::Keys, "jwks_uri", has_issuer.then(|| self.own_endpoint("jwks"))),
        ];
        standard.chain(others).filter_map(|(role, name, url)| Some((role, name, url?))).collect()
    }

    /// The endpoints at this path, each with the values of the marks in its URL.
    pub(crate) fn at(&self, path: &str) -> impl Iterator<Item = (Role, &Template, BTreeMap<String, String>)> {
        let at = move |(role, template): &'_ (Role, Template)| Some((*role, template.capture(path)?));
        self.endpoints.iter().filter_map(move |entry| at(entry).map(|(role, marks)| (role, &entry.1, marks)))
    }

    /// A place below the issuer at which no provider has an endpoint.
    fn own_endpoint(&self, name: &str) -> String {
        let below = if self.is_own { "" } else { "sandbox/" };
        format!("{}/{below}{name}", self.issuer.trim_end_matches('/'))
    }

    /// Marks for more than a part of a path are filled in with the values that the sandbox gave out.
    fn template(&self, url: &str, origin: &str) -> Option<Template> {
        let is_long = |name: &str| {
            matches!(self.definition.params.get(name), Some(Param { rule: Rule::Url | Rule::HostPath, .. }))
        };
        let filled = template::fill(url, &|name| {
            Some(if is_long(name) { self.params.get(name)?.clone() } else { format!("{{{name}}}") })
        })?;
        Template::new(&filled, origin)
    }

    /// Fills in the marks: with the values from the URL of the request, otherwise with those of [`ActedProvider::params`].
    pub(crate) fn fill(&self, text: &str, marks: &BTreeMap<String, String>) -> Option<String> {
        template::fill(text, &|name| match name {
            "client_id" => Some(self.client_id().to_owned()),
            "client_secret" if self.definition.userinfo.sends_secret() => Some(self.secret().to_owned()),
            name => marks.get(name).or_else(|| self.params.get(name)).cloned(),
        })
    }

    pub(crate) fn client(&self, id: &str) -> Option<&ClientConfig> {
        self.clients.iter().find(|client| client.id == id).or_else(|| self.registered.client(id))
    }

    /// The id of the only client, where there is one.
    pub(crate) fn client_id(&self) -> &str {
        self.clients.first().map_or("", |client| &client.id)
    }

    fn secret(&self) -> &str {
        self.clients.first().and_then(|client| client.secret.as_deref()).unwrap_or_default()
    }

    /// The scopes of a request. Without any, the sandbox's own provider grants the name, as most do.
    pub(crate) fn scopes(&self, given: Option<&str>) -> Result<Scopes, OAuthError> {
        let given = given.unwrap_or_default().replace(self.definition.scope_separator.as_str(), " ");
        let scopes = Scopes::parse(if self.is_own && given.trim().is_empty() { "profile" } else { &given });
        let invalid = "scope has characters that no scope may have, or too many values";
        scopes.ok_or_else(|| error("invalid_scope", invalid))
    }

    /// Whether these scopes show the application the data behind scopes with one of these words in them. Where the
    /// definition has no such scope, the data is always shown.
    pub(crate) fn shows(&self, words: &[&str], scopes: &Scopes) -> bool {
        let is_one = |scope: &str| words.iter().any(|word| scope.contains(word));
        let mut known = self.definition.scopes.iter().filter(|scope| is_one(scope)).peekable();
        known.peek().is_none() || scopes.iter().any(is_one)
    }

    pub(crate) fn names_issuer(&self) -> bool {
        self.names_issuer.load(Ordering::Relaxed)
    }

    /// Whether access tokens expire. Where they do not, there are no refresh tokens either.
    pub(crate) fn expires(&self) -> bool {
        self.expires.load(Ordering::Relaxed)
    }

    pub(crate) fn has_id_token(&self) -> bool {
        match self.definition.userinfo.source {
            ProfileSource::IdToken => true,
            ProfileSource::AccessToken => false,
            _ => self.is_openid(),
        }
    }

    pub(crate) fn is_openid(&self) -> bool {
        self.definition.kind == Kind::Openid
    }

    /// The members of a token response that are about the user: those that the profile request takes from there, or all.
    pub(crate) fn beside_tokens(&self, profile: impl FnOnce() -> Value, subject: &str) -> Value {
        let quirks = &self.definition.userinfo;
        let mut beside = match quirks.source {
            ProfileSource::Token => profile(),
            _ => Value::Object(Default::default()),
        };
        for text in quirks.params.values().chain(&self.definition.userinfo_endpoint) {
            for pointer in template::marks(text).iter().filter_map(|name| name.strip_prefix("token:")) {
                profile::put(&mut beside, pointer, subject.into());
            }
        }
        beside
    }

    /// The hexadecimal HMAC-SHA-256 under the client secret.
    pub(crate) fn hmac(&self, text: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret().as_bytes());
        hex(hmac::sign(&key, text.as_bytes()).as_ref())
    }
}

/// The purpose of an endpoint. Several may share one URL.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Role {
    Authorization,
    Token,
    Refresh,
    LongLived,
    Revocation,
    Introspection,
    Device,
    Registration,
    Backchannel,
    Challenge,
    EndSession,
    CheckSession,
    UserInfo,
    Pushed,
    Resource,
    Emails,
    Metadata,
    Keys,
    WebFinger,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Authorization => "authorize",
            Self::Token => "token",
            Self::Refresh => "refresh",
            Self::LongLived => "long_lived",
            Self::Revocation => "revoke",
            Self::Introspection => "introspect",
            Self::Device => "device",
            Self::Registration => "register",
            Self::Backchannel => "backchannel",
            Self::Challenge => "challenge",
            Self::EndSession => "end_session",
            Self::CheckSession => "check_session",
            Self::UserInfo => "userinfo",
            Self::Pushed => "par",
            Self::Resource => "resource",
            Self::Emails => "emails",
            Self::Metadata => "discovery",
            Self::Keys => "keys",
            Self::WebFinger => "webfinger",
        }
    }
}

/// The endpoints that a definition can name, and the places that the sandbox chooses for those in metadata.
const ENDPOINTS: [(Role, EndpointName, &str); 11] = [
    (Role::Authorization, EndpointName::Authorization, "authorize"),
    (Role::Token, EndpointName::Token, "token"),
    (Role::Refresh, EndpointName::Refresh, ""),
    (Role::Introspection, EndpointName::Introspection, ""),
    (Role::Device, EndpointName::DeviceAuthorization, ""),
    (Role::Registration, EndpointName::Registration, ""),
    (Role::Backchannel, EndpointName::BackchannelAuthentication, ""),
    (Role::EndSession, EndpointName::EndSession, ""),
    (Role::CheckSession, EndpointName::CheckSession, ""),
    (Role::Revocation, EndpointName::Revocation, "revoke"),
    (Role::UserInfo, EndpointName::Userinfo, "userinfo"),
];
