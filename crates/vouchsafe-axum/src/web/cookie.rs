//! The login cookie: its name, and the headers that bring it.
use std::time::Duration;

use http::header::{COOKIE, HeaderMap};

/// The names of the login cookies of one application at one host. There are a few fixed ones, so that the browser itself
/// keeps their number small, however many logins start at once.
pub(crate) struct Names {
    prefix: String,
}

impl Names {
    pub(crate) fn of(redirect_uri: &str) -> Self {
        // Cookies do not know ports (RFC 6265 section 8.5): applications side by side on one host must not take each
        // other's logins away. Plain http is for loopback hosts alone, where browsers take no `__Host-`.
        let uri = redirect_uri.parse::<http::Uri>().unwrap_or_default();
        let prefix = match (uri.scheme_str(), uri.port_u16()) {
            (Some("http"), port) => format!("{PLAIN}{}-", port.unwrap_or(80)),
            (_, Some(port)) if port != 443 => format!("{HOST}{port}-"),
            _ => HOST.to_owned(),
        };
        Self { prefix }
    }

    /// The name of the cookie in that slot that the key of that name sealed.
    pub(crate) fn name(&self, key: &str, slot: usize) -> String {
        format!("{}{key}-{slot}", self.prefix)
    }
}

/// A cookie that may be a login cookie, as the browser sent it.
#[derive(Clone)]
pub(crate) struct Cookie {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl Cookie {
    /// The login cookies of a request; all of them, so that a cookie which a neighbouring host may have planted hides
    /// none of ours. The cookies of others are passed over, whatever bytes they are.
    pub(crate) fn all(headers: &HeaderMap) -> Vec<Self> {
        let pairs =
            headers.get_all(COOKIE).into_iter().flat_map(|header| header.as_bytes().split(|b| *b == b';'));
        pairs.filter_map(Self::of).collect()
    }

    fn of(pair: &[u8]) -> Option<Self> {
        // RFC 6265 section 5.2: white space is SP and HTAB, which is all that a header can hold of ASCII's. With more of it
        // taken off, a name that a neighbouring host may set would pass for one with `__Host-`, which it may not.
        let (name, value) = std::str::from_utf8(pair.trim_ascii()).ok()?.split_once('=')?;
        let is_ours = name.starts_with(HOST) || name.starts_with(PLAIN);
        let fits = name.len() + 1 + value.len() <= MAX_COOKIE;
        (is_ours && fits).then(|| Self { name: name.to_owned(), value: value.to_owned() })
    }

    /// The header that sets it, unless it is too large.
    pub(crate) fn set(&self, way: Way, lifetime: Duration) -> Option<String> {
        let Self { name, value } = self;
        (name.len() + 1 + value.len() <= MAX_COOKIE).then(|| header(name, value, lifetime, way))
    }
}

/// How the response of the provider comes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    /// In the query, or by a form of the same site, to which browsers go along with cookies that are `Lax`.
    Query,
    /// In a form that the provider's page posts: across sites, to which only cookies that are `None` go along.
    Form,
}

impl Way {
    /// How it will come to a login that begins at that URL and returns to that redirect URI.
    pub(crate) fn of(url: &str, redirect_uri: &str) -> Self {
        let mut pairs = url.split(['?', '&', '#']);
        if !pairs.any(|pair| pair == "response_mode=form_post") || are_neighbours(url, redirect_uri) {
            return Self::Query;
        }
        Self::Form
    }
}

/// Whether both are at the same host by plain http: only loopback hosts are, and ports do not tell sites apart.
fn are_neighbours(url: &str, redirect_uri: &str) -> bool {
    let host = |url: &str| {
        let url = url.parse::<http::Uri>().ok()?;
        (url.scheme_str() == Some("http")).then(|| url.host().map(str::to_owned))?
    };
    host(url).is_some_and(|here| host(redirect_uri) == Some(here))
}

/// The header that takes a cookie away. By plain http not every browser takes a `Secure` one for that.
pub(crate) fn remove(name: &str, way: Way) -> String {
    let way = if name.starts_with(HOST) { way } else { Way::Query };
    header(name, "", Duration::ZERO, way)
}

fn header(name: &str, value: &str, lifetime: Duration, way: Way) -> String {
    // Browsers take `None` only together with `Secure`, and most take that of loopback hosts by plain http as well.
    let rest = match (name.starts_with(HOST), way) {
        (_, Way::Form) => "None; Secure",
        (true, Way::Query) => "Lax; Secure",
        (false, Way::Query) => "Lax",
    };
    format!("{name}={value}; Path=/; Max-Age={}; HttpOnly; SameSite={rest}", lifetime.as_secs())
}

