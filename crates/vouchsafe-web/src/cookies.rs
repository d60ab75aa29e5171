//! The cookies of a request.
use http::header::{COOKIE, HeaderMap};

/// The cookies that a browser sent, as names and values, in its order. Those of other programs may hold any bytes: they are skipped
/// if they are not text.
pub(crate) fn sent(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let pairs =
        headers.get_all(COOKIE).into_iter().flat_map(|header| header.as_bytes().split(|b| *b == b';'));
    // RFC 6265 section 5.2: white space is SP and HTAB, the only ASCII white space that a header can hold. If more were
    // trimmed, a name that a neighbouring host may set would pass for one with `__Host-`, which it may not set.
    pairs.filter_map(|pair| std::str::from_utf8(pair.trim_ascii()).ok()?.split_once('='))
}
