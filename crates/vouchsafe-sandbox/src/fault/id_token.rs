//! Faults in the ID token: its claims, its header, its signature and its encoding.

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::Strike::{
    Claim, Header, IdToken, InClaim, InMember, NoClaim, NoHeader, Refreshed, Rotation, Sealed, Spelled,
};
use super::{ELSEWHERE, Strike, faults};
use crate::state::{Attacker, Jwt, SigningAlg, signature};
use crate::wire::random_token;

faults! { IdToken:
    // The issuer, the subject and the audience.
    WRONG_ID_TOKEN_ISSUER: "the ID token is from another issuer",
        security "issuer_mismatch", Claim("iss", || ELSEWHERE.into());
    MISSING_ID_TOKEN_ISSUER: "the ID token has no issuer", malformed "missing_field", NoClaim("iss");
    MISSING_SUBJECT: "the ID token has no sub", malformed "missing_field", NoClaim("sub");
    EMPTY_SUBJECT: "the ID token’s sub is empty", malformed "missing_field", Claim("sub", || "".into());
    FOREIGN_AUDIENCE: "the ID token is for another client",
        security "audience", Claim("aud", || "another-client".into());
    MISSING_AUDIENCE: "the ID token has no audience", malformed "missing_field", NoClaim("aud");
    SEVERAL_AUDIENCES: "the ID token has several audiences, and no azp that names the client",
        security "authorized_party", InClaim("aud", |aud| *aud = json!([aud, "another-client"]));
    LISTED_AUDIENCE: "the ID token’s audience is a list of one", lawful, InClaim("aud", |aud| *aud = json!([aud]));
    FOREIGN_PARTY: "the ID token was issued to another client (azp)",
        security "authorized_party", Claim("azp", || "another-client".into());
    // The login that it belongs to.
    WRONG_NONCE: "the ID token has the nonce of another login",
        security "nonce_mismatch", InClaim("nonce", |nonce| *nonce = ANOTHER_NONCE.into());
    MISSING_NONCE: "the ID token has no nonce, although one was sent", security "nonce_mismatch", NoClaim("nonce");
    WRONG_TOKEN_HASH: "at_hash in the ID token is the hash of another access token",
        security "hash_mismatch", Claim("at_hash", another_hash);
    WRONG_CODE_HASH: "c_hash in the ID token is the hash of another code",
        security "hash_mismatch", Claim("c_hash", another_hash);
    // Its times.
    EXPIRED_ID_TOKEN: "the ID token expired an hour ago",
        security "expired", IdToken(|token| token.claim("iat", token.now - 2 * HOUR)),
            IdToken(|token| token.claim("exp", token.now - HOUR));
    MISSING_EXPIRY: "the ID token never expires (no exp)", malformed "missing_field", NoClaim("exp");
    NEGATIVE_EXPIRY: "the ID token expired before 1970", security "expired", Claim("exp", || (-1).into());
    FAR_EXPIRY: "the ID token is valid for thousands of years", lawful, Claim("exp", || 253_402_300_799_u64.into());
    FRACTIONAL_TIMES: "the times in the ID token have fractions of seconds",
        lawful, IdToken(|token| token.claim("iat", token.now as f64 - 0.25)),
            IdToken(|token| token.claim("exp", (token.now + HOUR) as f64 + 0.75));
    MISSING_ISSUED_AT: "the ID token has no time of issue (no iat)", malformed "missing_field", NoClaim("iat");
    FUTURE_ISSUED_AT: "the ID token was issued one hour in the future (iat)",
        security "not_yet_valid", IdToken(|token| token.claim("iat", token.now + HOUR));
    FUTURE_NOT_BEFORE: "the ID token becomes valid in one hour (nbf)",
        security "not_yet_valid", IdToken(|token| token.claim("nbf", token.now + HOUR));
    OLD_SIGN_IN: "the user signed in a year ago: refused if max_age was sent",
        security "auth_time", IdToken(|token| token.claim("auth_time", token.now - 365 * 24 * HOUR));
    MISSING_SIGN_IN: "the ID token has no auth_time: refused if max_age was sent",
        security "auth_time", NoClaim("auth_time");
    // Claims of a wrong type.
    WRONG_TYPE_ISS: "the claim iss is a list", malformed "invalid_field", InClaim("iss", |iss| *iss = json!([iss]));
    WRONG_TYPE_SUB: "the claim sub is a number", malformed "invalid_field", Claim("sub", || 7.into());
    WRONG_TYPE_AUD: "the claim aud is an object",
        malformed "invalid_field", InClaim("aud", |aud| *aud = json!({ "0": aud }));
    WRONG_TYPE_AZP: "the claim azp is null", malformed "invalid_field", Claim("azp", || Value::Null);
    WRONG_TYPE_EXP: "the claim exp is a string with a number",
        malformed "invalid_field", IdToken(|token| token.claim("exp", (token.now + HOUR).to_string()));
    WRONG_TYPE_IAT: "the claim iat is a string with a number",
        malformed "invalid_field", IdToken(|token| token.claim("iat", token.now.to_string()));
    WRONG_TYPE_NBF: "the claim nbf is null", malformed "invalid_field", Claim("nbf", || Value::Null);
    WRONG_TYPE_NONCE: "the claim nonce is a list that holds the right nonce",
        malformed "invalid_field", InClaim("nonce", |nonce| *nonce = json!([nonce]));
    WRONG_TYPE_AUTH_TIME: "the claim auth_time is a string with a number: refused if max_age was sent",
        malformed "invalid_field", IdToken(|token| token.claim("auth_time", token.now.to_string()));
    WRONG_TYPE_AT_HASH: "the claim at_hash is null", malformed "invalid_field", Claim("at_hash", || Value::Null);
    WRONG_TYPE_C_HASH: "the claim c_hash is a number", malformed "invalid_field", Claim("c_hash", || 7.into());
    DEEP_CLAIMS: "a claim has a thousand nested lists",
        malformed "jwt", Claim("sandbox", || (0..1000).fold(Value::Null, |inner, _| json!([inner])));
    DUPLICATE_CLAIM: "the ID token has two claims sub, the right one last",
        malformed "jwt", Spelled(|part| with_member(part, "\"iss\"", "\"sub\":\"sandbox-user-mallory\""));
    DUPLICATE_INNER_CLAIM: "an unknown claim is an object with a duplicate member",
        malformed "jwt", Spelled(|part| with_member(part, "\"iss\"", "\"unknown\":{\"country\":1,\"country\":2}"));
    DUPLICATE_HEADER: "the header of the ID token has two alg, none and the right one",
        malformed "jwt", Spelled(|part| with_member(part, "\"alg\"", "\"alg\":\"none\""));
    // The algorithm.
    ALG_NONE: "the ID token is not signed: alg is none",
        security "algorithm", UNSIGNED, Header("alg", || "none".into());
    ALG_NONE_CAPITAL: "the ID token is not signed: alg is None",
        security "algorithm", UNSIGNED, Header("alg", || "None".into());
    ALG_NONE_UPPER: "the ID token is not signed: alg is NONE",
        security "algorithm", UNSIGNED, Header("alg", || "NONE".into());
    ALG_NONE_MIXED: "the ID token is not signed: alg is nOnE",
        security "algorithm", UNSIGNED, Header("alg", || "nOnE".into());
    ALG_EMPTY: "the ID token is not signed: alg is empty",
        security "algorithm", UNSIGNED, Header("alg", || "".into());
    ALG_MISSING: "the header of the ID token has no alg", malformed "jwt", NoHeader("alg");
    SIGNATURE_MISSING: "the header of the ID token names an algorithm, but the signature is empty",
        security "signature", UNSIGNED;
    SIGNATURE_WRONG: "one bit of the signature is wrong",
        security "signature", Sealed(SigningAlg::RS256, with_wrong_bit);
    HMAC_BY_PUBLIC_KEY: "the ID token has an HMAC whose secret is the provider’s public key",
        security "algorithm", Sealed(SigningAlg::RS256, by_hmac), Header("alg", || "HS256".into());
    KEY_OF_ANOTHER_TYPE: "the ID token says RS256 and names an elliptic curve key",
        security "unknown_key", Sealed(SigningAlg::ES256, signature), Header("alg", || "RS256".into());
    ZERO_R: "the signature is ES256, and its r is zero",
        security "signature", Sealed(SigningAlg::ES256, with_zero_r);
    ZERO_S: "the signature is ES256, and its s is zero",
        security "signature", Sealed(SigningAlg::ES256, with_zero_s);
    ZERO_R_AND_S: "the signature is ES256 and all zeros, which some libraries accept for every text",
        security "signature", Sealed(SigningAlg::ES256, |_, _| Ok(vec![0; 64]));
    // The header.
    CRITICAL_HEADER: "the ID token has a critical header that is unknown (crit)",
        security "critical_header", Header("crit", || json!(["x-sandbox"])), Header("x-sandbox", || true.into());
    EMPTY_CRITICAL_HEADER: "crit in the ID token is an empty list",
        security "critical_header", Header("crit", || json!([]));
    UNENCODED_PAYLOAD: "the signature is over the unencoded payload: b64 is false (RFC 7797)",
        security "critical_header", Header("b64", || false.into()), Header("crit", || json!(["b64"])),
            Sealed(SigningAlg::RS256, unencoded);
    KEY_SET_IN_HEADER: "the header’s jku leads to the key set of the attacker, who has signed the token",
        security "signature", BY_ATTACKER, IdToken(|token| {
            let kid = token.header["kid"].as_str().unwrap_or_default();
            header(token, "jku", format!("{}/attacker/jwks?kid={kid}", token.origin));
        });
    CERTIFICATE_IN_HEADER: "the header’s x5u leads to the key of the attacker, who has signed the token",
        security "signature", BY_ATTACKER,
            IdToken(|token| header(token, "x5u", format!("{}/attacker/key.pem", token.origin)));
    KEY_IN_HEADER: "the header’s jwk is the key of the attacker, who has signed the token",
        security "signature", BY_ATTACKER, IdToken(|token| header(token, "jwk", Attacker::jwk(&token.header["kid"])));
    UNKNOWN_KEY: "each ID token names another key that is not in the key set: a flood of fetches",
        security "unknown_key", Header("kid", || random_token("").into());
    NO_KEY_NAMED: "the ID token does not name the key that has signed it", lawful, NoHeader("kid");
    ROTATED_KEY: "the keys are replaced at the token request, so the client cannot know the new key yet",
        lawful, Rotation;
    // Its encoding.
    PADDED_BASE64: "the ID token is base64url with padding",
        malformed "jwt", IdToken(fill_up), Spelled(|bytes| URL_SAFE.encode(bytes));
    PLAIN_BASE64: "the ID token is base64 with + and / instead of base64url",
        malformed "jwt", Claim("sandbox", || SLASHES.into()), Spelled(|bytes| STANDARD_NO_PAD.encode(bytes));
    SPACED_BASE64: "the ID token has spaces inside its base64url", malformed "jwt", Spelled(spaced);
    LOOSE_BASE64: "the last character of the ID token has unused bits that are not zero",
        malformed "jwt", InMember("id_token", loosen);
    // The refreshed ID token.
    REFRESHED_SUBJECT: "the refreshed ID token is about another user",
        security "subject_mismatch", Refreshed(|token| token.claim("sub", "sandbox-user-mallory"));
    REFRESHED_ISSUER: "the refreshed ID token is from another issuer",
        security "issuer_mismatch", Refreshed(|token| token.claim("iss", ELSEWHERE));
    REFRESHED_AUDIENCE: "the refreshed ID token is for another client",
        security "audience", Refreshed(|token| token.claim("aud", "another-client"));
    REFRESHED_SIGN_IN: "the refreshed ID token says that the user signed in again (auth_time)",
        lawful, Refreshed(|token| token.claim("auth_time", token.now + 1));
    REFRESHED_NONCE: "the refreshed ID token has the nonce of another login",
        lawful, Refreshed(|token| token.claim("nonce", ANOTHER_NONCE));
}

