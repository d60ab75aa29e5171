//! Tells a person who opens a page from a program that prefetches or embeds it.
use http::header::HeaderMap;
use http::request::Parts;
use http::{HeaderValue, Method};

/// Whether a person opens this page in a window, so that a login may start.
pub(crate) fn may_start(parts: &Parts) -> bool {
    // Fetch Metadata: nobody opens an image, a frame or a script. A browser that does not send these headers passes. If a
    // service worker forwards a navigation, the destination is lost, but not the mode, which no script of a page can set.
    let mut modes = parts.headers.get_all("sec-fetch-mode").iter().peekable();
    let navigates = modes.peek().is_some() && modes.all(|mode| mode == "navigate");
    let is_document =
        |destination: &HeaderValue| destination == "document" || (destination == "empty" && navigates);
    may_finish(parts) && parts.headers.get_all("sec-fetch-dest").iter().all(is_document)
}

/// Whether a browser brings a response, so that a login may end. A prefetch would spend the code, and the person who
/// opens the page afterwards would have no login.
pub(crate) fn may_finish(parts: &Parts) -> bool {
    [Method::GET, Method::POST].contains(&parts.method) && !is_prefetch(&parts.headers)
}

/// Whether a browser loads a page that nobody has opened yet.
fn is_prefetch(headers: &HeaderMap) -> bool {
    // `Sec-Purpose` is in the Fetch standard. The others come from older browsers, and from scripts that look ahead.
    let purposes =
        ["sec-purpose", "x-sec-purpose", "purpose", "x-purpose", "x-moz"].map(|name| headers.get_all(name));
    purposes.into_iter().flatten().any(|value| {
        let purpose = value.as_bytes().to_ascii_lowercase();
        PREFETCHES.iter().any(|word| purpose.windows(word.len()).any(|part| part == *word))
    })
}

const PREFETCHES: [&[u8]; 3] = [b"prefetch", b"prerender", b"preview"];

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(method: Method, headers: &[(&'static str, &'static str)]) -> (bool, bool) {
        let mut request = http::Request::builder().method(method);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        (may_start(&parts), may_finish(&parts))
    }

    #[test]
    fn a_person_opens_a_page_with_get_or_post() {
        for method in [Method::GET, Method::POST] {
            assert_eq!(visit(method, &[]), (true, true));
        }
        for method in [Method::HEAD, Method::OPTIONS, Method::PUT, Method::DELETE, Method::PATCH] {
            assert_eq!(visit(method, &[]), (false, false));
        }
    }

    #[test]
    fn only_a_document_of_its_own_is_a_visit() {
        assert_eq!(visit(Method::GET, &[("sec-fetch-dest", "document")]), (true, true));
        for other in ["image", "iframe", "empty", "script", "", "Document", "document, image"] {
            assert_eq!(visit(Method::GET, &[("sec-fetch-dest", other)]), (false, true), "{other}");
        }
        for other in ["image", "document"] {
            let twice = [("sec-fetch-dest", "document"), ("sec-fetch-dest", other)];
            assert_eq!(visit(Method::GET, &twice).0, other == "document");
        }
    }

    #[test]
    fn a_navigation_that_a_service_worker_hands_on_is_a_visit() {
        let dest = |dest: &'static str, modes: &[&'static str]| {
            let modes = modes.iter().map(|mode| ("sec-fetch-mode", *mode));
            visit(Method::GET, &[("sec-fetch-dest", dest)].into_iter().chain(modes).collect::<Vec<_>>()).0
        };
        // As Chromium sends it for `fetch(event.request)`.
        assert!(dest("empty", &["navigate"]) && dest("document", &["navigate"]));
        for mode in ["cors", "no-cors", "same-origin", "websocket", "Navigate", ""] {
            assert!(!dest("empty", &[mode]) && !dest("empty", &["navigate", mode]), "{mode}");
        }
        for embedded in ["iframe", "frame", "image", "embed", "object", ""] {
            assert!(!dest(embedded, &["navigate"]), "{embedded}");
        }
        let ahead =
            [("sec-fetch-dest", "empty"), ("sec-fetch-mode", "navigate"), ("sec-purpose", "prefetch")];
        assert_eq!(visit(Method::GET, &ahead), (false, false));
    }

    #[test]
    fn a_look_ahead_is_no_visit() {
        for name in ["sec-purpose", "x-sec-purpose", "purpose", "x-purpose", "x-moz"] {
            for value in
                ["prefetch", "prefetch;prerender", "Prefetch", "preview", "prerender", "a;b=prefetch"]
            {
                assert_eq!(visit(Method::GET, &[(name, value)]), (false, false), "{name}: {value}");
                let twice = [(name, "x"), (name, value)];
                assert_eq!(visit(Method::GET, &twice), (false, false), "{name}: {value}");
            }
            assert_eq!(visit(Method::GET, &[(name, "fetch")]), (true, true));
        }
    }
}
