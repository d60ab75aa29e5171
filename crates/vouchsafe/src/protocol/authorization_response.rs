//! Where an authorization response arrived, and what it brought (RFC 6749 section 4.1.2, OAuth 2.0 Form Post Response Mode).
use std::borrow::Cow;
use std::fmt;

use http::Uri;
use url::Url;
use url::form_urlencoded;

/// An authorization response as it arrived: the URL that the browser came to, and the form if it posted one.
///
/// [`Client::finish`](crate::Client::finish) believes a response only at the redirect URI of its login, so it needs the
/// URL and not the query alone: scheme, host, port and path must be those of the redirect URI, and a query that the
/// redirect URI has itself must be there again.
///
/// ```
/// use vouchsafe::AuthorizationResponse;
///
/// // The whole URL, where the application knows it:
/// let response = AuthorizationResponse::at("https://app.example.com/callback?code=abc&state=xyz");
/// // Path and query, as web frameworks have them:
/// let response = AuthorizationResponse::at("/callback?code=abc&state=xyz");
/// // A response that was posted (`response_mode=form_post`):
/// let response = AuthorizationResponse::at("/callback").form("code=abc&state=xyz");
/// ```
///
/// Whatever takes a response takes a URL as well: `client.finish(pending, url)`.
///
/// # Security
/// A provider's response must be told from another provider's by the redirect URI to which it came (RFC 9700 section
/// 4.4.2.2). Hand in the path of the request that arrived, never one that you know by heart. Where an application has
/// several host names, hand in the whole URL: a path says nothing of the host.
#[derive(Clone)]
pub struct AuthorizationResponse<'r> {
    url: Cow<'r, str>,
    form: Option<Cow<'r, str>>,
}

impl<'r> AuthorizationResponse<'r> {
    /// The response that came to that URL. A text that begins with `/` is the path and query of one.
    pub fn at(url: impl Into<Cow<'r, str>>) -> Self {
        Self { url: url.into(), form: None }
    }

    /// The form that was posted to the URL; the response is in it, and not in the URL's query.
    #[must_use]
    pub fn form(mut self, form: impl Into<Cow<'r, str>>) -> Self {
        self.form = Some(form.into());
        self
    }

    /// The parameters, as they are encoded in the query or the form.
    pub(crate) fn params(&self) -> &str {
        match &self.form {
            Some(form) => form,
            None => split(&self.url).1,
        }
    }

    /// Whether the URL is the redirect URI, with whatever the provider added to its query.
    pub(crate) fn came_to(&self, redirect_uri: &str) -> Result<(), Elsewhere> {
        // What browsers send is nearly always the redirect URI to the letter.
        if let Some(rest) = self.url.strip_prefix(redirect_uri)
            && !redirect_uri.contains('?')
            && (rest.is_empty() || rest.starts_with('?'))
        {
            return Ok(());
        }
        let (place, query) = split(&self.url);
        let expected = Url::parse(redirect_uri).map_err(|_| Elsewhere::AnotherPlace)?;
        if place.starts_with('/') {
            // As it stands: what a router makes of `/a/../b` is not what a browser makes of it.
            if place != expected.path() {
                return Err(Elsewhere::AnotherPlace);
            }
        } else {
            let actual = Url::parse(place).map_err(|_| Elsewhere::NoUrl)?;
            let origin = |url: &Url| {
                (url.scheme().to_owned(), url.host().map(|h| h.to_owned()), url.port_or_known_default())
            };
            if origin(&actual) != origin(&expected) || path(place, &actual) != expected.path() {
                return Err(Elsewhere::AnotherPlace);
            }
        }
        // RFC 6749 §3.1.2: the redirect URI's own query is retained. With another value beside it, the response would be at
        // the redirect URIs of two logins, and which one counts is anybody's guess.
        let mut own: Vec<_> = expected.query_pairs().collect();
        let is_own = |(name, _): &(Cow<'_, str>, Cow<'_, str>)| own.iter().any(|(own, _)| own == name);
        let mut came: Vec<_> = form_urlencoded::parse(query.as_bytes()).filter(is_own).collect();
        own.sort();
        came.sort();
        if came == own { Ok(()) } else { Err(Elsewhere::AnotherPlace) }
    }
}

