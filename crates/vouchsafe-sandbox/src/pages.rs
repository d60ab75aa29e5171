//! The pages that people see. They work by keyboard, on a phone, in the dark, in forced colours and without scripts.

use std::sync::LazyLock;

use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::wire::sha256;

mod device;
mod form_post;
mod home;
mod logout;
mod parts;
mod problem;
mod session;
mod sign_in;
mod visible;

pub(crate) use device::{device, device_decided};
pub(crate) use form_post::form_post;
pub(crate) use home::home;
pub(crate) use logout::{logout, signed_out};
pub(crate) use problem::Problem;
pub(crate) use session::session;
pub(crate) use sign_in::{consent, login};

/// The purpose of a page. It accompanies the page for a [`Person`](crate::Person), who does not read HTML.
#[derive(Clone)]
pub(crate) enum Shown {
    /// A form: its path, and its hidden field with a value.
    Form(&'static str, &'static str, String),
    /// The way back to the application: the form of an authorization response, written as a query of the redirect URI. It
    /// is empty for a device.
    Leave(String),
    Problem(String),
}

fn page(title: &str, shown: Option<Shown>, card: Markup) -> Response {
    framed(StatusCode::OK, title, "", shown, card)
}

fn framed(
    status: StatusCode,
    title: &str,
    class: &'static str,
    shown: Option<Shown>,
    card: Markup,
) -> Response {
    let html = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (title) " – vouchsafe sandbox" }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href=(ICON);
                style { (PreEscaped(STYLE)) }
            }
            body {
                header.banner {
                    strong { "Sandbox." } " This is not a real provider. Never type a real password."
                }
                main class=(class) { div.card { (card) } }
                footer { "vouchsafe sandbox · for development and tests" }
            }
        }
    };
    // On the whole page, so that no text of a request can slip through.
    let mut response = (status, visible::visible(&html.into_string())).into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::from_str(&CONTENT_SECURITY_POLICY) {
        headers.insert("content-security-policy", policy);
    }
    if let Some(shown) = shown {
        response.extensions_mut().insert(shown);
    }
    response
}

const STYLE: &str = include_str!("pages/style.css");
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' \
    height='16' rx='4' fill='%23f0b400'/%3E%3Cpath d='M4 5l4 7 4-7' fill='none' stroke='%23422d00' stroke-width='2'/%3E%3C/svg%3E";

/// No script, nothing from elsewhere, our one style sheet. There is no `form-action`: Chromium applies it to the redirect
/// after a form as well, and that one leads to the application.
static CONTENT_SECURITY_POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = hash_source(STYLE);
    format!("default-src 'none'; style-src {hash}; img-src data:; base-uri 'none'; frame-ancestors 'none'")
});

fn hash_source(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(sha256(text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::visible::visible;
    use super::*;

    #[test]
    fn text_cannot_leave_its_element_or_attribute() {
        let hostile = "\"><script>'&\u{202e}\0";
        let page = visible(&html! { p title=(hostile) { (hostile) } }.into_string());
        let escaped = "&quot;&gt;&lt;script&gt;'&amp;\u{fffd}\u{fffd}";
        assert_eq!(page, format!("<p title=\"{escaped}\">{escaped}</p>"));
        assert_eq!(visible("❤\u{fe0f} a\u{fe0f}\n"), "❤\u{fe0f} a\u{fffd}\n");
    }
}
