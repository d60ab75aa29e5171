//! How a run fails: a kind, which decides the exit code, a code, and a message with the next thing to do.
use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use clap::error::ErrorKind;
use serde::Serialize;
use vouchsafe::Error;
use vouchsafe::error::{Operation, Remedy, StoreErrorKind};

use crate::text;

/// Why a run failed.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    pub(crate) code: String,
    pub(crate) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// The number of the signal that ended the run.
    #[serde(skip)]
    pub(crate) signal: Option<u8>,
}

/// Who has to act. The number is the exit code.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Usage = 2,
    Provider = 3,
    Security = 4,
    Network = 5,
    Malformed = 6,
    Local = 7,
}

impl Failure {
    pub(crate) fn new(kind: Kind, code: impl Into<String>, message: impl AsRef<str>) -> Self {
        Self {
            kind,
            code: code.into(),
            message: text::sentence(message.as_ref()),
            status: None,
            signal: None,
        }
    }

    pub(crate) fn usage(code: &'static str, message: impl AsRef<str>) -> Self {
        Self::new(Kind::Usage, code, message)
    }

    pub(crate) fn local(code: &'static str, message: impl AsRef<str>) -> Self {
        Self::new(Kind::Local, code, message)
    }

    /// A signal with that number stopped the run.
    pub(crate) fn interrupted(signal: u8) -> Self {
        let failure = Self::local("interrupted", "The command was interrupted before it was done");
        Self { signal: Some(signal), ..failure }
    }

    /// A server on this machine could not listen on a port of a host, which that option chooses.
    pub(crate) fn port(host: &str, port: u16, error: &io::Error, option: &str) -> Self {
        let failed = |port: &str| {
            Self::local("port", format!("The command could not listen on {port} of {host}: {error}"))
        };
        if port == 0 {
            return failed("any port");
        }
        let advice = format!("Choose another port with {option}, or leave {option} out to use a free port.");
        failed(&format!("port {port}")).advise(&advice)
    }

    /// An argument or a variable that is not UTF-8. The error itself does not say which.
    pub(crate) fn not_text(error: &clap::Error, given: &[OsString]) -> Option<Self> {
        if error.kind() != ErrorKind::InvalidUtf8 {
            return None;
        }
        let argument = given.iter().find(|word| word.to_str().is_none());
        let place = match argument {
            Some(word) => format!("The argument {}", text::short(&word.to_string_lossy(), 60)),
            // The only variable that the reading of the command line looks at.
            None => "The variable VOUCHSAFE_CLIENT_ID".to_owned(),
        };
        Some(Self::usage("invalid_argument", format!("{place} is not UTF-8 text: write it again")))
    }

    /// The number of the kind. For a signal, the number that shells expect: 130 for SIGINT, 143 for SIGTERM.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.signal.map_or(self.kind as u8, |signal| 128 + signal))
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
            // Somebody may have changed the record.
            Error::Store(e) if e.kind() == StoreErrorKind::Sealed => Kind::Security,
            // A variant that a later version of the library adds.
            _ => Kind::Local,
        };
        let code = match error.code() {
            // A response that broke off means that the connection failed.
            "interrupted_answer" => "connect",
            _ if matches!(error, Error::Store(_)) && kind == Kind::Local => "store",
            code => code,
        };
        let remedy = match &error {
            Error::Server(e) => e.remedy().map(Remedy::as_str),
            _ => None,
        };
        let failure =
            Self { status: error.status(), ..Self::new(kind, text::paragraph(code), error.to_string()) };
        let code = remedy.unwrap_or(&failure.code);
        match advice(kind, code, error.operation(), error.status(), &failure.message) {
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

/// Advice for a person about an error, in a sentence or two.
fn advice(
    kind: Kind,
    code: &str,
    operation: Operation,
    status: Option<u16>,
    message: &str,
) -> Option<&'static str> {
    let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
    let situation = match (code, status) {
        ("http_status", Some(404)) if says(&["check the parameters of the provider"]) => "params",
        ("http_status", Some(404)) if operation == Operation::Discovery => "no_metadata",
        ("issuer_mismatch", _) if operation == Operation::Jwt => "jwt_issuer",
        // The words of rustls.
        ("tls", _) if says(&["CaUsedAsEndEntity"]) => "tls_authority",
        ("tls", _) if says(&["not valid for name"]) => "tls_name",
        // The words of the library. They say what helps, but not by which option.
        ("tls", _) if says(&["certificate for later"]) => "tls_early",
        ("tls", _) if says(&["HttpBuilder::certificate_authority"]) => "tls_issuer",
        ("tls", _) if says(&["check the clock", "does not speak TLS"]) => return None,
        ("authorized_party", _) if says(&["several audiences"]) => "several_audiences",
        ("redirect_refused", _) if operation == Operation::Discovery => "metadata_redirect",
        ("http_status", Some(429)) => "too_many_requests",
        ("http_status", Some(500..)) => "server_failure",
        ("content_type" | "json", _) if operation == Operation::Discovery => "web_page",
        ("invalid_grant", _) if operation == Operation::Refresh => "sign_in_again",
        ("missing_field", _) if operation == Operation::Identity => "no_profile",
        // A JWT that a user pastes may be old. An ID token that was just issued is not.
        ("not_yet_valid" | "expired", _) if operation == Operation::AuthorizationCode => "clock",
        _ => code,
    };
    text::row(include_str!("failure.txt"), &format!("{kind:?} {situation}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_depends_on_the_situation() {
        for (kind, code, operation, status, words) in [
            (Kind::Provider, "invalid_client", Operation::AuthorizationCode, None, "--client-auth"),
            (Kind::Network, "http_status", Operation::Discovery, Some(404), "no metadata"),
            (Kind::Network, "http_status", Operation::KeySet, Some(404), "the URL"),
            (Kind::Network, "http_status", Operation::KeySet, Some(429), "too many requests"),
            (Kind::Network, "http_status", Operation::KeySet, Some(503), "has a problem"),
            (Kind::Malformed, "json", Operation::Discovery, None, "web page"),
            (Kind::Malformed, "missing_field", Operation::Identity, None, "--userinfo-url"),
            (Kind::Security, "expired", Operation::AuthorizationCode, None, "clock"),
            (Kind::Security, "redirect_refused", Operation::Discovery, None, "exactly as"),
        ] {
            let advice = advice(kind, code, operation, status, "").unwrap_or_default();
            assert!(advice.contains(words), "{kind:?} {code}: {advice}");
        }
        for (kind, code) in
            [(Kind::Malformed, "json"), (Kind::Security, "expired"), (Kind::Network, "access_denied")]
        {
            assert_eq!(advice(kind, code, Operation::KeySet, None, ""), None);
        }
    }

    #[test]
    fn every_row_of_advice_belongs_to_a_kind() {
        for row in include_str!("failure.txt").lines() {
            let kinds = [Kind::Usage, Kind::Provider, Kind::Security, Kind::Network, Kind::Malformed];
            let (key, advice) = row.split_once(": ").unwrap();
            assert!(kinds.iter().any(|kind| key.starts_with(&format!("{kind:?} "))), "{row}");
            assert!(advice.ends_with('.') && !advice.contains("  "), "{row}");
        }
    }
}
