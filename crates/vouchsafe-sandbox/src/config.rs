//! Users and clients, as a sandbox is configured with them.

use std::fmt;

use serde_json::{Map, Value};
use url::{Host, Url};

use crate::wire::{Recipient, Scopes};

mod strong;

pub use strong::DpopNonces;
pub(crate) use strong::{Demands, Strong};

/// A user who can sign in at the sandbox with one click and no password.
///
/// ```
/// use vouchsafe_sandbox::User;
///
/// let dave = User::new("dave").with_name("Dave", "Bowman").with_verified_email("dave@example.com");
/// assert_eq!(dave.subject(), "sandbox-user-dave");
/// ```
#[derive(Clone, Debug)]
pub struct User {
    username: String,
    subject: String,
    name: Option<(String, String)>,
    email: Option<(String, bool)>,
    claims: Map<String, Value>,
}

impl User {
    /// A user of this name, without an e-mail address.
    ///
    /// The subject is derived from the name but differs from it, so that a test notices when they are mixed up.
    pub fn new(username: impl Into<String>) -> Self {
        let username = username.into();
        let subject = format!("sandbox-user-{username}");
        Self { username, subject, name: None, email: None, claims: Map::new() }
    }

    /// Alice Liddell, whose e-mail address is verified.
    pub fn alice() -> Self {
        Self::new("alice").with_name("Alice", "Liddell").with_verified_email("alice@example.com")
    }

    /// Bob Sawyer, whose e-mail address is not verified: an application must not link accounts by it.
    pub fn bob() -> Self {
        Self::new("bob").with_name("Bob", "Sawyer").with_unverified_email("bob@example.com")
    }

    /// Carol Kennicott, who has no e-mail address at all.
    pub fn carol() -> Self {
        Self::new("carol").with_name("Carol", "Kennicott")
    }

    /// Replaces the subject, the claim `sub`.
    pub fn with_subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = subject.into();
        self
    }

    /// Sets the claims `given_name` and `family_name`, and `name` from both.
    pub fn with_name(mut self, given: impl Into<String>, family: impl Into<String>) -> Self {
        self.name = Some((given.into(), family.into()));
        self
    }

    /// Sets the e-mail address, with `email_verified` true.
    pub fn with_verified_email(mut self, email: impl Into<String>) -> Self {
        self.email = Some((email.into(), true));
        self
    }

    /// Sets the e-mail address, with `email_verified` false.
    pub fn with_unverified_email(mut self, email: impl Into<String>) -> Self {
        self.email = Some((email.into(), false));
        self
    }

    /// Adds your own claim to every ID token and UserInfo response, with any scope.
    ///
    /// The claims that the protocol defines for an ID token (`iss`, `aud`, `exp`, …) cannot be replaced.
    pub fn with_claim(mut self, name: impl Into<String>, value: Value) -> Self {
        self.claims.insert(name.into(), value);
        self
    }

    /// The name on the login page and for [`Sandbox::person`](crate::Sandbox::person).
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The claim `sub`.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The e-mail address, if there is one.
    pub fn email(&self) -> Option<&str> {
        self.email.as_ref().map(|(email, _)| email.as_str())
    }

    /// Whether the sandbox vouches for the e-mail address.
    pub fn email_verified(&self) -> bool {
        self.email.as_ref().is_some_and(|(_, verified)| *verified)
    }

    /// The given name and the family name.
    pub(crate) fn names(&self) -> Option<(&str, &str)> {
        self.name.as_ref().map(|(given, family)| (given.as_str(), family.as_str()))
    }

    pub(crate) fn display_name(&self) -> String {
        match &self.name {
            Some((given, family)) => format!("{given} {family}"),
            None => self.username.clone(),
        }
    }

    /// The claims for these scopes, OpenID Connect Core section 5.4.
    pub(crate) fn claims(&self, scopes: &Scopes, email_verified: bool) -> Map<String, Value> {
        let mut claims = self.claims.clone();
        let mut claim = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        claim("sub", self.subject.clone().into());
        if scopes.contains("profile") {
            claim("name", self.display_name().into());
            claim("preferred_username", self.username.clone().into());
            if let Some((given, family)) = self.names() {
                claim("given_name", given.into());
                claim("family_name", family.into());
            }
        }
        if let Some(email) = self.email().filter(|_| scopes.contains("email")) {
            claim("email", email.into());
            claim("email_verified", email_verified.into());
        }
        claims
    }
}

/// The settings of a sandbox that every endpoint reads.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) users: Vec<User>,
    /// In seconds.
    pub(crate) access_token_lifetime: u64,
    /// The API that access tokens are for. If there is one, they are JWTs.
    pub(crate) audience: Option<String>,
    pub(crate) consent: bool,
    pub(crate) demands: Demands,
    /// The token by which programs may register clients. Without one, anybody may.
    pub(crate) initial_access_token: Option<String>,
}

