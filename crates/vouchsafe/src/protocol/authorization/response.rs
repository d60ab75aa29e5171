//! The authorization response and its checks (RFC 6749 section 4.1.2, RFC 9207, OAuth 2.0 Form Post Response Mode).
use std::borrow::Cow;
use std::collections::BTreeMap;

use url::Url;
use url::form_urlencoded;
use vouchsafe_providers::CallbackQuirks;

use crate::endpoint::path;
use crate::error::{Check, ConfigProblem, Error, Malformed, Operation};
use crate::protocol::hex;
use crate::protocol::metadata::KnownIssuer;
use crate::protocol::response::{Said, server_error};
use crate::provenance::Provenance;
use crate::secret::{Noted, Secret, opaque, same};
use crate::text::form;
use crate::text::json::{self, Value};
use crate::text::legible::legible;
use crate::text::redact;

/// An authorization response: the URL that the browser came to, and the form if the browser posted one.
///
/// [`Client::finish`](crate::Client::finish) accepts a response only at the redirect URI of its login, so it needs the URL and
/// not only the query. Scheme, host, port and path must be those of the redirect URI. If the redirect URI has a query of its
/// own, the URL must have it too.
///
/// ```
/// use vouchsafe::AuthorizationResponse;
///
/// // The whole URL, if the application knows it:
/// let response = AuthorizationResponse::at("https://app.example.com/callback?code=abc&state=xyz");
/// // Path and query, as web frameworks give them:
/// let response = AuthorizationResponse::at("/callback?code=abc&state=xyz");
/// // A posted response (`response_mode=form_post`):
/// let response = AuthorizationResponse::at("/callback").form("code=abc&state=xyz");
/// ```
///
/// Every function that takes a response also takes a URL: `client.finish(pending, url)`.
///
/// # Security
/// The redirect URI distinguishes the response of one provider from that of another (RFC 9700 section 4.4.2.2). Give the path
/// of the request that arrived, never a constant. If your application has several host names, give the whole URL: a path does
/// not say which host.
#[derive(Clone)]
pub struct AuthorizationResponse<'r> {
    url: Cow<'r, str>,
    form: Option<Cow<'r, str>>,
}

impl<'r> AuthorizationResponse<'r> {
    /// The response that came to this URL. A text that begins with `/` is the path and query of a URL.
    pub fn at(url: impl Into<Cow<'r, str>>) -> Self {
        Self { url: url.into(), form: None }
    }

    /// Adds the form that was posted to the URL. The response is then in the form, not in the query.
    #[must_use]
    pub fn form(mut self, form: impl Into<Cow<'r, str>>) -> Self {
        self.form = Some(form.into());
        self
    }

    /// The encoded parameters, from the query or the form.
    pub(crate) fn params(&self) -> &str {
        match &self.form {
            Some(form) => form,
            None => split(&self.url).1,
        }
    }

    /// Checks that the URL is the redirect URI, with the parameters that the provider added to its query.
    ///
    /// RFC 9700 §4.4.2.2: a response that came to another redirect URI is another provider's, or belongs to a login with other
    /// demands.
    pub(crate) fn came_to(&self, redirect_uri: &str) -> Result<(), Error> {
        let elsewhere = || {
            let detail = format!(
                "the response came to another URL than the redirect URI of its login, {}: pass the URL that the browser shows, \
                 and if a proxy changes it, the URL before the proxy",
                redact::printable(redirect_uri, 200)
            );
            Error::validation(OPERATION, Check::RedirectUriMismatch, detail)
        };
        // Browsers nearly always send exactly the redirect URI.
        if let Some(rest) = self.url.strip_prefix(redirect_uri)
            && !redirect_uri.contains('?')
            && (rest.is_empty() || rest.starts_with('?'))
        {
            return Ok(());
        }
        let (place, query) = split(&self.url);
        if plain_path(redirect_uri) == Some(place) {
            return Ok(());
        }
        let expected = Url::parse(redirect_uri).map_err(|_| elsewhere())?;
        if place.starts_with('/') {
            // Compared unchanged: a router may read `/a/../b` differently than a browser.
            if place != expected.path() {
                return Err(elsewhere());
            }
        } else {
            let actual = Url::parse(place).map_err(|_| {
                let detail = "expected the URL that the browser came to, or its path and query from the first slash on; \
                              the text that was given is neither";
                Error::config(ConfigProblem::ResponseUrl, detail)
            })?;
            let origin = |url: &Url| {
                (url.scheme().to_owned(), url.host().map(|h| h.to_owned()), url.port_or_known_default())
            };
            if origin(&actual) != origin(&expected) || path(place, &actual) != expected.path() {
                return Err(elsewhere());
            }
        }
        // RFC 6749 §3.1.2: the redirect URI's own query is retained. With a second value of a parameter, the response would
        // match the redirect URIs of two logins.
        let mut own: Vec<_> = expected.query_pairs().collect();
        let is_own = |(name, _): &(Cow<'_, str>, Cow<'_, str>)| own.iter().any(|(own, _)| own == name);
        let mut came: Vec<_> = form_urlencoded::parse(query.as_bytes()).filter(is_own).collect();
        own.sort();
        came.sort();
        if came == own { Ok(()) } else { Err(elsewhere()) }
    }
}

