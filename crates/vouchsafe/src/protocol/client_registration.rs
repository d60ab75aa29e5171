//! Dynamic client registration (RFC 7591, OpenID Connect Registration 1.0) and its management (RFC 7592).
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::Method;
use http::header::AUTHORIZATION;
use serde_json::{Map, Value};
use vouchsafe_providers::ClientAuth;

use super::call::{Call, Outgoing};
use super::response::Incoming;
use crate::endpoint::{Endpoint, NotAnEndpoint, PlainHosts, check_redirect_uri};
use crate::error::{Check, ConfigProblem, Error, LeftOut, Malformed, Operation, Warning};
use crate::protocol::token::response::is_token;
use crate::secret::{Secret, opaque};
use crate::text::legible::legible;
use crate::text::moment::LATEST;

/// What a client tells about itself when it registers (RFC 7591 section 2, OpenID Connect Registration 1.0 section 2).
///
/// ```
/// use vouchsafe::ClientMetadata;
///
/// let metadata = ClientMetadata::new()
///     .redirect_uri("https://app.example.com/callback")
///     .client_name("My application")
///     .grant_types(["authorization_code", "refresh_token"])
///     .set("client_uri", "https://app.example.com");
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct ClientMetadata {
    members: Map<String, Value>,
}

// It may hold e-mail addresses and a software statement.
opaque!(ClientMetadata);

impl ClientMetadata {
    /// Metadata without any member.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a redirect URI (`redirect_uris`). A client that signs users in through the browser needs one.
    pub fn redirect_uri(self, uri: impl Into<String>) -> Self {
        self.add("redirect_uris", uri)
    }

    /// The name of the application, which the provider shows to users (`client_name`).
    pub fn client_name(self, name: impl Into<String>) -> Self {
        self.set("client_name", name.into())
    }

    /// The response types (`response_types`); `code` unless it is set.
    pub fn response_types<S: Into<String>>(self, types: impl IntoIterator<Item = S>) -> Self {
        self.list("response_types", types)
    }

    /// The grant types (`grant_types`); `authorization_code` unless they are set.
    pub fn grant_types<S: Into<String>>(self, types: impl IntoIterator<Item = S>) -> Self {
        self.list("grant_types", types)
    }

    /// The scopes that the client may request (`scope`).
    pub fn scopes<S: Into<String>>(self, scopes: impl IntoIterator<Item = S>) -> Self {
        let scopes: Vec<String> = scopes.into_iter().map(Into::into).collect();
        self.set("scope", scopes.join(" "))
    }

    /// How the client authenticates (`token_endpoint_auth_method`); `client_secret_basic` unless it is set.
    pub fn client_auth(self, method: ClientAuth) -> Self {
        self.set("token_endpoint_auth_method", method.as_str())
    }

    /// Adds a contact, usually an e-mail address (`contacts`).
    pub fn contact(self, contact: impl Into<String>) -> Self {
        self.add("contacts", contact)
    }

    /// The public keys of the client (`jwks`, RFC 7517 section 5).
    pub fn jwks(self, keys: impl Into<Value>) -> Self {
        self.set("jwks", keys)
    }

    /// The URL of the public keys of the client (`jwks_uri`).
    pub fn jwks_uri(self, uri: impl Into<String>) -> Self {
        self.set("jwks_uri", uri.into())
    }

    /// Adds a URL of request objects that the client serves (`request_uris`).
    pub fn request_uri(self, uri: impl Into<String>) -> Self {
        self.add("request_uris", uri)
    }

    /// The algorithm that request objects are signed with (`request_object_signing_alg`).
    pub fn request_object_signing_alg(self, name: impl Into<String>) -> Self {
        self.set("request_object_signing_alg", name.into())
    }

    /// The algorithm that ID tokens are signed with (`id_token_signed_response_alg`).
    pub fn id_token_signed_response_alg(self, name: impl Into<String>) -> Self {
        self.set("id_token_signed_response_alg", name.into())
    }

