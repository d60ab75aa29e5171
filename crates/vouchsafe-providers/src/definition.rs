//! One provider, as data.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::endpoints::{EndpointName, endpoints};
use crate::quirks::{
    AuthorizationQuirks, CallbackQuirks, IdentityQuirks, LongLived, RefreshQuirks, RevocationQuirks,
    TokenQuirks, UserInfoQuirks,
};
use crate::template::is_segment;

// A macro, because the endpoints are fields like all others in the file, and a row each in `endpoints.rs`.
macro_rules! definition {
    ($($(#[$doc:meta])* $name:ident, $field:ident, $metadata:expr;)*) => {
        /// One provider: its endpoints, its quirks, and how to read its profile.
        ///
        /// A definition is a TOML file. Those of the catalogue are in the folder `providers/`. [`Definition::from_toml`] reads
        /// yours, and they work wherever a built-in one does.
        ///
        /// A field that this version does not know is an error. This is on purpose: a misspelt field must not be ignored, and
        /// neither must a newer one that changes how a login is secured. A file that uses a newer field needs a newer version
        /// of this crate.
        ///
        /// ```
        /// let acme = vouchsafe_providers::Definition::from_toml(r#"
        ///     slug = "acme"
        ///     display_name = "Acme"
        ///     kind = "oauth2"
        ///     authorization_endpoint = "https://acme.example/authorize"
        ///     token_endpoint = "https://acme.example/token"
        /// "#)?;
        /// assert_eq!(acme.display_name, "Acme");
        /// # Ok::<(), vouchsafe_providers::DefinitionError>(())
        /// ```
        ///
        /// # Security
        /// Trust a definition like code. Its author decides where codes, tokens and the client secret are sent, and which
        /// server says who signs in. A definition cannot change what the protocol owns (`redirect_uri`, `client_id`, `state`,
        /// the code challenge), and cannot claim the users of another server: see [`Definition::check`]. If your application
        /// accepts definitions from strangers, give each one its own registration, redirect URI and slug, and separate their
        /// users by your own name for the stranger.
        #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
        #[serde(deny_unknown_fields)]
        #[non_exhaustive]
        pub struct Definition {
            /// The name in URLs and commands: lower case letters, digits and hyphens.
            pub slug: String,
            /// The name to show to people.
            pub display_name: String,
            /// The protocol.
            pub kind: Kind,
            /// The issuer, for discovery and for the checks of the ID token.
            pub issuer: Option<String>,
            /// Other values of `iss` that this provider documents for its ID tokens.
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            pub issuer_aliases: Vec<String>,
            /// The metadata document, if it is not at the issuer's well-known URLs.
            pub discovery: Option<String>,
            /// The `iss` of ID tokens, with claims of the token filled in: `https://id.example/{tid}/v2.0`. For providers with
            /// one metadata document for many tenants.
            pub issuer_template: Option<String>,
            $(
                $(#[$doc])*
                pub $field: Option<String>,
            )*
            /// The scopes to request if the application names none. `{client_id}` is the client id.
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            pub scopes: Vec<String>,
            /// The separator of scopes in a request: a space, unless the provider departs from RFC 6749.
            #[serde(default = "space")]
            pub scope_separator: String,
            /// Whether the provider refreshes tokens (RFC 6749 section 6).
            #[serde(default = "yes")]
            pub refresh: bool,
            /// How a client with a secret authenticates at the token endpoint.
            pub client_auth: Option<ClientAuth>,
            /// The same for the revocation endpoint, if it differs.
            pub revocation_auth: Option<ClientAuth>,
            /// The audience of the assertions by which clients authenticate (`private_key_jwt`, `client_secret_jwt`).
            #[serde(default)]
            pub assertion_audience: AssertionAudience,
            /// The client secret is a JWT that the client signs for each request, as Apple documents it: by ES256, with the issuer
            /// as audience.
            #[serde(default)]
            pub signed_client_secret: bool,
            /// Whether the provider accepts a code challenge (RFC 7636).
            #[serde(default)]
            pub pkce: Pkce,
            /// Whether ID tokens must contain the nonce that was sent. If false, a nonce that is present is still compared.
            #[serde(default = "yes")]
            pub nonce: bool,
            /// The algorithms of ID tokens, if the metadata does not say them, or says others. HMACs with the client secret (`HS256`,
            /// `HS384`, `HS512`) are accepted only if they are named here or in the registration, and never beside other algorithms.
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            pub id_token_algorithms: Vec<String>,
            /// Whether the page that ends a session accepts `id_token_hint`. If false, the request names the client alone.
            #[serde(default = "yes")]
            pub id_token_hint: bool,
            /// How authorization requests differ from RFC 6749 section 4.1.1.
            #[serde(default)]
            pub authorization: AuthorizationQuirks,
            /// How authorization responses differ from RFC 6749 section 4.1.2.
            #[serde(default)]
            pub callback: CallbackQuirks,
            /// How the token endpoint differs from RFC 6749 sections 4.1.3 and 5.
            #[serde(default)]
            pub token: TokenQuirks,
            /// How refreshing differs from RFC 6749 section 6, in addition to `token`.
            #[serde(default)]
            pub refreshing: RefreshQuirks,
            /// How revocation differs from RFC 7009.
            #[serde(default)]
            pub revocation: RevocationQuirks,
            /// How to get a long-lived token for a short-lived one, if the provider supports it.
            pub long_lived: Option<LongLived>,
            /// How the profile is requested.
            #[serde(default)]
            pub userinfo: UserInfoQuirks,
            /// Where the profile says who the user is.
            #[serde(default)]
            pub identity: IdentityQuirks,
            /// The parameters to fill in, by name: `{name}` in an endpoint, in the issuer, and in the value of a parameter, of a
            /// header and of an expected response parameter. `{client_id}` is the client id in the same places.
            #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
            pub params: BTreeMap<String, Param>,
            /// Notes for integrators, a sentence each.
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            pub notes: Vec<String>,
            /// The page on which applications are registered at the provider.
            pub console: Option<String>,
            /// The provider's own documentation. A definition of the catalogue has it.
            #[serde(default, skip_serializing_if = "String::is_empty")]
            pub documentation: String,
            /// Where the facts come from.
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            pub sources: Vec<String>,
            /// The date on which the facts were last compared with their sources: `YYYY-MM-DD`. A definition of the catalogue
            /// has it.
            #[serde(default, skip_serializing_if = "String::is_empty")]
            pub checked: String,
            /// What a developer meets who registers an application with this provider. Only in a definition of your own: for the
            /// catalogue, see [`registration`](crate::registration()).
            #[cfg(feature = "registration")]
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub registration: Option<crate::registration::RegistrationFacts>,
            #[cfg(not(feature = "registration"))]
            #[serde(default, skip_serializing)]
            registration: Unread,
        }

        impl Definition {
            /// A definition with a name and nothing else, to be filled in by hand.
            pub fn empty(slug: &str) -> Self {
                Self {
                    slug: slug.to_owned(),
                    display_name: slug.to_owned(),
                    kind: Kind::Oauth2,
                    issuer: None,
                    issuer_aliases: Vec::new(),
                    discovery: None,
                    issuer_template: None,
                    $($field: None,)*
                    scopes: Vec::new(),
                    scope_separator: space(),
                    refresh: true,
                    client_auth: None,
                    revocation_auth: None,
                    assertion_audience: AssertionAudience::default(),
                    signed_client_secret: false,
                    pkce: Pkce::default(),
                    nonce: true,
                    id_token_algorithms: Vec::new(),
                    id_token_hint: true,
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
                    console: None,
                    documentation: String::new(),
                    sources: Vec::new(),
                    checked: String::new(),
                    registration: Default::default(),
                }
            }
            /// The URL of an endpoint.
            pub fn endpoint(&self, name: EndpointName) -> Option<&str> {
                match name {
                    $(EndpointName::$name => self.$field.as_deref(),)*
                }
            }

            /// The field of an endpoint, to change it.
            pub fn endpoint_mut(&mut self, name: EndpointName) -> &mut Option<String> {
                match name {
                    $(EndpointName::$name => &mut self.$field,)*
                }
            }
        }
    };
}
endpoints!(definition);

/// The protocol of a provider.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// OAuth 2: the profile says who the user is.
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
    /// A JWT whose key is the client secret (OpenID Connect Core section 9).
    ClientSecretJwt,
    /// A JWT that is signed with a private key (RFC 7523 section 2.2, OpenID Connect Core section 9).
    PrivateKeyJwt,
    /// A TLS client certificate from an authority that the provider trusts (RFC 8705 section 2.1).
    TlsClientAuth,
    /// A TLS client certificate that is registered at the provider (RFC 8705 section 2.2).
    SelfSignedTlsClientAuth,
    /// The attestation of this instance of the client, and a proof of its key (draft-ietf-oauth-attestation-based-client-auth).
    AttestJwtClientAuth,
}

impl ClientAuth {
    /// All methods.
    pub const ALL: &[Self] = &[
        Self::None,
        Self::ClientSecretBasic,
        Self::ClientSecretPost,
        Self::ClientSecretJwt,
        Self::PrivateKeyJwt,
        Self::TlsClientAuth,
        Self::SelfSignedTlsClientAuth,
        Self::AttestJwtClientAuth,
    ];

    /// The method of a registered name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|method| method.as_str() == name)
    }

    /// Whether the client sends a JWT that it signed for the request.
    pub fn is_assertion(self) -> bool {
        matches!(self, Self::ClientSecretJwt | Self::PrivateKeyJwt)
    }

    /// Whether the client presents a TLS certificate.
    pub fn is_certificate(self) -> bool {
        matches!(self, Self::TlsClientAuth | Self::SelfSignedTlsClientAuth)
    }

    /// The registered name (RFC 7591 section 2).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::ClientSecretJwt => "client_secret_jwt",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::TlsClientAuth => "tls_client_auth",
            Self::SelfSignedTlsClientAuth => "self_signed_tls_client_auth",
            Self::AttestJwtClientAuth => "attest_jwt_client_auth",
        }
    }
}

