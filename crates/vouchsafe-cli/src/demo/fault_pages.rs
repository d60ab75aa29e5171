//! The pages about faults: the list, and one fault with the login that had it.
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use vouchsafe_sandbox::Fault;

use super::code;
use super::diagram::diagram;
use super::fault::{Attack, Ending, GROUPS, group, must};
use super::offers::Offer;
use super::pages::{page, verdict};

pub(super) fn list(find: &str) -> Response {
    let wanted = find.trim().to_lowercase();
    let fits = |fault: &Fault| {
        let expected = must(fault).map_or("", |(_, code)| code);
        [&*fault.name(), fault.description(), expected, group(fault)]
            .iter()
            .any(|text| text.to_lowercase().contains(&wanted))
    };
    let all = Fault::all();
    let found: Vec<_> = all.iter().filter(|fault| fits(fault)).collect();
    let body = html! {
        section.card {
            h1 { "Faults" }
            p.lead {
                "A provider can be broken, or an attacker can stand between. Choose a fault: a test user signs in at a sandbox that \
                 has it, and you see what was checked and why the login was refused."
            }
            form.search role="search" action="/faults" method="get" {
                label for="find" { "Find a fault" }
                input #find type="search" name="find" value=(find) autocomplete="off";
                button.button { "Find" }
            }
            p.soft role="status" {
                (found.len()) " of " (all.len()) " faults"
                @if !wanted.is_empty() { " have to do with “" (find.trim()) "”. " a href="/faults" { "Show all" } }
            }
            @for name in GROUPS {
                @let members: Vec<_> = found.iter().filter(|fault| group(fault) == name).collect();
                @if !members.is_empty() {
                    details.group open[!wanted.is_empty()] {
                        summary { h2 { (name) } span.soft { (members.len()) } }
                        ul.faults {
                            @for fault in members {
                                li {
                                    a href={ "/faults/" (fault.name()) } { (sentence(fault)) }
                                    " " (expected(fault))
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    page(StatusCode::OK, "Faults", &body)
}

pub(super) fn one(
    offers: &[Arc<Offer>],
    fault: Fault,
    attack: Option<&Attack>,
    provider: &str,
    csrf: &str,
) -> Response {
    let chosen = attack.map(|attack| attack.offer.slug).filter(|_| provider.is_empty()).unwrap_or(provider);
    let mut sorted: Vec<_> = offers.iter().collect();
    sorted.sort_by_key(|offer| (offer.hint.is_none(), offer.label.to_lowercase()));
    let body = html! {
        section.card {
            p.soft { a href="/faults" { "All faults" } " / " (group(&fault)) }
            h1 { (sentence(&fault)) }
            p.lead {
                @match must(&fault) {
                    Some((step, code)) => {
                        "A client that does all its checks refuses it at the " (step) " with " code { (code) } "."
                    }
                    None => { "A client accepts it: it breaks no rule, or concerns a value that no login depends on." }
                }
            }
            form.run method="post" action="/faults" {
                input type="hidden" name="csrf" value=(csrf);
                input type="hidden" name="fault" value=(fault.name());
                label for="provider" { "At the provider" }
                select #provider name="provider" {
                    @for offer in sorted {
                        option value=(offer.slug) selected[offer.slug == chosen] { (offer.label) }
                    }
                }
                button.button.main { @if attack.is_some() { "Sign in again" } @else { "Sign in with this fault" } }
            }
            p.soft.small {
                "The test user Alice clicks for you. To click yourself, start a login and choose the user "
                code { "fault-" (fault.name()) } " at the sandbox, if it is in the list there."
            }
        }
        @if let Some(attack) = attack { (result(attack)) }
    };
    page(StatusCode::OK, &sentence(&fault), &body)
}

fn result(attack: &Attack) -> Markup {
    let must = must(&attack.fault);
    let (good, title, text) = match &attack.ending {
        Ending::Refused(refusal) if must.is_some_and(|(_, code)| code == refusal.code) => {
            (true, "Refused, as it must be", format!("{}: {}.", refusal.code, refusal.reason))
        }
        Ending::Refused(refusal) => {
            (true, "Refused, for another reason", format!("{}: {}.", refusal.code, refusal.reason))
        }
        Ending::Accepted(_) if must.is_some() => (
            false,
            "The fault changed nothing here",
            format!("A login at {} does not use the part that it spoils.", attack.offer.label),
        ),
        Ending::Accepted(left_out) if left_out.is_empty() => {
            (true, "Accepted, as it may be", "Alice was signed in.".to_owned())
        }
        Ending::Accepted(left_out) => {
            (true, "Accepted, with a warning", format!("Alice was signed in. {}.", left_out.join("; ")))
        }
        Ending::NeverBack(error) => (
            true,
            "The browser did not come back",
            format!("Nobody was signed in: the app stops waiting. {error}."),
        ),
    };
    html! {
        section #result aria-labelledby="outcome" {
            div.notice.good[good].neutral[!good] role="status" {
                span.mark aria-hidden="true" { @if good { "✓" } @else { "i" } }
                div { h2 #outcome { (title) } p { (text) } }
            }
        }
        (verdict(&attack.walk.steps))
        (diagram(&attack.walk.steps))
        (code::section(&attack.offer, &attack.walk, Some(&attack.fault), "/faults/trace.json"))
    }
}

fn expected(fault: &Fault) -> Markup {
    html! {
        @match must(fault) {
            Some((_, code)) => { span.badge.bad { "refused: " (code) } }
            None => { span.badge.unknown { "accepted" } }
        }
    }
}

/// The description with a capital letter, unless it begins with a word of the protocol, such as `jwks_uri`.
fn sentence(fault: &Fault) -> String {
    let text = fault.description();
    match text.split_once(' ') {
        Some(("the" | "a" | "an" | "each", _)) => text[..1].to_uppercase() + &text[1..],
        _ => text.to_owned(),
    }
}
