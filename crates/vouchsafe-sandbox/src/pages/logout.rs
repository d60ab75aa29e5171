//! The pages of a logout.

use axum::http::HeaderValue;
use axum::response::Response;
use maud::html;

use super::parts::hidden;
use super::{CONTENT_SECURITY_POLICY, Shown, page};

/// Asks first: any site can link to the logout endpoint.
pub(crate) fn logout(id: &str, name: &str) -> Response {
    let card = html! {
        h1 { "Sign out of the sandbox?" }
        p.lead { "You are signed in as " strong { (name) } ". An application asks to end this session." }
        form method="post" action="/end_session/confirm" {
            (hidden("logout", id))
            div.choice { button.button.main { "Sign out" } }
        }
    };
    page("Sign out", Some(Shown::Form("/end_session/confirm", "logout", id.to_owned())), card)
}

/// The frames are the front-channel logout URIs of the applications (OpenID Connect Front-Channel Logout section 3). The browser goes
/// on by itself when they had time to load.
pub(crate) fn signed_out(frames: &[String], return_to: Option<String>) -> Response {
    let card = html! {
        p.mark.good { "Done" }
        h1 { "You are signed out" }
        p.soft { "The next sign-in will ask again who you are." @if return_to.is_none() { " You can close this page." } }
        @for frame in frames {
            iframe src=(frame) title="An application signs you out" hidden {}
        }
        @if let Some(uri) = &return_to {
            div.choice { a.button.main href=(uri) { "Continue" } }
        }
    };
    let refresh = return_to.as_deref().map(|uri| format!("2; url={uri}"));
    let mut response = page("Signed out", return_to.map(Shown::Leave), card);
    let policy = format!("{}; frame-src http: https:", *CONTENT_SECURITY_POLICY);
    let policy = Some(policy).filter(|_| !frames.is_empty());
    for (name, value) in [("refresh", refresh), ("content-security-policy", policy)] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