    /// The algorithm that UserInfo responses are signed with (`userinfo_signed_response_alg`).
    pub fn userinfo_signed_response_alg(self, name: impl Into<String>) -> Self {
        self.set("userinfo_signed_response_alg", name.into())
    }

    /// The algorithm that authorization responses are signed with (`authorization_signed_response_alg`, JARM section 3).
    pub fn authorization_signed_response_alg(self, name: impl Into<String>) -> Self {
        self.set("authorization_signed_response_alg", name.into())
    }

    /// How signed authorization responses are encrypted (`authorization_encrypted_response_alg` and `…_enc`, JARM section 3).
    pub fn authorization_response_encryption(self, alg: impl Into<String>, enc: impl Into<String>) -> Self {
        self.encryption("authorization_encrypted_response", alg, enc)
    }

    /// How ID tokens are encrypted (`id_token_encrypted_response_alg` and `…_enc`, OpenID Connect Registration section 2).
    pub fn id_token_encryption(self, alg: impl Into<String>, enc: impl Into<String>) -> Self {
        self.encryption("id_token_encrypted_response", alg, enc)
    }

    /// How UserInfo responses are encrypted (`userinfo_encrypted_response_alg` and `…_enc`).
    pub fn userinfo_encryption(self, alg: impl Into<String>, enc: impl Into<String>) -> Self {
        self.encryption("userinfo_encrypted_response", alg, enc)
    }

    /// How the client encrypts request objects (`request_object_encryption_alg` and `…_enc`).
    pub fn request_object_encryption(self, alg: impl Into<String>, enc: impl Into<String>) -> Self {
        self.encryption("request_object_encryption", alg, enc)
    }

    /// Adds a URL that the browser may return to after a logout (`post_logout_redirect_uris`).
    pub fn post_logout_redirect_uri(self, uri: impl Into<String>) -> Self {
        self.add("post_logout_redirect_uris", uri)
    }

    /// Where the provider posts logout tokens (`backchannel_logout_uri`).
    pub fn backchannel_logout_uri(self, uri: impl Into<String>) -> Self {
        self.set("backchannel_logout_uri", uri.into())
    }

    /// Where a third party sends the browser to start a login (`initiate_login_uri`).
    pub fn initiate_login_uri(self, uri: impl Into<String>) -> Self {
        self.set("initiate_login_uri", uri.into())
    }

    /// A signed statement about the software, from somebody whom the provider trusts (RFC 7591 section 2.3).
    pub fn software_statement(self, jwt: impl Into<String>) -> Self {
        self.set("software_statement", jwt.into())
    }

    /// Any other member. `null` removes one.
    pub fn set(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.members.insert(name.into(), value.into());
        self
    }

    fn encryption(self, name: &str, alg: impl Into<String>, enc: impl Into<String>) -> Self {
        self.set(format!("{name}_alg"), alg.into()).set(format!("{name}_enc"), enc.into())
    }

    fn list<S: Into<String>>(self, name: &str, values: impl IntoIterator<Item = S>) -> Self {
        let values: Vec<Value> = values.into_iter().map(|value| Value::from(value.into())).collect();
        self.set(name, values)
    }

    fn add(mut self, name: &str, value: impl Into<String>) -> Self {
        match self.members.entry(name).or_insert_with(|| Value::Array(Vec::new())) {
            Value::Array(values) => values.push(value.into().into()),
            other => *other = Value::Array(vec![value.into().into()]),
        }
        self
    }