const ANOTHER_NONCE: &str = "the nonce of another login";
const HOUR: u64 = 3600;
/// These characters encode to slashes at any position.
const SLASHES: &str = "??????";
pub(super) const UNSIGNED: Strike = IdToken(|token| token.seal = |_, _| Ok(Vec::new()));
/// The attacker signs, and names a key of the provider.
pub(super) const BY_ATTACKER: Strike = Sealed(SigningAlg::ES256, |_, input| Attacker::sign(input.as_bytes()));

fn another_hash() -> Value {
    SigningAlg::RS256.half_hash("another one").into()
}

fn header(token: &mut Jwt<'_>, name: &str, value: impl Into<Value>) {
    token.header.insert(name.to_owned(), value.into());
}

fn with_wrong_bit(token: &Jwt<'_>, input: &str) -> Result<Vec<u8>, Unspecified> {
    let mut wrong = signature(token, input)?;
    wrong[100] ^= 1;
    Ok(wrong)
}

fn with_zero_r(token: &Jwt<'_>, input: &str) -> Result<Vec<u8>, Unspecified> {
    Ok([&[0; 32], &signature(token, input)?[32..]].concat())
}

fn with_zero_s(token: &Jwt<'_>, input: &str) -> Result<Vec<u8>, Unspecified> {
    Ok([&signature(token, input)?[..32], &[0; 32]].concat())
}

