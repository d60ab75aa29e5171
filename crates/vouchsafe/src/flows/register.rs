//! Registering a client at a provider (RFC 7591), and managing its registration (RFC 7592).
use std::sync::Arc;
use std::time::SystemTime;

use http::Method;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use vouchsafe_providers::{ClientAuth, EndpointName};

use crate::call::Sender;
use crate::endpoint::Endpoint;
use crate::error::{ConfigProblem, Error, Feature, Operation, Warning};
use crate::jose::jwe::DEFAULT_ENC;
use crate::protocol::client_registration::{
    ClientInformation, ClientMetadata, DeregistrationRequest, RegistrationRequest, updated,
};
use crate::provider::{Provider, Server};
use crate::registration::Registration;
use crate::secret::{Noted, Secret, opaque};
use crate::text::json::{Map, Value};
use crate::text::moment::Seconds;
use crate::text::version::Version;
use crate::transport::{BoxFuture, Http};

impl Provider {
    /// Registers a client (RFC 7591, OpenID Connect Registration 1.0). Await it to get the [`RegisteredClient`].
    ///
    /// Each call makes another client at the provider. [`Registrations`](crate::vault::Registrations) keeps it in a store, so that a
    /// program registers once.
    ///
    /// ```no_run
    /// # async fn f(http: vouchsafe::Http) -> Result<(), vouchsafe::Error> {
    /// use vouchsafe::{Client, ClientMetadata, Provider};
    ///
    /// let provider = Provider::openid("https://id.example.com");
    /// let metadata = ClientMetadata::new().redirect_uri("https://app.example.com/callback").client_name("My application");
    /// let registered = provider.register(metadata, &http).await?;
    /// let client = Client::new(provider, registered.registration(), &http)?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the provider has no registration endpoint; [`Error::Server`] if it refused the client, such as with
    /// `invalid_redirect_uri` or `invalid_client_metadata`; [`Error::Validation`] if it registered other redirect URIs than these.
    pub fn register<'a>(&'a self, metadata: ClientMetadata, http: &'a Http) -> Register<'a> {
        Register { provider: self, metadata, token: None, http }
    }
}

/// A client that is about to be registered. Await it to get the [`RegisteredClient`].
#[derive(Clone)]
#[must_use = "the request is sent by .await"]
pub struct Register<'a> {
    provider: &'a Provider,
    metadata: ClientMetadata,
    token: Option<Secret>,
    http: &'a Http,
}

opaque!(Register<'_>);

impl<'a> Register<'a> {
    /// The initial access token, by which the provider lets this program register clients (RFC 7591 section 3).
    pub fn initial_access_token(mut self, token: impl Into<Secret>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// The issuer of the provider, as far as it is known without a request.
    pub(crate) fn issuer(&self) -> Result<String, Error> {
        Ok(self.provider.server(NOBODY)?.provenance.issuer.clone())
    }

    pub(crate) fn http(&self) -> &'a Http {
        self.http
    }

    async fn request(self) -> Result<RegisteredClient, Error> {
        let Self { provider, metadata, token, http } = self;
        metadata.check()?;
        let server = discovered(provider, http).await?;
        let endpoint = server.endpoint(EndpointName::Registration)?;
        let body = metadata.body();
        let request = RegistrationRequest {
            method: Method::POST,
            metadata: Some(&body),
            token: token.as_ref(),
            client_id: None,
            issuer: &server.provenance.issuer,
            plain: &http.plain,
        };
        let mut information = send(http, endpoint, &request, &[]).await?;
        // A provider that does not repeat them has registered what was requested (RFC 7591 section 3.2.1).
        for (name, value) in body {
            information.metadata.entry(name).or_insert(value);
        }
        Ok(RegisteredClient {
            information,
            issuer: server.provenance.issuer.clone(),
            asked: self.provider.server(NOBODY)?.provenance.issuer.clone(),
        })
    }
}

impl<'a> IntoFuture for Register<'a> {
    type Output = Result<RegisteredClient, Error>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.request())
    }
}

/// The provider with its metadata, which is fetched if it is not known.
async fn discovered(provider: &Provider, http: &Http) -> Result<Arc<Server>, Error> {
    let provider = provider.clone();
    let provider = if provider.metadata.is_some() {
        provider.reached_by(http)
    } else {
        provider.fetch_metadata(http).await?
    };
    Ok(Arc::new(provider.server(NOBODY)?.discovered(provider.metadata, &Registration::new(NOBODY))?))
}

async fn send(
    http: &Http,
    endpoint: &Endpoint,
    request: &RegistrationRequest<'_>,
    secrets: &[&str],
) -> Result<ClientInformation, Error> {
    let noted = Noted::knowing(secrets.iter().copied());
    let sender = Sender::plain(http, &noted);
    let sent = sender.send(endpoint, None, request).await;
    sent.map_err(|error| noted.hidden(|secrets| error.without(secrets)))
}

