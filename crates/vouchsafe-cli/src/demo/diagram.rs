//! The flow as a sequence diagram: a list in which each step draws its arrows between three lines.
use std::time::Duration;

use maud::{Markup, html};

use super::record::{Message, Party, Step};

/// The requests and responses of a flow, step by step.
pub(super) fn diagram(steps: &[Step]) -> Markup {
    html! {
        @if !steps.is_empty() {
            section.flow aria-labelledby="flow" {
                div.flow-head {
                    div {
                        h2 #flow { "Every request and response" }
                        p.soft {
                            "Open a step to see its request and its response, with the headers that matter. Secrets are \
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

fn step(step: &Step) -> Markup {
    let Step { from, to, told: (title, why), request, response, took, refused_by, .. } = step;
    let badge = match (refused_by, response) {
        (Some(who), _) => Some(format!("refused by {who}")),
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
                    div.wire {
                        @if let Some(request) = request { (message("Request", None, "Parameters", request)) }
                        @if let Some(response) = response {
                            (message("Response", *took, "Parameters of the location", response))
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
fn summary(step: &Step) -> String {
    let path = |line: &str| {
        let (method, url) = line.split_once(' ')?;
        let (_, path) = url.split_once("://")?.1.split_once('/')?;
        Some(format!("{method} /{path}"))
    };
    let request = step.request.as_ref().and_then(|request| path(&request.line));
    let response = step.response.as_ref().map(|response| response.line.clone());
    [request, response].into_iter().flatten().collect::<Vec<_>>().join(" → ")
}

fn message(title: &str, took: Option<Duration>, params: &str, message: &Message) -> Markup {
    html! {
        div.message {
            h3 { (title) @if let Some(took) = took { " " small { "after " (format!("{took:.1?}")) } } }
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
    use super::*;

    async fn masks() -> Masks {
        Masks::new(&Arc::new(vouchsafe_sandbox::Sandbox::start().await.unwrap()), [])
    }

    #[tokio::test]
    async fn recorded_text_is_escaped() {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("<s>"))]);
        let request = masks().await.request(&Method::GET, "http://a.example/<script>?<b>=<i>", &headers, b"");
        let step = Step::new(Party::App, Party::Provider, ("<u>", "<p>why")).request(request);
        let html = diagram(&[step]).into_string();
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
        assert_eq!(summary(&step), "GET /token → 303 See Other");
    }
}