/// A URL without its fragment, in two: up to its query, and the query.
fn split(url: &str) -> (&str, &str) {
    let url = url.split('#').next().unwrap_or_default();
    url.split_once('?').unwrap_or((url, ""))
}

/// The path of a URL without a query, if no parser could read it differently.
fn plain_path(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let (authority, path) = rest.split_at(rest.find('/')?);
    let host = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':');
    // Dots and percent signs may be segments that a parser removes.
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'_');
    (authority.bytes().all(host) && path.bytes().all(plain)).then_some(path)
}

// The query and the form hold the code.
opaque!(AuthorizationResponse<'_>);

/// The URL as text.
impl<'r, T: Into<Cow<'r, str>>> From<T> for AuthorizationResponse<'r> {
    fn from(url: T) -> Self {
        Self::at(url)
    }
}

/// The same response, without a copy of it.
impl<'r> From<&'r AuthorizationResponse<'_>> for AuthorizationResponse<'r> {
    fn from(response: &'r AuthorizationResponse<'_>) -> Self {
        Self { url: Cow::Borrowed(&response.url), form: response.form.as_deref().map(Cow::Borrowed) }
    }
}

/// What a response is compared with.
pub(crate) struct Expected<'e> {
    pub(crate) redirect_uri: &'e str,
    /// The server of the client, and the server where the login was started, if that is known.
    pub(crate) servers: Option<[&'e Provenance; 2]>,
    pub(crate) state: &'e str,
    /// Whether the login has taken too long.
    pub(crate) is_expired: bool,
    /// The issuer that the response may name. If it is not known, the response may name none (RFC 9207 section 2.4).
    pub(crate) issuer: Option<KnownIssuer<'e>>,
    /// The provider announces that its responses name the issuer.
    pub(crate) names_issuer: bool,
    pub(crate) quirks: &'e CallbackQuirks,
    /// The provider's error codes, in the words of the RFCs.
    pub(crate) error_codes: &'e BTreeMap<String, String>,
    /// The client's secret, which authenticates the responses of some providers.
    pub(crate) secret: Option<&'e Secret>,
}

/// A response that passed every check.
pub(crate) struct Callback {
    pub(crate) code: String,
    /// Parameters that are copied into the token request.
    pub(crate) forwarded: Vec<(String, String)>,
    /// The parameter with a profile, if the provider sends one here: its name and its value.
    pub(crate) profile: Option<(String, Value)>,
    /// The state of the user's session at the provider (OpenID Connect Session Management 1.0 section 2).
    pub(crate) session_state: Option<String>,
}

