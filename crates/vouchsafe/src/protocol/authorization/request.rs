//! The authorization request as a value (RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2.1).
use std::borrow::Cow;

use vouchsafe_providers::AuthorizationQuirks;

use crate::endpoint::Endpoint;
use crate::error::{ConfigProblem, Error, Feature, Operation};
use crate::protocol::quirks::{UNCHANGED, called};
use crate::text::form::{add, escape};
use crate::text::redact::printable;

/// An authorization request without the parameters of [`PerLogin`].
///
/// Its parameters are a list. Here they go into a URL; they could as well be pushed (RFC 9126) or signed (RFC 9101).
pub(crate) struct AuthorizationRequest<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) redirect_uri: &'a str,
    pub(crate) scopes: &'a [String],
    pub(crate) scope_separator: &'a str,
    /// Further parameters. They replace those of the same name in `quirks`.
    pub(crate) params: &'a [(Cow<'a, str>, Cow<'a, str>)],
    pub(crate) quirks: &'a AuthorizationQuirks,
}

impl<'a> AuthorizationRequest<'a> {
    /// The parameters in the order in which they are sent, under their names at this provider. A parameter that is left out
    /// has an empty name.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&'a str, Cow<'a, str>)> + use<'a> {
        let (quirks, params, scopes) = (self.quirks, self.params, self.scopes);
        let scope = match scopes {
            [one] => Cow::Borrowed(&**one),
            _ => Cow::Owned(scopes.join(self.scope_separator)),
        };
        let mut first = [
            ("response_type", Cow::Borrowed("code")),
            ("client_id", Cow::Borrowed(self.client_id)),
            ("redirect_uri", Cow::Borrowed(self.redirect_uri)),
            ("scope", scope),
        ];
        if !quirks.order.is_empty() {
            let place =
                |name: &str| quirks.order.iter().position(|known| known == name).unwrap_or(usize::MAX);
            first.sort_by_key(|(name, _)| place(name));
        }
        let first = first.into_iter().filter(|(name, _)| *name != "scope" || !scopes.is_empty());
        let fixed = quirks.params.iter().filter(|(name, _)| !params.iter().any(|(known, _)| known == *name));
        first
            .map(|(name, value)| (called([&quirks.names, &UNCHANGED], name), value))
            .chain(params.iter().map(|(name, value)| (&**name, Cow::Borrowed(&**value))))
            .chain(fixed.map(|(name, value)| (&**name, Cow::Borrowed(&**value))))
    }

    /// The URL up to the parameters of one login. Parameters in the endpoint's own query are kept (RFC 6749 section 3.1).
    pub(crate) fn prefix(&self, endpoint: &Endpoint) -> String {
        url(endpoint, self.parameters())
    }

    /// The part of the prefix that a client's requests with one redirect URI share. `None` if the provider wants another
    /// order of the parameters.
    pub(crate) fn shared_prefix(&self, endpoint: &Endpoint) -> Option<String> {
        self.quirks.order.is_empty().then(|| url(endpoint, self.parameters().take(SHARED)))
    }

    /// The prefix, with its shared part already written.
    pub(crate) fn complete(&self, mut shared: String) -> String {
        self.parameters().skip(SHARED).for_each(|(name, value)| add(&mut shared, name, &value));
        shared
    }
}

fn url<'a>(endpoint: &Endpoint, parameters: impl Iterator<Item = (&'a str, Cow<'a, str>)>) -> String {
    let mut url = String::with_capacity(512);
    url.push_str(endpoint.as_str());
    parameters.for_each(|(name, value)| add(&mut url, name, &value));
    // The first parameter begins the query, unless the endpoint has one.
    let end = endpoint.as_str().len();
    if !endpoint.as_str().contains('?') {
        url.replace_range(end..url.len().min(end + 1), "?");
    }
    url
}

/// The parameters that are different in each login.
pub(crate) struct PerLogin<'a> {
    pub(crate) state: Option<&'a str>,
    pub(crate) nonce: Option<&'a str>,
    /// The code challenge and its method (RFC 7636 section 4.3).
    pub(crate) challenge: Option<(&'a str, &'a str)>,
}

impl PerLogin<'_> {
    /// The URL to send the browser to.
    pub(crate) fn url(&self, prefix: String, quirks: &AuthorizationQuirks) -> String {
        let mut url = prefix;
        let (challenge, method) = self.challenge.unzip();
        let all = [
            ("state", self.state),
            ("nonce", self.nonce),
            ("code_challenge_method", method),
            ("code_challenge", challenge),
        ];
        for (name, value) in all {
            let Some(value) = value else { continue };
            if quirks.names.is_empty() {
                url.push('&');
                url.push_str(name);
                url.push('=');
                escape(&mut url, value);
            } else {
                add(&mut url, called([&quirks.names, &UNCHANGED], name), value);
            }
        }
        if let Some(fragment) = &quirks.fragment {
            url.push('#');
            url.push_str(fragment);
        }
        url
    }
}

