//! What goes wrong on the wire, whatever is asked.

use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::Strike::{Answer, Body, Delay, Label};
use super::{body, faults, malformed, network, security};

faults! { Wire:
    SLOW = ("slow", "the endpoint takes five seconds to answer", network("timeout"), [Delay]);
    TOO_MANY_REQUESTS = ("too-many-requests", "the endpoint answers 429, and to come again in a second",
        network("http_status"), [Answer(|_| later(StatusCode::TOO_MANY_REQUESTS))]);
    UNAVAILABLE = ("unavailable", "the endpoint answers 503, and to come again in a second",
        network("http_status"), [Answer(|_| later(StatusCode::SERVICE_UNAVAILABLE))]);
    SERVER_ERROR = ("server-error", "the endpoint answers 500",
        network("http_status"),
        [Answer(|_| (StatusCode::INTERNAL_SERVER_ERROR, "something broke").into_response())]);
    HTML = ("html", "the endpoint answers 200 and a page for people, as some proxies do",
        malformed("content_type"), [Answer(|_| page(StatusCode::OK))]);
    CAPTIVE_PORTAL = ("captive-portal", "a network that wants its terms accepted answers 511 (RFC 6585)",
        network("http_status"), [Answer(|_| page(StatusCode::NETWORK_AUTHENTICATION_REQUIRED))]);
    REDIRECT = ("redirect", "the endpoint redirects, to send the same request again elsewhere (307)",
        security("redirect_refused"), [Answer(|_| {
            (StatusCode::TEMPORARY_REDIRECT, [("location", "http://127.0.0.1:9/elsewhere")]).into_response()
        })]);
    WRONG_CONTENT_TYPE = ("wrong-content-type", "the answer is the right one, and says that it is a picture",
        malformed("content_type"), [Label("image/png")]);
    EMPTY_BODY = ("empty-body", "the answer is empty",
        malformed("json"), [Body(|body| body.clear())]);
    DUPLICATE_MEMBERS = ("duplicate-members", "the answer has its first member twice, with two values",
        malformed("json"), [Body(|body| {
            let name = body.split(|b| *b == b'"').nth(1).unwrap_or_default().to_vec();
            add(body, &[b",\"", &name[..], b"\":\"another\""].concat());
        })]);
    DUPLICATE_INNER_MEMBERS = ("duplicate-inner-members",
        "the answer has an object that nobody looks at, with a member twice",
        malformed("json"), [Body(|body| add(body, b",\"team\":{\"id\":1,\"id\":2}"))]);
    DEEP_NESTING = ("deep-nesting", "the answer has a hundred thousand lists, each in another",
        malformed("json"), [Body(|body| {
            add(body, &[b",\"deep\":".to_vec(), vec![b'['; DEPTH], vec![b']'; DEPTH]].concat());
        })]);
    INVALID_UTF8 = ("invalid-utf8", "the answer has a member that is not UTF-8",
        malformed("json"), [Body(|body| add(body, b",\"broken\":\"\xc3\x28\xff\""))]);
    TRAILING_BYTES = ("trailing-bytes", "the answer goes on after its JSON",
        malformed("json"), [Body(|body| body.extend(b"{}"))]);
    CUT_BODY = ("cut-body", "the answer announces a longer body than it sends, and breaks off",
        network("interrupted_answer"), [Answer(|_| body::cut())]);
    DRIPPING_BODY = ("dripping-body", "the answer comes byte by byte, and never ends",
        network("timeout"), [Answer(|_| body::dripping())]);
    ENDLESS_BODY = ("endless-body", "the answer comes as fast as it can, and never ends",
        network("body_too_large"), [Answer(|_| body::endless())]);
    LARGE_BODY = ("large-body", "the answer has 64 MiB",
        network("body_too_large"), [Answer(|_| body::large())]);
    GZIP_BOMB = ("gzip-bomb",
        "the answer is compressed, though nobody asked for it: under 1 MiB that become 150",
        malformed("json"), [Answer(|_| body::gzip_bomb())]);
}

const DEPTH: usize = 100_000;

fn later(status: StatusCode) -> Response {
    (status, [(HeaderName::from_static("retry-after"), "1")], "come again later").into_response()
}

fn page(status: StatusCode) -> Response {
    let page = "<!doctype html><title>Welcome</title><p>Please accept the terms of this network.";
    (status, [("content-type", "text/html; charset=utf-8")], page).into_response()
}

/// Adds a member to an object.
fn add(body: &mut Vec<u8>, member: &[u8]) {
    if body.pop_if(|last| *last == b'}').is_some() {
        body.extend(member);
        body.push(b'}');
    }
}
