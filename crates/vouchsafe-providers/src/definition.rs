use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::check;

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
    pub client_auth: Option<AuthMethod>,
    /// The same for the revocation endpoint, where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation_auth: Option<AuthMethod>,
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
    pub authorization: AuthorizationManners,
    /// How authorization responses differ from RFC 6749 section 4.1.2.
    #[serde(default)]
    pub callback: CallbackManners,
    /// How the token endpoint differs from RFC 6749 sections 4.1.3 and 5.
    #[serde(default)]
    pub token: TokenManners,
    /// How refreshing differs from RFC 6749 section 6, beyond how the token endpoint does.
    #[serde(default)]
    pub refreshing: RefreshManners,
    /// How revocation differs from RFC 7009.
    #[serde(default)]
    pub revocation: RevocationManners,
    /// A long-lived token for a short-lived one, where the provider has that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long_lived: Option<LongLived>,
    /// How the profile is asked for.
    #[serde(default)]
    pub userinfo: UserInfoManners,
    /// Where the profile keeps who the user is.
    #[serde(default)]
    pub identity: IdentityManners,
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
    /// It takes the SHA-256 in hexadecimal instead of base64url.
    Hex,
}

/// How authorization requests differ from RFC 6749 section 4.1.1.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct AuthorizationManners {
    /// Parameters that every request carries.
    pub params: BTreeMap<String, String>,
    /// Parameters that the protocol leaves to the client, and without which this provider refuses a request: `nonce`.
    /// They are sent in any case.
    pub required: Vec<String>,
    /// What a parameter is called here: `client_id = "client_key"`. An empty name leaves it out.
    pub names: BTreeMap<String, String>,
    /// In which order `client_id`, `redirect_uri`, `response_type` and `scope` stand, where the provider minds.
    pub order: Vec<String>,
    /// A fragment that the URL must end in.
    pub fragment: Option<String>,
    /// Parameters that the provider documents for applications to set.
    pub options: BTreeMap<String, OptionalParam>,
}

/// A parameter that a provider documents for applications to set.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct OptionalParam {
    /// What it is for.
    pub description: String,
    /// The values that it may have; any if there are none.
    pub values: Vec<String>,
}

/// How authorization responses differ from RFC 6749 section 4.1.2.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct CallbackManners {
    /// What is cut off the end of a code: some providers add a fragment's beginning.
    pub code_suffix: Option<String>,
    /// Parameters that go on into the token request.
    pub forward: Vec<String>,
    /// A parameter that authenticates the others: the hexadecimal HMAC-SHA-256 under the client secret of the other
    /// parameters, sorted, as `name=value` joined by `&`.
    pub hmac: Option<String>,
    /// Parameters that must come back with just that value: `shop = "{shop}.example.com"`.
    pub expect: BTreeMap<String, String>,
    /// A parameter that holds a profile as JSON text, where the provider tells one there. It comes by the browser, which
    /// can change it: of all that it says only the name is used.
    pub profile: Option<String>,
    /// Where in that profile the parts of the name are, in their order: JSON Pointers.
    pub profile_name: Vec<String>,
}

/// Where the parameters of a request go.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Into a form, sent by POST.
    #[default]
    Form,
    /// Into a JSON object, sent by POST.
    Json,
    /// Into the query, sent by GET.
    Query,
}

/// How the token endpoint differs from RFC 6749 sections 4.1.3 and 5.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct TokenManners {
    /// Where the parameters of the request go.
    pub encoding: Encoding,
    /// What a parameter is called here: `client_id = "client_key"`. An empty name leaves it out.
    pub names: BTreeMap<String, String>,
    /// What a grant type is called here: `authorization_code = "web_server"`.
    pub grant_types: BTreeMap<String, String>,
    /// Parameters that every request carries.
    pub params: BTreeMap<String, String>,
    /// The scopes that were asked for go along with the code.
    pub scope: bool,
    /// Headers that every request carries; `{client_id}` stands for the client id.
    pub headers: BTreeMap<String, String>,
    /// Where in the answer the members are: JSON Pointers, the first that finds an object is taken; an empty one stands
    /// for the answer itself, as no pointer does. What stands beside is kept, but is no part of the token.
    pub answer: Vec<String>,
    /// What a member of the answer is called here: `access_token = "accessToken"`.
    pub answer_names: BTreeMap<String, String>,
    /// Answers may be forms: `access_token=…&expires_in=…`.
    pub form_answer: bool,
    /// Content types, besides JSON, that JSON answers are sent as.
    pub content_types: Vec<String>,
    /// `expires_in` is in milliseconds.
    pub expires_in_milliseconds: bool,
    /// An `expires_in` of 0 means never.
    pub expires_in_zero_is_never: bool,
    /// The characters that separate scopes in an answer.
    pub scope_separators: String,
    /// Answers carry no `token_type`, or another word than `Bearer` for the same. Types that ask for more than a bearer
    /// token does, such as `DPoP`, are refused all the same.
    pub token_type_absent: bool,
    /// How an answer says no with a status of success, where it does so in words of its own.
    pub failure: Option<Failure>,
    /// What the provider's error codes are in the words of the RFCs, wherever they come from:
    /// `bad_refresh_token = "invalid_grant"`.
    pub error_codes: BTreeMap<String, String>,
}

