//! A request to a provider as a value, which also reads the response.
use std::collections::BTreeMap;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Uri};
use serde_json::{Map, Value};
use vouchsafe_providers::{ClientAuth, Encoding, UserInfoQuirks};

use super::client_auth::Credentials;
use super::quirks::{UNCHANGED, called};
use super::response::{Dialect, Incoming};
use crate::attestation::{ATTESTATION, PROOF};
use crate::dpop::Proves;
use crate::endpoint::Endpoint;
use crate::error::{Error, Operation};
use crate::secret::{Noted, Secret};
use crate::text::form::escape;
use crate::transport::Request;

/// A request to a provider, and how its response is read.
pub(crate) trait Call {
    type Output;

    /// The operation that the request belongs to.
    fn operation(&self) -> Operation;

    /// How the provider's responses depart from the RFCs.
    fn dialect(&self) -> Dialect<'_> {
        Dialect::PLAIN
    }

    /// Whether the request carries a DPoP proof, if the client has a key for it.
    fn proves(&self) -> Proves<'_> {
        Proves::Nothing
    }

    /// Writes the request.
    fn write<'a>(&'a self, to: &mut Outgoing<'a>) -> Result<(), Error>;

    /// Reads the response.
    fn read(&self, from: Incoming<'_>) -> Result<Self::Output, Error>;
}

