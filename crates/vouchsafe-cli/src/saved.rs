//! Saved logins: the store, its key, and what is kept to make a login's client again.
mod key;
mod logins;
mod place;
mod recipe;

pub(crate) use self::logins::{Need, SavedLogins, Saving};
pub(crate) use self::recipe::Recipe;
