//! A checked URL: an endpoint of a provider, or a redirect URI.
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use http::Uri;
use url::{ParseError, Url};

use crate::error::{ConfigProblem, Error};
use crate::text::redact::printable;

/// A URL that requests may be sent to: `https`, or `http` on a loopback host or a named one; without user and fragment.
#[derive(Clone)]
pub(crate) struct Endpoint {
    text: Box<str>,
    uri: Uri,
    is_open: bool,
}

impl Endpoint {
    #[cfg(test)]
    pub(crate) fn parse(text: &str) -> Result<Self, NotAnEndpoint> {
        Self::parse_for(text, &PlainHosts::default())
    }

    /// Reads a URL; `http` may be used for these hosts too. The message of the error continues a sentence that begins with the
    /// name of the URL.
    pub(crate) fn parse_for(text: &str, plain: &PlainHosts) -> Result<Self, NotAnEndpoint> {
        let text = text.trim();
        let invalid = |why: String| Err(NotAnEndpoint::Invalid(why));
        // This parser removes them, and others do not.
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return invalid("it must not contain white space or control characters".to_owned());
        }
        let url = Url::parse(text).map_err(NotAnEndpoint::from)?;
        let is_plain = url.scheme() == "http" && url.host_str().is_some_and(|host| plain.allow(host));
        if url.scheme() != "https" && !is_plain {
            return Err(NotAnEndpoint::Insecure);
        }
        if let Some(c) = foreign(text) {
            return invalid(format!("it contains {c}, which must be percent-encoded"));
        }
        // RFC 3986 §3.2: two slashes precede the host. Browsers accept any number of slashes.
        if !has_authority(text) {
            return invalid("it must begin with https://host".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return invalid("it must not contain a user name or a password".to_owned());
        }
        // RFC 6749 §3.1 and §3.2: an endpoint has no fragment.
        if url.fragment().is_some() {
            return invalid("it must not contain a fragment (#)".to_owned());
        }
        let uri = Uri::from_str(url.as_str()).map_err(|e| NotAnEndpoint::Invalid(e.to_string()))?;
        // RFC 3986 §2: a URL consists of ASCII; other characters are percent-encoded.
        let text = if text.is_ascii() { text } else { url.as_str() };
        let is_open = is_plain && !url.host_str().is_some_and(is_loopback);
        Ok(Self { text: text.into(), uri, is_open })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Whether requests to it leave this machine without encryption.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }
}

/// The hosts that `http` may be used for, beside those of this machine: [`Http::danger_allow_http`](crate::Http) names them.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlainHosts(Arc<Vec<String>>);

impl PlainHosts {
    pub(crate) fn add(&mut self, host: String) {
        Arc::make_mut(&mut self.0).push(host);
    }

    pub(crate) fn allow(&self, host: &str) -> bool {
        is_loopback(host) || self.names(host)
    }

    /// Whether the application has named this host.
    pub(crate) fn names(&self, host: &str) -> bool {
        self.0.iter().any(|named| named.eq_ignore_ascii_case(host))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

/// Why no requests may be sent to a URL.
#[derive(Debug)]
pub(crate) enum NotAnEndpoint {
    Invalid(String),
    Insecure,
}

impl From<ParseError> for NotAnEndpoint {
    fn from(error: ParseError) -> Self {
        Self::Invalid(match error {
            ParseError::RelativeUrlWithoutBase | ParseError::EmptyHost => {
                "write the complete URL, beginning with https:// and the host".to_owned()
            }
            error => error.to_string(),
        })
    }
}

impl fmt::Display for NotAnEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(why) => write!(f, "is not a usable URL: {why}"),
            Self::Insecure => f.write_str(
                "must be https; http is allowed only for loopback hosts, and for hosts that Http::danger_allow_http names",
            ),
        }
    }
}

