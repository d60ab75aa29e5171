//! Where the browser is: its own address, and the address at which it sees this site.
use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::{FORWARDED, HOST};
use http::request::Parts;

use crate::origin::Origin;
use crate::site::networks::Networks;

/// A request as the browser sent it, before proxies passed it on.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Seen {
    /// The address of the browser.
    pub(crate) client: Option<IpAddr>,
    /// The host that the browser asked for, with its port if it named one.
    host: Option<String>,
    /// The scheme, if a trusted proxy says it.
    scheme: Option<String>,
}

impl Seen {
    /// Reads a request that came from `peer`. Only the headers of trusted proxies count.
    pub(crate) fn of(parts: &Parts, peer: Option<IpAddr>, trusted: &Networks) -> Self {
        let peer = peer.map(|peer| peer.to_canonical());
        let asked = parts.uri.authority().map(|authority| authority.as_str().to_owned());
        let host = asked.or_else(|| Some(parts.headers.get(HOST)?.to_str().ok()?.to_owned()));
        let direct = Self { client: peer, host, scheme: None };
        if !peer.is_some_and(|peer| trusted.contain(peer)) {
            return direct;
        }
        let standard = hops(&parts.headers);
        let common = common_hops(&parts.headers);
        let (standard, common) = (browser(&standard, trusted), browser(&common, trusted));
        let told = match (standard, common) {
            (Some(told), None) | (None, Some(told)) => told,
            // A proxy writes one kind of headers, and may pass on the other kind as the browser forged it.
            (Some(standard), Some(common)) if standard == common => standard,
            _ => return direct,
        };
        let client = told.client.as_deref().and_then(address).or(direct.client);
        let host = told.host.clone().or(direct.host);
        Self { client, host, scheme: told.scheme.clone() }
    }

    /// The address at which the browser sees this site, if it is another than the public URL.
    pub(crate) fn other_than(&self, public: &Origin) -> Option<String> {
        let host = self.host.as_deref()?;
        let scheme = self.scheme.as_deref().unwrap_or(if public.is_https() { "https" } else { "http" });
        if public.as_str().strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://")) == Some(host) {
            return None;
        }
        let seen = format!("{scheme}://{host}");
        let is_same = url::Url::parse(&seen).is_ok_and(|url| {
            url.host_str() == Some(public.host())
                && url.port_or_known_default() == Some(public.port())
                && (url.scheme() == "https") == public.is_https()
        });
        // It goes into the log, and anybody can send any text.
        let seen = || seen.chars().filter(|c| c.is_ascii_graphic()).take(MAX_SHOWN).collect();
        (!is_same).then(seen)
    }
}

/// How one proxy received a request.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Hop {
    client: Option<String>,
    host: Option<String>,
    scheme: Option<String>,
}

/// The hop at which the request entered the trusted proxies: each proxy adds a hop behind those that it received, and the
/// browser may have forged all before that one.
fn browser<'a>(hops: &'a [Hop], trusted: &Networks) -> Option<&'a Hop> {
    let is_proxy =
        |hop: &&Hop| hop.client.as_deref().and_then(address).is_some_and(|address| trusted.contain(address));
    hops.iter().rev().find(|hop| !is_proxy(hop)).or_else(|| hops.first())
}

/// RFC 7239.
fn hops(headers: &HeaderMap) -> Vec<Hop> {
    listed(headers, FORWARDED.as_str())
        .map(|element| {
            let mut hop = Hop::default();
            for pair in element.split(';') {
                let Some((name, value)) = pair.split_once('=') else { continue };
                let value = value.trim().trim_matches('"').to_owned();
                match &*name.trim().to_ascii_lowercase() {
                    "for" => hop.client = Some(value),
                    "host" => hop.host = Some(value),
                    "proto" => hop.scheme = Some(value.to_ascii_lowercase()),
                    _ => {}
                }
            }
            hop
        })
        .collect()
}

/// `X-Forwarded-For`, `-Host` and `-Proto`. A proxy that sets host and scheme anew leaves shorter lists.
fn common_hops(headers: &HeaderMap) -> Vec<Hop> {
    let [clients, hosts, schemes] = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"]
        .map(|name| listed(headers, name).collect::<Vec<_>>());
    let length = clients.len().max(hosts.len()).max(schemes.len());
    let from_end = |list: &[String], back: usize| {
        let at = list.len().saturating_sub(back + 1);
        list.get(at).cloned()
    };
    let hop = |back| Hop {
        client: clients.len().checked_sub(back + 1).and_then(|at| clients.get(at)).cloned(),
        host: from_end(&hosts, back),
        scheme: from_end(&schemes, back).map(|scheme| scheme.to_ascii_lowercase()),
    };
    (0..length).rev().map(hop).collect()
}

