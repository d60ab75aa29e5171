//! A site that is being set up.
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use vouchsafe::seal::KeyRing;
use vouchsafe::vault::{MemoryStore, TokenStore, Vault};
use vouchsafe::{Client, Login};

use crate::accounts::account::Accounts;
use crate::accounts::stored::StoredAccounts;
use crate::login::return_to::is_own_path;
use crate::origin::Origin;
use crate::session::sessions::Sessions;
use crate::site::networks::{Network, Networks};
use crate::site::providers::{ProviderSource, Providers, is_name};
use crate::site::relay::{Pattern, Relay, Relayed};
use crate::site::requests::Requests;
use crate::site::state::{Customise, Inner, Site};

/// A site that is being set up.
#[must_use = "the site is made by SiteBuilder::build"]
pub struct SiteBuilder {
    public_url: String,
    keys: KeyRing,
    providers: Vec<(String, Client)>,
    source: Option<Box<dyn ProviderSource>>,
    store: Option<Arc<dyn TokenStore>>,
    sessions: Option<Sessions>,
    idle_timeout: Option<Duration>,
    absolute_timeout: Option<Duration>,
    tokens: Option<Arc<dyn TokenStore>>,
    accounts: Option<Arc<dyn Accounts>>,
    trusted_proxies: Vec<String>,
    roles: String,
    application: Option<String>,
    account_page: String,
    prefix: String,
    moved: Vec<(String, String)>,
    foreign_posts: Vec<String>,
    relay: Option<(String, KeyRing)>,
    relayed: Option<(KeyRing, Vec<String>)>,
    customise: Option<Arc<Customise>>,
}

impl Site {
    /// A site at this public URL, an origin such as `https://app.example.com`. The ring seals the cookies, and what is stored.
    ///
    /// The public URL is the only source of redirect URIs and redirects: neither `Host` nor a forwarded header gets into them.
    pub fn builder(public_url: impl Into<String>, keys: KeyRing) -> SiteBuilder {
        SiteBuilder::new(public_url.into(), keys)
    }
}

impl SiteBuilder {
    fn new(public_url: String, keys: KeyRing) -> Self {
        Self {
            public_url,
            keys,
            providers: Vec::new(),
            source: None,
            store: None,
            sessions: None,
            idle_timeout: None,
            absolute_timeout: None,
            tokens: None,
            accounts: None,
            trusted_proxies: Vec::new(),
            roles: "/roles".to_owned(),
            application: None,
            account_page: "/account".to_owned(),
            prefix: String::new(),
            moved: Vec::new(),
            foreign_posts: Vec::new(),
            relay: None,
            relayed: None,
            customise: None,
        }
    }

    /// Adds a provider, named by its slug. If the provider fetches signed requests
    /// ([`ClientBuilder::serve_requests_at`](vouchsafe::ClientBuilder::serve_requests_at)), the site serves them below the public URL
    /// with `/request`. The redirect URI to register there is the public URL with `/callback/` and the name
    /// ([`Site::redirect_uri`]).
    pub fn provider(self, client: Client) -> Self {
        let name = client.provider_slug().to_owned();
        self.provider_named(name, client)
    }

    /// Adds a provider under a name of letters, digits, `-` and `_`.
    pub fn provider_named(mut self, name: impl Into<String>, client: Client) -> Self {
        self.providers.push((name.into(), client));
        self
    }

