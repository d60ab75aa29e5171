//! Client authentication by a signed assertion: `private_key_jwt` and `client_secret_jwt`, RFC 7523 sections 2.2 and 3, OpenID
//! Connect Core section 9, and the audience of draft-ietf-oauth-rfc7523bis section 4.

use serde_json::Value;

use super::request::Form;
use super::{Call, fapi};
use crate::config::ClientConfig;
use crate::jose::{Compact, SYMMETRIC};
use crate::wire::{OAuthError, ensure, invalid_client, invalid_request};

/// The client that the assertion in the request is from, and the method. `None` without an assertion.
pub(super) fn authenticate<'a>(
    call: &'a Call<'_>,
    form: &Form<'_>,
) -> Result<Option<(&'a ClientConfig, &'static str)>, OAuthError> {
    let (kind, text) = (form.params.get("client_assertion_type"), form.params.get("client_assertion"));
    let Some(text) = text else {
        let alone = invalid_request("there is a client_assertion_type, but no client_assertion");
        return ensure(kind.is_none(), alone).map(|()| None);
    };
    // RFC 6749 section 2.3: one method in a request.
    let twice = invalid_request("the client authenticates twice, by an assertion and by another method");
    let by_header = call.incoming.header("authorization").is_some();
    ensure(!by_header && form.params.get("client_secret").is_none(), twice)?;
    let wrong_type = invalid_client(format!("client_assertion_type is not {ASSERTION_TYPE}"));
    ensure(kind == Some(ASSERTION_TYPE), wrong_type)?;
    check(call, form, text).map(Some).map_err(|why| invalid_client(format!("the client assertion: {why}")))
}

fn check<'a>(
    call: &'a Call<'_>,
    form: &Form<'_>,
    text: &str,
) -> Result<(&'a ClientConfig, &'static str), String> {
    let assertion = Compact::parse(text)?;
    let missing = |name: &str| format!("{name} is missing, or no text");
    let issuer = assertion.text("iss").ok_or_else(|| missing("iss"))?;
    let subject = assertion.text("sub").ok_or_else(|| missing("sub"))?;
    ensure(issuer == subject, "iss and sub differ: both are the client id (RFC 7523 section 3)".to_owned())?;
    let named = form.params.get("client_id");
    ensure(named.is_none_or(|id| id == subject), "sub is not the client_id of the request".to_owned())?;
    let client = call.part.client(subject).ok_or("iss is the id of no registered client")?;

    let alg = assertion.alg();
    let method = if SYMMETRIC.contains(&alg) {
        let secret = client.secret.as_deref();
        assertion.verify_by_secret(secret.ok_or("it has an HMAC, and the client has no secret")?)?;
        "client_secret_jwt"
    } else {
        assertion.verify(&client.strong.keys())?;
        "private_key_jwt"
    };
    fapi::algorithm(call, alg)?;
    let typ = assertion.typ();
    let is_known = matches!(typ.as_deref(), None | Some("jwt" | "client-authentication+jwt"));
    ensure(is_known, "typ is neither JWT nor client-authentication+jwt".to_owned())?;
    audience(call, client, assertion.claims.get("aud").unwrap_or(&Value::Null))?;

    let now = call.shared.machine_now();
    let expires = assertion.time("exp")?.ok_or("exp is missing")?;
    ensure(expires > now, "it has expired (exp)".to_owned())?;
    let far = format!("exp is more than {LONGEST} seconds ahead");
    ensure(expires <= now + LONGEST, far)?;
    for name in ["iat", "nbf"] {
        let early = format!("{name} is in the future");
        ensure(assertion.time(name)?.is_none_or(|time| time <= now + SKEW), early)?;
    }
    let id = assertion.text("jti").filter(|id| !id.is_empty()).ok_or_else(|| missing("jti"))?;
    let used = "its jti was used before (RFC 7523 section 3)".to_owned();
    ensure(call.shared.proofs.is_new("assertion", &format!("{subject} {id}")), used)?;
    Ok((client, method))
}

/// The issuer as one text. The endpoints are no audience: a server that shares one with an attacker would be fooled.
fn audience(call: &Call<'_>, client: &ClientConfig, audience: &Value) -> Result<(), String> {
    let issuer = call.part.announced_issuer(&call.marks);
    if audience.as_str() == Some(&issuer) {
        return Ok(());
    }
    let demands = &call.shared.settings.demands;
    let takes_old = (demands.takes_old_audiences || client.strong.takes_old_audiences) && !demands.is_fapi;
    let base = &call.part.base;
    let is_own = |value: &Value| {
        let urls = [issuer.clone(), format!("{base}/token"), format!("{base}{}", call.incoming.path)];
        value.as_str().is_some_and(|value| urls.iter().any(|url| url == value))
    };
    let is_old = is_own(audience) || audience.as_array().is_some_and(|list| list.iter().any(is_own));
    let found = match audience {
        Value::Null => "aud is missing",
        Value::Array(_) => "aud is a list",
        _ => "aud is another text",
    };
    let wrong = format!("{found}: it must be the issuer as one text, {issuer} (rfc7523bis section 4)");
    ensure(takes_old && is_old, wrong)
}

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// In seconds, as the next one.
const LONGEST: u64 = 600;
/// FAPI 2.0 Security Profile section 5.3.2.1: 10 seconds are accepted, more than 60 are not.
const SKEW: u64 = 30;
