//! The flow as a sequence diagram: a list in which each step draws its arrows between three lines.
use maud::{Markup, html};

use super::checks::{Check, Outcome};
use super::record::{Message, Party};
use super::view::Shown;

/// The requests and responses of a flow, step by step.
pub(super) fn diagram(steps: &[Shown]) -> Markup {
    html! {
        @if !steps.is_empty() {
            section.flow aria-labelledby="flow" {
                div.flow-head {
                    div {
                        h2 #flow { "Every request and response" }
                        p.soft {
                            "Open a step to see its request, its response and the checks that were made. Secrets are \
                             masked with "
                            code { "••••" } "; the same number after the mask means the same secret."
                        }
                    }
                    div data-tools {}
                }
                div.parties aria-hidden="true" {
                    span.party.browser { "Browser" }
                    span.party.app { "App " small { "vouchsafe" } }
                    span.party.provider { "Provider" }
                }
                ol.steps { @for each in steps { (step(each)) } }
            }
        }
    }
}

fn step(step: &Shown) -> Markup {
    let Shown { from, to, title, why, request, response, took_ms, refusal, checks } = step;
    let badge = match (refusal, response) {
        (Some(refusal), _) => Some(format!("refused by {}", refusal.by)),
        (None, Some(response)) if response.failed => Some("failed".to_owned()),
        _ => None,
    };
    let both = request.is_some() && response.is_some();
    html! {
        li.step.failed[badge.is_some()] {
            div.lanes aria-hidden="true" {
                @if request.is_some() { (arrow(*from, *to, false)) }
                @if both { (arrow(*to, *from, true)) } @else if response.is_some() { (arrow(*from, *to, true)) }
            }
            div.telling {
                p.route {
                    (from.name()) " " span aria-hidden="true" { @if both { "⇄" } @else { "→" } }
                    span.unseen { " to " } " " (to.name()) @if both { span.unseen { " and back" } }
                }
                details {
                    summary {
                        span.head {
                            span.title { (title) @if let Some(badge) = &badge { " " span.badge.bad { (badge) } } }
                            span.line { (summary(step)) }
                        }
                    }
                    p.why { (why) }
                    (checked(checks))
                    div.wire {
                        @if let Some(request) = request { (message("Request", None, "Parameters", request)) }
                        @if let Some(response) = response {
                            (message("Response", *took_ms, "Parameters of the location", response))
                        }
                    }
                }
            }
        }
    }
}

fn arrow(from: Party, to: Party, response: bool) -> Markup {
    let span = match (from.min(to), from.max(to)) {
        (Party::Browser, Party::App) => "ba",
        (Party::App, Party::Provider) => "ap",
        _ => "bp",
    };
    html! { span.arrow.(span).right[from < to].left[from > to].response[response] {} }
}

/// The method and path, and the status: `POST /token → 200 OK`.
fn summary(step: &Shown) -> String {
    let path = |line: &str| {
        let (method, url) = line.split_once(' ')?;
        let (_, path) = url.split_once("://")?.1.split_once('/')?;
        Some(format!("{method} /{path}"))
    };
    let request = step.request.as_ref().and_then(|request| path(&request.line));
    let response = step.response.as_ref().map(|response| response.line.clone());
    [request, response].into_iter().flatten().collect::<Vec<_>>().join(" → ")
}

/// The checks of a step. The one that refused it also says which threat it stops.
fn checked(checks: &[Check]) -> Markup {
    html! {
        @if !checks.is_empty() {
            div.checks {
                h3 { "Checks" }
                ul {
                    @for Check { rule, threat, outcome } in checks {
                        li.passed[*outcome == Outcome::Passed].refused[*outcome == Outcome::Refused] {
                            span.sign aria-hidden="true" {
                                @match outcome { Outcome::Passed => "✓", Outcome::Refused => "✗", Outcome::NotReached => "–" }
                            }
                            span {
                                b { (outcome.word()) ":" } " " (rule) " "
                                span.soft { "Threat: " (threat) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn message(title: &str, took: Option<u64>, params: &str, message: &Message) -> Markup {
    html! {
        div.message {
            h3 { (title) @if let Some(took) = took { " " small { "after " (took) " ms" } } }
            p.first { code { (message.line) } }
            (list(params, &message.params))
            (list("Headers", &message.headers))
            @if let Some(body) = &message.body {
                h4 { "Body" }
                pre tabindex="0" role="group" aria-label={ "Body of the " (title.to_lowercase()) } { code { (body) } }
            }
        }
    }
}

fn list(title: &str, pairs: &[(String, String)]) -> Markup {
    html! {
        @if !pairs.is_empty() {
            h4 { (title) }
            dl { @for (name, value) in pairs { dt { (name) } dd { (value) } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::http::Method;
    use axum::http::header::{ACCEPT, HeaderMap, HeaderValue};
    use axum::response::{IntoResponse, Redirect};

    use super::super::mask::Masks;
    use super::super::record::Step;
    use super::*;

    async fn masks() -> Masks {
        Masks::new(&Arc::new(vouchsafe_sandbox::Sandbox::start().await.unwrap()), [])
    }

    #[tokio::test]
    async fn recorded_text_is_escaped() {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("<s>"))]);
        let request = masks().await.request(&Method::GET, "http://a.example/<script>?<b>=<i>", &headers, b"");
        let step = Step::new(Party::App, Party::Provider, ("<u>", "<p>why")).request(request);
        let html = diagram(&[Shown::from(&step)]).into_string();
        for raw in ["<script>", "<b>", "<i>", "<u>", "<s>", "<p>why"] {
            assert!(!html.contains(raw), "{raw} in {html}");
        }
    }

    #[tokio::test]
    async fn a_step_sums_up_its_request_and_its_response() {
        let masks = masks().await;
        let request = masks.request(&Method::GET, "http://a.example/token?x=y", &HeaderMap::new(), b"");
        let response = masks.response(&Redirect::to("http://b.example/").into_response(), b"");
        let step =
            Step::new(Party::App, Party::Provider, ("title", "why")).request(request).response(response);
        assert_eq!(summary(&Shown::from(&step)), "GET /token → 303 See Other");
    }
}