/// How refreshing differs from RFC 6749 section 6.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct RefreshManners {
    /// Where the parameters of the request go, if not where those of the code's go.
    pub encoding: Option<Encoding>,
    /// What a parameter is called here, beyond what [`TokenManners::names`] says.
    pub names: BTreeMap<String, String>,
    /// Parameters that every request carries.
    pub params: BTreeMap<String, String>,
    /// The redirect URI goes along.
    pub redirect_uri: bool,
    /// The scopes go along.
    pub scope: bool,
    /// Parameters of the authorization response that go along again: some of [`CallbackManners::forward`]. They are kept
    /// with the tokens.
    pub forward: Vec<String>,
    /// It is the access token that is refreshed, not a refresh token.
    pub access_token: bool,
}

/// How revocation differs from RFC 7009.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct RevocationManners {
    /// The method; POST unless it is set.
    pub method: Option<String>,
    /// Where the parameters go.
    pub encoding: Encoding,
    /// What a parameter is called here: `client_id = "client_key"`. An empty name leaves it out.
    pub names: BTreeMap<String, String>,
    /// What the parameter `token` is called; empty to leave it out. Where it is set, no `token_type_hint` is sent.
    pub token_name: Option<String>,
    /// Parameters that every request carries.
    pub params: BTreeMap<String, String>,
    /// The access token authenticates the request, as `Authorization: Bearer`; the client does so only where
    /// `revocation_auth` says how.
    pub bearer: bool,
    /// Only access tokens can be revoked, or only refresh tokens: `access_token` or `refresh_token`.
    pub only: Option<String>,
    /// How an answer says no with a status of success.
    pub failure: Option<Failure>,
}

/// A long-lived token for a short-lived one.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LongLived {
    /// The endpoint; the token endpoint unless it is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Where the parameters go.
    #[serde(default)]
    pub encoding: Encoding,
    /// The grant type.
    pub grant_type: String,
    /// What the parameter with the short-lived token is called.
    pub token_name: String,
}

/// How an answer says no in words of its own, whatever its status: by a member whose value is none of those that mean
/// success. A member that is null or an empty list is not there.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Failure {
    /// The pointer to the member that tells. Where it is not there, nothing failed.
    pub code: String,
    /// The values that mean success, as text; numbers and truth values are compared by how they are written.
    #[serde(default)]
    pub success: Vec<String>,
    /// The pointer to the provider's explanation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// How the profile is asked for.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct UserInfoManners {
    /// What takes the place of a profile where there is none to ask for.
    pub source: ProfileSource,
    /// The method: `GET` or `POST`; POST wherever there is a body.
    pub method: String,
    /// Where the access token goes: `bearer`, `scheme:OAuth`, `scheme:` (bare), `header:NAME`, `query:NAME`, `body:NAME`.
    pub token: String,
    /// Headers that the request carries; `{client_id}` stands for the client id.
    pub headers: BTreeMap<String, String>,
    /// Parameters in the query, or in the form of a POST; `{client_id}` stands for the client id, `{token:/uid}` for a
    /// member of the token answer.
    pub params: BTreeMap<String, String>,
    /// A parameter beside these that proves the client's secret: the hexadecimal HMAC-SHA-256 of the access token under
    /// it. A client without a secret sends none.
    pub proof: Option<String>,
    /// A JSON body, such as a GraphQL query.
    pub body: Option<String>,
    /// Content types, besides JSON, that JSON answers are sent as.
    pub content_types: Vec<String>,
    /// The answer is a JWT that the provider signs (OpenID Connect Core section 5.3.2). One that is not signed is
    /// refused.
    pub signed: bool,
    /// How an answer says no with a status of success.
    pub failure: Option<Failure>,
}

/// Where a profile comes from.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProfileSource {
    /// The userinfo endpoint.
    #[default]
    Userinfo,
    /// The claims of the ID token: there is no userinfo endpoint.
    IdToken,
    /// The token answer: there is no userinfo endpoint.
    Token,
    /// The claims of the access token, where the provider documents it as a JWT for the client to verify: there is no
    /// userinfo endpoint.
    AccessToken,
}

