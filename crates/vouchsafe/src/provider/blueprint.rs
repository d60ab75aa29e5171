use std::collections::BTreeMap;

use http::HeaderMap;
use url::Url;
use vouchsafe_providers::{Definition, Kind, Rule};

use super::Provider;
use crate::endpoint::{Endpoint, NotAnEndpoint, is_segment, shown};
use crate::error::{ConfigProblem, Error};
use crate::protocol::metadata::{self, WellKnown};
use crate::protocol::quirks::headers;
use crate::protocol::userinfo::ProfileRequest;
use crate::provenance::Provenance;

/// A provider that is ready, but for what discovery may add.
#[derive(Debug)]
pub(crate) struct Blueprint {
    /// The definition, its parameters filled in.
    pub(crate) definition: Definition,
    /// What stands for the issuer where there is none.
    pub(crate) server: String,
    pub(crate) discovery: Option<WellKnown>,
    pub(crate) authorization: Option<Endpoint>,
    pub(crate) token: Option<Endpoint>,
    pub(crate) refresh: Option<Endpoint>,
    pub(crate) long_lived: Option<Endpoint>,
    pub(crate) revocation: Option<Endpoint>,
    pub(crate) userinfo: Option<Endpoint>,
    /// Whether a definition alone says that this userinfo endpoint, elsewhere, tells of the issuer's users.
    pub(crate) profile_is_elsewhere: bool,
    /// Where a user's e-mails are listed, if not in the profile: a URL, once members of the profile are put in.
    pub(crate) emails: Option<String>,
    /// The headers of requests to the token endpoint.
    pub(crate) token_headers: HeaderMap,
    pub(crate) profile: ProfileRequest,
}

impl Provider {
    /// The definition with its parameters filled in and checked, for a client of that id.
    pub(crate) fn blueprint(&self, client_id: &str) -> Result<Blueprint, Error> {
        for name in self.values.keys() {
            if !self.definition.params.contains_key(name) {
                let known: Vec<_> = self.definition.params.keys().map(String::as_str).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let shown = crate::text::redact::printable(name, 60);
                let detail = format!("{} has no parameter {shown}; it has: {known}", self.slug());
                return Err(Error::config(ConfigProblem::InvalidParam, detail));
            }
        }
        let wrong =
            |what: String| Error::config(ConfigProblem::Definition, format!("{}: {what}", self.slug()));
        if let Some(mistake) = &self.mistake {
            return Err(wrong(mistake.clone()));
        }
        let mut definition = self.definition.clone();
        for url in [
            &mut definition.issuer,
            &mut definition.discovery,
            &mut definition.authorization_endpoint,
            &mut definition.token_endpoint,
            &mut definition.refresh_endpoint,
            &mut definition.revocation_endpoint,
            &mut definition.userinfo_endpoint,
            &mut definition.identity.issuer,
        ] {
            *url = self.fill(url.as_deref(), client_id)?;
        }
        if let Some(long_lived) = &mut definition.long_lived {
            long_lived.endpoint = self.fill(long_lived.endpoint.as_deref(), client_id)?;
        }
        if let Some(emails) = &mut definition.identity.emails {
            emails.endpoint = self.fill(emails.endpoint.as_deref(), client_id)?;
        }
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
        let endpoint = |name: &str, url: &Option<String>| -> Result<Option<Endpoint>, Error> {
            let Some(url) = url else { return Ok(None) };
            Endpoint::parse(url).map(Some).map_err(|e| wrong_url(name, url, &e))
        };
        let long_lived = definition.long_lived.as_ref().and_then(|l| l.endpoint.clone());
        let emails = definition.identity.emails.as_ref().and_then(|list| list.endpoint.clone());
        endpoint("e-mail endpoint", &emails.as_deref().map(with_members))?;
        let blueprint = Blueprint {
            server: self.server(client_id)?,
            authorization: endpoint("authorization endpoint", &definition.authorization_endpoint)?,
            token: endpoint("token endpoint", &definition.token_endpoint)?,
            refresh: endpoint("refresh endpoint", &definition.refresh_endpoint)?,
            long_lived: endpoint("endpoint for long-lived tokens", &long_lived)?,
            revocation: endpoint("revocation endpoint", &definition.revocation_endpoint)?,
            userinfo: endpoint("userinfo endpoint", &definition.userinfo_endpoint)?,
            // Behind the endpoints: where the issuer is made of theirs, what is wrong is wrong with them.
            discovery: self.well_known(&definition)?,
            profile_is_elsewhere: self.asks_elsewhere(&definition),
            emails,
            token_headers: headers(&definition.token.headers)
                .map_err(|name| wrong(format!("{name} is no header")))?,
            profile: ProfileRequest::new(&definition.userinfo).map_err(wrong)?,
            definition,
        };
        let definition = &blueprint.definition;
        // What was set by hand, and what parameters made of the endpoints. Whose users are whose was checked before: the
        // application may say otherwise.
        let mut requests = definition.clone();
        (requests.issuer, requests.identity.issuer) = (None, None);
        requests.check().map_err(|e| wrong(e.to_string()))?;
        if let Some(fragment) = &definition.authorization.fragment
            && !fragment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?".contains(&b))
        {
            return Err(wrong("the fragment of the authorization endpoint is none".to_owned()));
        }
        if blueprint.discovery.is_none() {
            for (name, endpoint) in [("authorization", &blueprint.authorization), ("token", &blueprint.token)]
            {
                if endpoint.is_none() {
                    let detail = format!("{} has no {name} endpoint", self.slug());
                    return Err(Error::config(ConfigProblem::MissingEndpoint, detail));
                }
            }
        }
        Ok(blueprint)
    }