    fn texts(&self, name: &str) -> Vec<&str> {
        let values = self.members.get(name).and_then(Value::as_array);
        values.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// Refuses metadata that cannot work, or that would tell a secret, before anything is sent.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let wrong = |detail: String| Err(Error::config(ConfigProblem::ClientMetadata, detail));
        for uri in self.texts("redirect_uris") {
            check_redirect_uri(uri)?;
        }
        if let Some(name) = self.members.keys().find(|name| RESERVED.contains(&name.as_str())) {
            return wrong(format!(
                "{name} is not a part of the client's metadata: the provider sets it. Leave it out"
            ));
        }
        // RFC 7591 §2: "The jwks_uri and jwks parameters MUST NOT both be present".
        if self.members.contains_key("jwks") && self.members.contains_key("jwks_uri") {
            return wrong(
                "the client's metadata has both jwks and jwks_uri: leave one of them out".to_owned(),
            );
        }
        let keys = self.members.get("jwks").and_then(|set| set.get("keys")).and_then(Value::as_array);
        let is_private = |key: &Value| {
            ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"].iter().any(|name| key.get(name).is_some())
        };
        if keys.is_some_and(|keys| keys.iter().any(is_private)) {
            return wrong(
                "jwks in the client's metadata has a private key: give the public keys alone".to_owned(),
            );
        }
        // RFC 7591 §2: clients of grants with a redirect must register their redirect URIs.
        let grants = self.texts("grant_types");
        let redirects = grants.is_empty() || grants.contains(&"authorization_code");
        if redirects && self.texts("redirect_uris").is_empty() {
            return wrong("a client that signs users in through the browser has to register a redirect URI: add ClientMetadata::redirect_uri, or \
                          set the grant types without authorization_code".to_owned());
        }
        Ok(())
    }
}

/// A request that registers a client, or that reads or replaces its registration.
pub(crate) struct RegistrationRequest<'a> {
    pub(crate) method: Method,
    /// The body, for a request that has one.
    pub(crate) metadata: Option<&'a Map<String, Value>>,
    /// The initial access token, or the registration access token.
    pub(crate) token: Option<&'a Secret>,
    /// The client id that the response must have, if there is a client already.
    pub(crate) client_id: Option<&'a str>,
    /// Where its management must be, by host, besides the place that the request goes to.
    pub(crate) issuer: &'a str,
    /// The hosts that `http` may be used for.
    pub(crate) plain: &'a PlainHosts,
}

/// A client information response (RFC 7591 section 3.2.1, RFC 7592 section 3).
#[derive(Clone)]
pub(crate) struct ClientInformation {
    pub(crate) client_id: String,
    pub(crate) secret: Option<Secret>,
    pub(crate) secret_expires_at: Option<SystemTime>,
    pub(crate) issued_at: Option<SystemTime>,
    pub(crate) management: Option<(String, Secret)>,
    /// All other members.
    pub(crate) metadata: Map<String, Value>,
    pub(crate) warnings: Vec<Warning>,
}

