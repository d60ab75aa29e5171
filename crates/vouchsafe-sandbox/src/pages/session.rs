//! The frame that tells an application whether the session has changed, OpenID Connect Session Management 1.0 section 3.3.

use std::sync::LazyLock;

use axum::response::{Html, IntoResponse, Response};
use maud::{DOCTYPE, PreEscaped, html};

use super::hash_source;

/// The page, which reads the cookie of this name. Any site may put it into a frame.
pub(crate) fn session(cookie: &str) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { "Session" } }
            body data-cookie=(cookie) { script { (PreEscaped(SCRIPT)) } }
        }
    };
    let headers = [("cache-control", "no-store"), ("content-security-policy", &**POLICY)];
    (headers, Html(page.into_string())).into_response()
}

static POLICY: LazyLock<String> =
    LazyLock::new(|| format!("default-src 'none'; script-src {}; base-uri 'none'", hash_source(SCRIPT)));
/// A client id may have spaces.
const SCRIPT: &str = r"
addEventListener('message', async (event) => {
  const [, client, hash, salt] = /^(.+) ([^ .]+)\.([^ ]+)$/.exec(event.data) ?? [];
  const answer = (text) => event.source.postMessage(text, event.origin);
  if (!client) return answer('error');
  const found = document.cookie.split('; ').find((pair) => pair.startsWith(document.body.dataset.cookie + '='));
  const state = found ? found.slice(found.indexOf('=') + 1) : '';
  const text = new TextEncoder().encode([client, event.origin, state, salt].join(' '));
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', text));
  const expected = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  answer(expected === hash ? 'unchanged' : 'changed');
});
";