impl AuthorizationResponse<'_> {
    /// Checks in this order: the URL, the provider's own signature, the issuer, `state` and the time. Only then the error or
    /// the code is read. The code is noted as a secret.
    pub(crate) fn check(&self, expected: &Expected<'_>, noted: &Noted<'_>) -> Result<Callback, Error> {
        let refuse = |check, detail: &'static str| Err(Error::validation(OPERATION, check, detail));
        let shown = |text| noted.hidden(|secrets| redact::shown(text, secrets, legible, MAX_ISSUER));
        self.came_to(expected.redirect_uri)?;
        let params = ResponseParams::read(self.params())?;
        let forwarded = params.check_quirks(expected.quirks, expected.secret)?;
        if let Some([ours, theirs]) = expected.servers {
            ours.check("a login", theirs, OPERATION)?;
        }
        let [code, state, iss, error, description, uri] =
            ["code", "state", "iss", "error", "error_description", "error_uri"].map(|name| params.once(name));
        let (code, state, iss, error, description, uri) = (code?, state?, iss?, error?, description?, uri?);
        noted.note_all(code);

        // JWT Secured Authorization Response Mode §2.3: the JWT has all the others.
        if state.is_none() && params.once("response")?.is_some() {
            let detail = "the response is a signed JWT (response), and this login asked for a plain one: set \
                          ClientBuilder::signed_responses, or let the provider send this client the response mode query";
            return Err(Error::response(OPERATION, Malformed::MissingField, detail));
        }
        // RFC 9207 §2.4: compare the issuer before looking at anything else, the error included.
        match (iss, expected.issuer) {
            (Some(iss), None) => {
                let detail = format!(
                    "the response names the issuer (iss) {}, but no issuer is known for this provider: either the response is \
                     another provider's, or its issuer has to be configured (Provider::response_issuer)",
                    shown(iss)
                );
                return Err(Error::validation(OPERATION, Check::IssuerMismatch, detail));
            }
            (Some(iss), Some(known)) if !known.is(iss) => {
                let (KnownIssuer::One(name) | KnownIssuer::OneOf(name)) = known;
                let detail = format!(
                    "the response must name the issuer {}, but its iss is {}: start a new login, and if that issuer is right, \
                     set it with Provider::response_issuer",
                    legible(name),
                    shown(iss)
                );
                return Err(Error::validation(OPERATION, Check::IssuerMismatch, detail));
            }
            (None, _) if expected.names_issuer => {
                let detail = "the provider announces iss in its responses, but this response has none: start a new login, and if it ends like this \
                     too, let the provider send iss to this client";
                return refuse(Check::MissingIssuer, detail);
            }
            _ => {}
        }
        if !state.is_some_and(|state| same(state, expected.state)) {
            let detail = "the response does not belong to this login: its state is missing or different; start a new login";
            return refuse(Check::StateMismatch, detail);
        }
        if expected.is_expired {
            let detail =
                "the login took longer than its limit (ClientBuilder::login_limit): start a new login";
            return refuse(Check::Expired, detail);
        }
        if let Some(code) = error.filter(|error| !error.is_empty()) {
            let detail = expected.quirks.error_detail.as_deref().map(|name| params.once(name)).transpose()?;
            let closer = detail.flatten().filter(|detail| expected.error_codes.contains_key(*detail));
            let said = Said { code: closer.unwrap_or(code), description, uri, status: None };
            return Err(server_error(OPERATION, expected.error_codes, noted, said));
        }
        let suffix = expected.quirks.code_suffix.as_deref();
        let code = code.map(|code| suffix.and_then(|suffix| code.strip_suffix(suffix)).unwrap_or(code));
        let Some(code) = code.filter(|code| !code.is_empty()) else {
            let detail = "the response has neither a code nor an error: start a new login";
            return Err(Error::response(OPERATION, Malformed::MissingField, detail));
        };
        // No check depends on it: a value that cannot be used counts as absent.
        let session_state = params.once("session_state").ok().flatten();
        let session_state =
            session_state.filter(|state| state.len() <= MAX_SESSION_STATE && !state.contains(' '));
        Ok(Callback {
            code: code.to_owned(),
            forwarded,
            profile: params.profile(expected.quirks),
            session_state: session_state.filter(|state| !state.is_empty()).map(str::to_owned),
        })
    }
}

/// The parameters of a response, decoded.
struct ResponseParams<'a>(Vec<form::Pair<'a>>);

impl<'a> ResponseParams<'a> {
    /// Reads the query of the redirect URI, or the form that was posted to it.
    fn read(query: &'a str) -> Result<Self, Error> {
        if query.len() > MAX_QUERY {
            let detail =
                "the authorization response is longer than 64 KiB, which is the limit: start a new login";
            return Err(Error::response(OPERATION, Malformed::InvalidField, detail));
        }
        Ok(Self(form::pairs(query).collect()))
    }

