//! The page that asks the provider's frame whether the session there is unchanged (OpenID Connect Session Management 1.0 section 3).
use std::fmt;
use std::sync::LazyLock;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Response};
use url::Url;
use vouchsafe::SessionCheck;

use crate::page::escaped;

/// A page for a hidden frame inside the pages of an application. It asks the provider's frame every few seconds whether the session at
/// the provider is unchanged.
///
/// The page around it gets an event `vouchsafe:session`, whose `detail` is `unchanged`, `changed` or `error`, each time it becomes
/// another. The page must come from the origin of the redirect URI: the provider compares it.
///
/// A [`Site`](crate::Site) serves this page at `/session/frame`, and handles a change:
/// [`User::session_frame`](crate::User::session_frame) puts it into a page.
#[derive(Clone)]
pub struct SessionFrame {
    check: SessionCheck,
    confirmation: Option<Confirmation>,
}

/// The next step after a change.
#[derive(Clone)]
struct Confirmation {
    /// The path that asks the provider with `prompt=none`.
    path: String,
    /// The origin of the redirect URI.
    returns_to: String,
}

impl SessionFrame {
    /// A page that asks, and tells the page around it.
    pub fn new(check: SessionCheck) -> Self {
        Self { check, confirmation: None }
    }

    /// Asks at this path who is signed in, if the session has changed. The browser returns to a redirect URI at this origin.
    pub(crate) fn confirmed_at(mut self, path: String, returns_to: String) -> Self {
        self.confirmation = Some(Confirmation { path, returns_to });
        self
    }

    /// The page. Its script is fixed, and its settings are attributes: nothing in them is run.
    pub fn response(&self) -> Response<String> {
        let Self { check, confirmation } = self;
        let mut sources = vec![source(check.frame_url(), check.origin())];
        let mut path = "";
        if let Some(confirmation) = confirmation {
            path = &confirmation.path;
            sources.push("'self'".to_owned());
            sources.extend(check.authorization_origin().map(str::to_owned));
            sources.push(confirmation.returns_to.clone());
        }
        let numbers = [PAUSE, PATIENCE].map(|time| time.as_millis());
        let settings = format!(
            " data-frame=\"{}\" data-origin=\"{}\" data-message=\"{}\" data-check=\"{}\" data-pause=\"{}\" data-patience=\"{}\" \
             data-silence=\"{SILENCE}\" data-checks=\"{CHECKS}\"",
            escaped(check.frame_url()),
            escaped(check.origin()),
            escaped(check.message()),
            escaped(path),
            numbers[0],
            numbers[1],
        );
        let script = format!("<script>{SCRIPT}</script>");
        page(&settings, &script, &format!("script-src {}; frame-src {}", *SCRIPT_HASH, sources.join(" ")))
    }
}

impl fmt::Debug for SessionFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionFrame").field("check", &self.check).finish_non_exhaustive()
    }
}

/// The page where there is nothing to ask.
pub(crate) fn idle() -> Response<String> {
    page("", "", "")
}

/// How a question to the provider ended, for the script of the page that asked: `same`, with the message for the next question,
/// `ended`, `kept` or `unknown`.
pub(crate) fn outcome(session: &str, message: Option<&str>) -> Response<String> {
    let message = message.map_or(String::new(), |message| format!(" data-message=\"{}\"", escaped(message)));
    page(&format!(" data-session=\"{session}\"{message}"), "", "")
}

fn page(settings: &str, script: &str, sources: &str) -> Response<String> {
    let html = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Session</title>\n</head>\n";
    let mut response = Response::new(format!("{html}<body{settings}>{script}</body>\n</html>\n"));
    let sources = if sources.is_empty() { String::new() } else { format!("{sources}; ") };
    let policy =
        format!("default-src 'none'; {sources}base-uri 'none'; form-action 'none'; frame-ancestors 'self'");
    let mut set = |name: HeaderName, value: HeaderValue| response.headers_mut().insert(name, value);
    set(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    set(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let nothing = HeaderValue::from_static("default-src 'none'");
    set(CONTENT_SECURITY_POLICY, HeaderValue::try_from(policy).unwrap_or(nothing));
    response
}

/// The provider's frame in a policy: this path alone, if a policy can name it.
fn source(url: &str, origin: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"/-._~".contains(&b);
    let path = Url::parse(url).ok().map(|url| url.path().to_owned());
    let path = path.filter(|path| path.bytes().all(is_plain)).unwrap_or_default();
    format!("{origin}{path}")
}

static SCRIPT_HASH: LazyLock<String> =
    LazyLock::new(|| format!("'sha256-{}'", STANDARD.encode(digest(&SHA256, SCRIPT.as_bytes()))));

const SCRIPT: &str = include_str!("session_frame.js");
/// The time between two questions to the provider's frame. They do not leave the browser.
const PAUSE: Duration = Duration::from_secs(3);
/// How many questions without an answer end the questions.
const SILENCE: u32 = 10;
/// How often the provider is asked with `prompt=none` while its frame says that the session has changed, and never that it has not.
const CHECKS: u32 = 2;
/// How long the page waits for the end of such a question.
const PATIENCE: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use super::source;

    #[test]
    fn the_policy_names_the_frame_or_its_origin_alone() {
        for (url, expected) in [
            ("https://op.example/session", "https://op.example/session"),
            ("https://op.example/a-b/c_d/~e.html?x=y#z", "https://op.example/a-b/c_d/~e.html"),
            ("https://op.example/a;script-src 'unsafe-inline'", "https://op.example"),
            ("https://op.example/a,default-src *", "https://op.example"),
            ("https://op.example/%3B", "https://op.example"),
            ("https://op.example", "https://op.example/"),
        ] {
            assert_eq!(source(url, "https://op.example"), expected, "{url}");
        }
    }
}
