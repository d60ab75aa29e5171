//! The parameters and headers that the protocol owns: a definition can neither set nor remove them, nor give their names to
//! others.
use std::collections::BTreeMap;

use crate::definition::{Definition, Pkce};
use crate::mistake::{Mistake, PROTOCOL, ensure};
use crate::quirks::AuthorizationQuirks;

/// The parameters of an authorization request that the library sets, and the two that would replace them (RFC 9101).
const AUTHORIZATION: [&str; 10] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "request",
    "request_uri",
];

/// The parameters of token requests (RFC 6749 sections 4.1.3 and 6, RFC 7521, RFC 7636) and of other grants.
const TOKEN: [&str; 17] = [
    "grant_type",
    "code",
    "redirect_uri",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "code_verifier",
    "refresh_token",
    "scope",
    "assertion",
    "username",
    "password",
    "device_code",
    "auth_req_id",
    "subject_token",
    "actor_token",
];

/// Those of a revocation request (RFC 7009 section 2.1).
const REVOCATION: [&str; 6] =
    ["token", "token_type_hint", "client_id", "client_secret", "client_assertion", "client_assertion_type"];

/// Headers that say where a request goes, how long it is, how it is encoded, and who sends it.
const HEADERS: [&str; 14] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-http-method-override",
];

impl AuthorizationQuirks {
    /// Whether the protocol owns a parameter of the authorization request: under the name of the RFC, under the name that
    /// this provider gives it, or under a spelling that a server could read as either.
    pub fn owns(&self, name: &str) -> bool {
        owns(&AUTHORIZATION, [&self.names, &self.names], name)
    }
}

pub(crate) fn check(d: &Definition) -> Result<(), Mistake> {
    authorization(d)?;
    token(d)?;
    revocation(d)?;
    callback(d)?;
    userinfo(d)
}

fn authorization(d: &Definition) -> Result<(), Mistake> {
    let quirks = &d.authorization;
    // A server that knows only the RFC's name does not see a renamed parameter, as if it were left out.
    let leaves_out = |name: &str| match name {
        "client_id" | "redirect_uri" | "scope" => true,
        "nonce" => !d.nonce,
        "code_challenge" | "code_challenge_method" => d.pkce == Pkce::Unsupported,
        _ => false,
    };
    for (name, own) in &quirks.names {
        let field = format!("authorization.names.{name}");
        ensure(AUTHORIZATION.contains(&name.as_str()), &field, || {
            format!("cannot be renamed: only {} can", AUTHORIZATION[..8].join(", "))
        })?;
        ensure(leaves_out(name), &field, || {
            "must keep its name: logins are not secure without it".to_owned()
        })?;
        let may_be_empty = !matches!(name.as_str(), "client_id" | "redirect_uri");
        ensure(!own.is_empty() || may_be_empty, &field, || {
            "must not be empty: the parameter cannot be left out".to_owned()
        })?;
    }
    let known = [&AUTHORIZATION[..], &["response_mode"]].concat();
    distinct("authorization.names", &known, &[&quirks.names])?;
    let names = [&quirks.names, &quirks.names];
    let options = quirks.options.keys().map(|name| ("authorization.options", name));
    let params = quirks.params.keys().map(|name| ("authorization.params", name)).chain(options);
    for (table, name) in params {
        unowned(&format!("{table}.{name}"), name, owns(&AUTHORIZATION, names, name))?;
    }
    // A code in a fragment or in a window's message would bypass the checks of the response.
    let mode = quirks.params.iter().find(|(name, _)| plain(name) == "response_mode");
    let known = mode.is_none_or(|(_, mode)| matches!(mode.as_str(), "query" | "form_post"));
    ensure(known, "authorization.params.response_mode", || "must be query or form_post".to_owned())?;
    query("authorization_endpoint", &d.authorization_endpoint, |name| {
        owns(&AUTHORIZATION, names, name) || plain(name) == "response_mode"
    })
}

