//! Why a session cannot be read, made or ended.
use std::fmt;

use vouchsafe::error::StoreError;
use vouchsafe::seal::SealError;

/// A session cannot be read, made or ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SessionError {
    /// The store of the sessions failed. The person is still signed in: ask them to try again later, and let them keep their
    /// cookie.
    Store(StoreError),
    /// The session does not fit into a cookie: see [`TooLarge`].
    TooLarge(TooLarge),
    /// Sessions in cookies cannot do this: only the browser has them.
    NeedsStore,
    /// The session could not be sealed.
    Seal(SealError),
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => write!(f, "the store of the sessions failed: {error}"),
            Self::TooLarge(error) => error.fmt(f),
            Self::NeedsStore => f.write_str(
                "sessions in cookies cannot be listed or ended from elsewhere, because only the browser has them: keep sessions \
                 in a store with Sessions::in_store",
            ),
            Self::Seal(error) => write!(f, "the session could not be sealed: {error}"),
        }
    }
}

impl std::error::Error for SessionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(error) => Some(error),
            Self::Seal(error) => Some(error),
            Self::TooLarge(_) | Self::NeedsStore => None,
        }
    }
}

/// How much too large a session is for a cookie. The picture and the name of the person are left out already.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TooLarge {
    pub(super) size: usize,
    pub(super) roles: usize,
    pub(super) limit: usize,
}

impl TooLarge {
    /// The length of the name and the value of the cookie, in bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The part that the roles take, in bytes.
    pub fn roles(&self) -> usize {
        self.roles
    }
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, roles, limit } = self;
        write!(
            f,
            "the session must fit into a cookie of {limit} bytes, and it has {size}, {roles} of them for the roles: keep fewer \
             roles, or keep sessions in a store with Sessions::in_store"
        )
    }
}
