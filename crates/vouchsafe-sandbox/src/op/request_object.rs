//! Authorization requests whose parameters are elsewhere: pushed (RFC 9126), or in a request object (RFC 9101).

use serde_json::Value;

use super::{Call, fapi};
use crate::config::{ClientConfig, accepts};
use crate::jose::Compact;
use crate::wire::{OAuthError, Params, ensure, error, fetch, invalid_request, text as as_text};

/// The parameters of an authorization request, and how they came.
pub(super) struct Asked {
    pub(super) params: Params,
    pub(super) is_pushed: bool,
    pub(super) is_signed: bool,
    /// The thumbprint of the key in the proof of a pushed request.
    pub(super) jkt: Option<String>,
}

/// Finds the parameters of an authorization request that came by a browser.
pub(super) async fn resolve(call: &Call<'_>, params: Params) -> Result<Asked, OAuthError> {
    let (object, uri) = (params.get("request"), params.get("request_uri"));
    // A client that is unknown gets a page later.
    let client = params.get("client_id").and_then(|id| call.part.client(id)).filter(|_| call.part.is_own);
    let (client, is_plain) = match client {
        Some(client) => (client, object.is_none() && uri.is_none()),
        None => return Ok(Asked { params, is_pushed: false, is_signed: false, jkt: None }),
    };
    params.check_duplicates()?;
    let (params, is_signed) = match (object, uri) {
        _ if is_plain => (params, false),
        (Some(_), Some(_)) => return Err(invalid_request("there are both request and request_uri")),
        (None, Some(uri)) if uri.starts_with(REQUEST_URI) => {
            fapi::query(call, &params)?;
            return pushed(call, &client.id, uri);
        }
        (_, Some(uri)) => {
            let fetched = by_reference(client, uri).await?;
            read(call, client, fetched.trim(), &params)?
        }
        (Some(object), None) => read(call, client, object, &params)?,
        (None, None) => (params, false),
    };
    Ok(Asked { params, is_pushed: false, is_signed, jkt: None })
}

/// Takes the request that was pushed. It is good once, for its client.
fn pushed(call: &Call<'_>, client_id: &str, uri: &str) -> Result<Asked, OAuthError> {
    let invalid = |description: &str| error("invalid_request_uri", description);
    let mut store = call.shared.store();
    let found = store.pushed.get(uri).cloned();
    let found = found.ok_or_else(|| invalid("request_uri is unknown, or was used before"))?;
    ensure(found.client_id == client_id, invalid("request_uri was pushed by another client"))?;
    store.pushed.remove(uri);
    ensure(found.expires_at > call.shared.now(), invalid("request_uri has expired"))?;
    Ok(Asked { params: found.params, is_pushed: true, is_signed: found.is_signed, jkt: found.jkt })
}

/// The request object at this URI, RFC 9101 section 5.2.
async fn by_reference(client: &ClientConfig, uri: &str) -> Result<String, OAuthError> {
    let plain = |uri: &str| uri.split('#').next().unwrap_or_default().to_owned();
    let registered = &client.strong.request_uris;
    // RFC 9101 section 10.4.1: a server that fetches any URI can be turned against others.
    let unsupported = "the client has no request_uris registered, and this is no pushed request";
    ensure(!registered.is_empty(), error("request_uri_not_supported", unsupported))?;
    let unknown =
        error("invalid_request_uri", "request_uri is not one of the client's registered request_uris");
    let registered: Vec<_> = registered.iter().map(|uri| plain(uri)).collect();
    let is_below = registered.iter().any(|known| known.ends_with('/') && uri.starts_with(known.as_str()));
    ensure(is_below || accepts(&registered, &plain(uri)), unknown)?;
    let failed =
        |why: String| error("invalid_request_uri", format!("request_uri could not be fetched: {why}"));
    let (status, body) = fetch(uri).await.map_err(|error| failed(error.to_string()))?;
    ensure(status == 200, failed(format!("the status is {status}")))?;
    String::from_utf8(body).map_err(|_| failed("the response is not text".to_owned()))
}

/// The parameters in a request object, and whether it is signed.
pub(super) fn read(
    call: &Call<'_>,
    client: &ClientConfig,
    object: &str,
    outside: &Params,
) -> Result<(Params, bool), OAuthError> {
    let strong = &client.strong;
    let unsupported = "the client has registered neither keys nor an algorithm for request objects";
    let can = !strong.keys().is_empty() || strong.request_object_alg.is_some();
    ensure(can, error("request_not_supported", unsupported))?;
    let invalid = |why: String| error("invalid_request_object", format!("the request object: {why}"));
    let [alg, enc] = &strong.request_object_encryption;
    let opened = match object.split('.').count() {
        5 => Some(call.shared.open(object, [alg.as_deref(), enc.as_deref()]).map_err(invalid)?),
        _ if alg.is_some() => {
            return Err(invalid("it is not encrypted, and the client is registered for it".to_owned()));
        }
        _ => None,
    };
    let inner = opened.as_deref().unwrap_or(object);
    let (params, is_signed) = check(call, client, inner, outside).map_err(invalid)?;
    // Section 6.1: an encrypted request object contains a signed one.
    ensure(is_signed || opened.is_none(), invalid("it is encrypted and not signed".to_owned()))?;
    Ok((params, is_signed))
}