    /// Finds further providers at run time.
    pub fn provider_source(mut self, source: impl ProviderSource + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// Keeps sessions, tokens and accounts in this store. Without it, sessions are in cookies, and tokens and accounts in memory.
    pub fn store(mut self, store: Arc<dyn TokenStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// Sets the sessions, if they are not to be in the store of [`SiteBuilder::store`]: for example in cookies.
    pub fn sessions(mut self, sessions: Sessions) -> Self {
        self.sessions = Some(sessions);
        self
    }

    /// Keeps the tokens in this store, sealed with the keys of the site.
    pub fn tokens_in(mut self, store: Arc<dyn TokenStore>) -> Self {
        self.tokens = Some(store);
        self
    }

    /// Decides which account an identity belongs to; [`StoredAccounts`] by default.
    pub fn accounts(mut self, accounts: impl Accounts + 'static) -> Self {
        self.accounts = Some(Arc::new(accounts));
        self
    }

    /// How long a session lasts without a request: see [`Sessions::idle_timeout`].
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = Some(timeout);
        self
    }

    /// How long a session lasts: see [`Sessions::absolute_timeout`].
    pub fn absolute_timeout(mut self, timeout: Duration) -> Self {
        self.absolute_timeout = Some(timeout);
        self
    }

    /// The proxies in front of the application, as addresses or networks such as `10.0.0.0/8`. Only their `Forwarded` or
    /// `X-Forwarded-*` headers count.
    pub fn trusted_proxies<S: Into<String>>(mut self, proxies: impl IntoIterator<Item = S>) -> Self {
        self.trusted_proxies.extend(proxies.into_iter().map(Into::into));
        self
    }

    /// Where the roles of a person are: a JSON Pointer to a list in the claims of the ID token, or in the profile if there is no ID
    /// token. `/roles` by default.
    pub fn roles(mut self, pointer: impl Into<String>) -> Self {
        self.roles = pointer.into();
        self
    }

    /// The name of the application, for the sign-in page.
    pub fn application(mut self, name: impl Into<String>) -> Self {
        self.application = Some(name.into());
        self
    }

    /// Puts the routes of the site below a path such as `/auth`: then the redirect URIs are `/auth/callback/` and a name, and people
    /// sign in at `/auth/sign-in`. Without it, the routes are at the top. The paths of cookies do not change.
    ///
    /// A relay has to have the same prefix as the sites that it serves.
    pub fn prefix(mut self, path: impl Into<String>) -> Self {
        self.prefix = path.into();
        self
    }

    /// Puts a route at a path that a provider knows already, for example from an application before this one: the path is complete,
    /// with the prefix. The route is one of `/callback/NAME`, `/backchannel-logout/NAME`, `/frontchannel-logout/NAME`, `/initiate-login`
    /// and `/logged-out`.
    ///
    /// ```
    /// # fn f(builder: vouchsafe_web::SiteBuilder) -> vouchsafe_web::SiteBuilder {
    /// builder.route_at("/callback/google", "/api/auth/callback/google")
    /// # }
    /// ```
    pub fn route_at(mut self, route: impl Into<String>, path: impl Into<String>) -> Self {
        self.moved.push((route.into(), path.into()));
        self
    }

    /// The path of the application's page about the account; `/account` by default. After an identity was to be linked, the browser
    /// comes there with `link=` and `linked`, `already_yours`, `in_use` or `needs_proof`.
    pub fn account_page(mut self, path: impl Into<String>) -> Self {
        self.account_page = path.into();
        self
    }

    /// Customises the logins: scopes, prompt and so on. The function gets the name of the provider.
    pub fn customise(
        mut self,
        customise: impl for<'c> Fn(&str, Login<'c>) -> Login<'c> + Send + Sync + 'static,
    ) -> Self {
        self.customise = Some(Arc::new(customise));
        self
    }

    /// Signs people in through a relay, for a deployment whose host the providers do not know, such as the preview of a change. The
    /// redirect URIs are those of the relay, and the keys are a ring that both share for this purpose alone.
    pub fn via_relay(mut self, url: impl Into<String>, keys: KeyRing) -> Self {
        self.relay = Some((url.into(), keys));
        self
    }

    /// Passes responses on to applications that sign people in [through this site](Self::via_relay), if they are at one of these
    /// origins. A star stands for the first label: `https://*.preview.example.com`.
    ///
    /// # Security
    /// Everybody who can put a page at one of these origins and has the keys can receive codes there. The codes are bound to the
    /// browser and to the code verifier of the login (PKCE).
    pub fn relay_for<S: Into<String>>(mut self, keys: KeyRing, origins: impl IntoIterator<Item = S>) -> Self {
        self.relayed = Some((keys, origins.into_iter().map(Into::into).collect()));
        self
    }

    /// Lets other sites and programs send requests to a path, such as `/webhooks/stripe`, or to all paths below it.
    ///
    /// # Security
    /// A page of another site can send such a request with the cookies of a person. The handler must not act for the person who is
    /// signed in.
    pub fn danger_allow_foreign_posts(mut self, path: impl Into<String>) -> Self {
        self.foreign_posts.push(path.into());
        self
    }