fn by_hmac(token: &Jwt<'_>, input: &str) -> Result<Vec<u8>, Unspecified> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, token.keys.rsa_pem().as_bytes());
    Ok(hmac::sign(&key, input.as_bytes()).as_ref().to_vec())
}

fn unencoded(token: &Jwt<'_>, input: &str) -> Result<Vec<u8>, Unspecified> {
    let head = input.split('.').next().unwrap_or_default();
    let input = format!("{head}.{}", Value::Object(token.claims.clone()));
    signature(token, &input)
}

/// Adds a member at the beginning of the part that has the other member.
fn with_member(part: &[u8], other: &str, member: &str) -> String {
    match str::from_utf8(part) {
        Ok(text) if text.starts_with('{') && text.contains(other) => {
            URL_SAFE_NO_PAD.encode(text.replacen('{', &format!("{{{member},"), 1))
        }
        _ => URL_SAFE_NO_PAD.encode(part),
    }
}

fn spaced(part: &[u8]) -> String {
    let text = URL_SAFE_NO_PAD.encode(part);
    let (before, after) = text.split_at(text.len() / 2);
    format!("{before} {after}")
}

/// Gives the claims a length that needs padding.
fn fill_up(token: &mut Jwt<'_>) {
    token.claim("sandbox", "");
    let length = Value::Object(token.claims.clone()).to_string().len();
    token.claim("sandbox", "x".repeat((4 - length % 3) % 3));
}

/// RFC 4648 section 3.5: unused bits at the end must be zero. Here the last one is not.
fn loosen(token: &mut Value) {
    let mut text = token.as_str().unwrap_or_default().to_owned();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = text.pop().and_then(|last| alphabet.find(last)).unwrap_or_default();
    text.extend(alphabet.chars().nth(last | 1));
    *token = text.into();
}
