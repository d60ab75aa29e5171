//! Faults in the logout token, OpenID Connect Back-Channel Logout section 2.6.

use serde_json::{Value, json};

use super::Strike::{Claim, Header, IdToken, NoClaim, NoHeader, Sealed};
use super::{ELSEWHERE, faults};
use crate::state::{Attacker, SigningAlg};

faults! { LogoutToken:
    FORGED_LOGOUT_TOKEN: "an attacker has signed the logout token, and names a key of the provider",
        security "signature", Sealed(SigningAlg::ES256, |_, input| Attacker::sign(input.as_bytes()));
    UNSIGNED_LOGOUT_TOKEN: "the logout token is not signed: alg is none",
        security "algorithm", IdToken(|token| token.seal = |_, _| Ok(Vec::new())), Header("alg", || "none".into());
    WRONG_LOGOUT_TYPE: "the type of the logout token is that of an access token",
        security "token_type", Header("typ", || "at+jwt".into());
    UNTYPED_LOGOUT_TOKEN: "the header of the logout token has no type", lawful, NoHeader("typ");
    WRONG_LOGOUT_ISSUER: "the logout token is from another issuer",
        security "issuer_mismatch", Claim("iss", || ELSEWHERE.into());
    FOREIGN_LOGOUT_AUDIENCE: "the logout token is for another client",
        security "audience", Claim("aud", || "another-client".into());
    EXPIRED_LOGOUT_TOKEN: "the logout token expired an hour ago",
        security "expired", IdToken(|token| token.claim("iat", token.now - HOUR - 120)),
            IdToken(|token| token.claim("exp", token.now - HOUR));
    OLD_LOGOUT_TOKEN: "the logout token was issued an hour ago and expires in a year",
        security "expired", IdToken(|token| token.claim("iat", token.now - HOUR)),
            IdToken(|token| token.claim("exp", token.now + 365 * 24 * HOUR));
    FUTURE_LOGOUT_TOKEN: "the logout token was issued one hour in the future",
        security "not_yet_valid", IdToken(|token| token.claim("iat", token.now + HOUR)),
            IdToken(|token| token.claim("exp", token.now + 2 * HOUR));
    ENDLESS_LOGOUT_TOKEN: "the logout token never expires (no exp)", malformed "missing_field", NoClaim("exp");
    MISSING_LOGOUT_ID: "the logout token has no jti", malformed "missing_field", NoClaim("jti");
    REPEATED_LOGOUT_ID: "each logout token has the same jti: an application refuses the second one as replayed",
        lawful, Claim("jti", || "the same as before".into());
    MISSING_LOGOUT_EVENT: "the logout token has no events", security "token_type", NoClaim("events");
    ANOTHER_LOGOUT_EVENT: "the logout token is about another event",
        security "token_type", Claim("events", || json!({ "https://schemas.openid.net/secevent/risc/event-type/account-disabled": {} }));
    WRONG_LOGOUT_EVENT: "the logout event in the logout token is not an object",
        malformed "invalid_field", Claim("events", || json!({ "http://schemas.openid.net/event/backchannel-logout": Value::Null }));
    LOGOUT_NONCE: "the logout token has a nonce, like an ID token",
        security "token_type", Claim("nonce", || "a nonce".into());
    LOGOUT_OF_NOBODY: "the logout token has neither sub nor sid",
        malformed "missing_field", IdToken(|token| drop(token.claims.remove("sub"))), NoClaim("sid");
    LOGOUT_OF_USER: "the logout token has no sid: all sessions of the user end", lawful, NoClaim("sid");
    LOGOUT_OF_SESSION: "the logout token has no sub: one session ends", lawful, NoClaim("sub");
}

const HOUR: u64 = 3600;
