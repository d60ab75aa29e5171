//! Request objects: authorization requests as JWTs (RFC 9101).
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Map;

use crate::text::json::{self, Value};

/// The claims of a request object: the parameters, and those that say for whom and how long it is (section 4).
pub(crate) fn claims<'p>(
    params: impl Iterator<Item = (&'p str, &'p str)>,
    (client_id, audience): (&str, &str),
    (id, now): (String, SystemTime),
) -> Value {
    let mut claims: Map<String, Value> =
        params.map(|(name, value)| (name.to_owned(), typed(name, value))).collect();
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    for (name, value) in [
        ("client_id", client_id.into()),
        ("iss", client_id.into()),
        ("aud", audience.into()),
        ("jti", id.into()),
        ("iat", now.as_secs().into()),
        ("nbf", now.as_secs().into()),
        ("exp", (now + LIFETIME).as_secs().into()),
    ] {
        claims.insert(name.to_owned(), value);
    }
    Value::Object(claims)
}

/// Section 4: numbers and JSON structures are themselves, not text.
fn typed(name: &str, value: &str) -> Value {
    let is_json = matches!(name, "max_age" | "claims" | "authorization_details");
    let parsed = is_json.then(|| json::parse(value.as_bytes()).ok()).flatten();
    parsed.unwrap_or_else(|| value.into())
}

/// The header of a request object beside key and algorithm (section 10.8).
pub(crate) fn header() -> Map<String, Value> {
    Map::from_iter([("typ".to_owned(), TYPE.into())])
}

/// The header of a request object that nobody signs (RFC 7519 section 6).
pub(crate) fn unsigned_header() -> Value {
    let mut header = header();
    header.insert("alg".to_owned(), "none".into());
    Value::Object(header)
}

const TYPE: &str = "oauth-authz-req+jwt";
/// Longer than a browser needs to come to the provider, and not long enough to be useful later.
const LIFETIME: Duration = Duration::from_secs(5 * 60);
