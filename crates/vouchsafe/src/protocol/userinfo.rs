//! UserInfo (OpenID Connect Core section 5.3), and the profiles that others have in its place.
use aws_lc_rs::hmac;
use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName};
use serde_json::Value;
use vouchsafe_providers::{Encoding, UserInfoQuirks};

use super::call::{Call, Outgoing};
use super::pkce;
use super::quirks::{UNCHANGED, headers};
use super::response::{Dialect, Incoming, essence};
use crate::error::{Check, ConfigProblem, Error, Malformed, Operation};
use crate::secret::Secret;
use crate::text::json::Json;

/// How a profile is asked for, read from a definition.
#[derive(Clone, Debug)]
pub(crate) struct ProfileRequest {
    post: bool,
    token: Placement,
    headers: HeaderMap,
    params: Vec<(String, String)>,
    proof: Option<String>,
    body: Option<String>,
}

/// Where the access token goes.
#[derive(Clone, Debug)]
enum Placement {
    /// Into `Authorization`, behind that word and a space; bare if it is empty.
    Scheme(String),
    Header(HeaderName),
    Query(String),
    Body(String),
}

impl ProfileRequest {
    /// Reads how, or says what is wrong with it.
    pub(crate) fn new(quirks: &UserInfoQuirks) -> Result<Self, String> {
        let (place, name) = quirks.token.split_once(':').unwrap_or((&quirks.token, ""));
        let is_word = |word: &str| word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        let token = match (place, name) {
            ("bearer", "") => Placement::Scheme("Bearer".to_owned()),
            ("scheme", scheme) if is_word(scheme) => Placement::Scheme(scheme.to_owned()),
            ("header", name) => {
                Placement::Header(name.parse().map_err(|_| format!("{name} is the name of no header"))?)
            }
            ("query", name) if !name.is_empty() => Placement::Query(name.to_owned()),
            ("body", name) if !name.is_empty() && quirks.body.is_none() => Placement::Body(name.to_owned()),
            _ => return Err(format!("an access token cannot go to {}", quirks.token)),
        };
        let post = match quirks.method.as_str() {
            "POST" => true,
            "GET" => quirks.body.is_some() || matches!(token, Placement::Body(_)),
            method => return Err(format!("a profile is asked for by GET or POST, not by {method}")),
        };
        Ok(Self {
            post,
            token,
            headers: headers(&quirks.headers).map_err(|name| format!("{name} is no header"))?,
            params: quirks.params.clone().into_iter().collect(),
            proof: quirks.proof.clone(),
            body: quirks.body.clone(),
        })
    }

    /// Whether the request holds something of what came with the access token.
    pub(crate) fn needs_answer(&self) -> bool {
        self.params.iter().any(|(_, value)| value.contains("{token:"))
    }

    /// The same for another call: with the token in its place, without what is asked for here.
    pub(crate) fn elsewhere(&self) -> Self {
        let post = matches!(self.token, Placement::Body(_));
        Self { post, params: Vec::new(), body: None, ..self.clone() }
    }

    /// Writes the request; `secret` is the client's, `answer` is the rest of the token response.
    pub(crate) fn write(
        &self,
        to: &mut Outgoing<'_>,
        access_token: &Secret,
        secret: Option<&Secret>,
        answer: Option<&Json>,
    ) -> Result<(), Error> {
        let in_body = self.post && self.body.is_none();
        to.headers(&self.headers);
        to.encode(if in_body { Encoding::Form } else { Encoding::Query }, [&UNCHANGED; 2]);
        for (name, value) in &self.params {
            to.add(name, &filled(value, answer)?);
        }
        if let (Some(name), Some(secret)) = (&self.proof, secret) {
            to.add_secret(name, &proof(access_token, secret));
        }
        match &self.token {
            Placement::Scheme(scheme) => to.token(AUTHORIZATION, scheme, access_token),
            Placement::Header(name) => to.token(name.clone(), "", access_token),
            Placement::Query(name) => to.add_to_query(name, access_token),
            Placement::Body(name) => to.add_secret(name, access_token.expose()),
        }
        if let Some(body) = &self.body {
            to.body(body);
        }
        Ok(())
    }
}

/// A request for the profile behind an access token.
pub(crate) struct ProfileCall<'a> {
    pub(crate) request: &'a ProfileRequest,
    pub(crate) dialect: Dialect<'a>,
    pub(crate) access_token: &'a Secret,
    /// The client's.
    pub(crate) secret: Option<&'a Secret>,
    /// The rest of the token response, where the request holds something of it.
    pub(crate) answer: Option<&'a Json>,
}

