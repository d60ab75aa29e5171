//! The login page: one button for each user.

use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use super::parts::{acting, face, for_developers, hidden, who};
use super::{Shown, page};
use crate::config::User;
use crate::fault::{self, Fault, Place};
use crate::state::request::AuthorizationRequest;

pub(crate) fn login(users: &[User], id: &str, request: &AuthorizationRequest) -> Response {
    let is_hinted = |user: &User| {
        let hint = request.login_hint.as_deref();
        hint.is_some_and(|hint| hint == user.username() || Some(hint) == user.email())
            || request.only_user.as_deref() == Some(user.username())
    };
    let mut users: Vec<_> =
        users.iter().enumerate().map(|(tone, user)| (tone, user, is_hinted(user))).collect();
    users.sort_by_key(|(_, _, hinted)| !hinted);
    let card = html! {
        (acting(request))
        h1 { "Who would you like to be?" }
        p.lead { "Sign in to " strong { (request.client_id) } " with one click. There are no passwords here." }
        form method="post" action="/login" {
            (hidden("interaction", id))
            ul {
                @for (tone, user, hinted) in users {
                    li {
                        button.person.hinted[hinted] name="user" value=(user.username()) {
                            (face(user, tone)) (who(user, hinted)) span.arrow aria-hidden="true" { "→" }
                        }
                    }
                }
            }
            (faults(request))
        }
        form method="post" action="/consent" {
            (hidden("interaction", id))
            button.quiet name="decision" value="deny" { "Cancel and go back" }
        }
        (for_developers(request))
    };
    page(StatusCode::OK, "Sign in", card, Some(Shown::Login(id.to_owned())))
}

/// Users whose login meets a fault.
fn faults(request: &AuthorizationRequest) -> Markup {
    let needs_id_token = |fault: &Fault| matches!(fault.place(), Place::IdToken | Place::Keys);
    let fits = |(_, fault): &&(User, Fault)| request.part.has_id_token() || !needs_id_token(fault);
    let groups =
        fault::shown().map(|(title, people)| (title, people.into_iter().filter(fits).collect::<Vec<_>>()));
    html! {
        details.faults {
            summary { "Sign in with a fault" }
            @for (title, people) in groups.filter(|(_, people)| !people.is_empty()) {
                details {
                    summary { (title) " " span.count { (people.len()) } }
                    ul {
                        @for (user, fault) in people {
                            li {
                                button.fault name="user" value=(user.username()) {
                                    b { (fault.name()) } span { (fault.description()) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