/// The path of a URL as it stands in its text; a parser changes dot segments, backslashes and line ends.
pub(crate) fn path<'u>(text: &'u str, url: &'u Url) -> &'u str {
    let behind = text.split_once(':').map_or("", |(_, rest)| rest);
    match behind.strip_prefix("//") {
        Some(rest) => rest.find(['/', '\\']).map_or(url.path(), |at| &rest[at..]),
        None => behind,
    }
}

/// A URL without its fragment, in two: up to its query, and the query.
fn split(url: &str) -> (&str, &str) {
    let url = url.split('#').next().unwrap_or_default();
    url.split_once('?').unwrap_or((url, ""))
}

/// In what way a response did not come to where it was expected.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Elsewhere {
    /// What was handed in is neither a URL nor a path.
    NoUrl,
    AnotherPlace,
}

impl fmt::Debug for AuthorizationResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The query and the form hold the code.
        f.debug_struct("AuthorizationResponse").finish_non_exhaustive()
    }
}

impl<'r> From<&'r str> for AuthorizationResponse<'r> {
    fn from(url: &'r str) -> Self {
        Self::at(url)
    }
}

impl<'r> From<&'r String> for AuthorizationResponse<'r> {
    fn from(url: &'r String) -> Self {
        Self::at(url.as_str())
    }
}

impl From<String> for AuthorizationResponse<'_> {
    fn from(url: String) -> Self {
        Self::at(url)
    }
}

impl<'r> From<&'r Url> for AuthorizationResponse<'r> {
    fn from(url: &'r Url) -> Self {
        Self::at(url.as_str())
    }
}

impl From<&Uri> for AuthorizationResponse<'_> {
    fn from(uri: &Uri) -> Self {
        Self::at(uri.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn came(url: &str, redirect_uri: &str) -> Result<(), Elsewhere> {
        AuthorizationResponse::at(url).came_to(redirect_uri)
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
            assert_eq!(came(url, at_home), Err(Elsewhere::AnotherPlace), "{url}");
        }
    }

    #[test]
    fn a_query_alone_says_nothing_of_where_it_came_to() {
        for text in ["", "code=a&state=b", "?code=a&state=b", "cb?code=a", "app.example/cb?code=a"] {
            assert_eq!(came(text, "https://app.example/cb"), Err(Elsewhere::NoUrl), "{text}");
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
            assert_eq!(came(url, tenant), Err(Elsewhere::AnotherPlace), "{url}");
        }
        // Not another value that begins like it, either.
        let longer = format!("{tenant}?code=c");
        assert_eq!(came(&longer, tenant), Err(Elsewhere::AnotherPlace));
        for url in ["/cb?tenant=a&x=1&tenant=b", "/cb?tenant=b&tenant=a&x=1", "/cb?tenant=a&x=1&x=1&code=c"] {
            assert_eq!(came(url, tenant), Err(Elsewhere::AnotherPlace), "{url}");
            let url = format!("https://app.example{url}");
            assert_eq!(came(&url, tenant), Err(Elsewhere::AnotherPlace), "{url}");
        }
        assert_eq!(came("/cb?a=1&a=2&code=c", "https://app.example/cb?a=2&a=1"), Ok(()));
        // A form does not replace the query of the URL to which it was posted.
        let posted = AuthorizationResponse::at("/cb?tenant=b").form("tenant=a&x=1&code=c");
        assert_eq!(posted.came_to(tenant), Err(Elsewhere::AnotherPlace));
    }

    #[test]
    fn ports_and_schemes_of_an_application_s_own_count() {
        assert_eq!(came("http://127.0.0.1:4711/cb?code=a", "http://127.0.0.1:4711/cb"), Ok(()));
        for url in
            ["http://127.0.0.1:4712/cb?code=a", "http://localhost:4711/cb", "https://127.0.0.1:4711/cb"]
        {
            assert_eq!(came(url, "http://127.0.0.1:4711/cb"), Err(Elsewhere::AnotherPlace), "{url}");
        }
        assert_eq!(came("com.example.app:/cb?code=a", "com.example.app:/cb"), Ok(()));
        assert_eq!(came("com.example.app://cb?code=a", "com.example.app:/cb"), Err(Elsewhere::AnotherPlace));
        assert_eq!(came("com.example.other:/cb?code=a", "com.example.app:/cb"), Err(Elsewhere::AnotherPlace));
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
}
