//! How a run fails: a kind, which decides the exit code, a code, and a message that says what to do.
use std::io;
use std::process::ExitCode;

use clap::error::ErrorKind;
use vouchsafe::Error;
use vouchsafe::error::Operation;

use crate::text;

/// Why a run failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) status: Option<u16>,
}

/// Who has to act. The number is the exit code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Usage = 2,
    Provider = 3,
    Security = 4,
    Network = 5,
    Malformed = 6,
    Local = 7,
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Provider => "provider",
            Self::Security => "security",
            Self::Network => "network",
            Self::Malformed => "malformed",
            Self::Local => "local",
        }
    }
}

impl Failure {
    pub(crate) fn new(kind: Kind, code: impl Into<String>, message: impl AsRef<str>) -> Self {
        Self { kind, code: code.into(), message: text::sentence(message.as_ref()), status: None }
    }

    pub(crate) fn usage(code: &'static str, message: impl AsRef<str>) -> Self {
        Self::new(Kind::Usage, code, message)
    }

    pub(crate) fn local(code: &'static str, message: impl AsRef<str>) -> Self {
        Self::new(Kind::Local, code, message)
    }

    pub(crate) fn interrupted() -> Self {
        Self::local("interrupted", "The command was interrupted before it was done")
    }

    /// A server on this machine could not listen on a port, which that option chooses.
    pub(crate) fn port(port: u16, error: &io::Error, option: &str) -> Self {
        let which = if port == 0 { "any port".to_owned() } else { format!("port {port}") };
        let failure =
            Self::local("port", format!("The command could not listen on {which} of 127.0.0.1: {error}"));
        if port == 0 {
            return failure;
        }
        failure
            .advise(&format!("Choose another port with {option}, or leave {option} out to use a free port."))
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind as u8)
    }

    pub(crate) fn advise(mut self, advice: &str) -> Self {
        self.message = format!("{} {advice}", self.message);
        self
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Server(_) => Kind::Provider,
            Error::Validation(_) => Kind::Security,
            Error::Http(_) => Kind::Network,
            Error::Response(_) => Kind::Malformed,
            Error::Config(_) | Error::Unsupported(_) => Kind::Usage,
            // A variant that a later version of the library adds.
            _ => Kind::Local,
        };
        let code = match error.code() {
            // A response that broke off means that the connection failed.
            "interrupted_answer" => "connect",
            code => code,
        };
        let failure =
            Self { status: error.status(), ..Self::new(kind, text::paragraph(code), error.to_string()) };
        match advice(kind, &failure.code, error.operation(), error.status()) {
            Some(advice) => failure.advise(advice),
            None => failure,
        }
    }
}

impl From<&clap::Error> for Failure {
    fn from(error: &clap::Error) -> Self {
        let code = match error.kind() {
            ErrorKind::InvalidValue
            | ErrorKind::ValueValidation
            | ErrorKind::InvalidUtf8
            | ErrorKind::NoEquals => "invalid_argument",
            _ => "usage",
        };
        let rendered = error.render().to_string();
        let reason = rendered.split("\n\nUsage:").next().unwrap_or_default();
        let reason = reason.split("\n\nFor more information").next().unwrap_or_default();
        Self::usage(code, reason.trim_start_matches("error: "))
    }
}

/// What a person can do about an error, in a sentence or two.
fn advice(kind: Kind, code: &str, operation: Operation, status: Option<u16>) -> Option<&'static str> {
    Some(match (kind, code) {
        (Kind::Provider, "access_denied") => "If you did not mean to decline, run the command again.",
        (Kind::Provider, "invalid_client") => {
            "Check the client ID and the client secret. If both are right, the provider may expect another \
             --client-auth: client_secret_basic, client_secret_post, or none for a public client."
        }
        (Kind::Provider, "unauthorized_client") => {
            "Check at the provider that this client may use the authorization code grant."
        }
        (Kind::Provider, "invalid_grant") => {
            "A code can be used once and expires soon: run the command again. If it fails again, compare the redirect \
             URI that is registered at the provider with the one of this command (--redirect-port, --redirect-path)."
        }
        (Kind::Provider, "invalid_scope") => "Use --scope to request only scopes that the provider knows.",
        (Kind::Provider, "login_required" | "consent_required" | "interaction_required") => {
            "The provider has to show a page to the user: run the command again without --prompt none."
        }
        (Kind::Provider, "temporarily_unavailable" | "server_error") => "Try again later.",
        (Kind::Network, "connect") => {
            "Check the URL, and whether this machine can reach the server. To use a proxy, give --proxy URL."
        }
        (Kind::Network, "tls") => {
            "If the server's certificate was issued by your own certificate authority, give its certificate with \
             --ca-file PATH."
        }
        (Kind::Network, "timeout") => "Try again, or allow more time with --timeout SECONDS.",
        (Kind::Network, "http_status") if status == Some(404) && operation == Operation::Discovery => {
            "There is no metadata at this URL. Use the issuer from the provider's documentation, for example \
             https://accounts.google.com."
        }
        (Kind::Network, "http_status") if status == Some(429) => {
            "The provider received too many requests: try again later."
        }
        (Kind::Network, "http_status") if status.is_some_and(|status| status >= 500) => {
            "The provider has a problem: try again later."
        }
        (Kind::Network, "http_status") => "Check the URL.",
        (Kind::Malformed, "content_type" | "json") if operation == Operation::Discovery => {
            "This may be the URL of a web page. Use the issuer from the provider's documentation, or the URL of the \
             metadata document."
        }
        (Kind::Malformed, "missing_field") if operation == Operation::Identity => {
            "To sign in without a user profile, leave out --userinfo-url."
        }
        (Kind::Security, "redirect_refused") => {
            "If the redirect leads to the provider's own server, use the URL that it leads to."
        }
        // A JWT that a user pastes may be old. An ID token that was just issued is not.
        (Kind::Security, "not_yet_valid" | "expired") if operation == Operation::AuthorizationCode => {
            "Check this machine's clock."
        }
        (Kind::Security, "acr") => {
            "Sign in with one of the requested authentication methods; the provider has to offer it."
        }
        (Kind::Security, "auth_time") => {
            "Run the command again, and enter the password when the provider asks for it."
        }
        (Kind::Security, "missing_id_token") => {
            "The provider did not follow OpenID Connect, so that nobody was signed in."
        }
        (Kind::Usage, "invalid_url") => "Write the complete URL, beginning with https://.",
        (Kind::Usage, "insecure_url") => "Use the https URL.",
        (Kind::Usage, "client_secret") => {
            "Set VOUCHSAFE_CLIENT_SECRET, or name a file with --client-secret-file. For a public client, use \
             --client-auth none."
        }
        (Kind::Usage, "client_auth_not_supported") => {
            "Choose another method with --client-auth, if the provider accepts one."
        }
        (Kind::Usage, "invalid_param") => "Set parameters with --param NAME=VALUE.",
        (Kind::Usage, "reserved_param") => "Remove it from --extra.",
        (Kind::Usage, "proxy") => "Check --proxy and HTTPS_PROXY.",
        (Kind::Usage, "certificate_authority") => "Check --ca-file.",
        _ => return None,
    })
}
