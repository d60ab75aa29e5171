//! What the shape of a definition cannot tell: whether URLs, pointers and marks are what they should be.
use std::collections::BTreeMap;
use std::ops::Range;

use crate::definition::{ClientAuth, Definition, Kind, Rule};
use crate::mistake::{Mistake, PROTOCOL, ensure, inside, pointer_in};
use crate::quirks::{ErrorShape, ProfileSource};
use crate::{owned, subject};

/// What the shape of a definition cannot tell: whether URLs, pointers and marks are what they should be.
pub(crate) fn check(definition: &Definition) -> Result<(), Mistake> {
    let d = definition;
    let is_slug = !d.slug.is_empty()
        && d.slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !d.slug.starts_with('-')
        && !d.slug.ends_with('-');
    ensure(is_slug, "slug", || "must be lower case letters, digits and inner hyphens".to_owned())?;
    ensure(!d.display_name.trim().is_empty(), "display_name", || "is empty".to_owned())?;
    ensure(d.documentation.starts_with("https://"), "documentation", || {
        "must begin with https://".to_owned()
    })?;
    ensure(is_date(&d.checked), "checked", || "must be a date such as 2026-11-23".to_owned())?;

    urls(d)?;
    marks(d)?;
    pointers(d)?;
    words(d)?;
    safety(d)
}

/// What no definition may say, whoever made it and however: what an application may not do either, and what would take one
/// user for another.
pub(crate) fn safety(d: &Definition) -> Result<(), Mistake> {
    owned::check(d)?;
    servers(d)?;
    subject::check(d)
}

fn urls(d: &Definition) -> Result<(), Mistake> {
    for (field, url) in endpoints(d).into_iter().chain([("issuer_template", &d.issuer_template)]) {
        if let Some(url) = url {
            ensure(is_url(d, url), field, || {
                "must be a URL that begins with https:// (http:// for a loopback host)".to_owned()
            })?;
        }
    }
    if let Some(template) = &d.identity.picture_template {
        ensure(template.starts_with("https://"), "identity.picture_template", || {
            "must begin with https://".to_owned()
        })?;
    }
    match d.kind {
        Kind::Openid => ensure(d.issuer.is_some(), "issuer", || "an OpenID Provider has one".to_owned()),
        Kind::Oauth2 => {
            let why = || "a provider of the kind oauth2 has one".to_owned();
            ensure(d.authorization_endpoint.is_some(), "authorization_endpoint", why)?;
            ensure(d.token_endpoint.is_some(), "token_endpoint", why)
        }
    }
}