/// Where a profile keeps who the user is: JSON Pointers (RFC 6901), the first that finds something is taken.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct IdentityManners {
    /// What stands for the issuer in the key of an account where the provider has none: a URL at the host of the token
    /// endpoint, such as `https://{shop}.example.com/staff`. That endpoint's origin unless it is set. It keeps users apart
    /// whom one server tells under one subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The user's identifier, unique and never reassigned at this provider: where several of the pointers find something,
    /// it must be the same. None where the provider tells only what passes to others, such as a user name; no pointer to
    /// such a member is accepted.
    ///
    /// Where one member is not unique, several are put together: pointers in braces with a slash between them,
    /// `{/team/id}/{/id}`. What they find is escaped as in a URL, so that no two users look alike.
    pub subject: Vec<String>,
    /// The subject is the last part of a path or URL.
    pub subject_is_last_segment: bool,
    /// The e-mail.
    pub email: Vec<String>,
    /// Whether the provider vouches for that e-mail: all of these must say so.
    pub email_verified: Vec<String>,
    /// `email_verified` is sent as the text `"true"` or `"false"`, or as 1 or 0, number or text.
    pub email_verified_text: bool,
    /// The provider documents that it gives out verified e-mails alone.
    pub email_always_verified: bool,
    /// The name to show.
    pub name: Vec<String>,
    /// The URL of a picture.
    pub picture: Vec<String>,
    /// How a picture's URL is put together: pointers in braces, `https://cdn.example/{/id}/{/avatar}.png`. It is left
    /// out where one of them finds nothing.
    pub picture_template: Option<String>,
    /// The picture's URL is escaped as in HTML.
    pub picture_is_html: bool,
    /// A list of the user's e-mails, or a second call for them; it takes the place of `email`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emails: Option<EmailList>,
}

/// A list of a user's e-mails: from a call of its own, or in the profile. The one that is primary is taken.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct EmailList {
    /// The endpoint, called with the access token; none where the list is in the profile. Pointers in braces stand for
    /// what they find in the profile: `https://api.example/users/{/user_id}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The statuses that mean: this application may not see the list.
    #[serde(default)]
    pub absent_on: Vec<u16>,
    /// The pointer to the list; empty for the whole answer.
    #[serde(default)]
    pub list: String,
    /// There is no list, but one entry alone, where `list` points.
    #[serde(default)]
    pub single: bool,
    /// In an entry, the pointer to the address; empty where the entry is the address.
    pub email: String,
    /// In an entry, the pointer to the mark of the primary one: true, or a list that holds `primary`. The first entry
    /// is taken where no such mark exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<String>,
    /// In an entry, the pointer to the mark of a verified one: true, `"true"`, or `"confirmed"`. With a mark, only
    /// verified addresses are taken; without one, nobody vouches for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<String>,
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
            authorization: AuthorizationManners::default(),
            callback: CallbackManners::default(),
            token: TokenManners::default(),
            refreshing: RefreshManners::default(),
            revocation: RevocationManners::default(),
            long_lived: None,
            userinfo: UserInfoManners::default(),
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
        let definition =
            toml::from_str(text).map_err(|e| DefinitionError { message: check::unreadable(&e, text) })?;
        check::check(&definition).map_err(|mistake| DefinitionError { message: mistake.told_of(text) })?;
        Ok(definition)
    }

    /// Checks what no definition may say, whoever made it and however: a parameter that the protocol owns, set, taken away
    /// or called otherwise; a subject that its owner can change or give away; an issuer that is another server's.
    /// [`Definition::from_toml`] checks that and more. The library checks it whenever a client is made.
    ///
    /// # Errors
    /// Says the field that is wrong, and why.
    pub fn check(&self) -> Result<(), DefinitionError> {
        check::safety(self).map_err(|mistake| DefinitionError { message: mistake.told_of("") })
    }
}

impl Default for TokenManners {
    fn default() -> Self {
        Self {
            encoding: Encoding::default(),
            names: BTreeMap::new(),
            grant_types: BTreeMap::new(),
            params: BTreeMap::new(),
            scope: false,
            headers: BTreeMap::new(),
            answer: Vec::new(),
            answer_names: BTreeMap::new(),
            form_answer: false,
            content_types: Vec::new(),
            expires_in_milliseconds: false,
            expires_in_zero_is_never: false,
            scope_separators: space(),
            token_type_absent: false,
            failure: None,
            error_codes: BTreeMap::new(),
        }
    }
}

impl Default for UserInfoManners {
    fn default() -> Self {
        Self {
            source: ProfileSource::default(),
            method: "GET".to_owned(),
            token: "bearer".to_owned(),
            headers: BTreeMap::new(),
            params: BTreeMap::new(),
            proof: None,
            body: None,
            content_types: Vec::new(),
            signed: false,
            failure: None,
        }
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
