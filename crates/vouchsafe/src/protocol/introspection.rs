//! Token introspection (RFC 7662).
use std::collections::BTreeMap;

use serde_json::Value;
use vouchsafe_providers::Encoding;

use super::call::{Call, Outgoing};
use super::quirks::UNCHANGED;
use super::response::{Dialect, Incoming};
use crate::error::{Error, Malformed, Operation};
use crate::secret::Secret;
use crate::text::json;

/// A question about an access token.
pub(crate) struct IntrospectionRequest<'a> {
    pub(crate) token: &'a Secret,
    /// The provider's error codes, in the words of the RFCs.
    pub(crate) error_codes: &'a BTreeMap<String, String>,
}

impl Call for IntrospectionRequest<'_> {
    type Output = Value;

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
        to.authenticate();
        Ok(())
    }

    fn read(&self, from: Incoming<'_>) -> Result<Value, Error> {
        from.check()?;
        let facts = json::parse(from.response.body()).map_err(|e| from.not_json(&e))?;
        // RFC 7662 §2.2: `active` is the one member that must be there.
        match facts.get("active") {
            Some(Value::Bool(_)) => Ok(facts),
            Some(_) => {
                Err(from.malformed(Malformed::InvalidField, "has a member active that is not true or false"))
            }
            None => Err(from.malformed(Malformed::MissingField, "has no member active")),
        }
    }
}
