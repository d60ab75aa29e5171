//! The authorization request as a value (RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2.1).
use std::borrow::Cow;
use std::sync::Arc;

use vouchsafe_providers::{AuthorizationQuirks, Definition};

use crate::endpoint::Endpoint;
use crate::error::{ConfigProblem, Error, Feature, Operation};
use crate::protocol::quirks::{UNCHANGED, called};
use crate::protocol::token::request::check_resource;
use crate::provenance::Provenance;
use crate::text::form::{add, escape};
use crate::text::json::{self, Value};
use crate::text::redact::printable;

/// The client, redirect URI and scopes of a login.
#[derive(Debug)]
pub(crate) struct LoginRequest {
    pub(crate) provenance: Arc<Provenance>,
    pub(crate) redirect_uri: Arc<str>,
    /// Empty for the usual scopes of the client.
    pub(crate) scopes: Vec<String>,
    pub(crate) wants_id_token: bool,
    pub(crate) response_mode: Option<String>,
}

/// An authorization request without the parameters of [`PerLogin`].
///
/// Its parameters are a list. Here they go into a URL; they could as well be pushed (RFC 9126) or signed (RFC 9101).
pub(crate) struct AuthorizationRequest<'a> {
    pub(crate) login: &'a LoginRequest,
    /// The scopes of the login, or the usual ones.
    pub(crate) scopes: &'a [String],
    /// Further parameters. They replace those of the same name in the definition.
    pub(crate) params: &'a [(Cow<'a, str>, Cow<'a, str>)],
    pub(crate) definition: &'a Definition,
}