/// The audience of the assertions by which clients authenticate (RFC 7523 section 3).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AssertionAudience {
    /// The issuer as one text (draft-ietf-oauth-rfc7523bis), or the token endpoint of a provider without an issuer.
    #[default]
    Issuer,
    /// The token endpoint, for a provider that documents this. It counts only where the token endpoint is at the host of the issuer:
    /// otherwise an assertion for one server could be collected by another.
    TokenEndpoint,
}

/// Whether a provider accepts a code challenge (RFC 7636).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pkce {
    /// It accepts one, or ignores it as RFC 6749 section 3.1 requires. One is sent.
    #[default]
    Supported,
    /// It refuses requests without one. One is sent.
    Required,
    /// It refuses requests with one. None is sent.
    Unsupported,
    /// It expects the SHA-256 in hexadecimal instead of base64url.
    Hex,
}

/// A parameter of a definition, such as a tenant or a host.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Param {
    /// The rule for values.
    pub rule: Rule,
    /// The value if none is given.
    pub default: Option<String>,
    /// If it has no value, every field that mentions it is left out.
    #[serde(default)]
    pub optional: bool,
    /// Different values are different servers, with different users. False for a parameter that all users of the provider
    /// share, such as the version of an API or the language of a page.
    #[serde(default = "yes")]
    pub server: bool,
    /// An example of a value.
    pub example: Option<String>,
    /// The meaning, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
}

