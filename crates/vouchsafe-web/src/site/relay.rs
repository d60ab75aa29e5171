//! The relay for preview deployments, whose hosts no provider knows: responses come to one fixed redirect URI, and go on to the host
//! that is signed into their `state`.
use url::form_urlencoded::{self, Serializer};
use vouchsafe::seal::KeyRing;

use crate::origin::Origin;
use crate::site::failure::Failure;
use crate::site::fault::Fault;

/// The relay of other applications: a fixed site that passes the responses to their logins on.
pub(crate) struct Relay {
    /// The origin with the registered redirect URIs.
    pub(crate) origin: Origin,
    pub(crate) keys: KeyRing,
}

/// The applications to which this site passes responses on.
pub(crate) struct Relayed {
    pub(crate) keys: KeyRing,
    pub(crate) hosts: Vec<Pattern>,
}

impl Relay {
    /// The URL of a login, with its `state` signed together with the origin to return to.
    pub(crate) fn signed(&self, url: &str, own: &Origin) -> Result<String, Failure> {
        let failed = || Failure::new(Fault::Setup, "the state of a login could not be sealed for the relay");
        let (endpoint, query) = url.split_once('?').ok_or_else(failed)?;
        let (mut signed, mut count) = (Serializer::new(String::new()), 0);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if name != "state" {
                signed.append_pair(&name, &value);
                continue;
            }
            count += 1;
            let sealed = self.keys.seal(PURPOSE, RECORD, &format!("{value} {own}")).map_err(|_| failed())?;
            signed.append_pair("state", &sealed);
        }
        if count == 1 { Ok(format!("{endpoint}?{}", signed.finish())) } else { Err(failed()) }
    }
}

impl Relayed {
    /// Where a response goes on, if its `state` was signed for another application: the same path at the origin in it, with the
    /// application's own `state`.
    pub(crate) fn place(&self, path: &str, response: &str) -> Option<Result<String, Failure>> {
        let params: Vec<_> = form_urlencoded::parse(response.as_bytes()).collect();
        let mut states = params.iter().filter(|(name, _)| name == "state");
        let (Some((_, sealed)), None) = (states.next(), states.next()) else { return None };
        let text = self.keys.open(PURPOSE, RECORD, sealed)?;
        let (state, origin) = text.expose().split_once(' ')?;
        let origin: Origin = origin.parse().ok()?;
        if !self.hosts.iter().any(|pattern| pattern.matches(&origin)) {
            let detail = format!("the relay does not serve {origin}: allow it with SiteBuilder::relay_for");
            return Some(Err(Failure::new(Fault::Forbidden, detail)));
        }
        let mut query = Serializer::new(String::new());
        for (name, value) in &params {
            query.append_pair(name, if name == "state" { state } else { value });
        }
        Some(Ok(format!("{origin}{path}?{}", query.finish())))
    }
}

/// A pattern of origins: `https://*.preview.example.com` is every host with one more label, and without `*` it is one origin.
pub(crate) struct Pattern {
    /// The origin, or the part behind the first label.
    origin: Origin,
    is_open: bool,
}

impl Pattern {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (plain, is_open) = match text.split_once("://*.") {
            Some((scheme, rest)) => (format!("{scheme}://{rest}"), true),
            None => (text.to_owned(), false),
        };
        let origin: Origin = plain.parse().ok()?;
        // A star before a single label would be every host of a country.
        let is_narrow = !is_open || origin.host().contains('.');
        (is_narrow && !plain.contains('*')).then_some(Self { origin, is_open })
    }

    fn matches(&self, origin: &Origin) -> bool {
        if !self.is_open {
            return *origin == self.origin;
        }
        let label = origin.host().strip_suffix(self.origin.host()).and_then(|rest| rest.strip_suffix('.'));
        label.is_some_and(|label| !label.is_empty() && !label.contains('.'))
            && (origin.port(), origin.is_https()) == (self.origin.port(), self.origin.is_https())
    }
}

const PURPOSE: &str = "vouchsafe relay";
const RECORD: &str = "state";

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, origin: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(&origin.parse().unwrap())
    }

    #[test]
    fn a_pattern_is_one_origin_or_one_label_before_it() {
        let open = "https://*.preview.example.com";
        for origin in ["https://pr-12.preview.example.com", "https://a.preview.example.com:443"] {
            assert!(matches(open, origin), "{origin}");
        }
        for origin in [
            "https://preview.example.com",
            "https://a.b.preview.example.com",
            "https://evilpreview.example.com",
            "https://preview.example.com.evil.example",
            "https://a.preview.example.com:8443",
            "http://localhost",
        ] {
            assert!(!matches(open, origin), "{origin}");
        }
        assert!(matches("http://localhost:3000", "http://localhost:3000"));
        assert!(!matches("http://localhost:3000", "http://localhost:3001"));
        for bad in [
            "*",
            "https://*",
            "https://*.com",
            "https://a*.example.com",
            "https://*.*.example.com",
            "*.example.com",
            "",
        ] {
            assert!(Pattern::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn only_a_signed_state_goes_on_and_only_to_an_allowed_host() {
        let keys = |byte| KeyRing::new(&[byte; 32]).unwrap();
        let relay = Relay { origin: "https://auth.example.com".parse().unwrap(), keys: keys(1) };
        let relayed = |byte| Relayed {
            keys: keys(byte),
            hosts: vec![Pattern::parse("https://*.preview.example.com").unwrap()],
        };
        let url = "https://provider.example/authorize?client_id=x&state=S-1&nonce=n";
        let signed = |own: &str| relay.signed(url, &own.parse().unwrap()).unwrap();
        let state = |url: &str| url.split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
        let good = signed("https://pr-1.preview.example.com");
        assert!(
            good.starts_with("https://provider.example/authorize?client_id=x&state=")
                && good.ends_with("&nonce=n")
        );
        assert!(!good.contains("S-1") && !good.contains("preview"));
        let response = format!("code=c%26d&state={}&iss=https%3A%2F%2Fprovider.example", state(&good));
        let place = relayed(1).place("/callback/a", &response).unwrap().unwrap();
        assert_eq!(
            place,
            "https://pr-1.preview.example.com/callback/a?code=c%26d&state=S-1&iss=https%3A%2F%2Fprovider.example"
        );
        assert!(relayed(2).place("/callback/a", &response).is_none(), "another key");
        let evil = signed("https://evil.example");
        assert!(relayed(1).place("/callback/a", &format!("code=c&state={}", state(&evil))).unwrap().is_err());
        for other in ["code=c&state=S-1", "code=c", "code=c&state=a.b", &format!("{response}&{response}")] {
            assert!(relayed(1).place("/callback/a", other).is_none(), "{other}");
        }
        assert!(relay.signed("https://provider.example/authorize?client_id=x", &relay.origin).is_err());
    }
}
