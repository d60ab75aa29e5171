//! Requests as the definition has them: their encoding, names, fixed parameters and header fields.

use std::collections::BTreeMap;

use axum::http::{HeaderName, Method};
use vouchsafe_providers::Encoding;

use super::client_auth::ClientParams;
use super::{Part, named};
use crate::wire::{Incoming, OAuthError, Params};

/// The parameters of a request, by their standard names.
pub(crate) struct Form<'a> {
    pub(crate) params: Params,
    names: Vec<&'a BTreeMap<String, String>>,
}

impl<'a> Form<'a> {
    /// The parameters with names of the provider's own; the first list that has a name counts.
    pub(crate) fn new(params: Params, names: &[&'a BTreeMap<String, String>]) -> Self {
        Self { params, names: names.to_vec() }
    }

    /// The form of a request, which must be encoded as the definition says.
    pub(crate) fn read(
        incoming: &Incoming,
        encoding: Encoding,
        names: &[&'a BTreeMap<String, String>],
    ) -> Result<Self, OAuthError> {
        let method = if encoding == Encoding::Query { Method::GET } else { Method::POST };
        Ok(Self::new(params(incoming, encoding, &method)?, names))
    }

    /// The name of a parameter at this provider, or `None` if it is left out.
    pub(crate) fn name<'n>(&'n self, standard: &'n str) -> Option<&'n str> {
        named(&self.names, standard)
    }

    pub(crate) fn expects(&self, standard: &str) -> bool {
        self.name(standard).is_some()
    }

    pub(crate) fn get(&self, standard: &str) -> Option<&str> {
        self.params.get(named(&self.names, standard)?)
    }

    pub(crate) fn required(&self, standard: &str) -> Result<&str, OAuthError> {
        let missing = || OAuthError::invalid_request(format!("parameter {standard} is missing"));
        self.get(standard).ok_or_else(missing)
    }

    pub(crate) fn client(&self) -> ClientParams<'_> {
        ClientParams {
            id: self.get("client_id"),
            secret: self.get("client_secret"),
            needs_id: self.expects("client_id"),
            needs_secret: self.expects("client_secret"),
        }
    }
}

/// The parameters of a request, which must come in this encoding and by this method.
pub(crate) fn params(incoming: &Incoming, encoding: Encoding, method: &Method) -> Result<Params, OAuthError> {
    let wrong = |how: &str| OAuthError::invalid_request(format!("the parameters must be sent {how}"));
    let params = match encoding {
        Encoding::Json => incoming.json().ok_or_else(|| wrong("as a JSON object")),
        Encoding::Query if incoming.body.is_empty() => Ok(incoming.query.clone()),
        Encoding::Query => Err(wrong("in the query, without a body")),
        _ => incoming
            .form()
            .ok_or_else(|| wrong("as a form, with the content type application/x-www-form-urlencoded")),
    }?;
    if incoming.method != *method {
        return Err(OAuthError::invalid_request(format!("the request must be sent by {method}")));
    }
    match params.duplicate() {
        Some(name) => Err(OAuthError::invalid_request(format!("parameter {name} occurs more than once"))),
        None => Ok(params),
    }
}

impl Part {
    /// The request must have these header fields; `{client_id}` stands for the client id.
    pub(crate) fn check_headers(
        &self,
        incoming: &Incoming,
        marks: &BTreeMap<String, String>,
        required: &BTreeMap<String, String>,
    ) -> Result<(), OAuthError> {
        for (name, value) in required {
            let expected = self.fill(value, marks);
            let given =
                HeaderName::from_bytes(name.as_bytes()).ok().and_then(|name| incoming.header(name.as_str()));
            if given.is_none() || expected.is_some_and(|expected| given != Some(expected.as_str())) {
                return Err(OAuthError::invalid_request(format!("header field {name} is missing or wrong")));
            }
        }
        Ok(())
    }

    /// The request must have these parameters.
    pub(crate) fn check_params<'p>(
        &self,
        given: &Params,
        marks: &BTreeMap<String, String>,
        required: impl IntoIterator<Item = (&'p String, &'p String)>,
    ) -> Result<(), OAuthError> {
        for (name, value) in required {
            let expected = self.fill(value, marks);
            let fits = value.is_empty()
                || given.get(name).is_some_and(|given| expected.is_none_or(|expected| given == expected));
            if !fits {
                return Err(OAuthError::invalid_request(format!("parameter {name} is missing or wrong")));
            }
        }
        Ok(())
    }

    /// The name of a grant type at this provider.
    pub(crate) fn grant_type<'a>(&'a self, standard: &'a str) -> &'a str {
        self.definition.token.grant_types.get(standard).map_or(standard, String::as_str)
    }

    /// The request must name this grant type, where the provider wants it named.
    pub(crate) fn check_grant_type(&self, form: &Form<'_>, standard: &str) -> Result<(), OAuthError> {
        let expected = self.grant_type(standard);
        if self.definition.token.params.contains_key("grant_type")
            || !form.expects("grant_type")
            || expected.is_empty()
            || form.required("grant_type")? == expected
        {
            return Ok(());
        }
        let description =
            format!("the grant type is not {expected}, nor another one that this provider knows");
        Err(OAuthError::new("unsupported_grant_type", description))
    }
}
