//! Token introspection (RFC 7662), with signed responses (RFC 9701).
use std::collections::BTreeMap;

use http::header::{ACCEPT, HeaderMap, HeaderValue};
use serde_json::Value;
use vouchsafe_providers::Encoding;

use super::call::{Call, Outgoing};
use super::quirks::UNCHANGED;
use super::response::{Dialect, Incoming, essence};
use crate::error::{Error, Malformed, Operation};
use crate::secret::Secret;
use crate::text::json;

/// A question about an access token.
pub(crate) struct IntrospectionRequest<'a> {
    pub(crate) token: &'a Secret,
    /// The provider's error codes, in the words of the RFCs.
    pub(crate) error_codes: &'a BTreeMap<String, String>,
    /// Whether the response has to be signed.
    pub(crate) is_signed: bool,
}

/// A response, before anything in it counts.
pub(crate) enum Introspected {
    Facts(Value),
    /// A signed response, to be verified.
    Jwt(String),
}

/// RFC 7662 §2.2: `active` is the one member that must be there.
pub(crate) fn check(facts: Value) -> Result<Value, Error> {
    let malformed = |kind, detail: &'static str| Err(Error::response(Operation::Introspection, kind, detail));
    match facts.get("active") {
        Some(Value::Bool(_)) => Ok(facts),
        Some(_) => malformed(
            Malformed::InvalidField,
            "the response has a member active that is not true or false: the provider has to correct it",
        ),
        None => malformed(
            Malformed::MissingField,
            "the response has no member active, which is required: check that this is the URL of the introspection endpoint",
        ),
    }
}

impl Call for IntrospectionRequest<'_> {
    type Output = Introspected;

    fn operation(&self) -> Operation {
        Operation::Introspection
    }

    fn dialect(&self) -> Dialect<'_> {
        Dialect { error_codes: self.error_codes, ..Dialect::PLAIN }
    }

    fn write<'a>(&'a self, to: &mut Outgoing<'a>) -> Result<(), Error> {
        to.encode(Encoding::Form, [&UNCHANGED; 2]);
        to.push_secret("token", self.token.expose());
        to.push("token_type_hint", "access_token");
        if self.is_signed {
            // RFC 9701 §4.
            to.headers(&HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(JWT))]));
        }
        to.authenticate();
        Ok(())
    }

    fn read(&self, from: Incoming<'_>) -> Result<Introspected, Error> {
        let is_jwt = essence(&from.response).is_some_and(|e| e.eq_ignore_ascii_case(JWT));
        if let (true, true, Ok(jwt)) =
            (is_jwt, from.response.status().is_success(), std::str::from_utf8(from.response.body()))
        {
            return Ok(Introspected::Jwt(jwt.trim().to_owned()));
        }
        from.check()?;
        // Somebody has removed the signature, or the registration at the provider lacks it.
        if self.is_signed {
            return Err(from.malformed(
                Malformed::ContentType,
                "must be signed (application/token-introspection+jwt, Registration::signed_introspection), and is not: register \
                 introspection_signed_response_alg at the provider, and check what lies between this machine and the provider",
            ));
        }
        let facts = json::parse(from.response.body()).map_err(|e| from.not_json(&e))?;
        check(facts).map(Introspected::Facts)
    }
}

/// RFC 9701 §5.
const JWT: &str = "application/token-introspection+jwt";
