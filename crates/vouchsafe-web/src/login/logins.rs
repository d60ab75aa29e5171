//! The clients of an application, and the places where their logins return to.
use std::fmt;
use std::sync::Arc;

use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderValue, Uri};
use vouchsafe::Client;
use vouchsafe::seal::KeyRing;

use crate::login::place::Place;
use crate::login::rejection::LoginRejection;

/// The clients of an application, by name, and the key ring that seals its login cookies. Cheap to clone.
///
/// With several providers, give each its own redirect URI. A response is accepted only at the redirect URI of its login, so
/// that no provider receives the code of another (the mix-up attack, RFC 9700 section 4.4.2). A login does not start if
/// responses for another client may arrive at its redirect URI.
#[derive(Clone)]
pub struct Logins {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Clone)]
pub(crate) struct Inner {
    pub(crate) keys: KeyRing,
    /// By name; never empty, the first is the default.
    clients: Vec<(String, Client)>,
    /// Further redirect URIs, each with the name of its client.
    redirect_uris: Vec<(String, String)>,
    /// The part that a proxy removes from each path.
    prefix: String,
    pub(crate) retry_at: Option<String>,
}

impl Logins {
    /// Logins at one provider, named by its slug. The ring seals the login cookies.
    ///
    /// The ring of [`KeyRing::generate`] lives as long as the program: when it restarts, logins that are under way have to
    /// start again. Use [`KeyRing::new`] with a secret if that is a problem, or if several instances share the logins. To
    /// replace the secret, keep the old one in the ring with [`KeyRing::previous`] for as long as a login may take.
    pub fn new(client: Client, keys: KeyRing) -> Self {
        let clients = vec![(client.provider_slug().to_owned(), client)];
        let (redirect_uris, prefix) = (Vec::new(), String::new());
        let inner = Inner { keys, clients, redirect_uris, prefix, retry_at: None };
        Self { inner: Arc::new(inner) }
    }

