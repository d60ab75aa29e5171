use axum::http::StatusCode;
use axum::response::Response;

use super::{Shown, page};
use crate::html::Html;

/// Which code does the device show?
pub(crate) fn device(user_code: &str, wrong: bool) -> Response {
    let (status, complaint) = match wrong {
        true => (
            StatusCode::BAD_REQUEST,
            "<p class=\"mark\" role=\"alert\">This code is not good. Look again, or let the device show a new one.</p>",
        ),
        false => (StatusCode::OK, ""),
    };
    let body = Html::new("<div class=\"card\"><h1>Connect a device</h1>")
        .markup(complaint)
        .markup("<p class=\"lead\">Type the code that the device shows. Continue only if it is yours.</p>")
        .markup("<form method=\"post\" action=\"/device\"><p><label for=\"user_code\">Code</label> ")
        .markup(
            "<input class=\"typed\" id=\"user_code\" name=\"user_code\" autocomplete=\"off\" autocapitalize=\"characters\" ",
        )
        .markup("spellcheck=\"false\" maxlength=\"20\" required value=\"")
        .text(user_code)
        .markup(
            "\"></p><div class=\"choice\"><button class=\"button main\">Continue</button></div></form></div>",
        );
    let shown = match wrong {
        true => Shown::Problem("This code is not good".to_owned()),
        false => Shown::Device(user_code.to_owned()),
    };
    page(status, "Connect a device", "", body, Some(shown))
}

pub(crate) fn device_decided(allowed: bool) -> Response {
    let body = match allowed {
        true => "<div class=\"card\"><p class=\"mark good\">Done</p><h1>The device is connected</h1>",
        false => "<div class=\"card\"><h1>The device is not connected</h1>",
    };
    let body = Html::new(body).markup("<p class=\"soft\">Go on there. You can close this page.</p></div>");
    page(StatusCode::OK, "Connect a device", "", body, Some(Shown::DeviceDecided))
}