/// A client that is registered at the sandbox.
///
/// The two built-in clients are enough for most uses: see [`Sandbox::client_id`](crate::Sandbox::client_id) and
/// [`Sandbox::public_client_id`](crate::Sandbox::public_client_id).
///
/// ```
/// use vouchsafe_sandbox::ClientConfig;
///
/// let shop = ClientConfig::confidential("shop", "not-a-real-secret")
///     .redirect_uri("https://shop.example/callback")
///     .signing_alg("ES256");
/// # let _ = shop;
/// ```
#[derive(Clone)]
pub struct ClientConfig {
    pub(crate) id: String,
    pub(crate) secret: Option<String>,
    pub(crate) redirect_uris: Vec<String>,
    pub(crate) post_logout_redirect_uris: Vec<String>,
    pub(crate) signing_alg: Option<String>,
    pub(crate) logout_uris: LogoutUris,
    pub(crate) strong: Strong,
    pub(crate) encrypted: Encrypted,
}

/// How the sandbox encrypts what it sends for a client.
#[derive(Clone, Debug, Default)]
pub(crate) struct Encrypted {
    key: Option<Value>,
    /// `alg` and `enc`.
    id_token: Option<(String, String)>,
    userinfo: Option<(String, String)>,
    response: Option<(String, String)>,
}

impl Encrypted {
    pub(crate) fn id_token(&self) -> Option<Recipient> {
        self.recipient(&self.id_token)
    }

    pub(crate) fn userinfo(&self) -> Option<Recipient> {
        self.recipient(&self.userinfo)
    }

    pub(crate) fn response(&self) -> Option<Recipient> {
        self.recipient(&self.response)
    }

    /// All that is encrypted for the client.
    pub(crate) fn all(&self) -> impl Iterator<Item = Recipient> {
        [self.id_token(), self.userinfo(), self.response()].into_iter().flatten()
    }

    fn recipient(&self, names: &Option<(String, String)>) -> Option<Recipient> {
        let (alg, enc) = names.clone()?;
        Some(Recipient { jwk: self.key.clone().unwrap_or_default(), alg, enc })
    }
}

/// Where a client learns of logouts.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogoutUris {
    pub(crate) backchannel: Option<String>,
    pub(crate) frontchannel: Option<String>,
}

impl ClientConfig {
    /// A client with a secret. It authenticates with `client_secret_basic` or `client_secret_post`.
    pub fn confidential(id: impl Into<String>, secret: impl Into<String>) -> Self {
        let secret = Some(secret.into());
        Self {
            id: id.into(),
            secret,
            redirect_uris: vec![],
            post_logout_redirect_uris: vec![],
            signing_alg: None,
            logout_uris: LogoutUris::default(),
            strong: Strong::default(),
            encrypted: Encrypted::default(),
        }
    }

    /// A client without a secret. It must use PKCE. With [keys](Self::jwks) or a [certificate](Self::certificate) it becomes a
    /// confidential client without a secret.
    pub fn public(id: impl Into<String>) -> Self {
        Self { secret: None, ..Self::confidential(id, String::new()) }
    }