fn token(d: &Definition) -> Result<(), Mistake> {
    let (own, refreshing) = (&d.token.names, &d.refreshing.names);
    for (table, names) in [("token.names", own), ("refreshing.names", refreshing)] {
        for (name, own) in names {
            let field = format!("{table}.{name}");
            ensure(TOKEN[..10].contains(&name.as_str()), &field, || {
                format!("cannot be renamed: only {} can", TOKEN[..10].join(", "))
            })?;
            // Some providers need nothing but the token to refresh it.
            let may_be_empty = matches!(name.as_str(), "grant_type" | "redirect_uri" | "scope")
                || (table == "refreshing.names" && matches!(name.as_str(), "client_id" | "client_secret"))
                || (name == "code_verifier" && d.pkce == Pkce::Unsupported);
            ensure(!own.is_empty() || may_be_empty, &field, || {
                "must not be empty: the parameter cannot be left out".to_owned()
            })?;
        }
    }
    distinct("token.names", &TOKEN, &[own])?;
    // The names of `refreshing` come before those of `token`.
    distinct("refreshing.names", &TOKEN, &[refreshing, own])?;
    let names = [own, refreshing];
    let owned = |name: &str| owns(&TOKEN, names, name);
    for (table, params) in [("token.params", &d.token.params), ("refreshing.params", &d.refreshing.params)] {
        for name in params.keys() {
            unowned(&format!("{table}.{name}"), name, owned(name))?;
        }
    }
    for name in d.refreshing.params.keys() {
        let again = d.token.params.keys().any(|known| plain(known) == plain(name));
        ensure(!again, &format!("refreshing.params.{name}"), || {
            "is already in every token request: token.params sets it".to_owned()
        })?;
    }
    if let Some(long_lived) = &d.long_lived {
        let owned = |name: &str| owns(&TOKEN, [own, own], name);
        unowned("long_lived.token_name", &long_lived.token_name, owned(&long_lived.token_name))?;
        query("long_lived.endpoint", &long_lived.endpoint, |name| {
            owned(name) || plain(name) == plain(&long_lived.token_name)
        })?;
    }
    headers("token.headers", &d.token.headers, None)?;
    let goes_on = |name: &str| d.callback.forward.iter().any(|known| plain(known) == plain(name));
    query("token_endpoint", &d.token_endpoint, |name| owned(name) || goes_on(name))?;
    query("refresh_endpoint", &d.refresh_endpoint, |name| owned(name) || goes_on(name))
}

fn revocation(d: &Definition) -> Result<(), Mistake> {
    let quirks = &d.revocation;
    for (name, own) in &quirks.names {
        let field = format!("revocation.names.{name}");
        ensure(REVOCATION[..4].contains(&name.as_str()), &field, || {
            format!("cannot be renamed: only {} can", REVOCATION[..4].join(", "))
        })?;
        ensure(!own.is_empty() || name == "token_type_hint", &field, || {
            "must not be empty: the parameter cannot be left out".to_owned()
        })?;
    }
    distinct("revocation.names", &REVOCATION, &[&quirks.names])?;
    let names = [&quirks.names, &quirks.names];
    let token_name = quirks.token_name.as_deref();
    // If the token has another name, neither `token` nor `token_type_hint` is sent.
    let owned = |name: &str| {
        let (is_rfc_s, name) = (owns(&REVOCATION, names, name), plain(name));
        match token_name {
            Some(_) if name == "token_type_hint" => false,
            Some(own) => is_rfc_s || name == plain(own),
            None => is_rfc_s,
        }
    };
    if let Some(name) = token_name.filter(|name| !name.is_empty()) {
        let taken = owns(&REVOCATION[2..], names, name);
        unowned("revocation.token_name", name, taken)?;
    }
    for name in quirks.params.keys() {
        unowned(&format!("revocation.params.{name}"), name, owned(name))?;
    }
    query("revocation_endpoint", &d.revocation_endpoint, owned)
}

/// The parameters that come through the browser, which can change them.
fn callback(d: &Definition) -> Result<(), Mistake> {
    let names = [&d.token.names, &d.refreshing.names];
    for name in &d.callback.forward {
        let set = [&d.token.params, &d.refreshing.params];
        let taken = set.iter().any(|params| params.keys().any(|known| plain(known) == plain(name)));
        unowned("callback.forward", name, taken || owns(&TOKEN, names, name))?;
    }
    for name in d.callback.expect.keys() {
        unowned(&format!("callback.expect.{name}"), name, PROTOCOL.contains(&plain(name).as_str()))?;
    }
    let hmac = d.callback.hmac.as_deref();
    ensure(hmac.is_none_or(|name| !PROTOCOL.contains(&name)), "callback.hmac", || {
        "must be the name of a parameter that the protocol does not use".to_owned()
    })
}

