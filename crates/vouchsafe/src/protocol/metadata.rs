//! Provider metadata (OpenID Connect Discovery section 3, RFC 8414 section 2).
use http::Method;
use serde_json::Value;
use url::Url;
use vouchsafe_providers::{ClientAuth, EndpointName};

use super::call::{Call, Outgoing};
use super::response::Incoming;
use crate::endpoint::{Endpoint, NotAnEndpoint, PlainHosts, is_segment};
use crate::endpoints::Endpoints;
use crate::error::{Check, Error, LeftOut, Malformed, Operation, Warning};
use crate::secret::same;
use crate::text::legible::legible;
use crate::text::template::only_mark;
use crate::transport::retry_after;

/// The metadata of a provider.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    pub(crate) raw: Value,
    pub(crate) issuer: String,
    pub(crate) endpoints: Endpoints,
    /// The endpoints for clients that present a certificate (RFC 8705 section 5).
    pub(crate) mtls_endpoints: Endpoints,
    /// It is the metadata of an OpenID Provider, not of a plain authorization server.
    pub(crate) is_openid: bool,
    /// The keys of an OpenID Provider.
    pub(crate) openid: Option<OpenId>,
    /// The keys of any authorization server.
    pub(crate) jwks_uri: Option<Endpoint>,
    pub(crate) grant_types: Option<Vec<String>>,
    pub(crate) token_auth_methods: Option<Vec<String>>,
    pub(crate) revocation_auth_methods: Option<Vec<String>>,
    /// The algorithms of assertions by which clients authenticate (RFC 8414 section 2).
    pub(crate) assertion_algorithms: Option<Vec<String>>,
    /// Those of the proofs of attestations.
    pub(crate) attestation_algorithms: Option<Vec<String>>,
    pub(crate) scopes: Option<Vec<String>>,
    /// RFC 9207 §3: authorization responses carry `iss`.
    pub(crate) iss_in_response: bool,
    /// RFC 9126 §5: authorization requests must be pushed.
    pub(crate) requires_pushed: bool,
    /// RFC 9101 §10.5: authorization requests must be signed.
    pub(crate) requires_signed: bool,
    pub(crate) response_types: Option<Vec<String>>,
    pub(crate) challenge_methods: Option<Vec<String>>,
    /// Malformed parts that no login needs.
    pub(crate) warnings: Vec<Warning>,
}

impl Metadata {
    /// The algorithms of the JWTs by which clients authenticate.
    pub(crate) fn auth_algorithms(&self, method: ClientAuth) -> Option<&[String]> {
        match method {
            ClientAuth::AttestJwtClientAuth => self.attestation_algorithms.as_deref(),
            _ => self.assertion_algorithms.as_deref(),
        }
    }

    /// A list of texts under a name that few need.
    pub(crate) fn texts(&self, name: &str) -> Option<Vec<String>> {
        let list = self.raw.get(name)?.as_array()?;
        Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }
}

/// How an OpenID Provider signs.
#[derive(Clone, Debug)]
pub(crate) struct OpenId {
    pub(crate) jwks_uri: Endpoint,
    /// The algorithms of ID tokens.
    pub(crate) algorithms: Option<Vec<String>>,
    /// Those of signed UserInfo.
    pub(crate) userinfo_algorithms: Option<Vec<String>>,
}

/// The issuer of a provider, as far as it is known.
#[derive(Clone, Copy)]
pub(crate) enum KnownIssuer<'a> {
    One(&'a str),
    /// One of those that fit this template.
    OneOf(&'a str),
}

impl KnownIssuer<'_> {
    pub(crate) fn is(self, issuer: &str) -> bool {
        match self {
            Self::One(known) => same(issuer, known),
            Self::OneOf(template) => fits(template, issuer),
        }
    }
}

