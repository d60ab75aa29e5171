//! Faults in the ID token: its claims, its header, its signature and its encoding.

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::Strike::{IdToken, Members, Refreshed, Rotation};
use super::token::replace_id_token;
use super::{ELSEWHERE, LAWFUL, at_refresh, faults, malformed, security};
use crate::state::jwt::Jwt;
use crate::state::keys::{Attacker, SigningAlg};
use crate::wire::random_token;

faults! { IdToken:
    // The issuer, the subject and the audience.
    WRONG_ID_TOKEN_ISSUER = ("wrong-id-token-issuer", "the ID token is from another issuer",
        security("issuer_mismatch"), [IdToken(|token| token.claim("iss", ELSEWHERE))]);
    MISSING_ID_TOKEN_ISSUER = ("missing-id-token-issuer", "the ID token has no issuer",
        malformed("missing_field"), [IdToken(|token| remove(token, "iss"))]);
    MISSING_SUBJECT = ("missing-subject", "the ID token has no sub",
        malformed("missing_field"), [IdToken(|token| remove(token, "sub"))]);
    EMPTY_SUBJECT = ("empty-subject", "the ID token’s sub is empty",
        malformed("missing_field"), [IdToken(|token| token.claim("sub", ""))]);
    FOREIGN_AUDIENCE = ("foreign-audience", "the ID token is for another client",
        security("audience"), [IdToken(|token| token.claim("aud", "another-client"))]);
    MISSING_AUDIENCE = ("missing-audience", "the ID token has no audience",
        malformed("missing_field"), [IdToken(|token| remove(token, "aud"))]);
    SEVERAL_AUDIENCES = ("several-audiences",
        "the ID token has several audiences, and no azp that names the client",
        security("authorized_party"),
        [IdToken(|token| token.claim("aud", json!([token.claims["aud"], "another-client"])))]);
    FOREIGN_PARTY = ("foreign-party", "the ID token was issued to another client (azp)",
        security("authorized_party"), [IdToken(|token| token.claim("azp", "another-client"))]);
    // The login that it belongs to.
    WRONG_NONCE = ("wrong-nonce", "the ID token has the nonce of another login",
        security("nonce_mismatch"), [IdToken(|token| replace(token, "nonce", "the nonce of another login"))]);
    MISSING_NONCE = ("missing-nonce", "the ID token has no nonce, although one was sent",
        security("nonce_mismatch"), [IdToken(|token| remove(token, "nonce"))]);
    WRONG_TOKEN_HASH = ("wrong-token-hash", "at_hash in the ID token is the hash of another access token",
        security("hash_mismatch"), [IdToken(|token| token.claim("at_hash", another_hash()))]);
    WRONG_CODE_HASH = ("wrong-code-hash", "c_hash in the ID token is the hash of another code",
        security("hash_mismatch"), [IdToken(|token| token.claim("c_hash", another_hash()))]);
    // Its times.
    EXPIRED_ID_TOKEN = ("expired-id-token", "the ID token expired an hour ago",
        security("expired"), [IdToken(|token| {
            token.claim("iat", token.now.saturating_sub(2 * HOUR));
            token.claim("exp", token.now.saturating_sub(HOUR));
        })]);
    MISSING_EXPIRY = ("missing-expiry", "the ID token never expires (no exp)",
        malformed("missing_field"), [IdToken(|token| remove(token, "exp"))]);
    NEGATIVE_EXPIRY = ("negative-expiry", "the ID token expired before 1970",
        security("expired"), [IdToken(|token| token.claim("exp", -1))]);
    FAR_EXPIRY = ("far-expiry", "the ID token is valid for thousands of years",
        LAWFUL, [IdToken(|token| token.claim("exp", 253_402_300_799_u64))]);
    FRACTIONAL_TIMES = ("fractional-times", "the times in the ID token have fractions of seconds",
        LAWFUL, [IdToken(|token| {
            token.claim("iat", token.now as f64 - 0.25);
            token.claim("exp", (token.now + HOUR) as f64 + 0.75);
        })]);
    MISSING_ISSUED_AT = ("missing-issued-at", "the ID token has no time of issue (no iat)",
        malformed("missing_field"), [IdToken(|token| remove(token, "iat"))]);
    FUTURE_ISSUED_AT = ("future-issued-at", "the ID token was issued one hour in the future (iat)",
        security("not_yet_valid"), [IdToken(|token| token.claim("iat", token.now + HOUR))]);
    FUTURE_NOT_BEFORE = ("future-not-before", "the ID token becomes valid in one hour (nbf)",
        security("not_yet_valid"), [IdToken(|token| token.claim("nbf", token.now + HOUR))]);
    OLD_SIGN_IN = ("old-sign-in", "the user signed in a year ago: refused if max_age was sent",
        security("auth_time"), [IdToken(|token| token.claim("auth_time", token.now - 365 * 24 * HOUR))]);
    MISSING_SIGN_IN = ("missing-sign-in",
        "the ID token has no auth_time: refused if max_age was sent",
        security("auth_time"), [IdToken(|token| remove(token, "auth_time"))]);
    // Claims of a wrong type.
    WRONG_TYPE_ISS = ("wrong-type-iss", "the claim iss is a list",
        malformed("invalid_field"), [IdToken(|token| token.claim("iss", json!([token.claims["iss"]])))]);
    WRONG_TYPE_SUB = ("wrong-type-sub", "the claim sub is a number",
        malformed("invalid_field"), [IdToken(|token| token.claim("sub", 7))]);
    WRONG_TYPE_AUD = ("wrong-type-aud", "the claim aud is an object",
        malformed("invalid_field"),
        [IdToken(|token| token.claim("aud", json!({ "0": token.claims["aud"] })))]);
    WRONG_TYPE_AZP = ("wrong-type-azp", "the claim azp is null",
        malformed("invalid_field"), [IdToken(|token| token.claim("azp", Value::Null))]);
    WRONG_TYPE_EXP = ("wrong-type-exp", "the claim exp is a string with a number",
        malformed("invalid_field"), [IdToken(|token| token.claim("exp", (token.now + HOUR).to_string()))]);
    WRONG_TYPE_IAT = ("wrong-type-iat", "the claim iat is a string with a number",
        malformed("invalid_field"), [IdToken(|token| token.claim("iat", token.now.to_string()))]);
    WRONG_TYPE_NBF = ("wrong-type-nbf", "the claim nbf is null",
        malformed("invalid_field"), [IdToken(|token| token.claim("nbf", Value::Null))]);
    WRONG_TYPE_NONCE = ("wrong-type-nonce", "the claim nonce is a list that holds the right nonce",
        malformed("invalid_field"), [IdToken(|token| {
            if let Some(nonce) = token.claims.get_mut("nonce") {
                *nonce = json!([nonce.take()]);
            }
        })]);
    WRONG_TYPE_AUTH_TIME = ("wrong-type-auth-time",
        "the claim auth_time is a string with a number: refused if max_age was sent",
        malformed("invalid_field"), [IdToken(|token| token.claim("auth_time", token.now.to_string()))]);
    WRONG_TYPE_AT_HASH = ("wrong-type-at-hash", "the claim at_hash is null",
        malformed("invalid_field"), [IdToken(|token| token.claim("at_hash", Value::Null))]);
    WRONG_TYPE_C_HASH = ("wrong-type-c-hash", "the claim c_hash is a number",
        malformed("invalid_field"), [IdToken(|token| token.claim("c_hash", 7))]);
    DEEP_CLAIMS = ("deep-claims", "a claim has a thousand nested lists",
        malformed("jwt"), [IdToken(|token| {
            let deep = (0..1000).fold(Value::Null, |inner, _| json!([inner]));
            token.claim("sandbox", deep);
        })]);
    DUPLICATE_CLAIM = ("duplicate-claim", "the ID token has two claims sub, the right one last",
        malformed("jwt"), [IdToken(|token| token.spell = |bytes| {
            with_member(bytes, "\"iss\"", "\"sub\":\"sandbox-user-mallory\"")
        })]);
    DUPLICATE_INNER_CLAIM = ("duplicate-inner-claim", "an unknown claim is an object with a duplicate member",
        malformed("jwt"), [IdToken(|token| token.spell = |bytes| {
            with_member(bytes, "\"iss\"", "\"address\":{\"country\":\"one\",\"country\":\"two\"}")
        })]);
    DUPLICATE_HEADER = ("duplicate-header",
        "the header of the ID token has two alg, none and the right one",
        malformed("jwt"), [IdToken(|token| token.spell = |bytes| {
            with_member(bytes, "\"alg\"", "\"alg\":\"none\"")
        })]);
    // The algorithm.
    ALG_NONE = ("alg-none", "the ID token is not signed: alg is none",
        security("algorithm"), [IdToken(|token| unsigned(token, "none"))]);
    ALG_NONE_CAPITAL = ("alg-none-capital", "the ID token is not signed: alg is None",
        security("algorithm"), [IdToken(|token| unsigned(token, "None"))]);
    ALG_NONE_UPPER = ("alg-none-upper", "the ID token is not signed: alg is NONE",
        security("algorithm"), [IdToken(|token| unsigned(token, "NONE"))]);
    ALG_NONE_MIXED = ("alg-none-mixed", "the ID token is not signed: alg is nOnE",
        security("algorithm"), [IdToken(|token| unsigned(token, "nOnE"))]);
    ALG_EMPTY = ("alg-empty", "the ID token is not signed: alg is empty",
        security("algorithm"), [IdToken(|token| unsigned(token, ""))]);
    ALG_MISSING = ("alg-missing", "the header of the ID token has no alg",
        malformed("jwt"), [IdToken(|token| {
            token.header.remove("alg");
        })]);
    SIGNATURE_MISSING = ("signature-missing", "the header of the ID token names an algorithm, but the signature is empty",
        security("signature"), [IdToken(|token| token.seal = |_, _| Ok(Vec::new()))]);
    SIGNATURE_WRONG = ("signature-wrong", "one bit of the signature is wrong",
        security("signature"), [IdToken(|token| token.seal = |jwt, input| {
            let mut signature = jwt.keys.sign(SigningAlg::Rs256, input.as_bytes())?;
            signature[100] ^= 1;
            Ok(signature)
        })]);
    HMAC_BY_PUBLIC_KEY = ("hmac-by-public-key",
        "the ID token has an HMAC whose secret is the provider’s public key",
        security("algorithm"), [IdToken(|token| {
            token.sign_by(SigningAlg::Rs256);
            token.header.insert("alg".into(), "HS256".into());
            token.seal = |jwt, input| {
                let key = hmac::Key::new(hmac::HMAC_SHA256, jwt.keys.rsa_pem().as_bytes());
                Ok(hmac::sign(&key, input.as_bytes()).as_ref().to_vec())
            };
        })]);
    KEY_OF_ANOTHER_TYPE = ("key-of-another-type",
        "the ID token says RS256 and names an elliptic curve key",
        security("unknown_key"), [IdToken(|token| {
            token.sign_by(SigningAlg::Es256);
            token.header.insert("alg".into(), "RS256".into());
        })]);
    ZERO_R = ("zero-r", "the signature is ES256, and its r is zero",
        security("signature"), [IdToken(|token| {
            token.sign_by(SigningAlg::Es256);
            token.seal = |jwt, input| es256(jwt, input).map(|signature| [&[0; 32], &signature[32..]].concat());
        })]);
    ZERO_S = ("zero-s", "the signature is ES256, and its s is zero",
        security("signature"), [IdToken(|token| {
            token.sign_by(SigningAlg::Es256);
            token.seal = |jwt, input| es256(jwt, input).map(|signature| [&signature[..32], &[0; 32]].concat());
        })]);
    ZERO_R_AND_S = ("zero-r-and-s",
        "the signature is ES256 and all zeros, which some libraries accept for every text",
        security("signature"), [IdToken(|token| {
            token.sign_by(SigningAlg::Es256);
            token.seal = |_, _| Ok(vec![0; 64]);
        })]);
    // The header.
    CRITICAL_HEADER = ("critical-header", "the ID token has a critical header that is unknown (crit)",
        security("critical_header"), [IdToken(|token| {
            header(token, "crit", json!(["x-sandbox"]));
            header(token, "x-sandbox", true.into());
        })]);
    EMPTY_CRITICAL_HEADER = ("empty-critical-header", "crit in the ID token is an empty list",
        security("critical_header"), [IdToken(|token| header(token, "crit", json!([])))]);
    UNENCODED_PAYLOAD = ("unencoded-payload",
        "the signature is over the unencoded payload: b64 is false (RFC 7797)",
        security("critical_header"), [IdToken(|token| {
            header(token, "b64", false.into());
            header(token, "crit", json!(["b64"]));
            token.seal = |jwt, input| {
                let head = input.split('.').next().unwrap_or_default();
                let input = format!("{head}.{}", Value::Object(jwt.claims.clone()));
                jwt.keys.sign(SigningAlg::Rs256, input.as_bytes())
            };
        })]);
    KEY_SET_IN_HEADER = ("key-set-in-header",
        "the header’s jku leads to the key set of the attacker, who has signed the token",
        security("signature"), [IdToken(|token| {
            by_attacker(token);
            let kid = token.header["kid"].as_str().unwrap_or_default();
            header(token, "jku", format!("{}/attacker/jwks?kid={kid}", token.origin).into());
        })]);
    CERTIFICATE_IN_HEADER = ("certificate-in-header",
        "the header’s x5u leads to the key of the attacker, who has signed the token",
        security("signature"), [IdToken(|token| {
            by_attacker(token);
            header(token, "x5u", format!("{}/attacker/key.pem", token.origin).into());
        })]);
    KEY_IN_HEADER = ("key-in-header", "the header’s jwk is the key of the attacker, who has signed the token",
        security("signature"), [IdToken(|token| {
            by_attacker(token);
            let kid = token.header["kid"].clone();
            header(token, "jwk", Attacker::jwk(&kid));
        })]);
    UNKNOWN_KEY = ("unknown-key",
        "each ID token names another key that is not in the key set: a flood of fetches",
        security("unknown_key"), [IdToken(|token| header(token, "kid", random_token("").into()))]);
    NO_KEY_NAMED = ("no-key-named", "the ID token does not name the key that has signed it",
        LAWFUL, [IdToken(|token| {
            token.header.remove("kid");
        })]);
    ROTATED_KEY = ("rotated-key",
        "the keys are replaced at the token request, so the client cannot know the new key yet",
        LAWFUL, [Rotation]);
    // Its encoding.
    PADDED_BASE64 = ("padded-base64", "the ID token is base64url with padding",
        malformed("jwt"), [IdToken(|token| {
            fill_up(token);
            token.spell = |bytes| URL_SAFE.encode(bytes);
        })]);
    PLAIN_BASE64 = ("plain-base64", "the ID token is base64 with + and / instead of base64url",
        malformed("jwt"), [IdToken(|token| {
            // These characters encode to a slash at any position.
            token.claim("sandbox", "??????");
            token.spell = |bytes| STANDARD_NO_PAD.encode(bytes);
        })]);
    SPACED_BASE64 = ("spaced-base64", "the ID token has spaces inside its base64url",
        malformed("jwt"), [IdToken(|token| token.spell = |bytes| {
            let text = URL_SAFE_NO_PAD.encode(bytes);
            let (before, after) = text.split_at(text.len() / 2);
            format!("{before} {after}")
        })]);
    LOOSE_BASE64 = ("loose-base64", "the last character of the ID token has unused bits that are not zero",
        malformed("jwt"), [Members(|tokens| replace_id_token(tokens, |token| loose(token).into()))]);
    // The refreshed ID token.
    REFRESHED_SUBJECT = ("refreshed-subject", "the refreshed ID token is about another user",
        at_refresh(security("subject_mismatch")),
        [Refreshed(|token| token.claim("sub", "sandbox-user-mallory"))]);
    REFRESHED_ISSUER = ("refreshed-issuer", "the refreshed ID token is from another issuer",
        at_refresh(security("issuer_mismatch")), [Refreshed(|token| token.claim("iss", ELSEWHERE))]);
    REFRESHED_AUDIENCE = ("refreshed-audience", "the refreshed ID token is for another client",
        at_refresh(security("audience")), [Refreshed(|token| token.claim("aud", "another-client"))]);
    REFRESHED_NONCE = ("refreshed-nonce", "the refreshed ID token has the nonce of another login",
        at_refresh(security("nonce_mismatch")),
        [Refreshed(|token| token.claim("nonce", "the nonce of another login"))]);
}

