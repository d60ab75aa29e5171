//! What a user of the sandbox gets to know of an acted provider.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use vouchsafe_providers::Definition;

use super::{ClientKey, Part, profile};
use crate::config::User;

/// A provider of the catalogue, or one of yours, that the sandbox acts. From
/// [`Sandbox::provider`](crate::Sandbox::provider) and [`Sandbox::act`](crate::Sandbox::act).
///
/// A client that is made from [`definition`](Self::definition), with [`params`](Self::params) filled in, signs in at the
/// sandbox, and finds there the quirks that the definition tells of: names, encodings, wrapped answers and all.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// use vouchsafe_sandbox::Sandbox;
///
/// let sandbox = Sandbox::start().await?;
/// let github = sandbox.provider("github").expect("it is in the catalogue");
/// let moved = github.definition();
/// assert_eq!(
///     moved.token_endpoint.unwrap(),
///     format!("{}/act/github/github.com/login/oauth/access_token", sandbox.issuer()),
/// );
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct ActedProvider {
    part: Arc<Part>,
}

impl ActedProvider {
    pub(crate) fn new(part: Arc<Part>) -> Self {
        Self { part }
    }

    /// The definition, with every URL moved under the sandbox: `https://host/path` is at `/act/slug/host/path`.
    ///
    /// Marks such as `{tenant}` are where they were. Everything else is as it was, too.
    pub fn definition(&self) -> Definition {
        self.part.definition.clone()
    }

    /// The same as TOML, for whoever reads definitions from a file.
    pub fn definition_toml(&self) -> String {
        // A definition is text, numbers, truth values, lists and tables with text for keys: TOML has all of these.
        toml::to_string(&self.part.definition).expect("a definition can be written as TOML")
    }

    /// The id of the only client that this provider knows. Any loopback redirect URI will do.
    pub fn client_id(&self) -> &str {
        self.part.client_id()
    }

    /// That client's secret; empty where the client signs one with the [`client_key`](Self::client_key).
    pub fn client_secret(&self) -> &str {
        match self.part.client_key {
            Some(_) => "",
            None => self.part.secret(),
        }
    }

    /// The key that the client signs its secrets with, where the provider takes no others, as Apple does.
    pub fn client_key(&self) -> Option<&ClientKey> {
        self.part.client_key.as_ref()
    }

    /// A value for each parameter of the definition: the example or the default it names, or a URL of the sandbox.
    pub fn params(&self) -> BTreeMap<String, String> {
        self.part.params.clone()
    }

    /// Whether authorization responses name the issuer in `iss` (RFC 9207) from now on, and the metadata says so. They do
    /// not by default: no definition tells.
    pub fn name_issuer(&self, yes: bool) {
        self.part.names_issuer.store(yes, Ordering::Relaxed);
    }

    /// What the definition's pointers find for this user: the identifier that this provider knows the user by.
    pub fn subject_of(&self, user: &User) -> String {
        profile::subject_text(&self.part, user)
    }
}

impl fmt::Debug for ActedProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActedProvider").field("slug", &self.part.definition.slug).finish_non_exhaustive()
    }
}
