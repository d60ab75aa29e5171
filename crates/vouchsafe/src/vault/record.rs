//! The record of a login: its tokens, the state of their refresh, and how both are sealed.
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::application::Application;
use crate::error::{Error, StoreError, StoreErrorKind, StoredError};
use crate::identity::Identity;
use crate::seal::KeyRing;
use crate::secret::{Secret, opaque};
use crate::text::moment::Seconds;
use crate::text::version::Version;
use crate::tokens::Tokens;

/// A login in the store. A change of this form needs another version.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct Login {
    v: Version<1>,
    pub(super) tokens: Tokens,
    /// Who signed in, if the application has saved it with the tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) identity: Option<Identity>,
    /// What the application has saved with the tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<String>,
    /// The tokens are those of the application itself, which requests them by this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) application: Option<Application>,
    /// When the refresh token expires, if the provider says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh_expires_at: Option<Seconds>,
    /// A refresh began and no outcome is known: the process may have crashed. The refresh token may be spent.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) begun: bool,
    /// The grant is over: the user has to sign in again. Nothing more is sent.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) ended: bool,
    /// The last refresh failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<Failure>,
}

/// A refresh that failed.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct Failure {
    error: StoredError,
    /// The fencing number of the lease under which it failed.
    pub(super) fence: u64,
    /// Until when the provider asks clients to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_at: Option<Seconds>,
}

opaque!(Login);

impl Login {
    pub(super) fn new(tokens: Tokens) -> Self {
        Self {
            v: Version,
            refresh_expires_at: tokens.refresh_expires_at().map(Seconds::of),
            tokens,
            identity: None,
            data: None,
            application: None,
            begun: false,
            ended: false,
            failure: None,
        }
    }

    /// The same login with the tokens of a refresh.
    pub(super) fn refreshed(&self, tokens: Tokens) -> Self {
        let is_rotated = tokens.refresh_token() != self.tokens.refresh_token();
        let told = tokens.refresh_expires_at().map(Seconds::of);
        let refresh_expires_at = told.or(self.refresh_expires_at.filter(|_| !is_rotated));
        let Self { identity, data, application, .. } = self.clone();
        Self { identity, data, application, refresh_expires_at, ..Self::new(tokens) }
    }

    pub(super) fn fail(&mut self, error: &Error, fence: u64) {
        self.ended = error.needs_login();
        let retry_at =
            error.retry_after().and_then(|wait| SystemTime::now().checked_add(wait.min(LONGEST_WAIT)));
        self.failure = Some(Failure { error: error.into(), fence, retry_at: retry_at.map(Seconds::of) });
    }

    /// The end of the refresh token, if the provider has said it.
    pub(super) fn refresh_expires_at(&self) -> Option<SystemTime> {
        self.refresh_expires_at?.time()
    }

    pub(super) fn to_text(&self) -> Result<Secret, StoreError> {
        // With room for nearly all logins, so that no copy stays behind when it grows.
        let mut text = Vec::with_capacity(ROOM);
        let written = serde_json::to_writer(&mut text, self)
            .and_then(|()| String::from_utf8(text).map_err(serde::ser::Error::custom));
        written.map(Secret::new).map_err(|e| {
            let detail = format!(
                "the tokens could not be written as JSON for the store: {e}; let the user sign in again"
            );
            StoreError::new(StoreErrorKind::Corrupted, detail).with_source(e)
        })
    }

    pub(super) fn from_text(key: &str, text: &str) -> Result<Self, StoreError> {
        serde_json::from_str(text).map_err(|e| {
            let detail = format!(
                "the record of {key:?} in the token store could not be read as a login: {}. It is left as it is. If a newer \
                 version of this program wrote it, use that version; otherwise delete the record and sign in again",
                e.to_string().split(" at line ").next().unwrap_or_default()
            );
            StoreError::new(StoreErrorKind::Corrupted, detail)
        })
    }
}

impl Failure {
    /// The error, with the time that is left until the provider wants to be asked again.
    pub(super) fn error(&self) -> Option<Error> {
        self.error.restore(self.pause())
    }

    /// How long the provider still asks clients to wait.
    pub(super) fn pause(&self) -> Option<Duration> {
        // A clock that was set back must not make the wait longer than any that was stored.
        let left = self.retry_at?.time()?.duration_since(SystemTime::now()).ok()?;
        Some(left.min(LONGEST_WAIT)).filter(|left| !left.is_zero())
    }
}

/// How records are sealed.
#[derive(Clone)]
pub(super) enum Sealing {
    With(KeyRing),
    PlainText,
}

impl Sealing {
    /// The data of a record, bound to its key: a row that is moved to another key does not open.
    pub(super) fn seal(&self, key: &str, text: &Secret) -> Result<Secret, Error> {
        match self {
            Self::PlainText => Ok(text.clone()),
            Self::With(keys) => {
                let sealed = keys.seal(PURPOSE, key, text.expose()).map_err(|e| {
                    let detail =
                        format!("the record of {key:?} could not be sealed for the token store: {e}");
                    StoreError::new(StoreErrorKind::Sealed, detail).with_source(e)
                })?;
                Ok(format!("{}.{sealed}", keys.key_id()).into())
            }
        }
    }

    pub(super) fn open(&self, key: &str, data: &Secret) -> Result<Secret, StoreError> {
        let is_plain = data.expose().starts_with('{');
        let refuse = |why: &str| {
            let detail = format!(
                "the record of {key:?} in the token store cannot be opened: {why}. It is left as it is"
            );
            Err(StoreError::new(StoreErrorKind::Sealed, detail))
        };
        match self {
            Self::PlainText if is_plain => Ok(data.clone()),
            Self::PlainText => {
                refuse("it is sealed, and this vault has no keys: make the vault with Vault::sealed")
            }
            // Whoever can write to the store could put tokens of their own there.
            Self::With(_) if is_plain => refuse(
                "it is plain text, and this vault accepts only sealed records: delete it and let the user sign in again",
            ),
            Self::With(keys) => match data.expose().split_once('.') {
                Some((id, sealed)) => match keys.open(PURPOSE, key, sealed) {
                    Some(text) => Ok(text),
                    None if keys.key_ids().any(|known| known == id) => refuse(
                        "it was sealed for another key of the store, or it was changed: delete it and let the user sign in again",
                    ),
                    None => refuse(
                        "it was sealed with a key that is not in the key ring: add this key with KeyRing::previous",
                    ),
                },
                None => refuse(
                    "it is not sealed text, so another program wrote it or it was changed: delete it and let the user sign in again",
                ),
            },
        }
    }

    /// Whether a record was sealed with another key than the current one.
    pub(super) fn is_outdated(&self, data: &Secret) -> bool {
        match self {
            Self::PlainText => false,
            Self::With(keys) => data.expose().split_once('.').is_none_or(|(id, _)| id != keys.key_id()),
        }
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

/// The length of a long login as text, in bytes.
const ROOM: usize = 4096;
/// What the sealed text is for: no text that was sealed for something else opens as a record.
const PURPOSE: &str = "vouchsafe token record";
/// A longer wait that a provider asks for counts as this time, so that a wrong header does not lock a login for long.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);
