//! How a provider departs from the RFCs: a table for each request.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How authorization requests differ from RFC 6749 section 4.1.1.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct AuthorizationQuirks {
    /// Parameters that every request carries.
    pub params: BTreeMap<String, String>,
    /// Optional parameters of the protocol that this provider requires: `nonce`. They are always sent.
    pub required: Vec<String>,
    /// The names of parameters at this provider: `client_id = "client_key"`. An empty name leaves the parameter out.
    pub names: BTreeMap<String, String>,
    /// The order of `client_id`, `redirect_uri`, `response_type` and `scope`, if the provider requires one.
    pub order: Vec<String>,
    /// The fragment at the end of the URL.
    pub fragment: Option<String>,
    /// Parameters that the provider documents for applications to set.
    pub options: BTreeMap<String, OptionalParam>,
}

/// A parameter that a provider documents for applications to set.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct OptionalParam {
    /// The meaning of the parameter.
    pub description: String,
    /// The allowed values; empty if all are allowed.
    pub values: Vec<String>,
}

/// How authorization responses differ from RFC 6749 section 4.1.2.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct CallbackQuirks {
    /// A suffix to remove from the code: some providers append the beginning of a fragment.
    pub code_suffix: Option<String>,
    /// Parameters that are copied into the token request.
    pub forward: Vec<String>,
    /// A parameter that authenticates the others: the hexadecimal HMAC-SHA-256 under the client secret of the other
    /// parameters, sorted, as `name=value` joined by `&`.
    pub hmac: Option<String>,
    /// Parameters that must have exactly this value: `shop = "{shop}.example.com"`.
    pub expect: BTreeMap<String, String>,
    /// A parameter with a closer code of an error. It counts instead of `error` if [`TokenQuirks::error_codes`] has its value.
    pub error_detail: Option<String>,
    /// A parameter with a profile as JSON text. It comes through the browser, which can change it, so only the name is used.
    pub profile: Option<String>,
    /// The parts of the name in that profile, in order: JSON Pointers.
    pub profile_name: Vec<String>,
}

/// How the parameters of a request are sent.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Encoding {
    /// As a form, by POST.
    #[default]
    Form,
    /// As a JSON object, by POST.
    Json,
    /// In the query, by GET.
    Query,
}

/// How the token endpoint differs from RFC 6749 sections 4.1.3 and 5.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct TokenQuirks {
    /// How the parameters are sent.
    pub encoding: Encoding,
    /// The names of parameters at this provider: `client_id = "client_key"`. An empty name leaves the parameter out.
    pub names: BTreeMap<String, String>,
    /// The names of grant types at this provider: `authorization_code = "web_server"`.
    pub grant_types: BTreeMap<String, String>,
    /// Parameters that every request carries.
    pub params: BTreeMap<String, String>,
    /// The token request contains the requested scopes.
    pub scope: bool,
    /// Headers that every request carries; `{client_id}` is the client id.
    pub headers: BTreeMap<String, String>,
    /// The object with the members of the token response: JSON Pointers, of which the first that finds an object counts. An
    /// empty pointer, or no pointer, is the response itself. Other members are kept, but are not part of the token.
    pub response: Vec<String>,
    /// The names of members of the response at this provider: `access_token = "accessToken"`.
    pub response_names: BTreeMap<String, String>,
    /// The response may be a form: `access_token=…&expires_in=…`.
    pub form_response: bool,
    /// Further content types of JSON responses.
    pub content_types: Vec<String>,
    /// How an application learns when an access token expires.
    pub expiry: Expiry,
    /// `expires_in` is in milliseconds.
    pub expires_in_milliseconds: bool,
    /// An `expires_in` of 0 means that the token does not expire.
    pub expires_in_zero_is_never: bool,
    /// The characters that separate scopes in a response. In a definition that is read from TOML, the separator of requests
    /// is always one of them.
    pub scope_separators: String,
    /// Responses have no `token_type`, or use another word for `Bearer`. Types that need more than a bearer token does,
    /// such as `DPoP`, are still refused.
    pub token_type_absent: bool,
    /// How an error looks that comes with a status of success.
    pub failure: Option<ErrorShape>,
    /// The provider's error codes in the words of the RFCs, at every endpoint: `bad_refresh_token = "invalid_grant"`.
    pub error_codes: BTreeMap<String, String>,
}

/// How an application learns when an access token expires.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Expiry {
    /// The response says it.
    #[default]
    Told,
    /// Tokens expire, and the response does not say when.
    Untold,
    /// Tokens do not expire. If the provider refreshes tokens, it has applications of another kind, whose tokens do.
    Never,
}

