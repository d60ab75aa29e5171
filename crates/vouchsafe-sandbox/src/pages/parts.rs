//! Parts that several pages have.

use maud::{Markup, html};

use crate::config::User;

pub(super) fn hidden(name: &str, value: &str) -> Markup {
    html! { input type="hidden" name=(name) value=(value); }
}

/// The first letter of the name. The letter of the user name chooses the colour.
pub(super) fn face(user: &User) -> Markup {
    let initial: String = user.display_name().chars().take(1).flat_map(char::to_uppercase).collect();
    let tone = user.username().bytes().next().unwrap_or_default() % TONES;
    html! { span class={ "face tone" (tone) } aria-hidden="true" { (initial) } }
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

/// How many colours the style sheet has for faces.
const TONES: u8 = 6;
