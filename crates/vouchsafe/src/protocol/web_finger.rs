//! Finding the issuer of a person or a host by WebFinger (RFC 7033, OpenID Connect Discovery 1.0 section 2).
use http::Method;
use serde_json::Value;
use vouchsafe_providers::Encoding;

use super::call::{Call, Outgoing};
use super::quirks::UNCHANGED;
use super::response::Incoming;
use crate::endpoint::{Endpoint, NotAnEndpoint, PlainHosts};
use crate::error::{Check, ConfigProblem, Error, Malformed, Operation};
use crate::text::legible::legible;
use crate::text::redact::printable;

/// The resource that is asked about, and where.
#[derive(Debug)]
pub(crate) struct Resource {
    /// The identifier in its normal form (section 2.1.2).
    pub(crate) uri: String,
    pub(crate) endpoint: Endpoint,
}

impl Resource {
    /// Brings an identifier that a user typed into its normal form.
    pub(crate) fn of(identifier: &str, plain: &PlainHosts) -> Result<Self, Error> {
        let wrong = |why: &str| {
            let detail = format!(
                "{} is not an identifier such as joe@example.com or https://example.com/joe: {why}",
                printable(identifier, 120)
            );
            Error::config(ConfigProblem::Identifier, detail)
        };
        let text = identifier.trim();
        // Section 2.1.2: these begin an XRI, which nobody resolves any more.
        if text.is_empty() || text.starts_with(['=', '@', '!']) {
            return Err(wrong("it is empty, or begins with a character that no identifier begins with"));
        }
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(wrong("it has white space or control characters"));
        }
        // Step 4: a fragment is stripped.
        let text = text.split('#').next().unwrap_or_default();
        let has_scheme =
            |name: &str| text.get(..name.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(name));
        let uri = if has_scheme("acct:") || has_scheme("https://") || has_scheme("http://") {
            text.to_owned()
        } else if text.contains("://") {
            return Err(wrong("it has another scheme than acct, https and http"));
        } else if text.contains('@') && !text.contains(['/', ':', '?']) {
            // Step 3: a user and a host alone are an account.
            format!("acct:{text}")
        } else {
            format!("https://{text}")
        };
        let (scheme, rest) = uri.split_once(':').unwrap_or_default();
        let (is_account, is_http) =
            (scheme.eq_ignore_ascii_case("acct"), scheme.eq_ignore_ascii_case("http"));
        let host = match rest.strip_prefix("//") {
            Some(rest) if !is_account => rest.split(['/', '?']).next().unwrap_or_default(),
            _ => rest
                .rsplit_once('@')
                .map(|(_, host)| host)
                .ok_or_else(|| wrong("it has no host behind an @"))?,
        };
        // RFC 7033 §4: always https, unless the application has named this host, or this machine by an http URL.
        let name =
            host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map_or(host, |(name, _)| name);
        let scheme = if plain.names(name) || is_http { "http" } else { "https" };
        let place = format!("{scheme}://{host}{WELL_KNOWN}");
        let endpoint = Endpoint::parse_for(&place, plain).map_err(|why| match why {
            NotAnEndpoint::Invalid(why) => wrong(&why),
            NotAnEndpoint::Insecure => {
                let detail = format!(
                    "{} must be https, so that nobody else can name the provider",
                    printable(identifier, 120)
                );
                Error::config(ConfigProblem::InsecureUrl, detail)
            }
        })?;
        if endpoint.uri().path() != WELL_KNOWN || endpoint.uri().query().is_some() {
            return Err(wrong("what stands for the host is none"));
        }
        Ok(Self { uri, endpoint })
    }
}

/// The question for the issuer of a resource.
pub(crate) struct WebFingerRequest<'a> {
    pub(crate) resource: &'a Resource,
    pub(crate) plain: &'a PlainHosts,
}

