//! The settings of a site, and what all its routes share.
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use vouchsafe::seal::KeyRing;
use vouchsafe::vault::Vault;
use vouchsafe::{Client, Login};

use crate::accounts::account::Accounts;
use crate::origin::Origin;
use crate::session::sessions::{Sessions, forget_ended};
use crate::site::failure::{Failure, LOG};
use crate::site::networks::Networks;
use crate::site::providers::Providers;
use crate::site::relay::{Relay, Relayed};
use crate::site::requests::Requests;

/// Sign-in for a whole application: the routes for signing in and out, sessions, accounts and tokens. Cheap to clone.
///
/// A framework lets each request [enter](Self::enter), lets the site [respond](Self::respond) or else the application, and
/// [completes](crate::Visit::leave) the headers of the response.
#[derive(Clone)]
pub struct Site {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) origin: Origin,
    pub(crate) keys: KeyRing,
    pub(crate) providers: Providers,
    pub(crate) sessions: Sessions,
    pub(crate) requests: Requests,
    /// Without clients: [`Site::vault`] adds the one that it is asked for.
    pub(crate) vault: Vault,
    pub(crate) accounts: Arc<dyn Accounts>,
    pub(crate) trusted: Networks,
    pub(crate) roles: String,
    pub(crate) application: Option<String>,
    pub(crate) account_page: String,
    /// What stands before the path of each route: empty, or a path such as `/auth`.
    pub(crate) prefix: String,
    /// Routes that are elsewhere, and where.
    pub(crate) moved: Vec<(String, String)>,
    pub(crate) foreign_posts: Vec<String>,
    pub(crate) relay: Option<Relay>,
    pub(crate) relayed: Option<Relayed>,
    pub(crate) customise: Option<Arc<Customise>>,
    /// How often the log has told that a browser is at another address than the public URL.
    pub(crate) told: AtomicU32,
    /// How many sign-ins there were.
    pub(crate) sign_ins: AtomicU32,
}

/// Changes the logins at the provider of a name.
pub(crate) type Customise = dyn for<'c> Fn(&str, Login<'c>) -> Login<'c> + Send + Sync;

impl Site {
    /// The public URL.
    pub fn public_url(&self) -> &Origin {
        &self.inner.origin
    }

    /// The redirect URI of the provider with this name, to register there.
    pub fn redirect_uri(&self, provider: &str) -> String {
        format!("{}{}", self.returns_to(), self.path(&format!("/callback/{provider}")))
    }

    /// The origin of the redirect URIs.
    pub(crate) fn returns_to(&self) -> &Origin {
        self.inner.relay.as_ref().map_or(&self.inner.origin, |relay| &relay.origin)
    }

    /// The path of a route of the site, such as `/sign-in`, with the [prefix](crate::SiteBuilder::prefix), or where it was
    /// [put](crate::SiteBuilder::route_at).
    pub fn path(&self, route: &str) -> String {
        match self.inner.moved.iter().find(|(known, _)| known == route) {
            Some((_, path)) => path.clone(),
            None => format!("{}{route}", self.inner.prefix),
        }
    }

    /// The route at a path, without the prefix.
    pub(crate) fn route_at<'p>(&'p self, path: &'p str) -> Option<&'p str> {
        let moved = &self.inner.moved;
        if let Some((route, _)) = moved.iter().find(|(_, place)| place == path) {
            return Some(route);
        }
        let route = path.strip_prefix(&*self.inner.prefix)?;
        Some(route).filter(|route| moved.iter().all(|(known, _)| known != route))
    }

    /// The names of the providers that were named when the site was built.
    pub fn provider_names(&self) -> Vec<&str> {
        self.inner.providers.fixed.iter().map(|(name, _)| &**name).collect()
    }

    /// The sessions.
    pub fn sessions(&self) -> &Sessions {
        &self.inner.sessions
    }

    /// The client of the provider with this name.
    pub(crate) async fn find(&self, name: &str) -> Result<Option<Client>, Failure> {
        self.inner.providers.find(name).await
    }

    /// The tokens of the sessions at the provider with this name.
    pub(crate) fn vault(&self, name: &str, client: Client) -> Vault {
        self.inner.vault.clone().client_named(name, client)
    }

    /// Forgets the tokens of sessions that have ended. What stays is sealed, and is deleted later.
    pub(crate) async fn forget(&self, users: impl IntoIterator<Item = impl AsRef<str>>) {
        for user in users {
            if let Err(error) = self.inner.vault.forget(user.as_ref()).await {
                tracing::warn!(target: LOG, %error, "the tokens of a session that ended were not deleted");
            }
        }
    }

    /// Deletes the tokens of sessions that ended by themselves, some at a time. It reads many records: not each sign-in pays for it.
    pub(crate) async fn sweep(&self) {
        if !self.inner.sign_ins.fetch_add(1, Ordering::Relaxed).is_multiple_of(SIGN_INS_A_SWEEP) {
            return;
        }
        if let Err(error) = forget_ended(&self.inner.vault).await {
            tracing::debug!(target: LOG, %error, "tokens of sessions that are over were not swept away");
        }
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").field("public_url", &self.inner.origin.as_str()).finish_non_exhaustive()
    }
}

/// Fewer than the records of one sweep, so that the sweeps keep up with the sign-ins.
const SIGN_INS_A_SWEEP: u32 = 32;
