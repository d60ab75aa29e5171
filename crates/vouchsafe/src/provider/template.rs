//! Fills the parameters of a provider into its definition, and checks the result.
use std::collections::BTreeMap;
use std::sync::Arc;

use url::Url;
use vouchsafe_providers::{Definition, EndpointName, Kind, Rule, is_at_or_below};

use super::{Provider, Server};
use crate::endpoint::{Endpoint, NotAnEndpoint, PlainHosts, is_loopback, is_segment, shown};
use crate::endpoints::{Endpoints, in_words};
use crate::error::{ConfigProblem, Error};
use crate::protocol::metadata::{self, WellKnown};
use crate::protocol::quirks::headers;
use crate::protocol::userinfo::ProfileRequest;
use crate::provenance::Provenance;
use crate::text::redact::printable;
use crate::text::template::{self, Mark};

impl Provider {
    /// The server for a client with this id: all parameters are filled in and checked, and the metadata is still missing.
    pub(crate) fn server(&self, client_id: &str) -> Result<Server, Error> {
        if let Some(name) = self.values.keys().find(|name| !self.definition.params.contains_key(*name)) {
            let known: Vec<_> = self.definition.params.keys().map(String::as_str).collect();
            let known = match &known[..] {
                [] => "leave it out, because this provider has none".to_owned(),
                known => format!("use one of {}", known.join(", ")),
            };
            let detail = format!("{} has no parameter {}: {known}", self.slug(), printable(name, 60));
            return Err(Error::config(ConfigProblem::InvalidParam, detail));
        }
        let wrong = |why: String| Error::config(ConfigProblem::Definition, format!("{}: {why}", self.slug()));
        if let Some(mistake) = &self.mistake {
            return Err(wrong(mistake.clone()));
        }
        let definition = self.filled(client_id)?;
        let long_lived = definition.long_lived.as_ref().and_then(|l| l.endpoint.as_deref());
        let emails = definition.identity.emails.as_ref().and_then(|list| list.endpoint.as_deref());
        endpoint(&self.plain, "e-mail endpoint", emails.map(with_members).as_deref())?;
        endpoint(&self.plain, "response issuer", self.response_issuer.as_deref())?;
        let key_issuer = self.key_issuer(client_id)?;
        let endpoints =
            Endpoints::read(|name| endpoint(&self.plain, &in_words(name), definition.endpoint(name)))?;
        let long_lived = endpoint(&self.plain, "endpoint for long-lived tokens", long_lived)?;
        // Checked after the endpoints: an issuer may be derived from an endpoint, and then the error has to name the endpoint.
        let discovery = self.well_known(&definition)?;
        let token_headers = headers(&definition.token.headers).map_err(|name| {
            wrong(format!("{name} in token.headers is not a header name: correct it in the definition"))
        })?;
        let profile = ProfileRequest::new(&definition.userinfo).map_err(wrong)?;
        // Checks filled-in parameters and the values that the application set. Whether the hosts of a definition belong together
        // was checked when it was read, and the application may decide otherwise.
        definition.check_requests().map_err(|e| wrong(e.to_string()))?;
        if let Some(fragment) = &definition.authorization.fragment
            && !fragment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?".contains(&b))
        {
            let why = "authorization.fragment contains a character that a URL's fragment cannot have: percent-encode it";
            return Err(wrong(why.to_owned()));
        }
        let asked_for = discovery.as_ref().and_then(|found| found.issuers.first());
        let issuer = asked_for.or(definition.issuer.as_ref()).unwrap_or(&key_issuer).clone();
        let (provider, client_id) = (self.slug().to_owned(), client_id.to_owned());
        Ok(Server {
            endpoints,
            long_lived,
            token_headers,
            profile,
            profile_is_elsewhere: self.asks_elsewhere(&definition),
            discovery,
            provenance: Arc::new(Provenance { provider, issuer, client_id }),
            response_issuer: self.response_issuer.clone(),
            openid: None,
            issuer: definition.issuer.clone(),
            issuer_template: None,
            scopes: definition.scopes.clone(),
            login: None,
            others: Arc::default(),
            refreshes: definition.refresh,
            parameters: self.parameters_in_words(),
            unmet: Vec::new(),
            metadata: None,
            definition: Arc::new(definition),
        })
    }

