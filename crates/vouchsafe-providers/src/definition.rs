//! What is known of one provider, as data.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::quirks::{
    AuthorizationQuirks, CallbackQuirks, IdentityQuirks, LongLived, RefreshQuirks, RevocationQuirks,
    TokenQuirks, UserInfoQuirks,
};

/// What is known of one provider: its endpoints, its quirks, and where its profile keeps what.
///
/// A definition is a TOML file. The catalogue's own are in the folder `providers/`; yours are read by
/// [`Definition::from_toml`] and work wherever a built-in one does.
///
/// ```
/// let acme = vouchsafe_providers::Definition::from_toml(r#"
///     slug = "acme"
///     display_name = "Acme"
///     kind = "oauth2"
///     authorization_endpoint = "https://acme.example/authorize"
///     token_endpoint = "https://acme.example/token"
///     documentation = "https://acme.example/docs"
///     checked = "2026-11-23"
/// "#)?;
/// assert_eq!(acme.display_name, "Acme");
/// # Ok::<(), vouchsafe_providers::DefinitionError>(())
/// ```
///
/// # Security
/// A definition has to be trusted like code. Whoever writes it gets the codes, the access tokens, the refresh tokens and
/// the client secret that go through it, since it names where they go, and tells who signs in, since it names who is asked.
/// It cannot change what the protocol owns (`redirect_uri`, `client_id`, `state`, the code challenge), nor claim the users
/// of another server: see [`Definition::check`]. An application that takes definitions from strangers gives each a
/// registration, a redirect URI and a slug of its own, and keeps their users apart by its own name for the stranger.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Definition {
    /// The name in URLs and commands: lower case letters, digits and hyphens.
    pub slug: String,
    /// The name that people know.
    pub display_name: String,
    /// Which protocol it speaks.
    pub kind: Kind,
    /// The issuer, for discovery and for the checks of the ID token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Other values of `iss` that this provider documents for its ID tokens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issuer_aliases: Vec<String>,
    /// The metadata document, where it is not at the issuer's well-known places.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discovery: Option<String>,
    /// What `iss` is in ID tokens, with claims of that token put in: `https://id.example/{tid}/v2.0`. For providers
    /// that serve many tenants from one metadata document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer_template: Option<String>,
    /// The authorization endpoint (RFC 6749 section 3.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_endpoint: Option<String>,
    /// The token endpoint (RFC 6749 section 3.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint: Option<String>,
    /// Where a token is refreshed, if not at the token endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_endpoint: Option<String>,
    /// The revocation endpoint (RFC 7009).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation_endpoint: Option<String>,
    /// The introspection endpoint (RFC 7662).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introspection_endpoint: Option<String>,
    /// The device authorization endpoint (RFC 8628).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_authorization_endpoint: Option<String>,
    /// Where a session is ended (OpenID Connect RP-Initiated Logout).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_session_endpoint: Option<String>,
    /// The UserInfo endpoint, or what the provider has in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userinfo_endpoint: Option<String>,
    /// The scopes that are asked for where the application names none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// What stands between two scopes in a request; a space unless the provider departs from RFC 6749.
    #[serde(default = "space")]
    pub scope_separator: String,
    /// Whether tokens can be refreshed (RFC 6749 section 6).
    #[serde(default = "yes")]
    pub refresh: bool,
    /// How a client with a secret authenticates at the token endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_auth: Option<ClientAuth>,
    /// The same for the revocation endpoint, where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation_auth: Option<ClientAuth>,
    /// The client secret is a JWT that the client signs anew, as Apple documents it: by ES256 with a key that the provider
    /// knows, for the issuer.
    #[serde(default)]
    pub signed_client_secret: bool,
    /// Whether the provider takes a code challenge (RFC 7636).
    #[serde(default)]
    pub pkce: Pkce,
    /// Whether ID tokens carry the nonce that was sent. Where they need not, one that is there is compared all the same.
    #[serde(default = "yes")]
    pub nonce: bool,
    /// How authorization requests differ from RFC 6749 section 4.1.1.
    #[serde(default)]
    pub authorization: AuthorizationQuirks,
    /// How authorization responses differ from RFC 6749 section 4.1.2.
    #[serde(default)]
    pub callback: CallbackQuirks,
    /// How the token endpoint differs from RFC 6749 sections 4.1.3 and 5.
    #[serde(default)]
    pub token: TokenQuirks,
    /// How refreshing differs from RFC 6749 section 6, beyond how the token endpoint does.
    #[serde(default)]
    pub refreshing: RefreshQuirks,
    /// How revocation differs from RFC 7009.
    #[serde(default)]
    pub revocation: RevocationQuirks,
    /// A long-lived token for a short-lived one, where the provider has that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long_lived: Option<LongLived>,
    /// How the profile is asked for.
    #[serde(default)]
    pub userinfo: UserInfoQuirks,
    /// Where the profile keeps who the user is.
    #[serde(default)]
    pub identity: IdentityQuirks,
    /// What has to be filled in, by name: `{name}` in an endpoint, in the issuer, and in the value of a parameter, of a
    /// header and of what is expected of a response. `{client_id}` stands for the client id in the same places.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Param>,
    /// What an integrator should know, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The provider's own documentation.
    pub documentation: String,
    /// Where the facts come from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// When the facts were last compared with their sources: a date, `YYYY-MM-DD`.
    pub checked: String,
}

