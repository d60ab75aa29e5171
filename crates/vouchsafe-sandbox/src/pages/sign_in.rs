//! The pages of a login: who signs in, and whether the application may have access.

use axum::response::Response;
use maud::{Markup, html};

use super::parts::{entry, face, hidden, who};
use super::{Shown, page};
use crate::config::User;
use crate::fault::{self, Fault, Place};
use crate::state::{AuthorizationRequest, ChallengeMethod};

/// The login page: one button for each user.
pub(crate) fn login(users: &[User], id: &str, request: &AuthorizationRequest) -> Response {
    let is_hinted = |user: &User| {
        let hint = request.login_hint.as_deref();
        hint.is_some_and(|hint| hint == user.username() || Some(hint) == user.email())
            || request.only_user.as_deref() == Some(user.username())
    };
    let mut users: Vec<_> = users.iter().map(|user| (user, is_hinted(user))).collect();
    users.sort_by_key(|(_, hinted)| !hinted);
    let card = html! {
        (acting(request))
        h1 { "Who would you like to be?" }
        p.lead { "Sign in to " strong { (request.client_id) } " with one click. There are no passwords here." }
        form method="post" action="/login" {
            (hidden("interaction", id))
            ul {
                @for (user, hinted) in users {
                    li {
                        button.person.hinted[hinted] name="user" value=(user.username()) {
                            (face(user)) (who(user, hinted)) span.arrow aria-hidden="true" { "→" }
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
    page("Sign in", Some(Shown::Form("/login", "interaction", id.to_owned())), card)
}

/// The consent page: `user` is signed in.
pub(crate) fn consent(id: &str, request: &AuthorizationRequest, user: &User) -> Response {
    let card = html! {
        (acting(request))
        h1 { "Allow " (request.client_id) "?" }
        p.lead { "This application would like to:" }
        ul.scopes { @for scope in request.scopes.iter() { (in_plain_words(scope, user)) } }
        div.signed-in {
            (face(user)) (who(user, false))
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
    page("Allow access", Some(Shown::Form("/consent", "interaction", id.to_owned())), card)
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

/// The provider that the sandbox acts as, above the page's title.
fn acting(request: &AuthorizationRequest) -> Markup {
    html! {
        @if !request.part.is_own {
            p.acting { "The sandbox acts as " strong { (request.part.definition.display_name) } }
        }
    }
}

/// The authorization request, for the developer of the application.
fn for_developers(request: &AuthorizationRequest) -> Markup {
    let present = |there: bool| if there { "yes" } else { "none" };
    let challenge = match &request.challenge {
        Some(challenge) if challenge.method == ChallengeMethod::Plain => "plain",
        Some(_) => "S256",
        None => "none",
    };
    html! {
        details {
            summary { "The authorization request" }
            dl {
                (entry("client_id", &request.client_id))
                @if request.device.is_none() { (entry("redirect_uri", &request.redirect_uri)) }
                (entry("scope", &request.scopes.to_string()))
                (entry("PKCE", challenge))
                (entry("state", present(request.state.is_some())))
                (entry("nonce", present(request.nonce.is_some())))
            }
        }
    }
}
