//! ID tokens (OpenID Connect Core sections 2 and 3.1.3.7): the rules that they have beyond those of every JWT.
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::algorithm::{Algorithm, Allowed};
use super::jwe::Encrypted;
use super::jwk::KeySet;
use super::jws::{self, Purpose, refused};
use super::jwt::{self, Audience, Claim, Claims, Issuer, Rules, seconds};
use crate::error::{Check, Error, Malformed, Operation};
use crate::secret::{Secret, same};
use crate::text::json;
use crate::text::legible::legible;
use crate::text::moment::LATEST;
use crate::text::redact::printable;

/// What an ID token must say to be accepted.
#[derive(Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) issuer: Issuer<'a>,
    pub(crate) client_id: &'a str,
    /// The audiences that the client trusts beside itself.
    pub(crate) trusted_audiences: &'a [String],
    pub(crate) nonce: Nonce<'a>,
    /// How many seconds ago the user may have signed in.
    pub(crate) max_age: Option<u64>,
    /// One of these authentication context classes; any if the list is empty.
    pub(crate) acr_values: &'a [String],
    /// The access token that came with it, for `at_hash`.
    pub(crate) access_token: Option<&'a str>,
    /// The code that was sent for it, for `c_hash`.
    pub(crate) code: Option<&'a str>,
    /// The algorithms for ID tokens.
    pub(crate) algorithms: Allowed<'a>,
    /// How ID tokens for this client are encrypted.
    pub(crate) encrypted: Encrypted<'a>,
    /// The tolerance for the provider's clock.
    pub(crate) skew: Duration,
}

