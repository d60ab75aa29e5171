//! What happens in a vault, for an audit log.
use std::time::Duration;

use crate::error::Error;
use crate::tokens::Tokens;

/// Something that happened to the tokens of a login. It shows no secret in its `Debug` output.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A login was saved.
    Connected {
        /// The key of its record.
        key: String,
    },
    /// A login was deleted.
    Disconnected {
        /// The key of its record.
        key: String,
        /// Whether the provider revoked the tokens.
        revoked: bool,
    },
    /// A refresh begins: the next event of this record tells its outcome. The program should not end before that.
    Refreshing {
        /// The key of the record.
        key: String,
    },
    /// The tokens were refreshed, and saved.
    Refreshed {
        /// The key of the record.
        key: String,
        /// The tokens before.
        old: Tokens,
        /// The tokens now.
        new: Tokens,
    },
    /// A refresh failed.
    RefreshFailed {
        /// The key of the record.
        key: String,
        /// Why.
        error: Error,
        /// Whether the access token is still valid. Then it stays in use.
        still_valid: bool,
    },
    /// The tokens were refreshed by another process, and this one waited for it.
    Waited {
        /// The key of the record.
        key: String,
        /// How long.
        time: Duration,
    },
    /// The grant is over: the user has to sign in again.
    SignInAgain {
        /// The key of the record.
        key: String,
    },
}
