//! UserInfo (OpenID Connect Core section 5.3), and the profiles of other providers.
use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName};
use serde_json::Value;
use vouchsafe_providers::{Encoding, UserInfoQuirks};

use super::call::{Call, Outgoing};
use super::hex;
use super::quirks::{UNCHANGED, headers};
use super::response::{Dialect, Incoming, essence};
use crate::dpop::Proves;
use crate::error::{Check, ConfigProblem, Error, Malformed, Operation};
use crate::jose::jwe::Encrypted;
use crate::secret::Secret;
use crate::text::json;
use crate::text::legible::legible;
use crate::text::template::{self, Mark};

/// How a definition requests the profile.
#[derive(Clone, Debug)]
pub(crate) struct ProfileRequest {
    quirks: UserInfoQuirks,
    post: bool,
    token: Placement,
    headers: HeaderMap,
    /// Headers with a mark for the client secret.
    secret_headers: Vec<(HeaderName, String)>,
}

/// Where the access token goes.
#[derive(Clone, Debug)]
enum Placement {
    /// In `Authorization`, after this scheme and a space; alone if the scheme is empty.
    Scheme(String),
    Header(HeaderName),
    Query(String),
    Body(String),
}

impl ProfileRequest {
    /// Reads the definition. The error says what is wrong with it.
    pub(crate) fn new(quirks: &UserInfoQuirks) -> Result<Self, String> {
        let (place, name) = quirks.token.split_once(':').unwrap_or(("scheme", "Bearer"));
        let is_in_body = place == "body";
        if is_in_body && quirks.body.is_some() {
            return Err("userinfo.token is in the body, and userinfo.body is the whole body".to_owned());
        }
        let token = match place {
            "query" => Placement::Query(name.to_owned()),
            "body" => Placement::Body(name.to_owned()),
            "header" => Placement::Header(name.parse().map_err(|_| format!("{name} is not a header name"))?),
            _ => Placement::Scheme(name.to_owned()),
        };
        let post = quirks.method == "POST" || quirks.body.is_some() || is_in_body;
        let mut headers = headers(&quirks.headers).map_err(|name| format!("{name} is not a header name"))?;
        let secret_headers =
            quirks.headers.iter().filter(|(_, value)| value.contains(UserInfoQuirks::CLIENT_SECRET));
        let secret_headers = secret_headers.filter_map(|(name, value)| {
            headers.remove(name.as_str())?;
            Some((name.parse().ok()?, value.clone()))
        });
        let secret_headers = secret_headers.collect();
        Ok(Self { quirks: quirks.clone(), post, token, headers, secret_headers })
    }

    /// Whether the request contains a member of the token response.
    pub(crate) fn needs_response(&self) -> bool {
        self.quirks.params.values().any(|value| value.contains("{token:"))
    }

    /// The same request for another endpoint: it sends the token in the same place, but neither parameters nor body.
    pub(crate) fn elsewhere(&self) -> Self {
        let mut request = self.clone();
        request.post = matches!(self.token, Placement::Body(_));
        request.quirks.params.clear();
        request.quirks.body = None;
        request
    }
}

/// A request for the profile that belongs to an access token.
pub(crate) struct ProfileCall<'a> {
    pub(crate) request: &'a ProfileRequest,
    pub(crate) dialect: Dialect<'a>,
    pub(crate) access_token: &'a Secret,
    /// The token is bound to the client's key.
    pub(crate) is_bound: bool,
    /// The client secret.
    pub(crate) secret: Option<&'a Secret>,
    /// The rest of the token response, if the request contains a member of it.
    pub(crate) response: Option<&'a Value>,
}

impl Call for ProfileCall<'_> {
    type Output = UserInfo;

    fn operation(&self) -> Operation {
        Operation::Profile
    }

    fn dialect(&self) -> Dialect<'_> {
        self.dialect
    }

    fn proves(&self) -> Proves<'_> {
        if self.is_bound { Proves::Token(self.access_token) } else { Proves::Nothing }
    }

    fn write<'a>(&'a self, to: &mut Outgoing<'a>) -> Result<(), Error> {
        let ProfileRequest { quirks, post, token, headers, secret_headers } = self.request;
        let in_body = *post && quirks.body.is_none();
        to.headers(headers);
        for (name, value) in secret_headers {
            if let Some(secret) = self.secret {
                to.secret_in_header(name.clone(), value, secret);
            }
        }
        to.encode(if in_body { Encoding::Form } else { Encoding::Query }, [&UNCHANGED; 2]);
        for (name, value) in &quirks.params {
            to.add(name, &filled(value, self.response)?);
        }
        if let (Some(name), Some(secret)) = (&quirks.proof, self.secret) {
            to.add_secret(name, &hex::hmac(secret, self.access_token.expose()));
        }
        match token {
            // RFC 9449 §7.1: a bound token has a scheme of its own.
            Placement::Scheme(_) if self.is_bound => to.token(AUTHORIZATION, "DPoP", self.access_token),
            Placement::Scheme(scheme) => to.token(AUTHORIZATION, scheme, self.access_token),
            Placement::Header(name) => to.token(name.clone(), "", self.access_token),
            Placement::Query(name) => to.add_to_query(name, self.access_token),
            Placement::Body(name) => to.add_secret(name, self.access_token.expose()),
        }
        if let Some(body) = &quirks.body {
            to.body(body);
        }
        Ok(())
    }

    fn read(&self, from: Incoming<'_>) -> Result<UserInfo, Error> {
        let is_jwt = essence(&from.response).is_some_and(|e| e.eq_ignore_ascii_case("application/jwt"));
        if is_jwt && from.response.status().is_success() {
            return match std::str::from_utf8(from.response.body()) {
                Ok(jwt) => Ok(UserInfo::Jwt(jwt.trim().to_owned())),
                Err(_) => {
                    Err(from.malformed(Malformed::Jwt, "has the content type of a JWT, and is not a JWT: the provider has to correct one of the two"))
                }
            };
        }
        let profile = from.object()?;
        // Some providers send an error with a status of success; a profile has no member `error`.
        from.error_in(&profile).map_or(Ok(UserInfo::Claims(profile)), Err)
    }
}

