//! Where logins are saved: the store that an option or a variable names, or a file in the user's data folder.
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use url::Url;
use vouchsafe::Error;
use vouchsafe::vault::TokenStore;

use crate::args::StoreArgs;
use crate::failure::Failure;
use crate::system;

/// A store for saved logins.
pub(super) struct Place {
    url: String,
    /// The file with the key. A store in memory has a key of its own.
    pub(super) key: Option<PathBuf>,
    /// Other machines may use the store too, with the same key.
    pub(super) is_shared: bool,
}

impl Place {
    pub(super) fn of(args: &StoreArgs) -> Result<Self, Failure> {
        if let Some(url) = &args.store {
            if has_password(url) {
                let message = "--store contains a password, which every process could read. Set VOUCHSAFE_STORE to the URL, \
                               and leave out --store";
                return Err(Failure::usage("invalid_argument", message));
            }
            return Self::at(url.clone(), "--store");
        }
        match std::env::var_os("VOUCHSAFE_STORE").filter(|url| !url.is_empty()).map(OsString::into_string) {
            Some(Ok(url)) => Self::at(url, "VOUCHSAFE_STORE"),
            Some(Err(_)) => {
                let message = "VOUCHSAFE_STORE is not UTF-8 text: set it again";
                Err(Failure::usage("invalid_argument", message))
            }
            None => {
                let file = folder()?.join("logins.db");
                let path = file.to_str().ok_or_else(|| {
                    let message = "The path of your data folder is not UTF-8 text: give another place with --store sqlite:PATH";
                    Failure::usage("invalid_argument", message)
                })?;
                Self::at(format!("sqlite:{path}"), "--store")
            }
        }
    }

    /// `option` is the name of the place where the URL was given.
    fn at(url: String, option: &str) -> Result<Self, Failure> {
        let (scheme, rest) = url.split_once(':').unwrap_or_default();
        let key = match scheme {
            "memory" if rest.is_empty() => None,
            "sqlite" if !rest.trim_start_matches('/').is_empty() => {
                Some(beside(Path::new(rest.strip_prefix("//").unwrap_or(rest))))
            }
            "postgres" | "postgresql" | "redis" | "rediss" | "redis+unix" => {
                Some(folder()?.join("store.key"))
            }
            _ => {
                let message = format!(
                    "{option} is not the URL of a store: expected sqlite:PATH, postgres://…, redis://…, rediss://…, \
                     redis+unix:///… or memory:"
                );
                return Err(Failure::usage("invalid_argument", message));
            }
        };
        let is_shared = !matches!(scheme, "memory" | "sqlite");
        Ok(Self { url, key, is_shared })
    }

    pub(super) async fn open(&self) -> Result<Arc<dyn TokenStore>, Failure> {
        Ok(vouchsafe_store::open(&self.url).await.map_err(Error::from)?)
    }
}

/// The file with the key of a store in that file.
fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".key");
    name.into()
}

/// This program's folder in the data folder of the user.
fn folder() -> Result<PathBuf, Failure> {
    let folder = system::data_folder().map(|folder| folder.join("vouchsafe"));
    folder.ok_or_else(|| {
        let message =
            "The data folder of this user is unknown, because no variable such as HOME names it. Set HOME";
        Failure::local("store", message)
    })
}

fn has_password(url: &str) -> bool {
    let Ok(parsed) = Url::parse(url) else {
        // Rather a password too many than one that is shown.
        return url.split_once("://").is_some_and(|(_, rest)| rest.contains('@'));
    };
    let is_one = |name: &str| ["pass", "password", "sslpassword"].contains(&&*name.to_ascii_lowercase());
    parsed.password().is_some() || parsed.query_pairs().any(|(name, _)| is_one(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_found_wherever_a_url_can_have_one() {
        for url in [
            "postgres://jane:secret@db/logins",
            "redis://:secret@db",
            "postgres://db/logins?user=jane&Password=secret",
            "redis+unix:///run/redis.sock?pass=secret",
            "postgres://jane:secret@db:port/logins",
        ] {
            assert!(has_password(url), "{url}");
        }
        for url in ["postgres://jane@db/logins", "redis://db:6379/1", "sqlite:a@b:c.db", "memory:"] {
            assert!(!has_password(url), "{url}");
        }
    }

    #[test]
    fn the_key_of_a_file_is_beside_it() {
        for url in ["sqlite:logins.db", "sqlite://logins.db"] {
            assert_eq!(Place::at(url.to_owned(), "").unwrap().key, Some("logins.db.key".into()));
        }
        assert_eq!(Place::at("memory:".to_owned(), "").unwrap().key, None);
        for url in ["logins.db", "mysql://db", "sqlite:", "memory:x"] {
            assert!(Place::at(url.to_owned(), "--store").is_err(), "{url}");
        }
    }
}