    /// What stands for the issuer where the provider has none: the origin of its token endpoint, and of the path as much
    /// as tells its servers apart. Parameters that do so elsewhere alone are put behind it.
    ///
    /// An endpoint that was given by hand says nothing of what in it is a server's own, so all of it counts, and only
    /// [`Provider::issuer`] makes it less. A userinfo endpoint at another origin counts as well, since it says who somebody
    /// is, unless the catalogue knows that the two belong together.
    fn server(&self, client_id: &str) -> Result<String, Error> {
        let definition = &self.definition;
        let named = definition.identity.issuer.as_deref();
        let template = definition.token_endpoint.as_deref().unwrap_or_default();
        let apart: Vec<_> =
            definition.params.iter().filter(|(_, param)| param.server).map(|(name, _)| name).collect();
        let begin = match named {
            Some(issuer) => issuer,
            None if self.by_hand || template.starts_with('{') => template,
            None => &template[..end_of_server(template, &apart)],
        };
        let Some(filled) = self.fill(Some(begin), client_id)? else { return Ok(String::new()) };
        // As one parser writes it: host names have no case, and the port of a scheme need not be told.
        let Ok(mut url) = Url::parse(&filled) else { return Ok(filled) };
        url.set_query(None);
        let elsewhere: Vec<_> = endpoints(definition).into_iter().flatten().collect();
        for name in apart {
            let mark = format!("{{{name}}}");
            let is_told = named.is_some() || begin.contains(&mark);
            if !is_told && elsewhere.iter().any(|url| url.contains(&mark)) {
                let value = self.fill(Some(&mark), client_id)?;
                url.query_pairs_mut().append_pair(name, value.as_deref().unwrap_or_default());
            }
        }
        // Who somebody is, is said at the other end.
        let ends = |definition: &Definition| {
            (definition.token_endpoint.clone(), definition.userinfo_endpoint.clone())
        };
        let is_known = !self.profile_by_hand && self.is_known(ends);
        let profile = self.fill(definition.userinfo_endpoint.as_deref().filter(|_| !is_known), client_id)?;
        let profile = profile.as_deref();
        if let Some(profile) = profile.and_then(|profile| Url::parse(profile).ok())
            && profile.origin() != url.origin()
        {
            let origin = profile.origin().ascii_serialization();
            url.query_pairs_mut().append_pair("userinfo_endpoint", &origin);
        }
        Ok(url.as_str().trim_end_matches('/').to_owned())
    }

