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

/// The setting or argument that is wrong.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ConfigProblem {
    /// The key that signs client secrets for Apple.
    AppleKey,
    /// A certificate authority of your own that could not be read.
    CertificateAuthority,
    /// The client id.
    ClientId,
    /// The client secret.
    ClientSecret,
    /// A code verifier of your own (RFC 7636 section 4.1).
    CodeVerifier,
    /// A provider definition.
    Definition,
    /// The HTTP client: it panicked, or it cannot do what was asked of it.
    HttpClient,
    /// A URL that is neither `https` nor on a loopback host.
    InsecureUrl,
    /// A token of another system that cannot be a token.
    ImportedToken,
    /// A parameter of the authorization request with a value that the provider does not know.
    InvalidOption,
    /// A parameter of the provider that is missing or has a wrong value.
    InvalidParam,
    /// A text that is not a URL.
    InvalidUrl,
    /// The issuer.
    Issuer,
    /// An endpoint that the provider needs.
    MissingEndpoint,
    /// The proxy.
    Proxy,
    /// The random number generator of this machine failed.
    Random,
    /// The redirect URI.
    RedirectUri,
    /// A parameter that the library sets itself.
    ReservedParam,
    /// The authorization response was given without the URL or path that it came to.
    ResponseUrl,
    /// TLS could not be set up.
    Tls,
    /// The tokens lack the rest of the token response, which this provider's profile needs.
    TokenResponse,
    /// A provider that the catalogue does not have.
    UnknownProvider,
    /// The user agent.
    UserAgent,
}

impl ConfigProblem {
    /// The stable code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AppleKey => "apple_key",
            Self::CertificateAuthority => "certificate_authority",
            Self::ClientId => "client_id",
            Self::ClientSecret => "client_secret",
            Self::CodeVerifier => "code_verifier",
            Self::Definition => "definition",
            Self::HttpClient => "http_client",
            Self::ImportedToken => "imported_token",
            Self::InsecureUrl => "insecure_url",
            Self::InvalidOption => "invalid_option",
            Self::InvalidParam => "invalid_param",
            Self::InvalidUrl => "invalid_url",
            Self::Issuer => "issuer",
            Self::MissingEndpoint => "missing_endpoint",
            Self::Proxy => "proxy",
            Self::Random => "random",
            Self::RedirectUri => "redirect_uri",
            Self::ReservedParam => "reserved_param",
            Self::ResponseUrl => "response_url",
            Self::Tls => "tls",
            Self::TokenResponse => "token_response",
            Self::UnknownProvider => "unknown_provider",
            Self::UserAgent => "user_agent",
        }
    }
}
