//! Faults in the response of the registration endpoint, RFC 7591 section 3.2.1.

use serde_json::json;

use super::Strike::{Body, InMember, Label, Set, Without};
use super::{ELSEWHERE, faults};

faults! { Registration:
    OTHER_REDIRECT_URIS: "the client is registered with another redirect URI",
        security "redirect_uri_mismatch", Set("redirect_uris", || json!(["https://elsewhere.example/callback"]));
    ONE_MORE_REDIRECT_URI: "the client is registered with one more redirect URI",
        security "redirect_uri_mismatch", InMember("redirect_uris", |uris| {
            if let Some(uris) = uris.as_array_mut() { uris.push("https://elsewhere.example/callback".into()); }
        });
    MISSING_CLIENT_ID: "the response has no client id", malformed "missing_field", Without("client_id");
    WRONG_TYPE_CLIENT_ID: "the client id is a number", malformed "invalid_field", Set("client_id", || 7.into());
    ESCAPES_IN_CLIENT_ID: "the client id has control characters",
        malformed "invalid_field", Set("client_id", || "client\u{1b}[2J\r\nx: y".into());
    MISSING_CLIENT_SECRET: "the response has no client secret, although the client has to authenticate by one",
        malformed "missing_field", Without("client_secret");
    WRONG_TYPE_SECRET_LIFETIME: "the end of the client secret is a word",
        malformed "invalid_field", Set("client_secret_expires_at", || "never".into());
    PLAIN_MANAGEMENT: "the management of the client is at another host, and not encrypted (http)",
        security "insecure_url", Set("registration_client_uri", || "http://elsewhere.example/client".into());
    FOREIGN_MANAGEMENT: "the management of the client is at another host",
        security "issuer_mismatch", Set("registration_client_uri", || format!("{ELSEWHERE}/client").into());
    MANAGEMENT_WITHOUT_TOKEN: "there is a URL for the management of the client, and no token",
        malformed "missing_field", Without("registration_access_token");
    REGISTRATION_AS_PAGE: "the response is labelled as an HTML page", malformed "content_type", Label("text/html");
    TWO_CLIENT_IDS: "the response has two client ids",
        malformed "json", Body(|body| *body = [&b"{\"client_id\":\"another\","[..], &body[1..]].concat());
    REPLACED_METADATA: "the provider has replaced the name of the client", lawful, Set("client_name", || "Another".into());
}