    /// The definition with the values of the parameters, and the client id, in all its templates.
    fn filled(&self, client_id: &str) -> Result<Definition, Error> {
        let mut definition = Definition::clone(&self.definition);
        let fill = |url: &mut Option<String>| -> Result<(), Error> {
            *url = self.fill(url.as_deref(), client_id)?;
            Ok(())
        };
        for name in EndpointName::ALL {
            fill(definition.endpoint_mut(*name))?;
        }
        let urls = [&mut definition.issuer, &mut definition.discovery, &mut definition.identity.issuer];
        let long_lived = definition.long_lived.as_mut().map(|long_lived| &mut long_lived.endpoint);
        let emails = definition.identity.emails.as_mut().map(|emails| &mut emails.endpoint);
        urls.into_iter().chain(long_lived).chain(emails).try_for_each(fill)?;
        for params in [
            &mut definition.authorization.params,
            &mut definition.callback.expect,
            &mut definition.token.params,
            &mut definition.token.headers,
            &mut definition.refreshing.params,
            &mut definition.revocation.params,
            &mut definition.userinfo.params,
            &mut definition.userinfo.headers,
        ] {
            self.fill_all(params, client_id)?;
        }
        for scope in definition.scopes.iter_mut().filter(|scope| *scope == "{client_id}") {
            client_id.clone_into(scope);
        }
        Ok(definition)
    }

    /// The issuer in the keys of accounts if the provider has none: the origin of its token endpoint, and the part of the path
    /// that distinguishes its servers. Parameters that only other endpoints contain are appended.
    ///
    /// If the application set the token endpoint, nothing says which part of it distinguishes servers, so the whole URL is used;
    /// [`Provider::issuer`] replaces it. A userinfo endpoint at another origin is appended too, because it says who the user
    /// is, unless the catalogue knows that the two belong together.
    fn key_issuer(&self, client_id: &str) -> Result<String, Error> {
        let definition = &self.definition;
        let named = definition.identity.issuer.as_deref();
        let token = definition.token_endpoint.as_deref().unwrap_or_default();
        let apart: Vec<_> =
            definition.params.iter().filter(|(_, param)| param.server).map(|(name, _)| name).collect();
        let begin = match named {
            Some(issuer) => issuer,
            None if self.by_hand.contains(&EndpointName::Token) || token.starts_with('{') => token,
            None => &token[..end_of_server(token, &apart)],
        };
        let Some(filled) = self.fill(Some(begin), client_id)? else { return Ok(String::new()) };
        // In normal form: host names have no case, and a scheme's own port may be left out.
        let Ok(mut url) = Url::parse(&filled) else { return Ok(filled) };
        url.set_query(None);
        for name in apart {
            let mark = format!("{{{name}}}");
            let is_told = named.is_some() || begin.contains(&mark);
            let mut elsewhere = IN_KEYS.iter().filter_map(|name| definition.endpoint(*name));
            if !is_told && elsewhere.any(|url| url.contains(&mark)) {
                let value = self.fill(Some(&mark), client_id)?;
                url.query_pairs_mut().append_pair(name, value.as_deref().unwrap_or_default());
            }
        }
        // The userinfo endpoint says who somebody is.
        let is_known = !self.by_hand.contains(&EndpointName::Userinfo)
            && self.is_known(|definition| [&definition.token_endpoint, &definition.userinfo_endpoint]);
        let profile = self.fill(definition.userinfo_endpoint.as_deref().filter(|_| !is_known), client_id)?;
        if let Some(profile) = profile.and_then(|profile| Url::parse(&profile).ok())
            && profile.origin() != url.origin()
        {
            let origin = profile.origin().ascii_serialization();
            url.query_pairs_mut().append_pair("userinfo_endpoint", &origin);
        }
        Ok(url.as_str().trim_end_matches('/').to_owned())
    }

    /// Whether the host of the metadata does not speak for the issuer: a parameter chooses this host but not the issuer's, or the
    /// two differ and the catalogue does not know that they belong together.
    fn names_metadata_host(&self) -> bool {
        let host = |url: &Option<String>| {
            let rest = url.as_deref().and_then(|url| url.split_once("://")).map(|(_, rest)| rest);
            rest.and_then(|rest| rest.split('/').next()).unwrap_or_default().to_owned()
        };
        let (issuer, document) = (host(&self.definition.issuer), host(&self.definition.discovery));
        let mut marks = self.definition.params.keys().map(|name| format!("{{{name}}}"));
        let is_named = marks.any(|mark| document.contains(&mark) && !issuer.contains(&mark));
        let is_elsewhere = self.definition.discovery.is_some() && issuer != document;
        is_named || (is_elsewhere && !self.is_known(|definition| [&definition.issuer, &definition.discovery]))
    }

