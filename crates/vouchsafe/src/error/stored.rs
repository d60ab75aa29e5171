//! The form in which an error is stored: a process reports the failure of another.
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    Check, ConfigProblem, Error, ErrorCode, Feature, HttpError, HttpErrorKind, Malformed, Operation, Remedy,
    ServerError, StoreError, StoreErrorKind,
};

/// An error of a refresh, as text. Its cause is part of the text.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct StoredError {
    kind: Kind,
    code: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    detail: String,
    /// The server that did not respond as it should.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    origin: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uri: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    remark: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Server,
    Validation,
    Response,
    Http,
    Unsupported,
    Config,
    Store,
}

impl From<&Error> for StoredError {
    fn from(error: &Error) -> Self {
        let (kind, detail) = match error {
            Error::Server(e) => (Kind::Server, e.description.clone().unwrap_or_default()),
            Error::Validation(e) => (Kind::Validation, e.detail.to_string()),
            Error::Response(e) => (Kind::Response, e.detail.to_string()),
            Error::Http(e) => (Kind::Http, e.remark.clone() + &e.ending()),
            Error::Unsupported(e) => (Kind::Unsupported, e.detail.to_string()),
            Error::Config(e) => (Kind::Config, e.detail.to_string()),
            Error::Store(e) => (Kind::Store, e.to_string()),
        };
        let mut stored =
            Self { kind, code: error.code().to_owned(), detail, status: error.status(), ..Self::EMPTY };
        match error {
            Error::Http(e) => stored.origin.clone_from(&e.origin),
            Error::Server(e) => {
                (stored.uri, stored.remark) = (e.uri.clone(), e.remark.clone());
                stored.remedy = e.remedy.map(|remedy| remedy.as_str().to_owned());
            }
            _ => {}
        }
        stored
    }
}

impl StoredError {
    const EMPTY: Self = Self {
        kind: Kind::Config,
        code: String::new(),
        detail: String::new(),
        origin: String::new(),
        status: None,
        uri: None,
        remark: String::new(),
        remedy: None,
    };

    /// The error that was stored, with the time that the provider still asks clients to wait. `None` if a newer version of the
    /// library stored a code that this version does not have.
    pub(crate) fn restore(&self, retry_after: Option<Duration>) -> Option<Error> {
        let Self { kind, code, detail, status, .. } = self.clone();
        let operation = Operation::Refresh;
        Some(match kind {
            Kind::Server => Error::Server(Box::new(ServerError {
                operation,
                code: ErrorCode::from_wire(&code, &[]),
                description: Some(detail).filter(|detail| !detail.is_empty()),
                uri: self.uri.clone(),
                status,
                retry_after,
                remark: self.remark.clone(),
                remedy: self.remedy.as_deref().and_then(Remedy::from_word),
            })),
            Kind::Http => Error::Http(Box::new(HttpError {
                operation,
                kind: HttpErrorKind::from_word(&code)?,
                origin: self.origin.clone(),
                status,
                retry_after,
                remark: detail,
                advice: None,
                source: None,
            })),
            Kind::Validation => Error::validation(operation, Check::from_word(&code)?, detail),
            Kind::Response => Error::response(operation, Malformed::from_word(&code)?, detail),
            Kind::Unsupported => Error::unsupported(operation, Feature::from_word(&code)?, detail),
            Kind::Config => Error::config(ConfigProblem::from_word(&code)?, detail),
            Kind::Store => StoreError::new(StoreErrorKind::from_word(&code)?, detail).into(),
        })
    }
}
