//! The public URL of an application: the origin at which browsers find it.
use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

/// The origin at which browsers find an application, such as `https://app.example.com`: a scheme, a host and a port, without
/// a path. Plain `http` is for loopback hosts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin {
    text: String,
    host: String,
    port: u16,
    is_https: bool,
}

impl Origin {
    /// The origin as a browser writes it: lower case, and without the port that belongs to the scheme.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host, in lower case; an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, also if it is the one that belongs to the scheme.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the scheme is `https`.
    pub fn is_https(&self) -> bool {
        self.is_https
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let url = Url::parse(text.trim()).map_err(|_| InvalidOrigin::NoUrl)?;
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !is_bare || !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidOrigin::More);
        }
        let is_https = url.scheme() == "https";
        let is_loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        let is_allowed = is_https || (url.scheme() == "http" && is_loopback);
        if !is_allowed {
            return Err(InvalidOrigin::Plain);
        }
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(InvalidOrigin::NoUrl);
        };
        let (host, text) = (host.to_owned(), url.origin().ascii_serialization());
        Ok(Self { text, host, port, is_https })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a text is not the [`Origin`] of an application.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum InvalidOrigin {
    /// It is not a URL with a host.
    NoUrl,
    /// It has more than a scheme, a host and a port.
    More,
    /// It is neither `https` nor a loopback host.
    Plain,
}

impl fmt::Display for InvalidOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoUrl => "the public URL must be a URL such as https://app.example.com, and it is not a URL with a host",
            Self::More => "the public URL must consist of scheme, host and port, and it has more: remove the path, the query and the user",
            Self::Plain => "the public URL must begin with https, and it does not: plain http is for loopback hosts such as 127.0.0.1 and localhost",
        })
    }
}

impl std::error::Error for InvalidOrigin {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_read_as_a_browser_writes_it() {
        for (text, origin, host, port) in [
            ("https://app.example.com", "https://app.example.com", "app.example.com", 443),
            ("https://APP.example.com:443/", "https://app.example.com", "app.example.com", 443),
            ("https://app.example.com:8443", "https://app.example.com:8443", "app.example.com", 8443),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000", "127.0.0.1", 3000),
            ("http://localhost", "http://localhost", "localhost", 80),
            ("http://[::1]:3000/", "http://[::1]:3000", "[::1]", 3000),
        ] {
            let read: Origin = text.parse().unwrap();
            assert_eq!((read.as_str(), read.host(), read.port()), (origin, host, port));
            assert_eq!(read.is_https(), text.starts_with("https"));
        }
    }

    #[test]
    fn more_than_an_origin_is_refused() {
        let read = |text: &str| text.parse::<Origin>().unwrap_err();
        for more in
            ["https://a.example/app", "https://a.example/?x", "https://a.example/#x", "https://u@a.example"]
        {
            assert_eq!(read(more), InvalidOrigin::More, "{more}");
        }
        for plain in ["http://a.example", "http://10.0.0.1", "ftp://localhost", "http://localhost.example"] {
            assert_eq!(read(plain), InvalidOrigin::Plain, "{plain}");
        }
        for none in ["", "a.example", "/app", "https://"] {
            assert_eq!(read(none), InvalidOrigin::NoUrl, "{none}");
        }
    }
}
