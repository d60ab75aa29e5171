//! Requests as the definition has them: their encoding, names, fixed parameters and header fields.

use std::collections::BTreeMap;

use axum::http::Method;
use vouchsafe_providers::Encoding;

use super::Call;
use crate::wire::{Incoming, OAuthError, Params, ensure, error, invalid_request};

/// The parameters of a request, by their standard names.
pub(super) struct Form<'a> {
    pub(super) params: Params,
    names: Vec<&'a BTreeMap<String, String>>,
}

impl<'a> Form<'a> {
    /// The parameters with names of the provider's own; the first list that has a name counts.
    pub(super) fn new(params: Params, names: &[&'a BTreeMap<String, String>]) -> Self {
        Self { params, names: names.to_vec() }
    }

    /// The form of a request, which must be encoded as the definition says.
    pub(super) fn read(
        incoming: &Incoming,
        encoding: Encoding,
        names: &[&'a BTreeMap<String, String>],
    ) -> Result<Self, OAuthError> {
        let method = if encoding == Encoding::Query { Method::GET } else { Method::POST };
        Ok(Self::new(params(incoming, encoding, &method)?, names))
    }

    /// The name of a parameter at this provider, or `None` if it is left out.
    pub(super) fn name<'n>(&'n self, standard: &'n str) -> Option<&'n str> {
        let name = self.names.iter().find_map(|names| names.get(standard)).map_or(standard, String::as_str);
        (!name.is_empty()).then_some(name)
    }

    pub(super) fn expects(&self, standard: &str) -> bool {
        self.name(standard).is_some()
    }

    pub(super) fn get(&self, standard: &str) -> Option<&str> {
        self.params.get(self.name(standard)?)
    }

    pub(super) fn required(&self, standard: &str) -> Result<&str, OAuthError> {
        let missing = || invalid_request(format!("parameter {standard} is missing"));
        self.get(standard).ok_or_else(missing)
    }

    /// Whether the provider has the client id and the client secret among its parameters.
    pub(super) fn expects_client(&self) -> (bool, bool) {
        (self.expects("client_id"), self.expects("client_secret"))
    }
}

/// The parameters of a request, which must come in this encoding and by this method.
pub(super) fn params(incoming: &Incoming, encoding: Encoding, method: &Method) -> Result<Params, OAuthError> {
    let (params, how) = match encoding {
        Encoding::Json => (incoming.json(), "as a JSON object"),
        Encoding::Query => {
            (incoming.body.is_empty().then(|| incoming.query.clone()), "in the query, without a body")
        }
        _ => (incoming.form(), "as a form, with the content type application/x-www-form-urlencoded"),
    };
    let params = params.ok_or_else(|| invalid_request(format!("the parameters must be sent {how}")))?;
    ensure(incoming.method == *method, invalid_request(format!("the request must be sent by {method}")))?;
    params.check_duplicates()?;
    Ok(params)
}

impl Call<'_> {
    /// The request must have these header fields.
    pub(super) fn check_headers(&self, required: &BTreeMap<String, String>) -> Result<(), OAuthError> {
        for (name, value) in required {
            let fits = self.fits(value, self.incoming.header(name));
            ensure(fits, invalid_request(format!("header field {name} is missing or wrong")))?;
        }
        Ok(())
    }

    /// The request must have these parameters.
    pub(super) fn check_params<'p>(
        &self,
        given: &Params,
        required: impl IntoIterator<Item = (&'p String, &'p String)>,
    ) -> Result<(), OAuthError> {
        for (name, value) in required {
            let fits = value.is_empty() || self.fits(value, given.get(name));
            ensure(fits, invalid_request(format!("parameter {name} is missing or wrong")))?;
        }
        Ok(())
    }

    /// Whether the request has this value, or any where a mark of it is unknown.
    fn fits(&self, value: &str, given: Option<&str>) -> bool {
        let expected = self.part.fill(value, &self.marks);
        given.is_some_and(|given| expected.is_none_or(|expected| given == expected))
    }

    /// The name of a grant type at this provider.
    pub(super) fn grant_type<'a>(&'a self, standard: &'a str) -> &'a str {
        self.part.definition.token.grant_types.get(standard).map_or(standard, String::as_str)
    }

    /// The request must name this grant type, where the provider wants it named.
    pub(super) fn check_grant_type(&self, form: &Form<'_>, standard: &str) -> Result<(), OAuthError> {
        let expected = self.grant_type(standard);
        let is_fixed = self.part.definition.token.params.contains_key("grant_type");
        if is_fixed || !form.expects("grant_type") || expected.is_empty() {
            return Ok(());
        }
        let other = format!("the grant type must be {expected}, or another one that this provider knows");
        ensure(form.required("grant_type")? == expected, error("unsupported_grant_type", other))
    }
}
