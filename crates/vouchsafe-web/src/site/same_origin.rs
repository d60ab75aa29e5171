//! Requests that change something come from this site's own pages.
use http::header::{ORIGIN, UPGRADE};
use http::request::Parts;
use http::{HeaderValue, Method};

use crate::origin::Origin;

/// Whether a request may change something at this origin: it changes nothing by its method, or a page of this origin sent it.
pub(crate) fn may_pass(parts: &Parts, own: &Origin) -> bool {
    let mut origins = parts.headers.get_all(ORIGIN).iter();
    if [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE].contains(&parts.method) {
        // RFC 6455 section 10.2: pages of other sites may open a WebSocket, and it carries the cookies.
        let is_socket = parts.headers.get_all(UPGRADE).iter().any(|value| {
            value.as_bytes().to_ascii_lowercase().windows(SOCKET.len()).any(|word| word == SOCKET)
        });
        return !is_socket || origins.all(|origin| origin == own.as_str());
    }
    let only = |name: &str| {
        let mut values = parts.headers.get_all(name).iter();
        let first = values.next();
        (first.is_some() && values.next().is_none()).then_some(first).flatten()
    };
    match (origins.next().map(HeaderValue::as_bytes), origins.next()) {
        (_, Some(_)) => false,
        // Fetch Standard: a page with `Referrer-Policy: no-referrer` sends `null`. No page can set `Sec-Fetch-Site`.
        (None | Some(b"null"), None) => only("sec-fetch-site").is_some_and(|site| site == "same-origin"),
        (Some(origin), None) => origin == own.as_str().as_bytes(),
    }
}

const SOCKET: &[u8] = b"websocket";

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(method: Method, headers: &[(&str, &str)]) -> bool {
        let mut request = http::Request::builder().method(method);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        may_pass(&request.body(()).unwrap().into_parts().0, &"https://app.example".parse().unwrap())
    }

    #[test]
    fn a_web_socket_is_opened_by_the_own_origin() {
        for (origin, may) in [("https://app.example", true), ("https://evil.example", false), ("null", false)]
        {
            assert_eq!(passes(Method::GET, &[("upgrade", "WebSocket"), ("origin", origin)]), may, "{origin}");
        }
        // Another program than a browser.
        assert!(passes(Method::GET, &[("upgrade", "websocket")]));
        assert!(passes(Method::GET, &[("upgrade", "h2c"), ("origin", "https://evil.example")]));
    }

    #[test]
    fn only_the_own_origin_may_change_something() {
        for good in [
            &[("origin", "https://app.example")][..],
            &[("origin", "https://app.example"), ("sec-fetch-site", "same-origin")],
            &[("origin", "null"), ("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "same-origin")],
        ] {
            assert!(passes(Method::POST, good), "{good:?}");
        }
        for bad in [
            &[][..],
            &[("origin", "https://evil.example")],
            &[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")],
            &[("origin", "https://app.example.evil.example")],
            &[("origin", "https://APP.example")],
            &[("origin", "http://app.example")],
            &[("origin", "https://app.example:8443")],
            &[("origin", "https://app.example/")],
            &[("origin", "")],
            &[("origin", "null")],
            &[("origin", "null"), ("sec-fetch-site", "same-site")],
            &[("origin", "null"), ("sec-fetch-site", "cross-site")],
            &[("origin", "null"), ("sec-fetch-site", "none")],
            &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
            &[("origin", "https://app.example"), ("origin", "https://evil.example")],
            &[("referer", "https://app.example/")],
        ] {
            for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                assert!(!passes(method, bad), "{bad:?}");
            }
            assert!(passes(Method::GET, bad) && passes(Method::HEAD, bad));
        }
    }
}
