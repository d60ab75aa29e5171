//! An acted provider, as a user of the sandbox sees it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use vouchsafe_providers::Definition;

use super::{ClientKey, Part, profile, template};
use crate::config::User;

/// A provider that the sandbox acts as: one of the catalogue, or your own. From
/// [`Sandbox::provider`](crate::Sandbox::provider) and [`Sandbox::act`](crate::Sandbox::act).
///
/// A client built from [`definition`](Self::definition) and [`params`](Self::params) signs in at the sandbox, which has the
/// quirks of the definition: its names, its encodings, the shape of its responses.
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

    /// The provider as a sandbox at that URL acts it. The sandbox may run elsewhere, such as in another process; a
    /// [`client_key`](Self::client_key) is known only there.
    ///
    /// The URL may also be that of the provider at the sandbox: it ends with `/act/` and the slug.
    pub fn at(definition: &Definition, sandbox: &str) -> Self {
        let (sandbox, own) = (sandbox.trim_end_matches('/'), format!("/act/{}", definition.slug));
        Self::new(Arc::new(Part::acted(definition, sandbox.strip_suffix(&own).unwrap_or(sandbox))))
    }

    /// The provider's URLs at the sandbox, for an application in any language: `authorize`, `token`, `refresh`,
    /// `long_lived`, `revoke`, `introspect`, `device`, `end_session`, `userinfo`, `emails`, `discovery` and `keys`, as far as
    /// the provider has them. The [`params`](Self::params) are filled in. Marks such as `{token:/id}` stand for values of the
    /// token response, others for values of the profile.
    pub fn urls(&self) -> BTreeMap<&'static str, String> {
        let fill = |url: String| {
            let known = |name: &str| self.part.fill(&format!("{{{name}}}"), &BTreeMap::new());
            template::fill(&url, &|name| Some(known(name).unwrap_or_else(|| format!("{{{name}}}"))))
        };
        let urls = self.part.urls().into_iter();
        urls.filter_map(|(role, _, url)| Some((role.name(), fill(url)?))).collect()
    }

    /// The issuer, if the provider has one.
    pub fn issuer(&self) -> Option<String> {
        let definition = &self.part.definition;
        let has_one = definition.issuer.is_some() || definition.discovery.is_some();
        has_one.then(|| self.part.token_issuer(&BTreeMap::new()))
    }

    /// The definition, with every URL moved under the sandbox: `https://host/path` is at `/act/slug/host/path`.
    ///
    /// Placeholders such as `{tenant}` and everything else stay as they are.
    pub fn definition(&self) -> Definition {
        self.part.definition.clone()
    }

    /// The same as TOML, for a program that reads definitions from a file.
    pub fn definition_toml(&self) -> String {
        // A definition consists of strings, numbers, booleans, lists and tables: TOML has all of these.
        toml::to_string(&self.part.definition).expect("a definition can be written as TOML")
    }

    /// The id of this provider's only client. It accepts every loopback redirect URI.
    pub fn client_id(&self) -> &str {
        self.part.client_id()
    }

    /// That client's secret. It is empty if the client signs its secrets with the [`client_key`](Self::client_key), or if the
    /// provider takes none.
    pub fn client_secret(&self) -> &str {
        match self.part.client_key {
            Some(_) => "",
            None => self.part.secret(),
        }
    }

    /// The key that the client signs its secrets with, if the provider accepts only signed ones, as Apple does.
    pub fn client_key(&self) -> Option<&ClientKey> {
        self.part.client_key.as_ref()
    }

    /// A value for each parameter of the definition: its example, its default, or a URL of the sandbox.
    pub fn params(&self) -> BTreeMap<String, String> {
        self.part.params.clone()
    }

    /// Whether authorization responses name the issuer in `iss` (RFC 9207) from now on, and the metadata announces it. The
    /// default is yes if the provider has an issuer and no ID tokens, as GitHub: its definition knows the issuer because
    /// responses name it. For others it is no, because a definition does not say whether its provider does.
    pub fn name_issuer(&self, yes: bool) {
        self.part.names_issuer.store(yes, Ordering::Relaxed);
    }

    /// Whether access tokens expire from now on, and come with a refresh token if the definition has those. The default is
    /// yes, unless its [`expiry`](vouchsafe_providers::TokenQuirks::expiry) is `never`, as for the OAuth apps of GitHub:
    /// switch it on to act as GitHub does for GitHub Apps.
    pub fn expire_tokens(&self, yes: bool) {
        self.part.expires.store(yes, Ordering::Relaxed);
    }

    /// The identifier of this user at the provider: the value that the definition's pointers find.
    pub fn subject_of(&self, user: &User) -> String {
        profile::subject_text(&self.part, user)
    }
}

impl fmt::Debug for ActedProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActedProvider").field("slug", &self.part.definition.slug).finish_non_exhaustive()
    }
}
