//! The page that says what kept somebody from going on.
use http::{Response, StatusCode};

use crate::page::language::Language;
use crate::site::pages::{escaped, page as framed};

/// A page with advice in plain text, and one link.
pub(crate) fn page(
    (status, language): (StatusCode, Language),
    title: &'static str,
    advice: &str,
    (link, label): (&str, &'static str),
) -> Response<String> {
    let (advice, link) = (escaped(advice), escaped(link));
    let label = escaped(language.say(label));
    framed((status, language), title, &format!("<p>{advice}</p>\n<p><a href=\"{link}\">{label}</a></p>"))
}