impl Call for RegistrationRequest<'_> {
    type Output = ClientInformation;

    fn operation(&self) -> Operation {
        Operation::Registration
    }

    fn write<'a>(&'a self, to: &mut Outgoing<'a>) -> Result<(), Error> {
        to.method(self.method.clone());
        if let Some(token) = self.token {
            to.token(AUTHORIZATION, "Bearer", token);
        }
        if let Some(metadata) = self.metadata {
            // In one order, also where serde_json keeps the order of insertion (`preserve_order`).
            let mut metadata = metadata.clone();
            metadata.sort_keys();
            to.body(&Value::Object(metadata).to_string());
        }
        Ok(())
    }

    fn read(&self, from: Incoming<'_>) -> Result<ClientInformation, Error> {
        let Value::Object(mut members) = from.object()? else {
            return Err(invalid(&from, "client", "is no object"));
        };
        let mut text = |name: &str| match members.remove(name) {
            None | Some(Value::Null) => Ok(None),
            // RFC 6749 appendix A.1 and A.2: visible ASCII and spaces.
            Some(Value::String(text)) if !text.is_empty() && is_token(&text) => Ok(Some(text)),
            Some(_) => Err(invalid(&from, name, "is empty, or not a text of visible ASCII characters")),
        };
        // The secrets first: no error may show them.
        let secret = text("client_secret");
        let token = text("registration_access_token");
        for secret in [&secret, &token] {
            from.noted.note_all(secret.as_ref().ok().and_then(Option::as_deref));
        }
        let (secret, token) = (secret?.map(Secret::new), token?.map(Secret::new));
        let uri = text("registration_client_uri")?;
        let Some(client_id) = text("client_id")? else {
            let what = "has no client_id: check that this is the URL of the registration endpoint";
            return Err(from.malformed(Malformed::MissingField, what));
        };
        if self.client_id.is_some_and(|own| own != client_id) {
            let detail = format!(
                "the response is about another client, {}: the registration stays as it was",
                legible(&client_id)
            );
            return Err(Error::validation(Operation::Registration, Check::IssuerMismatch, detail));
        }
        let secret_expires_at = time(&from, &mut members, "client_secret_expires_at")?;
        let issued_at = time(&from, &mut members, "client_id_issued_at")?;
        let management = match (uri, token) {
            (Some(uri), Some(token)) => Some((self.management(&from, &uri)?, token)),
            (None, None) => None,
            // RFC 7592 §3: both or none. Without one of them, the other is worth nothing.
            _ => return Err(from.malformed(Malformed::MissingField, "has only one of registration_client_uri and registration_access_token: the provider has to send both")),
        };
        let method = members.get("token_endpoint_auth_method").and_then(Value::as_str);
        if secret.is_none()
            && self.client_id.is_none()
            && method.is_some_and(|method| method.starts_with("client_secret_"))
        {
            return Err(from.malformed(
                Malformed::MissingField,
                "has no client_secret, although the client has to authenticate by it",
            ));
        }
        let warnings = self.compare(&members)?;
        Ok(ClientInformation {
            client_id,
            secret,
            secret_expires_at,
            issued_at,
            management,
            metadata: members,
            warnings,
        })
    }
}

impl RegistrationRequest<'_> {
    /// Compares the registered values with the requested ones. RFC 7591 §3.2.1: the server may replace them, and the client has to
    /// check that it can live with that. Redirect URIs decide where codes go, so they must be the requested ones.
    fn compare(&self, registered: &Map<String, Value>) -> Result<Vec<Warning>, Error> {
        let requested = || self.metadata.into_iter().flatten();
        let mut warnings = Vec::new();
        for (name, wanted) in requested().filter(|(_, wanted)| !wanted.is_null()) {
            let Some(found) = registered.get(name).filter(|found| *found != wanted) else { continue };
            let (Some(wanted_list), Some(found_list)) = (wanted.as_array(), found.as_array()) else {
                if name == "redirect_uris" {
                    return Err(other_redirect_uris());
                }
                warnings.push(replaced(name));
                continue;
            };
            let same = wanted_list.len() == found_list.len()
                && wanted_list.iter().all(|one| found_list.contains(one));
            match name.as_str() {
                _ if same => {}
                "redirect_uris" => return Err(other_redirect_uris()),
                _ => warnings.push(replaced(name)),
            }
        }
        let asked = requested().any(|(name, _)| name == "redirect_uris");
        let has_own = registered
            .get("redirect_uris")
            .is_some_and(|uris| uris.as_array().is_none_or(|uris| !uris.is_empty()));
        // A client that wanted none must not get those of somebody else.
        if self.metadata.is_some() && !asked && has_own { Err(other_redirect_uris()) } else { Ok(warnings) }
    }

    /// The client configuration endpoint. The registration access token goes there, so it must be a host of the provider.
    fn management(&self, from: &Incoming<'_>, uri: &str) -> Result<String, Error> {
        let endpoint = Endpoint::parse_for(uri, self.plain).map_err(|why| match why {
            NotAnEndpoint::Invalid(why) => invalid(from, "registration_client_uri", &format!("is not a usable URL: {why}")),
            NotAnEndpoint::Insecure => {
                let detail = "the registration_client_uri must be https, because a secret is sent there: the provider has to correct it";
                Error::validation(Operation::Registration, Check::InsecureUrl, detail)
            }
        })?;
        let issuer = self.issuer.parse::<http::Uri>().ok();
        let hosts = [from.uri.host(), issuer.as_ref().and_then(http::Uri::host)];
        let is_own = endpoint.uri().host().is_some_and(|host| hosts.contains(&Some(host)));
        if !is_own {
            let detail = format!(
                "the registration_client_uri is at {}, and must be at the host of the provider, because a secret is sent there",
                legible(endpoint.uri().host().unwrap_or("?"))
            );
            return Err(Error::validation(Operation::Registration, Check::IssuerMismatch, detail));
        }
        Ok(endpoint.as_str().to_owned())
    }
}

