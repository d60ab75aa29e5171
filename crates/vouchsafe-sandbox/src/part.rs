//! The part that the sandbox plays: a provider's definition, and how it changes names, encodings and shapes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use vouchsafe_providers::{Definition, Kind, Param, ProfileSource, Rule};

use crate::config::ClientConfig;
use crate::wire::Scopes;

mod acted;
mod client_auth;
mod client_key;
mod issuer;
pub(crate) mod profile;
mod request;
mod response;
mod template;

pub use acted::ActedProvider;
pub(crate) use client_auth::ClientParams;
pub use client_key::ClientKey;
pub(crate) use request::{Form, params};
pub(crate) use response::{NO_TOKEN, labelled, succeed};

pub(crate) use template::Template;

/// A provider that the sandbox plays. The sandbox's own provider is the part whose definition has no quirks.
pub(crate) struct Part {
    pub(crate) definition: Definition,
    /// The URL below which it is played.
    pub(crate) base: String,
    pub(crate) clients: Vec<ClientConfig>,
    /// Whether it is the sandbox's own. It does more than a definition can say: several clients, `plain` code challenges,
    /// claims of the users' own.
    pub(crate) is_own: bool,
    /// The key that client secrets are signed with, where the provider takes no other secrets.
    client_key: Option<ClientKey>,
    /// Whether authorization responses have `iss`.
    names_issuer: AtomicBool,
    params: BTreeMap<String, String>,
    endpoints: Vec<(Role, Template)>,
    /// The issuer with its marks; for plain OAuth 2 the base.
    issuer: String,
}

impl Part {
    /// The sandbox's own provider: an OpenID Provider without quirks.
    pub(crate) fn own(origin: &str, clients: Vec<ClientConfig>) -> Self {
        let mut definition = Definition::empty("sandbox");
        "Sandbox".clone_into(&mut definition.display_name);
        definition.kind = Kind::Openid;
        definition.issuer = Some(origin.to_owned());
        definition.introspection_endpoint = Some(format!("{origin}/introspect"));
        definition.end_session_endpoint = Some(format!("{origin}/end_session"));
        definition.scopes = ["openid", "profile", "email", "offline_access"].map(str::to_owned).to_vec();
        definition.identity.subject = vec!["/sub".to_owned()];
        Self::new(definition, origin.to_owned(), origin, clients, true)
    }

    /// A provider by its definition, played below `/act/`.
    pub(crate) fn acted(definition: &Definition, origin: &str) -> Self {
        let slug = &definition.slug;
        let client = ClientConfig::confidential(
            format!("{slug}-client"),
            format!("{slug}-secret-for-development-only"),
        );
        let base = format!("{origin}/act/{slug}");
        Self::new(template::moved(definition, &base), base, origin, vec![client], false)
    }

    fn new(
        definition: Definition,
        base: String,
        origin: &str,
        clients: Vec<ClientConfig>,
        is_own: bool,
    ) -> Self {
        let mut part = Self {
            names_issuer: AtomicBool::new(is_own),
            client_key: definition.signed_client_secret.then(ClientKey::generate),
            params: template::values(&definition, &base),
            issuer: issuer::issuer(&definition).unwrap_or_else(|| base.clone()),
            definition,
            base,
            clients,
            is_own,
            endpoints: Vec::new(),
        };
        part.endpoints = part
            .urls()
            .into_iter()
            .filter_map(|(role, url)| Some((role, part.template(&url, origin)?)))
            .collect();
        part
    }

    /// Every endpoint of the part and its URL, which may have marks.
    pub(crate) fn urls(&self) -> Vec<(Role, String)> {
        let definition = &self.definition;
        let token = || self.or_own(&definition.token_endpoint, "token");
        // A definition that names its token endpoint names every endpoint that exists.
        let revocation = match &definition.token_endpoint {
            Some(_) => definition.revocation_endpoint.clone(),
            None => self.or_own(&definition.revocation_endpoint, "revoke"),
        };
        let long_lived =
            definition.long_lived.as_ref().and_then(|long_lived| long_lived.endpoint.clone().or_else(token));
        let has_userinfo = definition.userinfo.source == ProfileSource::Userinfo;
        let emails = definition.identity.emails.as_ref().and_then(|emails| emails.endpoint.clone());
        let has_issuer = self.is_openid() || definition.issuer.is_some() || definition.discovery.is_some();
        [
            (Role::Authorization, self.or_own(&definition.authorization_endpoint, "authorize")),
            (Role::Token, token()),
            (Role::Refresh, definition.refresh_endpoint.clone()),
            (Role::Introspection, definition.introspection_endpoint.clone()),
            (Role::Device, definition.device_authorization_endpoint.clone()),
            (Role::EndSession, definition.end_session_endpoint.clone()),
            (Role::Revocation, revocation),
            (Role::LongLived, long_lived),
            (Role::UserInfo, self.or_own(&definition.userinfo_endpoint, "userinfo").filter(|_| has_userinfo)),
            (Role::Emails, emails),
            (Role::Metadata, has_issuer.then(|| self.document())),
            (Role::Keys, has_issuer.then(|| self.own_endpoint("jwks"))),
        ]
        .into_iter()
        .filter_map(|(role, url)| Some((role, url?)))
        .collect()
    }

