//! The authorization request and its response (RFC 6749 section 4.1, RFC 9207, OpenID Connect Core section 3.1.2).
use std::borrow::Cow;
use std::collections::BTreeMap;

use vouchsafe_providers::AuthorizationQuirks;

use crate::endpoint::Endpoint;
use crate::error::{ConfigProblem, Error, Feature, Operation};
use crate::protocol::quirks::{UNCHANGED, called};
use crate::text::form::{add, escape};
use crate::text::redact::printable;

/// What is asked for, and does not change from login to login.
pub(crate) struct AuthorizationRequest<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) redirect_uri: &'a str,
    pub(crate) scopes: &'a [String],
    pub(crate) scope_separator: &'a str,
    /// All other parameters, but for those of one login.
    pub(crate) params: &'a [(Cow<'a, str>, Cow<'a, str>)],
    /// What parameters are called here, if not as in the RFCs.
    pub(crate) names: &'a BTreeMap<String, String>,
    /// In which order the first four stand, where that matters.
    pub(crate) order: &'a [String],
}

impl AuthorizationRequest<'_> {
    /// The beginning of the URL. Parameters in the endpoint's own query are kept (RFC 6749 section 3.1).
    pub(crate) fn begin(&self, endpoint: &Endpoint) -> String {
        let mut url = String::with_capacity(256);
        url.push_str(endpoint.as_str());
        let own = |name: &'static str| called([self.names, &UNCHANGED], name);
        let scope = self.scopes.join(self.scope_separator);
        let mut first = [
            ("response_type", "code"),
            ("client_id", self.client_id),
            ("redirect_uri", self.redirect_uri),
            ("scope", &scope),
        ];
        let place = |name: &str| self.order.iter().position(|known| known == name).unwrap_or(usize::MAX);
        first.sort_by_key(|(name, _)| place(name));
        for (name, value) in first {
            if name != "scope" || !self.scopes.is_empty() {
                add(&mut url, own(name), value);
            }
        }
        for (name, value) in self.params {
            add(&mut url, name, value);
        }
        // What comes first begins the query, unless the endpoint has one.
        let end = endpoint.as_str().len();
        if !endpoint.as_str().contains('?') {
            url.replace_range(end..url.len().min(end + 1), "?");
        }
        url
    }
}

/// What is another at each login: text that needs no escape, as what the library makes, or that [`escaped`] has made so.
pub(crate) struct OneLogin<'a> {
    pub(crate) state: Option<&'a str>,
    pub(crate) nonce: Option<&'a str>,
    /// The code challenge and its method (RFC 7636 section 4.3).
    pub(crate) challenge: Option<(&'a str, &'a str)>,
    pub(crate) quirks: &'a AuthorizationQuirks,
}

impl OneLogin<'_> {
    /// The URL to send the browser to.
    pub(crate) fn url(&self, begun: &str) -> String {
        let mut url = String::with_capacity(begun.len() + 256);
        url.push_str(begun);
        let mut add = |name: &'static str, value: Option<&str>| {
            let names = &self.quirks.names;
            let own = if names.is_empty() { name } else { called([names, &UNCHANGED], name) };
            let Some(value) = value.filter(|_| !own.is_empty()) else { return };
            url.push('&');
            if names.is_empty() {
                url.push_str(own);
            } else {
                escape(&mut url, own);
            }
            url.push('=');
            url.push_str(value);
        };
        add("state", self.state);
        add("nonce", self.nonce);
        add("code_challenge_method", self.challenge.map(|(_, method)| method));
        add("code_challenge", self.challenge.map(|(challenge, _)| challenge));
        if let Some(fragment) = &self.quirks.fragment {
            url.push('#');
            url.push_str(fragment);
        }
        url
    }
}

/// Refuses an extra parameter that the protocol owns, or that has a value which the provider does not know.
pub(crate) fn check_extra(quirks: &AuthorizationQuirks, name: &str, value: &str) -> Result<(), Error> {
    if quirks.owns(name) {
        let detail = format!(
            "{} is set by the library: it has a method of its own, or must not be chosen",
            printable(name, 60)
        );
        return Err(Error::config(ConfigProblem::ReservedParam, detail));
    }
    let Some(option) = quirks.options.get(name).filter(|option| !option.values.is_empty()) else {
        return Ok(());
    };
    // Several values go into one parameter, separated by spaces (OpenID Connect Core §3.1.2.1) or by commas.
    let known = |value: &str| option.values.iter().any(|known| known == value);
    if known(value) || value.split([' ', ',']).all(known) {
        return Ok(());
    }
    let detail = format!(
        "the parameter {name} cannot be {}; the provider knows: {}",
        printable(value, 60),
        option.values.join(", ")
    );
    Err(Error::config(ConfigProblem::InvalidOption, detail))
}

/// The error for demands on how and when the user authenticates where no ID token will tell.
pub(crate) fn unchecked(operation: Operation) -> Error {
    let detail = "max_age and acr_values are checked by the ID token, and none comes here: ask for the scope openid, at an \
                  OpenID Provider";
    Error::unsupported(operation, Feature::IdToken, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::form::escaped;

    fn request<'a>(
        params: &'a [(Cow<'a, str>, Cow<'a, str>)],
        scopes: &'a [String],
    ) -> AuthorizationRequest<'a> {
        let (client_id, redirect_uri) = ("my id", "https://app.example/cb?x=1");
        AuthorizationRequest {
            client_id,
            redirect_uri,
            scopes,
            scope_separator: " ",
            params,
            names: &UNCHANGED,
            order: &[],
        }
    }

    #[test]
    fn parameters_of_the_endpoint_are_kept() {
        let endpoint = Endpoint::parse("https://a.example/authorize?tenant=7").unwrap();
        assert_eq!(
            request(&[], &[]).begin(&endpoint),
            "https://a.example/authorize?tenant=7&response_type=code&client_id=my+id\
             &redirect_uri=https%3A%2F%2Fapp.example%2Fcb%3Fx%3D1"
        );
    }

    #[test]
    fn every_parameter_is_escaped() {
        let endpoint = Endpoint::parse("https://a.example/authorize").unwrap();
        let params = [(Cow::Borrowed("a b"), Cow::Borrowed("c&d=é#"))];
        let scopes = ["one".to_owned(), "two&x=y".to_owned()];
        let begun = request(&params, &scopes).begin(&endpoint);
        assert!(begun.ends_with("&scope=one+two%26x%3Dy&a+b=c%26d%3D%C3%A9%23"), "{begun}");

        let quirks = &AuthorizationQuirks::default();
        let state = escaped("s&t");
        let one = OneLogin { state: Some(&state), nonce: Some("n"), challenge: Some(("c", "plain")), quirks };
        assert_eq!(one.url("x?y"), "x?y&state=s%26t&nonce=n&code_challenge_method=plain&code_challenge=c");
    }

    #[test]
    fn where_nothing_comes_first_the_query_begins_all_the_same() {
        let names =
            ["response_type", "client_id", "redirect_uri"].map(|name| (name.to_owned(), String::new()));
        let names = BTreeMap::from(names);
        let endpoint = Endpoint::parse("https://a.example/authorize").unwrap();
        let begun = AuthorizationRequest { names: &names, ..request(&[], &[]) }.begin(&endpoint);
        assert_eq!(begun, "https://a.example/authorize?");
    }
}