/// The rule for a parameter's values, so that they can never move a request to another host or path.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Rule {
    /// A whole URL: `https`, or `http` on a loopback host.
    Url,
    /// A host name, with an optional port, also as a URL: `id.example.com`, `id.example.com:8443`, `https://id.example.com`. A
    /// loopback host is reached by `http`, unless the value begins with `https://`.
    Host,
    /// The same with an optional path: `example.com/auth`, `https://example.com/auth`, `http://localhost:8080/auth`.
    HostPath,
    /// One label of a host name, in lower case: letters, digits and inner hyphens.
    Label,
    /// One segment of a path: letters and digits of any language, `.`, `_`, `-` and inner spaces; not `.` or `..`. In a URL it is
    /// percent-encoded.
    Segment,
}

impl Rule {
    /// The rule in words, for a message.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Url => "a URL that begins with https:// (http:// for a loopback host)",
            Self::Host => {
                "a host name such as id.example.com, with an optional port, or the same behind https:// (http:// for a \
                 loopback host)"
            }
            Self::HostPath => {
                "a host name such as id.example.com, with an optional port and path, or the same behind https:// \
                 (http:// for a loopback host)"
            }
            Self::Label => "one part of a host name: lower case letters, digits and inner hyphens",
            Self::Segment => {
                "one part of a path: letters, digits, dots, underscores, hyphens and inner spaces"
            }
        }
    }

    /// Whether a value obeys the rule. The scheme of a host is not part of the value here. Of a URL, only what would change the
    /// meaning of marks is looked at: the rest is checked when the URL is complete.
    pub fn accepts(self, value: &str) -> bool {
        let label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        match self {
            Self::Url => !value.contains(['{', '}']),
            // A host name is the same in capitals, but what is compared with it as text is not.
            Self::Label => label(value) && !value.bytes().any(|b| b.is_ascii_uppercase()),
            Self::Segment => {
                let fits = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | ' ');
                !matches!(value, "" | "." | "..") && value.trim() == value && value.chars().all(fits)
            }
            Self::Host => {
                let (host, port) = value.split_once(':').unwrap_or((value, "443"));
                host.len() <= 253 && host.split('.').all(label) && port.parse::<u16>().is_ok()
            }
            Self::HostPath => {
                let (host, path) = value.split_once('/').unwrap_or((value, "index"));
                Self::Host.accepts(host) && path.split('/').all(is_segment)
            }
        }
    }
}

/// The table `[registration]` of a definition, where nobody asks for it.
#[cfg(not(feature = "registration"))]
#[derive(Clone, Debug, Default, PartialEq)]
struct Unread;

#[cfg(not(feature = "registration"))]
impl<'de> Deserialize<'de> for Unread {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

fn space() -> String {
    " ".to_owned()
}

fn yes() -> bool {
    true
}