    /// RFC 6749 §3.1: a parameter must not come twice. Two readers could use different values.
    ///
    /// A parameter that is not UTF-8 is an error only where it is read: nothing depends on the others.
    fn once(&self, name: &str) -> Result<Option<&str>, Error> {
        let mut values = self.0.iter().filter(|(known, _)| known.as_deref() == Some(name));
        let value = values.next();
        if values.next().is_some() {
            return Err(duplicate(name));
        }
        value.map(|(_, value)| value.as_deref().ok_or_else(|| not_utf8(name))).transpose()
    }

    /// Checks what the definition requires of a response besides the RFCs. Returns the parameters for the token request.
    fn check_quirks(
        &self,
        quirks: &CallbackQuirks,
        secret: Option<&Secret>,
    ) -> Result<Vec<(String, String)>, Error> {
        if quirks.hmac.is_none() && quirks.expect.is_empty() && quirks.forward.is_empty() {
            return Ok(Vec::new());
        }
        let refuse = |check, detail: &'static str| Error::validation(OPERATION, check, detail);
        let is_read = |name: &str| {
            quirks.hmac.is_some()
                || quirks.expect.contains_key(name)
                || quirks.forward.iter().any(|n| n == name)
        };
        let mut pairs = BTreeMap::new();
        for (name, value) in &self.0 {
            let (name, value) = match (name.as_deref(), value.as_deref()) {
                (Some(name), Some(value)) => (name, value),
                // The signature covers every parameter.
                (name, _) if name.map_or(quirks.hmac.is_some(), is_read) => {
                    return Err(not_utf8(name.unwrap_or("the name of a parameter")));
                }
                _ => continue,
            };
            if pairs.insert(name, value).is_some() {
                return Err(duplicate(name));
            }
        }
        if let Some(name) = &quirks.hmac {
            let Some(secret) = secret else {
                let detail = "the provider's responses are checked with the client secret, and there is none: set \
                              Registration::secret";
                return Err(Error::config(ConfigProblem::ClientSecret, detail));
            };
            let tag = pairs.remove(name.as_str());
            // Shopify escapes characters that would end a name or a value before it signs them. Otherwise, two parameters could
            // be joined to one without another signature.
            let signed = |text: &str| text.replace('%', "%25").replace('&', "%26");
            let pair = |(name, value): (&&str, &&str)| {
                format!("{}={}", signed(name).replace('=', "%3D"), signed(value))
            };
            let message = pairs.iter().map(pair).collect::<Vec<_>>().join("&");
            if !tag.is_some_and(|tag| same(&tag.to_ascii_lowercase(), &hex::hmac(secret, &message))) {
                let detail = "the signature of the response is missing or wrong: start a new login, and if that \
                              fails too, check the client secret";
                return Err(refuse(Check::Signature, detail));
            }
        }
        for (name, expected) in &quirks.expect {
            if pairs.get(name.as_str()) != Some(&expected.as_str()) {
                let detail = "the response comes from another server than the one that the user was sent to: start \
                              a new login";
                return Err(refuse(Check::IssuerMismatch, detail));
            }
        }
        let forwarded = quirks.forward.iter();
        Ok(forwarded
            .filter_map(|name| Some((name.clone(), (*pairs.get(name.as_str())?).to_owned())))
            .collect())
    }

    /// The profile in the response, if the provider sends one here. A profile that cannot be parsed counts as absent, because
    /// no check depends on it.
    fn profile(&self, quirks: &CallbackQuirks) -> Option<(String, Value)> {
        let wanted = quirks.profile.as_ref()?;
        let value = self.once(wanted).ok()?.filter(|value| value.len() <= MAX_PROFILE)?;
        let profile = json::parse(value.as_bytes()).ok()?;
        profile.is_object().then(|| (wanted.clone(), profile))
    }
}

fn not_utf8(name: &str) -> Error {
    let detail =
        format!("the authorization response must be UTF-8, and {} is not: start a new login", legible(name));
    Error::response(OPERATION, Malformed::InvalidField, detail)
}