    /// Whether a parameter names the host of the metadata that does not name the issuer's: whoever chooses that host does
    /// not speak for the issuer. Nor does whoever writes a definition; where the two hosts belong together is a fact that the
    /// catalogue knows.
    fn names_metadata_host(&self) -> bool {
        let host = |url: &Option<String>| {
            let rest = url.as_deref().and_then(|url| url.split_once("://")).map(|(_, rest)| rest);
            rest.and_then(|rest| rest.split('/').next()).unwrap_or_default().to_owned()
        };
        let (issuer, document) = (host(&self.definition.issuer), host(&self.definition.discovery));
        let marks = self.definition.params.keys().map(|name| format!("{{{name}}}"));
        let is_named = marks.into_iter().any(|mark| document.contains(&mark) && !issuer.contains(&mark));
        let is_elsewhere = self.definition.discovery.is_some() && issuer != document;
        let place = |definition: &Definition| (definition.issuer.clone(), definition.discovery.clone());
        is_named || (is_elsewhere && !self.is_known(place))
    }

    /// Whether an OpenID Provider's profile is told at another host than the issuer's, or one below it, and nobody but the
    /// definition says that the two belong together.
    fn asks_elsewhere(&self, filled: &Definition) -> bool {
        let place = |url: &Option<String>| {
            let url = Url::parse(url.as_deref()?).ok()?;
            Some((url.host_str()?.to_owned(), url.port_or_known_default()))
        };
        let ends =
            |definition: &Definition| (definition.issuer.clone(), definition.userinfo_endpoint.clone());
        let (Some((issuer, issuer_port)), Some((host, port))) =
            (place(&filled.issuer), place(&filled.userinfo_endpoint))
        else {
            return false;
        };
        let is_there = host == issuer || host.strip_suffix(&issuer).is_some_and(|name| name.ends_with('.'));
        let is_elsewhere = !is_there || port != issuer_port;
        filled.kind == Kind::Openid && is_elsewhere && !self.profile_by_hand && !self.is_known(ends)
    }

    /// Whether the catalogue says the same of the provider of this name.
    fn is_known<T: PartialEq>(&self, of: impl Fn(&Definition) -> T) -> bool {
        vouchsafe_providers::get(self.slug()).is_some_and(|known| of(&known) == of(&self.definition))
    }

    /// Where the metadata is, of an OpenID Provider.
    fn well_known(&self, definition: &Definition) -> Result<Option<WellKnown>, Error> {
        if definition.kind == Kind::Oauth2 {
            let issuer = definition.issuer.as_deref().map(|issuer| (issuer, Endpoint::parse(issuer)));
            return match issuer {
                Some((issuer, Err(e))) => Err(wrong_url("issuer", issuer, &e)),
                _ => Ok(None),
            };
        }
        let Some(issuer) = &definition.issuer else {
            let detail = format!("{} is an OpenID Provider without an issuer", self.slug());
            return Err(Error::config(ConfigProblem::Issuer, detail));
        };
        let mut found = metadata::well_known(issuer).map_err(|e| wrong_url("issuer", issuer, &e))?;
        if let Some(url) = &definition.discovery {
            let document = Endpoint::parse(url).map_err(|e| wrong_url("metadata document", url, &e))?;
            found = WellKnown { documents: vec![document], is_openid: true, ..found };
        }
        found.template.clone_from(&definition.issuer_template);
        found.is_elsewhere = self.names_metadata_host();
        Ok(Some(found))
    }

    /// Puts the parameters' values in, and the client id where it can be a part of a URL. None if an optional parameter that
    /// is not given is mentioned.
    fn fill(&self, template: Option<&str>, client_id: &str) -> Result<Option<String>, Error> {
        let Some(template) = template else { return Ok(None) };
        if template.contains(CLIENT_ID) && !is_segment(client_id) {
            let detail =
                format!("the client id is a part of a URL here, and must be {}", Rule::Segment.describe());
            return Err(Error::config(ConfigProblem::ClientId, detail));
        }
        self.fill_text(template, client_id)
    }

    /// The same for values that need not be fit for a URL: they are escaped where they go.
    fn fill_all(&self, templates: &mut BTreeMap<String, String>, client_id: &str) -> Result<(), Error> {
        for (name, template) in std::mem::take(templates) {
            if template.contains(CLIENT_ID) && client_id.contains(['{', '}']) {
                let detail = "the client id is put into a request here, and must not hold braces";
                return Err(Error::config(ConfigProblem::ClientId, detail));
            }
            if let Some(filled) = self.fill_text(&template, client_id)? {
                templates.insert(name, filled);
            }
        }
        Ok(())
    }