    /// The endpoints at this path: what each is for, and the values of the marks in its URL.
    pub(crate) fn at(&self, path: &str) -> impl Iterator<Item = (Role, &Template, BTreeMap<String, String>)> {
        let at = move |(role, template): &'_ (Role, Template)| Some((*role, template.capture(path)?));
        self.endpoints.iter().filter_map(move |entry| at(entry).map(|(role, marks)| (role, &entry.1, marks)))
    }

    /// An endpoint of the definition; where an OpenID Provider leaves it to its metadata, a place of the sandbox's choice.
    fn or_own(&self, known: &Option<String>, name: &str) -> Option<String> {
        known.clone().or_else(|| self.is_openid().then(|| self.own_endpoint(name)))
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
        let filled = template::fill(url, |name| {
            Some(if is_long(name) { self.params.get(name)?.clone() } else { format!("{{{name}}}") })
        })?;
        Template::new(&filled, origin)
    }

    /// Fills in the marks: with the values of the request's own URL, else with those that the sandbox gave out.
    pub(crate) fn fill(&self, text: &str, marks: &BTreeMap<String, String>) -> Option<String> {
        template::fill(text, |name| match name {
            "client_id" => Some(self.client_id().to_owned()),
            name => marks.get(name).or_else(|| self.params.get(name)).cloned(),
        })
    }

    pub(crate) fn client(&self, id: &str) -> Option<&ClientConfig> {
        self.clients.iter().find(|client| client.id == id)
    }

    /// The id of the only client, where there is one.
    pub(crate) fn client_id(&self) -> &str {
        self.clients.first().map_or("", |client| &client.id)
    }

    fn secret(&self) -> &str {
        self.clients.first().and_then(|client| client.secret.as_deref()).unwrap_or_default()
    }

    /// The scopes of a request. Without any, the sandbox's own provider grants the name, as most do.
    pub(crate) fn scopes(&self, given: Option<&str>) -> Option<Scopes> {
        let given = given.unwrap_or_default().replace(self.definition.scope_separator.as_str(), " ");
        Scopes::parse(if self.is_own && given.trim().is_empty() { "profile" } else { &given })
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

    /// The value that a parameter of the profile request must have.
    pub(crate) fn profile_param(
        &self,
        value: &str,
        marks: &BTreeMap<String, String>,
        subject: &str,
    ) -> Option<String> {
        template::fill(value, |name| match name.strip_prefix("token:") {
            Some(_) => Some(subject.to_owned()),
            None => self.fill(&format!("{{{name}}}"), marks),
        })
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
    EndSession,
    UserInfo,
    Emails,
    Metadata,
    Keys,
}

impl Role {
    /// The member of the server metadata that names the endpoint, RFC 8414 section 2.
    pub(crate) fn in_metadata(self) -> Option<&'static str> {
        Some(match self {
            Self::Authorization => "authorization_endpoint",
            Self::Token => "token_endpoint",
            Self::Revocation => "revocation_endpoint",
            Self::Introspection => "introspection_endpoint",
            Self::Device => "device_authorization_endpoint",
            Self::EndSession => "end_session_endpoint",
            Self::UserInfo => "userinfo_endpoint",
            Self::Keys => "jwks_uri",
            Self::Refresh | Self::LongLived | Self::Emails | Self::Metadata => return None,
        })
    }
}

/// The name of a parameter at this provider, or `None` if it is left out. The first list that has it counts.
fn named<'a>(names: &[&'a BTreeMap<String, String>], name: &'a str) -> Option<&'a str> {
    let name = names.iter().find_map(|names| names.get(name)).map_or(name, String::as_str);
    (!name.is_empty()).then_some(name)
}