    /// Adds a client under the name that [`StartLogin::client`](crate::StartLogin::client) takes. Replaces a client of the
    /// same name.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, client: Client) -> Self {
        let (name, clients) = (name.into(), &mut self.inner().clients);
        match clients.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = client,
            None => clients.push((name, client)),
        }
        self
    }

    /// Names a redirect URI of a client besides the one in its registration, for logins that set it with
    /// [`Login::redirect_uri`](vouchsafe::Login::redirect_uri). With several providers such a login does not start
    /// otherwise, so that no two providers share a redirect URI.
    ///
    /// Name it also if it differs from another redirect URI in the host alone. Responses at such redirect URIs are told apart
    /// by the host of the request. A proxy in front of the application has to pass on the `Host` of the browser; if it does
    /// not, these logins are refused when they return.
    #[must_use]
    pub fn redirect_uri(mut self, client: impl Into<String>, uri: impl Into<String>) -> Self {
        self.inner().redirect_uris.push((client.into(), uri.into()));
        self
    }

    /// The path that a proxy in front of the application removes: `/shop`, if it turns `/shop/callback` into `/callback`.
    /// Responses are compared with the redirect URI as the browser knows it.
    #[must_use]
    pub fn behind(mut self, prefix: impl AsRef<str>) -> Self {
        let prefix = prefix.as_ref().trim_matches('/');
        self.inner().prefix = if prefix.is_empty() { String::new() } else { format!("/{prefix}") };
        self
    }

    /// The path where people choose how to sign in; the page after a failure links to it. Defaults to `/`.
    #[must_use]
    pub fn retry_at(mut self, path: impl Into<String>) -> Self {
        self.inner().retry_at = Some(path.into());
        self
    }

    /// The client of that name, for example to refresh or revoke the tokens of [`LoggedIn`](crate::LoggedIn).
    pub fn client(&self, name: &str) -> Option<&Client> {
        self.find(Some(name)).map(|(_, client)| client)
    }

    fn inner(&mut self) -> &mut Inner {
        Arc::make_mut(&mut self.inner)
    }

    /// A client with its name, the default one without a name.
    pub(crate) fn find(&self, name: Option<&str>) -> Option<(&str, &Client)> {
        let mut clients = self.inner.clients.iter().map(|(name, client)| (name.as_str(), client));
        clients.find(|(known, _)| name.is_none_or(|name| name == *known))
    }

    /// Refuses a redirect URI where responses for another client may arrive as well.
    pub(crate) fn check_redirect_uri(
        &self,
        name: &str,
        client: &Client,
        redirect_uri: &str,
    ) -> Result<(), LoginRejection> {
        let place = Place::of(redirect_uri);
        let is_own = |its: &Client, uri: &str| its.same_as(client) && uri == redirect_uri;
        let (own, others): (Vec<_>, Vec<_>) =
            self.redirect_uris().partition(|(_, its, uri)| is_own(its, uri));
        if let Some((other, ..)) = others.iter().find(|(.., uri)| Place::of(uri).meets(&place)) {
            return Err(LoginRejection::setup(format!(
                "responses to logins at {other:?} may arrive at the redirect URI of the login at {name:?} as well: give \
                 each provider a redirect URI of its own, with a path of its own"
            )));
        }
        // If it is not named here, it is unknown when a response to another login arrives.
        let is_alone = self.inner.clients.iter().all(|(_, its)| its.same_as(client));
        let is_told_by_host = others.iter().any(|(.., uri)| Place::of(uri).differs_by_host(&place));
        if !own.is_empty() || (is_alone && !is_told_by_host) {
            return Ok(());
        }
        Err(LoginRejection::setup(format!(
            "the redirect URI of the login at {name:?} is not the one of its registration: with several providers, or if \
             another redirect URI differs in the host alone, name it with Logins::redirect_uri"
        )))
    }

    /// Whether a request came to the host of a redirect URI, if that redirect URI differs from another only in the host. A
    /// cookie does not show the host: people can copy their cookies from one host to another.
    pub(crate) fn is_at_host(&self, redirect_uri: &str, parts: &Parts) -> bool {
        let place = Place::of(redirect_uri);
        !self.redirect_uris().any(|(.., uri)| Place::of(uri).differs_by_host(&place))
            || host(parts).is_some_and(|host| place.is_at(&host))
    }

    /// All redirect URIs, each with its client and the client's name.
    fn redirect_uris(&self) -> impl Iterator<Item = (&str, &Client, &str)> {
        self.inner.clients.iter().flat_map(|(name, client)| {
            let further = self.inner.redirect_uris.iter().filter(move |(of, _)| of == name);
            let uris = client.redirect_uri().into_iter().chain(further.map(|(_, uri)| &**uri));
            uris.map(move |uri| (&**name, client, uri))
        })
    }

    /// The path and the query of the URL that the browser came to.
    pub(crate) fn arrival(&self, uri: &Uri) -> String {
        format!("{}{}", self.inner.prefix, uri.path_and_query().map_or("/", |path| path.as_str()))
    }
}

/// The host of a request. If the request names it more than once, all must agree (RFC 9112 section 3.2).
fn host(parts: &Parts) -> Option<String> {
    let named = parts.uri.authority().map(|authority| Some(authority.host().to_owned()));
    let read = |value: &HeaderValue| Some(value.to_str().ok()?.parse::<Authority>().ok()?.host().to_owned());
    let mut hosts = named.into_iter().chain(parts.headers.get_all(HOST).iter().map(read));
    let first = hosts.next()??;
    hosts.all(|host| host.is_some_and(|host| host.eq_ignore_ascii_case(&first))).then_some(first)
}

impl fmt::Debug for Logins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.inner.clients.iter().map(|(name, _)| name).collect();
        f.debug_struct("Logins").field("clients", &names).finish_non_exhaustive()
    }
}