    /// Whether the profile of an OpenID Provider is neither at the issuer's host nor below it, and neither the application nor
    /// the catalogue says that the two belong together.
    fn asks_elsewhere(&self, filled: &Definition) -> bool {
        // In normal form: host names have no case, and a scheme's own port may be left out.
        let url = |text: &Option<String>| Url::parse(text.as_deref()?).ok();
        let (Some(issuer), Some(profile)) = (url(&filled.issuer), url(&filled.userinfo_endpoint)) else {
            return false;
        };
        let is_there =
            is_at_or_below(profile.as_str(), issuer.as_str()) && profile.scheme() == issuer.scheme();
        let is_by_hand = self.by_hand.contains(&EndpointName::Userinfo);
        let is_known = self.is_known(|definition| [&definition.issuer, &definition.userinfo_endpoint]);
        filled.kind == Kind::Openid && !is_there && !is_by_hand && !is_known
    }

    /// Whether the catalogue's definition of this slug has the same URLs.
    fn is_known(&self, of: fn(&Definition) -> [&Option<String>; 2]) -> bool {
        vouchsafe_providers::get(&self.definition.slug)
            .is_some_and(|known| of(&known) == of(&self.definition))
    }

    /// Where the metadata of an OpenID Provider is.
    fn well_known(&self, definition: &Definition) -> Result<Option<WellKnown>, Error> {
        if definition.kind == Kind::Oauth2 {
            if self.knows_document {
                let detail = format!(
                    "{} is described by its endpoints, so its metadata is not read: use Provider::openid with its issuer, or leave \
                     Provider::discovery out",
                    self.slug()
                );
                return Err(Error::config(ConfigProblem::Issuer, detail));
            }
            return endpoint(&self.plain, "issuer", definition.issuer.as_deref()).map(|_| None);
        }
        let Some(issuer) = &definition.issuer else {
            let detail = format!(
                "{} is an OpenID Provider and needs an issuer: set it with Provider::issuer",
                self.slug()
            );
            return Err(Error::config(ConfigProblem::Issuer, detail));
        };
        let mut found =
            metadata::well_known(issuer, &self.plain).map_err(|e| wrong_url("issuer", issuer, &e))?;
        if let Some(document) = endpoint(&self.plain, "metadata document", definition.discovery.as_deref())? {
            found.is_openid = !(self.knows_document && metadata::is_of_oauth(&document));
            found.allows_http = self.knows_document && document.uri().scheme_str() == Some("http");
            found.documents = vec![document];
        }
        found.template.clone_from(&definition.issuer_template);
        found.parameters = self.parameters_in_words();
        found.is_elsewhere = !self.knows_document && self.names_metadata_host();
        Ok(Some(found))
    }

    /// The parameters with their values, for an error about a URL that is made of them. Empty if the application gave the whole
    /// URL itself.
    fn parameters_in_words(&self) -> String {
        let mut words = Vec::new();
        for (name, param) in self.definition.params.iter().filter(|(_, param)| param.rule != Rule::Url) {
            let Some(value) = self.given(name) else { continue };
            let may_have_path = param.rule == Rule::HostPath && !self.split(value).1.contains('/');
            let path = match &param.example {
                Some(example) if may_have_path && example.contains('/') => {
                    format!(", which may need a path, as in {example}")
                }
                _ => String::new(),
            };
            words.push(format!("{name} = {}{path}", printable(value, 60)));
        }
        words.join("; ")
    }

    /// Fills in the parameters and the client id, which must be fit for a URL. `None` if the template contains an optional
    /// parameter that has no value.
    fn fill(&self, template: Option<&str>, client_id: &str) -> Result<Option<String>, Error> {
        let Some(template) = template else { return Ok(None) };
        if template.contains(CLIENT_ID) && !is_segment(client_id) {
            let detail = format!(
                "the client id is part of a URL here, and must be {}: check the client id",
                Rule::Segment.describe()
            );
            return Err(Error::config(ConfigProblem::ClientId, detail));
        }
        let Some(mut filled) = self.fill_text(template, client_id, encoded)? else { return Ok(None) };
        let host = template.strip_prefix("https://{").and_then(|rest| rest.split('}').next());
        if host.is_some_and(|name| self.given(name).is_some_and(|value| self.split(value).0 == "http")) {
            filled.replace_range(.."https".len(), "http");
        }
        Ok(Some(filled))
    }

