//! ID tokens (OpenID Connect Core sections 2 and 3.1.3.7): the claims that decide whether one is believed.
use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::algorithm::Algorithm;
use super::jwk::{KeySet, is_segment};
use super::jws::{Jws, Refusal};
use crate::error::{Check, Malformed};
use crate::secret::same;
use crate::text::json::{self, Members, Names, Scalar, Skipped, Text};
use crate::text::redact::{MAX_TEXT, printable};

/// What an ID token must say to be believed.
#[derive(Clone, Copy)]
pub(crate) struct Expected<'a> {
    /// The issuer, and what else the provider documents as one.
    pub(crate) issuer: &'a str,
    pub(crate) issuer_aliases: &'a [String],
    /// What the issuer is, with claims of the token put in, where one provider has many.
    pub(crate) issuer_template: Option<&'a str>,
    pub(crate) audience: Audience<'a>,
    pub(crate) nonce: Nonce<'a>,
    /// How long ago, in seconds, the user may have signed in.
    pub(crate) max_age: Option<u64>,
    /// One of these authentication context classes; any if there are none.
    pub(crate) acr_values: &'a [String],
    /// The access token that came with it, for `at_hash`.
    pub(crate) access_token: Option<&'a str>,
    /// The code that it came for, for `c_hash`.
    pub(crate) code: Option<&'a str>,
    /// The algorithms that the provider announces.
    pub(crate) algorithms: Option<&'a [String]>,
    pub(crate) now: SystemTime,
    /// How far the provider's clock may be off.
    pub(crate) skew: Duration,
}

