//! The pages that a browser shows on its return: small, without scripts, in light and dark, for screens of any width.
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
};
use http::{Response, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;
use maud::{DOCTYPE, PreEscaped, html};

use crate::text;

/// A page: how the login ended, and what to do now.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    status: StatusCode,
    tone: Tone,
    title: &'static str,
    text: String,
    /// The error message.
    detail: Option<String>,
}

/// A class of the style, and a mark.
type Tone = (&'static str, &'static str);

const GOOD: Tone = ("good", "✓");
const BAD: Tone = ("bad", "!");
const NEUTRAL: Tone = ("neutral", "…");

impl Page {
    fn new(status: StatusCode, tone: Tone, title: &'static str, text: impl Into<String>) -> Self {
        Self { status, tone, title, text: text.into(), detail: None }
    }

    pub(crate) fn signed_in(provider: &str, name: Option<&str>) -> Self {
        let who = name.map(|name| format!(" as {}", text::short(name, 80))).unwrap_or_default();
        let provider = text::short(provider, 80);
        let text = format!(
            "{provider} confirms that you signed in{who}. You can close this tab and return to the terminal."
        );
        Self::new(StatusCode::OK, GOOD, "You are signed in", text)
    }

    pub(crate) fn failed(title: &'static str, message: &str) -> Self {
        let text = "You can close this tab. The terminal shows the same message:";
        Self { detail: Some(message.to_owned()), ..Self::new(StatusCode::BAD_REQUEST, BAD, title, text) }
    }

    pub(crate) fn not_this_login() -> Self {
        let text = "This response belongs to another login, perhaps to an earlier attempt or to another tab. The command is \
                    still waiting: finish the login in the tab where it began, or start it again in the terminal.";
        Self::new(StatusCode::BAD_REQUEST, BAD, "This is not the login you started", text)
    }

    pub(crate) fn interrupted() -> Self {
        let text = "You can close this tab. To sign in, start the command again in the terminal.";
        Self::new(StatusCode::BAD_REQUEST, BAD, "The login was interrupted", text)
    }

    pub(crate) fn timed_out() -> Self {
        let text = "It took too long, and the command stopped waiting. Start it again in the terminal.";
        Self::new(StatusCode::BAD_REQUEST, BAD, "The login has timed out", text)
    }

    pub(crate) fn still_working() -> Self {
        let text = "The provider is slow to respond. Return to the terminal to see the result.";
        Self::new(StatusCode::OK, NEUTRAL, "Almost there", text)
    }

    pub(crate) fn nothing_here() -> Self {
        let text = "This address serves one sign-in only, and this is not its page.";
        Self::new(StatusCode::NOT_FOUND, NEUTRAL, "There is nothing here", text)
    }

    pub(crate) fn wrong_host() -> Self {
        let text = "Only browsers on this machine can use this address.";
        Self::new(StatusCode::FORBIDDEN, BAD, "This address is not available", text)
    }

    /// An error status, so that no browser shows this page when the person opens it.
    pub(crate) fn looked_ahead() -> Self {
        let text = "Open this page in a browser window to finish the sign-in.";
        Self::new(StatusCode::FORBIDDEN, NEUTRAL, "Nobody has opened this page yet", text)
    }

    pub(crate) fn unreadable(status: StatusCode) -> Self {
        let text = "A sign-in returns with a GET request or a small form.";
        Self::new(status, BAD, "This request is not supported", text)
    }

    pub(crate) fn response(&self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::from(self.html())));
        *response.status_mut() = self.status;
        let allowed = (self.status == StatusCode::METHOD_NOT_ALLOWED).then_some((ALLOW, "GET, POST"));
        for (name, value) in HEADERS.into_iter().chain(allowed) {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }

    fn html(&self) -> String {
        let Self { tone: (class, mark), title, text, detail, .. } = self;
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (title) " · vouchsafe" }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    main class=(class) {
                        div.mark aria-hidden="true" { (mark) }
                        h1 { (title) }
                        p { (text) }
                        @if let Some(detail) = detail { p.detail { (detail) } }
                        footer { "vouchsafe, on this machine" }
                    }
                }
            }
        };
        text::printable_lines(&page.into_string())
    }
}

const HEADERS: [(HeaderName, &str); 6] = [
    (CONTENT_TYPE, "text/html; charset=utf-8"),
    (CACHE_CONTROL, "no-store"),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    // The URL of this page contains the code.
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("x-content-type-options"), "nosniff"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

const STYLE: &str = include_str!("page.css");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_stays_text() {
        let html = Page::failed("No", "<script>alert('x')</script> & \"y\"\u{202e}").html();
        assert!(html.contains("&lt;script&gt;alert('x')&lt;/script&gt; &amp; &quot;y&quot; </p>"), "{html}");
        assert!(!html.contains("<script"), "{html}");
    }

    #[test]
    fn a_page_is_not_cached_and_loads_nothing() {
        // RFC 6749 §3.1.2.5.
        let response = Page::signed_in("Acme", None).response();
        let header =
            |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert!(
            header("content-security-policy").starts_with("default-src 'none'; style-src 'unsafe-inline'")
        );
    }
}
