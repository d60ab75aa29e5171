//! Compact JSON Web Signatures (RFC 7515).
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::algorithm::{Algorithm, Allowed};
use super::jwk::{KeySet, Signed};
use crate::error::{Check, Error, Malformed, Operation};
use crate::text::json::{self, JsonError, Scalar};
use crate::text::legible::legible;

/// For what a JWT is, as far as its header says so (`typ`, RFC 8725 section 3.11).
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    Any,
    /// None of its own, like an ID token and UserInfo: a header with a type such as `at+jwt` is for another purpose.
    Plain,
    /// This one. Older JWTs for it have the type `JWT`, or none.
    Usually(&'static str),
    /// This one.
    Only(&'static str),
}

impl Purpose {
    fn admits(self, typ: Option<&str>) -> bool {
        let lower = typ.map(str::to_ascii_lowercase);
        // RFC 7515 §4.1.9: "application/" may be left out, and the case of media types does not matter.
        let name = lower.as_deref().map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
        match self {
            Self::Any => true,
            Self::Plain => !name.is_some_and(|name| name.ends_with("+jwt")),
            Self::Usually(own) => name.is_none_or(|name| name == own || name == "jwt"),
            Self::Only(own) => name == Some(own),
        }
    }

    pub(super) fn check(self, typ: Option<&str>) -> Result<(), Error> {
        if self.admits(typ) {
            return Ok(());
        }
        let found = typ.map_or_else(
            || "none".to_owned(),
            |typ| format!("the type {}, which is for another purpose", legible(typ)),
        );
        let own = self.in_words();
        let detail = format!("the JWT must have the type {own}, and has {found}: check which token was sent");
        Err(refused(Check::TokenType, detail))
    }

    fn in_words(self) -> String {
        match self {
            Self::Any | Self::Plain => "JWT or none here".to_owned(),
            Self::Usually(own) => format!("{own}, JWT or none here"),
            Self::Only(own) => format!("{own} here"),
        }
    }
}

/// Refuses a JWT. The caller knows the operation better.
pub(super) fn refused(check: Check, detail: impl Into<String>) -> Error {
    Error::validation(Operation::Jwt, check, detail.into())
}

/// The parts of a compact JWS. The signature covers `signed`: header and payload.
pub(super) struct Parts<'a> {
    pub(super) signed: &'a str,
    pub(super) header: &'a str,
    pub(super) payload: &'a str,
    pub(super) signature: &'a str,
}

impl<'a> Parts<'a> {
    pub(super) fn of(token: &'a str) -> Result<Self, Error> {
        let not_jws = || not_jws(token);
        let (signed, signature) = token.rsplit_once('.').ok_or_else(not_jws)?;
        let (header, payload) = signed.split_once('.').ok_or_else(not_jws)?;
        if payload.contains('.') {
            return Err(not_jws());
        }
        Ok(Self { signed, header, payload, signature })
    }
}

/// The error for a token that is not a usable JWT.
pub(super) fn malformed(detail: impl Into<String>) -> Error {
    Error::response(Operation::Jwt, Malformed::Jwt, detail.into())
}

/// The error for a token that does not have the three parts of a JWS.
fn not_jws(token: &str) -> Error {
    let parts = token.split('.').count();
    // RFC 7516 §3.1: an encrypted token has five parts, and its header names the encryption of the content.
    let header = token.split('.').next().and_then(|header| decode_text(header).ok());
    let has_enc = |header: String| matches!(json::pick(&header, &["enc"]), Ok(([Some(Scalar::Text(_))], _)));
    if parts != 5 || !header.is_some_and(has_enc) {
        return malformed(format!(
            "a signed JWT must have three parts separated by dots, and the token has {parts}: pass a JWT as it was received"
        ));
    }
    let detail = "the JWT is encrypted (five parts), and there is no key to decrypt it: give the private key with \
                  Registration::decryption_key, or switch the encryption off in the registration of this client at the provider \
                  (id_token_encrypted_response_alg, userinfo_encrypted_response_alg)";
    Error::response(Operation::Jwt, Malformed::Encrypted, detail)
}

/// Whether newer keys could make a difference.
pub(crate) fn is_about_keys(error: &Error) -> bool {
    matches!(error, Error::Validation(e) if matches!(e.check, Check::UnknownKey | Check::Signature))
}

