//! Faults in the response of the backchannel authentication endpoint, CIBA Core section 7.3.

use serde_json::json;

use super::Strike::{Label, Set, Without};
use super::faults;

faults! { Backchannel:
    MISSING_REQUEST_ID: "the response has no auth_req_id", malformed "missing_field", Without("auth_req_id");
    WRONG_TYPE_REQUEST_ID: "the auth_req_id is a list", malformed "invalid_field", Set("auth_req_id", || json!(["id"]));
    LINES_IN_REQUEST_ID: "the auth_req_id has line breaks",
        malformed "invalid_field", Set("auth_req_id", || "id\r\nx: y".into());
    MISSING_REQUEST_LIFETIME: "the response does not say when the request expires",
        malformed "missing_field", Without("expires_in");
    BACKCHANNEL_AS_PAGE: "the response is labelled as an HTML page", malformed "content_type", Label("text/html");
    NO_BACKCHANNEL_INTERVAL: "the response has no interval: a client asks every five seconds", lawful, Without("interval");
    BACKCHANNEL_IN_NO_TIME: "the interval is 0: a client pauses all the same", lawful, Set("interval", || 0.into());
}