/// Whom a token must be for.
#[derive(Clone, Copy)]
pub(crate) enum Audience<'a> {
    /// This client: the rules of ID tokens.
    Client(&'a str),
    /// This one among others, or anybody: the rules of plain JWTs.
    Any(Option<&'a str>),
}

/// What is known of the nonce.
#[derive(Clone, Copy)]
pub(crate) enum Nonce<'a> {
    /// It was sent, and must be there.
    Sent(&'a str),
    /// None was sent, so none may be there.
    None,
    /// It was sent at the login and may be missing by now; if it is there, it is that one.
    Remembered(Option<&'a str>),
    /// Not looked at.
    Any,
}

/// A believed token's claims.
#[derive(Debug)]
pub(crate) struct Verified {
    /// All claims, as JSON.
    pub(crate) payload: String,
    pub(crate) subject: Box<str>,
}

/// Verifies signature and claims.
pub(crate) fn verify(token: &str, keys: &KeySet, expected: &Expected<'_>) -> Result<Verified, Refusal> {
    let jws = Jws::split(token)?;
    let is_id_token = matches!(expected.audience, Audience::Client(_));
    let algorithm = jws.verify(keys, expected.algorithms, !is_id_token)?;
    let payload = jws.decode_payload()?;
    let subject = {
        let claims = Claims::read(&payload)?;
        match expected.issuer_template {
            None => claims.check(algorithm, expected)?,
            Some(template) => {
                let issuer = own_issuer(template, &payload)?;
                claims.check(algorithm, &Expected { issuer: &issuer, ..*expected })?
            }
        }
    };
    Ok(Verified { payload, subject })
}

/// The issuer that a token must have by its own claims: a tenant's, where one provider serves many.
fn own_issuer(template: &str, payload: &str) -> Result<String, Refusal> {
    let claims = json::parse(payload.as_bytes())
        .map_err(|e| Refusal::fault(Malformed::Jwt, format!("the JWT's claims cannot be read: {e}")))?;
    let (mut issuer, mut rest) = (String::new(), template);
    while let Some((before, name, after)) = rest.split_once('{').and_then(|(before, rest)| {
        let (name, after) = rest.split_once('}')?;
        Some((before, name, after))
    }) {
        let value = claims.get(name).ok_or_else(|| missing(name))?;
        issuer.push_str(before);
        // What could be more than one part of a path would make another issuer of it.
        issuer.push_str(value.as_str().filter(|value| is_segment(value)).ok_or_else(|| wrong_type(name))?);
        rest = after;
    }
    issuer.push_str(rest);
    Ok(issuer)
}

/// The subject in claims that were verified before and kept.
pub(crate) fn subject(payload: &str) -> Option<Box<str>> {
    match Claims::read(payload).ok()?.sub? {
        Scalar::Text(subject) => Some(subject.into()),
        _ => None,
    }
}

#[derive(Default)]
struct Claims<'a> {
    iss: Option<Scalar<'a>>,
    sub: Option<Scalar<'a>>,
    aud: Option<Aud<'a>>,
    azp: Option<Scalar<'a>>,
    exp: Option<Scalar<'a>>,
    iat: Option<Scalar<'a>>,
    nbf: Option<Scalar<'a>>,
    nonce: Option<Scalar<'a>>,
    auth_time: Option<Scalar<'a>>,
    acr: Option<Scalar<'a>>,
    at_hash: Option<Scalar<'a>>,
    c_hash: Option<Scalar<'a>>,
}

impl<'a> Claims<'a> {
    fn read(payload: &'a str) -> Result<Self, Refusal> {
        json::read(payload.as_bytes())
            .map_err(|e| Refusal::fault(Malformed::Jwt, format!("the JWT's claims cannot be read: {e}")))
    }

    /// The checks, each with its place in OpenID Connect Core §3.1.3.7.
    fn check(&self, algorithm: Algorithm, expected: &Expected<'_>) -> Result<Box<str>, Refusal> {
        let now = expected.now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let skew = expected.skew.as_secs_f64();
        let is_id_token = matches!(expected.audience, Audience::Client(_));

        // 2. The issuer is the one that was asked.
        let issuer = required("iss", &self.iss)?;
        if issuer != expected.issuer && !expected.issuer_aliases.contains(&issuer.to_owned()) {
            let detail = format!(
                "the token is from issuer {}, not from {}",
                printable(issuer, MAX_TEXT),
                printable(expected.issuer, MAX_TEXT)
            );
            return Err(Refusal::check(Check::IssuerMismatch, detail));
        }
        // Section 2: the subject is never empty.
        let subject = text("sub", &self.sub)?;
        if is_id_token && subject.is_none_or(str::is_empty) {
            return Err(Refusal::fault(Malformed::MissingField, "the ID token has no sub"));
        }
        // Section 2: a sub is ASCII. What cannot be seen would make two users look like one.
        if subject.is_some_and(|subject| subject.contains(char::is_control)) {
            let detail = "the token has a sub that holds control characters";
            return Err(Refusal::fault(Malformed::InvalidField, detail));
        }
        // 3. to 5. It is for this client, and for no other that this client does not know.
        self.check_audience(expected.audience)?;

        // 9. It has not expired.
        match number("exp", &self.exp)? {
            None => return Err(missing("exp")),
            Some(exp) if exp + skew <= now => {
                return Err(Refusal::check(Check::Expired, "the token has expired"));
            }
            // Milliseconds, most likely, or a token for ever: neither is a time that anybody meant.
            Some(exp) if exp > LATEST => return Err(out_of_range("exp")),
            Some(_) => {}
        }
        // 10. It is not from the future.
        let from_future = "the token is not valid yet: it, or this machine's clock, is off";
        match number("iat", &self.iat)? {
            None if is_id_token => return Err(missing("iat")),
            Some(iat) if iat > now + skew => return Err(Refusal::check(Check::NotYetValid, from_future)),
            Some(iat) if iat < 0.0 => return Err(out_of_range("iat")),
            _ => {}
        }
        // RFC 7519 §4.1.5.
        if number("nbf", &self.nbf)?.is_some_and(|nbf| nbf > now + skew) {
            return Err(Refusal::check(Check::NotYetValid, from_future));
        }
        // 11. It belongs to this login.
        self.check_nonce(expected.nonce)?;
        // 12. The authentication is of the class that was asked for.
        if !expected.acr_values.is_empty() {
            let acr = text("acr", &self.acr)?;
            if !expected.acr_values.iter().any(|v| Some(v.as_str()) == acr) {
                let detail = "the user did not authenticate in one of the ways that were asked for (acr)";
                return Err(Refusal::check(Check::Acr, detail));
            }
        }
        // 13. The authentication is as recent as was asked for.
        if let Some(max_age) = expected.max_age {
            let auth_time = number("auth_time", &self.auth_time)?;
            let recent = auth_time.is_some_and(|at| at <= now + skew && now <= at + max_age as f64 + skew);
            if !recent {
                let detail =
                    "the user signed in longer ago than max_age allows, or the token does not say when";
                return Err(Refusal::check(Check::AuthTime, detail));
            }
        }
        // Section 3.1.3.6, and 3.3.2.11 for the code.
        check_hash("at_hash", &self.at_hash, expected.access_token, algorithm)?;
        check_hash("c_hash", &self.c_hash, expected.code, algorithm)?;
        Ok(subject.unwrap_or_default().into())
    }

    fn check_audience(&self, audience: Audience<'_>) -> Result<(), Refusal> {
        let aud = match &self.aud {
            None => None,
            Some(Aud::Other) => return Err(wrong_type("aud")),
            Some(aud) => Some(aud),
        };
        let azp = text("azp", &self.azp)?;
        let for_other = || Refusal::check(Check::Audience, "the token is meant for another client (aud)");
        match audience {
            Audience::Any(None) => Ok(()),
            Audience::Any(Some(client)) => {
                if aud.is_some_and(|aud| aud.has(client)) {
                    Ok(())
                } else {
                    Err(for_other())
                }
            }
            Audience::Client(client) => {
                let aud = aud.ok_or_else(|| missing("aud"))?;
                if !aud.has(client) {
                    return Err(for_other());
                }
                // With several audiences, azp says which of them asked; where it is there, it is this client.
                if azp.map_or(aud.has_others_than(client), |azp| azp != client) {
                    let detail = "the token was issued to another client (azp)";
                    return Err(Refusal::check(Check::AuthorizedParty, detail));
                }
                Ok(())
            }
        }
    }

    fn check_nonce(&self, nonce: Nonce<'_>) -> Result<(), Refusal> {
        if matches!(nonce, Nonce::Any) {
            return Ok(());
        }
        let claim = text("nonce", &self.nonce)?;
        let fits = match nonce {
            Nonce::Sent(sent) => claim.is_some_and(|claim| same(claim, sent)),
            Nonce::None => claim.is_none(),
            Nonce::Remembered(sent) => claim.is_none_or(|claim| sent.is_some_and(|sent| same(claim, sent))),
            Nonce::Any => true,
        };
        if fits {
            return Ok(());
        }
        Err(Refusal::check(Check::NonceMismatch, "the ID token belongs to another login (nonce)"))
    }
}

/// Half of the hash, base64url (OpenID Connect Core §3.1.3.6). Where the claim is there, it must be right.
fn check_hash(
    name: &str,
    claim: &Option<Scalar<'_>>,
    value: Option<&str>,
    algorithm: Algorithm,
) -> Result<(), Refusal> {
    let Some(value) = value else { return Ok(()) };
    let Some(claim) = text(name, claim)? else {
        return Ok(());
    };
    let hash = digest::digest(algorithm.hash(), value.as_bytes());
    let half = &hash.as_ref()[..hash.as_ref().len() / 2];
    let mut encoded = [0; 43];
    let len = URL_SAFE_NO_PAD.encode_slice(half, &mut encoded).unwrap_or_default();
    if claim.as_bytes() == &encoded[..len] {
        return Ok(());
    }
    let detail = format!("the ID token is not for the token that came with it ({name})");
    Err(Refusal::check(Check::HashMismatch, detail))
}

/// A claim that is text, if it is there at all. `null` is a wrong type, not an absence.
fn text<'c>(name: &str, claim: &'c Option<Scalar<'_>>) -> Result<Option<&'c str>, Refusal> {
    match claim {
        None => Ok(None),
        Some(Scalar::Text(text)) => Ok(Some(text)),
        Some(_) => Err(wrong_type(name)),
    }
}

fn required<'c>(name: &str, claim: &'c Option<Scalar<'_>>) -> Result<&'c str, Refusal> {
    text(name, claim)?.ok_or_else(|| missing(name))
}

/// RFC 7519 §2: a NumericDate is a number, with or without a fraction.
fn number(name: &str, claim: &Option<Scalar<'_>>) -> Result<Option<f64>, Refusal> {
    match claim {
        None => Ok(None),
        Some(Scalar::Number(number)) => Ok(Some(*number)),
        Some(_) => Err(wrong_type(name)),
    }
}

fn missing(name: &str) -> Refusal {
    Refusal::fault(Malformed::MissingField, format!("the token has no {name}"))
}

fn wrong_type(name: &str) -> Refusal {
    Refusal::fault(Malformed::InvalidField, format!("the token has no usable {name}: it is of a wrong type"))
}

fn out_of_range(name: &str) -> Refusal {
    Refusal::fault(Malformed::InvalidField, format!("the token has a {name} that is out of range"))
}

/// One audience or several.
enum Aud<'a> {
    One(Cow<'a, str>),
    Many(Vec<Cow<'a, str>>),
    Other,
}

impl Aud<'_> {
    fn has(&self, client: &str) -> bool {
        match self {
            Self::One(one) => one == client,
            Self::Many(many) => many.iter().any(|one| one == client),
            Self::Other => false,
        }
    }

    fn has_others_than(&self, client: &str) -> bool {
        matches!(self, Self::Many(many) if many.iter().any(|one| one != client))
    }
}

impl<'de> Deserialize<'de> for Aud<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AudVisitor;

        impl<'de> Visitor<'de> for AudVisitor {
            type Value = Aud<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an audience")
            }

            fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Aud<'de>, E> {
                Ok(Aud::One(Cow::Borrowed(value)))
            }

            fn visit_str<E>(self, value: &str) -> Result<Aud<'de>, E> {
                Ok(Aud::One(Cow::Owned(value.to_owned())))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Aud<'de>, A::Error> {
                let (mut many, mut other) = (Vec::new(), false);
                while let Some(entry) = seq.next_element::<Scalar<'de>>()? {
                    match entry {
                        Scalar::Text(one) => many.push(one),
                        _ => other = true,
                    }
                }
                Ok(if other { Aud::Other } else { Aud::Many(many) })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Aud<'de>, A::Error> {
                match Members::of(map)? {
                    Members::Number(_) => Ok(Aud::Other),
                    Members::Object(object) => object.skip().map(|()| Aud::Other),
                }
            }

            fn visit_unit<E>(self) -> Result<Aud<'de>, E> {
                Ok(Aud::Other)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Aud<'de>, E> {
                Ok(Aud::Other)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Aud<'de>, E> {
                Ok(Aud::Other)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Aud<'de>, E> {
                Ok(Aud::Other)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Aud<'de>, E> {
                Ok(Aud::Other)
            }
        }

        deserializer.deserialize_any(AudVisitor)
    }
}