fn check(
    call: &Call<'_>,
    client: &ClientConfig,
    text: &str,
    outside: &Params,
) -> Result<(Params, bool), String> {
    let object = Compact::parse(text)?;
    let (alg, registered) = (object.alg(), client.strong.request_object_alg.as_deref());
    let is_signed = alg != "none";
    let other = format!("its algorithm is {alg:?}, and the client is registered for another one");
    ensure(registered.is_none_or(|registered| registered == alg), other)?;
    if is_signed {
        object.verify(&client.strong.keys())?;
        fapi::algorithm(call, alg)?;
    } else {
        let unsigned = "it is not signed, and the client is not registered for that";
        ensure(registered == Some("none") && object.is_unsigned(), unsigned.to_owned())?;
    }
    let typ = object.typ();
    let is_known = matches!(typ.as_deref(), None | Some("jwt" | "oauth-authz-req+jwt"));
    ensure(is_known, "typ is not oauth-authz-req+jwt (RFC 9101 section 10.8)".to_owned())?;
    check_claims(call, client, &object, is_signed)?;

    let mut pairs = Vec::new();
    for (name, value) in object.claims.iter().filter(|(name, _)| !OF_THE_JWT.contains(&name.as_str())) {
        match value {
            Value::Array(values) if name == "resource" => {
                pairs.extend(values.iter().map(|value| (name.clone(), as_text(value))));
            }
            value => pairs.push((name.clone(), as_text(value))),
        }
    }
    let inside = Params::from_pairs(pairs);
    // Section 6.3: only the parameters inside count. Those outside must not say anything else.
    for name in outside.names().filter(|name| !["request", "request_uri"].contains(name)) {
        let is_same = inside.get(name).is_none() || inside.all(name).eq(outside.all(name));
        ensure(is_same, format!("{name} differs from the parameter of the request"))?;
    }
    Ok((inside.with_default("client_id", &client.id), is_signed))
}

fn check_claims(
    call: &Call<'_>,
    client: &ClientConfig,
    object: &Compact<'_>,
    is_signed: bool,
) -> Result<(), String> {
    let id = client.id.as_str();
    let nested = "request or request_uri is inside (RFC 9101 section 4)".to_owned();
    ensure(!["request", "request_uri"].iter().any(|name| object.claims.contains_key(*name)), nested)?;
    let is_client = |name: &str| object.text(name) == Some(id);
    ensure(
        !object.claims.contains_key("client_id") || is_client("client_id"),
        "client_id is another one".to_owned(),
    )?;
    let issuer = call.part.announced_issuer(&call.marks);
    let is_issuer = |value: &Value| value.as_str() == Some(&issuer);
    let is_for_us =
        |aud: &Value| is_issuer(aud) || aud.as_array().is_some_and(|list| list.iter().any(is_issuer));
    let (iss, aud) = (object.claims.get("iss"), object.claims.get("aud"));
    // RFC 9101 section 4: a signed one has both.
    ensure(is_client("iss") || (iss.is_none() && !is_signed), "iss is not the client id".to_owned())?;
    let is_for_us = aud.map_or(!is_signed, is_for_us);
    ensure(is_for_us, format!("aud is not the issuer, {issuer}"))?;
    let (now, is_strict) = (call.shared.machine_now(), call.shared.settings.demands.must_sign_responses);
    let (expires, begins) = (object.time("exp")?, object.time("nbf")?);
    ensure(expires.is_none_or(|expires| expires > now), "it has expired (exp)".to_owned())?;
    ensure(begins.is_none_or(|begins| begins <= now + SKEW), "it is not valid yet (nbf)".to_owned())?;
    if is_strict {
        let section = "FAPI 2.0 Message Signing section 5.3.1";
        let begins = begins.ok_or_else(|| format!("nbf is missing ({section})"))?;
        let expires = expires.ok_or_else(|| format!("exp is missing ({section})"))?;
        ensure(begins + HOUR >= now, format!("nbf is more than an hour ago ({section})"))?;
        ensure(expires <= begins + HOUR, format!("exp is more than an hour after nbf ({section})"))?;
    }
    Ok(())
}

/// RFC 9126 section 2.2.
pub(super) const REQUEST_URI: &str = "urn:ietf:params:oauth:request_uri:";
/// Claims that are no parameters of the request.
const OF_THE_JWT: [&str; 6] = ["iss", "aud", "exp", "nbf", "iat", "jti"];
/// In seconds, as the next one.
const SKEW: u64 = 30;
const HOUR: u64 = 3600;
