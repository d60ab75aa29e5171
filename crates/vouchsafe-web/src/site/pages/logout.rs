//! The page where people sign out.
use http::{Response, StatusCode};

use crate::site::pages::page as framed;

/// The page, with the button for the provider too, if there is anybody to sign out.
pub(crate) fn page(action: &str) -> Response<String> {
    framed(
        StatusCode::OK,
        "Sign out",
        &format!(
            "<p>You can sign out of this site alone. If others use this computer, sign out at your provider too.</p>\n\
         <form method=\"post\" action=\"{action}\"><button class=\"main\" name=\"at\" value=\"here\">Sign out here</button></form>\n\
         <form method=\"post\" action=\"{action}\"><button name=\"at\" value=\"provider\">Sign out here and at the provider</button></form>"
        ),
    )
}
