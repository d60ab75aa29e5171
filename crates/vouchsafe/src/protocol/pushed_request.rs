//! Pushed authorization requests (RFC 9126).
use std::collections::BTreeMap;

use vouchsafe_providers::Encoding;

use super::call::{Call, Outgoing};
use super::quirks::UNCHANGED;
use super::response::{Dialect, Incoming};
use crate::dpop::Proves;
use crate::error::{Error, Malformed, Operation};
use crate::text::json::Value;

/// A request that sends the parameters of an authorization request to the provider, in return for a reference.
pub(crate) struct PushedRequest<'a> {
    /// The parameters, without the client id.
    pub(crate) params: Vec<(&'a str, &'a str)>,
    pub(crate) client_id: &'a str,
    /// The provider's error codes, in the words of the RFCs.
    pub(crate) error_codes: &'a BTreeMap<String, String>,
    /// Whether the code is to be bound to the client's DPoP key (RFC 9449 section 10.1).
    pub(crate) binds: bool,
}

impl Call for PushedRequest<'_> {
    /// The reference (`request_uri`).
    type Output = String;

    fn operation(&self) -> Operation {
        Operation::PushedRequest
    }

    fn dialect(&self) -> Dialect<'_> {
        Dialect { error_codes: self.error_codes, ..Dialect::PLAIN }
    }

    fn proves(&self) -> Proves<'_> {
        if self.binds { Proves::Possession } else { Proves::Nothing }
    }

    fn write<'a>(&'a self, to: &mut Outgoing<'a>) -> Result<(), Error> {
        to.encode(Encoding::Form, [&UNCHANGED; 2]);
        for (name, value) in &self.params {
            match *name {
                "state" | "nonce" => to.add_secret(name, value),
                name => to.add(name, value),
            }
        }
        // Section 2.1: the client id is a parameter of every authorization request. HTTP Basic does not replace it.
        if !to.names_client() {
            to.add("client_id", self.client_id);
        }
        to.authenticate();
        Ok(())
    }

    /// Section 2.2. The status 201 is required; some servers send 200.
    fn read(&self, from: Incoming<'_>) -> Result<String, Error> {
        from.check()?;
        let response = from.object()?;
        if let Some(error) = from.error_in(&response) {
            return Err(error);
        }
        let wrong = |what: &str| Err(from.malformed(Malformed::InvalidField, what));
        let uri = match response.get("request_uri") {
            Some(Value::String(uri)) => uri,
            Some(_) => return wrong("has a request_uri that is not text: the provider has to correct it"),
            None => {
                return Err(from.malformed(
                    Malformed::MissingField,
                    "has no request_uri, which must name the pushed request (RFC 9126 section 2.2): the provider has to add it",
                ));
            }
        };
        // RFC 3986 §2: other characters are in no URI.
        if uri.is_empty() || uri.len() > MAX_URI || !uri.bytes().all(|b| b.is_ascii_graphic()) {
            return wrong("has a request_uri that is not a URI: the provider has to correct it");
        }
        // RFC 9101 §5.2.
        if !["urn:", "https:"]
            .iter()
            .any(|s| uri.get(..s.len()).is_some_and(|own| own.eq_ignore_ascii_case(s)))
        {
            return wrong(
                "has a request_uri that is neither a URN nor an https URI: the provider has to correct it",
            );
        }
        match response.get("expires_in") {
            // The time is short, and nobody but the browser needs it: a provider that leaves it out is tolerated.
            None => {}
            Some(Value::Number(seconds)) if seconds.as_f64().is_some_and(|seconds| seconds > 0.0) => {}
            Some(_) => {
                return wrong(
                    "has an expires_in that is not a positive number, so the pushed request cannot be used: the provider has \
                              to correct it",
                );
            }
        }
        Ok(uri.clone())
    }
}

/// The longest reference that fits into a URL which browsers and servers accept.
const MAX_URI: usize = 1024;
