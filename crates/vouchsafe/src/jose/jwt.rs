//! JSON Web Tokens (RFC 7519): the one place that verifies a JWT and reads its claims. Each kind of JWT adds its rules.
use std::borrow::Cow;
use std::slice;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::algorithm::{Algorithm, Allowed};
use super::jwk::KeySet;
use super::jws::{self, Purpose, refused, unreadable};
use crate::endpoint::is_segment;
use crate::error::{Check, Error, Malformed, Operation};
use crate::text::json::{self, Scalar, Value};
use crate::text::legible::legible;
use crate::text::moment::LATEST;
use crate::text::redact::printable;
use crate::text::template::{Mark, fill};

/// What one kind of JWT must be.
pub(crate) struct Rules<'a> {
    /// Who must have issued it. `None` if the caller checks that.
    pub(crate) issuer: Option<Issuer<'a>>,
    pub(crate) audience: Audience<'a>,
    /// The claims that must be present.
    pub(crate) required: &'a [&'a str],
    /// The algorithms for this kind.
    pub(crate) algorithms: Allowed<'a>,
    /// The type that the header may name.
    pub(crate) purpose: Purpose,
    /// The tolerance for the provider's clock.
    pub(crate) skew: Duration,
}

impl<'a> Rules<'a> {
    /// Any JWT that the provider issued, such as an access token. The algorithms that a provider announces are those of ID
    /// tokens; an access token may have another (RFC 9068 section 2.1).
    pub(crate) fn of_any(issuer: Issuer<'a>, audience: Option<&'a str>, skew: Duration) -> Self {
        let audience = audience.map_or(Audience::Any, Audience::Includes);
        let required = &["iss", "exp"];
        let algorithms = Allowed::All;
        Self { issuer: Some(issuer), audience, required, algorithms, purpose: Purpose::Any, skew }
    }

    /// Claims that another issuer makes about the user (OpenID Connect Core section 5.6.2). Like an ID token of that issuer, a JWT for
    /// another audience is none.
    pub(crate) fn of_claims(issuer: Option<Issuer<'a>>, client_id: &'a str, skew: Duration) -> Self {
        let audience = Audience::IncludesIfNamed(client_id);
        let algorithms = Allowed::All;
        Self { issuer, audience, required: &[], algorithms, purpose: Purpose::Plain, skew }
    }

    /// Signed UserInfo (OpenID Connect Core section 5.3.2). `iss` and `aud` are recommended only. The caller checks `iss`,
    /// also in UserInfo that is not signed.
    pub(crate) fn of_userinfo(client_id: &'a str, algorithms: Option<&'a [String]>, skew: Duration) -> Self {
        let audience = Audience::IncludesIfNamed(client_id);
        let algorithms = Allowed::announced(algorithms);
        Self { issuer: None, audience, required: &[], algorithms, purpose: Purpose::Plain, skew }
    }
}

/// The issuer, and the other names that the provider documents for it.
#[derive(Clone, Copy)]
pub(crate) struct Issuer<'a> {
    pub(crate) name: &'a str,
    pub(crate) aliases: &'a [String],
    /// The form of the issuer if the provider has many, filled in with claims of the JWT. It replaces the name.
    pub(crate) template: Option<&'a str>,
}

