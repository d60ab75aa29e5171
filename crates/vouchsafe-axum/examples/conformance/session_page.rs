//! The page with the provider's frame (OpenID Connect Session Management 1.0 section 3): it asks whether the session is the same.
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Value, json};
use url::Url;
use vouchsafe::{Client, Tokens};

use crate::failure::{Failure, Kind};

/// Where the frame is, and the message to it.
#[derive(Clone, Debug)]
pub(crate) struct SessionPage {
    frame: Url,
    message: String,
}

impl SessionPage {
    /// The page for the session of these tokens.
    pub(crate) async fn of(client: &Client, tokens: &Tokens) -> Result<Self, Failure> {
        let missing = |name: &str, place: &str| {
            Failure::new(Kind::Malformed, "missing_field", format!("{name} is missing in the {place}"))
        };
        let metadata = client.metadata().await?.unwrap_or_default();
        let frame = metadata.get("check_session_iframe").and_then(Value::as_str);
        let frame = frame.and_then(|url| Url::parse(url).ok());
        let frame = frame.ok_or_else(|| missing("check_session_iframe", "metadata"))?;
        let state = tokens.callback_value("session_state").and_then(Value::as_str);
        let state = state.ok_or_else(|| missing("session_state", "authorization response"))?;
        Ok(Self { frame, message: format!("{} {state}", client.client_id()) })
    }

    /// The page. It reports the status to a path of this site, with the status as its query.
    pub(crate) fn response(&self, report: &str) -> Response {
        let origin = self.frame.origin().ascii_serialization();
        let settings = json!({"frame": self.frame.as_str(), "origin": origin, "message": self.message, "report": report});
        // In a script, `<` could begin its end.
        let settings = settings.to_string().replace('<', "\\u003c");
        let policy = format!(
            "default-src 'none'; frame-src {origin}; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'"
        );
        let page = format!(
            "<!doctype html><html lang=en><title>Session</title><p id=status>Asking the provider …</p><script>\n\
             const settings = {settings};\n{SCRIPT}</script></html>"
        );
        ([(CACHE_CONTROL, "no-store".to_owned()), (CONTENT_SECURITY_POLICY, policy)], Html(page))
            .into_response()
    }
}

/// The frame may need a moment after it has loaded, so the message is repeated until the status comes.
const SCRIPT: &str = r"
const frame = document.createElement('iframe');
frame.hidden = true;
frame.src = settings.frame;
let timer;
const ask = () => frame.contentWindow.postMessage(settings.message, settings.origin);
frame.addEventListener('load', () => { ask(); timer ??= setInterval(ask, 1000); });
window.addEventListener('message', event => {
  if (event.origin !== settings.origin || event.source !== frame.contentWindow) return;
  clearInterval(timer);
  document.getElementById('status').textContent = event.data;
  fetch(settings.report + '?' + encodeURIComponent(event.data));
});
document.body.append(frame);
";
