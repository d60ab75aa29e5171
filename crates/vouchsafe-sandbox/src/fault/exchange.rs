//! Faults in the response to a token exchange, RFC 8693 section 2.2.1.

use serde_json::Value;

use super::Strike::{InMember, Members};
use super::faults;

faults! { Exchange:
    MISSING_ISSUED_TYPE: "the response does not say which type of token was issued",
        malformed "missing_field", Members(|members| if let Some(members) = members.as_object_mut() {
            members.remove("issued_token_type");
        });
    WRONG_TYPE_ISSUED_TYPE: "the type of the issued token is a number",
        malformed "invalid_field", InMember("issued_token_type", |kind| *kind = 7.into());
    ANOTHER_ISSUED_TYPE: "the issued token has another type than the requested one",
        security "token_type", InMember("issued_token_type", |kind| *kind = "urn:ietf:params:oauth:token-type:saml2".into());
    ACCESS_TOKEN_AS_N_A: "an access token is issued that no request can be authorized with (N_A)",
        security "token_type", Members(|members| if members.get("issued_token_type").is_some() {
            members["token_type"] = Value::from("N_A");
        });
    EXCHANGED_FOR_DPOP: "the issued token is bound to a key, which was not requested",
        security "token_type", Members(|members| if members.get("issued_token_type").is_some() {
            members["token_type"] = Value::from("DPoP");
        });
}
