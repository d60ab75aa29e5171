//! How a run fails: a kind, which is the exit code, a code, and a message that a person can act on.
use std::process::ExitCode;

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

/// Who has to act. The exit code follows from it.
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
        Self::local("interrupted", "Interrupted before it was done")
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
            // The library may learn to fail in new ways: they are this program's fault until it knows them.
            _ => Kind::Local,
        };
        let code = match error.code() {
            // An answer that broke off is a connection that did not hold.
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

/// What a person can do about it, in a sentence or two.
fn advice(kind: Kind, code: &str, operation: Operation, status: Option<u16>) -> Option<&'static str> {
    Some(match (kind, code) {
        (Kind::Provider, "access_denied") => {
            "You or the provider declined; run the command again if that was not meant."
        }
        (Kind::Provider, "invalid_client") => {
            "Check the client id and the client secret; if both are right, the provider may want another \
             --client-auth (client_secret_basic, client_secret_post, or none for a public client)."
        }
        (Kind::Provider, "unauthorized_client") => {
            "Check that this client is registered for the authorization code grant."
        }
        (Kind::Provider, "invalid_grant") => {
            "A code is good once and for a short time: run the command again. If it happens again, check that the \
             redirect URI is registered exactly as this command uses it (--redirect-port, --redirect-path)."
        }
        (Kind::Provider, "invalid_scope") => "Ask for scopes that the provider knows, with --scope.",
        (Kind::Provider, "login_required" | "consent_required" | "interaction_required") => {
            "The provider has to show a page to the user: run the command again without --prompt none."
        }
        (Kind::Provider, "temporarily_unavailable" | "server_error") => "Try again in a while.",
        (Kind::Network, "connect") => {
            "Check the URL, and that the server runs and can be reached from here; --proxy URL goes through a proxy."
        }
        (Kind::Network, "tls") => {
            "If the server's certificate is of an authority of your own, name that with --ca-file PATH."
        }
        (Kind::Network, "timeout") => "Try again, or give it more time with --timeout SECONDS.",
        (Kind::Network, "http_status") if status == Some(404) && operation == Operation::Discovery => {
            "There is no metadata at this URL: give the issuer as the provider documents it, for instance \
             https://accounts.google.com."
        }
        (Kind::Network, "http_status") if status == Some(429) || status.is_some_and(|s| s >= 500) => {
            "The provider has trouble or is asked too often: try again in a while."
        }
        (Kind::Network, "http_status") => "Check the URL.",
        (Kind::Malformed, "content_type" | "json") if operation == Operation::Discovery => {
            "The URL seems to be that of a web page: give the issuer as the provider documents it, or the URL of the \
             metadata document."
        }
        (Kind::Malformed, "missing_field") if operation == Operation::Identity => {
            "Without --userinfo-url, login does not ask who the user is."
        }
        (Kind::Security, "redirect_refused") => {
            "Give the URL that the redirect leads to, if that is the provider's own."
        }
        // A JWT that was handed in may well have expired; one that was just made has not.
        (Kind::Security, "not_yet_valid" | "expired") if operation == Operation::AuthorizationCode => {
            "Check this machine's clock."
        }
        (Kind::Security, "acr") => "The user has to choose that way, and the provider has to offer it.",
        (Kind::Security, "auth_time") => {
            "Run the command again and enter the password when the provider asks."
        }
        (Kind::Security, "missing_id_token") => "The provider broke its protocol; nobody was signed in.",
        (Kind::Usage, "invalid_url") => "Write the whole URL, beginning with https://.",
        (Kind::Usage, "insecure_url") => "Use the https URL.",
        (Kind::Usage, "client_secret") => {
            "Set VOUCHSAFE_CLIENT_SECRET, or name a file with --client-secret-file; a public client takes --client-auth none."
        }
        (Kind::Usage, "client_auth_not_supported") => {
            "Choose another method with --client-auth, if the provider takes one."
        }
        (Kind::Usage, "invalid_param") => "Give parameters with --param NAME=VALUE.",
        (Kind::Usage, "reserved_param") => "Leave it out of --extra.",
        (Kind::Usage, "proxy") => "Check --proxy and HTTPS_PROXY.",
        (Kind::Usage, "certificate_authority") => "Check --ca-file.",
        _ => return None,
    })
}
