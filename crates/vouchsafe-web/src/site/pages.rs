//! The pages of the site: one frame, and a file for each page.
use std::fmt::Write as _;
use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};

pub(crate) use crate::page::escaped;
use crate::page::language::Language;

pub(crate) mod devices;
pub(crate) mod failed;
pub(crate) mod logged_out;
pub(crate) mod logout;
pub(crate) mod sign_in;

/// A page with this title, in the language, above this HTML.
pub(crate) fn page(
    (status, language): (StatusCode, Language),
    title: &'static str,
    html: &str,
) -> Response<String> {
    let title = escaped(language.say(title));
    let mut text = String::with_capacity(STYLE.len() + html.len() + 512);
    let _ = write!(
        text,
        include_str!("pages/frame.html"),
        lang = language.tag(),
        title = title,
        style = STYLE,
        html = html
    );
    let mut response = Response::new(text);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, UNFRAMED.clone());
    response
}

/// Lets this origin show the page in a frame.
pub(crate) fn let_frame(response: &mut Response<String>, origin: &str) {
    if let Ok(policy) =
        HeaderValue::try_from(format!("{}; form-action 'none'; frame-ancestors {origin}", *POLICY))
    {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
}

/// Allows this one style sheet, by its hash, and nothing else. A `form-action` is missing: a browser applies it to each redirect after
/// a form, and the forms for signing out and linking lead to a provider, which leads anywhere.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'")
});

/// The policy of a page that nobody may frame.
static UNFRAMED: LazyLock<HeaderValue> = LazyLock::new(|| {
    HeaderValue::try_from(format!("{}; frame-ancestors 'none'", *POLICY))
        .unwrap_or(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"))
});

const STYLE: &str = include_str!("pages/style.css");
