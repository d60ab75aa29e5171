//! The decision of an application: which account an identity belongs to.
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use vouchsafe::IdentityKey;
use vouchsafe::http::BoxFuture;

use crate::login::finish::LoggedIn;

/// The accounts of an application, and the identities that belong to each. [`StoredAccounts`](crate::StoredAccounts) keeps them in
/// a store. An application with a table of users implements it there.
///
/// # Security
/// Find an account by [`Identity::key`](vouchsafe::Identity::key) alone. An e-mail address can pass to another person, and a
/// provider may let anybody type one: it finds no account, not even if it is verified.
pub trait Accounts: Send + Sync {
    /// The account of somebody who signed in. An unknown identity gets a new account. Two first sign-ins of one identity at the same
    /// time get the same account.
    ///
    /// # Errors
    /// The person may not sign in, or the accounts cannot be read or written.
    fn sign_in<'a>(&'a self, login: &'a LoggedIn) -> BoxFuture<'a, Result<String, AccountError>>;

    /// Links the identity of somebody who signed in to an account. The caller has made sure that this person is signed in to that
    /// account as well. An identity that belongs to an account stays there.
    ///
    /// # Errors
    /// The person may not link it, or the accounts cannot be read or written.
    fn link<'a>(&'a self, account: &'a str, login: &'a LoggedIn)
    -> BoxFuture<'a, Result<Link, AccountError>>;

    /// The identities of an account.
    ///
    /// # Errors
    /// The accounts cannot be read.
    fn identities<'a>(
        &'a self,
        account: &'a str,
    ) -> BoxFuture<'a, Result<Vec<AccountIdentity>, AccountError>>;
}

impl<A: Accounts + ?Sized> Accounts for Arc<A> {
    fn sign_in<'a>(&'a self, login: &'a LoggedIn) -> BoxFuture<'a, Result<String, AccountError>> {
        (**self).sign_in(login)
    }

    fn link<'a>(
        &'a self,
        account: &'a str,
        login: &'a LoggedIn,
    ) -> BoxFuture<'a, Result<Link, AccountError>> {
        (**self).link(account, login)
    }

    fn identities<'a>(
        &'a self,
        account: &'a str,
    ) -> BoxFuture<'a, Result<Vec<AccountIdentity>, AccountError>> {
        (**self).identities(account)
    }
}

/// The outcome of linking an identity to an account.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Link {
    /// The identity belongs to the account now.
    Linked,
    /// It belonged to the account before.
    AlreadyYours,
    /// It belongs to another account, and stays there.
    InUse,
}

/// An identity of an account.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AccountIdentity {
    /// The name of the provider.
    pub provider: String,
    /// The issuer and the subject.
    pub key: IdentityKey,
}

/// Why there is no account.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum AccountError {
    /// The application does not let this person in. The text is for the log.
    Refused(String),
    /// The accounts cannot be read or written at the moment.
    Failed(Arc<dyn StdError + Send + Sync>),
}

impl AccountError {
    /// The error of a database.
    pub fn failed(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Failed(Arc::from(source.into()))
    }
}

impl fmt::Display for AccountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(reason) => write!(f, "the application refused the person: {reason}"),
            Self::Failed(error) => write!(f, "the accounts cannot be read or written: {error}"),
        }
    }
}

impl StdError for AccountError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Refused(_) => None,
            Self::Failed(error) => Some(&**error),
        }
    }
}