/// How refreshing differs from RFC 6749 section 6.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct RefreshQuirks {
    /// How the parameters are sent, if not as in the token request for a code.
    pub encoding: Option<Encoding>,
    /// The names of parameters, in addition to [`TokenQuirks::names`].
    pub names: BTreeMap<String, String>,
    /// Parameters that every request carries.
    pub params: BTreeMap<String, String>,
    /// The request contains the redirect URI.
    pub redirect_uri: bool,
    /// The request contains the scopes.
    pub scope: bool,
    /// Parameters of the authorization response that the request repeats: some of [`CallbackQuirks::forward`]. They are
    /// kept with the tokens.
    pub forward: Vec<String>,
    /// The request contains the access token instead of a refresh token.
    pub access_token: bool,
    /// The provider documents that a refresh brings no new refresh token: the old one stays good.
    pub keeps_token: bool,
    /// If not empty, there is a refresh token only if one of these scopes is granted: `offline_access`.
    pub needs_scope: Vec<String>,
    /// There is a refresh token only if the authorization request has these parameters: `access_type = "offline"`.
    pub needs_params: BTreeMap<String, String>,
    /// Parameters that, beside these, bring a refresh token also to a user who has consented before: `prompt = "consent"`.
    pub again_params: BTreeMap<String, String>,
    /// How the provider says that a refresh token is spent, expired or revoked, if not by `invalid_grant`: JSON Pointers into
    /// the error response, with the values that say so, as text.
    pub spent: BTreeMap<String, Vec<String>>,
}

/// How revocation differs from RFC 7009.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct RevocationQuirks {
    /// The method; POST by default.
    pub method: Option<String>,
    /// How the parameters are sent.
    pub encoding: Encoding,
    /// The names of parameters at this provider: `client_id = "client_key"`. An empty name leaves the parameter out.
    pub names: BTreeMap<String, String>,
    /// The name of the parameter `token`; empty to leave it out. If it is set, no `token_type_hint` is sent.
    pub token_name: Option<String>,
    /// Parameters that every request carries.
    pub params: BTreeMap<String, String>,
    /// The access token authenticates the request, as `Authorization: Bearer`. The client authenticates as well only if
    /// `revocation_auth` is set.
    pub bearer: bool,
    /// The only kind of token that can be revoked: `access_token` or `refresh_token`.
    pub only: Option<String>,
    /// How an error looks that comes with a status of success.
    pub failure: Option<ErrorShape>,
}

/// How to get a long-lived token for a short-lived one.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LongLived {
    /// The endpoint; the token endpoint by default.
    pub endpoint: Option<String>,
    /// How the parameters are sent.
    #[serde(default)]
    pub encoding: Encoding,
    /// The grant type.
    pub grant_type: String,
    /// The name of the parameter with the short-lived token.
    pub token_name: String,
}

/// The shape of an error response that is not RFC 6749's, whatever its status: a member has a value that does not mean
/// success. A member that is null or an empty list counts as absent.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ErrorShape {
    /// The pointer to that member. If it is absent, nothing failed.
    pub code: String,
    /// The values that mean success, as text; numbers and booleans are compared as they are written.
    #[serde(default)]
    pub success: Vec<String>,
    /// The pointer to the provider's explanation.
    pub description: Option<String>,
}

/// How the profile is requested.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct UserInfoQuirks {
    /// Where the profile comes from.
    pub source: ProfileSource,
    /// The method: `GET` or `POST`; always POST if there is a body.
    pub method: String,
    /// How the access token is sent: `bearer`, `scheme:OAuth`, `scheme:` (bare), `header:NAME`, `query:NAME`, `body:NAME`.
    pub token: String,
    /// Headers that the request carries; `{client_id}` is the client id, `{client_secret}` the client secret.
    pub headers: BTreeMap<String, String>,
    /// Parameters in the query, or in the form of a POST; `{client_id}` is the client id, `{token:/uid}` a member of the
    /// token response.
    pub params: BTreeMap<String, String>,
    /// A parameter that proves the client secret: the hexadecimal HMAC-SHA-256 of the access token under it. A client
    /// without a secret does not send it.
    pub proof: Option<String>,
    /// A JSON body, such as a GraphQL query.
    pub body: Option<String>,
    /// Further content types of JSON responses.
    pub content_types: Vec<String>,
    /// Top-level members whose texts may hold raw control characters, which JSON forbids. Elsewhere they stay forbidden.
    pub control_characters: Vec<String>,
    /// The response is a JWT that the provider signs (OpenID Connect Core section 5.3.2). An unsigned response is refused.
    pub signed: bool,
    /// How an error looks that comes with a status of success.
    pub failure: Option<ErrorShape>,
}

impl UserInfoQuirks {
    /// The mark of the client secret in a header.
    pub const CLIENT_SECRET: &str = "{client_secret}";

    /// Whether the request carries the client secret itself in a header.
    pub fn sends_secret(&self) -> bool {
        self.headers.values().any(|value| value.contains(Self::CLIENT_SECRET))
    }
}

