//! The parameters and headers that the protocol owns: a definition can neither set nor remove them, nor give their names to
//! others.
use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::definition::{Definition, Pkce};
use crate::mistake::{DefinitionError, Result, ensure, has, is_of_the_protocol};
use crate::quirks::AuthorizationQuirks;

/// The parameters of a request that the library sets.
struct Request<'a> {
    /// Those that may have another name at a provider.
    renamable: &'static [&'static str],
    /// Those that keep their names, and those that would replace others.
    fixed: &'static [&'static str],
    /// The provider's names, by the RFC's. The first table that has a parameter counts.
    names: Vec<&'a BTreeMap<String, String>>,
}

fn authorization_request(names: &BTreeMap<String, String>) -> Request<'_> {
    Request {
        renamable: &[
            "client_id",
            "redirect_uri",
            "scope",
            "nonce",
            "code_challenge",
            "code_challenge_method",
        ],
        // RFC 9101: the last two replace all others.
        fixed: &["response_type", "state", "request", "request_uri"],
        names: vec![names],
    }
}

/// RFC 6749 sections 4.1.3 and 6, RFC 7521, RFC 7636, and other grants.
fn token_request<'a>(names: impl IntoIterator<Item = &'a BTreeMap<String, String>>) -> Request<'a> {
    Request {
        renamable: &[
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
        ],
        fixed: &[
            "assertion",
            "username",
            "password",
            "device_code",
            "auth_req_id",
            "subject_token",
            "actor_token",
        ],
        names: names.into_iter().collect(),
    }
}

/// RFC 7009 section 2.1.
fn revocation_request(names: &BTreeMap<String, String>) -> Request<'_> {
    Request {
        renamable: &["token", "token_type_hint", "client_id", "client_secret"],
        fixed: &["client_assertion", "client_assertion_type"],
        names: vec![names],
    }
}

impl Request<'_> {
    fn parameters(&self) -> impl Iterator<Item = &'static str> {
        self.renamable.iter().chain(self.fixed).copied()
    }

    /// Whether a parameter is one of these: under the name of the RFC, under the name that the provider gives it, or under a
    /// spelling that a server could read as either.
    fn owns(&self, name: &str) -> bool {
        let name = plain(name);
        let mut own = self.names.iter().flat_map(|names| names.values()).filter(|own| !own.is_empty());
        self.parameters().any(|own| own == name) || own.any(|own| plain(own) == name)
    }

    /// The name of a parameter at the provider.
    fn called<'n>(&'n self, name: &'n str) -> Cow<'n, str> {
        plain(self.names.iter().find_map(|names| names.get(name)).map_or(name, String::as_str))
    }

    /// Checks a table of names. No parameter has the name of another, even of one that is not sent.
    fn check_names(&self, table: &str, may_be_left_out: impl Fn(&str) -> bool) -> Result {
        for (name, own) in self.names[0] {
            let field = format!("{table}.{name}");
            let renamable = self.renamable.join(", ");
            let why = format!("cannot be renamed: only {renamable} can");
            ensure(self.renamable.contains(&name.as_str()), &field, why)?;
            let why = "must not be empty: the parameter cannot be left out";
            ensure(!own.is_empty() || may_be_left_out(name), &field, why)?;
            let own = self.called(name);
            let mut others = self.parameters().filter(|other| other != name);
            if let Some(other) = others.find(|other| own == *other || own == self.called(other))
                && !own.is_empty()
            {
                let why = format!("must not have the name of another parameter: {other}");
                return Err(DefinitionError::new(field, why));
            }
        }
        Ok(())
    }

    /// Checks a table of further parameters, of which no one is owned.
    fn check_params<T>(&self, table: &str, params: &BTreeMap<String, T>) -> Result {
        let mut names = params.keys();
        names.try_for_each(|name| unowned(&format!("{table}.{name}"), name, self.owns(name)))
    }
}

impl AuthorizationQuirks {
    /// Whether the protocol owns a parameter of the authorization request: under the name of the RFC, under the name that
    /// this provider gives it, or under a spelling that a server could read as either.
    pub fn owns(&self, name: &str) -> bool {
        authorization_request(&self.names).owns(name)
    }
}

pub(crate) fn check(d: &Definition) -> Result {
    authorization(d)?;
    token(d)?;
    revocation(d)?;
    callback(d)?;
    userinfo(d)
}

