//! Faults in the response of WebFinger, RFC 7033 section 4.4.

use serde_json::{Value, json};

use super::Strike::{Label, Set, Without};
use super::faults;

faults! { WebFinger:
    PLAIN_ISSUER_FOUND: "WebFinger names an issuer that is not encrypted (http)",
        security "insecure_url", Set("links", || issuer("http://elsewhere.example".into()));
    SCRIPT_AS_ISSUER: "WebFinger names a script as the issuer",
        security "insecure_url", Set("links", || issuer("javascript:alert(1)".into()));
    ISSUER_WITH_QUERY: "WebFinger names an issuer with a query",
        malformed "invalid_field", Set("links", || issuer("https://elsewhere.example/?x=y".into()));
    WRONG_TYPE_ISSUER: "WebFinger names a number as the issuer", malformed "invalid_field", Set("links", || issuer(7.into()));
    NO_LINKS: "WebFinger names no links", malformed "missing_field", Without("links");
    ANOTHER_LINK: "WebFinger has only a link of another relation",
        malformed "missing_field", Set("links", || json!([{ "rel": "avatar", "href": "https://elsewhere.example" }]));
    WRONG_TYPE_LINKS: "the links of WebFinger are an object",
        malformed "missing_field", Set("links", || json!({ "href": "https://elsewhere.example" }));
    WEBFINGER_AS_PAGE: "the response of WebFinger is labelled as an HTML page",
        malformed "content_type", Label("text/html");
    ANOTHER_SUBJECT: "WebFinger has another name for the person", lawful, Set("subject", || "acct:another@a.example".into());
}

fn issuer(href: Value) -> Value {
    json!([{ "rel": "http://openid.net/specs/connect/1.0/issuer", "href": href }])
}
