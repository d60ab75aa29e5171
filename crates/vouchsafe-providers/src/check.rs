//! Checks what the types of a definition cannot express: URLs, pointers, marks, and fields that depend on each other.
use std::fmt::Display;

use crate::definition::{ClientAuth, Definition, Kind, Rule};
use crate::endpoints::EndpointName;
use crate::mistake::{DefinitionError, Result, ensure, is_of_the_protocol, pointer_in};
use crate::quirks::{ErrorShape, ProfileSource, UserInfoQuirks};
use crate::template::{host, is_at_or_below, is_name, marks, whole_mark};
use crate::{owned, subject};

/// Checks everything that the types cannot express.
pub(crate) fn check(definition: &Definition) -> Result {
    let d = definition;
    let is_slug = !d.slug.is_empty()
        && d.slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !d.slug.starts_with('-')
        && !d.slug.ends_with('-');
    ensure(is_slug, "slug", "must be lower case letters, digits and inner hyphens")?;
    ensure(!d.display_name.trim().is_empty(), "display_name", "must not be empty")?;
    // Only definitions of the catalogue need these.
    let is_link = |url: &str| url.is_empty() || url.starts_with("https://");
    ensure(is_link(&d.documentation), "documentation", "must begin with https://")?;
    ensure(d.console.as_deref().is_none_or(is_link), "console", "must begin with https://")?;
    ensure(d.checked.is_empty() || is_date(&d.checked), "checked", "must be a date such as 2026-11-23")?;

    urls(d)?;
    described_marks(d)?;
    pointers(d)?;
    words(d)?;
    safety(d)
}

/// Checks what no definition may contain, however it was made: what an application may not do either, and what would take
/// one user for another.
pub(crate) fn safety(d: &Definition) -> Result {
    requests(d)?;
    servers(d)
}

/// The part that does not depend on parameters.
pub(crate) fn requests(d: &Definition) -> Result {
    owned::check(d)?;
    subject::check(d)
}

fn urls(d: &Definition) -> Result {
    let template = d.issuer_template.as_deref().map(|url| ("issuer_template", url));
    for (field, url) in templates(d).chain(template) {
        let why = "must be a URL that begins with https:// (http:// for a loopback host)";
        ensure(is_url(d, url), field, why)?;
    }
    if let Some(template) = &d.identity.picture_template {
        ensure(template.starts_with("https://"), "identity.picture_template", "must begin with https://")?;
    }
    let why = "is missing: a provider of the kind openid needs it";
    ensure(d.kind == Kind::Oauth2 || d.issuer.is_some(), "issuer", why)?;
    let why = "is missing: a provider of the kind oauth2 needs it";
    let is_openid = d.kind == Kind::Openid;
    ensure(is_openid || d.authorization_endpoint.is_some(), "authorization_endpoint", why)?;
    ensure(is_openid || d.token_endpoint.is_some(), "token_endpoint", why)
}

/// The fields that are URLs; their marks are parameters.
fn templates(d: &Definition) -> impl Iterator<Item = (&'static str, &str)> {
    let endpoints = EndpointName::ALL.iter().map(|name| (name.as_str(), d.endpoint(*name)));
    let others = [
        ("issuer", &d.issuer),
        ("discovery", &d.discovery),
        ("long_lived.endpoint", d.long_lived.as_ref().map_or(&None, |l| &l.endpoint)),
        ("identity.emails.endpoint", d.identity.emails.as_ref().map_or(&None, |e| &e.endpoint)),
        ("identity.issuer", &d.identity.issuer),
    ];
    let others = others.into_iter().map(|(field, url)| (field, url.as_deref()));
    others.chain(endpoints).filter_map(|(field, url)| Some((field, url?)))
}