/// Refuses an extra parameter that the protocol owns, or a value that the provider does not know.
pub(crate) fn check_extra(quirks: &AuthorizationQuirks, name: &str, value: &str) -> Result<(), Error> {
    if quirks.owns(name) {
        let detail = format!(
            "{} cannot be an extra parameter: the library sets it; if it has a method of its own, use that",
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
        "the parameter {name} is {}, but the provider accepts only: {}",
        printable(value, 60),
        option.values.join(", ")
    );
    Err(Error::config(ConfigProblem::InvalidOption, detail))
}

/// The error for demands on how and when the user authenticates that no ID token will confirm.
pub(crate) fn unchecked(operation: Operation) -> Error {
    let detail = "max_age and acr_values need an ID token, which this login does not get: request the scope openid from an \
                  OpenID Provider";
    Error::unsupported(operation, Feature::IdToken, detail)
}

/// The parameters before the scope: response type, client id and redirect URI.
const SHARED: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn request<'a>(
        params: &'a [(Cow<'a, str>, Cow<'a, str>)],
        scopes: &'a [String],
        quirks: &'a AuthorizationQuirks,
    ) -> AuthorizationRequest<'a> {
        let (client_id, redirect_uri) = ("my id", "https://app.example/cb?x=1");
        AuthorizationRequest { client_id, redirect_uri, scopes, scope_separator: " ", params, quirks }
    }

    #[test]
    fn parameters_of_the_endpoint_are_kept() {
        let endpoint = Endpoint::parse("https://a.example/authorize?tenant=7").unwrap();
        assert_eq!(
            request(&[], &[], &AuthorizationQuirks::default()).prefix(&endpoint),
            "https://a.example/authorize?tenant=7&response_type=code&client_id=my+id\
             &redirect_uri=https%3A%2F%2Fapp.example%2Fcb%3Fx%3D1"
        );
    }

    #[test]
    fn every_parameter_is_escaped() {
        let endpoint = Endpoint::parse("https://a.example/authorize").unwrap();
        let params = [(Cow::Borrowed("a b"), Cow::Borrowed("c&d=é#"))];
        let scopes = ["one".to_owned(), "two&x=y".to_owned()];
        let quirks = &AuthorizationQuirks::default();
        let request = request(&params, &scopes, quirks);
        let prefix = request.prefix(&endpoint);
        assert!(prefix.ends_with("&scope=one+two%26x%3Dy&a+b=c%26d%3D%C3%A9%23"), "{prefix}");
        assert_eq!(request.complete(request.shared_prefix(&endpoint).unwrap()), prefix);

        let login = PerLogin { state: Some("s&t"), nonce: Some("n"), challenge: Some(("c", "plain")) };
        assert_eq!(
            login.url("x?y".to_owned(), quirks),
            "x?y&state=s%26t&nonce=n&code_challenge_method=plain&code_challenge=c"
        );
    }

    #[test]
    fn a_parameter_of_the_login_replaces_the_provider_s_own() {
        let mut quirks = AuthorizationQuirks::default();
        for (name, value) in [("prompt", "consent"), ("audience", "api")] {
            quirks.params.insert(name.to_owned(), value.to_owned());
        }
        let params = [(Cow::Borrowed("prompt"), Cow::Borrowed("login"))];
        let names: Vec<_> = request(&params, &[], &quirks).parameters().skip(SHARED).collect();
        assert_eq!(names, [("prompt", "login".into()), ("audience", "api".into())]);
    }

    #[test]
    fn another_order_has_no_shared_beginning() {
        let mut quirks = AuthorizationQuirks::default();
        quirks.order = vec!["scope".to_owned(), "client_id".to_owned()];
        let endpoint = Endpoint::parse("https://a.example/authorize").unwrap();
        let scopes = ["one".to_owned()];
        let request = request(&[], &scopes, &quirks);
        assert_eq!(request.shared_prefix(&endpoint), None);
        let prefix = request.prefix(&endpoint);
        assert!(prefix.starts_with("https://a.example/authorize?scope=one&client_id=my+id&"), "{prefix}");
    }

    #[test]
    fn where_nothing_comes_first_the_query_begins_all_the_same() {
        let mut quirks = AuthorizationQuirks::default();
        for name in ["response_type", "client_id", "redirect_uri"] {
            quirks.names.insert(name.to_owned(), String::new());
        }
        let endpoint = Endpoint::parse("https://a.example/authorize").unwrap();
        assert_eq!(request(&[], &[], &quirks).prefix(&endpoint), "https://a.example/authorize?");
    }
}