impl<'de> Deserialize<'de> for Claims<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ClaimsVisitor)
    }
}

struct ClaimsVisitor;

impl<'de> Visitor<'de> for ClaimsVisitor {
    type Value = Claims<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Claims<'de>, A::Error> {
        let (mut claims, mut others) = (Claims::default(), Names::default());
        while let Some(Text(name)) = map.next_key::<Text<'de>>()? {
            let claim = match &*name {
                "aud" => {
                    if claims.aud.replace(map.next_value()?).is_some() {
                        return Err(json::duplicate());
                    }
                    continue;
                }
                "iss" => &mut claims.iss,
                "sub" => &mut claims.sub,
                "azp" => &mut claims.azp,
                "exp" => &mut claims.exp,
                "iat" => &mut claims.iat,
                "nbf" => &mut claims.nbf,
                "nonce" => &mut claims.nonce,
                "auth_time" => &mut claims.auth_time,
                "acr" => &mut claims.acr,
                "at_hash" => &mut claims.at_hash,
                "c_hash" => &mut claims.c_hash,
                _ => {
                    map.next_value::<Skipped>()?;
                    if !others.insert(name) {
                        return Err(json::duplicate());
                    }
                    continue;
                }
            };
            if claim.replace(map.next_value()?).is_some() {
                return Err(json::duplicate());
            }
        }
        Ok(claims)
    }
}