/// The places where an issuer's metadata may be, in the order in which they are tried.
#[derive(Clone, Debug, Default)]
pub(crate) struct WellKnown {
    /// The issuers that the document may name.
    pub(crate) issuers: Vec<String>,
    pub(crate) documents: Vec<Endpoint>,
    /// The template of the issuers of ID tokens, if one document serves many. The document may name one of them, or leave it
    /// open.
    pub(crate) template: Option<String>,
    /// It is known to be the metadata of an OpenID Provider.
    pub(crate) is_openid: bool,
    /// The host of the document does not speak for the issuer.
    pub(crate) is_elsewhere: bool,
    /// It is read for a resource server, which sends nobody there to sign in.
    pub(crate) is_for_resource: bool,
    /// The application set the URL of the document, with `http`: then the endpoints may have `http` too.
    pub(crate) allows_http: bool,
    /// The parameters that the URL is made of, in words, if the provider has any.
    pub(crate) parameters: String,
    /// The hosts that `http` may be used for.
    pub(crate) plain: PlainHosts,
}

/// Where to look for the metadata of an issuer. The URL of a metadata document is accepted as well.
pub(crate) fn well_known(issuer: &str, plain: &PlainHosts) -> Result<WellKnown, NotAnEndpoint> {
    let issuer = issuer.trim();
    let url = Url::parse(issuer).map_err(NotAnEndpoint::from)?;
    let (place, query) = match issuer.split_once('?') {
        Some((place, query)) => (place, format!("?{query}")),
        None => (issuer, String::new()),
    };
    let found =
        |issuers, documents| WellKnown { issuers, documents, plain: plain.clone(), ..WellKnown::default() };
    let place = place.trim_end_matches('/');
    if let Some(base) = issuer_of(place) {
        let document = Endpoint::parse_for(&format!("{place}{query}"), plain)?;
        return Ok(found(vec![base.clone(), format!("{base}/")], vec![document]));
    }
    // OpenID Connect Discovery §3, RFC 8414 §2: an issuer has neither query nor fragment.
    if url.query().is_some() {
        let detail = "an issuer has no query: leave out everything from the ? on";
        return Err(NotAnEndpoint::Invalid(detail.to_owned()));
    }
    let base = issuer.trim_end_matches('/');
    let mut documents = vec![Endpoint::parse_for(&format!("{base}{OPENID}"), plain)?];
    // RFC 8414 §3.1 puts the well-known part between host and path, OpenID Connect Discovery §4 behind both. Some servers use
    // the place of the first with the name of the second (RFC 8414 §5).
    let path = url.path().trim_end_matches('/').to_owned();
    let mut other = url;
    for name in [OAUTH, OPENID].iter().take(if path.is_empty() { 1 } else { 2 }) {
        other.set_path(&format!("{name}{path}"));
        documents.push(Endpoint::parse_for(other.as_str(), plain)?);
    }
    Ok(found(vec![issuer.to_owned()], documents))
}

/// The issuer whose metadata document is at that place, in either form, without a final slash. `None` if it is no document.
fn issuer_of(place: &str) -> Option<String> {
    if let Some(base) = place.strip_suffix(OPENID) {
        return Some(base.to_owned());
    }
    let between = |name| {
        let (origin, path) = place.split_once(name)?;
        let is_origin = origin.split_once("://").is_some_and(|(_, host)| !host.contains('/'));
        (is_origin && (path.is_empty() || path.starts_with('/'))).then(|| format!("{origin}{path}"))
    };
    [OAUTH, OPENID].into_iter().find_map(between)
}

/// Whether the URL is that of the metadata of a plain authorization server.
pub(crate) fn is_of_oauth(document: &Endpoint) -> bool {
    document.uri().path().contains(OAUTH)
}

/// A request for a metadata document.
pub(crate) struct MetadataRequest<'a> {
    pub(crate) asked: &'a WellKnown,
    pub(crate) document: &'a Endpoint,
}

impl Call for MetadataRequest<'_> {
    type Output = Metadata;

    fn operation(&self) -> Operation {
        Operation::Discovery
    }

    fn write<'a>(&'a self, to: &mut Outgoing<'a>) -> Result<(), Error> {
        to.method(Method::GET);
        Ok(())
    }

    fn read(&self, from: Incoming<'_>) -> Result<Metadata, Error> {
        if from.response.status().is_client_error() {
            // The error names the missing document.
            let (place, status) = (self.document.as_str().to_owned(), from.response.status().as_u16());
            return Err(Error::status_of(Operation::Discovery, place, status)
                .after(retry_after(&from.response, from.now)));
        }
        from.check_status()?;
        read(&from, self.asked)
    }
}

