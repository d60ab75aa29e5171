//! A token store failed.
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// A token store failed, or a record in it cannot be used.
#[derive(Clone, Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    detail: Cow<'static, str>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl StoreError {
    /// An error of a store. The detail says what happened, and what to do about it. It must hold no secret, such as a password
    /// in the URL of a database.
    pub fn new(kind: StoreErrorKind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, detail: detail.into(), source: None }
    }

    /// The same error with its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// What is wrong.
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// The same error with one more sentence.
    pub(crate) fn adding(mut self, remark: &str) -> Self {
        self.detail.to_mut().push_str(remark);
        self
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

words! {
    /// What is wrong with a token store.
    pub enum StoreErrorKind {
        /// The store cannot be reached, or it refused the connection (`unavailable`).
        Unavailable = "unavailable",
        /// Another process has locked the store for too long (`locked`).
        Locked = "locked",
        /// The store has no room left (`full`).
        Full = "full",
        /// The store cannot be written (`read_only`).
        ReadOnly = "read_only",
        /// The store, or a record in it, cannot be read (`corrupted`). It is left as it is.
        Corrupted = "corrupted",
        /// A newer version of this library wrote the store (`newer`). It is left as it is.
        Newer = "newer",
        /// A record was sealed with a key that is missing here, or it belongs to another key of the store (`sealed`).
        Sealed = "sealed",
        /// The address or the files of the store are wrong (`misconfigured`).
        Misconfigured = "misconfigured",
    }
}

impl StoreErrorKind {
    /// Whether the store may work again a little later.
    pub(crate) fn may_pass(self) -> bool {
        matches!(self, Self::Unavailable | Self::Locked | Self::Full | Self::ReadOnly)
    }
}
