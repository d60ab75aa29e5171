//! UserInfo (OpenID Connect Core section 5.3), and the profiles that others have in its place.
use aws_lc_rs::hmac;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use serde_json::Value;
use vouchsafe_providers::{Encoding, UserInfoQuirks};

use super::params::{JSON, Params, UNCHANGED, headers, with_query};
use super::pkce;
use super::response::{Exchange, essence};
use crate::endpoint::Endpoint;
use crate::error::{Check, ConfigProblem, Error, Malformed, Operation};
use crate::secret::Secret;
use crate::text::json::Json;
use crate::transport::{Request, Response};

/// How a profile is asked for, read from a definition.
#[derive(Clone, Debug)]
pub(crate) struct Asking {
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

impl Asking {
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

    /// The request; `secret` is the client's, `answer` what came with the access token.
    pub(crate) fn request(
        &self,
        endpoint: &Endpoint,
        access_token: &Secret,
        secret: Option<&Secret>,
        answer: Option<&Json>,
    ) -> Result<Request, Error> {
        let to_body = self.post && self.body.is_none();
        let (mut query, mut form) = (Params::new(Encoding::Query, [&UNCHANGED; 2]), None);
        let params =
            if to_body { form.insert(Params::new(Encoding::Form, [&UNCHANGED; 2])) } else { &mut query };
        for (name, value) in &self.params {
            params.add(name, &filled(value, answer)?);
        }
        if let (Some(name), Some(secret)) = (&self.proof, secret) {
            params.add(name, &proof(access_token, secret));
        }
        let mut headers = self.headers.clone();
        match &self.token {
            Placement::Scheme(scheme) => {
                headers.insert(AUTHORIZATION, authorization(scheme, access_token));
            }
            Placement::Header(name) => {
                headers.insert(name.clone(), authorization("", access_token));
            }
            Placement::Query(name) => query.add(name, access_token.expose()),
            Placement::Body(name) => {
                form.get_or_insert_with(|| Params::new(Encoding::Form, [&UNCHANGED; 2]))
                    .add(name, access_token.expose());
            }
        }
        let uri = with_query(endpoint, query.text());
        let mut request = match (form, &self.body) {
            (Some(form), _) => form.request(None, endpoint, headers),
            (None, body) => {
                let mut request = Request::new(body.clone().unwrap_or_default().into_bytes());
                headers.entry(ACCEPT).or_insert(JSON);
                if body.is_some() {
                    *request.method_mut() = Method::POST;
                    headers.entry(CONTENT_TYPE).or_insert(JSON);
                }
                *request.headers_mut() = headers;
                request
            }
        };
        *request.uri_mut() = uri;
        Ok(request)
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

/// The value of `Authorization`, which is not shown.
pub(crate) fn authorization(scheme: &str, token: &Secret) -> HeaderValue {
    let space = if scheme.is_empty() { "" } else { " " };
    let text = Secret::new(format!("{scheme}{space}{}", token.expose()));
    // Tokens hold visible ASCII alone: `Tokens` are not made of anything else.
    let mut value = HeaderValue::from_str(text.expose()).unwrap_or(HeaderValue::from_static("?"));
    value.set_sensitive(true);
    value
}

/// What a UserInfo endpoint answers with.
pub(crate) enum UserInfo<'a> {
    Claims(Json),
    /// A signed answer (section 5.3.2), to be verified before anything in it counts.
    Jwt(&'a str),
}

pub(crate) fn read<'r>(exchange: &Exchange<'_>, response: &'r Response) -> Result<UserInfo<'r>, Error> {
    let is_jwt = essence(response).is_some_and(|e| e.eq_ignore_ascii_case("application/jwt"));
    if is_jwt && response.status().is_success() {
        return match std::str::from_utf8(response.body()) {
            Ok(jwt) => Ok(UserInfo::Jwt(jwt.trim())),
            Err(_) => Err(exchange.fault(Malformed::Jwt, "is not a JWT")),
        };
    }
    let profile = exchange.object(response)?;
    // Some providers say no with a status of success; a profile has no member `error`.
    let status = Some(response.status().as_u16());
    let said = exchange.failed(profile.value(), status).or_else(|| exchange.said(profile.value(), status));
    said.map_or(Ok(UserInfo::Claims(profile)), Err)
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
pub(crate) fn check_subject(exchange: &Exchange<'_>, claims: &Json, expected: &str) -> Result<(), Error> {
    match claims.value().get("sub") {
        Some(Value::String(subject)) if subject == expected => Ok(()),
        Some(Value::String(_)) => Err(Error::validation(
            exchange.operation,
            Check::SubjectMismatch,
            "UserInfo is about another user than the ID token",
        )),
        Some(_) => Err(exchange.fault(Malformed::InvalidField, "has a sub that is not text")),
        None => Err(exchange.fault(Malformed::MissingField, "has no sub")),
    }
}