    /// Each mark is filled in once: a mark inside a value that was put in is text.
    fn fill_text(&self, template: &str, client_id: &str) -> Result<Option<String>, Error> {
        let (mut filled, mut rest) = (String::with_capacity(template.len()), template);
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            // Other marks stay: claims of an issuer, pointers into a profile or a token response.
            let Some((mark, behind)) = after.split_once('}') else {
                filled.push('{');
                rest = after;
                continue;
            };
            if mark == "client_id" {
                filled.push_str(client_id);
            } else if self.definition.params.contains_key(mark) {
                let Some(value) = self.value(mark)? else { return Ok(None) };
                filled.push_str(value);
            } else {
                filled.push('{');
                rest = after;
                continue;
            }
            rest = behind;
        }
        filled.push_str(rest);
        Ok(Some(filled))
    }

    /// A parameter's value, checked; none where an optional one is not given.
    fn value(&self, name: &str) -> Result<Option<&str>, Error> {
        let Some(param) = self.definition.params.get(name) else { return Ok(None) };
        let Some(value) = self.values.get(name).or(param.default.as_ref()) else {
            if param.optional {
                return Ok(None);
            }
            let detail = format!("{} needs the parameter {name}: {}", self.slug(), param.rule.describe());
            return Err(Error::config(ConfigProblem::InvalidParam, detail));
        };
        let value = if param.rule == Rule::HostPath { bare(value) } else { value };
        if !obeys(param.rule, value) {
            let shown = crate::text::redact::printable(value, 60);
            let detail = format!("the parameter {name} is {shown}, and must be {}", param.rule.describe());
            return Err(Error::config(ConfigProblem::InvalidParam, detail));
        }
        Ok(Some(value))
    }
}

impl Blueprint {
    /// What tokens and logins are known by, at a server of that issuer.
    pub(crate) fn provenance(&self, issuer: Option<&str>, client_id: &str) -> Provenance {
        Provenance {
            provider: self.definition.slug.clone(),
            issuer: issuer.unwrap_or(&self.server).to_owned(),
            client_id: client_id.to_owned(),
        }
    }
}

/// The endpoints that somebody is sent to, or asked at, with the marks in them.
fn endpoints(definition: &Definition) -> [Option<&str>; 5] {
    [
        &definition.authorization_endpoint,
        &definition.token_endpoint,
        &definition.refresh_endpoint,
        &definition.revocation_endpoint,
        &definition.userinfo_endpoint,
    ]
    .map(Option::as_deref)
}

/// Where in the template of a URL the part ends that tells servers apart: behind the host, or behind the last segment of
/// the path with one of these marks.
fn end_of_server(template: &str, marks: &[&String]) -> usize {
    let path = template.find("://").map_or(0, |at| at + 3);
    let end = |from: usize| template[from..].find(['/', '?', '#']).map_or(template.len(), |at| from + at);
    let last = marks.iter().filter_map(|name| template.rfind(&format!("{{{name}}}"))).max();
    let query = template.find(['?', '#']).unwrap_or(template.len());
    end(last.filter(|at| *at < query).map_or(path, |at| at.max(path)))
}

/// A template in which something stands for each member of the profile, `{/pointer}`.
fn with_members(template: &str) -> String {
    let (mut url, mut rest) = (String::with_capacity(template.len()), template);
    while let Some((before, (_, after))) =
        rest.split_once("{/").and_then(|(before, mark)| Some((before, mark.split_once('}')?)))
    {
        url.push_str(before);
        url.push('x');
        rest = after;
    }
    url + rest
}

/// A host and a path without what a URL has around them.
fn bare(value: &str) -> &str {
    let value = value.strip_prefix("https://").unwrap_or(value);
    value.strip_suffix('/').unwrap_or(value)
}

