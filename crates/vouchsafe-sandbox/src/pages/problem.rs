//! The page for an error.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::html;

use super::parts::entry;
use super::{Shown, framed};

/// An error page. It names the mistake and the next step.
pub(crate) struct Problem {
    status: StatusCode,
    title: String,
    text: String,
    details: Vec<(&'static str, String)>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, title: impl Into<String>, text: impl Into<String>) -> Self {
        Self { status, title: title.into(), text: text.into(), details: Vec::new() }
    }

    pub(crate) fn bad_request(title: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, title, text)
    }

    /// The title and the text.
    pub(crate) fn message(&self) -> String {
        format!("{}: {}", self.title, self.text)
    }

    /// A value of the request, for the developer who looks for the mistake.
    pub(crate) fn detail(mut self, name: &'static str, value: impl AsRef<str>) -> Self {
        let mut value: String = value.as_ref().chars().take(MAX_DETAIL + 1).collect();
        if value.chars().count() > MAX_DETAIL {
            value.pop();
            value.push('…');
        }
        self.details.push((name, value));
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let card = html! {
            p.mark { "Error " (self.status.as_str()) }
            h1 { (self.title) }
            p.soft { (self.text) }
            @if !self.details.is_empty() {
                dl { @for (name, value) in &self.details { (entry(name, value)) } }
            }
            p.note { a href="/" { "Start page of the sandbox" } }
        };
        let shown = Shown::Problem(self.message());
        framed(self.status, &self.title, "", Some(shown), card)
    }
}

const MAX_DETAIL: usize = 300;
