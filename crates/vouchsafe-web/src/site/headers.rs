//! The headers that every response gets, unless the application has set them.
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue};

/// Adds what is missing.
pub(crate) fn complete(headers: &mut HeaderMap) {
    let mut default = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    // The response may show who is signed in, or hold a cookie.
    default(CACHE_CONTROL, "no-store");
    default(X_CONTENT_TYPE_OPTIONS, "nosniff");
    // An address may hold a code or a path that other sites need not know. The own forms still send `Origin`.
    default(REFERRER_POLICY, "same-origin");
    let is_page = headers.get(CONTENT_TYPE).is_some_and(|kind| {
        kind.as_bytes().get(..9).is_some_and(|kind| kind.eq_ignore_ascii_case(b"text/html"))
    });
    if is_page {
        headers
            .entry(CONTENT_SECURITY_POLICY)
            .or_insert(HeaderValue::from_static("frame-ancestors 'none'; base-uri 'self'"));
    }
}