/// Reads a metadata document. Its issuer must be the requested one (OpenID Connect Discovery §4.3).
fn read(from: &Incoming<'_>, asked: &WellKnown) -> Result<Metadata, Error> {
    let WellKnown { issuers, template, .. } = asked;
    let raw = from.object()?;
    let mut document = Document { members: &raw, warnings: Vec::new(), plain: &asked.plain };

    let issuer = match raw.get("issuer") {
        Some(Value::String(issuer)) => issuer.clone(),
        _ => {
            return Err(fault(
                "has no issuer, so it is not OpenID Connect or OAuth 2.0 metadata: check the issuer",
            ));
        }
    };
    let is_one_of_many = |template: &String| match issuers.first().and_then(|asked| inside(template, asked)) {
        // If the request names a tenant by its identifier, the document must be that tenant's.
        Some(asked) if is_guid(asked) => {
            inside(template, &issuer).is_some_and(|own| own.eq_ignore_ascii_case(asked))
        }
        // If the request names a tenant by a domain, the document says which tenant it is.
        Some(asked) if asked.contains('.') => fits(template, &issuer),
        // An open issuer differs from the template only in the name of its placeholder.
        _ => fits(template, &issuer) || around(&issuer).is_some_and(|sides| Some(sides) == around(template)),
    };
    if !issuers.contains(&issuer) && !template.as_ref().is_some_and(is_one_of_many) {
        let detail = format!(
            "the issuer {} was requested, but the metadata names another one, which you must configure exactly if it is \
             the right one: {}; if the server is reached by another name than its issuer, set Provider::discovery too",
            legible(issuers.first().map_or("?", String::as_str)),
            legible(&issuer),
        );
        return Err(Error::validation(Operation::Discovery, Check::IssuerMismatch, detail));
    }
    let secure = is_https(&issuer) && !asked.allows_http;
    let scopes = document.unneeded(document.list("scopes_supported"))?.flatten();
    let grant_types = document.unneeded(document.list("grant_types_supported"))?.flatten();
    let response_types = document.unneeded(document.list("response_types_supported"))?.flatten();
    let challenge_methods = document.unneeded(document.list("code_challenge_methods_supported"))?.flatten();
    let assertion_algorithms = document.list("token_endpoint_auth_signing_alg_values_supported");
    let assertion_algorithms = document.unneeded(assertion_algorithms)?.flatten();
    let attestation_algorithms = document.list("client_attestation_pop_signing_alg_values_supported");
    let attestation_algorithms = document.unneeded(attestation_algorithms)?.flatten();
    let requires_pushed = document.unneeded(document.flag("require_pushed_authorization_requests"))?;
    let requires_signed = document.unneeded(document.flag("require_signed_request_object"))?;
    // If such a list cannot be read, it offers no method and no algorithm.
    let revocation_auth_methods = document.list("revocation_endpoint_auth_methods_supported");
    let revocation_auth_methods = document.unneeded(revocation_auth_methods)?.unwrap_or(Some(Vec::new()));
    let userinfo_algorithms = document.list("userinfo_signing_alg_values_supported");
    let userinfo_algorithms = document.unneeded(userinfo_algorithms)?.unwrap_or(Some(Vec::new()));
    let algorithms = document.list("id_token_signing_alg_values_supported")?;
    let jwks_uri = document.endpoint("jwks_uri", secure)?;
    let offers_openid = match raw.get("scopes_supported") {
        // Malformed, it still says that there are ID tokens, which then must come and are verified.
        Some(Value::String(text)) => text.split([' ', ',']).any(|scope| scope == "openid"),
        _ => scopes.as_ref().is_some_and(|scopes| scopes.iter().any(|scope| scope == "openid")),
    };
    let (path, has) = (from.uri.path(), |name: &str| raw.get(name).is_some());
    // Both kinds are found at RFC 8414's URL. An OpenID Provider says how it signs, or has keys and the scope openid.
    let is_openid = asked.is_openid
        || path.starts_with(OPENID)
        || path.ends_with(OPENID)
        || has("subject_types_supported")
        || has("id_token_signing_alg_values_supported")
        || (has("jwks_uri") && offers_openid);
    let of_openid = jwks_uri.clone().filter(|_| is_openid);
    let openid = of_openid.map(|jwks_uri| OpenId { jwks_uri, algorithms, userinfo_algorithms });
    let metadata = Metadata {
        scopes,
        requires_pushed: requires_pushed.unwrap_or_default(),
        requires_signed: requires_signed.unwrap_or_default(),
        response_types,
        challenge_methods,
        is_openid,
        endpoints: document.endpoints(secure)?,
        mtls_endpoints: document.mtls_endpoints(secure, asked.is_elsewhere)?,
        openid,
        jwks_uri,
        grant_types,
        assertion_algorithms,
        attestation_algorithms,
        token_auth_methods: document.list("token_endpoint_auth_methods_supported")?,
        revocation_auth_methods,
        iss_in_response: document.flag("authorization_response_iss_parameter_supported")?,
        warnings: document.warnings,
        issuer,
        raw,
    };
    for name in [EndpointName::Authorization, EndpointName::Token] {
        if metadata.endpoints.get(name).is_none() && !asked.is_for_resource {
            return Err(fault(&format!(
                "has no {}: a login needs it, so the provider has to add it",
                name.as_str()
            )));
        }
    }
    if asked.is_elsewhere {
        at_the_issuer(&metadata)?;
    }
    Ok(metadata)
}

