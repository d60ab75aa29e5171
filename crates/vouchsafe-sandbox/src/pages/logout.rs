//! The pages of a logout.

use axum::response::Response;
use maud::html;

use super::parts::hidden;
use super::{Shown, page};

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

pub(crate) fn signed_out() -> Response {
    let card = html! {
        p.mark.good { "Done" }
        h1 { "You are signed out" }
        p.soft { "The next sign-in will ask again who you are. You can close this page." }
    };
    page("Signed out", None, card)
}