/// Every `{name}` is a parameter that is described, or `{client_id}`.
fn described_marks(d: &Definition) -> Result {
    for (field, url) in templates(d) {
        described(d, field, url)?;
    }
    for (table, values) in [
        ("authorization.params", &d.authorization.params),
        ("callback.expect", &d.callback.expect),
        ("token.params", &d.token.params),
        ("token.headers", &d.token.headers),
        ("refreshing.params", &d.refreshing.params),
        ("revocation.params", &d.revocation.params),
        ("userinfo.headers", &d.userinfo.headers),
        ("userinfo.params", &d.userinfo.params),
    ] {
        for (name, value) in values {
            let value = match table {
                "userinfo.headers" => &value.replace(UserInfoQuirks::CLIENT_SECRET, ""),
                _ => value,
            };
            described(d, format_args!("{table}.{name}"), value)?;
        }
    }
    for (name, value) in &d.userinfo.params {
        for pointer in marks(value).filter_map(|mark| mark.strip_prefix("token:")) {
            pointer_in(format_args!("userinfo.params.{name}"), pointer, false)?;
        }
    }
    for mark in d.issuer_template.iter().flat_map(|template| marks(template)) {
        let is_claim = !mark.is_empty() && mark.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let rule = "which is not the name of a claim: letters, digits and underscores";
        ensure(is_claim, "issuer_template", format_args!("contains {{{mark}}}, {rule}"))?;
    }
    Ok(())
}

fn described(d: &Definition, field: impl Display, value: &str) -> Result {
    let mut names = marks(value).filter(|mark| is_name(mark));
    let Some(mark) = names.find(|name| *name != "client_id" && !d.params.contains_key(*name)) else {
        return Ok(());
    };
    let why = format!("{{{mark}}} is not described: add a table [params.{mark}], or remove the mark");
    Err(DefinitionError::new(field, why))
}

/// No definition mixes the users of one server with those of another.
fn servers(d: &Definition) -> Result {
    let is_at = |url: &str, other: &str| !host(url).is_empty() && host(url) == host(other);
    let token = d.token_endpoint.as_deref();
    if let Some(issuer) = &d.identity.issuer {
        let why = "must be at the host of the token endpoint";
        ensure(token.is_some_and(|token| is_at(issuer, token)), "identity.issuer", why)?;
        ensure(!issuer.contains('?'), "identity.issuer", "must be a URL without a query")?;
    }
    // Nothing else vouches for the issuer of a provider without ID tokens.
    if let (Kind::Oauth2, Some(issuer)) = (d.kind, &d.issuer) {
        let why = "must be at the host of the token endpoint, since no ID token proves it";
        ensure(token.is_none_or(|token| is_at(issuer, token)), "issuer", why)?;
    }
    if let (Kind::Openid, Some(template), Some(issuer)) = (d.kind, &d.issuer_template, &d.issuer) {
        ensure(is_at(template, issuer), "issuer_template", "must be at the host of the issuer")?;
    }
    // The hosts that say who the user is.
    let hosts = [&d.issuer, &d.discovery, &d.token_endpoint, &d.userinfo_endpoint, &d.identity.issuer];
    for (name, param) in &d.params {
        let mark = format!("{{{name}}}");
        let is_in_host = hosts.iter().any(|url| url.as_deref().is_some_and(|url| host(url).contains(&mark)));
        let why = "must be true, because the host of the issuer, the metadata, the token endpoint or the userinfo \
                   endpoint depends on the parameter";
        ensure(param.server || !is_in_host, format_args!("params.{name}.server"), why)?;
    }
    // Without an ID token, whoever answers there says who the user is.
    let (said_by, name, field, url) = match d.kind {
        Kind::Openid => (&d.issuer, "issuer", "token_endpoint", &d.token_endpoint),
        Kind::Oauth2 => (&d.token_endpoint, "token endpoint", "userinfo_endpoint", &d.userinfo_endpoint),
    };
    if d.issuer.is_none() && d.identity.issuer.is_none() {
        return Ok(());
    }
    let (Some(url), Some(said_by)) = (url, said_by) else { return Ok(()) };
    let why = format!("must be at the host of the {name} or below it: it says who that server's users are");
    ensure(is_at_or_below(url, said_by) || is_the_application_s(d, url), field, why)
}

/// Whether the application alone says what a URL is.
fn is_the_application_s(d: &Definition, url: &str) -> bool {
    whole_mark(url)
        .and_then(|name| d.params.get(name))
        .is_some_and(|param| param.rule == Rule::Url && param.default.is_none())
}

