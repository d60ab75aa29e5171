//! The extractor that starts a login.
use std::future::IntoFuture;
use std::pin::Pin;

use axum::extract::FromRequestParts;
use axum::response::Redirect;
use http::request::Parts;
use vouchsafe::Login;

use crate::rejection::LoginRejection;

/// A login that is about to start: the extractor for the handler that sends people to the provider. Await it to get the
/// redirect.
///
/// A login starts when a person opens the page. It does not start for a `HEAD` request, for a browser that looks ahead (a
/// prefetch), or for an image or a frame of another page, if the browser says so in `Sec-Fetch-Dest`. Such requests are
/// refused with [`LoginFault::NoVisit`](crate::LoginFault::NoVisit), and no cookie is set.
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
///     let login = login.return_to(wish.return_to.unwrap_or("/".into()));
///     login.customise(|login| login.scope("openid").scope("calendar")).await
/// }
/// ```
#[derive(Debug)]
#[must_use = "the login starts when it is awaited"]
pub struct StartLogin(pub(crate) vouchsafe_web::StartLogin);

impl StartLogin {
    /// Chooses the client by its name. Defaults to the one given to [`Logins::new`](crate::Logins::new).
    pub fn client(self, name: impl Into<String>) -> Self {
        Self(self.0.client(name))
    }

    /// Where to send the browser after the login: a path of this site, with a query if needed, without `.` and `..`.
    ///
    /// The path may come from a request: anything else, and a path that is too long, is refused with
    /// [`LoginFault::ReturnTo`](crate::LoginFault::ReturnTo) when the login starts.
    pub fn return_to(self, path: impl Into<String>) -> Self {
        Self(self.0.return_to(path))
    }

    /// Customises the request: scopes, prompt and so on.
    ///
    /// A response is accepted only at the redirect URI of its login. If a login asks for more than others do, such as
    /// [`acr_values`](Login::acr_values) for administrators, give it its own [`redirect_uri`](Login::redirect_uri): otherwise
    /// a login without these demands can be finished there. With several providers, name that redirect URI in
    /// [`Logins::redirect_uri`](crate::Logins::redirect_uri).
    pub fn customise(self, customise: impl FnOnce(Login<'_>) -> Login<'_> + Send + 'static) -> Self {
        Self(self.0.customise(customise))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for StartLogin {
    type Rejection = LoginRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, LoginRejection> {
        Ok(Self(vouchsafe_web::StartLogin::of(parts)?))
    }
}

impl IntoFuture for StartLogin {
    type Output = Result<Redirect, LoginRejection>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async { Ok(Redirect::to(&self.0.start().await?)) })
    }
}