/// The elements of a header that is a list.
fn listed(headers: &HeaderMap, name: &str) -> impl Iterator<Item = String> {
    let lines = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    let lines: Vec<_> = lines
        .flat_map(|line| line.split(',').map(|part| part.trim().to_owned()).collect::<Vec<_>>())
        .collect();
    lines.into_iter().filter(|part| !part.is_empty())
}

/// An address with or without a port and brackets.
fn address(text: &str) -> Option<IpAddr> {
    let plain = text.strip_prefix('[').and_then(|rest| rest.split(']').next()).unwrap_or(text);
    let read = plain.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    read.map(|address: IpAddr| address.to_canonical())
}

/// The longest address that is shown in the log.
const MAX_SHOWN: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, headers: &[(&str, &str)]) -> Seen {
        let mut request = http::Request::builder().uri("/login/a");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let trusted = Networks(["10.0.0.0/8", "192.0.2.1"].map(|text| text.parse().unwrap()).into());
        Seen::of(&parts, Some(peer.parse().unwrap()), &trusted)
    }

    fn client(peer: &str, headers: &[(&str, &str)]) -> String {
        seen(peer, headers).client.unwrap().to_string()
    }

    #[test]
    fn forwarded_headers_count_from_trusted_proxies_alone() {
        for (headers, found) in [
            (&[("x-forwarded-for", "203.0.113.7")][..], "203.0.113.7"),
            (&[("x-forwarded-for", "6.6.6.6, 203.0.113.7, 10.0.0.9")], "203.0.113.7"),
            (&[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "203.0.113.7")], "203.0.113.7"),
            (&[("x-forwarded-for", "203.0.113.7:4711")], "203.0.113.7"),
            (&[("forwarded", "for=203.0.113.7;proto=https;host=a.example")], "203.0.113.7"),
            (&[("forwarded", "for=6.6.6.6, for=\"[2001:db8::1]:80\", for=10.1.1.1")], "2001:db8::1"),
            (&[("x-forwarded-for", "10.0.0.3, 10.0.0.9")], "10.0.0.3"),
            (&[("x-forwarded-for", "unknown")], "10.0.0.1"),
            // The browser forged one of them.
            (&[("forwarded", "for=6.6.6.6"), ("x-forwarded-for", "203.0.113.7")], "10.0.0.1"),
        ] {
            assert_eq!(client("10.0.0.1", headers), found, "{headers:?}");
            assert_eq!(client("::ffff:10.0.0.1", headers), found, "{headers:?}");
            assert_eq!(client("198.51.100.1", headers), "198.51.100.1", "{headers:?}");
        }
    }

    #[test]
    fn the_address_of_the_site_is_compared_with_the_public_url() {
        let public: Origin = "https://app.example".parse().unwrap();
        let other = |peer: &str, headers: &[(&str, &str)]| seen(peer, headers).other_than(&public);
        for (peer, headers) in [
            ("198.51.100.1", &[("host", "app.example")][..]),
            ("198.51.100.1", &[("host", "APP.example:443")]),
            ("198.51.100.1", &[("host", "app.example"), ("x-forwarded-host", "evil.example")]),
            ("198.51.100.1", &[]),
            (
                "10.0.0.1",
                &[
                    ("host", "internal:8080"),
                    ("x-forwarded-host", "app.example"),
                    ("x-forwarded-proto", "https"),
                ],
            ),
            (
                "10.0.0.1",
                &[("host", "internal:8080"), ("forwarded", "for=1.2.3.4;host=app.example;proto=https")],
            ),
            ("10.0.0.1", &[("host", "app.example")]),
        ] {
            assert_eq!(other(peer, headers), None, "{headers:?}");
        }
        for (peer, headers, address) in [
            ("198.51.100.1", &[("host", "www.app.example")][..], "https://www.app.example"),
            ("198.51.100.1", &[("host", "app.example:8443")], "https://app.example:8443"),
            ("198.51.100.1", &[("host", "a@b\u{7f}".trim_end_matches('\u{7f}'))], "https://a@b"),
            ("10.0.0.1", &[("host", "app.example"), ("x-forwarded-proto", "http")], "http://app.example"),
            ("10.0.0.1", &[("host", "app.example"), ("x-forwarded-host", "b.example")], "https://b.example"),
            (
                "192.0.2.1",
                &[("host", "app.example"), ("forwarded", "host=\"b.example:81\"")],
                "https://b.example:81",
            ),
        ] {
            assert_eq!(other(peer, headers).as_deref(), Some(address), "{headers:?}");
        }
    }
}