/// A document at another host does not speak for the issuer. The endpoints that say who signs in, or that get tokens and the
/// client's secret, must be at the issuer's own host. Otherwise the owner of the document's host could sign in as anybody.
fn at_the_issuer(metadata: &Metadata) -> Result<(), Error> {
    let issuer = metadata.issuer.parse::<http::Uri>().ok();
    let host = issuer.as_ref().and_then(http::Uri::authority);
    // Only the browser goes to these two, and it has no secret of the client.
    let is_of_browser =
        |name: &&EndpointName| matches!(**name, EndpointName::Authorization | EndpointName::EndSession);
    let of_client = EndpointName::ALL.iter().filter(|name| !is_of_browser(name));
    let endpoints = of_client.map(|name| (name.as_str(), metadata.endpoints.get(*name)));
    for (name, endpoint) in
        endpoints.chain([("jwks_uri", metadata.openid.as_ref().map(|openid| &openid.jwks_uri))])
    {
        if endpoint.is_some_and(|endpoint| endpoint.uri().authority() != host) {
            let detail = format!(
                "the metadata and its {name} are not at the host of the issuer {}: such a {name} must be there",
                legible(&metadata.issuer)
            );
            return Err(Error::validation(Operation::Discovery, Check::IssuerMismatch, detail));
        }
    }
    Ok(())
}

/// Whether an issuer leaves open which one of many it is: `https://id.example/{tenantid}/v2.0`.
pub(crate) fn is_open(issuer: &str) -> bool {
    around(issuer).is_some()
}

/// Whether an issuer is a template with its one placeholder filled in.
pub(crate) fn fits(template: &str, issuer: &str) -> bool {
    inside(template, issuer).is_some_and(is_segment)
}

/// The part of an issuer in the place of the template's placeholder.
fn inside<'i>(template: &str, issuer: &'i str) -> Option<&'i str> {
    let (before, after) = around(template)?;
    issuer.strip_prefix(before)?.strip_suffix(after)
}

fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// The text before and after the only placeholder of a template, if the placeholder is the name of a claim.
fn around(template: &str) -> Option<(&str, &str)> {
    let (before, name, after) = only_mark(template)?;
    is_segment(name).then_some((before, after))
}

/// The document, or an object in it.
struct Document<'a> {
    members: &'a Value,
    warnings: Vec<Warning>,
    plain: &'a PlainHosts,
}

impl<'a> Document<'a> {
    /// The table of endpoints. `mtls_endpoint_aliases` (RFC 8705 section 5) is an object of the same members: a second table.
    fn endpoints(&mut self, secure: bool) -> Result<Endpoints, Error> {
        Endpoints::read(|name| name.in_metadata().map_or(Ok(None), |member| self.endpoint(member, secure)))
    }

