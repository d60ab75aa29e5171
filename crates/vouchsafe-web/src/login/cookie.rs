//! The login cookies of a browser: their names, and the headers that carry them.
use std::time::Duration;

use http::header::HeaderMap;
use vouchsafe::StartedLogin;

use crate::cookies;

/// The names of the login cookies at one redirect URI. There is a fixed number of slots, so that the browser itself limits how many
/// there are, however many logins start at once.
pub(crate) struct Names(String);

impl Names {
    pub(crate) fn at(redirect_uri: &str) -> Self {
        // RFC 6265 section 8.5: cookies do not know ports. Applications side by side on one host must not take each other's
        // logins away. Plain http is for loopback hosts only, where browsers refuse `__Host-`.
        let uri = redirect_uri.parse::<http::Uri>().unwrap_or_default();
        Self(match (uri.scheme_str(), uri.port_u16()) {
            (Some("http"), port) => format!("{PLAIN}{}-", port.unwrap_or(80)),
            (_, Some(port)) if port != 443 => format!("{HOST}{port}-"),
            _ => HOST.to_owned(),
        })
    }

    /// The name of the cookie in a slot, sealed by that key.
    pub(crate) fn of(&self, key_id: &str, slot: usize) -> String {
        format!("{}{key_id}-{slot}", self.0)
    }
}

/// A cookie that may be a login cookie, as the browser sent it.
pub(crate) struct Cookie {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl Cookie {
    /// The login cookies of a request: all of them, so that a cookie planted by a neighbouring host hides none of ours.
    /// Other cookies are skipped, whatever bytes they hold.
    pub(crate) fn all(headers: &HeaderMap) -> Vec<Self> {
        cookies::sent(headers).filter_map(Self::of).collect()
    }

    fn of((name, value): (&str, &str)) -> Option<Self> {
        let is_ours = name.starts_with(HOST) || name.starts_with(PLAIN);
        (is_ours && fits(name, value)).then(|| Self { name: name.to_owned(), value: value.to_owned() })
    }
}

/// The requests from other sites that carry a cookie.
#[derive(Clone, Copy)]
pub(crate) enum SameSite {
    /// Links and redirects: for a response in the query, or in a form that is posted within one site.
    Lax,
    /// Forms as well: for a response that the provider's page posts.
    None,
}

impl SameSite {
    /// The attribute for the cookie of a login.
    pub(crate) fn of(login: &StartedLogin) -> Self {
        let is_posted = login.pending.response_mode().is_some_and(|mode| mode.starts_with("form_post"));
        if is_posted && !are_neighbours(&login.url, login.pending.redirect_uri()) {
            Self::None
        } else {
            Self::Lax
        }
    }
}

/// Whether both are at the same host over plain http. Only loopback hosts are, and ports do not separate sites.
fn are_neighbours(url: &str, redirect_uri: &str) -> bool {
    let host = |url: &str| {
        let url = url.parse::<http::Uri>().ok()?;
        (url.scheme_str() == Some("http")).then(|| url.host().map(str::to_owned))?
    };
    host(url).is_some_and(|here| host(redirect_uri) == Some(here))
}

/// The header that sets a cookie, unless it is too large.
pub(crate) fn set(name: &str, value: &str, lifetime: Duration, same_site: SameSite) -> Option<String> {
    fits(name, value).then(|| header(name, value, lifetime, same_site))
}

/// The header that removes a cookie. Over plain http, some browsers ignore a `Secure` one.
pub(crate) fn remove(name: &str, same_site: SameSite) -> String {
    let same_site = if name.starts_with(HOST) { same_site } else { SameSite::Lax };
    header(name, "", Duration::ZERO, same_site)
}

fn header(name: &str, value: &str, lifetime: Duration, same_site: SameSite) -> String {
    // Browsers accept `None` only with `Secure`, and most accept that from loopback hosts over plain http.
    let same_site = match (name.starts_with(HOST), same_site) {
        (_, SameSite::None) => "None; Secure",
        (true, SameSite::Lax) => "Lax; Secure",
        (false, SameSite::Lax) => "Lax",
    };
    format!("{name}={value}; Path=/; Max-Age={}; HttpOnly; SameSite={same_site}", lifetime.as_secs())
}

fn fits(name: &str, value: &str) -> bool {
    name.len() + 1 + value.len() <= MAX_COOKIE
}

/// RFC 6265bis section 4.1.3.2: a browser accepts a cookie of such a name only over https and for this very host.
const HOST: &str = "__Host-vouchsafe-login-";
const PLAIN: &str = "vouchsafe-login-";
/// The number of logins that may be under way in one browser, and of slots for their cookies.
pub(crate) const MAX_OPEN: usize = 4;
/// The longest name and value of one cookie, in bytes. All of them, together with the cookie of a session, stay below the 8 kB
/// that servers and proxies accept in a header.
pub(crate) const MAX_COOKIE: usize = 1280;