    /// Makes the site.
    ///
    /// # Errors
    /// A setting cannot be used; the error says which, and how to correct it.
    pub fn build(self) -> Result<Site, InvalidSite> {
        let origin: Origin = self.public_url.parse().map_err(|error| InvalidSite(format!("{error}")))?;
        self.check_names()?;
        let trusted: Result<Vec<Network>, _> = self.trusted_proxies.iter().map(|text| text.parse()).collect();
        let trusted = Networks(trusted.map_err(|error| InvalidSite(error.to_string()))?);
        if !self.roles.is_empty() && !self.roles.starts_with('/') {
            return Err(InvalidSite(format!(
                "the path of the roles must be a JSON Pointer such as /roles, and {:?} does not begin with a slash",
                self.roles
            )));
        }
        if !is_own_path(&self.account_page) || self.account_page.contains(['?', '#']) {
            return Err(InvalidSite(format!(
                "the page about the account must be a path of this site such as /account, and {:?} is not",
                self.account_page
            )));
        }
        let is_part = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        let is_prefix = |path: &str| path.strip_prefix('/').is_some_and(|path| path.split('/').all(is_part));
        if !self.prefix.is_empty() && !is_prefix(&self.prefix) {
            return Err(InvalidSite(format!(
                "the prefix of the routes must be a path such as /auth, of letters, digits, - and _ and without a slash at its end, \
                 and {:?} is not",
                self.prefix
            )));
        }
        for (at, (route, path)) in self.moved.iter().enumerate() {
            let is_path = is_own_path(path) && !path.contains(['?', '#']);
            let is_twice = self.moved[..at].iter().any(|(other, place)| other == route || place == path);
            if !is_path || is_twice || !is_registered(route) {
                return Err(InvalidSite(format!(
                    "a route that providers know, such as /callback/google, is put at one path of this site, and {route:?} at {path:?} \
                     is not"
                )));
            }
        }
        let relay = self.relay.map(|(url, keys)| {
            let origin =
                url.parse().map_err(|error| InvalidSite(format!("the relay cannot be used: {error}")))?;
            Ok(Relay { origin, keys })
        });
        let relayed = self.relayed.map(|(keys, hosts)| {
            let pattern = |text: &String| {
                Pattern::parse(text).ok_or_else(|| {
                    InvalidSite(format!(
                        "the relay serves origins such as https://*.preview.example.com, where the star is one label, and {text:?} \
                         is not one"
                    ))
                })
            };
            let hosts = hosts.iter().map(pattern).collect::<Result<_, _>>()?;
            Ok(Relayed { keys, hosts })
        });
        let (relay, relayed) = (relay.transpose()?, relayed.transpose()?);
        let keys = self.keys;
        let mut sessions = self.sessions.unwrap_or_else(|| match &self.store {
            Some(store) => Sessions::in_store(store.clone(), keys.clone()),
            None => Sessions::in_cookie(keys.clone()),
        });
        if let Some(timeout) = self.idle_timeout {
            sessions = sessions.idle_timeout(timeout);
        }
        if let Some(timeout) = self.absolute_timeout {
            sessions = sessions.absolute_timeout(timeout);
        }
        let store = self.store.unwrap_or_else(|| Arc::new(MemoryStore::new()));
        let tokens = self.tokens.unwrap_or_else(|| store.clone());
        let requests = Requests::new(store.clone(), keys.clone());
        let accounts = self.accounts.unwrap_or_else(|| Arc::new(StoredAccounts::new(store, keys.clone())));
        let inner = Inner {
            origin,
            vault: Vault::sealed(tokens, keys.clone()),
            keys,
            providers: Providers { fixed: self.providers, source: self.source, ..Providers::default() },
            sessions,
            requests,
            accounts,
            trusted,
            roles: self.roles,
            application: self.application,
            account_page: self.account_page,
            prefix: self.prefix,
            moved: self.moved,
            foreign_posts: self.foreign_posts,
            relay,
            relayed,
            customise: self.customise,
            told: Default::default(),
            sign_ins: Default::default(),
        };
        Ok(Site { inner: Arc::new(inner) })
    }

    fn check_names(&self) -> Result<(), InvalidSite> {
        let names: Vec<_> = self.providers.iter().map(|(name, _)| name).collect();
        if names.is_empty() && self.source.is_none() {
            return Err(InvalidSite(
                "a site needs a provider: add one with SiteBuilder::provider".to_owned(),
            ));
        }
        for (at, name) in names.iter().enumerate() {
            if !is_name(name) {
                return Err(InvalidSite(format!(
                    "the name of a provider must consist of letters, digits, - and _, and {name:?} does not: give it another \
                     with SiteBuilder::provider_named"
                )));
            }
            // Their redirect URIs would differ only in the case of letters, which a proxy may change.
            if names[..at].iter().any(|other| other.eq_ignore_ascii_case(name)) {
                return Err(InvalidSite(format!(
                    "each provider must have its own name, and two have the name {name:?}: give one of them another with \
                     SiteBuilder::provider_named"
                )));
            }
        }
        Ok(())
    }
}

/// Whether a route is one that is registered at providers. People find the others by links.
fn is_registered(route: &str) -> bool {
    let of_provider = ["/callback/", "/backchannel-logout/", "/frontchannel-logout/"];
    ["/initiate-login", "/logged-out"].contains(&route)
        || of_provider.iter().any(|start| route.strip_prefix(start).is_some_and(is_name))
}

impl fmt::Debug for SiteBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SiteBuilder").field("public_url", &self.public_url).finish_non_exhaustive()
    }
}

/// A setting of a site that cannot be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InvalidSite(String);

impl fmt::Display for InvalidSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidSite {}
