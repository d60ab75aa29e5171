//! Faults in the response of the UserInfo endpoint.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse as _;
use serde_json::{Value, json};

use super::Strike::{InClaim, InMember, Instead, Members, Set, UnverifiedEmail, Without};
use super::faults;
use super::token::{JWE, error};

faults! { UserInfo:
    ANOTHER_USERS_USERINFO: "UserInfo is about another user than the ID token",
        security "subject_mismatch", Set("sub", || "sandbox-user-mallory".into());
    USERINFO_WITHOUT_SUBJECT: "UserInfo has no sub", malformed "missing_field", Without("sub");
    USERINFO_WRONG_TYPE_SUBJECT: "sub in UserInfo is a number", malformed "invalid_field", Set("sub", || 7.into());
    USERINFO_WITH_ERROR: "UserInfo is an error with status 200",
        lawful, Members(|claims| *claims = json!({ "error": "invalid_token" }));
    TOKEN_IN_USERINFO_ERROR: "UserInfo is refused, and the error repeats the access token",
        lawful,
            Instead(|request| error(StatusCode::UNAUTHORIZED, "invalid_token", &request.secrets().join(" ")));
    ACCESS_TOKEN_REFUSED: "UserInfo is refused by request_unauthorized with status 401, as by Ory Hydra",
        lawful, Instead(|_| error(StatusCode::UNAUTHORIZED, "request_unauthorized", "The access token is expired"));
    ACCESS_TOKEN_FORBIDDEN: "UserInfo is refused by status 403 without an error, as by zitadel",
        lawful, Instead(|_| StatusCode::FORBIDDEN.into_response());
    ENCRYPTED_USERINFO: "UserInfo is encrypted (a JWE), which was not requested",
        lawful, Instead(|_| ([(CONTENT_TYPE, "application/jwt")], JWE).into_response());
    UNVERIFIED_EMAIL: "the provider does not vouch for the user’s e-mail address", lawful, UnverifiedEmail;
    VERIFIED_BY_WORD: "email_verified is the string true instead of a boolean",
        lawful, InClaim("email_verified", by_word),
            InMember("email_verified", by_word);
    WRONG_TYPE_EMAIL: "the e-mail address is a list, in the ID token and in UserInfo",
        lawful, InClaim("email", listed),
            InMember("email", listed);
}

fn by_word(verified: &mut Value) {
    *verified = "true".into();
}

fn listed(email: &mut Value) {
    *email = json!([email.take(), "mallory@example.com"]);
}