fn pointers(d: &Definition) -> Result {
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
        for pointer in marks(template) {
            pointer_in("identity.picture_template", pointer, false)?;
        }
    }
    if let Some(authority) = &identity.email_authority {
        for pointer in &authority.members {
            pointer_in("identity.email_authority.members", pointer, false)?;
        }
        let is_domain = |domain: &String| {
            domain.contains('.')
                && Rule::Host.accepts(domain)
                && !domain.contains(|c: char| c == ':' || c.is_uppercase())
        };
        let why = "must be the domains of e-mail addresses, in lower case: gmail.com";
        ensure(authority.domains.iter().all(is_domain), "identity.email_authority.domains", why)?;
        let says = !identity.email_verified.is_empty() || identity.email_always_verified;
        let why = "needs email, and email_verified or email_always_verified: it limits the addresses for which \
                   these count";
        ensure(says && !identity.email.is_empty(), "identity.email_authority", why)?;
    }
    if let Some(emails) = &identity.emails {
        for pointer in marks(emails.endpoint.as_deref().unwrap_or_default()).filter(|mark| !is_name(mark)) {
            pointer_in("identity.emails.endpoint", pointer, false)?;
        }
        pointer_in("identity.emails.list", &emails.list, true)?;
        pointer_in("identity.emails.email", &emails.email, true)?;
        pointer_in("identity.emails.primary", emails.primary.as_deref().unwrap_or("/"), false)?;
        pointer_in("identity.emails.verified", emails.verified.as_deref().unwrap_or("/"), false)?;
        let strange = emails.absent_on.iter().find(|status| !(400..600).contains(*status));
        ensure(strange.is_none(), "identity.emails.absent_on", "must be HTTP statuses from 400 to 599")?;
    }
    for (pointer, values) in &d.refreshing.spent {
        pointer_in("refreshing.spent", pointer, false)?;
        ensure(!values.is_empty(), "refreshing.spent", "must have values for each pointer")?;
    }
    for pointer in &d.token.response {
        pointer_in("token.response", pointer, true)?;
    }
    let failures = [
        ("token", &d.token.failure),
        ("revocation", &d.revocation.failure),
        ("userinfo", &d.userinfo.failure),
    ];
    for (table, failure) in failures {
        let Some(ErrorShape { code, description, .. }) = failure else { continue };
        pointer_in(format_args!("{table}.failure.code"), code, false)?;
        let description = description.as_deref().unwrap_or("/");
        pointer_in(format_args!("{table}.failure.description"), description, false)?;
    }
    Ok(())
}