fn authorization(d: &Definition) -> Result {
    let quirks = &d.authorization;
    let request = authorization_request(&quirks.names);
    request.check_names("authorization.names", |name| !matches!(name, "client_id" | "redirect_uri"))?;
    for (name, own) in &quirks.names {
        let field = format!("authorization.names.{name}");
        // A server that knows only the RFC's name does not see a renamed parameter, as if it were left out.
        let is_needed = match name.as_str() {
            "nonce" => d.nonce,
            "code_challenge" | "code_challenge_method" => d.pkce != Pkce::Unsupported,
            _ => false,
        };
        ensure(!is_needed, &field, "must keep its name: logins are not secure without it")?;
        let why = "must not have the name of another parameter: response_mode";
        ensure(plain(own) != "response_mode", &field, why)?;
    }
    request.check_params("authorization.options", &quirks.options)?;
    request.check_params("authorization.params", &quirks.params)?;
    // A code in a fragment or in a window's message would bypass the checks of the response.
    let mode = quirks.params.iter().find(|(name, _)| plain(name) == "response_mode");
    let is_known = mode.is_none_or(|(_, mode)| matches!(mode.as_str(), "query" | "form_post"));
    ensure(is_known, "authorization.params.response_mode", "must be query or form_post")?;
    query("authorization_endpoint", &d.authorization_endpoint, |name| {
        request.owns(name) || plain(name) == "response_mode"
    })
}

fn token(d: &Definition) -> Result {
    let code = token_request([&d.token.names]);
    let refresh = token_request([&d.refreshing.names, &d.token.names]);
    let may_be_left_out = |name: &str| match name {
        "grant_type" | "redirect_uri" | "scope" => true,
        "code_verifier" => d.pkce == Pkce::Unsupported,
        _ => false,
    };
    code.check_names("token.names", may_be_left_out)?;
    // Some providers need nothing but the token to refresh it.
    refresh.check_names("refreshing.names", |name| {
        may_be_left_out(name) || matches!(name, "client_id" | "client_secret")
    })?;
    refresh.check_params("token.params", &d.token.params)?;
    refresh.check_params("refreshing.params", &d.refreshing.params)?;
    for name in d.refreshing.params.keys() {
        let again = d.token.params.keys().any(|known| plain(known) == plain(name));
        let why = "is already in every token request: token.params sets it";
        ensure(!again, format_args!("refreshing.params.{name}"), why)?;
    }
    if let Some(long_lived) = &d.long_lived {
        let name = &long_lived.token_name;
        unowned("long_lived.token_name", name, code.owns(name))?;
        query("long_lived.endpoint", &long_lived.endpoint, |own| {
            code.owns(own) || plain(own) == plain(name)
        })?;
    }
    headers("token.headers", &d.token.headers, None)?;
    let forwarded = |name: &str| d.callback.forward.iter().any(|known| plain(known) == plain(name));
    query("token_endpoint", &d.token_endpoint, |name| refresh.owns(name) || forwarded(name))?;
    query("refresh_endpoint", &d.refresh_endpoint, |name| refresh.owns(name) || forwarded(name))
}

fn revocation(d: &Definition) -> Result {
    let quirks = &d.revocation;
    let request = revocation_request(&quirks.names);
    request.check_names("revocation.names", |name| name == "token_type_hint")?;
    let token_name = quirks.token_name.as_deref();
    if let Some(name) = token_name.filter(|name| !name.is_empty()) {
        let client =
            Request { renamable: &["client_id", "client_secret"], ..revocation_request(&quirks.names) };
        unowned("revocation.token_name", name, client.owns(name))?;
    }
    // If the token has another name, neither `token` nor `token_type_hint` is sent.
    let owned = |name: &str| match token_name {
        Some(_) if plain(name) == "token_type_hint" => false,
        Some(own) if plain(name) == plain(own) => true,
        _ => request.owns(name),
    };
    for name in quirks.params.keys() {
        unowned(&format!("revocation.params.{name}"), name, owned(name))?;
    }
    query("revocation_endpoint", &d.revocation_endpoint, owned)
}