    /// The second table. A document that does not speak for the issuer has none: its aliases could be anywhere.
    fn mtls_endpoints(&mut self, secure: bool, is_elsewhere: bool) -> Result<Endpoints, Error> {
        let Some(members) = self.members.get("mtls_endpoint_aliases").filter(|_| !is_elsewhere) else {
            return Ok(Endpoints::default());
        };
        let mut aliases = Document { members, warnings: Vec::new(), plain: self.plain };
        let table = aliases.endpoints(secure);
        self.warnings.append(&mut aliases.warnings);
        // A client without a certificate does not need them.
        Ok(self.unneeded(table)?.unwrap_or_default())
    }

    /// A value that no login needs: malformed, it is left out with a warning.
    fn unneeded<T>(&mut self, value: Result<T, Error>) -> Result<Option<T>, Error> {
        match value {
            Ok(value) => Ok(Some(value)),
            Err(Error::Response(error)) => {
                self.warnings.push(Warning::new(
                    LeftOut::Metadata,
                    error.detail.replacen("the document", "the metadata", 1),
                ));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// An endpoint. An empty one, or one that is not text, is left out with a warning where no login needs it. A text that is
    /// no URL is refused all the same: applications read these members too.
    fn endpoint(&mut self, name: &str, secure: bool) -> Result<Option<Endpoint>, Error> {
        let text = match self.members.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) if !text.is_empty() => text,
            Some(_) => {
                let malformed = Err(fault(&format!("has no usable {name}: it must be a URL")));
                return if NEEDED.contains(&name) {
                    malformed
                } else {
                    Ok(self.unneeded(malformed)?.flatten())
                };
            }
        };
        let shown = legible(text);
        // An issuer on https must not send secrets to an endpoint on http, not even on loopback.
        if secure && !is_https(text.trim_start()) {
            return Err(insecure(&format!("{name} must be https, as the issuer is: {shown}")));
        }
        match Endpoint::parse_for(text, self.plain) {
            Ok(endpoint) => Ok(Some(endpoint)),
            Err(NotAnEndpoint::Insecure) => {
                Err(insecure(&format!("{name} {}: {shown}", NotAnEndpoint::Insecure)))
            }
            Err(e) => Err(fault(&format!("has no usable {name}: it {e}"))),
        }
    }

    fn list(&self, name: &str) -> Result<Option<Vec<String>>, Error> {
        let texts = |value: &Value| value.as_array()?.iter().map(|e| e.as_str().map(str::to_owned)).collect();
        self.member(name, "a list of texts", texts)
    }

    fn flag(&self, name: &str) -> Result<bool, Error> {
        Ok(self.member(name, "true or false", Value::as_bool)?.unwrap_or_default())
    }

    /// A member that has to be of that type. Absent and `null` are the same.
    fn member<T>(
        &self,
        name: &str,
        kind: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let Some(value) = self.members.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
        let wrong = || fault(&format!("has no usable {name}: it must be {kind}"));
        read(value).map(Some).ok_or_else(wrong)
    }
}

/// RFC 3986 §3.1: schemes have no case.
fn is_https(url: &str) -> bool {
    url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
}

fn fault(what: &str) -> Error {
    Error::response(Operation::Discovery, Malformed::Metadata, format!("the document {what}"))
}

fn insecure(what: &str) -> Error {
    Error::validation(Operation::Discovery, Check::InsecureUrl, format!("in the metadata, {what}"))
}

/// Without these nobody can sign in.
const NEEDED: [&str; 3] = ["authorization_endpoint", "token_endpoint", "jwks_uri"];
/// OpenID Connect Discovery §4.
const OPENID: &str = "/.well-known/openid-configuration";
/// RFC 8414 §3.
const OAUTH: &str = "/.well-known/oauth-authorization-server";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::response::Dialect;
    use crate::secret::Noted;
    use crate::transport::Response;

    fn documents(issuer: &str) -> Vec<String> {
        well_known(issuer, &PlainHosts::default())
            .unwrap()
            .documents
            .iter()
            .map(|d| d.as_str().to_owned())
            .collect()
    }

    #[test]
    fn both_well_known_forms_are_looked_for() {
        assert_eq!(
            documents("https://a.example/op"),
            [
                "https://a.example/op/.well-known/openid-configuration",
                "https://a.example/.well-known/oauth-authorization-server/op",
                "https://a.example/.well-known/openid-configuration/op"
            ]
        );
        assert_eq!(
            documents("https://a.example/"),
            [
                "https://a.example/.well-known/openid-configuration",
                "https://a.example/.well-known/oauth-authorization-server"
            ]
        );
    }