/// Verifies the signature of a compact JWS. Returns its algorithm and the payload.
///
/// `purpose` says which type the header may name.
pub(super) fn verify(
    token: &str,
    keys: &KeySet,
    allowed: Allowed<'_>,
    purpose: Purpose,
) -> Result<(Algorithm, String), Error> {
    let Parts { signed, header, payload, signature } = Parts::of(token)?;
    // `jku`, `jwk`, `x5u` and `x5c` are not read: keys come only from the provider's key set.
    let header = decode_text(header)?;
    let ([alg, kid, typ, crit], _) =
        json::pick(&header, &["alg", "kid", "typ", "crit"]).map_err(|e| unreadable("header", &e))?;
    let (kid, typ) = (text("kid", &kid)?, text("typ", &typ)?);
    let name = text("alg", &alg)?.ok_or_else(|| {
        malformed("the JWT's header has no alg, which must name the algorithm: the provider has to add it")
    })?;

    // RFC 8725 §3.1: the algorithms are those that the caller trusts; the header only picks one of them.
    let Some(algorithm) = allowed.find(name) else {
        let why_not = match Algorithm::symmetric(name) {
            Some(_) => {
                ". If this client is registered for an HMAC with its client secret, set Registration::id_token_algorithms"
            }
            None => "",
        };
        let detail = format!(
            "the JWT is signed with {}, and only RS, PS, ES and ML-DSA algorithms and EdDSA are accepted: choose one for this client \
             at the provider{why_not}",
            legible(name)
        );
        return Err(refused(Check::Algorithm, detail));
    };
    if !allowed.allows(algorithm) {
        let detail = match allowed {
            Allowed::Registered(list) | Allowed::Symmetric(list, _) => format!(
                "the JWT must be signed with {} (Registration::id_token_algorithms, or id_token_algorithms in the definition), and it is \
                 signed with {name}: change this list, or the algorithm of this client at the provider",
                list.join(" or ")
            ),
            _ => format!(
                "the JWT is signed with {name}, but the provider's metadata does not announce {name}: if it is an ID token, \
                 and your client is registered for {name}, set Registration::id_token_algorithms"
            ),
        };
        return Err(refused(Check::Algorithm, detail));
    }
    // RFC 7515 §4.1.11: an extension that is critical and not supported voids the JWT. None is supported here.
    if crit.is_some() {
        let detail = "the JWT's header requires extensions (crit), and none of them is supported: let the provider leave them out";
        return Err(refused(Check::CriticalHeader, detail));
    }
    purpose.check(typ)?;

    let signature = decode(signature)?;
    if let Allowed::Symmetric(_, secret) = allowed {
        if algorithm.verify_hmac(secret, signed.as_bytes(), &signature) {
            return Ok((algorithm, decode_text(payload)?));
        }
        let detail = "the JWT's HMAC does not verify with the client secret: compare the client secret with the registration at the \
                      provider; if it is right, the JWT was changed";
        return Err(refused(Check::Signature, detail));
    }
    let issuer = if keys.heeds_issuer() { named_issuer(&decode_text(payload)?)? } else { None };
    let (issuer, message) = (issuer.as_deref(), signed.as_bytes());
    let Err(check) = keys.verify(Signed { kid, algorithm, issuer, message, signature: &signature }) else {
        return Ok((algorithm, decode_text(payload)?));
    };
    let why = keys.why_unknown(kid, algorithm).filter(|_| check == Check::UnknownKey);
    let detail = match (check, kid) {
        (Check::UnknownKey, _) if why.is_some() => why.unwrap_or_default(),
        (Check::UnknownKey, None) => format!("the provider's key set has no key for {name}: if its keys have just \
                                              changed, try again later"),
        (Check::UnknownKey, Some(kid)) => {
            format!("the provider's key set has no key for {name} with the id {}: if its keys have just changed, \
                     try again later", legible(kid))
        }
        (Check::IssuerMismatch, _) => "the key that the JWT names belongs to another issuer, perhaps another \
                                       tenant, and must not sign for this one: check the tenant that is configured"
            .to_owned(),
        (Check::WeakKey, _) => "the provider's key is too weak: an RSA key must have at least 2048 bits and an odd \
                                exponent above 1, and an Ed25519 key must not be a point of small order; the provider has to \
                                replace it"
            .to_owned(),
        _ => "the JWT's signature does not verify with the provider's key: the JWT was changed, or another key \
              signed it; if a new JWT is refused too, check the issuer that is configured"
            .to_owned(),
    };
    Err(refused(check, detail))
}

/// A member of the header that is text, if it is there.
fn text<'h>(name: &str, value: &'h Option<Scalar<'_>>) -> Result<Option<&'h str>, Error> {
    match value {
        None => Ok(None),
        Some(Scalar::Text(text)) => Ok(Some(text)),
        Some(_) => Err(malformed(format!(
            "the {name} in the JWT's header must be text, and it is not: the provider has to correct it"
        ))),
    }
}

/// The issuer in claims that are not verified yet.
fn named_issuer(claims: &str) -> Result<Option<String>, Error> {
    match json::pick(claims, &["iss"]).map_err(|e| unreadable("claims", &e))? {
        ([Some(Scalar::Text(issuer))], _) => Ok(Some(issuer.into_owned())),
        _ => Ok(None),
    }
}

/// The issuer that a JWT names, before it is verified. `None` if the token is not a JWT, or names none.
pub(crate) fn named_issuer_of(token: &str) -> Option<String> {
    let parts = Parts::of(token).ok()?;
    decode_text(parts.header).ok().filter(|header| header.starts_with('{'))?;
    named_issuer(&decode_text(parts.payload).ok()?).ok()?
}

pub(super) fn unreadable(part: &str, error: &JsonError) -> Error {
    malformed(format!("the JWT's {part} must be a JSON object, and could not be parsed: {error}"))
}

/// One part of a JWT as text.
pub(crate) fn decode_text(part: &str) -> Result<String, Error> {
    String::from_utf8(decode(part)?)
        .map_err(|_| malformed("the JWT must contain UTF-8, and does not: pass the JWT as it was received"))
}

/// RFC 7515 §2: base64url without padding, line breaks or spaces.
pub(super) fn decode(part: &str) -> Result<Vec<u8>, Error> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| {
        malformed("a part of the JWT is not base64url without padding: pass the JWT as it was received")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_any_length_are_decoded() {
        for len in 0..1200 {
            let part = URL_SAFE_NO_PAD.encode(vec![len as u8; len]);
            assert_eq!(decode(&part).unwrap(), vec![len as u8; len]);
            assert!(decode(&format!("{part}=")).is_err());
        }
    }
}
