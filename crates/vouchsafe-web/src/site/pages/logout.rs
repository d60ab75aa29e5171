//! The page where people sign out.
use http::{Response, StatusCode};

use crate::page::language::Language;
use crate::site::pages::page as framed;

/// The page, with the button for the provider too, if there is anybody to sign out.
pub(crate) fn page(language: Language, action: &str) -> Response<String> {
    let advice =
        "You can sign out of this site alone. If others use this computer, sign out at your provider too.";
    let [advice, here, there] =
        [advice, "Sign out here", "Sign out here and at the provider"].map(|text| language.say(text));
    let html = format!(
        "<p>{advice}</p>\n\
         <form method=\"post\" action=\"{action}\"><button class=\"main\" name=\"at\" value=\"here\">{here}</button></form>\n\
         <form method=\"post\" action=\"{action}\"><button name=\"at\" value=\"provider\">{there}</button></form>"
    );
    framed((StatusCode::OK, language), "Sign out", &html)
}
