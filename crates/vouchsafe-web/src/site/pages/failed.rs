//! The page that says what kept somebody from going on.
use http::{Response, StatusCode};

use crate::site::pages::{escaped, page as framed};

/// A page with advice in plain text, and one link.
pub(crate) fn page(
    status: StatusCode,
    title: &str,
    advice: &str,
    (link, label): (&str, &str),
) -> Response<String> {
    let (advice, link) = (escaped(advice), escaped(link));
    framed(status, title, &format!("<p>{advice}</p>\n<p><a href=\"{link}\">{label}</a></p>"))
}