impl Call for ProfileCall<'_> {
    type Output = UserInfo;

    fn operation(&self) -> Operation {
        Operation::Profile
    }

    fn dialect(&self) -> Dialect<'_> {
        self.dialect
    }

    fn write<'a>(&'a self, to: &mut Outgoing<'a>) -> Result<(), Error> {
        self.request.write(to, self.access_token, self.secret, self.answer)
    }

    fn read(&self, from: Incoming<'_>) -> Result<UserInfo, Error> {
        let is_jwt = essence(&from.response).is_some_and(|e| e.eq_ignore_ascii_case("application/jwt"));
        if is_jwt && from.response.status().is_success() {
            return match std::str::from_utf8(from.response.body()) {
                Ok(jwt) => Ok(UserInfo::Jwt(jwt.trim().to_owned())),
                Err(_) => Err(from.malformed(Malformed::Jwt, "is not a JWT")),
            };
        }
        let profile = from.object()?;
        // Some providers send an error with a status of success; a profile has no member `error`.
        from.error_in(profile.value()).map_or(Ok(UserInfo::Claims(profile)), Err)
    }
}

/// What only a client with that secret can make of an access token.
fn proof(access_token: &Secret, secret: &Secret) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    pkce::in_hex(hmac::sign(&key, access_token.expose().as_bytes()).as_ref()).map(char::from).collect()
}

/// `{token:/pointer}` is a member of the token answer.
fn filled(template: &str, answer: Option<&Json>) -> Result<String, Error> {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, pointer, after)) = mark(rest) {
        let value = answer.and_then(|answer| answer.value().pointer(pointer));
        text.push_str(before);
        match value {
            Some(Value::String(value)) => text.push_str(value),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => text.push_str(&value.to_string()),
            _ if answer.is_none() => {
                let detail =
                    "the profile is asked for with what came beside the access token, and that is not here";
                return Err(Error::config(ConfigProblem::TokenResponse, detail));
            }
            _ => {
                let detail = "the token answer lacks what the profile is asked for with";
                return Err(Error::response(Operation::Profile, Malformed::MissingField, detail));
            }
        }
        rest = after;
    }
    text.push_str(rest);
    Ok(text)
}

/// What stands before, in and after the first mark.
fn mark(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("{token:")?;
    let (pointer, after) = rest.split_once('}')?;
    Some((before, pointer, after))
}

/// A response of a UserInfo endpoint.
pub(crate) enum UserInfo {
    Claims(Json),
    /// A signed response (section 5.3.2), to be verified before anything in it counts.
    Jwt(String),
}

/// OpenID Connect Core §5.3.2: the issuer, where it is there.
pub(crate) fn check_issuer(claims: &Json, is_issuer: impl Fn(&str) -> bool) -> Result<(), Error> {
    match claims.value().get("iss") {
        Some(iss) if !iss.as_str().is_some_and(is_issuer) => {
            let detail = "the UserInfo is from another issuer";
            Err(Error::validation(Operation::Profile, Check::IssuerMismatch, detail))
        }
        _ => Ok(()),
    }
}

/// OpenID Connect Core §5.3.2: a signed answer's audience, where it is there.
pub(crate) fn check_signed(claims: &Json, client_id: &str) -> Result<(), Error> {
    let refuse = |check, detail: &'static str| Err(Error::validation(Operation::Profile, check, detail));
    let is_for_client = |aud: &Value| match aud {
        Value::Array(many) => many.iter().any(|one| one == client_id),
        one => one == client_id,
    };
    if claims.value().get("aud").is_some_and(|aud| !is_for_client(aud)) {
        return refuse(Check::Audience, "the signed UserInfo is meant for another client");
    }
    Ok(())
}

/// OpenID Connect Core §5.3.2: the subject must be the ID token's, or the answer must not be used.
pub(crate) fn check_subject(claims: &Json, expected: &str) -> Result<(), Error> {
    let malformed = |kind, detail: &'static str| Err(Error::response(Operation::Profile, kind, detail));
    match claims.value().get("sub") {
        Some(Value::String(subject)) if subject == expected => Ok(()),
        Some(Value::String(_)) => Err(Error::validation(
            Operation::Profile,
            Check::SubjectMismatch,
            "UserInfo is about another user than the ID token",
        )),
        Some(_) => malformed(Malformed::InvalidField, "the UserInfo has a sub that is not text"),
        None => malformed(Malformed::MissingField, "the UserInfo has no sub"),
    }
}
