//! The authorization response as a form that posts itself, OAuth 2.0 Form Post Response Mode.

use std::sync::LazyLock;

use axum::http::HeaderValue;
use axum::response::Response;
use maud::{PreEscaped, html};

use super::parts::hidden;
use super::{CONTENT_SECURITY_POLICY, Shown, hash_source, page};

/// The button is for browsers without scripts.
pub(crate) fn form_post(redirect_uri: &str, params: &[(String, String)], as_url: String) -> Response {
    let card = html! {
        h1 { "Back to the application" }
        p.lead { "You return to " code { (redirect_uri) } ". If nothing happens, press the button." }
        form method="post" action=(redirect_uri) {
            @for (name, value) in params { (hidden(name, value)) }
            div.choice { button.button.main { "Continue" } }
        }
        script { (PreEscaped(SUBMIT)) }
    };
    let mut response = page("Back to the application", Some(Shown::Leave(as_url)), card);
    if let Ok(policy) = HeaderValue::from_str(&SUBMITTING_POLICY) {
        response.headers_mut().insert("content-security-policy", policy);
    }
    response
}

const SUBMIT: &str = "document.forms[0].submit()";

/// The policy of all pages, with the one script that posts the form.
static SUBMITTING_POLICY: LazyLock<String> =
    LazyLock::new(|| format!("{}; script-src {}", *CONTENT_SECURITY_POLICY, hash_source(SUBMIT)));
