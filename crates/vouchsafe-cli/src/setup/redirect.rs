//! The redirect URI that is given as a whole.
use std::net::IpAddr;

use url::{Host, Url};

use crate::args::BrowserArgs;
use crate::failure::Failure;
use crate::text;

/// Checks a redirect URI: RFC 6749 section 3.1.2 and RFC 8252 section 7.
pub(crate) fn redirect_uri(uri: &str) -> Result<Url, Failure> {
    let refuse = |why: &str| {
        let message = format!("The redirect URI {} {why}", text::short(uri, 200));
        Failure::usage("redirect_uri", message).advise(
            "A redirect URI is the address of your own callback, such as https://app.example.com/callback.",
        )
    };
    let url = Url::parse(uri).map_err(|_| refuse("is not a whole URL with its scheme"))?;
    if uri.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err(refuse("has a space or another character that no URL has"));
    }
    let is_plain = url.scheme() == "http" && loopback_host(uri).is_none();
    let is_own = !matches!(url.scheme(), "http" | "https") && !url.scheme().contains('.');
    let rules = [
        (url.fragment().is_some(), "has a fragment (the part behind #): no server sees it"),
        (!url.username().is_empty() || url.password().is_some(), "has a user name in it"),
        (uri.contains('*'), "has a wildcard: name one address, to the letter"),
        (is_plain, "is http on another machine: everybody on the way can read the code. Use https"),
        (
            is_own,
            "has a scheme of its own without a dot: other programs could use it too (RFC 8252 section 7.1)",
        ),
    ];
    match rules.into_iter().find(|(is_broken, _)| *is_broken) {
        Some((_, why)) => Err(refuse(why)),
        None => Ok(url),
    }
}

/// The host of a redirect URI of http on this machine.
pub(crate) fn loopback_host(uri: &str) -> Option<String> {
    let url = Url::parse(uri).ok().filter(|url| url.scheme() == "http")?;
    let is_loopback = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => IpAddr::from(address).is_loopback(),
        Host::Ipv6(address) => IpAddr::from(address).is_loopback(),
    };
    url.host_str().filter(|_| is_loopback).map(str::to_owned)
}

/// Whether the browser returns to another machine, so that a person has to paste the URL on which it ended.
pub(crate) fn is_elsewhere(args: &BrowserArgs) -> bool {
    let is_own = |uri: &String| loopback_host(uri).is_some();
    args.listen.is_none() && args.redirect_uri.as_ref().is_some_and(|uri| !is_own(uri))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_uri_is_a_whole_address_without_a_fragment() {
        for good in [
            "http://localhost:3000/callback/google",
            "http://127.0.0.1/callback",
            "http://[::1]:3000/",
            "https://app.example.com/callback?to=a",
            "com.example.app:/callback",
        ] {
            redirect_uri(good).unwrap();
        }
        for (bad, words) in [
            ("", "whole URL"),
            ("localhost:3000", "without a dot"),
            ("/callback", "whole URL"),
            ("http://app.example.com/callback", "Use https"),
            ("https://app.example.com/#callback", "fragment"),
            ("https://*.example.com/callback", "wildcard"),
            ("https://me@app.example.com/", "user name"),
            ("https://app.example.com/a b", "a space"),
        ] {
            let failure = redirect_uri(bad).unwrap_err();
            assert!(
                failure.code == "redirect_uri" && failure.message.contains(words),
                "{bad}: {}",
                failure.message
            );
        }
    }

    #[test]
    fn only_http_on_this_machine_is_loopback() {
        assert_eq!(loopback_host("http://[::1]:3000/").as_deref(), Some("[::1]"));
        assert_eq!(loopback_host("http://localhost/").as_deref(), Some("localhost"));
        for other in ["https://localhost/", "http://localhost.example/", "http://10.0.0.1/", ""] {
            assert_eq!(loopback_host(other), None, "{other}");
        }
    }
}
