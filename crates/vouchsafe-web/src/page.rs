//! The page where people choose how to sign in, in HTML and CSS without scripts, and the page that watches the session at a provider.
//!
//! From the ground up: `language`, `button` and `sign_in`; `session_frame`.
pub(crate) mod button;
pub(crate) mod language;
pub(crate) mod session_frame;
pub(crate) mod sign_in;

/// The text in HTML, also within quotes.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
