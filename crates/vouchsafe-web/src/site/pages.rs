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
    headers.insert(CONTENT_SECURITY_POLICY, POLICY.clone());
    response
}

/// Allows this one style sheet, by its hash, and nothing else. A `form-action` is missing: a browser applies it to each redirect after
/// a form, and the forms for signing out and linking lead to a provider, which leads anywhere.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    let policy =
        format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; frame-ancestors 'none'");
    HeaderValue::try_from(policy)
        .unwrap_or(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"))
});

const STYLE: &str = include_str!("pages/style.css");