fn endpoints(d: &Definition) -> [(&'static str, &Option<String>); 13] {
    [
        ("issuer", &d.issuer),
        ("discovery", &d.discovery),
        ("authorization_endpoint", &d.authorization_endpoint),
        ("token_endpoint", &d.token_endpoint),
        ("refresh_endpoint", &d.refresh_endpoint),
        ("revocation_endpoint", &d.revocation_endpoint),
        ("introspection_endpoint", &d.introspection_endpoint),
        ("device_authorization_endpoint", &d.device_authorization_endpoint),
        ("end_session_endpoint", &d.end_session_endpoint),
        ("userinfo_endpoint", &d.userinfo_endpoint),
        ("long_lived.endpoint", d.long_lived.as_ref().map_or(&None, |l| &l.endpoint)),
        ("identity.emails.endpoint", d.identity.emails.as_ref().map_or(&None, |e| &e.endpoint)),
        ("identity.issuer", &d.identity.issuer),
    ]
}

/// Every `{name}` is a parameter that is described, or `{client_id}`.
fn marks(d: &Definition) -> Result<(), Mistake> {
    for (field, url) in endpoints(d) {
        described(d, field, url.as_deref().unwrap_or_default())?;
    }
    for (table, values) in tables(d) {
        for (name, value) in values {
            described(d, &format!("{table}.{name}"), value)?;
        }
    }
    for (name, value) in &d.userinfo.params {
        for pointer in inside(value).filter_map(|mark| mark.strip_prefix("token:")) {
            pointer_in(&format!("userinfo.params.{name}"), pointer, false)?;
        }
    }
    for mark in d.issuer_template.iter().flat_map(|template| inside(template)) {
        let is_claim = !mark.is_empty() && mark.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        ensure(is_claim, "issuer_template", || format!("{{{mark}}} is not the name of a claim"))?;
    }
    Ok(())
}

fn tables(d: &Definition) -> [(&'static str, &BTreeMap<String, String>); 8] {
    [
        ("authorization.params", &d.authorization.params),
        ("callback.expect", &d.callback.expect),
        ("token.params", &d.token.params),
        ("token.headers", &d.token.headers),
        ("refreshing.params", &d.refreshing.params),
        ("revocation.params", &d.revocation.params),
        ("userinfo.headers", &d.userinfo.headers),
        ("userinfo.params", &d.userinfo.params),
    ]
}

fn described(d: &Definition, field: &str, value: &str) -> Result<(), Mistake> {
    for mark in inside(value).filter(|mark| is_name(mark)) {
        ensure(mark == "client_id" || d.params.contains_key(mark), field, || {
            format!("{{{mark}}} is not described: there is no [params.{mark}]")
        })?;
    }
    Ok(())
}

/// Whose users are whose: no definition mixes those of one server with those of another.
fn servers(d: &Definition) -> Result<(), Mistake> {
    let host = |url: &Option<String>| url.as_deref().map(host_of).unwrap_or_default().to_owned();
    if let Some(issuer) = &d.identity.issuer {
        let token = host(&d.token_endpoint);
        ensure(!token.is_empty() && host_of(issuer) == token, "identity.issuer", || {
            "must be at the host of the token endpoint".to_owned()
        })?;
        ensure(!issuer.contains('?'), "identity.issuer", || "must be a URL without a query".to_owned())?;
    }
    // Nobody vouches for the issuer of a provider without ID tokens.
    let host_is =
        |url: &str, other: &Option<String>| other.as_deref().is_none_or(|o| host_of(o) == host_of(url));
    if let (Kind::Oauth2, Some(issuer)) = (d.kind, &d.issuer) {
        ensure(host_is(issuer, &d.token_endpoint), "issuer", || {
            "must be at the host of the token endpoint, where nothing else vouches for it".to_owned()
        })?;
    }
    if d.kind == Kind::Openid {
        let template = d.issuer_template.as_deref();
        ensure(template.is_none_or(|url| host_is(url, &d.issuer)), "issuer_template", || {
            "must be at the host of the issuer".to_owned()
        })?;
    }
    // The host of what tells who the user is.
    let hosts =
        [&d.issuer, &d.discovery, &d.token_endpoint, &d.userinfo_endpoint, &d.identity.issuer].map(host);
    for (name, param) in &d.params {
        let mark = format!("{{{name}}}");
        ensure(
            param.server || !hosts.iter().any(|host| host.contains(&mark)),
            &format!("params.{name}.server"),
            || {
                "must be true for what the host of the issuer, of the token endpoint or of the userinfo endpoint depends on"
                .to_owned()
            },
        )?;
    }
    // Whoever answers there says who somebody is, unless an ID token does. A name below the issuer's is its own.
    let (said_by, name, bound): (_, _, &[_]) = match d.kind {
        Kind::Openid => (&d.issuer, "issuer", &[("token_endpoint", &d.token_endpoint)]),
        Kind::Oauth2 => (&d.token_endpoint, "token endpoint", &[("userinfo_endpoint", &d.userinfo_endpoint)]),
    };
    let is_below = |url: &str, other: &Option<String>| {
        let above = other.as_deref().map(host_of).unwrap_or_default();
        !above.is_empty() && host_of(url).strip_suffix(above).is_some_and(|name| name.ends_with('.'))
    };
    if d.issuer.is_some() || d.identity.issuer.is_some() {
        for (field, url) in bound {
            let is_there = url.as_deref().is_none_or(|url| {
                host_is(url, said_by) || is_below(url, said_by) || is_the_application_s(d, url)
            });
            ensure(is_there, field, || {
                format!("must be at the host of the {name}, whose users are told of, or below it")
            })?;
        }
    }
    Ok(())
}

/// Whether the application alone says what a URL is.
fn is_the_application_s(d: &Definition, url: &str) -> bool {
    let name = url.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    name.and_then(|name| d.params.get(name))
        .is_some_and(|param| param.rule == Rule::Url && param.default.is_none())
}

/// The host of a URL that may hold marks, with its port; a URL that is one mark is that mark.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

fn pointers(d: &Definition) -> Result<(), Mistake> {
    let identity = &d.identity;
    let lists = [
        ("identity.email", &identity.email),
        ("identity.email_verified", &identity.email_verified),
        ("identity.name", &identity.name),
        ("identity.picture", &identity.picture),
        ("callback.profile_name", &d.callback.profile_name),
    ];
    for (field, list) in lists {
        for pointer in list {
            pointer_in(field, pointer, false)?;
        }
    }
    if let Some(template) = &identity.picture_template {
        for pointer in inside(template) {
            pointer_in("identity.picture_template", pointer, false)?;
        }
    }
    if let Some(emails) = &identity.emails {
        for pointer in inside(emails.endpoint.as_deref().unwrap_or_default()).filter(|mark| !is_name(mark)) {
            pointer_in("identity.emails.endpoint", pointer, false)?;
        }
        pointer_in("identity.emails.list", &emails.list, true)?;
        pointer_in("identity.emails.email", &emails.email, true)?;
        pointer_in("identity.emails.primary", emails.primary.as_deref().unwrap_or("/"), false)?;
        pointer_in("identity.emails.verified", emails.verified.as_deref().unwrap_or("/"), false)?;
        let strange = emails.absent_on.iter().find(|status| !(400..600).contains(*status));
        ensure(strange.is_none(), "identity.emails.absent_on", || {
            "must be statuses that mean a failure: 400 to 599".to_owned()
        })?;
    }
    for pointer in &d.token.answer {
        pointer_in("token.answer", pointer, true)?;
    }
    let failures = [
        ("token", &d.token.failure),
        ("revocation", &d.revocation.failure),
        ("userinfo", &d.userinfo.failure),
    ];
    for (table, failure) in failures {
        let Some(ErrorShape { code, description, .. }) = failure else { continue };
        pointer_in(&format!("{table}.failure.code"), code, false)?;
        pointer_in(&format!("{table}.failure.description"), description.as_deref().unwrap_or("/"), false)?;
    }
    Ok(())
}

/// The fields that have a few words to choose from.
fn words(d: &Definition) -> Result<(), Mistake> {
    ensure(!d.scope_separator.is_empty(), "scope_separator", || "is empty".to_owned())?;
    let joined = d.scopes.iter().find(|s| s.is_empty() || s.contains(&d.scope_separator));
    ensure(joined.is_none(), "scopes", || "must be one scope each, without the separator".to_owned())?;
    ensure(matches!(d.userinfo.method.as_str(), "GET" | "POST"), "userinfo.method", || {
        "must be GET or POST".to_owned()
    })?;
    let known = ["client_id", "redirect_uri", "response_type", "scope"];
    let strange = d.authorization.order.iter().any(|name| !known.contains(&name.as_str()));
    ensure(!strange, "authorization.order", || format!("can hold {} alone", known.join(", ")))?;
    let method = d.revocation.method.as_deref().unwrap_or("POST");
    ensure(matches!(method, "GET" | "POST" | "DELETE"), "revocation.method", || {
        "must be GET, POST or DELETE".to_owned()
    })?;
    let only = d.revocation.only.as_deref().unwrap_or("access_token");
    ensure(matches!(only, "access_token" | "refresh_token"), "revocation.only", || {
        "must be access_token or refresh_token".to_owned()
    })?;
    let profile = d.callback.profile.as_deref();
    ensure(!profile.is_some_and(|name| PROTOCOL.contains(&name)), "callback.profile", || {
        "must be the name of a parameter that the protocol does not own".to_owned()
    })?;
    ensure(d.callback.profile_name.is_empty() || profile.is_some(), "callback.profile_name", || {
        "is where the name is in callback.profile, and there is none".to_owned()
    })?;
    let can_be_kept = |name: &String| {
        d.callback.forward.contains(name) && (name == "state" || !PROTOCOL.contains(&name.as_str()))
    };
    ensure(d.refreshing.forward.iter().all(can_be_kept), "refreshing.forward", || {
        "must be parameters of callback.forward that no token is called like".to_owned()
    })?;
    let can_sign = d.issuer.is_some() && d.client_auth == Some(ClientAuth::ClientSecretPost);
    ensure(!d.signed_client_secret || can_sign, "signed_client_secret", || {
        "needs an issuer, which such a secret is for, and client_auth = \"client_secret_post\"".to_owned()
    })?;
    ensure(!d.userinfo.signed || d.kind == Kind::Openid, "userinfo.signed", || {
        "is for OpenID Providers, which have keys to verify it by".to_owned()
    })?;
    let optional = |name: &String| matches!(name.as_str(), "nonce" | "state");
    ensure(d.authorization.required.iter().all(optional), "authorization.required", || {
        "must be nonce or state: others belong into authorization.params".to_owned()
    })?;
    let token = match d.userinfo.token.split_once(':') {
        None => d.userinfo.token == "bearer",
        Some(("scheme", word)) => word.is_empty() || is_token(word),
        Some(("header" | "query" | "body", name)) => is_token(name),
        Some(_) => false,
    };
    ensure(token, "userinfo.token", || {
        "must be bearer, scheme:WORD, header:NAME, query:NAME or body:NAME".to_owned()
    })?;
    ensure(d.userinfo.proof.as_deref().is_none_or(is_token), "userinfo.proof", || {
        "must be the name of a parameter".to_owned()
    })?;
    let verifiable = d.kind == Kind::Openid || d.userinfo.source != ProfileSource::AccessToken;
    ensure(verifiable, "userinfo.source", || {
        "is a JWT that nobody can verify: only a provider of the kind openid publishes keys".to_owned()
    })?;
    let asked = d.userinfo_endpoint.is_none() || d.userinfo.source == ProfileSource::Userinfo;
    ensure(asked, "userinfo.source", || {
        "says that there is no userinfo endpoint, and there is one".to_owned()
    })?;
    for (name, param) in &d.params {
        ensure(is_name(name), &format!("params.{name}"), || {
            "must be called by lower case letters, digits and underscores".to_owned()
        })?;
        for (field, value) in [("default", &param.default), ("example", &param.example)] {
            let fits = value.as_deref().is_none_or(|value| looks_like(param.rule, value));
            ensure(fits, &format!("params.{name}.{field}"), || format!("must be {}", param.rule.describe()))?;
        }
    }
    Ok(())
}

fn is_url(d: &Definition, url: &str) -> bool {
    // A parameter may be the whole URL; its value is checked when it is given.
    let whole = url.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    if let Some(name) = whole
        && d.params.get(name).is_none_or(|param| param.rule == Rule::Url)
    {
        return true;
    }
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.unwrap_or_default().split(['/', '?', '#']).next().unwrap_or_default();
    let is_loopback = ["localhost", "127.0.0.1", "[::1]"]
        .iter()
        .any(|name| host.strip_prefix(name).is_some_and(|port| port.is_empty() || port.starts_with(':')));
    !host.is_empty()
        && !host.contains('@')
        && (url.starts_with("https://") || is_loopback)
        // RFC 3986 §2, but for the braces around a mark.
        && !url.contains(|c: char| c.is_whitespace() || c.is_control() || "#\"<>\\^`|".contains(c))
}

fn looks_like(rule: Rule, value: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    match rule {
        Rule::Url => value.starts_with("https://"),
        Rule::Host => value.split(['.', ':']).all(label),
        Rule::HostPath => {
            let (host, path) = value.split_once('/').unwrap_or((value, "index"));
            looks_like(Rule::Host, host) && path.split('/').all(|part| looks_like(Rule::Segment, part))
        }
        Rule::Label => label(value) && !value.bytes().any(|b| b.is_ascii_uppercase()),
        Rule::Segment => {
            !matches!(value, "" | "." | "..")
                && value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        }
    }
}

fn is_date(text: &str) -> bool {
    let number = |range: Range<usize>, most: u8| {
        text.get(range).and_then(|t| t.parse::<u8>().ok()).is_some_and(|n| (1..=most).contains(&n))
    };
    text.len() == "2026-11-23".len()
        && text
            .bytes()
            .enumerate()
            .all(|(i, b)| if matches!(i, 4 | 7) { b == b'-' } else { b.is_ascii_digit() })
        && number(5..7, 12)
        && number(8..10, 31)
}

fn is_name(mark: &str) -> bool {
    mark.starts_with(|c: char| c.is_ascii_lowercase())
        && mark.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// RFC 9110 section 5.6.2, as far as names are in use.
fn is_token(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}
