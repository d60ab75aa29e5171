//! The sandbox in the part of another provider: what its definition says, and nothing that it does not say.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures_util::future::lazy;
use vouchsafe_providers::{Definition, Kind, ProfileSource, Rule};

use crate::config::ClientConfig;
use crate::fault::{self, Asked, Endpoint};
use crate::pages::Problem;
use crate::sandbox::Shared;
use crate::wire::OAuthError;
use crate::wire::Params;
use crate::wire::Scopes;
use crate::wire::sha256_base64url;
use rewrite::Template;

mod acted;
mod answer;
pub(crate) mod authorize;
mod client_key;
mod device;
mod end_session;
mod introspect;
mod openid;
mod profile;
mod request;
mod revoke;
mod rewrite;
mod token;
mod userinfo;

pub use acted::ActedProvider;
pub use client_key::ClientKey;

/// A part, learnt: the moved definition and what is needed to play it.
pub(crate) struct Act {
    pub(crate) definition: Definition,
    pub(crate) client: ClientConfig,
    /// What client secrets are signed with, where the provider takes no others.
    client_key: Option<ClientKey>,
    /// Whether authorization responses have `iss`.
    names_issuer: AtomicBool,
    params: BTreeMap<String, String>,
    endpoints: Vec<(Role, Template)>,
    /// The issuer with its marks; for plain OAuth 2 the place of the act itself.
    issuer: String,
}

impl Act {
    pub(crate) fn new(definition: &Definition, origin: &str) -> Self {
        let base = format!("{origin}/act/{}", definition.slug);
        let definition = rewrite::moved(definition, &base);
        let params = rewrite::values(&definition, &base);
        let issuer = openid::issuer(&definition).unwrap_or(base);
        let mut act = Self {
            names_issuer: AtomicBool::new(false),
            client_key: definition.signed_client_secret.then(ClientKey::generate),
            client: ClientConfig::confidential(
                format!("{}-client", definition.slug),
                format!("{}-secret-for-development-only", definition.slug),
            ),
            definition,
            params,
            endpoints: Vec::new(),
            issuer,
        };
        act.endpoints =
            act.urls().iter().filter_map(|(role, url)| Some((*role, act.template(url, origin)?))).collect();
        act
    }

    /// Every URL that the act is played at, marks and all.
    fn urls(&self) -> Vec<(Role, String)> {
        let definition = &self.definition;
        let mut urls = Vec::new();
        let mut add = |role, url: Option<String>| urls.extend(url.map(|url| (role, url)));
        add(Role::Authorization, openid::endpoint(self, &definition.authorization_endpoint, "authorize"));
        add(Role::Token, openid::endpoint(self, &definition.token_endpoint, "token"));
        add(Role::Refresh, definition.refresh_endpoint.clone());
        add(Role::Introspection, definition.introspection_endpoint.clone());
        add(Role::Device, definition.device_authorization_endpoint.clone());
        add(Role::EndSession, definition.end_session_endpoint.clone());
        add(Role::Revocation, openid::revocation_endpoint(self));
        if let Some(long_lived) = &definition.long_lived {
            let token = || openid::endpoint(self, &definition.token_endpoint, "token");
            add(Role::LongLived, long_lived.endpoint.clone().or_else(token));
        }
        if definition.userinfo.source == ProfileSource::Userinfo {
            add(Role::UserInfo, openid::endpoint(self, &definition.userinfo_endpoint, "userinfo"));
        }
        add(Role::Emails, definition.identity.emails.as_ref().and_then(|emails| emails.endpoint.clone()));
        if definition.kind == Kind::Openid || definition.issuer.is_some() || definition.discovery.is_some() {
            add(Role::Metadata, Some(openid::document(self)));
            add(Role::Keys, Some(openid::jwks_uri(self)));
        }
        urls
    }

    /// Marks for more than a part of a path are filled in with what was given out for them.
    fn template(&self, url: &str, origin: &str) -> Option<Template> {
        let is_long = |name: &str| {
            let rule = self.definition.params.get(name).map(|param| param.rule);
            matches!(rule, Some(Rule::Url | Rule::HostPath))
        };
        let filled = rewrite::fill(url, |name| {
            Some(if is_long(name) { self.params.get(name)?.clone() } else { format!("{{{name}}}") })
        })?;
        Template::new(&filled, origin)
    }

    /// Puts in the marks that a request has named, and the values that were given out for the others.
    fn fill(&self, text: &str, marks: &BTreeMap<String, String>) -> Option<String> {
        rewrite::fill(text, |name| match name {
            "client_id" => Some(self.client.id.clone()),
            name => marks.get(name).or_else(|| self.params.get(name)).cloned(),
        })
    }

    /// Whether these scopes let the application see what is behind scopes with one of these words in them. Where the
    /// definition has no such scope, nothing tells which one it would be, and all is seen.
    fn tells(&self, words: &[&str], scopes: &Scopes) -> bool {
        let is_one = |scope: &str| words.iter().any(|word| scope.contains(word));
        let mut known = self.definition.scopes.iter().filter(|scope| is_one(scope)).peekable();
        known.peek().is_none() || scopes.iter().any(is_one)
    }

    fn names_issuer(&self) -> bool {
        self.names_issuer.load(Ordering::Relaxed)
    }

    pub(crate) fn has_id_token(&self) -> bool {
        match self.definition.userinfo.source {
            ProfileSource::IdToken => true,
            ProfileSource::AccessToken => false,
            _ => self.is_openid(),
        }
    }

