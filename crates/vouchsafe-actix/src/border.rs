//! Requests and responses of actix-web in the types of the crate `http`, of which actix-web has an older version inside.
use std::pin::Pin;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};

/// A future of one thread, as actix-web has them.
pub(crate) type LocalFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// The head of a request, with its path as it came to the application. `None` if the two versions read the path differently.
pub(crate) fn parts(request: &HttpRequest) -> Option<Parts> {
    let head = Request::builder().method(request.method().as_str()).uri(request.uri().to_string());
    let (mut parts, ()) = head.body(()).ok()?.into_parts();
    parts.headers = headers(request.headers());
    Some(parts)
}

/// The headers of a request or of a response.
pub(crate) fn headers(headers: &header::HeaderMap) -> HeaderMap {
    let pair = |(name, value): (&header::HeaderName, &header::HeaderValue)| {
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
        Some((name, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    };
    let mut all = HeaderMap::new();
    for (name, value) in headers.iter().filter_map(pair) {
        all.append(name, value);
    }
    all
}

/// Puts these headers into a response, in the place of those that it has.
pub(crate) fn replace(all: &mut header::HeaderMap, headers: &HeaderMap) {
    all.clear();
    for (name, value) in headers {
        let name = header::HeaderName::from_bytes(name.as_str().as_bytes());
        if let (Ok(name), Ok(value)) = (name, header::HeaderValue::from_bytes(value.as_bytes())) {
            all.append(name, value);
        }
    }
}

/// A response of the site.
pub(crate) fn response(from: Response<String>) -> HttpResponse {
    let (parts, body) = from.into_parts();
    let status = StatusCode::from_u16(parts.status.as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::with_body(status, body).map_into_boxed_body();
    replace(response.headers_mut(), &parts.headers);
    response
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_request_crosses_the_border_whole() {
        let request = TestRequest::post()
            .uri("/callback/a?code=%20&x")
            .append_header(("cookie", "a=1"))
            .append_header(("cookie", "b=2"))
            .append_header(("x-bytes", &b"\xff\xfe"[..]))
            .to_http_request();
        let parts = parts(&request).unwrap();
        assert_eq!(
            (parts.method.as_str(), parts.uri.to_string().as_str()),
            ("POST", "/callback/a?code=%20&x")
        );
        let cookies: Vec<_> = parts.headers.get_all("cookie").iter().collect();
        assert_eq!(cookies, ["a=1", "b=2"]);
        assert_eq!(parts.headers["x-bytes"].as_bytes(), b"\xff\xfe");
    }

    #[test]
    fn a_response_crosses_the_border_whole() {
        let from = Response::builder().status(303).header("set-cookie", "a=1").header("set-cookie", "b=2");
        let response = response(from.header("location", "/x").body("text".to_owned()).unwrap());
        assert_eq!(response.status(), 303);
        let cookies: Vec<_> = response.headers().get_all("set-cookie").collect();
        assert_eq!(cookies, ["a=1", "b=2"]);
        assert_eq!(response.headers().get("location").unwrap(), "/x");
    }
}