/// A URL that may be shown: everything that may be a user name and a password is left out.
pub(crate) fn shown(url: &str) -> String {
    let kept = url.rsplit_once('@').map(|(before, after)| {
        let scheme = before.split_once("://").map_or(String::new(), |(scheme, _)| format!("{scheme}://"));
        format!("{scheme}…@{after}")
    });
    printable(kept.as_deref().unwrap_or(url), 200)
}

/// An ASCII character that a URL cannot contain (RFC 3986 section 2): in a page's markup, or for another parser, it could
/// end the URL. Brackets are allowed only around an address (section 3.2.2).
pub(crate) fn foreign(url: &str) -> Option<char> {
    let behind_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = behind_scheme.find(['/', '?', '#']).map_or("", |at| &behind_scheme[at..]);
    let path = if behind_scheme.len() == url.len() { url } else { path };
    url.chars()
        .find(|c| c.is_ascii_control() || " \"<>\\^`{|}".contains(*c))
        .or_else(|| path.chars().find(|c| matches!(c, '[' | ']')))
}

/// Whether a URL has a host after two slashes.
fn has_authority(url: &str) -> bool {
    let rest = url.split_once(':').and_then(|(_, rest)| rest.strip_prefix("//"));
    rest.is_some_and(|rest| !rest.starts_with('/'))
}

/// Whether a text from outside is the URL of a page, so that an application may link to it.
pub(crate) fn is_page(url: &str) -> bool {
    let is_web = |url: Url| matches!(url.scheme(), "https" | "http");
    foreign(url).is_none() && has_authority(url) && Url::parse(url).is_ok_and(is_web)
}