    /// Registers a redirect URI. Without any, every loopback redirect URI is accepted.
    ///
    /// It is compared as text. Only the port of a loopback address may differ (RFC 8252 section 7.3).
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uris.push(uri.into());
        self
    }

    /// Registers a URI to return to after logout. Without any, every loopback URI is accepted.
    pub fn post_logout_redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.post_logout_redirect_uris.push(uri.into());
        self
    }

    /// Registers the URI to which the sandbox posts logout tokens when a session of the client ends (OpenID Connect Back-Channel
    /// Logout). It is an `http` URI on a loopback address.
    pub fn backchannel_logout_uri(mut self, uri: impl Into<String>) -> Self {
        self.logout_uris.backchannel = Some(uri.into());
        self
    }

    /// Registers the URI that the page after a logout shows in a frame (OpenID Connect Front-Channel Logout), with the parameters
    /// `iss` and `sid`.
    pub fn frontchannel_logout_uri(mut self, uri: impl Into<String>) -> Self {
        self.logout_uris.frontchannel = Some(uri.into());
        self
    }

    /// The public key that the sandbox encrypts for this client with, as a JWK: an RSA key, or one on P-256.
    pub fn encryption_key(mut self, jwk: Value) -> Self {
        self.encrypted.key = Some(jwk);
        self
    }

    /// Encrypts this client's ID tokens and logout tokens (`id_token_encrypted_response_alg` and `…_enc` of OpenID Connect
    /// Dynamic Client Registration) with its [`encryption_key`](Self::encryption_key). `alg` is `RSA-OAEP-256`, `ECDH-ES`,
    /// `ECDH-ES+A128KW` or `ECDH-ES+A256KW`, `enc` is `A128GCM`, `A256GCM`, `A128CBC-HS256` or `A256CBC-HS512`.
    pub fn id_token_encryption(mut self, alg: impl Into<String>, enc: impl Into<String>) -> Self {
        self.encrypted.id_token = Some((alg.into(), enc.into()));
        self
    }

    /// Signs and encrypts this client's UserInfo, as [`id_token_encryption`](Self::id_token_encryption) does ID tokens.
    pub fn userinfo_encryption(mut self, alg: impl Into<String>, enc: impl Into<String>) -> Self {
        self.encrypted.userinfo = Some((alg.into(), enc.into()));
        self
    }

    /// Encrypts this client's signed authorization responses (`authorization_encrypted_response_alg` and `…_enc`, JARM section 3), as
    /// [`id_token_encryption`](Self::id_token_encryption) does ID tokens. Responses that are not asked for as a JWT stay as they are.
    pub fn authorization_response_encryption(
        mut self,
        alg: impl Into<String>,
        enc: impl Into<String>,
    ) -> Self {
        self.encrypted.response = Some((alg.into(), enc.into()));
        self
    }

    /// Signs this client's ID tokens with this algorithm instead of the sandbox's default
    /// (`id_token_signed_response_alg` of OpenID Connect Dynamic Client Registration). `HS256`, `HS384` and `HS512` are HMACs with
    /// the client secret.
    pub fn signing_alg(mut self, alg: impl Into<String>) -> Self {
        self.signing_alg = Some(alg.into());
        self
    }
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConfig")
            .field("id", &self.id)
            .field("confidential", &self.secret.is_some())
            .field("redirect_uris", &self.redirect_uris)
            .finish_non_exhaustive()
    }
}

/// Whether a client with these registered URIs may return to this one.
pub(crate) fn accepts(registered: &[String], uri: &str) -> bool {
    // `Url` silently repairs white space, backslashes and a missing `//`. None of these may reach a `Location` header.
    let is_clean = uri.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    // RFC 6749 section 3.1.2: an absolute URI without a fragment.
    let url = Url::parse(uri).ok().filter(|url| is_clean && url.fragment().is_none());
    let Some(url) = url else { return false };
    let is_local = is_loopback(uri, &url);
    let differs_by_port = |known: &String| {
        let other = Url::parse(known).ok().filter(|other| is_local && is_loopback(known, other));
        other.is_some_and(|other| without_port(&other) == without_port(&url))
    };
    (registered.is_empty() && is_local)
        || registered.iter().any(|known| known == uri || differs_by_port(known))
}

fn is_loopback(text: &str, url: &Url) -> bool {
    let host = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    let scheme = text.starts_with("http://") || text.starts_with("https://");
    host && scheme && url.username().is_empty() && url.password().is_none()
}

fn without_port(url: &Url) -> (&str, Option<&str>, &str, Option<&str>) {
    (url.scheme(), url.host_str(), url.path(), url.query())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_registration_only_loopback_redirect_uris_are_accepted() {
        let client = ClientConfig::public("app");
        for uri in
            ["http://127.0.0.1:1/cb", "http://localhost/", "http://[::1]:9/x?y=z", "https://localhost:3"]
        {
            assert!(accepts(&client.redirect_uris, uri), "{uri}");
        }
        for uri in [
            "https://example.com/cb",
            "http://127.0.0.1@example.com/",
            "http://example.com\\@127.0.0.1/",
            "http://user@127.0.0.1/",
            "http://127.0.0.1/#fragment",
            "http:127.0.0.1/",
            "http://127.0.0.1/\r\nX: y",
            "http://localhost.example.com/",
            "javascript:alert(1)",
            "/relative",
            "",
        ] {
            assert!(!accepts(&client.redirect_uris, uri), "{uri}");
        }
    }

    #[test]
    fn registered_redirect_uris_are_compared_as_text_but_for_a_loopback_port() {
        let client = ClientConfig::public("app")
            .redirect_uri("https://app.example/cb")
            .redirect_uri("http://127.0.0.1/cb");
        assert!(accepts(&client.redirect_uris, "https://app.example/cb"));
        assert!(accepts(&client.redirect_uris, "http://127.0.0.1:54321/cb"));
        assert!(!accepts(&client.redirect_uris, "https://app.example:444/cb"));
        assert!(!accepts(&client.redirect_uris, "https://app.example/cb/"));
        assert!(!accepts(&client.redirect_uris, "http://127.0.0.1:54321/other"));
        assert!(!accepts(&client.redirect_uris, "http://localhost:54321/cb"));
    }

    #[test]
    fn debug_output_of_a_client_lacks_its_secret() {
        let client = ClientConfig::confidential("app", "hush-hush");
        assert!(!format!("{client:?}").contains("hush-hush"));
    }
}
