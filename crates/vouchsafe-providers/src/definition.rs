use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What is known of one provider: its endpoints, its manners, and where its profile keeps what.
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
    pub client_auth: Option<AuthMethod>,
    /// The same for the revocation endpoint, where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation_auth: Option<AuthMethod>,
    /// Whether the provider takes a code challenge (RFC 7636).
    #[serde(default)]
    pub pkce: Pkce,
    /// Parameters that every authorization request carries.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub authorization_params: BTreeMap<String, String>,
    /// How the token endpoint answers.
    #[serde(default)]
    pub token: TokenManners,
    /// Where the profile keeps who the user is.
    #[serde(default)]
    pub identity: IdentityManners,
    /// What has to be filled in, by name: `{name}` in an endpoint or in the issuer.
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

/// A client authentication method, by its registered name (RFC 7591 section 2).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// No authentication: the client id alone.
    None,
    /// HTTP Basic (RFC 6749 section 2.3.1).
    ClientSecretBasic,
    /// Id and secret in the body (RFC 6749 section 2.3.1).
    ClientSecretPost,
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
}

/// How a token endpoint departs from RFC 6749 section 5.1.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct TokenManners {
    /// The characters that separate scopes in an answer.
    pub scope_separators: String,
    /// Answers carry no `token_type`; it is taken as `Bearer`.
    pub token_type_absent: bool,
}

/// Where a profile keeps who the user is: JSON Pointers (RFC 6901), the first that finds something is taken.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct IdentityManners {
    /// The user's identifier, unique and never reassigned at this provider.
    pub subject: Vec<String>,
    /// The e-mail.
    pub email: Vec<String>,
    /// Whether the provider vouches for that e-mail.
    pub email_verified: Vec<String>,
    /// `email_verified` is sent as the text `"true"` or `"false"`.
    pub email_verified_text: bool,
    /// The name to show.
    pub name: Vec<String>,
    /// The URL of a picture.
    pub picture: Vec<String>,
    /// A second call that lists the user's e-mails; it takes the place of `email`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emails: Option<EmailList>,
}

/// A call that lists a user's e-mails. The one that is primary is taken, if it is verified.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct EmailList {
    /// The endpoint, called with the access token.
    pub endpoint: String,
    /// The statuses that mean: this application may not see the list.
    #[serde(default)]
    pub absent_on: Vec<u16>,
    /// In an entry, the pointer to the address.
    pub email: String,
    /// In an entry, the pointer to the mark of the primary one.
    pub primary: String,
    /// In an entry, the pointer to the mark of a verified one.
    pub verified: String,
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
pub enum Rule {
    /// A whole URL: `https`, or `http` on a loopback host.
    Url,
    /// A host name, with an optional port: `id.example.com`, `id.example.com:8443`.
    Host,
    /// One label of a host name: letters, digits and inner hyphens.
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
            Self::Label => "one part of a host name: letters, digits and inner hyphens",
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
            authorization_endpoint: None,
            token_endpoint: None,
            refresh_endpoint: None,
            revocation_endpoint: None,
            userinfo_endpoint: None,
            scopes: Vec::new(),
            scope_separator: space(),
            refresh: true,
            client_auth: None,
            revocation_auth: None,
            pkce: Pkce::default(),
            authorization_params: BTreeMap::new(),
            token: TokenManners::default(),
            identity: IdentityManners::default(),
            params: BTreeMap::new(),
            notes: Vec::new(),
            documentation: String::new(),
            sources: Vec::new(),
            checked: String::new(),
        }
    }

    /// Reads a definition.
    ///
    /// # Errors
    /// Says the line and the field that is wrong, and why.
    pub fn from_toml(text: &str) -> Result<Self, DefinitionError> {
        toml::from_str(text).map_err(|e| DefinitionError { message: e.to_string().trim_end().to_owned() })
    }
}

impl Default for TokenManners {
    fn default() -> Self {
        Self { scope_separators: space(), token_type_absent: false }
    }
}

/// A definition that cannot be read: what is wrong, and where.
#[derive(Clone, Debug)]
pub struct DefinitionError {
    message: String,
}

impl fmt::Display for DefinitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DefinitionError {}

fn space() -> String {
    " ".to_owned()
}

fn yes() -> bool {
    true
}
