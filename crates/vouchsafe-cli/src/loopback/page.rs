//! The pages that a browser shows on its return: small, without scripts, in light and dark, for screens of any width.
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
};
use http::{Response, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;
use maud::{DOCTYPE, PreEscaped, html};

use crate::text;

/// A page: how the login ended, and what to do now.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    tone: Tone,
    title: String,
    text: String,
    /// The error message.
    detail: Option<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Tone {
    Good,
    Bad,
    Neutral,
}

impl Page {
    fn new(tone: Tone, title: &str, text: impl Into<String>) -> Self {
        Self { tone, title: title.to_owned(), text: text.into(), detail: None }
    }

    pub(crate) fn signed_in(provider: &str, name: Option<&str>) -> Self {
        let who = name.map(|name| format!(" as {}", text::short(name, 80))).unwrap_or_default();
        let provider = text::short(provider, 80);
        let text = format!(
            "{provider} confirms that you signed in{who}. You can close this tab and return to the terminal."
        );
        Self::new(Tone::Good, "You are signed in", text)
    }

    pub(crate) fn failed(title: &str, message: &str) -> Self {
        let text = "You can close this tab. The terminal shows the same message:";
        Self { detail: Some(message.to_owned()), ..Self::new(Tone::Bad, title, text) }
    }

    pub(crate) fn not_this_login() -> Self {
        let text = "This response belongs to another login, perhaps to an earlier attempt or to another tab. The command is \
                    still waiting: finish the login in the tab where it began, or start it again in the terminal.";
        Self::new(Tone::Bad, "This is not the login you started", text)
    }

    pub(crate) fn interrupted() -> Self {
        let text = "You can close this tab. To sign in, start the command again in the terminal.";
        Self::new(Tone::Bad, "The login was interrupted", text)
    }

    pub(crate) fn timed_out() -> Self {
        let text = "It took too long, and the command stopped waiting. Start it again in the terminal.";
        Self::new(Tone::Bad, "The login has timed out", text)
    }

    pub(crate) fn still_working() -> Self {
        let text = "The provider is slow to respond. Return to the terminal to see the result.";
        Self::new(Tone::Neutral, "Almost there", text)
    }

    pub(crate) fn nothing_here() -> Self {
        let text = "This address serves one sign-in only, and this is not its page.";
        Self::new(Tone::Neutral, "There is nothing here", text)
    }

    pub(crate) fn wrong_host() -> Self {
        let text = "Only browsers on this machine can use this address.";
        Self::new(Tone::Bad, "This address is not available", text)
    }

    pub(crate) fn unreadable() -> Self {
        let text = "A sign-in returns with a GET request or a small form.";
        Self::new(Tone::Bad, "This request is not supported", text)
    }

    pub(crate) fn is_good(&self) -> bool {
        self.tone != Tone::Bad
    }

    pub(crate) fn response(&self, status: StatusCode) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::from(self.html())));
        *response.status_mut() = status;
        for (name, value) in HEADERS {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }

    fn html(&self) -> String {
        let Self { tone, title, text, detail } = self;
        let (class, mark) = match tone {
            Tone::Good => ("good", "✓"),
            Tone::Bad => ("bad", "!"),
            Tone::Neutral => ("neutral", "…"),
        };
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

const STYLE: &str = "\
:root{color-scheme:light dark;--ground:#f4f3ef;--card:#fff;--ink:#1d1c1a;--soft:#5f5b54;--line:#dcd8cf;--good:#0b6b3a;\
--bad:#b3261e;--neutral:#4338ca;--on:#fff}\
@media(prefers-color-scheme:dark){:root{--ground:#131318;--card:#1d1d24;--ink:#ededf2;--soft:#a9a8b4;--line:#363641;\
--good:#7bd9a4;--bad:#ff9a91;--neutral:#b3adff;--on:#131318}}\
*{box-sizing:border-box}\
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1rem;background:var(--ground);color:var(--ink);\
font:1rem/1.55 system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue','Noto Sans',Arial,sans-serif;\
overflow-wrap:anywhere}\
main{width:100%;max-width:28rem;padding:2rem 1.75rem;background:var(--card);border:1px solid var(--line);\
border-radius:1.125rem;text-align:center;box-shadow:0 12px 32px -16px rgb(0 0 0/35%)}\
.mark{width:3.25rem;height:3.25rem;margin:0 auto 1rem;border-radius:50%;display:grid;place-items:center;\
font-size:1.5rem;font-weight:700;color:var(--on);background:var(--neutral)}\
.good .mark{background:var(--good)}.bad .mark{background:var(--bad)}\
h1{margin:0 0 .5rem;font-size:1.4rem;line-height:1.25;letter-spacing:-.01em;text-wrap:balance}\
p{margin:0;color:var(--soft);text-wrap:pretty}\
.detail{margin-top:1rem;padding:.75rem .875rem;border:1px solid var(--line);border-radius:.75rem;color:var(--ink);\
font-size:.9375rem;text-align:left}\
footer{margin-top:1.5rem;font-size:.8125rem;color:var(--soft)}\
@media(forced-colors:active){.mark{border:1px solid}}";

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
        let response = Page::signed_in("Acme", None).response(StatusCode::OK);
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