/// A client that was registered at a provider. It serialises, secrets included, for the place where you store it; its `Debug` output
/// shows none.
#[derive(Clone)]
pub struct RegisteredClient {
    information: ClientInformation,
    /// The issuer of the provider.
    issuer: String,
    /// The issuer before the metadata was known.
    asked: String,
}

opaque!(RegisteredClient);

impl RegisteredClient {
    /// The client id.
    pub fn client_id(&self) -> &str {
        &self.information.client_id
    }

    /// The client secret, if the provider gave one.
    pub fn client_secret(&self) -> Option<&Secret> {
        self.information.secret.as_ref()
    }

    /// When the client secret expires. `None` if it never does, or if the provider does not say.
    pub fn client_secret_expires_at(&self) -> Option<SystemTime> {
        self.information.secret_expires_at
    }

    /// When the client was registered, if the provider says so.
    pub fn client_id_issued_at(&self) -> Option<SystemTime> {
        self.information.issued_at
    }

    /// Whether the client secret has expired.
    pub fn is_expired(&self) -> bool {
        self.client_secret_expires_at().is_some_and(|at| at <= SystemTime::now())
    }

    /// The issuer of the provider.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The issuer that the program named when it registered.
    pub(crate) fn asked(&self) -> &str {
        &self.asked
    }

    /// The URL of its management (`registration_client_uri`, RFC 7592), if the provider has it.
    pub fn registration_client_uri(&self) -> Option<&str> {
        self.information.management.as_ref().map(|(uri, _)| uri.as_str())
    }

    /// The token for its management (`registration_access_token`).
    pub fn registration_access_token(&self) -> Option<&Secret> {
        self.information.management.as_ref().map(|(_, token)| token)
    }