/// A request that deletes a registration (RFC 7592 section 2.3).
pub(crate) struct DeregistrationRequest<'a> {
    pub(crate) token: &'a Secret,
}

impl Call for DeregistrationRequest<'_> {
    type Output = ();

    fn operation(&self) -> Operation {
        Operation::Registration
    }

    fn write<'a>(&'a self, to: &mut Outgoing<'a>) -> Result<(), Error> {
        to.method(Method::DELETE);
        to.token(AUTHORIZATION, "Bearer", self.token);
        Ok(())
    }

    fn read(&self, from: Incoming<'_>) -> Result<(), Error> {
        if from.response.status().is_success() { Ok(()) } else { Err(from.refusal()) }
    }
}

/// The metadata of an update: that of the registration, with the changes (RFC 7592 section 2.2: all members have to be sent again,
/// with the client id, and without the values that the provider sets).
pub(crate) fn updated(
    client_id: &str,
    registered: &Map<String, Value>,
    changes: &ClientMetadata,
) -> Map<String, Value> {
    let mut members = registered.clone();
    members.extend(changes.members.clone());
    members.retain(|name, value| !value.is_null() && !RESERVED.contains(&name.as_str()));
    members.insert("client_id".to_owned(), client_id.into());
    members
}

impl ClientMetadata {
    /// The body of a registration.
    pub(crate) fn body(&self) -> Map<String, Value> {
        self.members.clone().into_iter().filter(|(_, value)| !value.is_null()).collect()
    }

    /// The same metadata on top of that of a registration, to check both together.
    pub(crate) fn over(&self, registered: &Map<String, Value>) -> Self {
        let mut members = updated("", registered, self);
        members.remove("client_id");
        Self { members }
    }
}

/// A time in seconds since 1970. RFC 7591 §3.2.1: a secret that expires at 0 never does.
fn time(
    from: &Incoming<'_>,
    members: &mut Map<String, Value>,
    name: &str,
) -> Result<Option<SystemTime>, Error> {
    match members.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => {
            match number.as_f64().filter(|seconds| (0.0..=LATEST).contains(seconds)) {
                Some(0.0) => Ok(None),
                Some(seconds) => Ok(UNIX_EPOCH.checked_add(Duration::from_secs_f64(seconds))),
                None => Err(invalid(from, name, "is out of range: it must be in seconds since 1970")),
            }
        }
        Some(_) => Err(invalid(from, name, "is not a number of seconds since 1970")),
    }
}

fn invalid(from: &Incoming<'_>, name: &str, why: &str) -> Error {
    from.malformed(Malformed::InvalidField, &format!("has no usable {name}: it {why}"))
}

fn other_redirect_uris() -> Error {
    let detail = "the provider registered other redirect URIs than those that were requested: codes could go to somebody else, so the \
                  registration is not used";
    Error::validation(Operation::Registration, Check::RedirectUriMismatch, detail)
}

fn replaced(name: &str) -> Warning {
    let why =
        format!("the provider registered another value of {} than the one that was requested", legible(name));
    Warning::new(LeftOut::ClientMetadata, why)
}

/// The members that only the provider sets.
const RESERVED: [&str; 6] = [
    "client_id",
    "client_secret",
    "client_id_issued_at",
    "client_secret_expires_at",
    "registration_access_token",
    "registration_client_uri",
];
