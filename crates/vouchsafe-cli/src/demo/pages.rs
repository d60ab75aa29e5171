//! The demo's pages.
use std::io;
use std::sync::Arc;

use axum::http::header::{CONTENT_TYPE, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use vouchsafe_axum::{LoginFault, LoginRejection};
use vouchsafe_web::{Language, SignInPage};

use super::code;
use super::diagram::diagram;
use super::offers::Offer;
use super::record;
use super::session::{App, Notice, Visitor};
use super::view::{Shown, Walk, refused};
use crate::text;

/// The start page: nobody is signed in.
pub(super) fn start(
    app: &App,
    visitor: &Visitor,
    find: Option<&str>,
    flow: Option<&(Arc<Offer>, Walk)>,
) -> Response {
    let offers = &app.offers;
    let body = html! {
        (notice(visitor.notice.as_ref()))
        @if visitor.end_session.is_some() {
            p.card.also {
                span { "You are still signed in at the provider: the next sign-in there needs one click less." } " "
                a.button href="/provider-sign-out" { "Sign out at the provider too" }
            }
        }
        div.hero {
            section.card {
                h1 { "Sign in, and see how it works" }
                p.lead {
                    "The provider is a sandbox on this computer. You need no account and no password: you choose a test user. \
                     Afterwards you see every request and response."
                }
                (buttons(offers, find))
            }
            section.aside aria-labelledby="people" {
                h2 #people { "The test users" }
                ul.people {
                    @for (name, about) in PEOPLE {
                        li {
                            span.face.(name.to_lowercase()) aria-hidden="true" { (name[..1]) }
                            span { b { (name) } " " (about) }
                        }
                    }
                }
                p.soft { "You can also decline when the provider asks for your consent, and see how the app handles that." }
                h2 { "More to try" }
                ul.more {
                    li { a href="/faults" { "A provider with a fault" } ": what is checked, and why a login is refused" }
                    li { a href="/race" { "Two tabs, one refresh" } ": both ask for a fresh token at the same time" }
                    li { a href="/own" { "Your own provider" } ": walk through a login there" }
                    li { a href="/trace" { "Open a trace" } " that somebody has saved" }
                    li { a href="/sign-in" { "The sign-in page" } " as an application gets it from vouchsafe-web" }
                }
            }
        }
        @if let Some((offer, walk)) = flow { (flow_of(offer, walk)) }
    };
    page(StatusCode::OK, "Sign in", &body)
}

/// The diagram of a flow, and the code that does the same.
pub(super) fn flow_of(offer: &Offer, walk: &Walk) -> Markup {
    html! {
        (diagram(&walk.steps))
        (code::section(offer, walk, None, "/trace.json"))
    }
}

/// A login failed: the visitor declined, somebody refused it, or something else went wrong.
pub(super) fn failed(
    app: &App,
    offer: &Offer,
    rejection: &LoginRejection,
    refused_by: Option<&str>,
    walk: &Walk,
) -> Response {
    // The name of the program has no capital letter, also at the beginning of a sentence.
    let refused = refused_by
        .map(|who| format!("{} refused this login", if who == "vouchsafe" { who } else { "The provider" }));
    let (title, advice, again) = match rejection.fault() {
        LoginFault::Denied => (
            "You declined, and that is fine",
            "The provider shared nothing about you. Nobody is signed in, and nothing was saved.",
            "Changed your mind?",
        ),
        LoginFault::Stale if refused.is_none() => (
            "This sign-in is no longer valid",
            "It took too long, was used already, or was started in another browser. Nothing was lost.",
            "Start again",
        ),
        LoginFault::Setup if rejection.tokens().is_some() => (
            "This provider cannot say who you are",
            "It gave the app an access token, but it knows no permanent identifier of its users, only names that can pass to \
             somebody else. An app can use such a provider, but not sign anybody in with it.",
            "Choose another one",
        ),
        LoginFault::NoVisit => (OPEN_YOURSELF, ONLY_VISITS, "Start here"),
        LoginFault::Setup if refused.is_none() => (
            "Sign-in is not set up correctly",
            "You did nothing wrong. The demo itself has to be fixed, so another attempt will probably fail too.",
            "Try again anyway",
        ),
        _ => (
            if refused.is_some() { "This login was refused" } else { "The provider could not sign you in" },
            "Nobody is signed in. You did nothing wrong: the marked step below shows what arrived.",
            "Try again",
        ),
    };
    let body = html! {
        section.card.alone {
            h1 { (title) }
            @if let Some(refused) = &refused { p.lead { (refused) ", because " (reason(rejection)) "." } }
            p.lead { (advice) }
            h2 { (again) }
            (buttons(&app.offers, None))
            @if refused.is_none() { p.soft.small { "The library’s error message: " (rejection) "." } }
        }
        (verdict(&walk.steps))
        (flow_of(offer, walk))
    };
    page(rejection.status(), title, &body)
}

/// The reason without the operation in front of it, which the marked step shows.
pub(super) fn reason(rejection: &LoginRejection) -> String {
    rejection.error().map_or_else(|| rejection.to_string(), record::reason)
}

/// The check that refused a flow, and the threat that it stops.
pub(super) fn verdict(steps: &[Shown]) -> Markup {
    html! {
        @if let Some((step, refusal, check)) = refused(steps) {
            section.card.verdict aria-labelledby="verdict" {
                h2 #verdict { "What was checked" }
                dl.facts {
                    dt { "Step" }
                    dd { (step.title) }
                    @if let Some(check) = check {
                        dt { "Rule" }
                        dd { (check.rule) }
                        dt { "Threat" }
                        dd { (check.threat) }
                    }
                    dt { "Found" }
                    dd { (refusal.reason) " " code { (refusal.code) } }
                }
            }
        }
    }
}

pub(super) fn unknown(offers: &[Arc<Offer>]) -> Response {
    let body = html! {
        section.card.alone {
            h1 { "There is no such way to sign in" }
            p.lead { "The address names a provider that this demo does not offer." }
            h2 { "Choose one of these" }
            (buttons(offers, None))
        }
    };
    page(StatusCode::NOT_FOUND, "There is no such way to sign in", &body)
}

pub(super) fn out_of_date() -> Response {
    let text = "It was open for too long, or somebody signed in or out in another window. Nothing was done.";
    plain(StatusCode::FORBIDDEN, "This page was out of date", text)
}

pub(super) fn elsewhere() -> Response {
    let text = "A form was sent from a page of another site. Nothing was done.";
    plain(StatusCode::FORBIDDEN, "This form is not from the demo", text)
}

pub(super) fn no_visit() -> Response {
    plain(StatusCode::FORBIDDEN, OPEN_YOURSELF, ONLY_VISITS)
}

pub(super) fn not_found() -> Response {
    plain(StatusCode::NOT_FOUND, "There is nothing here", "This demo has no page at this address.")
}

pub(super) fn broken(error: &io::Error) -> Response {
    plain(StatusCode::INTERNAL_SERVER_ERROR, "The demo cannot continue", &error.to_string())
}

pub(super) fn plain(status: StatusCode, title: &str, text: &str) -> Response {
    let body = html! {
        section.card.alone {
            h1 { (title) }
            p.lead { (text) }
            p { a.button.main href="/" { "Go to the start page" } }
        }
    };
    page(status, title, &body)
}

/// The choices of the sign-in page, the search, and the whole list. With words to look for, only the list of those that have them.
fn buttons(offers: &[Arc<Offer>], find: Option<&str>) -> Markup {
    let (special, mut catalogue): (Vec<_>, Vec<_>) = offers.iter().partition(|offer| offer.hint.is_some());
    let all = catalogue.len();
    let known = choices(offers, Language::English);
    let wanted = find.map(simple).unwrap_or_default();
    catalogue.retain(|offer| {
        let also = text::row(ALSO, offer.slug).unwrap_or_default();
        find.is_none() || [&offer.label, offer.slug, also].iter().any(|name| simple(name).contains(&wanted))
    });
    catalogue.sort_by_key(|offer| offer.label.to_lowercase());
    html! {
        div.known { (PreEscaped(known.choices())) }
        @if all > 0 {
            details.catalogue open[find.is_some()] {
                summary { "All " (all) " providers that the sandbox imitates" }
                form.search role="search" action="/" method="get" data-search {
                    input type="search" name="find" value=(find.unwrap_or_default()) aria-label="Find a provider" placeholder="Find a provider";
                    button.button { "Find" }
                }
                p.found role="status" {
                    @if let Some(find) = find {
                        @match catalogue.len() {
                            0 => { "None of the " (all) " providers has the name “" (find) "”." }
                            count => { (count) " of " (all) " providers." }
                        }
                    }
                }
                ul.many data-many { @for offer in catalogue { (small_button(offer)) } }
            }
        }
        ul.offers {
            @for offer in special {
                li {
                    a.offer href={ "/login/" (offer.slug) } {
                        span.logo aria-hidden="true" { (PreEscaped(offer.mark())) }
                        span { b { "Continue with " (offer.label) } small { (offer.hint.unwrap_or_default()) } }
                        span.go aria-hidden="true" { "→" }
                    }
                }
            }
        }
    }
}

/// The sign-in page of an application, with the best-known providers.
pub(super) fn choices(offers: &[Arc<Offer>], language: Language) -> SignInPage {
    let known = KNOWN.iter().filter_map(|slug| offers.iter().find(|offer| offer.slug == *slug));
    known.fold(SignInPage::new(language).application("vouchsafe demo"), |page, offer| {
        page.choice(offer.slug, &offer.label, format!("/login/{}", offer.slug))
    })
}

/// A name without case, spaces and signs.
fn simple(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn small_button(offer: &Offer) -> Markup {
    html! {
        li data-also=[text::row(ALSO, offer.slug)] {
            a.offer.small href={ "/login/" (offer.slug) } {
                span.logo aria-hidden="true" { (PreEscaped(offer.mark())) }
                span.name { span.unseen { "Continue with " } (offer.label) }
            }
        }
    }
}

pub(super) fn notice(notice: Option<&Notice>) -> Markup {
    html! {
        @if let Some(Notice { good, title, text }) = notice {
            div.notice.good[*good].bad[!good] role="status" {
                span.mark aria-hidden="true" { @if *good { "✓" } @else { "!" } }
                div { b { (title) } p { (text) } }
            }
        }
    }
}

/// Adds the cookie that starts a session.
pub(super) fn with_cookie(cookie: Option<String>, mut page: Response) -> Response {
    if let Some(cookie) = cookie.and_then(|cookie| HeaderValue::try_from(cookie).ok()) {
        page.headers_mut().append(SET_COOKIE, cookie);
    }
    page
}

pub(super) fn page(status: StatusCode, title: &str, body: &Markup) -> Response {
    let html = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (title) " – vouchsafe demo" }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href="/icon.svg";
                link rel="stylesheet" href="/style.css";
                script src="/script.js" defer {}
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                header.top {
                    a.brand href="/" { img src="/icon.svg" alt="" width="28" height="28"; " vouchsafe " span { "demo" } }
                    nav aria-label="Pages" {
                        a href="/" { "Sign in" }
                        a href="/faults" { "Faults" }
                        a href="/race" { "Refresh race" }
                        a href="/own" { "Your provider" }
                        a href="/trace" { "Traces" }
                    }
                }
                main #main tabindex="-1" { (body) }
                footer { "The demo runs on this computer, and forgets everything when it stops." }
            }
        }
    };
    // Whatever text came from outside, nothing in the page is invisible or changes the direction of writing.
    let html = text::printable_lines(&html.into_string());
    (status, [(CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response()
}

/// The providers that most people know, in the order in which the start page has them.
const KNOWN: [&str; 12] = [
    "google",
    "apple",
    "microsoft",
    "facebook",
    "github",
    "x",
    "linkedin",
    "discord",
    "slack",
    "gitlab",
    "spotify",
    "twitch",
];
/// Other names by which people look for a provider.
const ALSO: &str = include_str!("also.txt");
const PEOPLE: [(&str, &str); 3] = [
    ("Alice", "has an e-mail address that the provider has verified."),
    ("Bob", "has an e-mail address that is not verified. An app must not trust it."),
    ("Carol", "has no e-mail address. An app has to work without one."),
];
const OPEN_YOURSELF: &str = "Please open this page yourself";
const ONLY_VISITS: &str =
    "A login starts and ends only when you open the page, not when another page or a program requests it.";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn text_cannot_leave_its_element_or_attribute() {
        let response = broken(&io::Error::other("\"><script>'&\u{202e}\0|\t\n\n\r|"));
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let html = String::from_utf8(body.to_vec()).unwrap();
        assert!(html.contains("<p class=\"lead\">&quot;&gt;&lt;script&gt;'&amp;  |\t\n\n |</p>"), "{html}");
    }
}