    fn is_openid(&self) -> bool {
        self.definition.kind == Kind::Openid
    }
}

/// What an endpoint is there for. Several may share one URL.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
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

/// A request to an act.
struct Call<'a> {
    shared: &'a Shared,
    act: &'a Arc<Act>,
    /// What the path has in the place of the definition's marks.
    marks: BTreeMap<String, String>,
    method: Method,
    headers: HeaderMap,
    query: Params,
    body: Bytes,
}

impl Call<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn asked(&self) -> Asked<'_> {
        Asked { headers: &self.headers, body: &self.body }
    }

    /// Whose code or token the request has, wherever it has it.
    fn username(&self) -> Option<String> {
        let body = request::body_params(self).unwrap_or_else(|| Params::from_pairs([]));
        let fields = self.headers.values().filter_map(|value| value.to_str().ok());
        // What follows the scheme, if there is one.
        let fields = fields.filter_map(|value| value.rsplit(' ').next());
        self.shared.username_of(fields.chain(self.query.values()).chain(body.values()))
    }

    /// The request must have these header fields; `{client_id}` stands for the client id.
    fn check_headers(&self, required: &BTreeMap<String, String>) -> Result<(), OAuthError> {
        for (name, value) in required {
            let expected = self.act.fill(value, &self.marks);
            let given =
                HeaderName::from_bytes(name.as_bytes()).ok().and_then(|name| self.header(name.as_str()));
            if given.is_none() || expected.is_some_and(|expected| given != Some(expected.as_str())) {
                return Err(OAuthError::invalid_request(format!("header field {name} is missing or wrong")));
            }
        }
        Ok(())
    }

    /// The request must have these parameters.
    fn check_params<'p>(
        &self,
        given: &Params,
        required: impl IntoIterator<Item = (&'p String, &'p String)>,
    ) -> Result<(), OAuthError> {
        for (name, value) in required {
            let expected = self.act.fill(value, &self.marks);
            let fits = value.is_empty()
                || given.get(name).is_some_and(|given| expected.is_none_or(|expected| given == expected));
            if !fits {
                return Err(OAuthError::invalid_request(format!("parameter {name} is missing or wrong")));
            }
        }
        Ok(())
    }
}

/// Everything below `/act/`.
pub(crate) async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(act) = slug(uri.path()).and_then(|slug| shared.act(slug)) else {
        return nothing_here(&uri).into_response();
    };
    let query = Params::from_query(&uri);
    let known: Vec<_> = act
        .endpoints
        .iter()
        .filter_map(|(role, template)| Some((*role, template, template.capture(uri.path())?)))
        .collect();
    let complete = |(_, template, _): &&(Role, &Template, _)| template.missing(&query).is_none();
    let roles: Vec<_> = known.iter().filter(complete).map(|(role, ..)| *role).collect();
    let Some((_, template, marks)) = known.iter().find(complete).or(known.first()) else {
        return nothing_here(&uri).into_response();
    };
    if marks.get("client_id").is_some_and(|id| *id != act.client.id) {
        return nothing_here(&uri).into_response();
    }
    if let Some(name) = template.missing(&query) {
        let description = format!("parameter {name} of the endpoint's own query is missing");
        return OAuthError::invalid_request(description).into_response();
    }
    let call = Call { shared: &shared, act: &act, marks: marks.clone(), method, headers, query, body };
    let (asked, username) = (call.asked(), call.username());
    let call = &call;
    let exchange = |at, answer: fn(&Call<'_>) -> Response| {
        fault::exchange(&shared, at, username.as_deref(), &asked, lazy(move |_| answer(call)))
    };
    match roles[0] {
        Role::Authorization => authorize::answer(call),
        Role::Metadata => exchange(Endpoint::Metadata, openid::metadata).await,
        Role::Keys => exchange(Endpoint::Keys, openid::keys).await,
        Role::Introspection => introspect::answer(call),
        Role::Device => device::answer(call),
        Role::EndSession => end_session::answer(call),
        Role::UserInfo => exchange(Endpoint::UserInfo, userinfo::answer).await,
        Role::Emails => userinfo::emails(call),
        Role::Token | Role::Refresh | Role::LongLived | Role::Revocation => token::answer(call, &roles).await,
    }
}

/// The metadata at the place that RFC 8414 section 3.1 has for it.
pub(crate) async fn metadata(
    state: State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path().trim_start_matches("/.well-known/oauth-authorization-server").trim_end_matches('/');
    match format!("{path}/.well-known/openid-configuration").parse() {
        Ok(uri) => answer(state, method, uri, headers, body).await,
        Err(_) => nothing_here(&uri).into_response(),
    }
}

fn slug(path: &str) -> Option<&str> {
    path.strip_prefix("/act/")?.split('/').next()
}

fn nothing_here(uri: &Uri) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "This provider has nothing here",
        "The sandbox acts the providers of the catalogue, each at the places that its definition names.",
    )
    .detail("Path", uri.path())
}

/// What a parameter is called, or `None` if it is left out. The first list that knows it counts.
fn named<'a>(names: &[&'a BTreeMap<String, String>], name: &'a str) -> Option<&'a str> {
    let name = names.iter().find_map(|names| names.get(name)).map_or(name, String::as_str);
    (!name.is_empty()).then_some(name)
}

/// A number that stays the same for a user, for providers that count theirs.
fn number_of(text: &str) -> u64 {
    sha256_base64url(text).bytes().take(8).fold(0, |sum, b| sum * 31 + u64::from(b)) % 900_000_000
        + 100_000_000
}
