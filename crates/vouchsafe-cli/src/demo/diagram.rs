//! The flow as a sequence diagram: a list whose every entry draws its arrows between three lines.
use super::html::{Html, for_people};
use super::record::{Message, Party, Step};

/// What went over the wire, step by step.
pub(super) fn diagram(steps: &[Step]) -> Html {
    if steps.is_empty() {
        return Html::default();
    }
    Html::new("<section class=\"flow\" aria-labelledby=\"flow\"><div class=\"flow-head\"><div><h2 id=\"flow\">What went over the wire</h2>")
        .raw("<p class=\"soft\">Each step opens to the real request and answer. Secrets are masked, as ")
        .raw("<code>••••</code>; where the mark behind it is the same, the secret is.</p></div><div data-tools></div></div>")
        .raw("<div class=\"parties\" aria-hidden=\"true\"><span class=\"party browser\">Browser</span>")
        .raw("<span class=\"party app\">App <small>vouchsafe</small></span><span class=\"party provider\">Provider</span></div>")
        .raw("<ol class=\"steps\">")
        .each(steps, step)
        .raw("</ol></section>")
}

fn step(html: Html, step: &Step) -> Html {
    let (from, to) = (step.from, step.to);
    // What has an answer alone is drawn as one arrow of an answer's look.
    let failed = step.answer.as_ref().is_some_and(|answer| answer.failed);
    let html = html
        .raw(if failed { "<li class=\"step failed\">" } else { "<li class=\"step\">" })
        .raw("<div class=\"lanes\" aria-hidden=\"true\">");
    let html = if step.request.is_some() { arrow(html, from, to, false) } else { html };
    let html = match (&step.request, &step.answer) {
        (Some(_), Some(_)) => arrow(html, to, from, true),
        (None, Some(_)) => arrow(html, from, to, true),
        _ => html,
    };
    let html = html.raw("</div><div class=\"telling\"><p class=\"route\">").raw(name(from));
    let both = step.request.is_some() && step.answer.is_some();
    let html = html
        .raw(" <span aria-hidden=\"true\">")
        .raw(if both { "⇄" } else { "→" })
        .raw("</span><span class=\"unseen\"> to </span> ")
        .raw(name(to))
        .raw(if both { "<span class=\"unseen\"> and back</span>" } else { "" })
        .raw("</p><details><summary><span class=\"head\"><span class=\"title\">")
        .raw(step.title)
        .raw(if failed { " <span class=\"badge bad\">failed</span>" } else { "" })
        .raw("</span><span class=\"line\">")
        .text(summary(step))
        .raw("</span></span></summary><p class=\"why\">")
        .raw(step.why)
        .raw("</p><div class=\"wire\">");
    let html = match &step.request {
        Some(request) => message(html, "Request", request, None),
        None => html,
    };
    let html = match &step.answer {
        Some(answer) => {
            let took = step.took.map(|took| match took.as_millis() {
                0 => "in less than 1 ms".to_owned(),
                millis @ 1..1000 => format!("after {millis} ms"),
                _ => format!("after {}", for_people(took.as_secs())),
            });
            message(html, "Answer", answer, took)
        }
        None => html,
    };
    html.raw("</div></details></div></li>")
}

fn arrow(html: Html, from: Party, to: Party, answer: bool) -> Html {
    let (low, high) = (place(from).min(place(to)), place(from).max(place(to)));
    let span = match (low, high) {
        (0, 1) => "ba",
        (1, 2) => "ap",
        _ => "bp",
    };
    let direction = if place(from) < place(to) { " right" } else { " left" };
    html.raw("<span class=\"arrow ")
        .raw(span)
        .raw(direction)
        .raw(if answer { " answer" } else { "" })
        .raw("\"></span>")
}

fn place(party: Party) -> u8 {
    match party {
        Party::Browser => 0,
        Party::App => 1,
        Party::Provider => 2,
    }
}

fn name(party: Party) -> &'static str {
    match party {
        Party::Browser => "Browser",
        Party::App => "App",
        Party::Provider => "Provider",
    }
}

/// The method and path, and the status: `POST /token → 200 OK`.
fn summary(step: &Step) -> String {
    let request = step.request.as_ref().map(|request| {
        let (method, url) = request.line.split_once(' ').unwrap_or((&request.line, ""));
        let path = url.split_once("://").and_then(|(_, rest)| rest.split_once('/'));
        format!("{method} /{}", path.map_or("", |(_, path)| path))
    });
    let answer = step.answer.as_ref().map(|answer| answer.line.clone());
    [request, answer].into_iter().flatten().collect::<Vec<_>>().join(" → ")
}

fn message(html: Html, title: &'static str, message: &Message, took: Option<String>) -> Html {
    let params = if title == "Request" { "Parameters" } else { "Parameters of the location" };
    let html = html.raw("<div class=\"message\"><h3>").raw(title);
    let html = match took {
        Some(took) => html.raw(" <small>").text(took).raw("</small>"),
        None => html,
    };
    let html = html.raw("</h3><p class=\"first\"><code>").text(&message.line).raw("</code></p>");
    let html = list(html, params, &message.params);
    let html = list(html, "Headers", &message.headers);
    match &message.body {
        Some(body) => html
            .raw("<h4>Body</h4><pre tabindex=\"0\" role=\"region\" aria-label=\"Body\"><code>")
            .text(body)
            .raw("</code></pre>"),
        None => html,
    }
    .raw("</div>")
}

fn list(html: Html, title: &'static str, pairs: &[(String, String)]) -> Html {
    if pairs.is_empty() {
        return html;
    }
    html.raw("<h4>")
        .raw(title)
        .raw("</h4><dl>")
        .each(pairs, |html, (name, value)| {
            html.raw("<dt>").text(name).raw("</dt><dd>").text(value).raw("</dd>")
        })
        .raw("</dl>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_recorded_is_escaped() {
        let request = Message::get("http://a.example/<script>?<b>=<i>").header("<u>", "<s>");
        let step = Step::new(Party::App, Party::Provider, "title", "why").request(request);
        let html = diagram(&[step]).to_string();
        for raw in ["<script>", "<b>", "<i>", "<u>", "<s>"] {
            assert!(!html.contains(raw), "{raw} in {html}");
        }
    }

    #[test]
    fn a_step_sums_up_what_was_asked_and_answered() {
        let step = Step::new(Party::App, Party::Provider, "title", "why")
            .request(Message::get("http://a.example/token?x=y"))
            .answer(Message::redirect("http://b.example/"));
        assert_eq!(summary(&step), "GET /token → 303 See Other");
    }
}