/// Whether a text is exactly one segment of a path.
pub(crate) fn is_segment(text: &str) -> bool {
    !matches!(text, "" | "." | "..")
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// Whether a host name or address is this machine's own (RFC 8252 section 7.3).
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// RFC 6749 §3.1.2: absolute, without a fragment; and `https`, a loopback host, or an app's own scheme (RFC 8252).
pub(crate) fn check_redirect_uri(uri: &str) -> Result<(), Error> {
    let wrong = |problem, why: String| {
        Err(Error::config(problem, format!("the redirect URI {} {why}", printable(uri, 200))))
    };
    let url = match Url::parse(uri) {
        Ok(url) => url,
        Err(error) => {
            return wrong(
                ConfigProblem::RedirectUri,
                format!("is not a complete URL, such as https://app.example.com/callback: {error}"),
            );
        }
    };
    // The provider receives and compares the text itself, not the URL that a parser makes of it.
    if let Some(c) = foreign(uri) {
        return wrong(ConfigProblem::RedirectUri, format!("contains {c:?}, which must be percent-encoded"));
    }
    if url.fragment().is_some() {
        return wrong(ConfigProblem::RedirectUri, "must not contain a fragment (#)".to_owned());
    }
    if path(uri.split('?').next().unwrap_or_default(), &url) != url.path() {
        let why = format!(
            "has a path that browsers change: write it as {}, here and in your registration at the provider",
            printable(url.path(), 200)
        );
        return wrong(ConfigProblem::RedirectUri, why);
    }
    if url.scheme() == "http" && !url.host_str().is_some_and(is_loopback) {
        let why = "must be https; http is allowed only for loopback hosts".to_owned();
        return wrong(ConfigProblem::InsecureUrl, why);
    }
    Ok(())
}

/// The path of a URL as it is in its text; a parser changes dot segments, backslashes and line ends.
pub(crate) fn path<'u>(text: &'u str, url: &'u Url) -> &'u str {
    let behind = text.split_once(':').map_or("", |(_, rest)| rest);
    match behind.strip_prefix("//") {
        Some(rest) => rest.find(['/', '\\']).map_or(url.path(), |at| &rest[at..]),
        None => behind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_anywhere_and_http_on_loopback_are_endpoints() {
        for url in [
            "https://a.example/token",
            "http://127.0.0.1:8080/token",
            "http://[::1]/token",
            "http://localhost:1/x?y=z",
        ] {
            assert!(Endpoint::parse(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn what_is_not_ascii_is_escaped() {
        let endpoint = Endpoint::parse("https://bücher.example/ä\u{202e}").unwrap();
        assert_eq!(endpoint.as_str(), "https://xn--bcher-kva.example/%C3%A4%E2%80%AE");
        assert_eq!(Endpoint::parse(" https://a.example ").unwrap().as_str(), "https://a.example");
    }

    #[test]
    fn a_url_is_shown_without_its_password() {
        assert_eq!(shown("https://jane:hush@a.example/x"), "https://…@a.example/x");
        assert_eq!(shown("jane:hu/sh@a.example"), "…@a.example");
        assert_eq!(shown("https://a.example\n"), "https://a.example ");
    }

    #[test]
    fn http_is_for_named_hosts_and_no_others() {
        let mut plain = PlainHosts::default();
        plain.add("keycloak".to_owned());
        for url in
            ["http://keycloak:8080/token", "http://KEYCLOAK/", "http://localhost/", "https://a.example/"]
        {
            assert!(Endpoint::parse_for(url, &plain).is_ok(), "{url}");
        }
        for url in [
            "http://keycloak.example/",
            "http://a.example/",
            "http://key/",
            "ftp://keycloak/",
            "http://u@keycloak/",
        ] {
            assert!(Endpoint::parse_for(url, &plain).is_err(), "{url}");
        }
        assert!(Endpoint::parse_for("http://keycloak/", &plain).unwrap().is_open());
        assert!(!Endpoint::parse("http://[::1]/").unwrap().is_open());
        assert!(!Endpoint::parse("https://keycloak/").unwrap().is_open());
    }

    #[test]
    fn anything_else_is_no_endpoint() {
        for url in [
            "http://a.example/token",
            "http://localhost.example/token",
            "http://127.0.0.1.example/",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "data:text/plain,x",
            "https://user@a.example/",
            "https://:password@a.example/",
            "https://a.example/#x",
            "a.example/token",
            "https://a.example/\r\nx",
            "https://a.example/\u{1b}[31m",
            "https://a.exa\tmple/",
            "https://a.example/a b",
            "https://a.example/\u{85}x",
            "https:a.example/x",
            "https:/a.example/x",
            "https:///a.example/x",
            "",
        ] {
            assert!(Endpoint::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn what_no_url_holds_is_refused_wherever_it_stands() {
        for c in "\"<>\\^`{|} \t\u{7f}\u{0}".chars() {
            for url in [
                format!("https://a.example/x{c}y"),
                format!("https://a.example/?x{c}y"),
                format!("https://a.ex{c}ample/"),
                format!("https:{c}//a.example/"),
            ] {
                assert!(Endpoint::parse(&url).is_err(), "{url}");
                assert!(!is_page(&url), "{url}");
            }
            assert_eq!(foreign(&format!("app.example:/x{c}y")), Some(c));
        }
        for url in ["https://a.example/[x]", "https://[::1]/]", "https://a.example?[", "https://a]b.example/"]
        {
            assert!(Endpoint::parse(url).is_err(), "{url}");
        }
        assert_eq!(foreign("app.example:/[x"), Some('['));
        // All that RFC 3986 §2 has, and an address in brackets.
        for url in ["https://a.example/-._~%20!$&'()*+,;=:@/?a=:@/?", "https://[2001:db8::1]:8443/x?y"] {
            assert!(Endpoint::parse(url).is_ok(), "{url}");
            assert!(is_page(url), "{url}");
        }
    }

    #[test]
    fn a_page_is_one_of_the_web() {
        assert!(is_page("https://a.example/errors#x") && is_page("http://a.example/errors"));
        for url in ["javascript:alert(1)", "data:text/html,x", "https:a.example", "/errors", "errors", ""] {
            assert!(!is_page(url), "{url}");
        }
    }
}