    /// The same for texts that are escaped later, so the client id need not be fit for a URL.
    fn fill_all(&self, templates: &mut BTreeMap<String, String>, client_id: &str) -> Result<(), Error> {
        for (name, template) in std::mem::take(templates) {
            if template.contains(CLIENT_ID) && client_id.contains(['{', '}']) {
                let detail = "the client id is part of a request here, must not contain braces, and does: check the client id";
                return Err(Error::config(ConfigProblem::ClientId, detail));
            }
            if let Some(filled) = self.fill_text(&template, client_id, str::to_owned)? {
                templates.insert(name, filled);
            }
        }
        Ok(())
    }

    fn fill_text(
        &self,
        template: &str,
        client_id: &str,
        segment: fn(&str) -> String,
    ) -> Result<Option<String>, Error> {
        template::fill(template, |mark| {
            let param = self.definition.params.get(mark);
            match (mark, param) {
                ("client_id", _) => Ok(client_id.into()),
                // Filled in later: claims of an issuer, pointers into a profile or a token response.
                (_, None) => Ok(Mark::Text),
                (_, Some(param)) => Ok(match self.value(mark)? {
                    Some(value) if param.rule == Rule::Segment => Mark::Value(segment(value).into()),
                    value => value.map_or(Mark::Absent, Mark::from),
                }),
            }
        })
    }

    /// A parameter's value, checked; `None` if an optional one has none.
    fn value(&self, name: &str) -> Result<Option<&str>, Error> {
        let Some(param) = self.definition.params.get(name) else { return Ok(None) };
        let Some(value) = self.given(name) else {
            if param.optional {
                return Ok(None);
            }
            let detail = format!(
                "{} needs the parameter {name}, which must be {}: set it with Provider::param",
                self.slug(),
                param.rule.describe()
            );
            return Err(Error::config(ConfigProblem::InvalidParam, detail));
        };
        let value =
            if matches!(param.rule, Rule::Host | Rule::HostPath) { self.split(value).1 } else { value };
        if !param.rule.accepts(value) {
            let shown = printable(value, 60);
            let detail = format!("the parameter {name} is {shown}, but must be {}", param.rule.describe());
            return Err(Error::config(ConfigProblem::InvalidParam, detail));
        }
        Ok(Some(value))
    }

    /// A parameter's value as it was given, or the default.
    fn given(&self, name: &str) -> Option<&str> {
        let default = || self.definition.params.get(name).and_then(|param| param.default.as_ref());
        self.values.get(name).or_else(default).map(String::as_str)
    }

    /// The scheme for a host, and the host and path without it. A server on this machine seldom has a certificate. `http` for
    /// another host stays in the value, where the rule refuses it.
    fn split<'v>(&self, value: &'v str) -> (&'static str, &'v str) {
        let bare = value.strip_suffix('/').unwrap_or(value);
        let host = |rest: &'v str| {
            let authority = rest.split('/').next().unwrap_or_default();
            authority.split_once(':').map_or(authority, |(host, _)| host)
        };
        if let Some(rest) = bare.strip_prefix("https://") {
            return ("https", rest);
        }
        match bare.strip_prefix("http://") {
            Some(rest) if self.plain.allow(host(rest)) => ("http", rest),
            None if is_loopback(host(bare)) => ("http", bare),
            _ => ("https", bare),
        }
    }
}

/// The end of the part of a URL template that distinguishes servers: the end of the host, or of the last path segment that
/// contains one of these parameters.
fn end_of_server(template: &str, parameters: &[&String]) -> usize {
    let path = template.find("://").map_or(0, |at| at + 3);
    let end = |from: usize| template[from..].find(['/', '?', '#']).map_or(template.len(), |at| from + at);
    let last = parameters.iter().filter_map(|name| template.rfind(&format!("{{{name}}}"))).max();
    let query = template.find(['?', '#']).unwrap_or(template.len());
    end(last.filter(|at| *at < query).map_or(path, |at| at.max(path)))
}

/// A template with a value in the place of each member of the profile, `{/pointer}`, so that it can be checked as a URL.
fn with_members(url: &str) -> String {
    let filled =
        template::fill::<()>(url, |mark| Ok(if mark.starts_with('/') { "x".into() } else { Mark::Text }));
    filled.ok().flatten().unwrap_or_default()
}

