//! The cookie of a session: its name, and the headers that set and remove it.
use std::time::Duration;

use http::HeaderValue;

use crate::origin::Origin;

/// The name of the cookie. RFC 6265 section 8.5: cookies do not know ports, so applications side by side on one host have
/// different names. Over plain http, which is for loopback hosts, browsers refuse `__Host-`.
pub(super) fn name(origin: &Origin) -> String {
    match (origin.is_https(), origin.port()) {
        (true, 443) => HOST.to_owned(),
        (true, port) => format!("{HOST}-{port}"),
        (false, port) => format!("{PLAIN}-{port}"),
    }
}

/// The header that sets the cookie. Names and values are ours: they hold only characters of a cookie.
pub(super) fn set(origin: &Origin, value: &str, lifetime: Duration, in_frames: bool) -> Option<HeaderValue> {
    let secure = if origin.is_https() { "; Secure" } else { "" };
    // Without TLS, browsers refuse `None`.
    let same_site = if in_frames && origin.is_https() { "None" } else { "Lax" };
    let (name, seconds) = (name(origin), lifetime.as_secs());
    let header = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite={same_site}{secure}");
    let mut header = HeaderValue::try_from(header).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// RFC 6265bis section 4.1.3.2: a browser accepts a cookie of such a name only over https and for this very host.
const HOST: &str = "__Host-vouchsafe-session";
const PLAIN: &str = "vouchsafe-session";
/// The longest name and value of a session cookie, in bytes. Together with the login cookies it stays below the 8 kB that servers
/// and proxies accept in a header.
pub(super) const MAX_COOKIE: usize = 2560;