impl Call for WebFingerRequest<'_> {
    /// The issuer.
    type Output = String;

    fn operation(&self) -> Operation {
        Operation::WebFinger
    }

    fn write<'a>(&'a self, to: &mut Outgoing<'a>) -> Result<(), Error> {
        to.encode(Encoding::Query, [&UNCHANGED; 2]);
        to.method(Method::GET);
        to.push("resource", &self.resource.uri);
        to.push("rel", ISSUER);
        Ok(())
    }

    fn read(&self, from: Incoming<'_>) -> Result<String, Error> {
        from.check_status()?;
        let document = from.object()?;
        let Some(Value::Array(links)) = document.get("links") else {
            return Err(from.malformed(
                Malformed::MissingField,
                "has no list of links: this host names no provider for the identifier",
            ));
        };
        let found = links.iter().find(|link| link.get("rel").and_then(Value::as_str) == Some(ISSUER));
        let Some(link) = found else {
            return Err(from.malformed(
                Malformed::MissingField,
                "has no link to an issuer: this host names no provider for the identifier",
            ));
        };
        let Some(href) = link.get("href").and_then(Value::as_str) else {
            return Err(
                from.malformed(Malformed::InvalidField, "has a link to an issuer without a URL (href)")
            );
        };
        // Section 2.1.1: the issuer is https, without query and fragment.
        match Endpoint::parse_for(href, self.plain) {
            Ok(issuer) if issuer.uri().query().is_none() => Ok(href.to_owned()),
            Ok(_) => {
                Err(from
                    .malformed(Malformed::InvalidField, "has an issuer with a query, which no issuer has"))
            }
            Err(NotAnEndpoint::Invalid(why)) => Err(from.malformed(
                Malformed::InvalidField,
                &format!("has an issuer that is not a usable URL: {why}"),
            )),
            Err(NotAnEndpoint::Insecure) => {
                let detail = format!("the issuer {} that WebFinger found must be https", legible(href));
                Err(Error::validation(Operation::WebFinger, Check::InsecureUrl, detail))
            }
        }
    }
}

const WELL_KNOWN: &str = "/.well-known/webfinger";
/// Section 2: the relation of a resource to its issuer.
const ISSUER: &str = "http://openid.net/specs/connect/1.0/issuer";

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(identifier: &str) -> Option<(String, String)> {
        let resource = Resource::of(identifier, &PlainHosts::default()).ok()?;
        let host = resource.endpoint.as_str().strip_suffix(WELL_KNOWN)?.to_owned();
        Some((resource.uri, host))
    }

    #[test]
    fn an_identifier_is_brought_into_its_normal_form() {
        // Discovery §2.1.2, and the examples of §2.2.
        for (typed, uri, host) in [
            ("joe@example.com", "acct:joe@example.com", "https://example.com"),
            ("acct:joe@example.com", "acct:joe@example.com", "https://example.com"),
            ("ACCT:joe@example.com", "ACCT:joe@example.com", "https://example.com"),
            (
                "acct:juliet%40capulet.example@shopping.example.com",
                "acct:juliet%40capulet.example@shopping.example.com",
                "https://shopping.example.com",
            ),
            (
                "acct:a.module@suite.example:8443",
                "acct:a.module@suite.example:8443",
                "https://suite.example:8443",
            ),
            ("https://example.com/joe", "https://example.com/joe", "https://example.com"),
            ("https://example.com:8080/", "https://example.com:8080/", "https://example.com:8080"),
            (
                "https://example.com:8443/alias/module",
                "https://example.com:8443/alias/module",
                "https://example.com:8443",
            ),
            ("example.com:8080", "https://example.com:8080", "https://example.com:8080"),
            ("example.com", "https://example.com", "https://example.com"),
            ("example.com/joe?x=y#z", "https://example.com/joe?x=y", "https://example.com"),
            ("joe@example.com:8080", "https://joe@example.com:8080", ""),
            ("  joe@example.com ", "acct:joe@example.com", "https://example.com"),
            ("http://127.0.0.1:9/joe", "http://127.0.0.1:9/joe", "http://127.0.0.1:9"),
            ("acct:joe@[::1]:8443", "acct:joe@[::1]:8443", "https://[::1]:8443"),
        ] {
            let expected = (!host.is_empty()).then(|| (uri.to_owned(), host.to_owned()));
            assert_eq!(normal(typed), expected, "{typed}");
        }
    }

    #[test]
    fn anything_else_is_no_identifier() {
        for typed in [
            "",
            " ",
            "=joe",
            "@joe",
            "!joe",
            "joe bloggs@example.com",
            "acct:joe",
            "acct:",
            "joe@",
            "mailto://x",
            "ftp://example.com",
            "http://example.com/joe",
            "https://",
            "https:///joe",
            "acct:joe@example.com/evil",
            "acct:joe@example.com?x",
            "joe@exa\u{1b}mple.com",
            "https://joe@evil.example/",
            "acct:joe@a.example\\b.example",
        ] {
            assert!(Resource::of(typed, &PlainHosts::default()).is_err(), "{typed}");
        }
    }

    #[test]
    fn a_host_that_the_application_named_is_asked_over_http() {
        let mut plain = PlainHosts::default();
        plain.add("keycloak".to_owned());
        let place = |typed: &str| Resource::of(typed, &plain).unwrap().endpoint.as_str().to_owned();
        assert_eq!(place("joe@keycloak"), "http://keycloak/.well-known/webfinger");
        assert_eq!(place("acct:joe@keycloak:8080"), "http://keycloak:8080/.well-known/webfinger");
        assert_eq!(place("joe@localhost"), "https://localhost/.well-known/webfinger");
    }
}
