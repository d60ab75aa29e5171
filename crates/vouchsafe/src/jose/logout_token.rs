//! Logout tokens (OpenID Connect Back-Channel Logout 1.0 sections 2.4 to 2.6): the provider says that a session has ended.
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::id_token::{self, Expected};
use super::jwk::KeySet;
use super::jws::{Purpose, refused, unreadable};
use super::jwt::{self, Audience, Claims, Rules, invalid, missing_claim, seconds, wrong_type};
use crate::error::{Check, Error};
use crate::secret::{Secret, opaque};
use crate::text::json::{self, Value};

/// A verified logout token: the provider asks you to end the sessions of one user, or one session.
///
/// If there is a [`sid`](Self::sid), end the sessions with this `sid` in their ID token
/// ([`IdToken::sid`](crate::IdToken::sid)), and of this subject if there is a subject too. Without a `sid`, end all sessions of the
/// subject. The issuer is part of both.
#[derive(Clone)]
pub struct LogoutToken {
    issuer: String,
    subject: Option<String>,
    sid: Option<String>,
    jti: String,
    issued_at: SystemTime,
    expires_at: SystemTime,
    remember_until: SystemTime,
    claims: Value,
}

impl LogoutToken {
    /// The issuer (`iss`), exactly as in the token.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The user (`sub`).
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// The session at the provider (`sid`). There is a subject, a `sid`, or both.
    pub fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    /// The identifier of this token (`jti`), unique at its issuer.
    pub fn jti(&self) -> &str {
        &self.jti
    }

    /// When the token was issued (`iat`).
    pub fn issued_at(&self) -> SystemTime {
        self.issued_at
    }

    /// When the token expires (`exp`).
    pub fn expires_at(&self) -> SystemTime {
        self.expires_at
    }

    /// Until when [`jti`](Self::jti) has to be remembered to recognise a replayed token. After this time,
    /// [`Client::logout_token`](crate::Client::logout_token) refuses the token.
    pub fn remember_until(&self) -> SystemTime {
        self.remember_until
    }

    /// All claims, as an object. The provider signed them.
    pub fn claims(&self) -> &Value {
        &self.claims
    }
}

opaque!(LogoutToken);

/// Verifies signature and claims.
pub(crate) fn verify(
    token: &str,
    keys: &KeySet,
    expected: &Expected<'_>,
    now: SystemTime,
) -> Result<LogoutToken, Error> {
    // Section 2.6, step 1: it is encrypted like an ID token.
    let opened = expected.encrypted.open(token)?;
    let token = opened.as_ref().map_or(token, Secret::expose);
    let rules = Rules {
        issuer: Some(expected.issuer),
        audience: Audience::Includes(expected.client_id),
        required: &["iss", "aud", "exp", "iat"],
        algorithms: expected.algorithms,
        purpose: Purpose::Usually("logout+jwt"),
        skew: expected.skew,
    };
    let more = |claims: &Claims<'_>| {
        id_token::check_party(claims, expected.client_id, expected.trusted_audiences)?;
        let time = |at: Option<f64>| UNIX_EPOCH + Duration::from_secs_f64(at.unwrap_or_default().max(0.0));
        let (issued_at, expires_at) = (time(claims.iat.number()?), time(claims.exp.number()?));
        let age = seconds(now) - seconds(issued_at);
        if age >= (MAX_AGE + expected.skew).as_secs_f64() {
            let detail = format!(
                "the logout token was issued {} seconds ago (iat), and must be at most {} seconds old: if it is new, correct the \
                 clock of this machine or of the provider",
                age.round(),
                MAX_AGE.as_secs()
            );
            return Err(refused(Check::Expired, detail));
        }
        let subject = claims.sub.text()?.map(str::to_owned);
        Ok((claims.iss.text()?.unwrap_or_default().to_owned(), subject, issued_at, expires_at))
    };
    let (payload, (issuer, subject, issued_at, expires_at)) = jwt::verify(token, keys, &rules, now, more)?;
    let claims = json::parse(payload.as_bytes()).map_err(|e| unreadable("claims", &e))?;
    check_events(&claims)?;
    let sid = text(&claims, "sid")?;
    let subject = subject.map(|subject| filled("sub", subject)).transpose()?;
    if subject.is_none() && sid.is_none() {
        return Err(missing_claim("sub or sid"));
    }
    let jti = text(&claims, "jti")?.ok_or_else(|| missing_claim("jti"))?;
    let remember_until = expires_at.min(issued_at + MAX_AGE) + expected.skew;
    Ok(LogoutToken { issuer, subject, sid, jti, issued_at, expires_at, remember_until, claims })
}