/// A request that is being written. Its secrets are noted, so no error shows them.
pub(crate) struct Outgoing<'a> {
    endpoint: &'a Endpoint,
    /// Who the client is and how it authenticates, if it does.
    auth: Option<(&'a Credentials, ClientAuth)>,
    noted: &'a Noted<'a>,
    encoding: Encoding,
    /// Names of parameters that differ from the RFCs; the first table that has a name counts.
    names: [&'a BTreeMap<String, String>; 2],
    query: String,
    form: String,
    members: Map<String, Value>,
    text: Option<String>,
    bytes: Option<Vec<u8>>,
    method: Option<Method>,
    headers: HeaderMap,
}

impl<'a> Outgoing<'a> {
    pub(crate) fn new(
        endpoint: &'a Endpoint,
        auth: Option<(&'a Credentials, ClientAuth)>,
        noted: &'a Noted<'a>,
    ) -> Self {
        if let Some((credentials, _)) = auth {
            noted.note_all(credentials.secrets());
        }
        Self {
            endpoint,
            auth,
            noted,
            encoding: Encoding::Form,
            names: [&UNCHANGED; 2],
            query: String::new(),
            form: String::new(),
            members: Map::new(),
            text: None,
            bytes: None,
            method: None,
            // Room for the headers that the transport adds as well.
            headers: HeaderMap::with_capacity(8),
        }
    }

    /// Sets where parameters go and which names they have.
    pub(crate) fn encode(&mut self, encoding: Encoding, names: [&'a BTreeMap<String, String>; 2]) {
        (self.encoding, self.names) = (encoding, names);
        if encoding == Encoding::Form {
            self.form.reserve(384);
        }
    }

    /// Overrides the method of the encoding.
    pub(crate) fn method(&mut self, method: Method) {
        self.method = Some(method);
    }

    /// Adds a parameter under its name at this provider; leaves it out if that name is empty.
    pub(crate) fn push(&mut self, name: &str, value: &str) {
        match called(self.names, name) {
            "" => {}
            name => self.add(name, value),
        }
    }

    /// Adds a secret parameter under its name at this provider.
    pub(crate) fn push_secret(&mut self, name: &str, value: &str) {
        self.noted.note(value);
        self.push(name, value);
    }

    /// Adds a parameter under exactly this name.
    pub(crate) fn add(&mut self, name: &str, value: &str) {
        match self.encoding {
            Encoding::Json => {
                self.members.insert(name.to_owned(), value.into());
            }
            Encoding::Query => add(&mut self.query, name, value),
            _ => add(&mut self.form, name, value),
        }
    }

    /// Adds a secret parameter under exactly this name.
    pub(crate) fn add_secret(&mut self, name: &str, value: &str) {
        self.noted.note(value);
        self.add(name, value);
    }

    /// Adds a secret parameter to the query, wherever the others go.
    pub(crate) fn add_to_query(&mut self, name: &str, value: &Secret) {
        self.noted.note(value.expose());
        add(&mut self.query, name, value.expose());
    }

    pub(crate) fn add_all(&mut self, params: &BTreeMap<String, String>) {
        for (name, value) in params {
            self.add(name, value);
        }
    }

    /// Adds headers; they replace headers of the same name.
    pub(crate) fn headers(&mut self, headers: &HeaderMap) {
        headers.iter().for_each(|(name, value)| drop(self.headers.insert(name, value.clone())));
    }

    /// Puts a token into a header, behind a scheme and a space; bare if there is no scheme.
    pub(crate) fn token(&mut self, header: HeaderName, scheme: &str, token: &Secret) {
        self.noted.note(token.expose());
        self.headers.insert(header, authorization(scheme, token));
    }

    /// Puts the client secret into a header, in the middle of other text.
    pub(crate) fn secret_in_header(&mut self, header: HeaderName, template: &str, secret: &Secret) {
        self.noted.note(secret.expose());
        let text = Secret::new(template.replace(UserInfoQuirks::CLIENT_SECRET, secret.expose()));
        self.token(header, "", &text);
    }

    /// Puts a text into the body.
    pub(crate) fn body(&mut self, text: &str) {
        self.text = Some(text.to_owned());
    }

    /// Whether [`Outgoing::authenticate`] adds the client id as a parameter.
    pub(crate) fn names_client(&self) -> bool {
        self.auth.is_some_and(|(_, method)| method != ClientAuth::ClientSecretBasic)
    }

    /// Takes method, headers and body from a request of the application.
    pub(crate) fn whole(&mut self, request: &Request) {
        self.method = Some(request.method().clone());
        self.headers(request.headers());
        self.headers.entry(ACCEPT).or_insert(ANYTHING);
        self.bytes = Some(request.body().clone());
    }

    /// Adds the client's authentication (RFC 6749 section 2.3), where the client authenticates.
    pub(crate) fn authenticate(&mut self) {
        let Some((credentials, method)) = self.auth else { return };
        match method {
            ClientAuth::ClientSecretBasic => {
                if let Some(basic) = &credentials.basic {
                    self.headers.insert(AUTHORIZATION, basic.clone());
                }
            }
            ClientAuth::ClientSecretPost => {
                self.push("client_id", &credentials.client_id);
                if let Some(secret) = credentials.secret() {
                    self.push("client_secret", secret.expose());
                }
            }
            ClientAuth::PrivateKeyJwt | ClientAuth::ClientSecretJwt => {
                self.push("client_id", &credentials.client_id);
                if let Some(assertion) = &credentials.assertion {
                    self.add("client_assertion_type", JWT_BEARER);
                    self.add_secret("client_assertion", assertion.expose());
                }
            }
            _ => {
                self.push("client_id", &credentials.client_id);
                if let Some([attestation, proof]) = &credentials.attestation {
                    self.token(ATTESTATION, "", attestation);
                    self.token(PROOF, "", proof);
                }
            }
        }
    }

    /// The request, by POST unless the parameters go into the query or another method was asked for.
    pub(crate) fn request(mut self) -> Request {
        // In one order, also where serde_json keeps the order of insertion (`preserve_order`).
        self.members.sort_keys();
        let (usual, content_type, body) = match (self.text, self.encoding) {
            _ if self.bytes.is_some() => (Method::GET, None, self.bytes.unwrap_or_default()),
            (Some(text), _) => (Method::POST, Some(JSON), text.into_bytes()),
            (None, Encoding::Query) => (Method::GET, None, Vec::new()),
            (None, Encoding::Json) => {
                (Method::POST, Some(JSON), Value::Object(self.members).to_string().into_bytes())
            }
            (None, _) => (Method::POST, Some(FORM).filter(|_| !self.form.is_empty()), self.form.into_bytes()),
        };
        let mut request = Request::new(body);
        *request.method_mut() = self.method.unwrap_or(usual);
        *request.uri_mut() = with_query(self.endpoint, &self.query);
        if let Some(content_type) = content_type {
            self.headers.entry(CONTENT_TYPE).or_insert(content_type);
        }
        self.headers.entry(ACCEPT).or_insert(JSON);
        *request.headers_mut() = self.headers;
        request
    }
}

fn add(form: &mut String, name: &str, value: &str) {
    if !form.is_empty() {
        form.push('&');
    }
    escape(form, name);
    form.push('=');
    escape(form, value);
}

/// The value of `Authorization`, which is not shown.
fn authorization(scheme: &str, token: &Secret) -> HeaderValue {
    let space = if scheme.is_empty() { "" } else { " " };
    let text = Secret::new(format!("{scheme}{space}{}", token.expose()));
    // Tokens hold visible ASCII alone: `Tokens` are not made of anything else.
    let mut value = HeaderValue::from_str(text.expose()).unwrap_or(HeaderValue::from_static("?"));
    value.set_sensitive(true);
    value
}

/// An endpoint with more parameters in its query.
fn with_query(endpoint: &Endpoint, query: &str) -> Uri {
    let plain = endpoint.uri().clone();
    if query.is_empty() {
        return plain;
    }
    let separator = if plain.query().is_some() { '&' } else { '?' };
    // A URL and form-encoded text make a URL, unless it is longer than any: then the provider says what is missing.
    format!("{plain}{separator}{query}").parse().unwrap_or(plain)
}

/// RFC 7523 §2.2.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The application knows what it asks for.
const ANYTHING: HeaderValue = HeaderValue::from_static("*/*");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