/// RFC 6265bis section 4.1.3.2: a browser takes a cookie of such a name only over https, for this very host.
const HOST: &str = "__Host-vouchsafe-login-";
const PLAIN: &str = "vouchsafe-login-";
/// How long a login may take in the browser; as long as [`vouchsafe::Client::login_limit`] by default.
pub(crate) const LIFETIME: Duration = Duration::from_secs(10 * 60);
/// So many logins may be under way in one browser: so many slots there are for their cookies.
pub(crate) const MAX_OPEN: usize = 5;
/// The longest name and value of one cookie, in bytes. All of them together stay below the 8 kB that servers and proxies
/// take of a header.
pub(crate) const MAX_COOKIE: usize = 1536;

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const HTTPS: &str = "https://app.example.com/callback";
    const LOCAL: &str = "http://127.0.0.1:3000/callback";

    fn set(redirect_uri: &str, way: Way) -> String {
        let name = Names::of(redirect_uri).name("key", 0);
        Cookie { name, value: "x".to_owned() }.set(way, LIFETIME).unwrap()
    }

    fn names(header: &[u8]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_bytes(header).unwrap());
        Cookie::all(&headers).into_iter().map(|cookie| cookie.name).collect()
    }

    #[test]
    fn applications_on_one_host_have_names_of_their_own() {
        for (redirect_uri, name) in [
            (HTTPS, "__Host-vouchsafe-login-key-0"),
            ("https://app.example.com:443/callback", "__Host-vouchsafe-login-key-0"),
            ("https://app.example.com:8443/callback", "__Host-vouchsafe-login-8443-key-0"),
            (LOCAL, "vouchsafe-login-3000-key-0"),
            ("http://localhost/callback", "vouchsafe-login-80-key-0"),
        ] {
            assert_eq!(Names::of(redirect_uri).name("key", 0), name);
        }
    }

    #[test]
    fn the_cookies_of_others_do_not_matter_whatever_bytes_they_are() {
        let ours = b"__Host-vouchsafe-login-key-0=x";
        for byte in (b'\t'..=255).filter(|b| *b == b'\t' || !b.is_ascii_control()) {
            for other in [&[byte][..], &[b'a', b'=', byte], &[byte, b'=', b'a']] {
                for header in [[other, b"; ", ours].concat(), [&ours[..], b"; ", other].concat()] {
                    assert_eq!(names(&header), ["__Host-vouchsafe-login-key-0"], "{byte:#x}");
                }
            }
        }
    }

    #[test]
    fn white_space_around_a_cookie_is_space_and_tab() {
        let ours = "__Host-vouchsafe-login-key-0";
        for space in ["", " ", "\t", " \t "] {
            assert_eq!(names(format!("a=b;{space}{ours}=x{space}").as_bytes()), [ours]);
        }
        let unicode = (0..=char::MAX as u32).filter_map(char::from_u32).filter(|c| c.is_whitespace());
        let mut tried = 0;
        // The rest of ASCII's white space cannot come in a header.
        for space in unicode.filter(|c| !c.is_ascii()) {
            for pair in [format!("{space}{ours}=x"), format!("{ours}{space}=x")] {
                assert!(!names(pair.as_bytes()).contains(&ours.to_owned()), "{space:?}");
            }
            tried += 1;
        }
        assert!(tried > 15, "{tried}");
        for other in [format!("{ours} =x"), ours.to_uppercase(), format!("={ours}=x"), format!("x{ours}=x")] {
            assert!(!names(other.as_bytes()).contains(&ours.to_owned()), "{other}");
        }
    }

    #[test]
    fn all_cookie_headers_are_read() {
        let mut headers = HeaderMap::new();
        for header in ["a=b; vouchsafe-login-80-key-0=x", "vouchsafe-login-80-key-1=y", "c=d"] {
            headers.append(COOKIE, HeaderValue::from_static(header));
        }
        let values: Vec<_> = Cookie::all(&headers).into_iter().map(|cookie| cookie.value).collect();
        assert_eq!(values, ["x", "y"]);
    }

    #[test]
    fn over_https_the_cookie_is_secure_and_of_this_host_alone() {
        let expected = "__Host-vouchsafe-login-key-0=x; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure";
        assert_eq!(set(HTTPS, Way::Query), expected);
    }

    #[test]
    fn the_cookie_goes_along_with_a_form_from_another_site_where_it_is_secure() {
        let set = |redirect_uri: &str, url: &str| set(redirect_uri, Way::of(url, redirect_uri));
        let form = "https://op.example/authorize?a=b&response_mode=form_post&state=x";
        assert!(set(HTTPS, form).ends_with("; HttpOnly; SameSite=None; Secure"));
        assert!(set(LOCAL, form).ends_with("; HttpOnly; SameSite=None; Secure"), "another site");
        let local = "http://127.0.0.1:9400/authorize?response_mode=form_post";
        assert!(set(LOCAL, local).ends_with("; HttpOnly; SameSite=Lax"), "the same site");
        assert!(set("http://localhost:3000/callback", local).ends_with("; SameSite=None; Secure"));
        assert!(set(HTTPS, local).ends_with("; SameSite=None; Secure"));
        let plain = Names::of(LOCAL).name("key", 0);
        assert!(remove(&plain, Way::Form).ends_with("; Max-Age=0; HttpOnly; SameSite=Lax"));
        for query in ["https://op.example/authorize?response_mode=query", "https://op.example/a?x=form_post"]
        {
            assert!(set(HTTPS, query).ends_with("; HttpOnly; SameSite=Lax; Secure"));
        }
        assert!(set(HTTPS, "https://op.example/a?response_mode=form_post#x").contains("SameSite=None"));
    }

    #[test]
    fn a_cookie_is_no_larger_than_its_share_of_what_servers_take() {
        let set = |length: usize| {
            Cookie { name: "a".to_owned(), value: "x".repeat(length - 2) }.set(Way::Query, LIFETIME)
        };
        assert!(set(MAX_COOKIE).is_some());
        assert!(set(MAX_COOKIE + 1).is_none());
        const { assert!(MAX_OPEN * (MAX_COOKIE + 2) < 8000) };
        // Such a cookie of ours is none.
        let sent = |length: usize| {
            names(format!("{PLAIN}={}", "x".repeat(length - PLAIN.len() - 1)).as_bytes()).len()
        };
        assert_eq!((sent(MAX_COOKIE), sent(MAX_COOKIE + 1)), (1, 0));
    }
}
