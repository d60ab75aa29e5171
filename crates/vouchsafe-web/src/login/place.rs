//! The places that redirect URIs name, and which of them one response could belong to.
use http::Uri;

/// The place that a redirect URI names.
pub(crate) struct Place<'a> {
    host: String,
    path: &'a str,
    query: &'a str,
}

impl<'a> Place<'a> {
    /// The place of a redirect URI, which was checked when its client or its login was made.
    pub(crate) fn of(redirect_uri: &'a str) -> Self {
        let host = redirect_uri.parse::<Uri>().ok().and_then(|uri| Some(uri.host()?.to_ascii_lowercase()));
        let rest = redirect_uri.split_once("://").map_or(redirect_uri, |(_, rest)| rest);
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path = rest.find('/').map_or("", |at| &rest[at..]);
        Self { host: host.unwrap_or_default(), path, query }
    }

    /// Whether one response could belong to both. Cookies do not know ports, a response adds parameters to those of the
    /// redirect URI, and a proxy may change a slash at the end or the case of letters.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.host == other.host && self.is_alike(other)
    }

    /// Whether only the host tells a response at one from a response at the other.
    pub(crate) fn differs_by_host(&self, other: &Self) -> bool {
        self.host != other.host && self.is_alike(other)
    }

    /// Whether it is at that host.
    pub(crate) fn is_at(&self, host: &str) -> bool {
        self.host.eq_ignore_ascii_case(host)
    }

    fn is_alike(&self, other: &Self) -> bool {
        let path = |place: &Self| place.path.trim_end_matches('/').to_ascii_lowercase();
        path(self) == path(other) && (self.covers(other) || other.covers(self))
    }

    fn covers(&self, other: &Self) -> bool {
        let mut pairs = other.query.split('&').filter(|pair| !pair.is_empty());
        pairs.all(|pair| self.query.split('&').any(|own| own.eq_ignore_ascii_case(pair)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirect_uris_that_one_response_could_belong_to_meet() {
        let meets = |a: &str, b: &str| {
            let (a, b) = (Place::of(a), Place::of(b));
            assert_eq!(a.meets(&b), b.meets(&a));
            a.meets(&b)
        };
        let callback = "https://app.example/callback";
        for same in [
            callback,
            "https://app.example/callback/",
            "https://APP.example/Callback",
            "https://app.example:8443/callback",
            "http://app.example/callback",
            "https://app.example/callback?provider=a",
            "https://app.example/callback?",
        ] {
            assert!(meets(callback, same), "{same}");
        }
        for other in [
            "https://app.example/callback/a",
            "https://app.example/other",
            "https://app.example/",
            "https://app.example",
            "https://other.example/callback",
            "https://app.example.evil.example/callback",
        ] {
            assert!(!meets(callback, other), "{other}");
            let differs = Place::of(callback).differs_by_host(&Place::of(other));
            assert_eq!(differs, other.ends_with("/callback"), "{other}");
        }
        let query = |query: &str| format!("{callback}?{query}");
        assert!(meets(&query("provider=a"), &query("x=y&provider=a")));
        assert!(!meets(&query("provider=a"), &query("provider=b")));
        assert!(!meets(&query("provider=a&x=y"), &query("provider=a&x=z")));
        assert!(meets("https://app.example", "https://app.example/"));
    }
}
