use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::time::SystemTime;

use axum::extract::FromRequestParts;
use axum::response::Redirect;
use http::request::Parts;
use vouchsafe::Login;

use crate::cookie::{Cookie, Family, Way};
use crate::logins::{Kept, Trip};
use crate::rejection::LoginRejection;

/// A login that is about to start: the extractor for the handler that sends people to the provider. Await it for the
/// redirect.
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

    /// Where to go afterwards: a path of this site, with a query if need be.
    ///
    /// Anything else is refused with [`LoginFault::ReturnTo`](crate::LoginFault::ReturnTo) when the login starts, so that
    /// it may come from a request.
    pub fn return_to(mut self, path: impl Into<String>) -> Self {
        self.return_to = Some(path.into());
        self
    }

    /// What else to ask the provider for.
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
        let family = Family::of(started.pending.redirect_uri());
        let others = cookies
            .into_iter()
            .filter(|cookie| family.has(&cookie.name))
            .map(|cookie| (trip.open(&cookie).map(|kept| kept.pending.started_at()), cookie.name));
        for name in too_many(others.collect()) {
            trip.remove(&name, Way::Query);
        }
        let way = Way::of(&started.url, started.pending.redirect_uri());
        let kept = Kept { client: name.to_owned(), return_to, pending: started.pending };
        family
            .new_name()
            .and_then(|cookie| trip.keep(cookie, &kept, way))
            .ok_or_else(LoginRejection::cookie_cannot_be_made)?;
        Ok(Redirect::to(&started.url))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for StartLogin {
    type Rejection = LoginRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, LoginRejection> {
        let trip = Trip::of(parts)?;
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
            self.start().await.map_err(|rejection| rejection.retry_at(&logins))
        })
    }
}

impl fmt::Debug for StartLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartLogin").field("client", &self.client).finish_non_exhaustive()
    }
}

/// Whether a browser that is sent there stays on this site, whatever it makes of slashes and white space.
fn is_path_of_this_site(path: &str) -> bool {
    path.len() <= MAX_PATH
        && path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
}

/// Which of these logins to give up for one more: what cannot be opened first, then the oldest.
fn too_many(mut logins: Vec<(Option<SystemTime>, String)>) -> impl Iterator<Item = String> {
    logins.sort();
    logins.into_iter().rev().skip(MAX_OPEN - 1).map(|(_, name)| name)
}

/// So many logins may be under way in one browser. With more cookies, servers refuse the request.
const MAX_OPEN: usize = 5;
/// The longest path to return to, in bytes.
const MAX_PATH: usize = 1024;

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn the_oldest_logins_are_given_up() {
        let at = |second| Some(UNIX_EPOCH + Duration::from_secs(second));
        let logins = [(at(5), "e"), (at(1), "a"), (None, "broken"), (at(3), "c"), (at(4), "d"), (at(2), "b")];
        let mut logins: Vec<_> = logins.map(|(at, name)| (at, name.to_owned())).into();
        assert_eq!(too_many(logins.clone()).collect::<Vec<_>>(), ["a", "broken"]);
        logins.truncate(4);
        assert_eq!(too_many(logins).count(), 0);
    }

    #[test]
    fn only_paths_of_this_site_are_returned_to() {
        for good in ["/", "/inbox?page=2#top", "/a//b", "/%2F%2Fevil.example", "/@evil.example"] {
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
            &long,
        ] {
            assert!(!is_path_of_this_site(bad), "{bad:?}");
        }
    }
}