/// The fields that have a few words to choose from.
fn words(d: &Definition) -> Result {
    ensure(!d.scope_separator.is_empty(), "scope_separator", "must not be empty")?;
    let joined = d.scopes.iter().find(|s| s.is_empty() || s.contains(&d.scope_separator));
    ensure(joined.is_none(), "scopes", "must contain one scope per element, without the separator")?;
    ensure(matches!(d.userinfo.method.as_str(), "GET" | "POST"), "userinfo.method", "must be GET or POST")?;
    let known = ["client_id", "redirect_uri", "response_type", "scope"];
    let strange = d.authorization.order.iter().any(|name| !known.contains(&name.as_str()));
    ensure(!strange, "authorization.order", format_args!("may only contain {}", known.join(", ")))?;
    let method = d.revocation.method.as_deref().unwrap_or("POST");
    ensure(matches!(method, "GET" | "POST" | "DELETE"), "revocation.method", "must be GET, POST or DELETE")?;
    let names = &d.id_token_algorithms;
    let strange = names.iter().any(|name| !ASYMMETRIC.contains(&&**name) && !SYMMETRIC.contains(&&**name));
    let (a, s) = (ASYMMETRIC.join(", "), SYMMETRIC.join(", "));
    ensure(!strange, "id_token_algorithms", format_args!("may only contain {a}, or {s}"))?;
    let symmetric = names.iter().filter(|name| SYMMETRIC.contains(&&***name)).count();
    let why = "must not have HMACs beside other algorithms: a public key could pass for the secret";
    ensure(symmetric == 0 || symmetric == names.len(), "id_token_algorithms", why)?;
    let only = d.revocation.only.as_deref().unwrap_or("access_token");
    let why = "must be access_token or refresh_token";
    ensure(matches!(only, "access_token" | "refresh_token"), "revocation.only", why)?;
    let profile = d.callback.profile.as_deref();
    let why = "must be the name of a parameter that the protocol does not use";
    ensure(!profile.is_some_and(is_of_the_protocol), "callback.profile", why)?;
    let why = "needs callback.profile, which is not set";
    ensure(d.callback.profile_name.is_empty() || profile.is_some(), "callback.profile_name", why)?;
    let can_be_kept =
        |name: &String| d.callback.forward.contains(name) && (name == "state" || !is_of_the_protocol(name));
    let why = "must be parameters of callback.forward that a token response does not use";
    ensure(d.refreshing.forward.iter().all(can_be_kept), "refreshing.forward", why)?;
    let refreshing = &d.refreshing;
    let is_scope = |scope: &String| !scope.is_empty() && !scope.contains(&d.scope_separator);
    let why = "must contain one scope per element, without the separator";
    ensure(refreshing.needs_scope.iter().all(is_scope), "refreshing.needs_scope", why)?;
    let is_free = |name: &String| !d.authorization.owns(name);
    let why = "must be parameters that the protocol does not use";
    ensure(refreshing.needs_params.keys().all(is_free), "refreshing.needs_params", why)?;
    ensure(refreshing.again_params.keys().all(is_free), "refreshing.again_params", why)?;
    let says =
        refreshing.keeps_token || !refreshing.needs_scope.is_empty() || !refreshing.needs_params.is_empty();
    let why = "must be true, because refreshing.keeps_token, needs_scope or needs_params is set";
    ensure(d.refresh || !says, "refresh", why)?;
    let can_sign = d.issuer.is_some() && d.client_auth == Some(ClientAuth::ClientSecretPost);
    let why = "needs an issuer, the audience of the secret, and client_auth = \"client_secret_post\"";
    ensure(!d.signed_client_secret || can_sign, "signed_client_secret", why)?;
    let why = "needs a provider of the kind openid: others publish no keys to verify the signature";
    ensure(!d.userinfo.signed || d.kind == Kind::Openid, "userinfo.signed", why)?;
    let optional = |name: &String| matches!(name.as_str(), "nonce" | "state");
    let why = "must be nonce or state: put other parameters into authorization.params";
    ensure(d.authorization.required.iter().all(optional), "authorization.required", why)?;
    let token = match d.userinfo.token.split_once(':') {
        None => d.userinfo.token == "bearer",
        Some(("scheme", word)) => word.is_empty() || is_token(word),
        Some(("header" | "query" | "body", name)) => is_token(name),
        Some(_) => false,
    };
    ensure(token, "userinfo.token", "must be bearer, scheme:WORD, header:NAME, query:NAME or body:NAME")?;
    let why = "must be the name of a parameter";
    ensure(d.userinfo.proof.as_deref().is_none_or(is_token), "userinfo.proof", why)?;
    let verifiable = d.kind == Kind::Openid || d.userinfo.source != ProfileSource::AccessToken;
    let why =
        "cannot be access_token here: only a provider of the kind openid publishes keys to verify the JWT";
    ensure(verifiable, "userinfo.source", why)?;
    let asked = d.userinfo_endpoint.is_none() || d.userinfo.source == ProfileSource::Userinfo;
    let why = "must be userinfo, or unset, because there is a userinfo_endpoint: remove one of the two";
    ensure(asked, "userinfo.source", why)?;
    for (name, param) in &d.params {
        let why = "must have a name of lower case letters, digits and underscores that begins with a letter";
        ensure(is_name(name), format_args!("params.{name}"), why)?;
        for (field, value) in [("default", &param.default), ("example", &param.example)] {
            let is_https = |value: &str| param.rule != Rule::Url || value.starts_with("https://");
            let fits = value.as_deref().is_none_or(|value| param.rule.accepts(value) && is_https(value));
            let rule = param.rule.describe();
            ensure(fits, format_args!("params.{name}.{field}"), format_args!("must be {rule}"))?;
        }
    }
    Ok(())
}

fn is_url(d: &Definition, url: &str) -> bool {
    // A parameter may be the whole URL; its value is checked when it is given.
    if let Some(name) = whole_mark(url)
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

fn is_date(text: &str) -> bool {
    let number = |digits: &str, length: usize, most: u16| {
        let is_number = digits.len() == length && digits.bytes().all(|b| b.is_ascii_digit());
        is_number && digits.parse().is_ok_and(|number: u16| (1..=most).contains(&number))
    };
    let parts: Vec<_> = text.split('-').collect();
    matches!(*parts, [y, m, d] if number(y, 4, 9999) && number(m, 2, 12) && number(d, 2, 31))
}

/// RFC 9110 section 5.6.2, as far as names are in use.
fn is_token(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// The signature algorithms of ID tokens.
const ASYMMETRIC: [&str; 13] = [
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "ML-DSA-44",
    "ML-DSA-65",
    "ML-DSA-87",
];
/// HMACs with the client secret.
const SYMMETRIC: [&str; 3] = ["HS256", "HS384", "HS512"];