fn userinfo(d: &Definition) -> Result<(), Mistake> {
    let quirks = &d.userinfo;
    let (place, token) = quirks.token.split_once(':').unwrap_or_default();
    let token = if matches!(place, "query" | "body") { token } else { "access_token" };
    let owned = |name: &str| {
        let name = plain(name);
        let is = |own: &str| plain(own) == name;
        is(token) || is("access_token") || is("client_secret") || quirks.proof.as_deref().is_some_and(is)
    };
    for name in quirks.params.keys() {
        unowned(&format!("userinfo.params.{name}"), name, owned(name))?;
    }
    if let Some(name) = &quirks.proof {
        unowned("userinfo.proof", name, plain(name) == plain(token))?;
    }
    let header = quirks.token.strip_prefix("header:");
    let forbidden = header.is_some_and(|name| HEADERS[1..].iter().any(|h| name.eq_ignore_ascii_case(h)));
    ensure(!forbidden, "userinfo.token", || {
        "must name another header: the library or the connection sets this one".to_owned()
    })?;
    headers("userinfo.headers", &quirks.headers, header)?;
    query("userinfo_endpoint", &d.userinfo_endpoint, owned)?;
    let emails = d.identity.emails.as_ref().and_then(|list| list.endpoint.clone());
    query("identity.emails.endpoint", &emails, owned)
}

fn headers(field: &str, headers: &BTreeMap<String, String>, token: Option<&str>) -> Result<(), Mistake> {
    for name in headers.keys() {
        let own = HEADERS.into_iter().chain(token).any(|header| name.eq_ignore_ascii_case(header));
        ensure(!own && !name.to_ascii_lowercase().starts_with("proxy-"), &format!("{field}.{name}"), || {
            "must not be set: the library or the connection sets this header, or must not send it".to_owned()
        })?;
    }
    Ok(())
}

fn unowned(field: &str, name: &str, owned: bool) -> Result<(), Mistake> {
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic());
    ensure(is_name, field, || "must be the name of a parameter".to_owned())?;
    ensure(!owned, field, || {
        "must not be set: the protocol owns this parameter, and the library sets it".to_owned()
    })
}

/// No parameter has the name of another, even of one that is not sent.
fn distinct(field: &str, known: &[&str], names: &[&BTreeMap<String, String>]) -> Result<(), Mistake> {
    let called = |name: &str| {
        let own = names.iter().find_map(|names| names.get(name));
        own.map_or_else(|| plain(name), |own| plain(own))
    };
    let renamed = names.iter().flat_map(|names| names.keys());
    for name in renamed {
        let own = called(name);
        let another =
            known.iter().filter(|other| *other != name).find(|other| own == **other || own == called(other));
        let Some(other) = another.filter(|_| !own.is_empty()) else { continue };
        let why = format!("must not have the name of another parameter: {other}");
        return Err(Mistake::new(&format!("{field}.{name}"), why));
    }
    Ok(())
}

/// The query of an endpoint is sent together with the parameters of the library.
fn query(field: &str, url: &Option<String>, owned: impl Fn(&str) -> bool) -> Result<(), Mistake> {
    let Some((_, query)) = url.as_deref().and_then(|url| url.split_once('?')) else { return Ok(()) };
    // Some servers read a semicolon as an ampersand.
    for pair in query.split(['&', ';']) {
        let name = decoded(pair.split_once('=').map_or(pair, |(name, _)| name));
        ensure(!owned(&name), field, || {
            let name: String = name.chars().filter(|c| c.is_ascii_graphic()).take(40).collect();
            format!("must not have {name} in its query: the protocol owns this parameter")
        })?;
    }
    Ok(())
}

fn owns(known: &[&str], names: [&BTreeMap<String, String>; 2], name: &str) -> bool {
    let name = plain(name);
    let mut own = names.into_iter().flat_map(BTreeMap::values).filter(|own| !own.is_empty());
    known.contains(&name.as_str()) || own.any(|own| plain(own) == name)
}

/// A name as lenient servers read it: in upper or lower case (ASP.NET), as the first member of a list (`redirect_uri[]`),
/// with a dot, a space or a hyphen for an underscore, and without white space around it (PHP).
fn plain(name: &str) -> String {
    let name = name.split(['[', '\0']).next().unwrap_or_default().trim();
    name.to_ascii_lowercase().replace(['.', ' ', '-'], "_")
}

/// Form decoding that never fails.
fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        let hex = |at: usize| tail.get(at).and_then(|b| char::from(*b).to_digit(16)?.try_into().ok());
        match (first, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                let (high, low): (u8, u8) = (high, low);
                bytes.push(high * 16 + low);
                rest = &tail[2..];
            }
            (b'+', ..) => bytes.push(b' '),
            _ => bytes.push(first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
