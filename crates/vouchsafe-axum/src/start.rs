use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::time::SystemTime;

use aws_lc_rs::rand;
use axum::extract::FromRequestParts;
use axum::response::Redirect;
use http::request::Parts;
use vouchsafe::Login;

use crate::web::cookie::{Cookie, MAX_OPEN, Names, Way};
use crate::web::logins::{Kept, Trip};
use crate::web::rejection::LoginRejection;
use crate::web::visit;

/// A login that is about to start: the extractor for the handler that sends people to the provider. Await it for the
/// redirect.
///
/// A login starts when a person opens the page. It starts neither for a `HEAD` request, nor for a browser that looks ahead
/// (a prefetch), nor for an image or a frame of another page, wherever the browser says so in `Sec-Fetch-Dest`: such
/// requests are refused with [`LoginFault::NoVisit`](crate::LoginFault::NoVisit), and leave no cookie.
///
/// ```no_run
/// use axum::extract::Query;
/// use axum::response::Redirect;
/// use vouchsafe_axum::{LoginRejection, StartLogin};
///
/// #[derive(serde::Deserialize)]
/// struct Wish {
///     return_to: Option<String>,
/// }
///
/// async fn login(Query(wish): Query<Wish>, login: StartLogin) -> Result<Redirect, LoginRejection> {
///     login.return_to(wish.return_to.unwrap_or("/".into())).with(|ask| ask.scope("openid").scope("calendar")).await
/// }
/// ```
#[must_use = "nobody is sent anywhere until it is awaited"]
pub struct StartLogin {
    trip: Trip,
    cookies: Vec<Cookie>,
    client: Option<String>,
    return_to: Option<String>,
    ask: Option<Ask>,
}

type Ask = Box<dyn FnOnce(Login<'_>) -> Login<'_> + Send>;

impl StartLogin {
    /// With which client, by its name; the one that was given first if this is not called.
    pub fn at(mut self, name: impl Into<String>) -> Self {
        self.client = Some(name.into());
        self
    }

    /// Where to go afterwards: a path of this site, with a query if need be, and without `.` and `..`.
    ///
    /// Anything else, and a path that is too long, is refused with [`LoginFault::ReturnTo`](crate::LoginFault::ReturnTo)
    /// when the login starts, so that it may come from a request.
    pub fn return_to(mut self, path: impl Into<String>) -> Self {
        self.return_to = Some(path.into());
        self
    }

    /// What else to ask the provider for.
    ///
    /// A response counts only at the redirect URI of its login. So a login that asks for more, such as
    /// [`acr_values`](Login::acr_values) for the administrators, is worth as much as its
    /// [`redirect_uri`](Login::redirect_uri) is its own; with several providers, name that in
    /// [`Logins::redirect_uri`](crate::Logins::redirect_uri).
    pub fn with(mut self, ask: impl FnOnce(Login<'_>) -> Login<'_> + Send + 'static) -> Self {
        self.ask = Some(Box::new(ask));
        self
    }

    async fn start(self) -> Result<Redirect, LoginRejection> {
        let Self { trip, cookies, client, return_to, ask } = self;
        if !return_to.as_deref().is_none_or(is_path_of_this_site) {
            return Err(LoginRejection::return_to());
        }
        let Some((name, client)) = trip.logins.client(client.as_deref()) else {
            return Err(LoginRejection::unknown_client());
        };
        let login = client.login();
        let started = match ask {
            Some(ask) => ask(login).await?,
            None => login.await?,
        };
        let redirect_uri = started.pending.redirect_uri();
        trip.logins.check_redirect_uri(name, client, redirect_uri)?;
        let names = Names::of(redirect_uri);
        let way = Way::of(&started.url, redirect_uri);
        let key = &trip.logins.key;

        let taken = std::array::from_fn(|slot| {
            let names: Vec<_> = key.old_ids().chain([key.id()]).map(|id| names.name(id, slot)).collect();
            let here = cookies.iter().filter(|cookie| names.contains(&cookie.name));
            here.filter_map(|cookie| trip.under_way(cookie)).max()
        });
        let slot = free_slot(taken).ok_or_else(LoginRejection::cookie_cannot_be_made)?;
        let mut kept = Kept { client: name.to_owned(), return_to, pending: started.pending };
        if trip.keep(names.name(key.id(), slot), &kept, way)?.is_none() {
            let is_path_too_long =
                kept.return_to.take().is_some() && trip.fits(&names.name(key.id(), slot), &kept, way)?;
            return Err(if is_path_too_long {
                LoginRejection::return_to()
            } else {
                LoginRejection::too_large()
            });
        }
        // A slot holds one login, whichever key sealed it.
        let old = key.old_ids().map(|id| names.name(id, slot));
        for name in old.filter(|name| cookies.iter().any(|cookie| cookie.name == *name)) {
            trip.remove(&name, way);
        }
        Ok(Redirect::to(&started.url))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for StartLogin {
    type Rejection = LoginRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, LoginRejection> {
        let trip = Trip::of(parts)?;
        if !visit::may_start(parts) {
            return Err(LoginRejection::no_visit().told(Some(&trip.logins)));
        }
        let cookies = Cookie::all(&parts.headers);
        Ok(Self { trip, cookies, client: None, return_to: None, ask: None })
    }
}

impl IntoFuture for StartLogin {
    type Output = Result<Redirect, LoginRejection>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async {
            let logins = self.trip.logins.clone();
            self.start().await.map_err(|rejection| rejection.told(Some(&logins)))
        })
    }
}

impl fmt::Debug for StartLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartLogin").field("client", &self.client).finish_non_exhaustive()
    }
}