const HOUR: u64 = 3600;

fn remove(token: &mut Jwt<'_>, name: &str) {
    token.claims.remove(name);
}

/// Replaces a claim that is present.
fn replace(token: &mut Jwt<'_>, name: &str, value: &str) {
    if let Some(claim) = token.claims.get_mut(name) {
        *claim = value.into();
    }
}

fn another_hash() -> String {
    SigningAlg::Rs256.half_hash("another one")
}

fn header(token: &mut Jwt<'_>, name: &str, value: Value) {
    token.header.insert(name.to_owned(), value);
}

fn unsigned(token: &mut Jwt<'_>, alg: &str) {
    header(token, "alg", alg.into());
    token.seal = |_, _| Ok(Vec::new());
}

fn es256(token: &Jwt<'_>, input: &str) -> Result<Vec<u8>, Unspecified> {
    token.keys.sign(SigningAlg::Es256, input.as_bytes())
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

/// The attacker signs, and names a key of the provider.
fn by_attacker(token: &mut Jwt<'_>) {
    token.sign_by(SigningAlg::Es256);
    token.seal = |_, input| Attacker::sign(input.as_bytes());
}

/// Gives the claims a length that needs padding.
fn fill_up(token: &mut Jwt<'_>) {
    token.claim("sandbox", "");
    let length = Value::Object(token.claims.clone()).to_string().len();
    token.claim("sandbox", "x".repeat((4 - length % 3) % 3));
}

/// RFC 4648 section 3.5: unused bits at the end must be zero. These are not.
fn loose(token: &str) -> String {
    let mut letters: Vec<char> = token.chars().collect();
    if let Some(last) = letters.last_mut() {
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let at = alphabet.find(*last).unwrap_or_default();
        *last = alphabet.chars().nth(at | 1).unwrap_or(*last);
    }
    letters.into_iter().collect()
}
