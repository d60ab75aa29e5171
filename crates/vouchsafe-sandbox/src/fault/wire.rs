//! Faults in the HTTP response, at any endpoint.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::Strike::{Body, Delay, Instead, Label};
use super::{body, faults};

faults! { Wire:
    SLOW: "the endpoint responds after five seconds", network "timeout", Delay;
    TOO_MANY_REQUESTS: "the endpoint responds with status 429 and asks to retry in a second",
        network "http_status", Instead(|_| later(StatusCode::TOO_MANY_REQUESTS));
    UNAVAILABLE: "the endpoint responds with status 503 and asks to retry in a second",
        network "http_status", Instead(|_| later(StatusCode::SERVICE_UNAVAILABLE));
    SERVER_ERROR: "the endpoint responds with status 500", network "http_status", Instead(|_| broken());
    HTML: "the endpoint responds with status 200 and an HTML page, as some proxies do",
        malformed "content_type", Instead(|_| page(StatusCode::OK));
    CAPTIVE_PORTAL: "a network that wants its terms accepted responds with status 511 (RFC 6585)",
        network "http_status", Instead(|_| page(StatusCode::NETWORK_AUTHENTICATION_REQUIRED));
    REDIRECT: "the endpoint redirects the same request to another place (307)",
        security "redirect_refused", Instead(|_| Redirect::temporary("http://127.0.0.1:9/elsewhere").into_response());
    WRONG_CONTENT_TYPE: "the response is right, but its content type is a picture",
        malformed "content_type", Label("image/png");
    EMPTY_BODY: "the response is empty", malformed "json", Body(|body| body.clear());
    DUPLICATE_MEMBERS: "the first member occurs twice, with two values", malformed "json", Body(first_again);
    DUPLICATE_INNER_MEMBERS: "an unknown member is an object with a duplicate member",
        malformed "json", Body(|body| add(body, b",\"team\":{\"id\":1,\"id\":2}"));
    DEEP_NESTING: "the response has 100,000 nested lists",
        malformed "json", Body(|body| add(body, &[&b",\"deep\":"[..], &[b'['; DEPTH], &[b']'; DEPTH]].concat()));
    INVALID_UTF8: "the response has a member that is not UTF-8",
        malformed "json", Body(|body| add(body, b",\"broken\":\"\xc3\x28\xff\""));
    TRAILING_BYTES: "the response continues after its JSON", malformed "json", Body(|body| body.extend(b"{}"));
    CUT_BODY: "the response breaks off before its announced length",
        network "interrupted_answer", Instead(|_| body::cut());
    DRIPPING_BODY: "the response arrives byte by byte and never ends",
        network "timeout", Instead(|_| body::dripping());
    ENDLESS_BODY: "the response arrives as fast as possible and never ends",
        network "body_too_large", Instead(|_| body::endless());
    LARGE_BODY: "the response is 64 MiB long", network "body_too_large", Instead(|_| body::large());
    GZIP_BOMB: "the response is compressed, which was not requested: 1 MiB becomes 150 MiB",
        malformed "content_type", Instead(|_| body::gzip_bomb());
}

const DEPTH: usize = 100_000;

pub(super) fn broken() -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, "something broke").into_response()
}

fn later(status: StatusCode) -> Response {
    (status, [("retry-after", "1")], "come again later").into_response()
}

fn page(status: StatusCode) -> Response {
    let page = "<!doctype html><title>Welcome</title><p>Please accept the terms of this network.";
    (status, [("content-type", "text/html; charset=utf-8")], page).into_response()
}

fn first_again(body: &mut Vec<u8>) {
    let name = body.split(|b| *b == b'"').nth(1).unwrap_or_default().to_vec();
    add(body, &[b",\"", &name[..], b"\":\"another\""].concat());
}

/// Adds a member to an object.
fn add(body: &mut Vec<u8>, member: &[u8]) {
    if body.pop_if(|last| *last == b'}').is_some() {
        body.extend(member);
        body.push(b'}');
    }
}