/// Which protocol a provider speaks.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// OAuth 2 alone: who the user is comes from the profile.
    Oauth2,
    /// OpenID Connect: an ID token says who the user is.
    Openid,
}

/// How a client authenticates at a provider's endpoints (RFC 6749 section 2.3, OpenID Connect Core section 9).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ClientAuth {
    /// No authentication: the client id alone.
    None,
    /// HTTP Basic (RFC 6749 section 2.3.1).
    ClientSecretBasic,
    /// Id and secret in the body (RFC 6749 section 2.3.1).
    ClientSecretPost,
}

impl ClientAuth {
    /// The registered name (RFC 7591 section 2).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
        }
    }
}

/// Whether a provider takes a code challenge (RFC 7636).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pkce {
    /// It takes one, or ignores it as RFC 6749 section 3.1 asks. One is sent.
    #[default]
    Supported,
    /// It refuses requests that lack one. One is sent.
    Required,
    /// It refuses requests that have one. None is sent.
    Unsupported,
    /// It takes the SHA-256 in hexadecimal instead of base64url.
    Hex,
}

/// Something that has to be filled in before a definition is a provider.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Param {
    /// What a value must look like.
    pub rule: Rule,
    /// What is taken when nothing is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Without it, what mentions it is left out.
    #[serde(default)]
    pub optional: bool,
    /// Servers with different values of it are different servers, whose users are not each other's. False for what all
    /// of a provider's users share: the version of an API, the language of a page.
    #[serde(default = "yes")]
    pub server: bool,
    /// A value that would do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
    /// What it is, for a person.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
}

/// What a parameter's value must look like, so that it can never move a request to another host or path.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Rule {
    /// A whole URL: `https`, or `http` on a loopback host.
    Url,
    /// A host name, with an optional port: `id.example.com`, `id.example.com:8443`.
    Host,
    /// The same and the path that a server may be below, or both as a URL: `example.com/auth`, `https://example.com/auth`.
    HostPath,
    /// One label of a host name, in lower case: letters, digits and inner hyphens.
    Label,
    /// One segment of a path: letters, digits, `.`, `_`, `-`; not `.` or `..`.
    Segment,
}

impl Rule {
    /// What a value must look like, for a message.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Url => "a URL that begins with https:// (http:// for a loopback host)",
            Self::Host => "a host name such as id.example.com, with an optional port",
            Self::HostPath => {
                "a host name such as id.example.com, with an optional port and path, or the same behind https://"
            }
            Self::Label => "one part of a host name: lower case letters, digits and inner hyphens",
            Self::Segment => "one part of a path: letters, digits, dots, underscores and hyphens",
        }
    }
}

impl Definition {
    /// A definition that says nothing but its name: to be filled in by hand.
    pub fn empty(slug: &str) -> Self {
        Self {
            slug: slug.to_owned(),
            display_name: slug.to_owned(),
            kind: Kind::Oauth2,
            issuer: None,
            issuer_aliases: Vec::new(),
            discovery: None,
            issuer_template: None,
            authorization_endpoint: None,
            token_endpoint: None,
            refresh_endpoint: None,
            revocation_endpoint: None,
            introspection_endpoint: None,
            device_authorization_endpoint: None,
            end_session_endpoint: None,
            userinfo_endpoint: None,
            scopes: Vec::new(),
            scope_separator: space(),
            refresh: true,
            client_auth: None,
            revocation_auth: None,
            signed_client_secret: false,
            pkce: Pkce::default(),
            nonce: true,
            authorization: AuthorizationQuirks::default(),
            callback: CallbackQuirks::default(),
            token: TokenQuirks::default(),
            refreshing: RefreshQuirks::default(),
            revocation: RevocationQuirks::default(),
            long_lived: None,
            userinfo: UserInfoQuirks::default(),
            identity: IdentityQuirks::default(),
            params: BTreeMap::new(),
            notes: Vec::new(),
            documentation: String::new(),
            sources: Vec::new(),
            checked: String::new(),
        }
    }
}

fn space() -> String {
    " ".to_owned()
}

fn yes() -> bool {
    true
}
