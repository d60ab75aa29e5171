//! The page after people have signed out.
use http::{Response, StatusCode};

use crate::site::pages::page as framed;

pub(crate) fn page(sign_in: &str) -> Response<String> {
    framed(
        StatusCode::OK,
        "You are signed out",
        &format!(
            "<p>You are no longer signed in to this site.</p>\n<p><a href=\"{sign_in}\">Sign in again</a></p>"
        ),
    )
}
