//! The page of a user who is signed in: who it is, the access token, and the claims.
use std::time::SystemTime;

use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use vouchsafe::{IdToken, Identity};

use super::mask::Masks;
use super::pages::{flow_of, notice, page};
use super::session::{Notice, Revoked, User};
use crate::text;

/// The whole page.
pub(super) fn signed_in(user: &User, told: Option<&Notice>, csrf: &str) -> Response {
    let (identity, tokens) = (&user.login.identity, &user.login.tokens);
    let provider = &*user.offer.label;
    let body = html! {
        (notice(told))
        div.pair {
            (person(identity, provider, csrf))
            (access_token(user, csrf))
        }
        @if let Some(token) = tokens.id_token() { (claims(token, &user.trace.masks)) }
        (flow_of(&user.offer, &user.walk()))
    };
    page(StatusCode::OK, &format!("Signed in as {}", name_of(identity)), &body)
}

fn name_of(identity: &Identity) -> &str {
    identity.name().or(identity.email()).unwrap_or(identity.subject())
}

fn person(identity: &Identity, provider: &str, csrf: &str) -> Markup {
    let name = name_of(identity);
    let initial: String = name.chars().take(1).flat_map(char::to_uppercase).collect();
    let (class, words) = match identity.email_verified() {
        _ if identity.email().is_none() => ("unknown", "the provider shared none"),
        Some(true) => ("good", "✓ verified by the provider"),
        Some(false) => ("bad", "! not verified: do not trust it"),
        None => ("unknown", "? the provider does not say whether it is verified"),
    };
    html! {
        section.card aria-labelledby="who" {
            div.who {
                span.face.big aria-hidden="true" { (initial) }
                div { p.soft { "You are signed in as" } h1 #who { (name) } }
            }
            dl.facts {
                dt { "User ID" }
                dd { code data-subject { (identity.subject()) } }
                dt { "E-mail" }
                dd {
                    @if let Some(email) = identity.email() { (email) " " }
                    span.badge.(class) data-email { (words) }
                }
                dt { "Provider" }
                dd { (provider) }
            }
            @for warning in identity.warnings() {
                p.soft.small { (warning) }
            }
            div.actions { (action("/sign-out", "Sign out", "button", csrf)) }
        }
    }
}

fn access_token(user: &User, csrf: &str) -> Markup {
    let tokens = &user.login.tokens;
    let left = tokens.expires_at().map(|at| at.duration_since(SystemTime::now()).unwrap_or_default());
    let retry = if user.revoked == Some(Revoked::All) { "Try to refresh" } else { "Refresh" };
    html! {
        section.card aria-labelledby="tokens" {
            h2 #tokens { "The access token" }
            @match (left, tokens.expires_at()) {
                _ if user.revoked.is_some() => { p.life-words data-state="revoked" { "Revoked: the provider refuses it." } }
                (Some(left), Some(at)) => {
                    @let seconds = left.as_secs();
                    div.life data-left=(seconds) {
                        p.life-words data-words {
                            @if seconds == 0 { "Expired: refresh it to continue" } @else { (text::countdown(seconds)) " left" }
                        }
                        @let life = at.duration_since(tokens.received_at()).unwrap_or(left);
                        progress aria-label="Remaining lifetime of the access token" max=(life.as_secs()) value=(seconds) {}
                        @if let Some(date) = text::date(at) { p.soft.small { "until " (date) } }
                    }
                }
                _ => { p.life-words { "The provider does not say how long it is valid." } }
            }
            dl.facts {
                dt { "Token" }
                dd { code { (user.trace.masks.shown(tokens.access_token().expose())) } }
                dt { "Scopes" }
                dd { ul.chips { @for scope in tokens.scopes() { li { code { (scope) } } } } }
                dt { "Refreshed" }
                dd data-refreshes {
                    @match user.refreshes { 0 => { "not yet" } 1 => { "once" } times => { (times) " times" } }
                }
            }
            @if user.can_refresh() || user.can_revoke() {
                div.actions {
                    @if user.can_refresh() { (action("/refresh", retry, "button main", csrf)) }
                    @if user.can_revoke() { (action("/revoke", "Revoke", "button", csrf)) }
                }
            }
            @if let Some(missing) = missing(user) { p.soft.small { (missing) } }
        }
    }
}

/// Says which button is absent because the provider has no such request, or issued no token for it.
fn missing(user: &User) -> Option<&'static str> {
    match (user.can_refresh(), user.can_revoke() || user.revoked.is_some()) {
        (false, false) => Some("Here these tokens can be neither refreshed nor revoked."),
        (false, true) => Some("Here this token cannot be refreshed."),
        (true, false) => Some("The provider has no request that revokes tokens."),
        (true, true) => None,
    }
}

fn action(path: &str, label: &str, class: &str, csrf: &str) -> Markup {
    html! {
        form method="post" action=(path) {
            input type="hidden" name="csrf" value=(csrf);
            button class=(class) { (label) }
        }
    }
}

fn claims(token: &IdToken, masks: &Masks) -> Markup {
    let claims: Vec<_> = token.claims().as_object().into_iter().flatten().collect();
    html! {
        details.card.claims {
            summary {
                h2 { "The claims of the ID token" }
                span.soft { (claims.len()) " claims, signed by the provider and verified" }
            }
            dl {
                @for (name, value) in claims {
                    @let name = name.as_str();
                    @let seconds = value.as_i64().and_then(|value| u64::try_from(value).ok());
                    @let is_time = ["exp", "iat", "auth_time", "nbf"].contains(&name);
                    div {
                        dt { code { (name) } }
                        dd {
                            code {
                                @match value.as_str() {
                                    Some(text) => { (masks.shown(text)) }
                                    None => { (value) }
                                }
                            }
                            @if let Some(date) = seconds.filter(|_| is_time).and_then(text::at).and_then(text::date) {
                                br; span.soft.small { (date) }
                            }
                        }
                        dd.soft { (text::row(MEANINGS, name).unwrap_or_default()) }
                    }
                }
            }
        }
    }
}

/// The meanings of claims.
const MEANINGS: &str = include_str!("claims.txt");
