//! Aggregated and distributed claims (OpenID Connect Core section 5.6.2): claims that another issuer vouches for.
use http::Method;
use http::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use serde_json::Value;

use super::call::{Call, Outgoing};
use super::response::{Incoming, essence};
use crate::endpoint::{Endpoint, PlainHosts};
use crate::error::{Check, Error, LeftOut, Malformed, Operation, Warning};
use crate::secret::Secret;
use crate::text::legible::legible;

/// A source of claims, and the names of the claims that it is for.
pub(crate) struct Source {
    /// The name that the provider gives it.
    pub(crate) name: String,
    pub(crate) claims: Vec<String>,
    pub(crate) at: Place,
}

/// Where a source has its claims.
pub(crate) enum Place {
    /// Aggregated: the JWT came with the profile.
    Inside(String),
    /// Distributed: the JWT is fetched, with an access token of the source's own if there is one.
    Elsewhere(Endpoint, Option<Secret>),
}

/// The sources in a profile. One that cannot be used is told of and left out, and so is a claim that the provider itself makes.
pub(crate) fn sources(profile: &Value, plain: &PlainHosts) -> (Vec<Source>, Vec<Warning>) {
    let (mut found, mut warnings): (Vec<Source>, _) = (Vec::new(), Vec::new());
    let mut leave_out = |what: String| warnings.push(Warning::new(LeftOut::Claims, what));
    let members = |name: &str| profile.get(name).and_then(Value::as_object);
    let Some(names) = members("_claim_names") else { return (found, warnings) };
    for (claim, source) in names {
        let (shown, Some(source)) = (legible(claim), source.as_str()) else {
            leave_out(format!(
                "the claim {} is left out: the name of its source is not text",
                legible(claim)
            ));
            continue;
        };
        if OF_THE_JWT.contains(&claim.as_str()) || profile.get(claim).is_some() {
            leave_out(format!(
                "the claim {shown} of another source is left out: only the provider itself may make it, and its own value counts"
            ));
        } else if let Some(known) = found.iter_mut().find(|known| known.name == source) {
            known.claims.push(claim.clone());
        } else if found.len() == MAX_SOURCES {
            leave_out(format!(
                "the claim {shown} is left out: the profile names more than {MAX_SOURCES} sources"
            ));
        } else {
            match place(members("_claim_sources").and_then(|sources| sources.get(source)), plain) {
                Ok(at) => found.push(Source { name: source.to_owned(), claims: vec![claim.clone()], at }),
                Err(why) => leave_out(format!("the claim {shown} is left out: its source {why}")),
            }
        }
    }
    (found, warnings)
}

fn place(source: Option<&Value>, plain: &PlainHosts) -> Result<Place, String> {
    let source = source.ok_or("is not in _claim_sources")?;
    let text = |name: &str| {
        source.get(name).map(|value| value.as_str().ok_or(format!("has a {name} that is not text")))
    };
    if let Some(jwt) = text("JWT").transpose()? {
        return Ok(Place::Inside(jwt.to_owned()));
    }
    let endpoint = text("endpoint").transpose()?.ok_or("has neither JWT nor endpoint")?;
    let endpoint = Endpoint::parse_for(endpoint, plain).map_err(|e| format!("has an endpoint that {e}"))?;
    let token = text("access_token").transpose()?;
    let is_visible = |token: &&str| token.bytes().all(|b| b.is_ascii_graphic());
    if token.is_some_and(|token| !is_visible(&token)) {
        return Err("has an access_token with characters that no token may contain".to_owned());
    }
    Ok(Place::Elsewhere(endpoint, token.map(Secret::new)))
}

/// A request for distributed claims (section 5.6.2.2). The response is a JWT, which is not verified yet.
pub(crate) struct ClaimsRequest<'a> {
    /// The access token of the source, which is never one of this client.
    pub(crate) token: Option<&'a Secret>,
}

impl Call for ClaimsRequest<'_> {
    type Output = String;

    fn operation(&self) -> Operation {
        Operation::ClaimSource
    }

    fn write<'a>(&'a self, to: &mut Outgoing<'a>) -> Result<(), Error> {
        to.method(Method::GET);
        to.headers(&HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/jwt"))]));
        if let Some(token) = self.token {
            to.token(AUTHORIZATION, "Bearer", token);
        }
        Ok(())
    }

    fn read(&self, from: Incoming<'_>) -> Result<String, Error> {
        from.check_status()?;
        // Plain JSON has no signature, so nobody vouches for it.
        let is_json = essence(&from.response).is_some_and(|e| e.eq_ignore_ascii_case("application/json"));
        match std::str::from_utf8(from.response.body()) {
            Ok(jwt) if !is_json && !jwt.trim_start().starts_with('{') => Ok(jwt.trim().to_owned()),
            _ => Err(from.malformed(
                Malformed::ContentType,
                "must be a signed JWT, and is not: the source has to sign the claims",
            )),
        }
    }
}

/// The claims with those names from a verified JWT.
pub(crate) fn pick(claims: Value, names: &[String]) -> Result<Vec<(String, Value)>, Error> {
    let Value::Object(mut members) = claims else { return Ok(Vec::new()) };
    let missing = names.iter().find(|name| !members.contains_key(name.as_str()));
    if let Some(name) = missing {
        let detail =
            format!("the JWT of the source has no claim {}, which the profile announces", legible(name));
        return Err(Error::response(Operation::ClaimSource, Malformed::MissingField, detail));
    }
    Ok(names.iter().filter_map(|name| members.remove_entry(name)).collect())
}

/// Refuses an issuer that the application does not trust.
pub(crate) fn check_trusted(issuer: &str, trusted: &[String]) -> Result<(), Error> {
    if trusted.is_empty() || trusted.iter().any(|own| own == issuer) {
        return Ok(());
    }
    let detail = format!(
        "the claims are from the issuer {}, which is not one of those that this application trusts (ClaimSources::issuer)",
        legible(issuer)
    );
    Err(Error::validation(Operation::ClaimSource, Check::IssuerMismatch, detail))
}

/// What a JWT says about itself, and who the user is: only the provider says that.
const OF_THE_JWT: [&str; 14] = [
    "iss",
    "sub",
    "aud",
    "azp",
    "exp",
    "iat",
    "nbf",
    "jti",
    "nonce",
    "at_hash",
    "auth_time",
    "acr",
    "_claim_names",
    "_claim_sources",
];
/// More sources than a provider has.
pub(crate) const MAX_SOURCES: usize = 8;
