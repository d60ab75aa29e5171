//! The token request: a grant, the client's authentication, and the parameters that the provider adds.
use http::HeaderMap;
use url::Url;
use vouchsafe_providers::{Encoding, RefreshQuirks, TokenQuirks};

use super::response::{self, TokenResponse};
use crate::dpop::Proves;
use crate::endpoint::foreign;
use crate::error::{ConfigProblem, Error, Operation};
use crate::protocol::call::{Call, Outgoing};
use crate::protocol::quirks::UNCHANGED;
use crate::protocol::response::{Dialect, Incoming};
use crate::text::redact::printable;

/// A grant that tokens are requested with. Each has a file with its constructor.
pub(crate) struct Grant<'a> {
    pub(crate) operation: Operation,
    /// The value of `grant_type`.
    pub(crate) grant_type: &'a str,
    /// The code or the token that is spent, by the name of its parameter.
    pub(crate) spent: (&'a str, &'a str),
    /// The token of the party that acts for another, in a token exchange.
    pub(crate) actor: Option<&'a str>,
    /// The other parameters, if they are set.
    pub(crate) params: [(&'static str, Option<&'a str>); 3],
    /// Parameters of the authorization response that the provider requires in the token request.
    pub(crate) forwarded: &'a [(String, String)],
    /// How the parameters are sent, if not as in the other token requests of the provider.
    pub(crate) encoding: Option<Encoding>,
    /// How a refresh differs from the other token requests of the provider.
    pub(crate) refreshing: Option<&'a RefreshQuirks>,
}

impl<'a> Grant<'a> {
    pub(super) fn new(operation: Operation, grant_type: &'a str, spent: (&'a str, &'a str)) -> Self {
        let params = [("", None); 3];
        Self {
            operation,
            grant_type,
            spent,
            actor: None,
            params,
            forwarded: &[],
            encoding: None,
            refreshing: None,
        }
    }
}

/// Refuses parameters of the application that the library sets itself, these among them, and a resource that is none.
pub(crate) fn check_params(params: &[(String, String)], own: &[&str]) -> Result<(), Error> {
    const OWN: [&str; 6] =
        ["grant_type", "scope", "client_id", "client_secret", "client_assertion", "client_assertion_type"];
    for (name, value) in params {
        if OWN.contains(&name.as_str()) || own.contains(&name.as_str()) {
            let detail = format!("the parameter {name} of the request is set by the library: leave it out");
            return Err(Error::config(ConfigProblem::ReservedParam, detail));
        }
        if name == "resource" {
            check_resource(value)?;
        }
    }
    Ok(())
}

/// RFC 8707 §2, RFC 8693 §2.1: the URI of a resource is absolute, and has no fragment.
pub(crate) fn check_resource(uri: &str) -> Result<(), Error> {
    if Url::parse(uri).is_ok_and(|url| url.fragment().is_none()) && foreign(uri).is_none() {
        return Ok(());
    }
    let detail = format!(
        "the resource {} must be a complete URI without a fragment (#), such as https://api.example.com",
        printable(uri, 120)
    );
    Err(Error::config(ConfigProblem::Resource, detail))
}

/// A token request (RFC 6749 sections 4.1.3 and 6).
pub(crate) struct TokenRequest<'a> {
    pub(crate) quirks: &'a TokenQuirks,
    /// The headers that the definition requires.
    pub(crate) headers: &'a HeaderMap,
    pub(crate) grant: Grant<'a>,
}

impl Call for TokenRequest<'_> {
    type Output = TokenResponse;

    fn operation(&self) -> Operation {
        self.grant.operation
    }

    fn dialect(&self) -> Dialect<'_> {
        let spent = self.grant.refreshing.map(|own| &own.spent).filter(|spent| !spent.is_empty());
        Dialect { spent, ..Dialect::of_tokens(self.quirks) }
    }

    fn proves(&self) -> Proves<'_> {
        Proves::Possession
    }

    fn write<'a>(&'a self, to: &mut Outgoing<'a>) -> Result<(), Error> {
        let Grant { grant_type, spent: (name, spent), refreshing, .. } = self.grant;
        let encoding = self.grant.encoding.unwrap_or(self.quirks.encoding);
        to.encode(encoding, [refreshing.map_or(&UNCHANGED, |own| &own.names), &self.quirks.names]);
        to.headers(self.headers);
        to.push("grant_type", self.quirks.grant_types.get(grant_type).map_or(grant_type, String::as_str));
        match self.grant.operation {
            // The definition gives the name as it is sent.
            Operation::LongLivedToken => to.add_secret(name, spent),
            Operation::ClientCredentials => {}
            _ => to.push_secret(name, spent),
        }
        if let Some(actor) = self.grant.actor {
            to.push_secret("actor_token", actor);
        }
        for (name, value) in self.grant.params {
            match (name, value) {
                ("code_verifier", Some(verifier)) => to.push_secret(name, verifier),
                (_, Some(value)) => to.push(name, value),
                (_, None) => {}
            }
        }
        for (name, value) in self.grant.forwarded {
            to.add(name, value);
        }
        to.authenticate();
        to.add_all(&self.quirks.params);
        if let Some(own) = refreshing {
            to.add_all(&own.params);
        }
        Ok(())
    }

    fn read(&self, from: Incoming<'_>) -> Result<TokenResponse, Error> {
        response::read(from, self.quirks)
    }
}
