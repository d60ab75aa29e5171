//! The pages for a device that has no browser, RFC 8628 section 3.3.

use axum::http::StatusCode;
use axum::response::Response;
use maud::html;

use super::{Shown, framed, page};

/// Asks for the code that the device shows; `wrong` if one was typed that is unknown, used or expired.
pub(crate) fn device(user_code: &str, wrong: bool) -> Response {
    let card = html! {
        h1 { "Connect a device" }
        @if wrong {
            p.mark role="alert" {
                "This code is unknown, used or expired. Check it, or let the device show a new one."
            }
        }
        p.lead { "Type the code that the device shows. Continue only if the device is yours." }
        form method="post" action="/device" {
            p {
                label for="user_code" { "Code" } " "
                input.typed id="user_code" name="user_code" autocomplete="off" autocapitalize="characters"
                    spellcheck="false" maxlength="20" required value=(user_code);
            }
            div.choice { button.button.main { "Continue" } }
        }
    };
    let (status, shown) = match wrong {
        true => {
            (StatusCode::BAD_REQUEST, Shown::Problem("The user code is unknown, used or expired".to_owned()))
        }
        false => (StatusCode::OK, Shown::Form("/device", "user_code", user_code.to_owned())),
    };
    framed(status, "Connect a device", "", Some(shown), card)
}

pub(crate) fn device_decided(allowed: bool) -> Response {
    let card = html! {
        @if allowed {
            p.mark.good { "Done" }
            h1 { "The device is connected" }
        } @else {
            h1 { "The device is not connected" }
        }
        p.soft { "Continue on the device. You can close this page." }
    };
    page("Connect a device", Some(Shown::Leave(String::new())), card)
}
