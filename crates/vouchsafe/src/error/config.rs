//! The configuration or an argument is wrong.
use std::borrow::Cow;
use std::fmt;

/// The configuration or an argument is wrong.
#[derive(Clone, Debug)]
pub struct ConfigError {
    pub(crate) problem: ConfigProblem,
    pub(crate) detail: Cow<'static, str>,
}

impl ConfigError {
    /// The setting or argument that is wrong.
    pub fn problem(&self) -> ConfigProblem {
        self.problem
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for ConfigError {}

words! {
    /// The setting or argument that is wrong.
    pub enum ConfigProblem {
        /// The key that signs client secrets for Apple.
        AppleKey = "apple_key",
        /// The assertion that the platform issues for the client.
        Assertion = "assertion",
        /// A certificate authority of your own that could not be read.
        CertificateAuthority = "certificate_authority",
        /// The TLS certificate of the client.
        ClientCertificate = "client_certificate",
        /// A credential that the provider does not accept.
        ClientAuth = "client_auth",
        /// The client id.
        ClientId = "client_id",
        /// The metadata of a client that is to be registered.
        ClientMetadata = "client_metadata",
        /// The client secret.
        ClientSecret = "client_secret",
        /// A code verifier of your own (RFC 7636 section 4.1).
        CodeVerifier = "code_verifier",
        /// A decryption key, or its absence.
        DecryptionKey = "decryption_key",
        /// A provider definition.
        Definition = "definition",
        /// The algorithms of an encryption in the registration.
        Encryption = "encryption",
        /// The HTTP client: it panicked, or it cannot do what the settings require.
        HttpClient = "http_client",
        /// An identifier of a person for WebFinger.
        Identifier = "identifier",
        /// A URL that is neither `https` nor on a loopback host.
        InsecureUrl = "insecure_url",
        /// The algorithms of ID tokens in the registration.
        IdTokenAlgorithms = "id_token_algorithms",
        /// A token from another system, or from a function of the application, that contains characters no token may contain.
        ImportedToken = "imported_token",
        /// A parameter of the authorization request with a value that the provider does not know.
        InvalidOption = "invalid_option",
        /// A parameter of the provider that is missing or has a wrong value.
        InvalidParam = "invalid_param",
        /// A text that is not a URL.
        InvalidUrl = "invalid_url",
        /// The issuer.
        Issuer = "issuer",
        /// An endpoint that the provider needs.
        MissingEndpoint = "missing_endpoint",
        /// The renewal of a token panicked: in a function of the application, a token store or the HTTP client.
        Panicked = "panicked",
        /// The number of DPoP proofs that a resource server remembers.
        Proofs = "proofs",
        /// The proxy.
        Proxy = "proxy",
        /// The random number generator of this machine failed.
        Random = "random",
        /// The redirect URI.
        RedirectUri = "redirect_uri",
        /// A parameter that the library sets itself.
        ReservedParam = "reserved_param",
        /// The URL of an API that is a resource server.
        Resource = "resource",
        /// The authorization response was given without the URL or path that it came to.
        ResponseUrl = "response_url",
        /// TLS could not be set up.
        Tls = "tls",
        /// The tokens lack the rest of the token response, which this provider's profile needs.
        TokenResponse = "token_response",
        /// A private key that signs JWTs for the client.
        SigningKey = "signing_key",
        /// The user: the token store has no login of this user, who has to sign in.
        UnknownLogin = "unknown_login",
        /// A client that a vault does not have.
        UnknownClient = "unknown_client",
        /// A provider that the catalogue does not have.
        UnknownProvider = "unknown_provider",
        /// The user agent.
        UserAgent = "user_agent",
    }
}