/// Whether a value is what its parameter's rule asks for.
fn obeys(rule: Rule, value: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    match rule {
        // What else is wrong with a URL is told when it is read as an endpoint.
        Rule::Url => !value.contains(['{', '}']),
        // A host name is the same in capitals, but what is compared with it as text is not.
        Rule::Label => label(value) && !value.bytes().any(|b| b.is_ascii_uppercase()),
        Rule::Segment => is_segment(value),
        Rule::Host => {
            let (host, port) = value.split_once(':').unwrap_or((value, "443"));
            host.len() <= 253 && host.split('.').all(label) && port.parse::<u16>().is_ok()
        }
        Rule::HostPath => {
            let (host, path) = value.split_once('/').unwrap_or((value, "index"));
            obeys(Rule::Host, host) && path.split('/').all(is_segment)
        }
        _ => false,
    }
}

fn wrong_url(name: &str, url: &str, why: &NotAnEndpoint) -> Error {
    let problem = match why {
        NotAnEndpoint::Insecure => ConfigProblem::InsecureUrl,
        NotAnEndpoint::Invalid(_) => ConfigProblem::InvalidUrl,
    };
    Error::config(problem, format!("the {name} {} {why}", shown(url)))
}

/// What stands for the client id.
const CLIENT_ID: &str = "{client_id}";

#[cfg(test)]
mod tests {
    use crate::provider::Provider;

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
        assert!(label.clone().param("p", "my-shop").blueprint("me").is_ok());
        for value in ["evil.example/#", "My-Shop", "a.b", "a/b", "a@b", "a:1", "-a", "", "a b", "é", "a\n"] {
            let error = label.clone().param("p", value).blueprint("me").unwrap_err();
            assert_eq!(error.code(), "invalid_param", "{value}");
        }
        let segment = provider("segment", "https://x.example/{p}/a");
        assert!(segment.clone().param("p", "9188040d-6c67.x_y").blueprint("me").is_ok());
        for value in ["..", ".", "a/b", "a?b", "%2e%2e", ""] {
            assert!(segment.clone().param("p", value).blueprint("me").is_err(), "{value}");
        }
        let host = provider("host", "https://{p}/a");
        assert!(host.clone().param("p", "id.example.com:8443").blueprint("me").is_ok());
        for value in ["a.example/x", "u@a.example", "a.example:x", "a..b", ""] {
            assert!(host.clone().param("p", value).blueprint("me").is_err(), "{value}");
        }
    }

    #[test]
    fn a_name_is_as_long_as_dns_has_it_at_most() {
        // RFC 1035 section 2.3.4.
        let label = provider("label", "https://{p}.example/a");
        assert!(label.clone().param("p", "a".repeat(63)).blueprint("me").is_ok());
        assert!(label.param("p", "a".repeat(64)).blueprint("me").is_err());
        let host = provider("host", "https://{p}/a");
        let longest = ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(61)].join(".");
        assert!(host.clone().param("p", &longest).blueprint("me").is_ok());
        assert!(host.param("p", format!("{longest}d")).blueprint("me").is_err());
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
            let blueprint = below.clone().param("p", value).blueprint("me").unwrap();
            assert_eq!(blueprint.authorization.unwrap().as_str(), expected);
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
            let error = below.clone().param("p", value).blueprint("me").unwrap_err();
            assert_eq!(error.code(), "invalid_param", "{value}");
        }
        let keycloak = Provider::named("keycloak").unwrap().param("realm", "main");
        let blueprint = keycloak.param("host", "https://example.com/auth").blueprint("me").unwrap();
        assert_eq!(
            blueprint.discovery.unwrap().documents[0].as_str(),
            "https://example.com/auth/realms/main/.well-known/openid-configuration"
        );
    }

    #[test]
    fn what_is_missing_is_told() {
        let error = provider("label", "https://{p}.x.example/a").blueprint("me").unwrap_err();
        assert!(error.to_string().contains("needs the parameter p"), "{error}");
        let error = Provider::oauth2("x").param("q", "1").blueprint("me").unwrap_err();
        assert!(error.to_string().contains("no parameter q"), "{error}");
        assert_eq!(Provider::oauth2("x").blueprint("me").unwrap_err().code(), "missing_endpoint");
        assert_eq!(Provider::named("nobody").unwrap_err().code(), "unknown_provider");
        assert_eq!(Provider::openid("http://a.example").blueprint("me").unwrap_err().code(), "insecure_url");
        assert_eq!(Provider::openid("not a url").blueprint("me").unwrap_err().code(), "invalid_url");
        assert_eq!(Provider::from_definition("slug = 1").unwrap_err().code(), "definition");
    }
}
