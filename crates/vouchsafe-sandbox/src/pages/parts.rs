//! Parts that several pages have.

use maud::{Markup, html};

use crate::config::User;
use crate::state::request::{AuthorizationRequest, ChallengeMethod};

/// The provider that the sandbox acts as, above the page's title.
pub(super) fn acting(request: &AuthorizationRequest) -> Markup {
    html! {
        @if !request.part.is_own {
            p.acting { "The sandbox acts as " strong { (request.part.definition.display_name) } }
        }
    }
}

pub(super) fn hidden(name: &str, value: &str) -> Markup {
    html! { input type="hidden" name=(name) value=(value); }
}

pub(super) fn face(user: &User, tone: usize) -> Markup {
    let initial: String = user.display_name().chars().take(1).flat_map(char::to_uppercase).collect();
    html! { span class={ "face tone" (tone % TONES) } aria-hidden="true" { (initial) } }
}

pub(super) fn who(user: &User, hinted: bool) -> Markup {
    html! {
        span.who {
            b { (user.display_name()) }
            @match user.email() {
                Some(email) => {
                    span { (email) }
                    @if user.email_verified() {
                        span.good { "e-mail verified" }
                    } @else {
                        span.warn { "e-mail not verified" }
                    }
                }
                None => span.warn { "no e-mail address" },
            }
            @if hinted { span { "suggested by the application" } }
        }
    }
}

pub(super) fn entry(name: &str, value: &str) -> Markup {
    html! { dt { (name) } dd { code { (value) } } }
}

/// The authorization request, for the developer of the application.
pub(super) fn for_developers(request: &AuthorizationRequest) -> Markup {
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

/// How many colours the style sheet has for faces.
const TONES: usize = 6;
