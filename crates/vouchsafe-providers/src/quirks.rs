//! How a provider departs from the RFCs, a table for each exchange.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How authorization requests differ from RFC 6749 section 4.1.1.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct AuthorizationQuirks {
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
pub struct CallbackQuirks {
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
#[non_exhaustive]
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
pub struct TokenQuirks {
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
    pub failure: Option<ErrorShape>,
    /// What the provider's error codes are in the words of the RFCs, wherever they come from:
    /// `bad_refresh_token = "invalid_grant"`.
    pub error_codes: BTreeMap<String, String>,
}

/// How refreshing differs from RFC 6749 section 6.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct RefreshQuirks {
    /// Where the parameters of the request go, if not where those of the code's go.
    pub encoding: Option<Encoding>,
    /// What a parameter is called here, beyond what [`TokenQuirks::names`] says.
    pub names: BTreeMap<String, String>,
    /// Parameters that every request carries.
    pub params: BTreeMap<String, String>,
    /// The redirect URI goes along.
    pub redirect_uri: bool,
    /// The scopes go along.
    pub scope: bool,
    /// Parameters of the authorization response that go along again: some of [`CallbackQuirks::forward`]. They are kept
    /// with the tokens.
    pub forward: Vec<String>,
    /// It is the access token that is refreshed, not a refresh token.
    pub access_token: bool,
}

/// How revocation differs from RFC 7009.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct RevocationQuirks {
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
    pub failure: Option<ErrorShape>,
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
pub struct ErrorShape {
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
pub struct UserInfoQuirks {
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
    pub failure: Option<ErrorShape>,
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
pub struct IdentityQuirks {
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

impl Default for TokenQuirks {
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
            content_types: Vec::new(),
            signed: false,
            failure: None,
        }
    }
}
