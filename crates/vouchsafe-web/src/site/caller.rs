//! Who reads the response: a person who opened a page, or a script.
use http::HeaderMap;
use http::header::ACCEPT;

/// Who reads the response to a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Caller {
    /// A person, in a window: the response is HTML or a redirect.
    Page,
    /// A script, such as `fetch`, or another program: the response is JSON.
    Fetch,
}

impl Caller {
    /// Who sends a request with these headers. `Sec-Fetch-Mode` decides. Without it, a request whose `Accept` names
    /// `text/html` is for a page.
    pub fn of(headers: &HeaderMap) -> Self {
        let is_page = match headers.get("sec-fetch-mode") {
            Some(mode) => mode == "navigate",
            None => headers.get_all(ACCEPT).iter().any(|value| {
                let types = value.to_str().unwrap_or_default().split(',');
                types
                    .map(|range| range.split(';').next().unwrap_or_default().trim())
                    .any(|name| name.eq_ignore_ascii_case("text/html"))
            }),
        };
        if is_page { Self::Page } else { Self::Fetch }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn the_mode_decides_and_accept_decides_without_it() {
        let of = |pairs: &[(&'static str, &'static str)]| {
            let pair = |(name, value): &(&'static str, &'static str)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            };
            Caller::of(&pairs.iter().map(pair).collect())
        };
        for (pairs, caller) in [
            (&[][..], Caller::Fetch),
            (&[("sec-fetch-mode", "navigate")], Caller::Page),
            (&[("sec-fetch-mode", "navigate"), ("accept", "application/json")], Caller::Page),
            (&[("sec-fetch-mode", "cors"), ("accept", "text/html")], Caller::Fetch),
            (&[("sec-fetch-mode", ""), ("accept", "text/html")], Caller::Fetch),
            (&[("accept", "text/html,application/xhtml+xml;q=0.9")], Caller::Page),
            (&[("accept", "application/json, Text/HTML;q=0.1")], Caller::Page),
            (&[("accept", "*/*")], Caller::Fetch),
            (&[("accept", "application/json")], Caller::Fetch),
            (&[("accept", "text/html2")], Caller::Fetch),
        ] {
            assert_eq!(of(pairs), caller, "{pairs:?}");
        }
    }
}