    /// A member of the registered metadata, such as `grant_types`. The provider may have changed what was requested:
    /// [`RegisteredClient::warnings`].
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.information.metadata.get(name)
    }

    /// The values that the provider replaced. The list is not stored.
    pub fn warnings(&self) -> &[Warning] {
        &self.information.warnings
    }

    /// The registration to make a [`Client`](crate::Client) of: the client id, the secret, the first redirect URI, how the client
    /// authenticates, the algorithm of its ID tokens, and how the provider and the client encrypt. Add a key by which it authenticates
    /// with [`Registration::credential`], and the keys that decrypt with [`Registration::decryption_key`].
    pub fn registration(&self) -> Registration {
        let text = |name: &str| self.get(name).and_then(Value::as_str);
        let mut registration = Registration::new(self.client_id());
        if let Some(uri) = self.get("redirect_uris").and_then(|uris| uris.get(0)).and_then(Value::as_str) {
            registration = registration.redirect_uri(uri);
        }
        // RFC 7591 §2: without a word about it, it is client_secret_basic.
        let method = text("token_endpoint_auth_method").unwrap_or("client_secret_basic");
        let secret = self.client_secret().cloned();
        match ClientAuth::from_name(method) {
            // Some providers give a secret to every client. A method that does not need it must not send it.
            Some(ClientAuth::None) => {}
            Some(method)
                if method.is_certificate()
                    || matches!(method, ClientAuth::PrivateKeyJwt | ClientAuth::AttestJwtClientAuth) =>
            {
                registration = registration.client_auth(method);
            }
            Some(method) if secret.is_some() => registration = registration.client_auth(method),
            _ => {}
        }
        let by_secret = method.starts_with("client_secret_");
        registration = secret.filter(|_| by_secret).into_iter().fold(registration, Registration::secret);
        type Set = fn(Registration, String, String) -> Registration;
        let encryptions: [(&str, Set); 4] = [
            ("id_token_encrypted_response", Registration::id_token_encryption),
            ("userinfo_encrypted_response", Registration::userinfo_encryption),
            ("authorization_encrypted_response", Registration::authorization_response_encryption),
            ("request_object_encryption", Registration::request_object_encryption),
        ];
        for (name, set) in encryptions {
            if let Some(alg) = text(&format!("{name}_alg")) {
                let enc = text(&format!("{name}_enc")).unwrap_or(DEFAULT_ENC);
                registration = set(registration, alg.to_owned(), enc.to_owned());
            }
        }
        // An ID token without a signature is never accepted: then those algorithms count that the metadata announces.
        match text("id_token_signed_response_alg").filter(|name| *name != "none") {
            Some(name) => registration.id_token_algorithms([name]),
            None => registration,
        }
    }

    /// Reads the registration from the provider (RFC 7592 section 2.1). The provider may give a new secret or a new token for the
    /// management: store the result in place of this value.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the provider has no management of clients; [`Error::Server`] or [`Error::Http`] with the status 401 if
    /// the client is gone.
    pub async fn read(&self, http: &Http) -> Result<Self, Error> {
        self.manage(Method::GET, None, http).await
    }

    /// Changes the registration (RFC 7592 section 2.2): the registered metadata with these members in place of the old ones. A member
    /// that is `null` is removed.
    ///
    /// # Errors
    /// As [`RegisteredClient::read`], and as [`Provider::register`]. An old secret or token that the provider replaced is worth nothing
    /// any more: store the result in place of this value.
    pub async fn update(&self, changes: ClientMetadata, http: &Http) -> Result<Self, Error> {
        changes.over(&self.information.metadata).check()?;
        let body = updated(self.client_id(), &self.information.metadata, &changes);
        self.manage(Method::PUT, Some(&body), http).await
    }

    /// Deletes the client at the provider (RFC 7592 section 2.3). All its tokens may end with it.
    ///
    /// # Errors
    /// As [`RegisteredClient::read`].
    pub async fn delete(&self, http: &Http) -> Result<(), Error> {
        let (endpoint, token) = self.management(http)?;
        let noted = Noted::knowing(self.secrets());
        let sender = Sender::plain(http, &noted);
        let sent = sender.send(&endpoint, None, &DeregistrationRequest { token }).await;
        sent.map_err(|error| noted.hidden(|secrets| error.without(secrets)))
    }

    async fn manage(
        &self,
        method: Method,
        metadata: Option<&Map<String, Value>>,
        http: &Http,
    ) -> Result<Self, Error> {
        let (endpoint, token) = self.management(http)?;
        let request = RegistrationRequest {
            method,
            metadata,
            token: Some(token),
            client_id: Some(self.client_id()),
            issuer: &self.issuer,
            plain: &http.plain,
        };
        let mut information = send(http, &endpoint, &request, &self.secrets()).await?;
        let old = &self.information;
        // RFC 7592 §3: what comes replaces the old. What does not come has not changed.
        if information.secret.is_none() {
            information.secret.clone_from(&old.secret);
            information.secret_expires_at = old.secret_expires_at;
        }
        information.management = information.management.or_else(|| old.management.clone());
        information.issued_at = information.issued_at.or(old.issued_at);
        let kept = metadata.unwrap_or(&old.metadata);
        for (name, value) in kept.iter().filter(|(name, _)| *name != "client_id") {
            information.metadata.entry(name.clone()).or_insert_with(|| value.clone());
        }
        Ok(Self { information, issuer: self.issuer.clone(), asked: self.asked.clone() })
    }

    fn management(&self, http: &Http) -> Result<(Endpoint, &Secret), Error> {
        let Some((uri, token)) = &self.information.management else {
            let detail = "the provider gave no registration_client_uri, so the client cannot be managed by a program: use the provider's console";
            return Err(Error::unsupported(Operation::Registration, Feature::ClientManagement, detail));
        };
        let endpoint = Endpoint::parse_for(uri, &http.plain).map_err(|why| {
            Error::config(ConfigProblem::InsecureUrl, format!("the stored registration_client_uri {why}"))
        })?;
        Ok((endpoint, token))
    }

    fn secrets(&self) -> Vec<&str> {
        [self.client_secret(), self.registration_access_token()]
            .into_iter()
            .flatten()
            .map(Secret::expose)
            .collect()
    }
}

/// The stored form. A change of this form needs another version.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    v: Version<1>,
    issuer: String,
    asked: String,
    client_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret_expires_at: Option<Seconds>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    issued_at: Option<Seconds>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    management: Option<(String, String)>,
    metadata: Map<String, Value>,
}

impl Serialize for RegisteredClient {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ClientInformation { client_id, secret, management, metadata, .. } = &self.information;
        Kept {
            v: Version,
            issuer: self.issuer.clone(),
            asked: self.asked.clone(),
            client_id: client_id.clone(),
            client_secret: secret.as_ref().map(|secret| secret.expose().to_owned()),
            secret_expires_at: self.information.secret_expires_at.map(Seconds::of),
            issued_at: self.information.issued_at.map(Seconds::of),
            management: management.as_ref().map(|(uri, token)| (uri.clone(), token.expose().to_owned())),
            metadata: metadata.clone(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RegisteredClient {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let kept = Kept::deserialize(deserializer)?;
        let information = ClientInformation {
            client_id: kept.client_id,
            secret: kept.client_secret.map(Secret::new),
            secret_expires_at: kept.secret_expires_at.and_then(Seconds::time),
            issued_at: kept.issued_at.and_then(Seconds::time),
            management: kept.management.map(|(uri, token)| (uri, Secret::new(token))),
            metadata: kept.metadata,
            warnings: Vec::new(),
        };
        Ok(Self { information, issuer: kept.issuer, asked: kept.asked })
    }
}

/// The provider is asked on behalf of no client.
const NOBODY: &str = "client";