/// The end of the year 9999, in seconds since 1970.
const LATEST: f64 = 253_402_300_799.0;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    /// What becomes of a token with these times, at a moment that does not move.
    fn at(times: &str, max_age: Option<u64>) -> Result<(), Check> {
        believed(times, max_age).map_err(|refusal| match refusal {
            Refusal::Check(check, _) => check,
            refusal => panic!("{refusal:?}"),
        })
    }

    fn believed(times: &str, max_age: Option<u64>) -> Result<(), Refusal> {
        let payload = format!(r#"{{"iss":"https://id.example","sub":"1","aud":"me",{times}}}"#);
        let expected = Expected {
            issuer: "https://id.example",
            issuer_aliases: &[],
            issuer_template: None,
            audience: Audience::Client("me"),
            nonce: Nonce::None,
            max_age,
            acr_values: &[],
            access_token: None,
            code: None,
            algorithms: None,
            skew: Duration::from_secs(30),
            now: UNIX_EPOCH + Duration::from_secs(NOW),
        };
        Claims::read(&payload).unwrap().check(Algorithm::Es256, &expected).map(|_| ())
    }

    #[test]
    fn clocks_may_be_apart_by_thirty_seconds_and_no_more() {
        let token =
            |exp: u64, iat: u64, nbf: u64| at(&format!(r#""exp":{exp},"iat":{iat},"nbf":{nbf}"#), None);
        assert_eq!(token(NOW + 1, NOW, NOW), Ok(()));
        // RFC 7519 §4.1.4: on or after exp a token is not accepted; up to nbf it is not yet.
        assert_eq!(token(NOW - 29, NOW, NOW), Ok(()));
        assert_eq!(token(NOW - 30, NOW, NOW), Err(Check::Expired));
        assert_eq!(token(NOW + 60, NOW + 30, NOW), Ok(()));
        assert_eq!(token(NOW + 60, NOW + 31, NOW), Err(Check::NotYetValid));
        assert_eq!(token(NOW + 60, NOW, NOW + 30), Ok(()));
        assert_eq!(token(NOW + 60, NOW, NOW + 31), Err(Check::NotYetValid));
    }

    #[test]
    fn no_token_is_older_than_1970_nor_good_beyond_the_year_9999() {
        let out_of_range = |times: &str| match believed(times, None) {
            Ok(()) => false,
            Err(Refusal::Malformed(Malformed::InvalidField, _)) => true,
            Err(refusal) => panic!("{refusal:?}"),
        };
        let last = 253_402_300_799_u64;
        assert!(!out_of_range(&format!(r#""exp":{last},"iat":0"#)));
        assert!(out_of_range(&format!(r#""exp":{},"iat":0"#, last + 1)));
        assert!(out_of_range(&format!(r#""exp":{last},"iat":-1"#)));
    }

    #[test]
    fn a_sign_in_may_be_as_old_as_was_said_and_no_older() {
        let signed_in =
            |at_time: u64| at(&format!(r#""exp":{},"iat":{NOW},"auth_time":{at_time}"#, NOW + 60), Some(600));
        assert_eq!(signed_in(NOW - 630), Ok(()));
        assert_eq!(signed_in(NOW - 631), Err(Check::AuthTime));
        assert_eq!(signed_in(NOW + 30), Ok(()));
        assert_eq!(signed_in(NOW + 31), Err(Check::AuthTime));
    }
}
