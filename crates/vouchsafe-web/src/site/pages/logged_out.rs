//! The page after people have signed out.
use http::{Response, StatusCode};

use crate::page::language::Language;
use crate::site::pages::page as framed;

pub(crate) fn page(language: Language, sign_in: &str) -> Response<String> {
    let [out, again] =
        ["You are no longer signed in to this site.", "Sign in again"].map(|text| language.say(text));
    let html = format!("<p>{out}</p>\n<p><a href=\"{sign_in}\">{again}</a></p>");
    framed((StatusCode::OK, language), "You are signed out", &html)
}