/// Where a profile comes from.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProfileSource {
    /// The userinfo endpoint.
    #[default]
    Userinfo,
    /// The claims of the ID token: there is no userinfo endpoint.
    IdToken,
    /// The token response: there is no userinfo endpoint.
    Token,
    /// The claims of the access token, if the provider documents it as a JWT that clients verify: there is no userinfo
    /// endpoint.
    AccessToken,
}

/// Where a profile says who the user is: JSON Pointers (RFC 6901), of which the first that finds something counts.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct IdentityQuirks {
    /// The issuer in the key of an account, if the provider has no issuer: a URL at the host of the token endpoint, such as
    /// `https://{shop}.example.com/staff`. The default is the origin of that endpoint. Set it if one server gives different
    /// users the same subject.
    pub issuer: Option<String>,
    /// The user's identifier, unique and never reassigned at this provider. If several pointers find something, the values
    /// must be equal. Empty if the provider has no permanent identifier; a pointer to a member that can change, such as a
    /// user name, is refused.
    ///
    /// If one member is not unique, join several: pointers in braces, separated by slashes, `{/team/id}/{/id}`. The values
    /// are percent-encoded, so that two users never get the same subject.
    pub subject: Vec<String>,
    /// The subject is the last part of a path or URL.
    pub subject_is_last_segment: bool,
    /// The e-mail.
    pub email: Vec<String>,
    /// Whether the e-mail is verified: all of these must be true.
    pub email_verified: Vec<String>,
    /// `email_verified` is sent as the text `"true"` or `"false"`, or as 1 or 0, number or text.
    pub email_verified_text: bool,
    /// The provider documents that every e-mail is verified.
    pub email_always_verified: bool,
    /// The addresses that the provider itself hosts, if it documents that it vouches for these alone. All others were verified
    /// once, and may be another person's now: they count as unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_authority: Option<EmailAuthority>,
    /// The name to show.
    pub name: Vec<String>,
    /// The URL of a picture.
    pub picture: Vec<String>,
    /// The URL of a picture, with pointers in braces: `https://cdn.example/{/id}/{/avatar}.png`. There is no picture if one
    /// of them finds nothing.
    pub picture_template: Option<String>,
    /// The picture's URL is escaped as in HTML.
    pub picture_is_html: bool,
    /// A list of the user's e-mails, in the profile or at another endpoint; it replaces `email`.
    pub emails: Option<EmailList>,
}

/// The e-mail addresses that a provider is the authority for: it knows that they are the user's still.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct EmailAuthority {
    /// The domains whose addresses the provider hosts, in lower case: `gmail.com`.
    pub domains: Vec<String>,
    /// Members that are there only if the provider hosts the user's address: JSON Pointers.
    pub members: Vec<String>,
}

/// A list of a user's e-mails, in the profile or at another endpoint. The primary one is used.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct EmailList {
    /// The endpoint, called with the access token; unset if the list is in the profile. Pointers in braces are filled in
    /// from the profile: `https://api.example/users/{/user_id}`.
    pub endpoint: Option<String>,
    /// The HTTP statuses that mean that this application may not see the list.
    #[serde(default)]
    pub absent_on: Vec<u16>,
    /// The pointer to the list; empty for the whole response.
    #[serde(default)]
    pub list: String,
    /// `list` points to one entry instead of a list.
    #[serde(default)]
    pub single: bool,
    /// In an entry, the pointer to the address; empty if the entry is the address.
    pub email: String,
    /// In an entry, the pointer to the mark of the primary address: true, or a list that contains `primary`. Without it, the
    /// first entry is used.
    pub primary: Option<String>,
    /// In an entry, the pointer to the mark of a verified address: true, `"true"`, or `"confirmed"`. With it, only verified
    /// addresses are used; without it, addresses count as unverified.
    pub verified: Option<String>,
}

impl Default for TokenQuirks {
    fn default() -> Self {
        Self {
            encoding: Encoding::default(),
            names: BTreeMap::new(),
            grant_types: BTreeMap::new(),
            params: BTreeMap::new(),
            scope: false,
            headers: BTreeMap::new(),
            response: Vec::new(),
            response_names: BTreeMap::new(),
            form_response: false,
            content_types: Vec::new(),
            expiry: Expiry::default(),
            expires_in_milliseconds: false,
            expires_in_zero_is_never: false,
            scope_separators: " ".to_owned(),
            token_type_absent: false,
            failure: None,
            error_codes: BTreeMap::new(),
        }
    }
}

impl Default for UserInfoQuirks {
    fn default() -> Self {
        Self {
            source: ProfileSource::default(),
            method: "GET".to_owned(),
            token: "bearer".to_owned(),
            headers: BTreeMap::new(),
            params: BTreeMap::new(),
            proof: None,
            body: None,
            control_characters: Vec::new(),
            content_types: Vec::new(),
            signed: false,
            failure: None,
        }
    }
}
