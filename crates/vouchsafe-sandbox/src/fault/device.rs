//! Faults in the response of the device authorization endpoint, RFC 8628 section 3.2.

use super::Strike::{Set, Without};
use super::faults;

faults! { Device:
    MISSING_DEVICE_CODE: "the response has no device code", malformed "missing_field", Without("device_code");
    MISSING_USER_CODE: "the response has no user code", malformed "missing_field", Without("user_code");
    MISSING_DEVICE_LIFETIME: "the response does not say when the codes expire",
        malformed "missing_field", Without("expires_in");
    ESCAPES_IN_USER_CODE: "the user code has control characters for terminals",
        malformed "invalid_field", Set("user_code", || "AB\u{1b}[2J\u{202e}CD".into());
    SCRIPT_AS_VERIFICATION_PAGE: "the verification URI is a script",
        security "insecure_url", Set("verification_uri", || "javascript:alert(document.domain)".into());
    PLAIN_VERIFICATION_PAGE: "the verification URI is not encrypted (http)",
        security "insecure_url", Set("verification_uri", || "http://device.example/".into());
    PLAIN_COMPLETE_PAGE: "the verification URI with the code in it is not encrypted (http)",
        security "insecure_url", Set("verification_uri_complete", || "http://device.example/?code=1".into());
    ESCAPES_IN_VERIFICATION_PAGE: "the verification URI has control characters for terminals",
        malformed "invalid_field", Set("verification_uri", || "https://device.example/\u{1b}]0;title\u{7}".into());
    WRONG_TYPE_INTERVAL: "the interval is a word", malformed "invalid_field", Set("interval", || "soon".into());
    NO_INTERVAL: "the response has no interval: a client asks every five seconds", lawful, Without("interval");
    DEVICE_IN_NO_TIME: "the interval is 0: a client pauses all the same", lawful, Set("interval", || 0.into());
    ENDLESS_DEVICE: "the codes are valid for thirty years", lawful, Set("expires_in", || 946_080_000.into());
}