/// What is known about the nonce.
#[derive(Clone, Copy)]
pub(crate) enum Nonce<'a> {
    /// It was sent, and must come back.
    Sent(&'a str),
    /// None was sent, so the ID token must have none.
    None,
    /// It was sent at the login and may be absent now; if it is there, it must be the same.
    Remembered(Option<&'a str>),
    /// It is not checked.
    Any,
}

/// The claims of an accepted ID token.
#[derive(Debug)]
pub(crate) struct Verified {
    /// All claims, as JSON.
    pub(crate) payload: String,
    pub(crate) subject: Box<str>,
    /// The signed token that was inside an encrypted one.
    pub(crate) opened: Option<Secret>,
}

/// Verifies signature and claims.
pub(crate) fn verify(
    token: &str,
    keys: &KeySet,
    expected: &Expected<'_>,
    now: SystemTime,
) -> Result<Verified, Error> {
    // Step 1.
    let opened = expected.encrypted.open(token)?;
    let token = opened.as_ref().map_or(token, Secret::expose);
    let rules = Rules {
        issuer: Some(expected.issuer),
        audience: Audience::Includes(expected.client_id),
        required: &["iss", "sub", "aud", "exp", "iat"],
        algorithms: expected.algorithms,
        purpose: Purpose::Plain,
        skew: expected.skew,
    };
    let (payload, subject) = jwt::verify(token, keys, &rules, now, |claims| expected.check(claims, now))?;
    Ok(Verified { payload, subject, opened })
}

/// Reads an ID token that was verified before it was stored. `None` if it lacks a claim that every ID token has.
pub(crate) fn stored(token: &str) -> Option<Verified> {
    let payload = jws::decode_text(token.split('.').nth(1)?).ok()?;
    json::parse(payload.as_bytes()).ok()?;
    let subject = {
        // The algorithm matters only for a check of the hashes.
        let claims = Claims::read(&payload, Algorithm::from_name("RS256")?).ok()?;
        let is_time = |claim: &Claim<'_>| claim.number().is_ok_and(|time| time.is_some());
        let complete = claims.iss.text().ok()?.is_some()
            && claims.aud.texts().ok()?.is_some()
            && is_time(&claims.exp)
            && is_time(&claims.iat);
        claims.sub.text().ok()?.filter(|_| complete)?.into()
    };
    Some(Verified { payload, subject, opened: None })
}

impl Expected<'_> {
    /// The steps of OpenID Connect Core §3.1.3.7 that no other JWT has. Returns the subject.
    fn check(&self, claims: &Claims<'_>, now: SystemTime) -> Result<Box<str>, Error> {
        // Section 2: the subject is never empty.
        let subject = claims.sub.text()?.filter(|subject| !subject.is_empty()).ok_or_else(|| {
            Error::response(
                Operation::Jwt,
                Malformed::MissingField,
                "the sub of the ID token is empty, and must be the user's identifier: the provider has to correct it",
            )
        })?;
        // Steps 3 to 5.
        check_party(claims, self.client_id, self.trusted_audiences)?;
        // Step 11.
        self.check_nonce(claims)?;
        // Step 12.
        if !self.acr_values.is_empty() {
            let acr = claims.acr.text()?;
            if !self.acr_values.iter().any(|value| Some(value.as_str()) == acr) {
                let detail = format!(
                    "the user did not authenticate in one of the requested ways (acr): expected {}, found {}; send the user to \
                     sign in again",
                    self.acr_values.join(" or "),
                    acr.map_or_else(|| "no acr".to_owned(), legible)
                );
                return Err(refused(Check::Acr, detail));
            }
        }
        // Step 13.
        if let Some(max_age) = self.max_age {
            let (now, skew) = (seconds(now), self.skew.as_secs_f64());
            let recent = |at: f64| at <= now + skew && now <= at + max_age as f64 + skew;
            let at = claims.auth_time.number()?;
            if !at.is_some_and(recent) {
                let found = match at {
                    None => "does not say when (auth_time)".to_owned(),
                    Some(at) if at > now => {
                        format!("names a time {} seconds in the future", (at - now).round())
                    }
                    Some(at) => format!("says that this was {} seconds ago", (now - at).round()),
                };
                let detail = format!(
                    "the user must have signed in within the last {max_age} seconds (max_age), and the ID token {found}: send the \
                     user to sign in again"
                );
                return Err(refused(Check::AuthTime, detail));
            }
        }
        // Section 3.1.3.6, and section 3.3.2.11 for the code.
        check_hash(&claims.at_hash, ("access token", self.access_token), claims.algorithm)?;
        check_hash(&claims.c_hash, ("code", self.code), claims.algorithm)?;
        // IPSIE: the session must not outlast it, so it must not be overlooked.
        if claims.session_expiry.number()?.is_some_and(|end| !(0.0..=LATEST).contains(&end)) {
            return Err(jwt::invalid("session_expiry", "is out of range: it must be in seconds since 1970"));
        }
        Ok(subject.into())
    }

    fn check_nonce(&self, claims: &Claims<'_>) -> Result<(), Error> {
        let claim = || claims.nonce.text();
        let accepted = match self.nonce {
            Nonce::Sent(sent) => claim()?.is_some_and(|claim| same(claim, sent)),
            Nonce::None => claim()?.is_none(),
            Nonce::Remembered(sent) => {
                claim()?.is_none_or(|claim| sent.is_some_and(|sent| same(claim, sent)))
            }
            Nonce::Any => true,
        };
        if accepted {
            return Ok(());
        }
        let detail = match self.nonce {
            Nonce::None => {
                "the ID token has a nonce, but this login sent none, so the token may belong to another login: start a new login, or \
                 pass the nonce that was sent"
            }
            _ => "the ID token's nonce is absent or not the one of this login: start a new login",
        };
        Err(refused(Check::NonceMismatch, detail))
    }
}

/// OpenID Connect Core §3.1.3.7, steps 3 to 5. With several audiences, azp says which of them requested the token.
pub(super) fn check_party(claims: &Claims<'_>, client_id: &str, trusted: &[String]) -> Result<(), Error> {
    let is_foreign = |one: &str| one != client_id && !trusted.iter().any(|own| own == one);
    let foreign = claims.aud.texts()?.and_then(|aud| aud.iter().find(|one| is_foreign(one)));
    let azp = claims.azp.text()?;
    if azp.map_or(foreign.is_some(), |azp| azp != client_id) {
        let detail = match azp {
            None => format!(
                "the token is for several audiences, and no azp says which one requested it; if you trust the \
                 audience {}, name it with Registration::trusted_audience",
                foreign.map(|one| printable(one, 60)).unwrap_or_default()
            ),
            Some(azp) => format!(
                "the token must be issued to the client {}, but its azp is {}: check the client id",
                printable(client_id, 60),
                legible(azp)
            ),
        };
        return Err(refused(Check::AuthorizedParty, detail));
    }
    Ok(())
}

