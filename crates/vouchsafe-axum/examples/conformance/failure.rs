//! How a flow fails: the kinds and the exit codes of the command line.
use std::process::ExitCode;

use serde_json::{Value, json};
use vouchsafe::Error;

/// Why a flow ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An error of this kind.
    Error { kind: Kind, code: String, message: String },
    /// The task asks for a thing that this program does not have.
    Unsupported(String),
}

/// Who has to act. The number is the exit code.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Usage = 2,
    Provider = 3,
    Security = 4,
    Network = 5,
    Malformed = 6,
    Local = 7,
}

impl Failure {
    pub(crate) fn new(kind: Kind, code: &str, message: impl Into<String>) -> Self {
        Self::Error { kind, code: code.to_owned(), message: message.into() }
    }

    /// The task cannot be played as it is.
    pub(crate) fn task(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, "invalid_param", message)
    }

    /// The last line of output.
    pub(crate) fn event(&self) -> Value {
        match self {
            Self::Error { kind, code, message } => {
                json!({"event": "error", "kind": kind.word(), "code": code, "message": message})
            }
            Self::Unsupported(what) => json!({"event": "unsupported", "what": what}),
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Error { kind, .. } => ExitCode::from(*kind as u8),
            Self::Unsupported(_) => ExitCode::from(Kind::Usage as u8),
        }
    }
}

impl Kind {
    fn word(self) -> &'static str {
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

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Server(_) => Kind::Provider,
            Error::Validation(_) => Kind::Security,
            Error::Http(_) => Kind::Network,
            Error::Response(_) => Kind::Malformed,
            Error::Config(_) | Error::Unsupported(_) => Kind::Usage,
            _ => Kind::Local,
        };
        Self::new(kind, error.code(), error.to_string())
    }
}