/// For whom a JWT must be.
#[derive(Clone, Copy)]
pub(crate) enum Audience<'a> {
    Any,
    /// It must name this audience, perhaps among others.
    Includes(&'a str),
    /// It must name one of these.
    IncludesOneOf(&'a [String]),
    /// The same, unless it names none.
    IncludesIfNamed(&'a str),
}

/// Verifies a JWT by these rules, and by `more` rules for its claims. Returns all claims as JSON, and the result of
/// `more`.
pub(crate) fn verify<T>(
    token: &str,
    keys: &KeySet,
    rules: &Rules<'_>,
    now: SystemTime,
    more: impl FnOnce(&Claims<'_>) -> Result<T, Error>,
) -> Result<(String, T), Error> {
    let verified = jws::verify(token, keys, rules.algorithms, rules.purpose);
    let (algorithm, payload) = verified.map_err(|error| foreign(token, rules, error))?;
    let outcome = {
        let claims = Claims::read(&payload, algorithm)?;
        claims.check(rules, &payload, now)?;
        more(&claims)?
    };
    Ok((payload, outcome))
}

/// The error for a JWT whose key is unknown. If it is another issuer's, so is the key, and newer keys would not help.
fn foreign(token: &str, rules: &Rules<'_>, error: Error) -> Error {
    let is_unknown = matches!(&error, Error::Validation(e) if e.check == Check::UnknownKey);
    let claims = || {
        let payload = jws::decode_text(token.split('.').nth(1)?).ok()?;
        // The algorithm matters only for a check of the hashes.
        let claims = Claims::read(&payload, Algorithm::from_name("RS256")?).ok()?;
        claims.check_issuer(rules.issuer?, &payload).err()
    };
    match is_unknown.then(claims).flatten() {
        Some(Error::Validation(mismatch)) => Error::Validation(mismatch),
        _ => error,
    }
}

/// Verifies a JWT and returns its claims.
pub(crate) fn claims(token: &str, keys: &KeySet, rules: &Rules<'_>, now: SystemTime) -> Result<Value, Error> {
    let (payload, ()) = verify(token, keys, rules, now, |_| Ok(()))?;
    json::parse(payload.as_bytes()).map_err(|e| unreadable("claims", &e))
}

/// The claims that rules are about.
pub(crate) struct Claims<'a> {
    /// The algorithm of the signature.
    pub(super) algorithm: Algorithm,
    pub(super) iss: Claim<'a>,
    pub(super) sub: Claim<'a>,
    pub(super) aud: Claim<'a>,
    pub(super) azp: Claim<'a>,
    pub(super) exp: Claim<'a>,
    pub(super) iat: Claim<'a>,
    pub(super) nbf: Claim<'a>,
    pub(super) nonce: Claim<'a>,
    pub(super) auth_time: Claim<'a>,
    pub(super) acr: Claim<'a>,
    pub(super) at_hash: Claim<'a>,
    pub(super) c_hash: Claim<'a>,
    pub(super) session_expiry: Claim<'a>,
}

impl<'a> Claims<'a> {
    pub(super) fn read(payload: &'a str, algorithm: Algorithm) -> Result<Self, Error> {
        let (values, _) = json::pick(payload, &NAMES).map_err(|e| unreadable("claims", &e))?;
        let mut names = NAMES.into_iter();
        let claims = values.map(|value| Claim { name: names.next().unwrap_or_default(), value });
        let [iss, sub, aud, azp, exp, iat, nbf, nonce, auth_time, acr, at_hash, c_hash, session_expiry] =
            claims;
        Ok(Self {
            algorithm,
            iss,
            sub,
            aud,
            azp,
            exp,
            iat,
            nbf,
            nonce,
            auth_time,
            acr,
            at_hash,
            c_hash,
            session_expiry,
        })
    }

    fn check(&self, rules: &Rules<'_>, payload: &str, now: SystemTime) -> Result<(), Error> {
        if let Some(issuer) = rules.issuer {
            self.check_issuer(issuer, payload)?;
        }
        let claims = [&self.iss, &self.sub, &self.aud, &self.exp, &self.iat];
        if let Some(missing) =
            claims.into_iter().find(|claim| claim.value.is_none() && rules.required.contains(&claim.name))
        {
            return Err(missing_claim(missing.name));
        }
        // OpenID Connect Core §2: a sub is ASCII. Invisible characters would make two users look the same.
        if self.sub.text()?.is_some_and(|subject| subject.contains(char::is_control)) {
            return Err(invalid(
                "sub",
                "must not contain control characters, and it does: the provider has to correct it",
            ));
        }
        self.check_audience(rules.audience)?;
        self.check_times(now, rules.skew)
    }

    fn check_issuer(&self, expected: Issuer<'_>, payload: &str) -> Result<(), Error> {
        let issuer = self.iss.text()?.ok_or_else(|| missing_claim("iss"))?;
        let own = expected.template.map(|template| own_issuer(template, payload)).transpose()?;
        let name = own.as_deref().unwrap_or(expected.name);
        if issuer == name || expected.aliases.iter().any(|alias| alias == issuer) {
            return Ok(());
        }
        let detail = format!(
            "the token must be from issuer {}, but its iss is {}: if this is the issuer of your \
                     provider, configure it exactly like this; otherwise the token is from another provider",
            legible(name),
            legible(issuer)
        );
        Err(refused(Check::IssuerMismatch, detail))
    }

    fn check_audience(&self, expected: Audience<'_>) -> Result<(), Error> {
        let audiences = self.aud.texts()?;
        let accepted = match (expected, audiences) {
            (Audience::Any, _) | (Audience::IncludesIfNamed(_), None) => true,
            (Audience::Includes(_) | Audience::IncludesOneOf(_), None) => false,
            (Audience::IncludesOneOf(own), Some(audiences)) => {
                audiences.iter().any(|audience| own.iter().any(|own| audience == own))
            }
            (Audience::Includes(own) | Audience::IncludesIfNamed(own), Some(audiences)) => {
                audiences.iter().any(|audience| audience == own)
            }
        };
        if accepted {
            return Ok(());
        }
        let found = audiences.map_or_else(|| "absent".to_owned(), |audiences| legible(&audiences.join(", ")));
        let own = match expected {
            Audience::Includes(own) | Audience::IncludesIfNamed(own) => own.to_owned(),
            Audience::IncludesOneOf(own) => own.join(" or "),
            Audience::Any => String::new(),
        };
        let detail = format!(
            "the token must be for the audience {}, but its aud is {found}: check the client id, or the audience that was given",
            printable(&own, 60)
        );
        Err(refused(Check::Audience, detail))
    }

    /// RFC 7519 §4.1.4 to §4.1.6.
    fn check_times(&self, now: SystemTime, skew: Duration) -> Result<(), Error> {
        let (now, skew) = (seconds(now), skew.as_secs_f64());
        match self.exp.number()? {
            Some(exp) if exp + skew <= now => {
                let detail = format!(
                    "the token expired {} seconds ago (exp), and {skew} seconds are tolerated: if it is new, correct the clock of \
                     this machine, or set ClientBuilder::clock_skew",
                    (now - exp).round()
                );
                return Err(refused(Check::Expired, detail));
            }
            // Probably milliseconds, or a token for ever.
            Some(exp) if exp > LATEST => {
                return Err(invalid("exp", "is out of range: it must be in seconds since 1970"));
            }
            _ => {}
        }
        let (iat, nbf) = (self.iat.number()?, self.nbf.number()?);
        if iat.is_some_and(|iat| iat < 0.0) {
            return Err(invalid("iat", "is out of range: it must be in seconds since 1970"));
        }
        for (name, time) in [("iat", iat), ("nbf", nbf)] {
            if let Some(time) = time.filter(|time| *time > now + skew) {
                let detail = format!(
                    "the token is not valid for another {} seconds ({name}), and {skew} seconds are tolerated: correct the clock \
                     of this machine or of the provider, or set ClientBuilder::clock_skew",
                    (time - now).round()
                );
                return Err(refused(Check::NotYetValid, detail));
            }
        }
        Ok(())
    }
}

/// One claim with its name. It is an error to read a claim of another type; `null` is another type, not an absence.
pub(crate) struct Claim<'a> {
    name: &'static str,
    value: Option<Scalar<'a>>,
}

impl<'a> Claim<'a> {
    pub(super) fn text(&self) -> Result<Option<&str>, Error> {
        match &self.value {
            None => Ok(None),
            Some(Scalar::Text(text)) => Ok(Some(text)),
            Some(_) => Err(wrong_type(self.name)),
        }
    }

    /// One text or several.
    pub(super) fn texts(&self) -> Result<Option<&[Cow<'a, str>]>, Error> {
        match &self.value {
            None => Ok(None),
            Some(Scalar::Text(text)) => Ok(Some(slice::from_ref(text))),
            Some(Scalar::Texts(texts)) => Ok(Some(texts)),
            Some(_) => Err(wrong_type(self.name)),
        }
    }

    /// RFC 7519 §2: a NumericDate is a number, with or without a fraction.
    pub(super) fn number(&self) -> Result<Option<f64>, Error> {
        match &self.value {
            None => Ok(None),
            Some(Scalar::Number(number)) if number.as_f64().is_some() => Ok(number.as_f64()),
            Some(_) => Err(wrong_type(self.name)),
        }
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }
}

/// A time as claims write it.
pub(super) fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// The issuer that a JWT must have according to its own claims: that of a tenant, if one provider serves many.
fn own_issuer(template: &str, payload: &str) -> Result<String, Error> {
    let claims = json::parse(payload.as_bytes()).map_err(|e| unreadable("claims", &e))?;
    let issuer = fill(template, |name| {
        let value = claims.get(name).ok_or_else(|| missing_claim(name))?;
        // A value of more than one path segment would make it another issuer.
        let value = value.as_str().filter(|value| is_segment(value)).ok_or_else(|| wrong_type(name))?;
        Ok::<Mark<'_>, Error>(value.into())
    });
    issuer.map(Option::unwrap_or_default)
}

pub(super) fn missing_claim(name: &str) -> Error {
    Error::response(
        Operation::Jwt,
        Malformed::MissingField,
        format!("the token has no {name}, which is required: the provider has to add it"),
    )
}

pub(super) fn wrong_type(name: &str) -> Error {
    invalid(name, "has the wrong type: the provider has to correct it")
}

pub(super) fn invalid(name: &str, why: &str) -> Error {
    Error::response(Operation::Jwt, Malformed::InvalidField, format!("the {name} of the token {why}"))
}

/// The claims that rules are about, in the order of [`Claims`].
const NAMES: [&str; 13] = [
    "iss",
    "sub",
    "aud",
    "azp",
    "exp",
    "iat",
    "nbf",
    "nonce",
    "auth_time",
    "acr",
    "at_hash",
    "c_hash",
    "session_expiry",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{NOW, now, signed, word};
    use super::*;

    const RULES: Rules<'static> = Rules {
        issuer: None,
        audience: Audience::Any,
        required: &[],
        algorithms: Allowed::All,
        purpose: Purpose::Plain,
        skew: Duration::from_secs(30),
    };

    /// The code of the error for a JWT with those claims.
    fn code(claims: &Value, rules: &Rules<'_>) -> Option<&'static str> {
        let (jwt, keys) = signed(&claims.to_string());
        match super::claims(&jwt, &keys, rules, now()) {
            Ok(read) => {
                assert_eq!(read, *claims);
                None
            }
            Err(error) => Some(word(&error)),
        }
    }

    #[test]
    fn clocks_may_differ_by_thirty_seconds_and_no_more() {
        let at = |claims: Value| code(&claims, &RULES);
        assert_eq!(at(json!({})), None);
        // RFC 7519 §4.1.4: a JWT is not accepted on or after exp.
        assert_eq!(at(json!({"exp": NOW - 29})), None);
        assert_eq!(at(json!({"exp": NOW - 30})), Some("expired"));
        for name in ["iat", "nbf"] {
            assert_eq!(at(json!({name: NOW + 30})), None);
            assert_eq!(at(json!({name: NOW + 31})), Some("not_yet_valid"));
        }
    }

    #[test]
    fn no_jwt_is_older_than_1970_or_valid_after_the_year_9999() {
        let at = |claims: Value| code(&claims, &RULES);
        let last = 253_402_300_799_u64;
        assert_eq!(at(json!({"exp": last, "iat": 0, "nbf": -1})), None);
        assert_eq!(at(json!({"exp": last + 1})), Some("invalid_field"));
        assert_eq!(at(json!({"iat": -1})), Some("invalid_field"));
    }

    #[test]
    fn a_claim_of_another_type_is_not_an_absent_one() {
        let rules = Rules { issuer: Some(Issuer { name: "i", aliases: &[], template: None }), ..RULES };
        for name in ["iss", "sub", "aud", "exp", "iat", "nbf"] {
            for value in [json!(null), json!({}), json!([7]), json!(true)] {
                let mut claims = json!({"iss": "i"});
                claims[name] = value.clone();
                assert_eq!(code(&claims, &rules), Some("invalid_field"), "{name} {value}");
            }
        }
    }

    #[test]
    fn the_rules_say_which_claims_must_be_present() {
        let all = json!({"iss": "i", "sub": "s", "aud": "a", "exp": NOW, "iat": NOW});
        for name in ["iss", "sub", "aud", "exp", "iat"] {
            let mut claims = all.clone();
            claims.as_object_mut().unwrap().remove(name);
            assert_eq!(code(&claims, &Rules { required: &[name], ..RULES }), Some("missing_field"), "{name}");
            assert_eq!(code(&claims, &RULES), None, "{name}");
            assert_eq!(code(&all, &Rules { required: &[name], ..RULES }), None, "{name}");
        }
    }

    #[test]
    fn the_audience_is_this_one_among_others() {
        let includes = Rules { audience: Audience::Includes("me"), ..RULES };
        let if_named = Rules { audience: Audience::IncludesIfNamed("me"), ..RULES };
        for accepted in [json!({"aud": "me"}), json!({"aud": ["x", "me"]})] {
            assert_eq!((code(&accepted, &includes), code(&accepted, &if_named)), (None, None), "{accepted}");
        }
        for refused in [json!({"aud": "x"}), json!({"aud": ["x"]}), json!({"aud": []})] {
            let audience = Some("audience");
            assert_eq!(
                (code(&refused, &includes), code(&refused, &if_named)),
                (audience, audience),
                "{refused}"
            );
            assert_eq!(code(&refused, &RULES), None, "{refused}");
        }
        assert_eq!((code(&json!({}), &includes), code(&json!({}), &if_named)), (Some("audience"), None));
    }

    #[test]
    fn the_issuer_is_the_expected_one_or_an_alias_or_fits_the_template() {
        let aliases = ["alias".to_owned()];
        let fixed = Issuer { name: "name", aliases: &aliases, template: None };
        let many = Issuer { template: Some("https://id.example/{tid}/v2"), ..fixed };
        let at = |issuer: Issuer<'_>, claims: Value| code(&claims, &Rules { issuer: Some(issuer), ..RULES });
        for iss in ["name", "alias"] {
            assert_eq!(at(fixed, json!({"iss": iss})), None);
        }
        for iss in ["Name", "name/", "", "other"] {
            assert_eq!(at(fixed, json!({"iss": iss})), Some("issuer_mismatch"), "{iss}");
        }
        assert_eq!(at(fixed, json!({})), Some("missing_field"));
        let tenant = |tid: Value, iss: &str| at(many, json!({"iss": iss, "tid": tid}));
        assert_eq!(tenant(json!("one"), "https://id.example/one/v2"), None);
        assert_eq!(tenant(json!("two"), "https://id.example/one/v2"), Some("issuer_mismatch"));
        assert_eq!(tenant(json!("one"), "name"), Some("issuer_mismatch"));
        assert_eq!(tenant(json!("a/b"), "https://id.example/a/b/v2"), Some("invalid_field"));
        assert_eq!(tenant(json!(7), "https://id.example/7/v2"), Some("invalid_field"));
        assert_eq!(at(many, json!({"iss": "https://id.example/one/v2"})), Some("missing_field"));
    }

    #[test]
    fn a_subject_has_no_control_characters() {
        assert_eq!(code(&json!({"sub": "a\nb"}), &RULES), Some("invalid_field"));
    }
}