/// Half of the hash in base64url (OpenID Connect Core §3.1.3.6). If the claim is there, it must be right.
fn check_hash(
    claim: &Claim<'_>,
    (kind, value): (&str, Option<&str>),
    algorithm: Algorithm,
) -> Result<(), Error> {
    let Some(value) = value else { return Ok(()) };
    let Some(expected) = claim.text()? else { return Ok(()) };
    // In the code flow the claim is optional, and both tokens come from the token endpoint.
    let Some(hash) = algorithm.hash() else { return Ok(()) };
    let hash = digest::digest(hash, value.as_bytes());
    let half = &hash.as_ref()[..hash.as_ref().len() / 2];
    if expected == URL_SAFE_NO_PAD.encode(half) {
        return Ok(());
    }
    let name = claim.name();
    let detail = format!(
        "the ID token belongs to another {kind} than the one that came with it ({name} differs): start a new login"
    );
    Err(refused(Check::HashMismatch, detail))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{NOW, now, signed, word};
    use super::*;

    /// The code of the error for an ID token with these times.
    fn at(times: &str, max_age: Option<u64>) -> Option<&'static str> {
        let (jwt, keys) = signed(&format!(r#"{{"iss":"https://id.example","sub":"1","aud":"me",{times}}}"#));
        let expected = Expected {
            issuer: Issuer { name: "https://id.example", aliases: &[], template: None },
            client_id: "me",
            trusted_audiences: &[],
            nonce: Nonce::None,
            max_age,
            acr_values: &[],
            access_token: None,
            code: None,
            algorithms: Allowed::All,
            encrypted: Encrypted::NEVER,
            skew: Duration::from_secs(30),
        };
        verify(&jwt, &keys, &expected, now()).err().as_ref().map(word)
    }

    #[test]
    fn clocks_may_differ_by_thirty_seconds_and_no_more() {
        let token =
            |exp: u64, iat: u64, nbf: u64| at(&format!(r#""exp":{exp},"iat":{iat},"nbf":{nbf}"#), None);
        assert_eq!(token(NOW + 1, NOW, NOW), None);
        // RFC 7519 §4.1.4: a token is not accepted on or after exp, nor before nbf.
        assert_eq!(token(NOW - 29, NOW, NOW), None);
        assert_eq!(token(NOW - 30, NOW, NOW), Some("expired"));
        assert_eq!(token(NOW + 60, NOW + 30, NOW), None);
        assert_eq!(token(NOW + 60, NOW + 31, NOW), Some("not_yet_valid"));
        assert_eq!(token(NOW + 60, NOW, NOW + 30), None);
        assert_eq!(token(NOW + 60, NOW, NOW + 31), Some("not_yet_valid"));
    }

    #[test]
    fn no_token_is_older_than_1970_or_valid_after_the_year_9999() {
        let last = 253_402_300_799_u64;
        assert_eq!(at(&format!(r#""exp":{last},"iat":0"#), None), None);
        assert_eq!(at(&format!(r#""exp":{},"iat":0"#, last + 1), None), Some("invalid_field"));
        assert_eq!(at(&format!(r#""exp":{last},"iat":-1"#), None), Some("invalid_field"));
    }

    #[test]
    fn a_sign_in_may_be_as_old_as_was_requested_and_no_older() {
        let signed_in =
            |at_time: u64| at(&format!(r#""exp":{},"iat":{NOW},"auth_time":{at_time}"#, NOW + 60), Some(600));
        assert_eq!(signed_in(NOW - 630), None);
        assert_eq!(signed_in(NOW - 631), Some("auth_time"));
        assert_eq!(signed_in(NOW + 30), None);
        assert_eq!(signed_in(NOW + 31), Some("auth_time"));
    }
}