fn duplicate(name: &str) -> Error {
    let detail = format!(
        "the authorization response must have each parameter once, and has {} more than once: start a new login",
        legible(name)
    );
    Error::validation(OPERATION, Check::DuplicateParameter, detail)
}

/// The values of `state` in a query; a provider sends one.
pub(crate) fn states(query: &str) -> impl Iterator<Item = Cow<'_, str>> {
    form::pairs(query).filter(|(name, _)| name.as_deref() == Some("state")).filter_map(|(_, value)| value)
}

const OPERATION: Operation = Operation::Authorization;
/// The longest query that is read, in bytes. Codes may be long, but browsers send no more than this.
const MAX_QUERY: usize = 64 * 1024;
/// How much of a wrong issuer an error shows, in characters.
const MAX_ISSUER: usize = 100;
/// The longest state of a session that is kept, in bytes: hashes and a salt.
const MAX_SESSION_STATE: usize = 512;
/// The longest profile in a response that is read, in bytes.
const MAX_PROFILE: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// A response to a login with the state `s`.
    fn checked(query: &str, quirks: &CallbackQuirks) -> Result<Callback, Error> {
        let expected = Expected {
            redirect_uri: "https://app.example/cb",
            servers: None,
            state: "s",
            is_expired: false,
            issuer: None,
            names_issuer: false,
            quirks,
            error_codes: &BTreeMap::new(),
            secret: None,
        };
        AuthorizationResponse::at(format!("/cb?{query}")).check(&expected, &Noted::default())
    }

    /// The code of the error if the response did not come to the redirect URI.
    fn refusal(response: AuthorizationResponse<'_>, redirect_uri: &str) -> Option<String> {
        response.came_to(redirect_uri).err().map(|error| error.code().to_owned())
    }

    fn came(url: &str, redirect_uri: &str) -> Result<(), String> {
        refusal(url.into(), redirect_uri).map_or(Ok(()), Err)
    }

    fn elsewhere() -> Result<(), String> {
        Err("redirect_uri_mismatch".to_owned())
    }

    #[test]
    fn a_response_comes_to_the_redirect_uri_and_nowhere_else() {
        let at_home = "https://app.example/cb";
        for url in [
            "https://app.example/cb",
            "https://app.example/cb?code=a&state=b",
            "https://APP.example:443/cb?code=a#_=_",
            "/cb",
            "/cb?code=a&state=b",
        ] {
            assert_eq!(came(url, at_home), Ok(()), "{url}");
        }
        for url in [
            "https://app.example/cb/?code=a",
            "https://app.example/cb2?code=a",
            "https://app.example/CB?code=a",
            "https://app.example/?code=a",
            "https://app.example/c%62?code=a",
            "https://app.example/cb&code=a",
            "https://app.example:8443/cb?code=a",
            "https://app.example.evil.example/cb?code=a",
            "http://app.example/cb?code=a",
            "https://evil.example/cb?code=a",
            "https://evil.example/?https://app.example/cb",
            "/admin/cb?code=a",
            "//app.example/cb?code=a",
            "/cb/../admin/cb?code=a",
            "/admin/../cb?code=a",
            "https://app.example/admin/../cb?code=a",
            "https://app.example\\cb?code=a",
            "https://app.example/c\tb?code=a",
            "/cb;x?code=a",
            "/",
        ] {
            assert_eq!(came(url, at_home), elsewhere(), "{url}");
        }
    }

    #[test]
    fn a_path_is_plain_if_no_parser_changes_it() {
        for url in ["https://app.example/cb", "https://app.example:8443/a/b-c_d/", "http://127.0.0.1:80/"] {
            assert_eq!(plain_path(url), Some(Url::parse(url).unwrap().path()), "{url}");
        }
        for url in [
            "https://app.example/a/../cb",
            "https://app.example/a/%2e%2e/cb",
            "https://app.example/cb?a=b",
            "https://app.example/cb#a",
            "https://app.example\\a/cb",
            "https://user@app.example/cb",
            "https://app.example",
            "app:/cb",
        ] {
            assert_eq!(plain_path(url), None, "{url}");
        }
    }

    #[test]
    fn a_query_alone_says_nothing_of_where_it_came_to() {
        for text in ["", "code=a&state=b", "?code=a&state=b", "cb?code=a", "app.example/cb?code=a"] {
            assert_eq!(came(text, "https://app.example/cb"), Err("response_url".to_owned()), "{text}");
        }
    }

    #[test]
    fn the_redirect_uri_s_own_query_comes_back() {
        let tenant = "https://app.example/cb?tenant=a&x=1";
        for url in
            ["https://app.example/cb?tenant=a&x=1&code=c", "/cb?code=c&x=1&tenant=a", "/cb?tenant=%61&x=1"]
        {
            assert_eq!(came(url, tenant), Ok(()), "{url}");
        }
        for url in ["/cb?tenant=b&x=1&code=c", "/cb?code=c", "/cb?tenant=a&code=c", "/cb?tenant=a&x=11"] {
            assert_eq!(came(url, tenant), elsewhere(), "{url}");
        }
        // Not another value that begins like it, either.
        let longer = format!("{tenant}?code=c");
        assert_eq!(came(&longer, tenant), elsewhere());
        for url in ["/cb?tenant=a&x=1&tenant=b", "/cb?tenant=b&tenant=a&x=1", "/cb?tenant=a&x=1&x=1&code=c"] {
            assert_eq!(came(url, tenant), elsewhere(), "{url}");
            let url = format!("https://app.example{url}");
            assert_eq!(came(&url, tenant), elsewhere(), "{url}");
        }
        assert_eq!(came("/cb?a=1&a=2&code=c", "https://app.example/cb?a=2&a=1"), Ok(()));
        // A form does not replace the query of the URL to which it was posted.
        let posted = AuthorizationResponse::at("/cb?tenant=b").form("tenant=a&x=1&code=c");
        assert_eq!(refusal(posted, tenant).as_deref(), Some("redirect_uri_mismatch"));
    }

    #[test]
    fn ports_and_schemes_of_an_application_s_own_count() {
        assert_eq!(came("http://127.0.0.1:4711/cb?code=a", "http://127.0.0.1:4711/cb"), Ok(()));
        for url in
            ["http://127.0.0.1:4712/cb?code=a", "http://localhost:4711/cb", "https://127.0.0.1:4711/cb"]
        {
            assert_eq!(came(url, "http://127.0.0.1:4711/cb"), elsewhere(), "{url}");
        }
        assert_eq!(came("com.example.app:/cb?code=a", "com.example.app:/cb"), Ok(()));
        assert_eq!(came("com.example.app://cb?code=a", "com.example.app:/cb"), elsewhere());
        assert_eq!(came("com.example.other:/cb?code=a", "com.example.app:/cb"), elsewhere());
    }

    #[test]
    fn what_was_posted_is_the_response() {
        let posted = AuthorizationResponse::at("/cb?code=from-the-query").form("code=from-the-form");
        assert_eq!(posted.params(), "code=from-the-form");
        assert_eq!(AuthorizationResponse::at("/cb?code=a#x?y").params(), "code=a");
        assert_eq!(AuthorizationResponse::at("/cb").params(), "");
    }

    #[test]
    fn debug_output_lacks_the_code() {
        let response = AuthorizationResponse::at("/cb?code=hush").form("code=hush");
        assert!(!format!("{response:?}").contains("hush"));
    }

    #[test]
    fn a_parameter_that_comes_twice_is_refused() {
        for query in ["code=a&code=b", "state=a&state=a", "iss=x&iss=x", "error=a&error=b", "code=a&c%6fde=b"]
        {
            let error = checked(query, &CallbackQuirks::default()).err().map(|e| e.code().to_owned());
            assert_eq!(error.as_deref(), Some("duplicate_parameter"), "{query}");
        }
        assert!(
            checked("code=a&state=s&session_state=x&session_state=y", &CallbackQuirks::default()).is_ok()
        );
    }

    #[test]
    fn the_query_is_decoded_strictly() {
        let response = ResponseParams::read("?code=a%2Bb+c&state=%zz").ok().unwrap();
        assert_eq!(response.once("code").unwrap(), Some("a+b c"));
        assert_eq!(response.once("state").unwrap(), Some("%zz"));
        let response = ResponseParams::read("code=%ff&utm=%ff&%ff=x").ok().unwrap();
        assert_eq!(response.once("code").unwrap_err().code(), "invalid_field");
        assert_eq!(response.once("state").unwrap(), None);
        assert!(ResponseParams::read(&format!("code={}", "a".repeat(MAX_QUERY))).is_err());
    }

    #[test]
    fn a_query_is_read_up_to_64_kib() {
        let mut quirks = CallbackQuirks::default();
        quirks.forward.push("realm".to_owned());
        let query = |length: usize| format!("realm={}", "a".repeat(length - "realm=".len()));
        let (longest, longer, endless) = (query(65_536), query(65_537), query(65_600));
        let params = ResponseParams::read(&longest).ok().unwrap();
        assert_eq!(params.check_quirks(&quirks, None).unwrap()[0].1.len(), 65_530);
        for query in [&*longer, &*endless] {
            assert_eq!(ResponseParams::read(query).err().unwrap().code(), "invalid_field");
            assert_eq!(checked(query, &quirks).err().unwrap().code(), "invalid_field");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_matter_where_a_check_depends_on_them() {
        let plain = CallbackQuirks::default();
        for stranger in ["utm=%ff", "%ff=x", "utm=%ff&utm=%ff", "user=%c3%28", "session_state=%f8"] {
            assert!(checked(&format!("code=a&state=s&{stranger}"), &plain).is_ok(), "{stranger}");
        }
        for read in ["code", "state", "iss", "error", "error_description", "error_uri"] {
            let error = checked(&format!("{read}=%ff"), &plain).err().unwrap();
            assert_eq!(error.code(), "invalid_field", "{read}");
            assert!(error.to_string().contains(read), "{error}");
        }
        let (mut forwards, mut expects, mut signs) = (plain.clone(), plain.clone(), plain);
        forwards.forward.push("realm".to_owned());
        expects.expect.insert("realm".to_owned(), "\u{fffd}".to_owned());
        signs.hmac = Some("hmac".to_owned());
        for quirks in [&forwards, &expects, &signs] {
            let error = checked("code=a&state=s&realm=%ff", quirks).err().unwrap();
            assert_eq!(error.code(), "invalid_field", "{error}");
        }
        assert!(checked("code=a&state=s&utm=%ff&%ff=realm", &forwards).is_ok());
        for unsigned in ["utm=%ff", "%ff=x"] {
            let params = ResponseParams::read(unsigned).ok().unwrap();
            let error = params.check_quirks(&signs, Some(&Secret::new("secret"))).unwrap_err();
            assert_eq!(error.code(), "invalid_field", "{unsigned}");
        }
    }

    #[test]
    fn a_profile_is_read_once_and_up_to_8_kib() {
        let mut quirks = CallbackQuirks::default();
        quirks.profile = Some("user".to_owned());
        let query = |length: usize| format!("user={{\"a\":\"{}\"}}", "b".repeat(length - 8));
        let profile = |query: &str| ResponseParams::read(query).ok().unwrap().profile(&quirks);
        assert!(profile(&query(8_192)).is_some_and(|(name, _)| name == "user"));
        for query in [&query(8_193), "user={}&user={}", "user=[]", "user={", "other={}"] {
            assert!(profile(query).is_none(), "{query}");
        }
    }

    #[test]
    fn a_signature_is_64_hexadecimal_digits() {
        let mut quirks = CallbackQuirks::default();
        quirks.hmac = Some("hmac".to_owned());
        let secret = Secret::new("secret");
        let signature = hex::hmac(&secret, "code=a");
        let is_accepted = |signature: &str| {
            let query = format!("code=a&hmac={signature}");
            let params = ResponseParams::read(&query).ok().unwrap();
            params.check_quirks(&quirks, Some(&secret)).is_ok()
        };
        assert_eq!(signature.len(), 64);
        assert!(is_accepted(&signature) && is_accepted(&signature.to_ascii_uppercase()));
        let first = &signature[..1];
        for wrong in [
            &signature[1..],
            &format!("{signature}00"),
            &signature.replace(first, "%2B"),
            &signature.replace(first, "é"),
            "",
        ] {
            assert!(!is_accepted(wrong), "{wrong}");
        }
    }
}