impl<'a> AuthorizationRequest<'a> {
    /// The parameters in the order in which they are sent, under their names at this provider. A parameter that is left out
    /// has an empty name.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&'a str, Cow<'a, str>)> + use<'a> {
        self.standard().chain(self.further().map(|(name, value)| (name, Cow::Borrowed(value))))
    }

    fn standard(&self) -> impl Iterator<Item = (&'a str, Cow<'a, str>)> + use<'a> {
        let Self { login, scopes, definition, .. } = *self;
        let quirks = &definition.authorization;
        let mut first = [
            ("response_type", Cow::Borrowed("code")),
            ("client_id", Cow::Borrowed(&*login.provenance.client_id)),
            ("redirect_uri", Cow::Borrowed(&*login.redirect_uri)),
            ("scope", self.scope()),
        ];
        if !quirks.order.is_empty() {
            let place =
                |name: &str| quirks.order.iter().position(|known| known == name).unwrap_or(usize::MAX);
            first.sort_by_key(|(name, _)| place(name));
        }
        let first = first.into_iter().filter(|(name, _)| *name != "scope" || !scopes.is_empty());
        first.map(|(name, value)| (called([&quirks.names, &UNCHANGED], name), value))
    }

    fn scope(&self) -> Cow<'a, str> {
        match self.scopes {
            [one] => Cow::Borrowed(&**one),
            scopes => Cow::Owned(scopes.join(&self.definition.scope_separator)),
        }
    }

    fn further(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let Self { params, definition, .. } = *self;
        let fixed = &definition.authorization.params;
        let fixed = fixed.iter().filter(|(name, _)| !params.iter().any(|(known, _)| known == *name));
        let own = params.iter().map(|(name, value)| (&**name, &**value));
        own.chain(fixed.map(|(name, value)| (&**name, &**value)))
    }

    /// The URL up to the parameters of one login. Parameters in the endpoint's own query are kept (RFC 6749 section 3.1).
    pub(crate) fn prefix(&self, endpoint: &Endpoint) -> String {
        url(endpoint, self.parameters())
    }

    /// The part of the prefix that a client's requests with one redirect URI share, or those with the same scopes as well.
    /// `None` if the provider wants another order of the parameters.
    pub(crate) fn shared_prefix(&self, endpoint: &Endpoint, with_scopes: bool) -> Option<String> {
        let has_order = !self.definition.authorization.order.is_empty();
        (!has_order).then(|| url(endpoint, self.parameters().take(self.shared(with_scopes))))
    }

    /// The prefix, with its shared part already written.
    pub(crate) fn complete(&self, mut shared: String, with_scopes: bool) -> String {
        if !with_scopes && !self.scopes.is_empty() {
            let names = &self.definition.authorization.names;
            add(&mut shared, called([names, &UNCHANGED], "scope"), &self.scope());
        }
        self.further().for_each(|(name, value)| add(&mut shared, name, value));
        shared
    }

    fn shared(&self, with_scopes: bool) -> usize {
        SHARED + usize::from(with_scopes && !self.scopes.is_empty())
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
    /// The values are the library's own, which no URL has to escape.
    pub(crate) are_plain: bool,
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
                if self.are_plain {
                    url.push_str(value);
                } else {
                    escape(&mut url, value);
                }
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

/// Refuses an extra parameter that the library sets, or a value that the provider does not know.
pub(crate) fn check_extra(quirks: &AuthorizationQuirks, name: &str, value: &str) -> Result<(), Error> {
    if quirks.owns(name) {
        let detail = format!(
            "the parameter {} cannot be an extra parameter: the library sets it; if it has a method of its own, use that",
            printable(name, 60)
        );
        return Err(Error::config(ConfigProblem::ReservedParam, detail));
    }
    if name == "response_mode" && !READABLE.contains(&value) {
        let detail = format!(
            "the parameter response_mode is {}, but must be {}: the browser sends no fragment to the application; for signed \
             responses, set ClientBuilder::signed_responses",
            printable(value, 60),
            READABLE.join(" or ")
        );
        return Err(Error::config(ConfigProblem::InvalidOption, detail));
    }
    if name == "resource" {
        check_resource(value)?;
    }
    if name == "authorization_details" && !are_details(value) {
        let detail = "the authorization details must be a JSON array of objects, each with a type that is text (RFC 9396 section 2)";
        return Err(Error::config(ConfigProblem::InvalidOption, detail));
    }
    if name == "claims" && !json::parse(value.as_bytes()).is_ok_and(|claims| claims.is_object()) {
        let detail = "the claims must be a JSON object with the members id_token and userinfo (OpenID Connect Core section 5.5)";
        return Err(Error::config(ConfigProblem::InvalidOption, detail));
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

/// RFC 9396 §2.
fn are_details(text: &str) -> bool {
    let details = json::parse(text.as_bytes()).ok();
    let are =
        |details: &Vec<Value>| details.iter().all(|detail| detail.get("type").is_some_and(Value::is_string));
    details.as_ref().and_then(Value::as_array).is_some_and(are)
}

/// The error for `max_age` and `acr_values` in a login without an ID token, which could not be checked.
pub(crate) fn unchecked(operation: Operation) -> Error {
    let detail = "max_age and acr_values need an ID token, which this login does not get: request the scope openid from an \
                  OpenID Provider";
    Error::unsupported(operation, Feature::IdToken, detail)
}

/// The response modes that can be read (OAuth 2.0 Multiple Response Types section 2.1, OAuth 2.0 Form Post Response Mode).
const READABLE: [&str; 2] = ["query", "form_post"];
/// The parameters before the scope: response type, client id and redirect URI.
const SHARED: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn login(scopes: &[&str]) -> LoginRequest {
        let (provider, issuer) = ("x".to_owned(), "https://a.example".to_owned());
        LoginRequest {
            provenance: Arc::new(Provenance { provider, issuer, client_id: "my id".to_owned() }),
            redirect_uri: "https://app.example/cb?x=1".into(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            wants_id_token: false,
            response_mode: None,
        }
    }

    fn request<'a>(
        login: &'a LoginRequest,
        params: &'a [(Cow<'a, str>, Cow<'a, str>)],
        definition: &'a Definition,
    ) -> AuthorizationRequest<'a> {
        AuthorizationRequest { login, scopes: &login.scopes, params, definition }
    }

    fn definition(quirks: AuthorizationQuirks) -> Definition {
        let mut definition = Definition::empty("x");
        definition.authorization = quirks;
        definition
    }

    #[test]
    fn parameters_of_the_endpoint_are_kept() {
        let endpoint = Endpoint::parse("https://a.example/authorize?tenant=7").unwrap();
        let (login, definition) = (login(&[]), definition(AuthorizationQuirks::default()));
        assert_eq!(
            request(&login, &[], &definition).prefix(&endpoint),
            "https://a.example/authorize?tenant=7&response_type=code&client_id=my+id\
             &redirect_uri=https%3A%2F%2Fapp.example%2Fcb%3Fx%3D1"
        );
    }

    #[test]
    fn every_parameter_is_escaped() {
        let endpoint = Endpoint::parse("https://a.example/authorize").unwrap();
        let params = [(Cow::Borrowed("a b"), Cow::Borrowed("c&d=é#"))];
        let quirks = &AuthorizationQuirks::default();
        let (login, definition) = (login(&["one", "two&x=y"]), definition(quirks.clone()));
        let request = request(&login, &params, &definition);
        let prefix = request.prefix(&endpoint);
        assert!(prefix.ends_with("&scope=one+two%26x%3Dy&a+b=c%26d%3D%C3%A9%23"), "{prefix}");
        for with_scopes in [false, true] {
            let shared = request.shared_prefix(&endpoint, with_scopes).unwrap();
            assert_eq!(shared.contains("scope"), with_scopes);
            assert_eq!(request.complete(shared, with_scopes), prefix);
        }

        let login = PerLogin {
            state: Some("s&t"),
            nonce: Some("n"),
            challenge: Some(("c", "plain")),
            are_plain: false,
        };
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
        let (login, definition) = (login(&[]), definition(quirks));
        let request = request(&login, &params, &definition);
        let names: Vec<_> = request.parameters().skip(SHARED).collect();
        assert_eq!(names, [("prompt", "login".into()), ("audience", "api".into())]);
    }

    #[test]
    fn another_order_has_no_shared_beginning() {
        let mut quirks = AuthorizationQuirks::default();
        quirks.order = vec!["scope".to_owned(), "client_id".to_owned()];
        let endpoint = Endpoint::parse("https://a.example/authorize").unwrap();
        let (login, definition) = (login(&["one"]), definition(quirks));
        let request = request(&login, &[], &definition);
        assert_eq!(request.shared_prefix(&endpoint, true), None);
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
        let (login, definition) = (login(&[]), definition(quirks));
        let request = request(&login, &[], &definition);
        assert_eq!(request.prefix(&endpoint), "https://a.example/authorize?");
    }
}