/// Fills in `{token:/pointer}`, a member of the token response.
fn filled(template: &str, response: Option<&Value>) -> Result<String, Error> {
    let filled = template::fill(template, |mark| {
        let Some(pointer) = mark.strip_prefix("token:") else { return Ok(Mark::Text) };
        let response = response.ok_or_else(|| {
            let detail =
                "the profile request contains a member of the token response, and only the access token is known: call \
                 Client::profile with the tokens of the login";
            Error::config(ConfigProblem::TokenResponse, detail)
        })?;
        match response.pointer(pointer) {
            Some(Value::String(value)) => Ok(Mark::from(&**value)),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok(Mark::Value(value.to_string().into())),
            _ => {
                let detail = "the token response has no value for a parameter of the profile request: correct \
                              userinfo.params in the definition";
                Err(Error::response(Operation::Profile, Malformed::MissingField, detail))
            }
        }
    })?;
    Ok(filled.unwrap_or_default())
}

/// The response of a UserInfo endpoint.
pub(crate) enum UserInfo {
    Claims(Value),
    /// A signed response (section 5.3.2), to be verified before anything in it counts.
    Jwt(String),
}

impl UserInfo {
    /// Decrypts the response. If it is registered to be encrypted, it must be. Inside are a signed response, or the claims.
    pub(crate) fn opened(self, encrypted: Encrypted<'_>) -> Result<Self, Error> {
        let of_profile = |error: Error| error.of(Operation::Profile);
        let jwt = match &self {
            Self::Jwt(jwt) => jwt,
            // A text that is not encrypted, as the claims are not.
            Self::Claims(_) => "",
        };
        let Some(opened) = encrypted.open(jwt).map_err(of_profile)? else { return Ok(self) };
        if !opened.expose().trim_start().starts_with('{') {
            return Ok(Self::Jwt(opened.expose().to_owned()));
        }
        json::parse(opened.expose().as_bytes()).map(Self::Claims).map_err(|e| {
            let detail = format!("the encrypted UserInfo must contain a JWT or a JSON object: {e}");
            Error::response(Operation::Profile, Malformed::Json, detail)
        })
    }
}

/// OpenID Connect Core §5.3.2: the issuer, if there is one.
pub(crate) fn check_issuer(claims: &Value, is_issuer: impl Fn(&str) -> bool) -> Result<(), Error> {
    match claims.get("iss") {
        Some(iss) if !iss.as_str().is_some_and(is_issuer) => {
            let found = iss.as_str().map_or_else(|| iss.to_string(), str::to_owned);
            let detail = format!(
                "the UserInfo must be from the issuer of the provider, but its iss is {}: check the configured issuer",
                legible(&found)
            );
            Err(Error::validation(Operation::Profile, Check::IssuerMismatch, detail))
        }
        _ => Ok(()),
    }
}

/// OpenID Connect Core §5.3.2: the subject must be that of the ID token, or the response must not be used.
pub(crate) fn check_subject(claims: &Value, expected: &str) -> Result<(), Error> {
    let malformed = |kind, detail: &'static str| Err(Error::response(Operation::Profile, kind, detail));
    match claims.get("sub") {
        Some(Value::String(subject)) if subject == expected => Ok(()),
        Some(Value::String(_)) => {
            let detail = "the UserInfo is about another user than the ID token: discard the tokens, and let the user sign in again";
            Err(Error::validation(Operation::Profile, Check::SubjectMismatch, detail))
        }
        Some(_) => malformed(
            Malformed::InvalidField,
            "the sub of the UserInfo must be text, the same as in the ID token, and it is not text: the provider has to correct it",
        ),
        None => malformed(
            Malformed::MissingField,
            "the UserInfo has no sub, which must be the same as in the ID token: the provider has to add it",
        ),
    }
}