/// Section 2.6, steps 6 and 7: an ID token, or another event, is no logout token.
fn check_events(claims: &Value) -> Result<(), Error> {
    match claims.get("events") {
        Some(Value::Object(events)) => match events.get(EVENT) {
            Some(Value::Object(_)) => {}
            Some(_) => {
                return Err(invalid("events", "must hold an object for the logout event, and does not"));
            }
            None => {
                let detail = "the token is about another event than a back-channel logout (events), so it is no logout token: check which \
                              token was sent";
                return Err(refused(Check::TokenType, detail));
            }
        },
        Some(_) => return Err(wrong_type("events")),
        None => {
            let detail = "the token has no events, so it is no logout token: check which token was sent";
            return Err(refused(Check::TokenType, detail));
        }
    }
    if claims.get("nonce").is_some() {
        let detail = "a logout token must not have a nonce, and the token has one, like an ID token: check which token was sent";
        return Err(refused(Check::TokenType, detail));
    }
    Ok(())
}

/// A claim that is text and not empty, if it is there.
fn text(claims: &Value, name: &'static str) -> Result<Option<String>, Error> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => filled(name, text.clone()).map(Some),
        Some(_) => Err(wrong_type(name)),
    }
}

fn filled(name: &str, text: String) -> Result<String, Error> {
    if text.is_empty() { Err(invalid(name, "is empty: the provider has to correct it")) } else { Ok(text) }
}

/// The event (section 2.4).
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// How old a logout token may be. Providers send them at once, with perhaps a few retries; the specification recommends a life of
/// two minutes. It bounds how long `jti` has to be remembered, whatever `exp` says.
const MAX_AGE: Duration = Duration::from_secs(10 * 60);

#[cfg(test)]
mod tests {
    use super::super::algorithm::Allowed;
    use super::super::id_token::Nonce;
    use super::super::jwe::Encrypted;
    use super::super::jwt::Issuer;
    use super::super::tests::{NOW, now, signed, word};
    use super::*;

    fn at(iat: u64, exp: u64) -> Result<LogoutToken, Error> {
        let (jwt, keys) = signed(&format!(
            r#"{{"iss":"https://id.example","sub":"1","aud":"me","jti":"j","iat":{iat},"exp":{exp},"events":{{"{EVENT}":{{}}}}}}"#
        ));
        let expected = Expected {
            issuer: Issuer { name: "https://id.example", aliases: &[], template: None },
            client_id: "me",
            trusted_audiences: &[],
            nonce: Nonce::Any,
            max_age: None,
            acr_values: &[],
            access_token: None,
            code: None,
            algorithms: Allowed::All,
            encrypted: Encrypted::NEVER,
            skew: Duration::from_secs(30),
        };
        verify(&jwt, &keys, &expected, now())
    }

    #[test]
    fn a_logout_token_is_at_most_ten_minutes_old() {
        let code = |iat, exp| at(iat, exp).err().as_ref().map(word);
        assert_eq!(code(NOW - 629, NOW + 60), None);
        assert_eq!(code(NOW - 630, NOW + 60), Some("expired"));
        assert_eq!(code(NOW + 30, NOW + 60), None);
        assert_eq!(code(NOW + 31, NOW + 60), Some("not_yet_valid"));
        assert_eq!(code(NOW, NOW - 30), Some("expired"));
    }

    #[test]
    fn a_token_is_refused_as_soon_as_its_id_may_be_forgotten() {
        let until = |iat, exp| seconds(at(iat, exp).unwrap().remember_until()) as u64;
        assert_eq!(until(NOW, NOW + 120), NOW + 150);
        assert_eq!(until(NOW, NOW + 86_400), NOW + 630, "however late it expires");
    }
}