    #[test]
    fn the_url_of_the_document_will_do() {
        for (url, document, issuer) in [
            ("/.well-known/openid-configuration", "/.well-known/openid-configuration", ""),
            ("/.well-known/openid-configuration/", "/.well-known/openid-configuration", ""),
            ("/t/.well-known/openid-configuration?p=x", "/t/.well-known/openid-configuration?p=x", "/t"),
            ("/t/.well-known/openid-configuration/?p=x", "/t/.well-known/openid-configuration?p=x", "/t"),
            ("/.well-known/openid-configuration/t/", "/.well-known/openid-configuration/t", "/t"),
            ("/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server", ""),
            ("/.well-known/oauth-authorization-server/t", "/.well-known/oauth-authorization-server/t", "/t"),
        ] {
            let found = well_known(&format!("https://a.example{url}"), &PlainHosts::default()).unwrap();
            let documents: Vec<_> = found.documents.iter().map(Endpoint::as_str).collect();
            assert_eq!(documents, [format!("https://a.example{document}")], "{url}");
            let issuer = format!("https://a.example{issuer}");
            assert_eq!(found.issuers, [issuer.clone(), format!("{issuer}/")], "{url}");
        }
        let error = well_known("https://a.example/t?p=x", &PlainHosts::default()).unwrap_err().to_string();
        assert!(error.contains("leave out everything from the ? on"), "{error}");
    }

    fn read_document(issuer: &str, more: &str) -> Result<Metadata, Error> {
        read_at("https://a.example/", false, issuer, more)
    }

    fn read_at(place: &'static str, is_openid: bool, issuer: &str, more: &str) -> Result<Metadata, Error> {
        let scheme = issuer.split(':').next().unwrap();
        let body = format!(
            r#"{{"issuer":"{issuer}","authorization_endpoint":"{scheme}://localhost/a","token_endpoint":"{scheme}://localhost/t"{more}}}"#
        );
        let asked = WellKnown {
            is_for_resource: false,
            issuers: vec![issuer.to_owned()],
            documents: Vec::new(),
            template: None,
            is_openid,
            is_elsewhere: false,
            allows_http: false,
            parameters: String::new(),
            plain: PlainHosts::default(),
        };
        let from = Incoming {
            is_proved: false,
            operation: Operation::Discovery,
            uri: &http::Uri::from_static(place),
            noted: &Noted::default(),
            dialect: Dialect::PLAIN,
            response: Response::new(body.into_bytes()),
            now: std::time::SystemTime::UNIX_EPOCH,
        };
        read(&from, &asked)
    }

