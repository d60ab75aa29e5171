//! The consent page: what the application may do.

use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use super::parts::{acting, face, for_developers, hidden, who};
use super::{Shown, page};
use crate::config::User;
use crate::state::request::AuthorizationRequest;

/// `user` is signed in; `tone` is the colour of the user's face.
pub(crate) fn consent(id: &str, request: &AuthorizationRequest, user: &User, tone: usize) -> Response {
    let card = html! {
        (acting(request))
        h1 { "Allow " (request.client_id) "?" }
        p.lead { "This application would like to:" }
        ul.scopes { @for scope in request.scopes.iter() { (in_plain_words(scope, user)) } }
        div.signed-in {
            (face(user, tone)) (who(user, false))
            a.switch href={ "/login?interaction=" (id) } aria-label="Switch user" { "Switch" }
        }
        form method="post" action="/consent" {
            (hidden("interaction", id))
            div.choice {
                button.button name="decision" value="deny" { "Deny" }
                button.button.main name="decision" value="allow" { "Allow" }
            }
        }
        p.note {
            @if request.device.is_some() {
                "Allow it only if the device is yours and you have it in front of you."
            } @else {
                "Either way you return to " code { (request.redirect_uri) }
            }
        }
        (for_developers(request))
    };
    page(StatusCode::OK, "Allow access", card, Some(Shown::Consent(id.to_owned())))
}

fn in_plain_words(scope: &str, user: &User) -> Markup {
    html! {
        li {
            @match scope {
                "openid" => { b { "Know who you are" } span { "An identifier that stays the same each time" } }
                "profile" => { b { "See your name" } span { (user.display_name()) } }
                "email" => {
                    b { "See your e-mail address" }
                    span { (user.email().unwrap_or("You have none, so the application gets none")) }
                }
                "offline_access" => {
                    b { "Stay connected" } span { "Keep access while you are away, until you end it" }
                }
                other => { b { "Use " code { (other) } } span { "A scope that the application has chosen" } }
            }
        }
    }
}
