//! The start of a login.
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};

use http::request::Parts;
use serde_json::Value;
use url::form_urlencoded;
use vouchsafe::seal::KeyRing;
use vouchsafe::{Login, StartedLogin};

use crate::login::context::RequestContext;
use crate::login::cookie::{self, Cookie, MAX_COOKIE, MAX_OPEN, Names, SameSite};
use crate::login::rejection::LoginRejection;
use crate::login::return_to::is_own_path;
use crate::login::stored::StoredLogin;
use crate::login::visit;

/// A login that is about to start.
///
/// A login starts when a person opens the page. It does not start for a `HEAD` request, for a browser that looks ahead (a
/// prefetch), or for an image or a frame of another page, if the browser says so in `Sec-Fetch-Dest`. Such requests are
/// refused with [`LoginFault::NoVisit`](crate::LoginFault::NoVisit), and no cookie is set.
#[must_use = "the login starts with StartLogin::start"]
pub struct StartLogin {
    context: RequestContext,
    cookies: Vec<Cookie>,
    client: Option<String>,
    return_to: Option<String>,
    customise: Option<Customise>,
}

type Customise = Box<dyn FnOnce(Login<'_>) -> Login<'_> + Send>;

impl StartLogin {
    /// Chooses the client by its name. Defaults to the one given to [`Logins::new`](crate::Logins::new).
    pub fn client(mut self, name: impl Into<String>) -> Self {
        self.client = Some(name.into());
        self
    }

    /// Where to send the browser after the login: a path of this site, with a query if needed, without `.` and `..`.
    ///
    /// The path may come from a request: anything else, and a path that is too long, is refused with
    /// [`LoginFault::ReturnTo`](crate::LoginFault::ReturnTo) when the login starts.
    pub fn return_to(mut self, path: impl Into<String>) -> Self {
        self.return_to = Some(path.into());
        self
    }

    /// Customises the request: scopes, prompt and so on.
    ///
    /// A response is accepted only at the redirect URI of its login. If a login asks for more than others do, such as
    /// [`acr_values`](Login::acr_values) for administrators, give it its own [`redirect_uri`](Login::redirect_uri): otherwise
    /// a login without these demands can be finished there. With several providers, name that redirect URI in
    /// [`Logins::redirect_uri`](crate::Logins::redirect_uri).
    pub fn customise(mut self, customise: impl FnOnce(Login<'_>) -> Login<'_> + Send + 'static) -> Self {
        self.customise = Some(Box::new(customise));
        self
    }

    /// The login that a request asks for.
    ///
    /// # Errors
    /// The request did not come through [`RequestContext`], or no person opened the page.
    pub fn of(parts: &Parts) -> Result<Self, LoginRejection> {
        let context = RequestContext::of(parts)?;
        if !visit::may_start(parts) {
            return Err(context.rejected(LoginRejection::no_visit()));
        }
        let cookies = Cookie::all(&parts.headers);
        Ok(Self { context, cookies, client: None, return_to: None, customise: None })
    }

    /// Chooses client and path by the query of the request, `client=…&return_to=…`; both may be missing.
    ///
    /// # Errors
    /// The query names one of them more than once.
    pub fn by_query(mut self, query: &str) -> Result<Self, LoginRejection> {
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let wish = match &*name {
                "client" => &mut self.client,
                "return_to" => &mut self.return_to,
                _ => continue,
            };
            if wish.replace(value.into_owned()).is_some() {
                let detail =
                    "the query of a login names client or return_to more than once: give each of them once";
                return Err(self.context.rejected(LoginRejection::malformed(detail)));
            }
        }
        Ok(self)
    }

    /// Leaves the login with the browser, and returns the URL to send it to.
    ///
    /// # Errors
    /// There is no such client, its provider cannot be reached, or the path does not belong to this site: see
    /// [`LoginRejection::fault`].
    pub async fn start(self) -> Result<String, LoginRejection> {
        let context = self.context.clone();
        self.started().await.map_err(|rejection| context.rejected(rejection))
    }

    async fn started(self) -> Result<String, LoginRejection> {
        let Self { context, cookies, client, return_to, customise } = self;
        let logins = &context.logins;
        if !return_to.as_deref().is_none_or(is_own_path) {
            return Err(LoginRejection::foreign_return_to());
        }
        let Some((client_name, client)) = logins.find(client.as_deref()) else {
            return Err(LoginRejection::unknown_client());
        };
        let login = client.login();
        let started = match customise {
            Some(customise) => customise(login).await?,
            None => login.await?,
        };
        logins.check_redirect_uri(client_name, client, started.pending.redirect_uri())?;
        let place = started.pending.redirect_uri().to_owned();
        let new = NewLogin { client: client_name.to_owned(), return_to, note: None, place, started };
        let (url, headers) = new.leave(&cookies, &logins.inner.keys)?;
        headers.into_iter().for_each(|header| context.add_cookie(header));
        Ok(url)
    }
}

/// A login that was started, and is not with the browser yet.
pub(crate) struct NewLogin {
    pub(crate) client: String,
    pub(crate) return_to: Option<String>,
    pub(crate) note: Option<Value>,
    /// Where the response comes to this application: the redirect URI, unless a relay is there.
    pub(crate) place: String,
    pub(crate) started: StartedLogin,
}

impl NewLogin {
    /// The URL to send the browser to, and the `Set-Cookie` headers that leave the login with a browser that has these cookies.
    pub(crate) fn leave(
        self,
        cookies: &[Cookie],
        keys: &KeyRing,
    ) -> Result<(String, Vec<String>), LoginRejection> {
        let Self { client, return_to, note, place, started } = self;
        let same_site = SameSite::of(&started);
        let names = &Names::at(&place);
        let names_of = |slot| keys.key_ids().map(move |id| names.of(id, slot));

        let taken = std::array::from_fn(|slot| {
            if cookies.is_empty() {
                return None;
            }
            let names: Vec<_> = names_of(slot).collect();
            let here = cookies.iter().filter(|cookie| names.contains(&cookie.name));
            here.filter_map(|cookie| StoredLogin::open(cookie, keys)?.order_under_way()).max()
        });
        let order = StoredLogin::next_order(taken.into_iter().flatten());
        let slot = free_slot(taken).ok_or_else(LoginRejection::no_cookie)?;
        let mut names = names_of(slot);
        // The name of the current key.
        let name = names.next().ok_or_else(LoginRejection::no_cookie)?;
        let query = started.url.split_once('?').map_or("", |(_, query)| query);
        let is_silent = query.split('&').any(|param| param == "prompt=none");
        let pending = started.pending;
        let mut stored = StoredLogin { client, return_to, is_silent, order, note, pending, id: None };
        let lifetime =
            stored.pending.expires_at().duration_since(stored.pending.started_at()).unwrap_or_default();
        let set = |value: &str| cookie::set(&name, value, lifetime, same_site);
        let Some(header) = set(&stored.seal(&name, keys)?) else {
            if stored.return_to.take().is_some() && set(&stored.seal(&name, keys)?).is_some() {
                return Err(LoginRejection::foreign_return_to());
            }
            return Err(LoginRejection::setup(format!(
                "the login does not fit into a cookie of {MAX_COOKIE} bytes: ask for fewer scopes, or keep less data \
                 in it"
            )));
        };
        let mut headers = vec![header];
        // A slot holds one login, whichever key sealed it.
        let old = names.filter(|name| cookies.iter().any(|cookie| cookie.name == *name));
        headers.extend(old.map(|name| cookie::remove(&name, same_site)));
        Ok((started.url, headers))
    }
}

impl fmt::Debug for StartLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartLogin").field("client", &self.client).finish_non_exhaustive()
    }
}

/// The slot for one more login: a random free slot, so that logins that start at once seldom take the same; or else the slot
/// of the oldest.
fn free_slot(taken: [Option<u64>; MAX_OPEN]) -> Option<usize> {
    let free: Vec<_> = (0..MAX_OPEN).filter(|slot| taken[*slot].is_none()).collect();
    if free.is_empty() {
        return (0..MAX_OPEN).min_by_key(|slot| taken[*slot]);
    }
    // The keys of a hasher are random. Nobody gains from guessing a slot.
    let random = RandomState::new().build_hasher().finish();
    free.get(random as usize % free.len()).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_login_takes_a_free_slot_or_that_of_the_oldest() {
        assert_eq!(free_slot([Some(5), Some(3), Some(1), Some(2)]), Some(2));
        assert_eq!(free_slot([Some(5), Some(3), None, Some(2)]), Some(2));
        let by_chance: BTreeSet<_> =
            (0..300).map(|_| free_slot([None, Some(1), None, None]).unwrap()).collect();
        assert_eq!(by_chance, BTreeSet::from([0, 2, 3]));
    }
}