    #[test]
    fn an_openid_provider_is_known_by_its_place_or_by_what_it_says() {
        let neutral = "https://a.example/.well-known/oauth-authorization-server";
        let (keys, scope) =
            (r#","jwks_uri":"https://a.example/k""#, r#","scopes_supported":["email","openid"]"#);
        let both = format!("{keys}{scope}");
        for (place, asked, more, expected) in [
            (neutral, false, "", false),
            (neutral, true, keys, true),
            ("https://a.example/.well-known/openid-configuration/tenant", false, keys, true),
            ("https://a.example/tenant/.well-known/openid-configuration", false, keys, true),
            (neutral, false, &format!(r#"{keys},"subject_types_supported":["public"]"#), true),
            (neutral, false, &format!(r#"{keys},"id_token_signing_alg_values_supported":["RS256"]"#), true),
            (neutral, false, keys, false),
            (neutral, false, scope, false),
            (neutral, false, &both, true),
            (neutral, false, &both.replace("openid", "profile"), false),
        ] {
            let metadata = read_at(place, asked, "https://a.example", more).unwrap();
            assert_eq!(metadata.openid.is_some(), expected, "{place} {asked} {more}");
        }
    }

    #[test]
    fn a_tenant_s_identifier_is_a_guid() {
        let guid = "72f988bf-0000-4000-8000-2d7cd011DB47";
        assert!(is_guid(guid));
        let domain = "its-36-characters.avalon.example.com";
        for other in [&guid[1..], &format!("{guid}0"), &guid.replace('-', "0"), domain, "common", "cafe", ""]
        {
            assert!(!is_guid(other), "{other}");
        }
    }

    #[test]
    fn an_issuer_is_open_by_one_mark_and_no_more() {
        assert!(is_open("https://a.example/{tenantid}/v2.0") && is_open("https://a.example/{t}"));
        for closed in ["", "/t", "/{}", "/{a/b}", "/{a}/{b}", "/{a", "/a}", "/}{"] {
            assert!(!is_open(&format!("https://a.example{closed}")), "{closed}");
        }
        assert!(fits("https://a.example/{t}/v2", "https://a.example/x/v2"));
        for other in [
            "https://a.example//v2",
            "https://a.example/x/y/v2",
            "https://a.example/x",
            "https://b.example/x/v2",
        ] {
            assert!(!fits("https://a.example/{t}/v2", other), "{other}");
        }
    }

    #[test]
    fn what_matters_must_have_its_type() {
        let issuer = "https://a.example";
        assert!(read_document(issuer, "").is_ok());
        for wrong in [
            r#","jwks_uri":7"#,
            r#","token_endpoint_auth_methods_supported":[1]"#,
            r#","authorization_response_iss_parameter_supported":"true""#,
            r#","jwks_uri":"https://u@a.example""#,
        ] {
            assert_eq!(read_document(issuer, wrong).unwrap_err().code(), "metadata", "{wrong}");
        }
        assert!(read_document(issuer, r#","claims_supported":"all of them""#).is_ok());
    }

    #[test]
    fn what_no_login_needs_may_be_malformed() {
        for (malformed, name) in [
            (r#","grant_types_supported":"code""#, "grant_types_supported"),
            (r#","scopes_supported":"openid email""#, "scopes_supported"),
            (r#","end_session_endpoint":"""#, "end_session_endpoint"),
            (r#","userinfo_endpoint":{}"#, "userinfo_endpoint"),
            (r#","check_session_iframe":7"#, "check_session_iframe"),
            (
                r#","revocation_endpoint_auth_methods_supported":7"#,
                "revocation_endpoint_auth_methods_supported",
            ),
            (r#","userinfo_signing_alg_values_supported":[1]"#, "userinfo_signing_alg_values_supported"),
        ] {
            let metadata = read_document("https://a.example", malformed).unwrap();
            let [warning] = &metadata.warnings[..] else { panic!("{malformed}") };
            assert_eq!(warning.code(), "metadata");
            assert!(warning.to_string().contains(name), "{warning}");
        }
        // A list that cannot be read offers nothing.
        let more = r#","jwks_uri":"https://a.example/k","subject_types_supported":["public"],"userinfo_signing_alg_values_supported":"RS256""#;
        let unread = read_document("https://a.example", more).unwrap().openid.unwrap();
        assert_eq!(unread.userinfo_algorithms.as_deref(), Some(&[][..]));
        let no_url = read_document("https://a.example", r#","revocation_endpoint":"https://""#);
        assert_eq!(no_url.unwrap_err().code(), "metadata");
        let insecure = read_document("https://a.example", r#","end_session_endpoint":"http://a.example""#);
        assert_eq!(insecure.unwrap_err().code(), "insecure_url");
    }

    #[test]
    fn a_malformed_list_of_scopes_does_not_hide_an_openid_provider() {
        let more = r#","jwks_uri":"https://a.example/k","scopes_supported":"email openid""#;
        let place = "https://a.example/.well-known/oauth-authorization-server";
        assert!(read_at(place, false, "https://a.example", more).unwrap().openid.is_some());
    }

    #[test]
    fn an_https_issuer_names_https_endpoints() {
        for url in ["http://a.example/k", "http://127.0.0.1/k", "javascript:alert(1)", "file:///k", "data:,x"]
        {
            let error = read_document("https://a.example", &format!(r#","jwks_uri":"{url}""#)).unwrap_err();
            assert_eq!(error.code(), "insecure_url", "{url}");
        }
        assert!(read_document("http://localhost", r#","jwks_uri":"http://localhost/k""#).is_ok());
    }
}