/// The parameters that come through the browser, which can change them.
fn callback(d: &Definition) -> Result {
    let request = token_request([&d.token.names, &d.refreshing.names]);
    for name in &d.callback.forward {
        let mut params = d.token.params.keys().chain(d.refreshing.params.keys());
        let is_set = params.any(|known| plain(known) == plain(name));
        unowned("callback.forward", name, is_set || request.owns(name))?;
    }
    for name in d.callback.expect.keys() {
        unowned(&format!("callback.expect.{name}"), name, is_of_the_protocol(&plain(name)))?;
    }
    for (field, name) in
        [("callback.hmac", &d.callback.hmac), ("callback.error_detail", &d.callback.error_detail)]
    {
        let is_free = !name.as_deref().is_some_and(is_of_the_protocol);
        ensure(is_free, field, "must be the name of a parameter that the protocol does not use")?;
    }
    Ok(())
}

fn userinfo(d: &Definition) -> Result {
    let quirks = &d.userinfo;
    let (place, token) = quirks.token.split_once(':').unwrap_or_default();
    let token = if matches!(place, "query" | "body") { token } else { "access_token" };
    let owned = |name: &str| {
        let mut own = [token, "access_token", "client_secret"].into_iter().chain(quirks.proof.as_deref());
        own.any(|own| plain(own) == plain(name))
    };
    for name in quirks.params.keys() {
        unowned(&format!("userinfo.params.{name}"), name, owned(name))?;
    }
    if let Some(name) = &quirks.proof {
        unowned("userinfo.proof", name, plain(name) == plain(token))?;
    }
    let header = quirks.token.strip_prefix("header:");
    let is_free = !header.is_some_and(|name| has(HEADERS, &name.to_ascii_lowercase()));
    ensure(
        is_free,
        "userinfo.token",
        "must name another header: the library or the connection sets this one",
    )?;
    headers("userinfo.headers", &quirks.headers, header)?;
    query("userinfo_endpoint", &d.userinfo_endpoint, owned)?;
    let emails = d.identity.emails.as_ref().and_then(|list| list.endpoint.clone());
    query("identity.emails.endpoint", &emails, owned)
}

/// Checks the headers of a request, in which the access token is in that header.
fn headers(table: &str, headers: &BTreeMap<String, String>, token: Option<&str>) -> Result {
    for name in headers.keys() {
        let lower = name.to_ascii_lowercase();
        let is_token = token.is_some_and(|token| token.eq_ignore_ascii_case(name));
        let is_set = is_token || lower == "authorization" || has(HEADERS, &lower);
        let why = "must not be set: the library or the connection sets this header, or must not send it";
        ensure(!is_set && !lower.starts_with("proxy-"), format_args!("{table}.{name}"), why)?;
    }
    Ok(())
}

fn unowned(field: &str, name: &str, owned: bool) -> Result {
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic());
    ensure(is_name, field, "must be the name of a parameter")?;
    ensure(!owned, field, "must not be set: the protocol owns this parameter, and the library sets it")
}

/// The query of an endpoint is sent together with the parameters of the library.
fn query(field: &str, url: &Option<String>, owned: impl Fn(&str) -> bool) -> Result {
    let Some((_, query)) = url.as_deref().and_then(|url| url.split_once('?')) else { return Ok(()) };
    // Some servers read a semicolon as an ampersand.
    for pair in query.split(['&', ';']) {
        let name = decoded(pair.split_once('=').map_or(pair, |(name, _)| name));
        let told: String = name.chars().filter(|c| c.is_ascii_graphic()).take(40).collect();
        let why = format!("must not have {told} in its query: the protocol owns this parameter");
        ensure(!owned(&name), field, why)?;
    }
    Ok(())
}

/// A name as lenient servers read it: in upper or lower case (ASP.NET), as the first member of a list (`redirect_uri[]`),
/// with a dot, a space or a hyphen for an underscore, and without white space around it (PHP).
fn plain(name: &str) -> Cow<'_, str> {
    if name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
        return Cow::Borrowed(name);
    }
    let name = name.split(['[', '\0']).next().unwrap_or_default().trim();
    Cow::Owned(name.to_ascii_lowercase().replace(['.', ' ', '-'], "_"))
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

/// Headers, besides `Authorization`, that say where a request goes, how long it is, how it is encoded, and who sends it.
const HEADERS: &str = "connection content-encoding content-length content-type cookie expect host keep-alive te trailer \
                       transfer-encoding upgrade x-http-method-override";