/// A segment of a path, percent-encoded (RFC 3986 section 2.1).
fn encoded(segment: &str) -> String {
    let mut encoded = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        match byte {
            b'.' | b'_' | b'-' => encoded.push(byte.into()),
            byte if byte.is_ascii_alphanumeric() => encoded.push(byte.into()),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

fn endpoint(plain: &PlainHosts, name: &str, url: Option<&str>) -> Result<Option<Endpoint>, Error> {
    url.map(|url| Endpoint::parse_for(url, plain).map_err(|e| wrong_url(name, url, &e))).transpose()
}

fn wrong_url(name: &str, url: &str, why: &NotAnEndpoint) -> Error {
    let problem = match why {
        NotAnEndpoint::Insecure => ConfigProblem::InsecureUrl,
        NotAnEndpoint::Invalid(_) => ConfigProblem::InvalidUrl,
    };
    Error::config(problem, format!("the {name} {} {why}", shown(url)))
}

/// The placeholder of the client id.
const CLIENT_ID: &str = "{client_id}";
/// The endpoints whose parameters are part of the keys of accounts. This list must not change, because the keys of existing
/// accounts would change with it.
const IN_KEYS: [EndpointName; 5] = [
    EndpointName::Authorization,
    EndpointName::Token,
    EndpointName::Refresh,
    EndpointName::Revocation,
    EndpointName::Userinfo,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(rule: &str, url: &str) -> Provider {
        let toml = format!(
            "slug = \"x\"\ndisplay_name = \"X\"\nkind = \"oauth2\"\nauthorization_endpoint = \"{url}\"\n\
             token_endpoint = \"https://x.example/t\"\ndocumentation = \"https://x.example\"\nchecked = \"2026-01-01\"\n\
             [params.p]\nrule = \"{rule}\"\n"
        );
        Provider::from_definition(toml).unwrap()
    }

    #[test]
    fn a_parameter_cannot_move_a_request_elsewhere() {
        let label = provider("label", "https://{p}.x.example/a");
        assert!(label.clone().param("p", "my-shop").server("me").is_ok());
        for value in ["evil.example/#", "My-Shop", "a.b", "a/b", "a@b", "a:1", "-a", "", "a b", "é", "a\n"] {
            let error = label.clone().param("p", value).server("me").unwrap_err();
            assert_eq!(error.code(), "invalid_param", "{value}");
        }
        let segment = provider("segment", "https://x.example/{p}/a");
        assert!(segment.clone().param("p", "9188040d-6c67.x_y").server("me").is_ok());
        for value in ["..", ".", "a/b", "a?b", "%2e%2e", ""] {
            assert!(segment.clone().param("p", value).server("me").is_err(), "{value}");
        }
        let host = provider("host", "https://{p}/a");
        assert!(host.clone().param("p", "id.example.com:8443").server("me").is_ok());
        for value in ["a.example/x", "u@a.example", "a.example:x", "a..b", ""] {
            assert!(host.clone().param("p", value).server("me").is_err(), "{value}");
        }
    }

    #[test]
    fn a_name_is_as_long_as_dns_has_it_at_most() {
        // RFC 1035 section 2.3.4.
        let label = provider("label", "https://{p}.example/a");
        assert!(label.clone().param("p", "a".repeat(63)).server("me").is_ok());
        assert!(label.param("p", "a".repeat(64)).server("me").is_err());
        let host = provider("host", "https://{p}/a");
        let longest = ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(61)].join(".");
        assert!(host.clone().param("p", &longest).server("me").is_ok());
        assert!(host.param("p", format!("{longest}d")).server("me").is_err());
    }

    #[test]
    fn a_server_may_be_below_a_path() {
        let below = provider("host_path", "https://{p}/a");
        for (value, expected) in [
            ("id.example.com", "https://id.example.com/a"),
            ("id.example.com:8443/auth", "https://id.example.com:8443/auth/a"),
            ("https://example.com/apps/id/", "https://example.com/apps/id/a"),
            ("https://example.com/", "https://example.com/a"),
        ] {
            let server = below.clone().param("p", value).server("me").unwrap();
            assert_eq!(server.endpoint(EndpointName::Authorization).unwrap().as_str(), expected);
        }
        for value in [
            "http://a.example",
            "a.example/..",
            "a.example/x/../y",
            "a.example//x",
            "a.example/x?y",
            "a.example/x#y",
            "a.example/%2e%2e",
            "u@a.example/x",
            "https://",
            "/x",
            "",
        ] {
            let error = below.clone().param("p", value).server("me").unwrap_err();
            assert_eq!(error.code(), "invalid_param", "{value}");
        }
        let keycloak = Provider::named("keycloak").unwrap().param("realm", "main");
        let server = keycloak.param("host", "https://example.com/auth").server("me").unwrap();
        assert_eq!(
            server.discovery.unwrap().documents[0].as_str(),
            "https://example.com/auth/realms/main/.well-known/openid-configuration"
        );
    }

    #[test]
    fn a_server_on_this_machine_is_reached_by_http() {
        let at = |rule: &str, value: &str| {
            let provider = provider(rule, "https://{p}/a").param("p", value);
            let server = provider.server("me").map_err(|e| e.code().to_owned())?;
            Ok::<_, String>(server.endpoint(EndpointName::Authorization).unwrap().as_str().to_owned())
        };
        for (value, expected) in [
            ("localhost:8080", "http://localhost:8080/a"),
            ("http://localhost:8080", "http://localhost:8080/a"),
            ("127.0.0.1:8080", "http://127.0.0.1:8080/a"),
            ("https://localhost:8443", "https://localhost:8443/a"),
            ("https://id.example.com", "https://id.example.com/a"),
            ("localhost.example.com", "https://localhost.example.com/a"),
        ] {
            for rule in ["host", "host_path"] {
                assert_eq!(at(rule, value).as_deref(), Ok(expected), "{rule} {value}");
            }
        }
        assert_eq!(
            at("host_path", "http://localhost:8080/auth/").as_deref(),
            Ok("http://localhost:8080/auth/a")
        );
        // Neither another host nor a user name passes for this machine.
        for value in
            ["http://a.example", "http://localhost@a.example", "http://localhost.a.example:80", "http://"]
        {
            for rule in ["host", "host_path"] {
                assert_eq!(at(rule, value), Err("invalid_param".to_owned()), "{rule} {value}");
            }
        }
        let keycloak =
            Provider::named("keycloak").unwrap().param("realm", "main").param("host", "localhost:8080");
        let server = keycloak.server("me").unwrap();
        assert_eq!(server.issuer.as_deref(), Some("http://localhost:8080/realms/main"));
    }

    #[test]
    fn a_segment_is_encoded_in_a_url() {
        let keycloak = |realm: &str| {
            Provider::named("keycloak").unwrap().param("host", "a.example").param("realm", realm)
        };
        for (realm, issuer) in [
            ("My Realm", "https://a.example/realms/My%20Realm"),
            ("M\u{fc}nchen", "https://a.example/realms/M%C3%BCnchen"),
        ] {
            assert_eq!(keycloak(realm).server("me").unwrap().issuer.as_deref(), Some(issuer));
        }
        for realm in
            [" main", "main ", "a\u{a0}b", "a\u{200b}b", "a\u{202e}b", "a\tb", "a%20b", "a\\b", "{realm}"]
        {
            assert_eq!(keycloak(realm).server("me").unwrap_err().code(), "invalid_param", "{realm:?}");
        }
        // In a form it is encoded later.
        let toml = "slug = \"x\"\ndisplay_name = \"X\"\nkind = \"oauth2\"\nauthorization_endpoint = \"https://x.example/a\"\n\
                    token_endpoint = \"https://x.example/t\"\n[token.params]\nrealm = \"{p}\"\n[params.p]\nrule = \"segment\"\n";
        let server = Provider::from_definition(toml).unwrap().param("p", "My Realm").server("me").unwrap();
        assert_eq!(server.definition.token.params["realm"], "My Realm");
    }

    #[test]
    fn what_is_missing_is_told() {
        let error = provider("label", "https://{p}.x.example/a").server("me").unwrap_err();
        assert!(error.to_string().contains("needs the parameter p"), "{error}");
        let error = Provider::oauth2("x").param("q", "1").server("me").unwrap_err();
        assert!(error.to_string().contains("no parameter q"), "{error}");
        let incomplete = Provider::oauth2("x")
            .server("me")
            .unwrap()
            .discovered(None, &crate::registration::Registration::new("me"))
            .unwrap_err();
        assert_eq!(incomplete.code(), "missing_endpoint");
        assert_eq!(Provider::named("nobody").unwrap_err().code(), "unknown_provider");
        let error = Provider::named("gihtub").unwrap_err();
        assert!(error.to_string().ends_with("no provider named gihtub: did you mean github?"), "{error}");
        assert_eq!(Provider::openid("http://a.example").server("me").unwrap_err().code(), "insecure_url");
        assert_eq!(Provider::openid("not a url").server("me").unwrap_err().code(), "invalid_url");
        assert_eq!(Provider::from_definition("slug = 1").unwrap_err().code(), "definition");
    }
}