/// Whether a browser that is sent there stays on this site, whatever it makes of slashes, dots and white space; and
/// whether a script or a proxy that takes the path from there stays, too.
fn is_path_of_this_site(path: &str) -> bool {
    path.len() <= MAX_PATH
        && path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
        && !path.split(['?', '#']).next().unwrap_or_default().split('/').any(is_dots)
}

/// A segment that is taken out of a path, with the one before it or alone (URL Standard, "single-dot path segment").
fn is_dots(segment: &str) -> bool {
    matches!(&*segment.to_ascii_lowercase().replace("%2e", "."), "." | "..")
}

/// The slot for one more login: one of the free ones, by chance, so that logins that start at once seldom meet; else that
/// of the oldest.
fn free_slot(taken: [Option<SystemTime>; MAX_OPEN]) -> Option<usize> {
    let free: Vec<_> = (0..MAX_OPEN).filter(|slot| taken[*slot].is_none()).collect();
    if free.is_empty() {
        return (0..MAX_OPEN).min_by_key(|slot| taken[*slot]);
    }
    let mut random = [0; 4];
    rand::fill(&mut random).ok()?;
    free.get(u32::from_ne_bytes(random) as usize % free.len()).copied()
}

/// The longest path to return to, in bytes.
const MAX_PATH: usize = 512;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::prelude::*;
    use url::Url;

    use super::*;

    #[test]
    fn a_login_takes_a_free_slot_or_that_of_the_oldest() {
        let at = |second| Some(UNIX_EPOCH + Duration::from_secs(second));
        assert_eq!(free_slot([at(5), at(3), at(1), at(2), at(4)]), Some(2));
        assert_eq!(free_slot([at(5), at(3), None, at(2), at(4)]), Some(2));
        let by_chance: BTreeSet<_> =
            (0..300).map(|_| free_slot([None, at(1), None, None, at(2)]).unwrap()).collect();
        assert_eq!(by_chance, BTreeSet::from([0, 2, 3]));
    }

    #[test]
    fn only_paths_of_this_site_are_returned_to() {
        for good in [
            "/",
            "/inbox?page=2#top",
            "/a//b",
            "/%2F%2Fevil.example",
            "/@evil.example",
            "/...",
            "/.well-known/a..b/%2e%2e%2e/%252e",
            "/a?b=/../c",
            "/a#/../c",
        ] {
            assert!(is_path_of_this_site(good), "{good}");
        }
        let long = format!("/{}", "a".repeat(MAX_PATH));
        for bad in [
            "",
            "inbox",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "/a\\b",
            "https://evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/\n/evil.example",
            " /evil.example",
            "/a b",
            "/\u{0}",
            "/\u{7f}",
            "/ü",
            "/.",
            "/./",
            "/.//evil.example",
            "/..//evil.example",
            "/a/../b",
            "/a/..",
            "/a/..?b",
            "/a/..#b",
            "/%2e//evil.example",
            "/%2E%2e//evil.example",
            "/.%2E//evil.example",
            "/%2e.//evil.example",
            &long,
        ] {
            assert!(!is_path_of_this_site(bad), "{bad:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 4096, ..ProptestConfig::default() })]

        #[test]
        fn a_path_that_is_returned_to_is_the_same_for_a_browser(path in "/([./a?#]|\\\\|%2[eEfF]|\t){0,10}") {
            let url = Url::parse("https://site.example/login").unwrap().join(&path);
            let stays = url.is_ok_and(|url| {
                url.host_str() == Some("site.example") && url.path() == path.split(['?', '#']).next().unwrap()
            });
            prop_assert!(stays || !is_path_of_this_site(&path), "{}", path);
        }
    }
}
