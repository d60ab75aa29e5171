//! Faults in the response of the UserInfo endpoint.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::Strike::{IdToken, Instead, Members, UnverifiedEmail};
use super::{LAWFUL, faults, malformed, provider, security};
use crate::wire::json as json_response;

faults! { UserInfo:
    ANOTHER_USERS_USERINFO = ("another-users-userinfo", "UserInfo is about another user than the ID token",
        security("subject_mismatch"), [Members(|claims| claims["sub"] = "sandbox-user-mallory".into())]);
    USERINFO_WITHOUT_SUBJECT = ("userinfo-without-subject", "UserInfo has no sub",
        malformed("missing_field"), [Members(|claims| {
            claims.as_object_mut().map(|claims| claims.remove("sub"));
        })]);
    USERINFO_WRONG_TYPE_SUBJECT = ("userinfo-wrong-type-subject", "sub in UserInfo is a number",
        malformed("invalid_field"), [Members(|claims| claims["sub"] = 7.into())]);
    USERINFO_WITH_ERROR = ("userinfo-with-error", "UserInfo is an error with status 200",
        provider("invalid_token"), [Members(|claims| *claims = json!({ "error": "invalid_token" }))]);
    TOKEN_IN_USERINFO_ERROR = ("token-in-userinfo-error",
        "UserInfo is refused, and the error repeats the access token",
        provider("invalid_token"), [Instead(|request| {
            let description = request.secrets().join(" ");
            let body = json!({ "error": "invalid_token", "error_description": description });
            json_response(StatusCode::UNAUTHORIZED, &body)
        })]);
    UNVERIFIED_EMAIL = ("unverified-email", "the provider does not vouch for the user’s e-mail address",
        LAWFUL, [UnverifiedEmail]);
    VERIFIED_BY_WORD = ("verified-by-word",
        "email_verified is the string true instead of a boolean",
        LAWFUL, [
            IdToken(|token| {
                if let Some(verified) = token.claims.get_mut("email_verified") {
                    *verified = "true".into();
                }
            }),
            Members(|claims| {
                if let Some(verified) = claims.get_mut("email_verified") {
                    *verified = "true".into();
                }
            }),
        ]);
    WRONG_TYPE_EMAIL = ("wrong-type-email", "the e-mail address is a list, in the ID token and in UserInfo",
        malformed("invalid_field"), [
            IdToken(|token| {
                if let Some(email) = token.claims.get_mut("email") {
                    listed(email);
                }
            }),
            Members(|claims| {
                if let Some(email) = claims.get_mut("email") {
                    listed(email);
                }
            }),
        ]);
}

fn listed(email: &mut Value) {
    *email = json!([email.take(), "mallory@example.com"]);
}
